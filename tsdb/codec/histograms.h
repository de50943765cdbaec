/* histograms.h - native histograms, one by one and in columns.
 *
 * One value (journal, head), self-contained:
 *
 *   u8 flags      1 is_float, 6 hint << 1, 8 integral counts, 16 negative side,
 *                 32 custom bounds
 *   svarint schema, threshold, [custom: uvarint count, numbers],
 *   spans and counts of the positive side, [of the negative side],
 *   zero_count, count residue, number sum
 *     threshold: u8 0: zero; 1..254: 2^(byte - 200); 255: le64 bits
 *     spans: uvarint count, then svarint offset, uvarint length each; the
 *     lengths add up to the number of bucket counts
 *     integral: bucket counts are svarint differences to the one before;
 *     zero_count is a svarint; residue is svarint(count - zero_count - buckets),
 *     0 in a sound histogram.  Else all counts are numbers (number.h), and the
 *     residue is the count itself.
 *
 * A chunk of n values:
 *
 *   uvarint n, then runs until n values are there:
 *     uvarint values in the run, flags (of the layout: 1, 8, 16, 32), layout as
 *     above, u8 hint or 4 and ints(hints), then the columns: each bucket of the
 *     positive side, of the negative side, zero_count, count, then sum
 *       integral: svarint first (of buckets: less the bucket before), then
 *       ints(differences in time); count is the residue of above
 *       else and for the sums: sized floats (floats.h)
 *   A run is a stretch of equal layout: is_float, schema, zero threshold, spans,
 *   bounds, and integral or not.
 *
 * Sum may be any double: a stale histogram has the stale marker there, and no
 * buckets.  Decoded arrays live in the arena, shared within a run.
 * Rules of a sound histogram as in Prometheus (model/histogram/histogram.go and
 * float_histogram.go, Validate); histogram_check holds them.  Encoders assert
 * what they rely on: span lengths add up to the counts, sizes in the limits.
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
