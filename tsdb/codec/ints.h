/* ints.h - columns of int64 as blocks of patched frames of reference.
 *
 * The caller knows n; it is not stored.  Blocks cover 128 values (the last one
 * fewer), each by itself:
 *
 *   +-----+--------+---------------------+-----------------------------------+
 *   | tag | base   | packed              | patches                           |
 *   | u8  | svarint| ceil(count * w / 8) | u8 count, then per patch u8 place |
 *   |     | tag&64 |                     | [svarint high]     only if tag&128|
 *   +-----+--------+---------------------+-----------------------------------+
 *     tag & 63: width w in bits, 0..62 as it is, 63 stands for 64
 *     value = base + (packed w bits) + (high << w), modulo 2^64
 *     place & 127: index in the block, ascending
 *     place & 128: high follows (neither 0 nor 1); without it high is 1
 *     packed, w <= 56: value i in bits [i*w, i*w + w), least significant first
 *     packed, w >  56: the low 32 bits of each value as le32, then the rest as
 *     a packing of w - 32 bits
 *     tag 255, then svarint base: every value from here to the end equals base
 *
 * So a block of zeros is the byte 0, a block of equal values a tag and a base,
 * and a block with few non-zeros (w = 0) one byte per step of one and a few
 * bytes per other value.  The width is the one of least bytes, from a histogram
 * of bit lengths, with each base worth trying: 0 or the minimum; where some are
 * negative also the minimum without them (a counter's reset), or minus a power
 * of two when there are many (values around 0).
 *
 * Canonical in form: the base is not 0 when flagged, unused bits are 0, patches
 * ascend and change something; anything else is refused.
 * Pure: no allocation besides the writer, no I/O, no globals.
 */
#ifndef TSDB_CODEC_INTS_H
#define TSDB_CODEC_INTS_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

#include <stdint.h>

enum {
    INTS_BLOCK = 128,     /* values in a block */
    INTS_PLAN_MAX = 8192, /* values in a planned column */
};

/* Worst-case bytes for n values: 64 bits each, a tag and a base a block. */
#define INTS_BOUND(n) ((size_t)(n)*8 + ((size_t)(n) / INTS_BLOCK + 1) * 11)

/* Appends the column; n may be 0, which appends nothing. */
void ints_encode(const int64_t *v, uint32_t n, struct writer *out);

/* The bytes that ints_encode would append, without writing them. */
size_t ints_cost(const int64_t *v, uint32_t n);

/* How a block is written. */
struct ints_frame {
    uint64_t base;
    uint8_t width, patches;
    uint16_t bytes;
};

/* How a column is written: frames of the blocks before the equal rest. */
struct ints_plan {
    size_t bytes;
    uint32_t n, frame_count;
    struct ints_frame frames[INTS_PLAN_MAX / INTS_BLOCK];
};

/* For one that compares columns: the cost first, then the bytes without working
 * them out again.  n at most INTS_PLAN_MAX. */
void ints_plan(const int64_t *v, uint32_t n, struct ints_plan *out);
/* The values that were planned. */
void ints_encode_planned(const int64_t *v, const struct ints_plan *plan, struct writer *out);

/* Reads exactly the bytes of n values.  TSDB_ECORRUPT: the reader is faulty and
 * the contents of v[] are unspecified. */
TSDB_NODISCARD enum tsdb_status ints_decode(struct reader *r, int64_t *v, uint32_t n);

#endif
