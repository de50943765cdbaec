/* Any text either is refused with a message or formats canonically. */
#include "tests/tsdb/query/prop_promql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    (void)prop_promql(data, len);
    return 0;
}
