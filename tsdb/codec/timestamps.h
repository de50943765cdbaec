/* timestamps.h - a column of timestamps, int64 nanoseconds since the epoch.
 *
 *   +---------+--------+---------+----------------------------------------+
 *   | n       | form   | first   | STEADY:  svarint delta                 |
 *   | uvarint | u8     | svarint | DELTAS:  uvarint gcd, ints(n - 1)      |
 *   |         | n >= 1 | / unit  | CHANGES: uvarint gcd, svarint delta,   |
 *   |         |        |         |          ints(n - 2)                   |
 *   |         |        |         | GRID:    uvarint gcd, svarint step,    |
 *   |         |        |         |          ints(n - 1)                   |
 *   +---------+--------+---------+----------------------------------------+
 *     form & 15: unit is 10^0 .. 10^9 ns; it divides first and every delta
 *     form >> 4: ALONE (n = 1), STEADY, DELTAS, CHANGES (deltas of deltas),
 *     GRID (distances to first + i * step: a fixed rhythm with jitter)
 *     the delta of STEADY is divided by unit; in the last three forms all is
 *     divided by unit and gcd (>= 1); see ints.h for ints()
 *     arithmetic wraps modulo 2^64, so any sequence of int64 survives, sorted
 *     or not
 *
 * n = 0 is the byte 0 alone.  Scrapes that step evenly cost about a dozen
 * bytes in all, whatever n is.
 * Limit: TIMESTAMPS_MAX values; the encoder uses 200 KiB of stack.
 * Pure: no allocation besides the writer, no I/O, no globals.
 */
#ifndef TSDB_CODEC_TIMESTAMPS_H
#define TSDB_CODEC_TIMESTAMPS_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

#include <stdint.h>

enum { TIMESTAMPS_MAX = 8192 }; /* values in one column */

/* n at most TIMESTAMPS_MAX. */
void timestamps_encode(const int64_t *ts, uint32_t n, struct writer *out);

/* Decodes the whole of `in`, a column of at most n_max values.  On TSDB_OK *n
 * of them are in ts[]; on TSDB_ECORRUPT ts[] is unspecified and *n untouched. */
TSDB_NODISCARD enum tsdb_status timestamps_decode(struct bytes in, int64_t *ts, uint32_t n_max,
                                                  uint32_t *n);

#endif
