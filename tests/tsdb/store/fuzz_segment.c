/* Arbitrary bytes as a segment file: as they are, and with the three checksums
 * that would stop them put right. */
#include "tests/tsdb/store/prop_segment.h"
#include "tsdb/base/crc32c.h"
#include "tsdb/base/mem.h"
#include "tsdb/store/segment_format.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void put_crc(uint8_t *at, uint32_t crc)
{
    memcpy(at, &crc, sizeof crc);
}

static void fuzz_resealed(const uint8_t *data, size_t len)
{
    uint8_t *file = mem_alloc(len);
    uint8_t *tail = file + len - SEGMENT_TRAILER_BYTES;
    uint64_t footer_off, footer_len, size = len;
    memcpy(file, data, len);
    segment_header_encode(file);
    memcpy(tail, "ANDONEND", 8);
    memcpy(&footer_off, tail + 8, 8);
    footer_off = 64 + footer_off % (len - 127);
    footer_len = len - 64 - footer_off;
    memcpy(tail + 8, &footer_off, 8);
    memcpy(tail + 16, &footer_len, 8);
    memcpy(tail + 24, &size, 8);
    tail[48] &= 7;
    memset(tail + 49, 0, 3);
    put_crc(tail + 52, crc32c(0, file + footer_off, footer_len));
    put_crc(tail + 60, crc32c(0, tail, 60));
    (void)prop_segment(file, len);
    mem_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    (void)prop_segment(data, len);
    if (len >= 128)
        fuzz_resealed(data, len);
    return 0;
}
