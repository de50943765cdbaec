/* trace_candidates.h - the traces of a set that a pipeline may match, newest first.
 *
 * Parts are looked at newest first, by columns (part_traces.h); a trace is handed out when no
 * part that is left can have a newer span of it, or another candidate as new.  A trace whose
 * rows in one part are not enough is still a candidate when other parts may have more of it.
 *
 * Each trace once.  Owner: one thread.
 */
#ifndef TSDB_TRACEQL_TRACE_CANDIDATES_H
#define TSDB_TRACEQL_TRACE_CANDIDATES_H

#include "tsdb/traceql/span_sets.h"
#include "tsdb/traceql/trace_room.h"

struct trace_candidates;

/* The plan and the set outlive it. */
struct trace_candidates *trace_candidates_new(struct trace_room *room, const struct traceql *q,
                                              const struct sets_plan *plan, struct traces_set *set,
                                              int64_t start, int64_t end);
void trace_candidates_free(struct trace_candidates *c); /* NULL is a no-op */
/* TSDB_END: no more. */
TSDB_NODISCARD enum tsdb_status trace_candidates_next(struct trace_candidates *c,
                                                      struct tsdb_trace_id *out,
                                                      struct tsdb_error *err);

#endif
