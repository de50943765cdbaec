/* Any text either is refused with a message or formats canonically. */
#include "tests/tsdb/logql/prop_logql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    (void)prop_logql(data, len);
    return 0;
}
