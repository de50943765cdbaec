/* delta_histogram.h - the running total of a native histogram that is sent in
 * increments.
 *
 * Buckets are two sorted lists (index, count), one a sign.  Adding a histogram of
 * another resolution brings both to the coarser one: index i of schema s is index
 * ceil(i / 2) of schema s - 1.  More than DELTA_BUCKETS_MAX buckets a sign: the
 * total goes one schema down, too.  The wider zero threshold stays; custom bounds
 * (schema -53) never come as deltas.
 */
#ifndef COLLECTOR_INGEST_DELTA_HISTOGRAM_H
#define COLLECTOR_INGEST_DELTA_HISTOGRAM_H

#include "tsdb/base/arena.h"
#include "tsdb/tsdb.h"

enum { DELTA_BUCKETS_MAX = 1024 };

struct delta_histogram;

/* NULL when the budget (may be NULL) is spent. */
struct delta_histogram *delta_histogram_new(struct budget *budget);
void delta_histogram_free(struct delta_histogram *h, struct budget *budget);
/* False, and nothing added, when it cannot be: custom bounds, or no memory. */
bool delta_histogram_add(struct delta_histogram *h, const struct tsdb_histogram *more,
                         struct budget *budget);
/* As a histogram in the arena; NULL when that is full. */
const struct tsdb_histogram *delta_histogram_get(const struct delta_histogram *h,
                                                 struct arena *arena);

#endif
