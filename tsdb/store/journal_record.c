#include "tsdb/store/journal_record.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/crc32c.h"
#include "tsdb/base/mem.h"
#include "tsdb/store/journal.h"

#include <assert.h>
#include <string.h>

enum { WINDOW_BYTES = 1024 * 1024 };

static const uint8_t MAGIC[8] = "ANDONJNL";

static_assert(JOURNAL_HEADER_COPY_OFF + JOURNAL_HEADER_BYTES <= JOURNAL_DATA_OFF,
              "both headers lie in the first page");
static_assert(JOURNAL_DATA_OFF % 8 == 0, "records are aligned in the file as in the log");

static void put_le32(uint8_t *at, uint32_t v)
{
    memcpy(at, &v, sizeof v);
}

static void put_le64(uint8_t *at, uint64_t v)
{
    memcpy(at, &v, sizeof v);
}

void journal_header_encode(const struct journal_header *h, uint8_t out[JOURNAL_DATA_OFF])
{
    memset(out, 0, JOURNAL_DATA_OFF);
    memcpy(out, MAGIC, sizeof MAGIC);
    put_le32(out + 8, JOURNAL_VERSION);
    put_le32(out + 12, JOURNAL_VERSION);
    put_le64(out + 24, h->sequence);
    put_le64(out + 32, h->base);
    put_le64(out + 40, h->salt);
    put_le32(out + 60, crc32c(0, out, 60));
    memcpy(out + JOURNAL_HEADER_COPY_OFF, out, JOURNAL_HEADER_BYTES);
}

static enum tsdb_status copy_decode(struct bytes page, size_t off, struct journal_header *out)
{
    if (page.len < off + JOURNAL_HEADER_BYTES)
        return TSDB_ECORRUPT;
    struct reader r = reader_over((struct bytes){page.at + off, JOURNAL_HEADER_BYTES});
    struct bytes magic = reader_take(&r, sizeof MAGIC);
    (void)reader_le32(&r); /* the version that wrote it: of interest to people */
    uint32_t reader_min = reader_le32(&r);
    uint64_t features = reader_le64(&r);
    struct journal_header h = {.sequence = reader_le64(&r)};
    h.base = reader_le64(&r);
    h.salt = reader_le64(&r);
    (void)reader_take(&r, 12);
    uint32_t crc = reader_le32(&r);
    ASSERT(reader_done(&r));
    if (memcmp(magic.at, MAGIC, sizeof MAGIC) != 0 || crc != crc32c(0, page.at + off, 60))
        return TSDB_ECORRUPT;
    if (reader_min > JOURNAL_VERSION || features != 0)
        return TSDB_EINVAL;
    if (h.base > JOURNAL_BASE_MAX || h.base % 8 != 0)
        return TSDB_ECORRUPT;
    *out = h;
    return TSDB_OK;
}

enum tsdb_status journal_header_decode(struct bytes page, struct journal_header *out)
{
    struct journal_header a = {0}, b = {0};
    enum tsdb_status first = copy_decode(page, 0, &a);
    enum tsdb_status second = copy_decode(page, JOURNAL_HEADER_COPY_OFF, &b);
    if (first == TSDB_EINVAL || second == TSDB_EINVAL)
        return TSDB_EINVAL;
    if (first != TSDB_OK && second != TSDB_OK)
        return TSDB_ECORRUPT;
    bool is_first = second != TSDB_OK || (first == TSDB_OK && a.sequence >= b.sequence);
    *out = is_first ? a : b;
    return TSDB_OK;
}

void journal_record_header_encode(uint32_t payload_crc, uint8_t type, uint32_t len,
                                  uint64_t position, uint8_t out[JOURNAL_RECORD_HEADER_BYTES])
{
    ASSERT(type > 0);
    ASSERT(position <= JOURNAL_POSITION_MASK);
    put_le32(out + 4, len);
    put_le64(out + 8, position | (uint64_t)type << 56);
    put_le32(out, crc32c(payload_crc, out + 4, 12));
}

size_t journal_record_size(const uint8_t *at)
{
    struct reader r = reader_over((struct bytes){at + 4, 4});
    uint32_t len = reader_le32(&r);
    ASSERT(len <= JOURNAL_RECORD_MAX);
    return journal_record_bytes(len);
}

/* ---- scanning ------------------------------------------------------------------- */

void journal_scan_init(struct journal_scan *s, struct fs_file *file, uint64_t size,
                       const struct journal_header *header)
{
    *s = (struct journal_scan){
        .file = file, .size = size, .header = *header, .off = JOURNAL_DATA_OFF};
}

void journal_scan_release(struct journal_scan *s)
{
    mem_free(s->window);
    s->window = NULL;
}

/* Brings [off, off + len) of the file into the window; it lies inside the file. */
static enum tsdb_status window_fill(struct journal_scan *s, uint64_t off, size_t len,
                                    struct tsdb_error *err)
{
    ASSERT(off <= s->size && len <= s->size - off);
    if (off >= s->window_off && off - s->window_off <= s->window_len &&
        len <= s->window_len - (size_t)(off - s->window_off))
        return TSDB_OK;
    size_t want = len > WINDOW_BYTES ? len : WINDOW_BYTES;
    if (want > s->size - off)
        want = (size_t)(s->size - off);
    if (want > s->window_cap) {
        s->window = mem_grow(s->window, want, 1);
        s->window_cap = want;
    }
    s->window_len = 0; /* until it has been read */
    enum tsdb_status st = fs_pread(s->file, s->window, want, off, err);
    if (st != TSDB_OK)
        return st;
    s->window_off = off;
    s->window_len = want;
    return TSDB_OK;
}

/* Steps to the next offset whose position field is the one that belongs there. */
static enum tsdb_status seek_plausible(struct journal_scan *s, struct tsdb_error *err)
{
    while (s->size - s->off >= JOURNAL_RECORD_HEADER_BYTES) {
        enum tsdb_status st = window_fill(s, s->off, JOURNAL_RECORD_HEADER_BYTES, err);
        if (st != TSDB_OK)
            return st;
        uint64_t end = s->window_off + s->window_len - JOURNAL_RECORD_HEADER_BYTES;
        uint64_t position = s->header.base + (s->off - JOURNAL_DATA_OFF);
        const uint8_t *at = s->window + (s->off - s->window_off) + 8;
        for (; s->off <= end; s->off += 8, position += 8, at += 8) {
            uint64_t word;
            memcpy(&word, at, sizeof word);
            if ((word & JOURNAL_POSITION_MASK) == position && word >> 56 != 0)
                return TSDB_OK;
        }
    }
    return TSDB_END;
}

/* TSDB_OK: a record.  TSDB_ECORRUPT: none here, step on. */
static enum tsdb_status record_at(struct journal_scan *s, struct journal_record *out,
                                  struct tsdb_error *err)
{
    struct reader r = reader_over(
        (struct bytes){s->window + (s->off - s->window_off), JOURNAL_RECORD_HEADER_BYTES});
    uint32_t crc = reader_le32(&r);
    uint32_t len = reader_le32(&r);
    uint64_t word = reader_le64(&r);
    if (len > JOURNAL_RECORD_MAX || len > s->size - s->off - JOURNAL_RECORD_HEADER_BYTES)
        return TSDB_ECORRUPT;
    enum tsdb_status st = window_fill(s, s->off, JOURNAL_RECORD_HEADER_BYTES + len, err);
    if (st != TSDB_OK)
        return st;
    const uint8_t *at = s->window + (s->off - s->window_off);
    uint32_t found = crc32c((uint32_t)s->header.salt, at + JOURNAL_RECORD_HEADER_BYTES, len);
    if (crc32c(found, at + 4, 12) != crc)
        return TSDB_ECORRUPT;
    out->start = word & JOURNAL_POSITION_MASK;
    out->end = out->start + journal_record_bytes(len);
    out->type = (uint8_t)(word >> 56);
    out->payload = (struct bytes){at + JOURNAL_RECORD_HEADER_BYTES, len};
    return TSDB_OK;
}

enum tsdb_status journal_scan_next(struct journal_scan *s, struct journal_record *out,
                                   struct tsdb_error *err)
{
    if (s->size < s->off)
        return TSDB_END;
    for (;;) {
        enum tsdb_status st = seek_plausible(s, err);
        if (st != TSDB_OK)
            return st;
        st = record_at(s, out, err);
        if (st == TSDB_OK) {
            uint64_t next = JOURNAL_DATA_OFF + (out->end - s->header.base);
            s->off = next < s->size ? next : s->size;
            return TSDB_OK;
        }
        if (st != TSDB_ECORRUPT)
            return st;
        s->off += 8;
    }
}
