/* metric_function.h - one metric function over the spans that a pipeline leaves: rate(),
 * avg_over_time(duration) by (resource.service.name), ...
 *
 *   { one filter } | f    columns only: part_mask.h -> part_keys.h -> metric_series.h
 *   anything else         traces read whole: trace_candidates.h -> span_sets.h -> the same
 *
 * Columns are scanned by several threads, each with a table of its own; the tables are
 * added at the end.  What comes out does not depend on which thread took which part.
 *
 * Values: the span's own duration is in seconds, other durations in ns (buckets and
 * quantiles: all in seconds), as in Tempo.  Exemplars: at most one for each of so many
 * stretches of the range, the span whose start hashes least.
 */
#ifndef TSDB_TRACEQL_METRIC_FUNCTION_H
#define TSDB_TRACEQL_METRIC_FUNCTION_H

#include "tsdb/traceql/metric_rows.h"
#include "tsdb/traceql/span_sets.h"
#include "tsdb/traceql/trace_room.h"

struct metric_query {
    struct trace_room *room;
    const struct traceql *q;
    struct metric_grid grid;
    uint32_t exemplars;
    struct arena *arena; /* of the query: plans and rows */
};

/* Appends the function's rows.  m is a METRIC_FUNCTION. */
TSDB_NODISCARD enum tsdb_status metric_function_run(const struct metric_query *query,
                                                    const struct traceql_metric *m,
                                                    struct metric_rows *out,
                                                    struct tsdb_error *err);
/* The value of a field in a function's unit; NaN: none. */
double metric_function_number(const struct traceql_function *f, const struct traceql_ref *ref,
                              const struct span_value *v);
/* The power of two that a value is counted under, in the function's unit; NIL: none. */
struct span_value metric_function_bucket(const struct span_value *v);

#endif
