#include "tests/tsdb/columns/prop_group.h"

/* Input: le16 bytes of the head, le16 bytes of the filter, then head, filter and data. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct reader r = reader_over((struct bytes){data, len});
    uint16_t head = reader_le16(&r), filter = reader_le16(&r);
    struct group_bytes in = {.head = reader_take(&r, head), .filter = reader_take(&r, filter)};
    if (r.fault)
        return 0;
    in.data = r.rest;
    prop_group(in);
    return 0;
}
