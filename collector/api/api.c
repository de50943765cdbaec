#include "collector/api/api.h"

#include "collector/api/correlate.h"
#include "collector/api/loki_tail.h"
#include "collector/api/request.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/thread.h"

#include <string.h>

void api_configure(struct api *api, const struct api_options *options)
{
    atomic_store(&api->query_timeout, options->query_timeout);
    atomic_store(&api->lookback, options->lookback);
    atomic_store(&api->samples_max, options->samples_max);
    atomic_store(&api->retention, options->retention);
}

struct api *api_new(const struct api_options *options)
{
    struct api *api = MEM_NEW(struct api);
    api->options = *options;
    if (!api->options.clock)
        api->options.clock = clock_real();
    if (!api->options.tenant)
        api->options.tenant = "";
    api_configure(api, options);
    size_t threads = options->threads ? options->threads : thread_cores();
    api->watch = watch_new(api->options.clock);
    api->pool =
        pool_new("api", threads < API_THREADS_MAX ? threads : API_THREADS_MAX, API_WAITING_MAX);
    api->tails = loki_tails_new(api->options.db, api->options.clock);
    return api;
}

void api_end_tails(struct api *api)
{
    loki_tails_stop(api->tails);
}

void api_stop(struct api *api)
{
    loki_tails_stop(api->tails);
    pool_stop(api->pool);
    watch_cancel_all(api->watch);
}

void api_free(struct api *api)
{
    if (!api)
        return;
    pool_free(api->pool);
    loki_tails_free(api->tails);
    watch_free(api->watch);
    mem_free(api);
}

/* Mounted at the root and under /prometheus. */
static const struct exchange_route mounted[] = {
#define MOUNTED(methods, path, scope, handler)                                                     \
    {methods, path, scope, handler, NULL}, {methods, "/prometheus" path, scope, handler, NULL},
    MOUNTED("GET POST", "/api/v1/query", SCOPE_QUERY, handle_query) MOUNTED(
        "GET POST", "/api/v1/query_range", SCOPE_QUERY, handle_query_range)
        MOUNTED("GET POST", "/api/v1/query_exemplars", SCOPE_QUERY, handle_exemplars) MOUNTED(
            "GET POST", "/api/v1/format_query", SCOPE_QUERY,
            handle_format_query) MOUNTED("GET", "/api/v1/correlate", SCOPE_QUERY, handle_correlate)
            MOUNTED("GET POST", "/api/v1/series", SCOPE_QUERY, handle_series) MOUNTED(
                "GET POST", "/api/v1/labels", SCOPE_QUERY,
                handle_labels) MOUNTED("GET", "/api/v1/label/", SCOPE_QUERY, handle_label_values)
                MOUNTED("GET", "/api/v1/metadata", SCOPE_QUERY, handle_metadata) MOUNTED(
                    "GET", "/api/v1/rules", SCOPE_QUERY,
                    handle_rules) MOUNTED("GET", "/api/v1/alerts", SCOPE_QUERY, handle_alerts)
                    MOUNTED("GET", "/api/v1/targets", SCOPE_QUERY, handle_targets) MOUNTED(
                        "GET", "/api/v1/alertmanagers", SCOPE_QUERY,
                        handle_alertmanagers) MOUNTED("GET", "/api/v1/scrape_pools", SCOPE_QUERY,
                                                      handle_scrape_pools)
                        MOUNTED("GET", "/api/v1/status/buildinfo", SCOPE_QUERY,
                                handle_buildinfo) MOUNTED("GET", "/api/v1/status/runtimeinfo",
                                                          SCOPE_QUERY, handle_runtimeinfo)
                            MOUNTED("GET", "/api/v1/status/tsdb", SCOPE_QUERY, handle_status_tsdb)
                                MOUNTED(
                                    "GET", "/api/v1/status/flags", SCOPE_QUERY,
                                    handle_status_flags) MOUNTED("GET", "/api/v1/status/config",
                                                                 SCOPE_QUERY, handle_status_config)
                                    MOUNTED("GET", "/api/v1/status/walreplay", SCOPE_QUERY,
                                            handle_walreplay)
                                        MOUNTED("POST PUT", "/api/v1/admin/tsdb/delete_series",
                                                SCOPE_ADMIN, handle_delete_series)
                                            MOUNTED("POST PUT", "/api/v1/admin/tsdb/snapshot",
                                                    SCOPE_ADMIN, handle_snapshot)
                                                MOUNTED("POST PUT",
                                                        "/api/v1/admin/tsdb/clean_tombstones",
                                                        SCOPE_ADMIN, handle_clean_tombstones)
                                                    MOUNTED("GET", "/-/healthy", 0, handle_healthy)
                                                        MOUNTED("GET", "/-/ready", 0, handle_ready)
                                                            MOUNTED("POST PUT", "/-/reload",
                                                                    SCOPE_ADMIN, handle_reload)
                                                                MOUNTED("POST", "/-/seal",
                                                                        SCOPE_ADMIN, handle_seal)
                                                                    MOUNTED("GET", "/metrics",
                                                                            SCOPE_QUERY,
                                                                            handle_metrics)
#undef MOUNTED
                                                                        {"GET", "/ready", 0,
                                                                         handle_ready, NULL},
    {"GET", "/readyz", 0, handle_ready, NULL},
    {"GET", "/healthz", 0, handle_healthy, NULL},
    {"GET", "/livez", 0, handle_healthy, NULL},
    {"GET", "/health", 0, handle_health_json, NULL},
    {"GET", "/-/grafana/provisioning.yaml", SCOPE_QUERY, handle_provisioning, NULL},
};

static_assert(sizeof mounted / sizeof mounted[0] + LOKI_ROUTES_MAX + TEMPO_ROUTES_MAX +
                      JAEGER_ROUTES_MAX <=
                  API_ROUTES_MAX,
              "callers have room");

size_t api_routes(struct api *api, struct exchange_route *out)
{
    size_t count = sizeof mounted / sizeof mounted[0];
    memcpy(out, mounted, sizeof mounted);
    count += loki_routes(out + count);
    count += tempo_routes(out + count);
    count += jaeger_routes(out + count);
    for (size_t i = 0; i < count; i++)
        out[i].arg = api;
    return count;
}
