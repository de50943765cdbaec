/* Bytes as a form: nothing crashes, and what decodes stays inside its bounds. */
#include "collector/net/form.h"
#include "tsdb/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena arena;
    struct form form;
    struct tsdb_error err;
    struct tsdb_text in = {(const char *)data, len};
    arena_init(&arena, 4 << 20, NULL);
    if (form_parse(&arena, in, in, &form, &err) == TSDB_OK) {
        ASSERT(form.count <= FORM_PAIRS_MAX);
        for (size_t i = 0; i < form.count; i++) {
            ASSERT(form.pairs[i].name.len <= len);
            ASSERT(form.pairs[i].value.len <= len);
        }
    }
    arena_release(&arena);
    return 0;
}
