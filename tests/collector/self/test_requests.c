#include "collector/self/counters.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>

Test(requests, path_decides_the_class)
{
    static const struct {
        const char *path;
        enum route_class class;
    } cases[] = {
        {"/v1/metrics", ROUTE_OTLP},
        {"/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", ROUTE_OTLP},
        {"/api/v1/otlp/v1/metrics", ROUTE_OTLP},
        {"/v1/traces", ROUTE_OTLP},
        {"/opentelemetry/v1/traces", ROUTE_OTLP},
        {"/insert/opentelemetry/v1/logs", ROUTE_OTLP},
        {"/api/v2/spans", ROUTE_SPANS},
        {"/api/v1/write", ROUTE_REMOTE_WRITE},
        {"/loki/api/v1/push", ROUTE_LOGS},
        {"/api/v1/import/jsonl", ROUTE_LOGS},
        {"/insert/jsonline", ROUTE_LOGS},
        {"/elasticsearch/_bulk", ROUTE_LOGS},
        {"/some-index/_bulk", ROUTE_LOGS},
        {"/_license", ROUTE_LOGS},
        {"/api/v1/query", ROUTE_QUERY},
        {"/prometheus/api/v1/query_range", ROUTE_QUERY},
        {"/api/v1/label/job/values", ROUTE_METADATA},
        {"/api/v1/status/buildinfo", ROUTE_STATUS},
        {"/api/v1/admin/tsdb/snapshot", ROUTE_ADMIN},
        {"/-/reload", ROUTE_ADMIN},
        {"/tempopb.StreamingQuerier/Search", ROUTE_QUERY},
        {"/api/search", ROUTE_QUERY},
        {"/tempo/api/search/tags", ROUTE_METADATA},
        {"/api/v2/search/tag/span.a/values", ROUTE_METADATA},
        {"/api/traces/1", ROUTE_QUERY},
        {"/tempo/api/v2/traces/1", ROUTE_QUERY},
        {"/tempo/api/echo", ROUTE_HEALTH},
        {"/api/metrics/query_range", ROUTE_QUERY},
        {"/jaeger/api/services/a/operations", ROUTE_METADATA},
        {"/api/v3/traces", ROUTE_QUERY},
        {"/api/v3/services", ROUTE_METADATA},
        {"/-/ready", ROUTE_HEALTH},
        {"/healthz", ROUTE_HEALTH},
        {"/metrics", ROUTE_METRICS},
        {"/api/v1/live", ROUTE_LIVE},
        {"/", ROUTE_PAGE},
        {"/assets/board.js", ROUTE_PAGE},
        {"", ROUTE_NONE},
        {"x", ROUTE_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(route_class_of(text_of(cases[i].path)), cases[i].class, "%s", cases[i].path);
}

Test(requests, answer_is_counted_by_class_of_route_and_code)
{
    counters_request(text_of("/api/v1/query"), 200, 1000);
    counters_request(text_of("/api/v1/query"), 422, 1000);
    counters_request(text_of("/wp-login.php"), 404, 1000);
    counters_request(text_of("/api/v1/query"), 0, 1000);
    counters_request(text_of("/api/v1/query"), 999, 1000);
    cr_assert_eq(counters_get(REQUESTS, AT(ROUTE_QUERY, CODE_2XX)), 1);
    cr_assert_eq(counters_get(REQUESTS, AT(ROUTE_QUERY, CODE_4XX)), 1);
    cr_assert_eq(counters_get(REQUESTS, AT(ROUTE_QUERY, CODE_1XX)), 1);
    cr_assert_eq(counters_get(REQUESTS, AT(ROUTE_QUERY, CODE_5XX)), 1);
    cr_assert_eq(counters_get(REQUESTS, AT(ROUTE_NONE, CODE_4XX)), 1);
    cr_assert_eq(counters_get(REQUEST_DURATION, AT(ROUTE_QUERY)), 4);
}
