#include "tests/tsdb/codec/prop_timestamps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    prop_timestamps(data, len);
    return 0;
}
