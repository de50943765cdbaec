/* floats.h - a column of float64 samples, bit for bit.
 *
 * NaN payloads, the stale marker, -0, infinities and subnormals survive.  The
 * caller knows n; it is not stored.  n = 0 is no bytes at all.
 *
 *   +------+----------+---------+------------+-------+---------+------------+
 *   | form | exponent | gcd     | patches    | first | delta   | steps      |
 *   | u8   | i8       | uvarint | see below  |svarint| svarint | ints       |
 *   |      | DECIMAL  | form&32 | form&64    |       | order 2 |            |
 *   +------+----------+---------+------------+-------+---------+------------+
 *     form & 7: kind
 *       0 CONST    all bits equal; one number follows (number.h), nothing else
 *       1 DECIMAL  value = m / 10^exponent for exponent 0..14,
 *                          m * 10^-exponent for exponent -22..-1
 *       2 IMAGE    m is the bit pattern, negative ones with the other 63 bits
 *                  flipped: an int64 in the order of the values
 *       3 ROTATED  m is the bit pattern rotated left by one: the sign is bit 0
 *     form >> 3 & 3: order; with x[i] = (m[i] - m[0]) / gcd
 *       0  steps are x[1..n)             n - 1 of them
 *       1  x[i] - x[i - 1]               n - 1 of them
 *       2  differences of those          n - 2 of them, the first difference
 *                                        is `delta`
 *     gcd >= 2, divides every m[i] - m[0]; 1 when absent
 *     patches (DECIMAL only): uvarint count, then per patch
 *       uvarint (places since the one before) << 1 | same, and le64 bits
 *       unless `same` (the bits of the patch before).
 *       There m repeats its neighbour.
 *     arithmetic wraps modulo 2^64
 *
 * DECIMAL is accepted only where (double)m / 10^e gives back the very bits,
 * which is what makes integers of nearly everything people measure; counters
 * then cost their steps.  Full-precision columns take IMAGE or ROTATED, where
 * float32 values show as a gcd of 2^29.  The cheapest order wins, by exact
 * cost.
 *
 * Limit: FLOATS_MAX values; the encoder uses 160 KiB of stack, the decoder 64.
 * Pure: no allocation besides the writer, no I/O, no globals.
 */
#ifndef TSDB_CODEC_FLOATS_H
#define TSDB_CODEC_FLOATS_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

#include <stdint.h>

enum {
    FLOATS_MAX = 8192,         /* values in one column */
    FLOATS_EXPONENT_MIN = -22, /* 10^22 is the last power exact in a double */
    FLOATS_EXPONENT_MAX = 14,
};

/* What a window that covers a whole column needs to know of it.  A function of
 * the values alone.  NaN covers the stale marker. */
struct floats_summary {
    uint32_t count;     /* values, NaN included */
    uint32_t nan_count; /* of them NaN */
    uint32_t resets;    /* decreases between neighbours, NaN skipped */
    double min, max;    /* of what is not NaN; both NaN when there is none */
    double sum;         /* of what is not NaN, Neumaier-compensated, in order;
                         * of equal values the product */
    double first, last; /* bit for bit, NaN included */
    double reset_sum;   /* sum of the values before each decrease */
};

/* n at most FLOATS_MAX; summary may be NULL. */
void floats_encode(const double *v, uint32_t n, struct writer *out, struct floats_summary *summary);

/* Decodes the whole of `in`, a column of n values.  On TSDB_ECORRUPT the
 * contents of v[] are unspecified. */
TSDB_NODISCARD enum tsdb_status floats_decode(struct bytes in, double *v, uint32_t n);

/* The column as integers: v[i] / 10^exponent10 (v[i] * 10^-exponent10 when it
 * is negative) is the sample exactly.  TSDB_ENOTFOUND when the column is not of
 * that kind: full precision, NaN, any patch.  Then v[] is unspecified and
 * *exponent10 untouched. */
TSDB_NODISCARD enum tsdb_status floats_decode_scaled(struct bytes in, int64_t *v, uint32_t n,
                                                     int *exponent10);

/* The samples of scaled integers, as floats_decode would give them. */
void floats_unscale(const int64_t *scaled, uint32_t n, int exponent10, double *v);

/* ---- summary -----------------------------------------------------------------
 *
 *   u8 flags, uvarint count, [uvarint nan_count], number first, [number last],
 *   [number min], [number max], [number sum], [uvarint resets, number reset_sum]
 *     flags & 1: nan_count > 0      flags & 2: last has the bits of first
 *     flags >> 2 & 3: min is  0 given, 1 first, 2 last
 *     flags >> 4 & 3: max is  0 given, 1 first, 2 last
 *     flags & 64: resets > 0        flags & 128: sum is first * count
 * 4 bytes for a constant small integer, 16 to 30 for a counter. */

void floats_summarize(const double *v, uint32_t n, struct floats_summary *summary);
void floats_summary_encode(const struct floats_summary *summary, struct writer *out);
TSDB_NODISCARD enum tsdb_status floats_summary_decode(struct reader *r,
                                                      struct floats_summary *summary);

#endif
