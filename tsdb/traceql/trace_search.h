/* trace_search.h - a search: the newest traces that a pipeline matches, with the spans that
 * did.
 *
 *   trace_candidates.h -> one trace after the other, read whole
 *                      -> span_sets.h -> kept, until `limit` are there
 *                      -> by start, newest first
 *
 * The first call runs the whole search, so that an error comes before the first trace.
 * What is kept lies in an arena of the query; of a set, the first spans_per_set spans.
 */
#ifndef TSDB_TRACEQL_TRACE_SEARCH_H
#define TSDB_TRACEQL_TRACE_SEARCH_H

#include "tsdb/traceql/trace_candidates.h"

struct trace_search;

/* The query outlives it. */
TSDB_NODISCARD enum tsdb_status trace_search_new(struct trace_room *room, const struct traceql *q,
                                                 const struct tsdb_trace_options *options,
                                                 struct trace_search **out, struct tsdb_error *err);
void trace_search_free(struct trace_search *s); /* NULL is a no-op */
TSDB_NODISCARD enum tsdb_status
trace_search_next(struct trace_search *s, struct tsdb_found_trace *out, struct tsdb_error *err);

#endif
