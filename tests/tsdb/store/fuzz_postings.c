#include "tests/tsdb/store/prop_postings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    (void)prop_postings(data, len);
    return 0;
}
