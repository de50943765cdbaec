/* trace_query.h - one TraceQL query: text to answer.
 *
 *   search          traceql_parse -> trace_search.h
 *   metric query    traceql_parse -> tree of metric_function.h, metric_rows.h
 *
 * The first call that asks for an answer runs the whole query, so that an error comes before
 * the first trace or series.
 *
 * Limits, 0 meaning these defaults: bytes_max 1 GiB of memory, series_max 100,000 series of
 * a function, deadline two minutes.  Passing one is TSDB_ELIMIT and names it; passing the
 * deadline or a cancel is TSDB_ECANCELED.
 *
 * Spans count that start in [start, end); of metric queries those that a step covers
 * (metric_series.h).  Fields of the whole trace (its duration, parents, the root) are of
 * all its spans, whenever they start.
 *
 * Owner: one caller at a time; cancel from any thread.
 */
#ifndef TSDB_TRACEQL_TRACE_QUERY_H
#define TSDB_TRACEQL_TRACE_QUERY_H

#include "tsdb/tsdb.h"

struct budget;
struct clock;
struct traces;
struct trace_query;

enum { TRACEQL_SERIES_MAX = 100000, TRACEQL_EXEMPLARS_MAX = 100000 };

/* What queries need of the store. */
struct trace_store {
    struct traces *traces;
    struct clock *clock;
    struct budget *budget; /* of all queries; may be NULL */
    bool is_single;        /* no threads beside the caller's */
};

/* text and options are copied. */
TSDB_NODISCARD enum tsdb_status trace_query_open(const struct trace_store *store,
                                                 struct tsdb_text text,
                                                 const struct tsdb_trace_options *options,
                                                 struct trace_query **out, struct tsdb_error *err);
enum tsdb_value_kind trace_query_kind(const struct trace_query *q);
TSDB_NODISCARD enum tsdb_status
trace_query_trace(struct trace_query *q, struct tsdb_found_trace *out, struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status trace_query_next(struct trace_query *q, struct tsdb_result *out,
                                                 const uint8_t **label_types,
                                                 struct tsdb_error *err);
uint32_t trace_query_exemplars(const struct trace_query *q, const struct tsdb_trace_exemplar **out);
void trace_query_cancel(struct trace_query *q);
void trace_query_stats(const struct trace_query *q, struct tsdb_trace_stats *out);
void trace_query_close(struct trace_query *q); /* NULL is a no-op */

#endif
