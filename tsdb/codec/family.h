/* family.h - the bucket columns of one classic histogram, encoded together.
 *
 * Columns are the cumulative `le` buckets in ascending order of le, of the
 * same timestamps.  An observation raises every bucket from its own upwards,
 * so a bucket's growth less the growth of the bucket below is the number of
 * observations in between: small, and often 0.
 *
 *   +---------+---------+------------------------+---------------------------+
 *   | k       | n       | first[0], then         | rows 0 .. k-1, each       |
 *   | uvarint | uvarint | first[i] - first[i-1]  | ints(n - 1)               |
 *   |         |         | k svarints             |                           |
 *   +---------+---------+------------------------+---------------------------+
 *     row 0: bucket[0][t] - bucket[0][t-1]
 *     row i: the same of bucket[i] - bucket[i-1]
 *     arithmetic wraps modulo 2^64; see ints.h
 *
 * A column is read by adding up the rows to it, so column i costs i + 1 rows;
 * family_decode_all reads each row once.
 * Limits: k in 1..FAMILY_COLUMNS_MAX, n in 1..FAMILY_MAX; 132 KiB of stack.
 * Pure: no allocation besides the writer, no I/O, no globals.
 */
#ifndef TSDB_CODEC_FAMILY_H
#define TSDB_CODEC_FAMILY_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FAMILY_MAX = 8192, /* values in a column */
    FAMILY_COLUMNS_MAX = 256,
};

/* False, and nothing appended, when a value is not an integer of magnitude up
 * to 2^53 (-0 and NaN are none): the caller then encodes the columns singly. */
bool family_encode(const double *const *columns, uint32_t k, uint32_t n, struct writer *out);

/* The header alone. */
TSDB_NODISCARD enum tsdb_status family_shape(struct bytes in, uint32_t *k, uint32_t *n);

/* v has n places, n as family_shape answers.  TSDB_ECORRUPT also when n or
 * column does not fit the bytes.  Bytes behind the column's row are not looked
 * at, save that those of the last column must be the end. */
TSDB_NODISCARD enum tsdb_status family_decode_column(struct bytes in, uint32_t column, double *v,
                                                     uint32_t n);

/* All k columns of n values; decodes the whole of `in`. */
TSDB_NODISCARD enum tsdb_status family_decode_all(struct bytes in, double *const *columns,
                                                  uint32_t k, uint32_t n);

#endif
