/* Any text either is refused with a message or keeps the laws of trees and formatting. */
#include "tests/tsdb/traceql/prop_traceql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    (void)prop_traceql(data, len);
    return 0;
}
