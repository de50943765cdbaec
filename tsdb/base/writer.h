/* writer.h - a growing byte buffer; the twin of reader.h.
 *
 * Owned by whoever declared it; writer_release frees.  writer_reset keeps the
 * capacity.  Little-endian.  `at` moves when it grows.
 */
#ifndef TSDB_BASE_WRITER_H
#define TSDB_BASE_WRITER_H

#include "tsdb/base/reader.h"

#include <assert.h>

struct writer {
    uint8_t *at; /* owned */
    size_t len, cap;
};

static_assert(sizeof(double) == 8, "doubles are IEEE 754 binary64");

/* Room for n more bytes after len; returns where they go. */
uint8_t *writer_reserve(struct writer *w, size_t n);
void writer_release(struct writer *w);
void writer_text(struct writer *w, const char *text);
void writer_format(struct writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void writer_reset(struct writer *w)
{
    w->len = 0;
}

static inline struct bytes writer_bytes(const struct writer *w)
{
    return (struct bytes){w->at, w->len};
}

static inline void writer_put(struct writer *w, const void *at, size_t n)
{
    if (n == 0)
        return;
    memcpy(writer_reserve(w, n), at, n);
    w->len += n;
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
    *writer_reserve(w, 1) = v;
    w->len++;
}

static inline void writer_le16(struct writer *w, uint16_t v)
{
    writer_put(w, &v, sizeof v);
}

static inline void writer_le32(struct writer *w, uint32_t v)
{
    writer_put(w, &v, sizeof v);
}

static inline void writer_le64(struct writer *w, uint64_t v)
{
    writer_put(w, &v, sizeof v);
}

static inline void writer_f64(struct writer *w, double v)
{
    writer_put(w, &v, sizeof v);
}

/* Encodes at most 10 bytes to out; returns how many. */
static inline size_t uvarint_encode(uint64_t v, uint8_t *out)
{
    size_t n = 0;
    while (v >= 0x80) {
        out[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    out[n++] = (uint8_t)v;
    return n;
}

/* How many bytes uvarint_encode writes. */
static inline size_t uvarint_size(uint64_t v)
{
    return (size_t)(70 - __builtin_clzll(v | 1)) / 7;
}

static inline void writer_uvarint(struct writer *w, uint64_t v)
{
    w->len += uvarint_encode(v, writer_reserve(w, 10));
}

static inline void writer_svarint(struct writer *w, int64_t v)
{
    writer_uvarint(w, zigzag(v));
}

static inline void writer_sized(struct writer *w, const void *at, size_t n)
{
    writer_uvarint(w, n);
    writer_put(w, at, n);
}

#endif
