/* trace_run.h - one TraceQL query under the watch (run.h).
 *
 * read runs while the query is watched; finish after it went well and before the query is
 * closed: it ends the exchange.  Where finish is NULL that is the caller's.
 * Private to the room.  Owner: the worker of the request.
 */
#ifndef COLLECTOR_API_TRACE_RUN_H
#define COLLECTOR_API_TRACE_RUN_H

#include "collector/api/run.h"

struct trace_work {
    enum tsdb_status (*read)(void *arg, struct tsdb_trace_query *query, struct tsdb_error *err);
    void (*finish)(void *arg, const struct tsdb_trace_stats *stats);
    void *arg;
};

/* The options' tenant and deadline are filled in.  False: answered that it failed. */
bool trace_run(struct request *r, struct tsdb_text text, struct tsdb_trace_options *options,
               const struct trace_work *work);

#endif
