/* Arbitrary bytes in the files of a journal.  The salt makes records that a
 * mutation invents not check, so a header is put in front now and then. */
#include "tests/tsdb/store/prop_journal.h"
#include "tsdb/base/crc32c.h"
#include "tsdb/base/mem.h"
#include "tsdb/store/journal_record.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A journal with checksums that hold, out of (type, length, bytes) in the input. */
static void fuzz_shaped(const uint8_t *data, size_t len)
{
    uint8_t *file = mem_array(JOURNAL_DATA_OFF + 17 * (len + 1), 1);
    struct journal_header header = {.sequence = data[0], .base = (uint64_t)data[1] * 8, .salt = 5};
    journal_header_encode(&header, file);
    size_t at = JOURNAL_DATA_OFF, off = 3;
    while (off + 2 < len) {
        size_t n = data[off + 1] < len - off - 2 ? data[off + 1] : len - off - 2;
        const uint8_t *payload = data + off + 2;
        uint64_t position = header.base + (at - JOURNAL_DATA_OFF);
        journal_record_header_encode(crc32c(5, payload, n), data[off] | 1, (uint32_t)n, position,
                                     file + at);
        memcpy(file + at + JOURNAL_RECORD_HEADER_BYTES, payload, n);
        at += journal_record_bytes(n);
        off += 2 + n;
    }
    file[data[2] * 37u % at] ^= data[0];
    (void)prop_journal(file, at);
    mem_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    (void)prop_journal(data, len);
    if (len >= 3 && len < 4096)
        fuzz_shaped(data, len);
    return 0;
}
