#include "tests/tsdb/store/prop_label_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    (void)prop_label_index(data, len);
    return 0;
}
