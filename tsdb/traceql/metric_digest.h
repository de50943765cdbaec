/* metric_digest.h - the quantiles of the values of one series at one step.
 *
 * Up to DIGEST_EXACT values are kept as they are and their quantiles are exact.  Beyond, a
 * value is counted by the first bits of its binary form - sign, exponent and
 * DIGEST_BITS of the mantissa - so that a quantile is off by less than 1/2^(DIGEST_BITS + 1)
 * of itself.  (Tempo counts by powers of two: up to a half off; keeping all values would be
 * exact, and 8 bytes a span.)  Memory: a block of 512 bytes for each power of two that
 * occurs.
 *
 * The order in which values come, or digests are added, changes nothing.
 */
#ifndef TSDB_TRACEQL_METRIC_DIGEST_H
#define TSDB_TRACEQL_METRIC_DIGEST_H

#include "tsdb/base/arena.h"

enum { DIGEST_EXACT = 256, DIGEST_BITS = 6, DIGEST_BLOCK = 1 << DIGEST_BITS };

struct digest_block {
    uint32_t octave; /* sign and exponent, in the order of the values */
    uint64_t counts[DIGEST_BLOCK];
};

struct metric_digest {
    uint64_t count;
    double *values; /* NULL once there are blocks */
    uint32_t value_room;
    struct digest_block **blocks; /* by octave */
    uint32_t block_count, block_room;
};

/* False: the arena is full.  NaN is not counted. */
bool metric_digest_put(struct metric_digest *d, double value, struct arena *arena);
bool metric_digest_add(struct metric_digest *to, const struct metric_digest *from,
                       struct arena *arena);
/* The value of rank ceil(q * count), at least the first; 0: there are none.  Values that are
 * kept are sorted. */
double metric_digest_quantile(struct metric_digest *d, double q);

#endif
