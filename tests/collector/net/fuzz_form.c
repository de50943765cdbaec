/* Bytes as a form, and each value as whatever the API takes: nothing crashes, and
 * what decodes stays inside its bounds. */
#include "collector/net/form.h"
#include "collector/api/param.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena arena;
    struct form form;
    struct tsdb_error err;
    struct tsdb_text in = {(const char *)data, len}, name;
    arena_init(&arena, 4 << 20, NULL);
    if (form_parse(&arena, in, in, &form, &err) == TSDB_OK) {
        ASSERT(form.count <= FORM_PAIRS_MAX);
        for (size_t i = 0; i < form.count; i++) {
            struct tsdb_text value = form.pairs[i].value;
            int64_t ns;
            uint64_t limit;
            ASSERT(value.len <= len);
            (void)!param_time(value, &ns, &err);
            (void)!param_duration(value, &ns, &err);
            (void)!param_limit(value, &limit, &err);
            if (param_label_name(&arena, value, &name) == TSDB_OK)
                ASSERT(utf8_check(name.at, name.len));
        }
    }
    arena_release(&arena);
    return 0;
}
