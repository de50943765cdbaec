#include "collector/self/counters.h"

#include "tsdb/base/text.h"

#include <string.h>

/* The longest prefix decides; the first of equals. */
static const struct {
    const char *prefix;
    enum route_class class;
} classes[] = {
    {"/opentelemetry.proto.collector.", ROUTE_OTLP},
    {"/v1/metrics", ROUTE_OTLP},
    {"/v1/logs", ROUTE_OTLP},
    {"/v1/traces", ROUTE_OTLP},
    {"/otlp/", ROUTE_OTLP},
    {"/opentelemetry/", ROUTE_OTLP},
    {"/insert/opentelemetry/", ROUTE_OTLP},
    {"/api/v1/otlp/", ROUTE_OTLP},
    {"/api/v1/write", ROUTE_REMOTE_WRITE},
    {"/api/v1/push", ROUTE_REMOTE_WRITE},
    {"/api/v1/import/jsonl", ROUTE_LOGS},
    {"/api/prom/push", ROUTE_LOGS},
    {"/loki/api/v1/push", ROUTE_LOGS},
    {"/insert/", ROUTE_LOGS},
    {"/elasticsearch", ROUTE_LOGS},
    {"/_", ROUTE_LOGS},
    {"/api/v2/spans", ROUTE_SPANS},
    {"/api/v1/query", ROUTE_QUERY},
    {"/api/v1/status/", ROUTE_STATUS},
    {"/api/v1/admin/", ROUTE_ADMIN},
    {"/api/v1/live", ROUTE_LIVE},
    {"/api/v1/", ROUTE_METADATA},
    {"/loki/api/v1/query", ROUTE_QUERY},
    {"/loki/api/v1/patterns", ROUTE_QUERY},
    {"/loki/api/v1/tail", ROUTE_LIVE},
    {"/loki/api/v1/delete", ROUTE_ADMIN},
    {"/loki/api/v1/status/", ROUTE_STATUS},
    {"/loki/api/v1/", ROUTE_METADATA},
    {"/tempopb.", ROUTE_QUERY},
    {"/api/traces", ROUTE_QUERY},
    {"/api/v2/traces/", ROUTE_QUERY},
    {"/api/v3/trace", ROUTE_QUERY},
    {"/api/search", ROUTE_QUERY},
    {"/api/search/tag", ROUTE_METADATA},
    {"/api/v2/search/tag", ROUTE_METADATA},
    {"/api/metrics/query", ROUTE_QUERY},
    {"/api/services", ROUTE_METADATA},
    {"/api/operations", ROUTE_METADATA},
    {"/api/dependencies", ROUTE_METADATA},
    {"/api/v3/", ROUTE_METADATA},
    {"/api/echo", ROUTE_HEALTH},
    {"/api/status/", ROUTE_STATUS},
    {"/-/reload", ROUTE_ADMIN},
    {"/-/seal", ROUTE_ADMIN},
    {"/-/grafana/", ROUTE_STATUS},
    {"/-/", ROUTE_HEALTH},
    {"/health", ROUTE_HEALTH},
    {"/ready", ROUTE_HEALTH},
    {"/livez", ROUTE_HEALTH},
    {"/metrics", ROUTE_METRICS},
    {"/", ROUTE_PAGE},
};

static bool has_prefix(struct tsdb_text text, const char *prefix)
{
    size_t n = strlen(prefix);
    return text.len >= n && memcmp(text.at, prefix, n) == 0;
}

/* /INDEX/_bulk: the name is the client's. */
static bool is_bulk(struct tsdb_text path)
{
    static const char end[] = "/_bulk";
    size_t n = sizeof end - 1;
    return path.len >= n && memcmp(path.at + path.len - n, end, n) == 0;
}

enum route_class route_class_of(struct tsdb_text path)
{
    if (is_bulk(path))
        return ROUTE_LOGS;
    static const char *const mounts[] = {"/prometheus/", "/tempo/", "/jaeger/"};
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        size_t n = strlen(mounts[i]) - 1;
        if (!has_prefix(path, mounts[i]))
            continue;
        path.at += n;
        path.len -= n;
        break;
    }
    enum route_class best = ROUTE_NONE;
    size_t longest = 0;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        size_t n = strlen(classes[i].prefix);
        if (n > longest && has_prefix(path, classes[i].prefix)) {
            longest = n;
            best = classes[i].class;
        }
    }
    return best;
}

void counters_request(struct tsdb_text path, int status, int64_t duration_ns)
{
    enum route_class class = status == 404 ? ROUTE_NONE : route_class_of(path);
    int hundreds = status < 100 ? 1 : status > 599 ? 5 : status / 100;
    counters_add(REQUESTS, AT(class, (unsigned)hundreds - 1), 1);
    counters_observe(REQUEST_DURATION, AT(class), duration_ns);
}
