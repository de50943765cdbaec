/* metric_scan.h - the spans of a snapshot's parts into one table of series.
 *
 *   one filter    columns: part_mask.h, part_keys.h
 *   a pipeline    trace by trace, by the part's columns where it has all of the trace
 *                 (part_traces.h); what is left is read whole at the end, each trace once
 *
 * Parts are taken by several threads, each with a table of its own, added in the end. */
#ifndef TSDB_TRACEQL_METRIC_SCAN_H
#define TSDB_TRACEQL_METRIC_SCAN_H

#include "tsdb/traceql/metric_function.h"

/* A function, made ready. */
struct metric_plan {
    const struct metric_query *query;
    const struct traceql_function *f;
    struct sets_plan sets;
    enum metric_kept kept;
    uint32_t label_count; /* by, and the bucket */
    bool has_value;       /* spans without the field do not count */
    bool has_bucket;      /* the last label is what the value is counted under */
    bool is_columns;      /* one filter, and no field that only whole traces have */
    int64_t start, end;   /* half-open: starts of spans that count */
};

struct metric_exemplar {
    bool is_set;
    uint64_t hash; /* the least of its stretch is kept */
    uint32_t series;
    struct tsdb_trace_exemplar at;
};

/* One table, and the exemplars of its series: one a stretch of the range. */
struct metric_sums {
    const struct metric_plan *plan;
    struct metric_table table;
    struct metric_exemplar *exemplars; /* owned; query->exemplars of them */
};

void metric_sums_init(struct metric_sums *s, const struct metric_plan *plan);
void metric_sums_release(struct metric_sums *s);
/* Whether a span that starts then would be an exemplar; *slot: in place of which. */
bool metric_sums_wants(const struct metric_sums *s, int64_t ts, uint32_t *slot);
void metric_sums_exemplar(struct metric_sums *s, uint32_t slot, uint32_t series,
                          const struct tsdb_trace_exemplar *in);
TSDB_NODISCARD enum tsdb_status
metric_sums_add(struct metric_sums *to, const struct metric_sums *from, struct tsdb_error *err);

/* Counts a span of a trace that matched; out of range it is not asked for. */
TSDB_NODISCARD enum tsdb_status metric_sums_span(struct metric_sums *s, struct trace_view *view,
                                                 uint32_t span, struct tsdb_error *err);

/* All that the set has.  Traces that must be read whole are, once each, at the end. */
TSDB_NODISCARD enum tsdb_status metric_scan(struct metric_sums *sums, struct traces_set *set,
                                            struct tsdb_error *err);

#endif
