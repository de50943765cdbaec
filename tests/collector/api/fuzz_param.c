/* Bytes as each value that the API takes: nothing crashes, and a name is a name. */
#include "collector/api/param.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena arena;
    struct tsdb_error err;
    struct tsdb_text in = {(const char *)data, len}, name;
    int64_t ns;
    uint64_t limit;
    arena_init(&arena, 4 << 20, NULL);
    (void)!param_time(in, &ns, &err);
    (void)!param_duration(in, &ns, &err);
    (void)!param_go_duration(in, &ns, &err);
    (void)!param_limit(in, &limit, &err);
    if (param_label_name(&arena, in, &name) == TSDB_OK)
        ASSERT(utf8_check(name.at, name.len));
    arena_release(&arena);
    return 0;
}
