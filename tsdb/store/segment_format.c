#include "tsdb/store/segment_format.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/crc32c.h"
#include "tsdb/base/hash.h"

#include <string.h>

static const uint8_t MAGIC[8] = "ANDONSEG";
static const uint8_t END_MAGIC[8] = "ANDONEND";

static void put_le32(uint8_t *at, uint32_t v)
{
    memcpy(at, &v, sizeof v);
}

static void put_le64(uint8_t *at, uint64_t v)
{
    memcpy(at, &v, sizeof v);
}

void segment_header_encode(uint8_t out[SEGMENT_HEADER_BYTES])
{
    memset(out, 0, SEGMENT_HEADER_BYTES);
    memcpy(out, MAGIC, sizeof MAGIC);
    put_le32(out + 8, SEGMENT_VERSION);
    put_le32(out + 12, SEGMENT_VERSION);
    put_le32(out + 60, crc32c(0, out, 60));
}

enum tsdb_status segment_header_decode(struct bytes in)
{
    ASSERT(in.len == SEGMENT_HEADER_BYTES);
    struct reader r = reader_over(in);
    struct bytes magic = reader_take(&r, sizeof MAGIC);
    (void)reader_le32(&r); /* the version that wrote it: of interest to people */
    uint32_t reader_min = reader_le32(&r);
    uint64_t features = reader_le64(&r);
    (void)reader_take(&r, 36);
    uint32_t crc = reader_le32(&r);
    ASSERT(reader_done(&r));
    if (memcmp(magic.at, MAGIC, sizeof MAGIC) != 0 || crc != crc32c(0, in.at, 60))
        return TSDB_ECORRUPT;
    return reader_min > SEGMENT_VERSION || features != 0 ? TSDB_EINVAL : TSDB_OK;
}

void segment_trailer_encode(const struct segment_trailer *t, uint8_t out[SEGMENT_TRAILER_BYTES])
{
    memset(out, 0, SEGMENT_TRAILER_BYTES);
    memcpy(out, END_MAGIC, sizeof END_MAGIC);
    put_le64(out + 8, t->footer_off);
    put_le64(out + 16, t->footer_len);
    put_le64(out + 24, t->bytes);
    put_le64(out + 32, t->content.lo);
    put_le64(out + 40, t->content.hi);
    put_le32(out + 48, t->section_count);
    put_le32(out + 52, t->footer_crc);
    put_le32(out + 60, crc32c(0, out, 60));
}

enum tsdb_status segment_trailer_decode(struct bytes in, struct segment_trailer *out)
{
    ASSERT(in.len == SEGMENT_TRAILER_BYTES);
    struct reader r = reader_over(in);
    struct bytes magic = reader_take(&r, sizeof END_MAGIC);
    struct segment_trailer t = {.footer_off = reader_le64(&r)};
    t.footer_len = reader_le64(&r);
    t.bytes = reader_le64(&r);
    t.content.lo = reader_le64(&r);
    t.content.hi = reader_le64(&r);
    t.section_count = reader_le32(&r);
    t.footer_crc = reader_le32(&r);
    (void)reader_le32(&r);
    uint32_t crc = reader_le32(&r);
    ASSERT(reader_done(&r));
    if (memcmp(magic.at, END_MAGIC, sizeof END_MAGIC) != 0 || crc != crc32c(0, in.at, 60) ||
        t.section_count > SEGMENT_SECTIONS_MAX)
        return TSDB_ECORRUPT;
    *out = t;
    return TSDB_OK;
}

struct tsdb_hash segment_content_fold(struct tsdb_hash content, const void *at, size_t len)
{
    return hash_combine(content, hash128(0, at, len));
}
