/* column_ints.h - a part of integers: as they are, as steps, or divided.
 *
 *   u8 form
 *     0 PLAIN   ints of all values
 *     1 STEPS   svarint first, ints of v[i] - v[i - 1]
 *     2 SHARES  svarint first, uv gcd, ints of (v[i] - first) / gcd
 *     3 STEPS of SHARES: svarint first, uv gcd, ints of (v[i] - v[i - 1]) / gcd
 *
 * gcd >= 2 divides every difference; differences wrap modulo 2^64.  Steps suit the times
 * of rows in order, shares suit milliseconds in nanoseconds; the cheapest by exact cost.
 * A column of texts that are decimal integers, printed as printf does, is kept so too.
 * Limit: COLUMN_PART_ROWS values; the encoder uses 130 KiB of stack.
 * Pure: no allocation besides the writer.
 */
#ifndef TSDB_COLUMNS_COLUMN_INTS_H
#define TSDB_COLUMNS_COLUMN_INTS_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum { INT_TEXT_MAX = 20 }; /* digits and sign of an int64 */

/* Appends the part; 1 <= n <= COLUMN_PART_ROWS. */
void column_ints_encode(const int64_t *v, uint32_t n, struct writer *out);
/* The whole of `in`.  TSDB_ECORRUPT: v is unspecified. */
TSDB_NODISCARD enum tsdb_status column_ints_decode(struct bytes in, int64_t *v, uint32_t n);

/* Whether the text is what i64_format writes of a number, which goes to *out. */
bool int_text_parse(struct tsdb_text text, int64_t *out);

#endif
