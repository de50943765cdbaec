/* api.h - the HTTP APIs of Prometheus (version 1), Loki, Tempo and Jaeger, and the operator's
 * end points.
 *
 * Queries:  query query_range query_exemplars series labels label/NAME/values
 *           metadata format_query
 * Shapes:   rules alerts targets alertmanagers scrape_pools (empty, well-formed)
 * Status:   status/{buildinfo,runtimeinfo,tsdb,flags,config,walreplay}
 * Admin:    admin/tsdb/{delete_series,snapshot,clean_tombstones} /-/reload /-/seal
 * Grafana:  /-/grafana/provisioning.yaml, its data sources (provisioning.h)
 * Health:   /-/healthy /-/ready /health /healthz /livez /ready /readyz /metrics
 *
 * Logs:     Loki's API below /loki/api/v1/ (loki.h)
 *           /api/v1/correlate: from any signal to the other two (correlate.h)
 * Traces:   Tempo's (tempo.h) and Jaeger's (jaeger.h), at the root and below /tempo, /jaeger
 *
 * All of /api/v1 and /-/ is also mounted under /prometheus.  Parameters, answers,
 * error types, status codes and messages are Prometheus'
 * (https://prometheus.io/docs/prometheus/latest/querying/api): bad_data 400,
 * execution 422, timeout and canceled 503, unavailable 503 with Retry-After.
 *
 *   loop thread: route --> pool_submit, or 503        health, ready, metrics:
 *   worker:      parse --> tsdb_* --> json --> write   answered on the loop
 *
 * Whatever touches series runs on a pool of workers with a bounded queue, so
 * health never waits behind queries.  A query whose peer goes is cancelled
 * (watch.h).  An answer is held up to REPLY_HELD_BYTES; if it fails before, the
 * reader gets a whole error.  One that fails later is cut off inside its JSON,
 * so that no reader takes it for the whole.
 *
 * Owner of every exchange it was handed, until it answered.  Thread-safe.
 */
#ifndef COLLECTOR_API_API_H
#define COLLECTOR_API_API_H

#include "collector/net/exchange.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum {
    API_WAITING_MAX = 20,        /* queries in the queue */
    API_THREADS_MAX = 256,       /* places of watch.h */
    API_POINTS_MAX = 11000,      /* steps of one range query */
    API_SELECTORS_MAX = 256,     /* match[] of one request */
    REPLY_HELD_BYTES = 1 << 20,  /* an answer may still become an error */
    REPLY_PART_BYTES = 64 << 10, /* then it goes out in parts of this */
    API_ROUTES_MAX = 192,
};

struct api;

struct api_options {
    struct tsdb *db;                 /* borrowed */
    struct clock *clock;             /* NULL: the real one */
    const char *tenant;              /* NULL: the default one */
    size_t threads;                  /* 0: one per core */
    int64_t query_timeout, lookback; /* ns */
    uint64_t samples_max;
    int64_t retention;  /* ns, for status; 0: for ever */
    int64_t started_ns; /* wall time of the process' start */

    /* Whether requests may be served; if not, writes why.  Any thread. */
    bool (*ready)(void *arg, char *why, size_t cap);
    /* POST /-/reload, on a worker thread; calls counters_reloaded. */
    enum tsdb_status (*reload)(void *arg, struct tsdb_error *err);
    /* The effective settings as YAML; and each as a pair. */
    void (*config)(void *arg, struct writer *w);
    void (*flags)(void *arg, void (*fn)(void *to, const char *name, struct tsdb_text value),
                  void *to);
    void *arg; /* of the four above, each of which may be NULL */
};

struct api *api_new(const struct api_options *options);
/* Limits from now on: query_timeout, lookback, samples_max, retention. */
void api_configure(struct api *api, const struct api_options *options);
/* Closes the tails of logs, which would hold the drain up. */
void api_end_tails(struct api *api);
/* Refuses what comes, cancels what runs.  Before the loops stop. */
void api_stop(struct api *api);
/* After the loops stopped.  api_free(NULL) is a no-op. */
void api_free(struct api *api);

/* Its routes, at most API_ROUTES_MAX; how many. */
size_t api_routes(struct api *api, struct exchange_route *out);

#endif
