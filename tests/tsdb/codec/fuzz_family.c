#include "tests/tsdb/codec/prop_family.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    prop_family(data, len);
    return 0;
}
