/* bucket.h - a native histogram as the buckets its reader sees.
 *
 * Ascending: negative buckets from the lowest, the zero bucket, positive ones;
 * only those with a count.  Bounds are those of Prometheus' native histograms:
 * with schema s, bucket i of the positive side covers (2^((i-1)/2^s), 2^(i/2^s)];
 * TSDB_SCHEMA_CUSTOM: (custom[i-1], custom[i]], open to -Inf and +Inf at the ends.
 */
#ifndef COLLECTOR_API_BUCKET_H
#define COLLECTOR_API_BUCKET_H

#include "tsdb/tsdb.h"

enum bucket_rule { /* as the API numbers them */
                   BUCKET_OPEN_LEFT = 0,
                   BUCKET_OPEN_RIGHT = 1,
                   BUCKET_OPEN = 2,
                   BUCKET_CLOSED = 3,
};

struct bucket {
    enum bucket_rule rule;
    double low, high, count;
};

/* A side whose spans name more buckets than it has counts ends early or is left
 * out. */
void bucket_each(const struct tsdb_histogram *h, void (*fn)(void *arg, const struct bucket *bucket),
                 void *arg);

#endif
