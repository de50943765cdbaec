#include "tests/tsdb/codec/prop_histograms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The first byte chooses: one value, or a chunk. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena arena;
    arena_init(&arena, PROP_ARENA_BYTES, NULL);
    if (len > 0 && data[0] & 1)
        prop_histogram(data + 1, len - 1, &arena);
    else if (len > 0)
        prop_histograms(data + 1, len - 1, &arena);
    arena_release(&arena);
    return 0;
}
