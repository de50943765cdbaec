#include "tests/tsdb/codec/prop_ints.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    prop_ints(data, len);
    return 0;
}
