/* metric_series.h - the accumulators of one metric function, by series and step.
 *
 *   grid     step i covers (start + (i - 1) * step, start + i * step] and is shown at
 *            start + i * step; without a step one covers all of (start, end], shown at end
 *   table    labels (one value a label, NIL: the span lacks it) -> series -> steps
 *
 *   COUNTS   rate, count_over_time, histogram_over_time
 *   SUMS     sum_over_time, avg_over_time: two doubles a sum (Neumaier), so that the order
 *            in which workers' tables are added does not show
 *   LEAST, MOST; DIGESTS  quantile_over_time
 *
 * Everything lies in the table's arena, charged to the query; series_max bounds the series.
 * Owner: one thread; tables of one shape can be added.
 */
#ifndef TSDB_TRACEQL_METRIC_SERIES_H
#define TSDB_TRACEQL_METRIC_SERIES_H

#include "tsdb/traceql/metric_digest.h"
#include "tsdb/traceql/span_value.h"

struct trace_room;

struct metric_grid {
    int64_t from; /* spans count that start in (from, to] */
    int64_t to;
    int64_t step;  /* > 0 */
    int64_t first; /* when step 0 is shown */
    uint32_t count;
};

enum { METRIC_STEPS_MAX = 1000000 };

/* TSDB_EINVAL: the range is backwards, or has too many steps. */
TSDB_NODISCARD enum tsdb_status metric_grid_init(struct metric_grid *g, int64_t start, int64_t end,
                                                 int64_t step, struct tsdb_error *err);
/* ts is in (from, to]. */
static inline uint32_t metric_grid_step(const struct metric_grid *g, int64_t ts)
{
    return (uint32_t)(((uint64_t)ts - (uint64_t)g->from - 1) / (uint64_t)g->step);
}
static inline int64_t metric_grid_at(const struct metric_grid *g, uint32_t step)
{
    return g->first + (int64_t)step * g->step;
}

enum metric_kept { KEPT_COUNTS, KEPT_SUMS, KEPT_LEAST, KEPT_MOST, KEPT_DIGESTS };

struct metric_series {
    struct span_value *labels;
    uint64_t hash;
    uint64_t *counts;       /* COUNTS, SUMS */
    double *values, *rests; /* SUMS: value and what it lost; LEAST, MOST: NaN: none */
    struct metric_digest *digests;
};

struct metric_table {
    const struct trace_room *room;
    enum metric_kept kept;
    uint32_t label_count, steps;
    struct arena arena;
    struct metric_series *series; /* owned */
    uint32_t count, cap;
    uint32_t *slots; /* owned: series + 1, or 0 */
    uint32_t slot_count;
};

void metric_table_init(struct metric_table *t, const struct trace_room *room, enum metric_kept kept,
                       uint32_t label_count, uint32_t steps);
void metric_table_release(struct metric_table *t);
/* The series of these labels, made (texts copied) when it is new.  TSDB_ELIMIT: memory, or
 * series_max. */
TSDB_NODISCARD enum tsdb_status metric_table_put(struct metric_table *t,
                                                 const struct span_value *labels, uint32_t *index,
                                                 struct tsdb_error *err);
/* Counts a value (COUNTS: whatever it is) at a step.  False: no memory. */
bool metric_table_count(struct metric_table *t, uint32_t series, uint32_t step, double value);
static inline void metric_table_count_many(struct metric_table *t, uint32_t series, uint32_t step,
                                           uint64_t spans)
{
    t->series[series].counts[step] += spans;
}
TSDB_NODISCARD enum tsdb_status
metric_table_add(struct metric_table *to, const struct metric_table *from, struct tsdb_error *err);

#endif
