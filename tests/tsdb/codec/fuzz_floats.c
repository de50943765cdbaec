#include "tests/tsdb/codec/prop_floats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The first byte chooses: bytes of a column, or values of one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static double v[PROP_FLOATS_MAX];
    if (len == 0)
        return 0;
    if (data[0] & 1) {
        prop_floats(data + 1, len - 1);
        return 0;
    }
    size_t n = (len - 1) / sizeof v[0];
    n = n > PROP_FLOATS_MAX ? PROP_FLOATS_MAX : n;
    memcpy(v, data + 1, n * sizeof v[0]);
    prop_floats_values(v, (uint32_t)n);
    return 0;
}
