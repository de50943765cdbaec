/* delta.h - increments to running totals.
 *
 * OTLP may send what changed since the last point ("delta temporality"); queries
 * want totals.  Choice: sum up here, and store a cumulative series that begins at
 * 0 when a series is first met, after a restart, and after it was idle for
 * DELTA_IDLE: a counter reset, which rate() and increase() know.  (Kept as sent,
 * increments would need other queries than everybody writes.)
 *
 * Per tenant and series, by its key: the total and the time of the last increment.
 *   later        total += value
 *   same time    a repeat (the sender did not hear our answer): the total as it is
 *   earlier      cannot be placed in a running total: refused as too_old
 * Classic histograms are several series, each with its own total; native ones are
 * added bucket by bucket at the coarser of the two schemas.
 *
 * Guarded by: its own mutex.  Limits: `series_max` entries, memory charged to the
 * budget; when full, entries idle for DELTA_IDLE go, then points are refused as
 * series_limit.
 */
#ifndef COLLECTOR_INGEST_DELTA_H
#define COLLECTOR_INGEST_DELTA_H

#include "collector/decode/sink.h"
#include "tsdb/base/budget.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/thread.h"

#define DELTA_IDLE (2 * NS_PER_HOUR)

struct delta_entry;

struct delta {
    struct mutex lock;
    struct delta_entry *slots; /* open addressing, a power of two */
    uint32_t slot_count, count, series_max;
    struct budget *budget;
    struct clock *clock;
};

void delta_init(struct delta *d, uint32_t series_max, struct budget *budget, struct clock *clock);
void delta_release(struct delta *d);
uint32_t delta_count(struct delta *d);

/* Rewrites the delta points of the batch to totals.  verdicts[i] becomes
 * TSDB_TOO_OLD or TSDB_SERIES_LIMIT for points that cannot be (others are left
 * alone); histograms that are made live in the arena. */
void delta_apply(struct delta *d, struct decode_batch *batch, uint8_t *verdicts,
                 struct arena *arena);

#endif
