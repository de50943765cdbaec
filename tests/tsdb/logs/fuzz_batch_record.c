#include "tests/tsdb/logs/prop_batch_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The offset of the tables stands at the end: an input may leave it to us. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint64_t sum;
    (void)prop_batch_record((struct bytes){data, len}, &sum);
    if (len < 3)
        return 0;
    uint8_t *copy = mem_alloc(len + 5);
    uint32_t off = 3 + data[0];
    memcpy(copy, data, len);
    copy[0] = BATCH_RECORD_VERSION;
    copy[2] = 0;
    memcpy(copy + len, &off, sizeof off);
    (void)prop_batch_record((struct bytes){copy, len + sizeof off}, &sum);
    mem_free(copy);
    return 0;
}
