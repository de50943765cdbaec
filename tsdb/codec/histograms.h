/* histograms.h - native histograms, one by one and in columns.
 *
 * One value (journal, head), self-contained:
 *
 *   layout, counts of the positive side, of the negative side, zero_count,
 *   count, number sum
 *     layout: see histogram_layout.h; its flags say whether counts are integral
 *     integral: svarint differences to the bucket before, of each side from 0;
 *     svarint zero_count; svarint(count - zero_count - buckets), which is 0 in a
 *     sound histogram without NaN.  Else all are numbers (number.h).
 *
 * A chunk of n values:
 *
 *   uvarint n, then runs until n values are there:
 *     uvarint values in the run, layout, [ints(hints) where they differ], then
 *     the columns: each bucket of the positive side, of the negative side,
 *     zero_count, count; then sum
 *       integral: svarint first (of buckets: less the bucket before), then
 *       ints(differences in time); count is less all the others
 *       else, and for the sums: uvarint bytes, floats (floats.h)
 *   A run is a stretch of equal layout, integral or not throughout.
 *
 * Sum may be any double: a stale histogram has the stale marker there, and no
 * buckets.  Decoded arrays live in the arena, shared within a run.
 * The rules of histogram_check are those of Prometheus (Validate in
 * model/histogram/histogram.go and float_histogram.go), save that the counts of
 * a float gauge may be negative.  Encoders assert what they rely on: span
 * lengths add up to the counts, sizes in the limits.
 * The chunk encoder uses 260 KiB of stack, its decoder 130.
 * Pure: no allocation besides writer and arena, no I/O, no globals.
 */
#ifndef TSDB_CODEC_HISTOGRAMS_H
#define TSDB_CODEC_HISTOGRAMS_H

#include "tsdb/base/arena.h"
#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

#include <stdint.h>

enum {
    HISTOGRAM_SCHEMA_MIN = -4,
    HISTOGRAM_SCHEMA_MAX = 8,
    HISTOGRAM_BUCKETS_MAX = 1024, /* of one side */
    HISTOGRAM_SPANS_MAX = 1024,   /* of one side */
    HISTOGRAM_CUSTOM_MAX = 1024,  /* bounds */
    HISTOGRAMS_MAX = 4096,        /* values in a chunk */
};

/* Is this a histogram that may be stored?  TSDB_OK or TSDB_EINVAL with text. */
TSDB_NODISCARD enum tsdb_status histogram_check(const struct tsdb_histogram *h,
                                                struct tsdb_error *err);

void histogram_encode(const struct tsdb_histogram *h, struct writer *out);
/* TSDB_ECORRUPT, or TSDB_ELIMIT when the arena is full. */
TSDB_NODISCARD enum tsdb_status histogram_decode(struct reader *r, struct arena *arena,
                                                 struct tsdb_histogram *out);

/* Bit for bit the same. */
bool histogram_equal(const struct tsdb_histogram *a, const struct tsdb_histogram *b);

/* n at most HISTOGRAMS_MAX. */
void histograms_encode(const struct tsdb_histogram *h, uint32_t n, struct writer *out);
/* Decodes the whole of `in`.  TSDB_ECORRUPT, or TSDB_ELIMIT when the arena is
 * full: a chunk of few bytes may hold HISTOGRAMS_MAX * 2 * HISTOGRAM_BUCKETS_MAX
 * counts.  *out and *n are written only on TSDB_OK. */
TSDB_NODISCARD enum tsdb_status histograms_decode(struct bytes in, struct arena *arena,
                                                  struct tsdb_histogram **out, uint32_t *n);

#endif
