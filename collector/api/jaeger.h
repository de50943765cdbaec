/* jaeger.h - Jaeger's query API, both generations, over the engine's traces: what its handlers
 * share.
 *
 * At the root and below /jaeger, so that Grafana's data source and Jaeger's UI work with either:
 *
 *   version 1   {"data":[...],"total":n,"limit":0,"offset":0,"errors":null}
 *     /api/services  /api/services/S/operations  /api/operations      jaeger.c
 *     /api/traces    /api/traces/ID                                   jaeger_search.c
 *     /api/dependencies                                               jaeger_dependencies.c
 *   version 3   OTLP's JSON in {"result":...}
 *     /api/v3/services  /api/v3/operations                            jaeger.c
 *     /api/v3/traces  /api/v3/traces/ID  /api/v3/trace-summaries      jaeger_search.c
 *
 * A search becomes TraceQL (trace_text.h).  Times of version 1 are in microseconds; as some
 * clients send milliseconds, the magnitude decides.  Those of version 3 are RFC 3339, in
 * which a zone's plus may have become a space.  Services and operations are those of the last
 * JAEGER_SINCE.  A trace that is not there is 404: clients read data[0].
 * (https://www.jaegertracing.io/docs/latest/architecture/apis)
 *
 * Private to the room.  Owner: the worker of the request.
 */
#ifndef COLLECTOR_API_JAEGER_H
#define COLLECTOR_API_JAEGER_H

#include "collector/api/request.h"

#define JAEGER_SINCE (72 * NS_PER_HOUR)

enum {
    JAEGER_LIMIT = 100, /* traces of a search, by default */
    JAEGER_LIMIT_MAX = 1500,
    JAEGER_DEPENDENCY_TRACES_MAX = 1000, /* the newest; links are counted in them */
};

/* {"data":[ and what ends it. */
void jaeger_begin(struct request *r);
void jaeger_end(struct request *r, uint64_t total);
/* The first of two names of a parameter that is there. */
struct tsdb_text jaeger_param(const struct request *r, const char *name, const char *other);
/* Seconds, milliseconds, microseconds or nanoseconds, by magnitude; a parameter that is not
 * there leaves the value alone.  False: answered. */
bool jaeger_time(struct request *r, const char *name, int64_t *ns);

/* The whole of a trace that a search found: looked for where its spans are.  As
 * tsdb_trace_read. */
enum tsdb_status jaeger_read(struct request *r, const struct tsdb_found_trace *found,
                             struct tsdb_trace **out, struct tsdb_error *err);

exchange_handler_fn handle_jaeger_traces, handle_jaeger_traces_3, handle_jaeger_summaries,
    handle_jaeger_trace, handle_jaeger_trace_3; /* jaeger_search.c */
exchange_handler_fn handle_jaeger_dependencies; /* jaeger_dependencies.c */

#endif
