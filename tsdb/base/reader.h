/* reader.h - the one way to touch bytes from outside.
 *
 * A cursor over borrowed bytes with a sticky fault: read in a straight line,
 * check reader_done() or `fault` once.  After a fault every read answers 0 or
 * an empty view.  Integers are little-endian, fixed by the format.
 */
#ifndef TSDB_BASE_READER_H
#define TSDB_BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *at;
    size_t len;
};

struct reader {
    struct bytes rest;
    bool fault;
};

static inline struct reader reader_over(struct bytes in)
{
    return (struct reader){.rest = in};
}

static inline void reader_fail(struct reader *r)
{
    r->fault = true;
    r->rest.len = 0;
}

/* True when everything was read and nothing was wrong. */
static inline bool reader_done(const struct reader *r)
{
    return !r->fault && r->rest.len == 0;
}

/* The next n bytes as a borrowed view; the one place that moves the cursor. */
static inline struct bytes reader_take(struct reader *r, size_t n)
{
    if (n > r->rest.len)
        reader_fail(r);
    if (r->fault)
        return (struct bytes){0};
    struct bytes view = {.at = r->rest.at, .len = n};
    r->rest.at += n;
    r->rest.len -= n;
    return view;
}

static inline uint8_t reader_u8(struct reader *r)
{
    struct bytes b = reader_take(r, 1);
    return b.len ? b.at[0] : 0;
}

static inline uint16_t reader_le16(struct reader *r)
{
    struct bytes b = reader_take(r, 2);
    uint16_t v = 0;
    if (b.len)
        memcpy(&v, b.at, sizeof v);
    return v;
}

static inline uint32_t reader_le32(struct reader *r)
{
    struct bytes b = reader_take(r, 4);
    uint32_t v = 0;
    if (b.len)
        memcpy(&v, b.at, sizeof v);
    return v;
}

static inline uint64_t reader_le64(struct reader *r)
{
    struct bytes b = reader_take(r, 8);
    uint64_t v = 0;
    if (b.len)
        memcpy(&v, b.at, sizeof v);
    return v;
}

static inline double reader_f64(struct reader *r)
{
    uint64_t bits = reader_le64(r);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* LEB128, shortest form only: one value, one encoding, at most 10 bytes. */
static inline uint64_t reader_uvarint(struct reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = reader_u8(r);
        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    reader_fail(r);
    return 0;
}

static inline int64_t unzigzag(uint64_t v)
{
    return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

static inline uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t reader_svarint(struct reader *r)
{
    return unzigzag(reader_uvarint(r));
}

/* Bytes preceded by their length. */
static inline struct bytes reader_sized(struct reader *r)
{
    uint64_t n = reader_uvarint(r);
    if (n > r->rest.len) {
        reader_fail(r);
        return (struct bytes){0};
    }
    return reader_take(r, (size_t)n);
}

/* A count of items that each occupy at least `item_min` of what is left. */
static inline uint32_t reader_count(struct reader *r, size_t item_min)
{
    uint64_t n = reader_uvarint(r);
    if (n > UINT32_MAX || n > r->rest.len / item_min) {
        reader_fail(r);
        return 0;
    }
    return (uint32_t)n;
}

#endif
