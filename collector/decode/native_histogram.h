/* native_histogram.h - remote write's Histogram message to struct tsdb_histogram.
 *
 * The message is the same in 1.0 and 2.0 (2.0 adds start_timestamp = 17).  Integer
 * histograms carry zigzag deltas between neighbouring bucket counts, float
 * histograms the counts themselves; both become absolute doubles, integers exact
 * (counts above 2^53 are refused).  Schema -4..8 is exponential, -53 has explicit
 * bounds (custom_values).
 *
 * What makes one valid (native_histogram_check, Prometheus' own rules): as many
 * buckets as the spans say; only a first span may begin below its predecessor; no
 * negative count; integer totals add up (or exceed, where the sum is NaN); custom
 * bounds finite and ascending, no negative or zero buckets beside them.
 */
#ifndef COLLECTOR_DECODE_NATIVE_HISTOGRAM_H
#define COLLECTOR_DECODE_NATIVE_HISTOGRAM_H

#include "collector/decode/pull.h"
#include "tsdb/base/arena.h"

enum { NATIVE_BUCKETS_MAX = 16384 }; /* buckets, spans and bounds of one histogram, each */

struct native_histogram {
    struct tsdb_histogram h; /* arrays in the arena */
    int64_t ts_ms, start_ts_ms;
};

/* TSDB_ECORRUPT: not a message.  TSDB_EINVAL: a message, but *why says what is
 * wrong with the histogram; ts is set.  TSDB_ELIMIT: the arena is full. */
enum tsdb_status native_histogram_decode(struct bytes in, struct arena *arena,
                                         struct native_histogram *out, const char **why);

/* NULL, or what is wrong. */
const char *native_histogram_check(const struct tsdb_histogram *h);

#endif
