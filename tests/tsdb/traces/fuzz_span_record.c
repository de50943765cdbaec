#include "tests/tsdb/traces/prop_span_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    (void)prop_span_record((struct bytes){data, len});
    return 0;
}
