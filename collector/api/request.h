/* request.h - a request on its worker, and what its handlers share.
 *
 * Private to the room.  A handler of a route hands its exchange to api_submit
 * with the function that does the work; that runs on a worker with the
 * parameters parsed, and ends in reply_end, reply_fail or reply_text.
 *
 * Owner: the worker.  Views live as long as the exchange.
 */
#ifndef COLLECTOR_API_REQUEST_H
#define COLLECTOR_API_REQUEST_H

#include "collector/api/api.h"
#include "collector/api/pool.h"
#include "collector/api/reply.h"
#include "collector/api/watch.h"
#include "collector/net/form.h"
#include "collector/self/counters.h"

#include <stdatomic.h>

struct api {
    struct api_options options; /* but for the limits below */
    struct pool *pool;
    struct watch *watch;
    struct loki_tails *tails;
    /* Atomic: set by api_configure, read by requests; each stands alone. */
    _Atomic int64_t query_timeout, lookback, retention;
    _Atomic uint64_t samples_max;
};

struct request {
    struct api *api;
    struct exchange *x;
    enum reply_form errors; /* the form of */
    void (*work)(struct request *r);
    int64_t arrived_ns; /* monotonic */
    struct form form;
    struct reply reply;
};

/* Runs work on a worker, or answers 503.  The form is the API's: Loki's below /loki/, else
 * Prometheus'. */
void api_submit(struct api *api, struct exchange *x, void (*work)(struct request *r));
void api_submit_as(struct api *api, struct exchange *x, enum reply_form form,
                   void (*work)(struct request *r));

struct arena *request_arena(const struct request *r);
/* The credential's tenant, or the one of a server without any. */
const char *request_tenant(const struct request *r);
struct tsdb_text request_param(const struct request *r, const char *name); /* first value */
/* NAME of a path BEFORE NAME AFTER, percent-decoded; false and answered when the path
 * is another, or NAME is no label name. */
bool request_path_name(struct request *r, const char *before, const char *after,
                       struct tsdb_text *name);
/* NAME of such a path, decoded, whatever it holds; false when the path is another. */
bool request_path_part(struct request *r, const char *before, const char *after,
                       struct tsdb_text *part);
/* The path without the mount of an API: /prometheus, /tempo, /jaeger. */
struct tsdb_text exchange_local_path(const struct exchange *x);

/* Each of these answers the error itself and returns false. */
bool request_limit(struct request *r, uint64_t *limit);
/* start, end (defaults: all of time) and match[] into a scope. */
bool request_scope(struct request *r, struct tsdb_scope *out);
/* Of the other APIs; a parameter that is not there leaves the value alone.  Times: more than
 * ten digits are nanoseconds, fewer seconds; a fraction makes seconds; or RFC 3339. */
bool request_time(struct request *r, const char *name, int64_t *ns);
bool request_duration(struct request *r, const char *name, int64_t *ns);
/* 1 to most. */
bool request_count(struct request *r, const char *name, uint64_t most, uint64_t *count);
/* A parameter's text in Prometheus' words. */
void request_fail_param(struct request *r, const char *name, const struct tsdb_error *err);
/* Ends a request that the engine refused; `param` is blamed for TSDB_EINVAL. */
void request_fail_engine(struct request *r, enum tsdb_status st, const struct tsdb_error *err,
                         const char *param);

/* How a query ended, for the counters. */
enum ending request_ending(enum tsdb_status st, enum watch_verdict verdict);

/* Loki's routes (loki.c); at most LOKI_ROUTES_MAX. */
enum { LOKI_ROUTES_MAX = 40 };
size_t loki_routes(struct exchange_route *out);
/* Tempo's (tempo.c) and Jaeger's (jaeger.c), likewise. */
enum { TEMPO_ROUTES_MAX = 40, JAEGER_ROUTES_MAX = 30 };
size_t tempo_routes(struct exchange_route *out);
size_t jaeger_routes(struct exchange_route *out);

/* Handlers, by file. */
exchange_handler_fn handle_query, handle_query_range, handle_format_query; /* query.c */
exchange_handler_fn handle_series, handle_labels, handle_label_values, handle_metadata,
    handle_exemplars; /* series.c */
exchange_handler_fn handle_rules, handle_alerts, handle_targets, handle_alertmanagers,
    handle_scrape_pools, handle_buildinfo, handle_runtimeinfo, handle_status_tsdb,
    handle_status_flags, handle_status_config, handle_walreplay; /* status.c */
exchange_handler_fn handle_delete_series, handle_snapshot, handle_clean_tombstones, handle_seal,
    handle_reload;                       /* admin.c */
exchange_handler_fn handle_provisioning; /* provisioning.c */
exchange_handler_fn handle_healthy, handle_ready, handle_health_json, handle_metrics; /* health.c */

#endif
