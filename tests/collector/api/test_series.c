#include "tests/collector/api/ask.h"

TestSuite(series, .init = api_up, .fini = api_down);

static const struct tsdb_label up_labels[] = {LABEL("__name__", "up"), LABEL("job", "a")};
static const struct tsdb_label down_labels[] = {LABEL("__name__", "down")};

Test(series, series_are_label_sets)
{
    db.series[0] = (struct tsdb_labels){up_labels, 2};
    db.series[1] = (struct tsdb_labels){down_labels, 1};
    db.series_count = 2;
    ASSERT_GET("/api/v1/series", "match[]=up&match%5B%5D=%7Bjob%3D%22a%22%7D&start=1&end=2", 200,
               "{\"status\":\"success\",\"data\":[{\"__name__\":\"up\",\"job\":\"a\"},"
               "{\"__name__\":\"down\"}]}");
    cr_assert_str_eq(db.selectors, "up;{job=\"a\"};");
    cr_assert_eq(db.scope.start, NS_PER_S);
    cr_assert_eq(db.scope.end, 2 * NS_PER_S);
    ASSERT_GET("/api/v1/series", "match[]=up&limit=1", 200,
               "{\"status\":\"success\",\"data\":[{\"__name__\":\"up\",\"job\":\"a\"}],"
               "\"warnings\":[\"results truncated due to limit\"]}");
    ASSERT_GET("/api/v1/series", "match[]=up&limit=2", 200,
               "{\"status\":\"success\",\"data\":[{\"__name__\":\"up\",\"job\":\"a\"},"
               "{\"__name__\":\"down\"}]}");
    ASSERT_GET("/api/v1/series", "", 400,
               "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"no match[] parameter "
               "provided\"}");
    ASSERT_GET(
        "/api/v1/series", "match[]=up&start=2&end=1", 400,
        "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"end timestamp must not "
        "be before start timestamp\"}");
    db.scope_status = TSDB_EINVAL;
    db.message = "1:1: parse error: bad";
    ASSERT_GET("/api/v1/series", "match[]=)", 400,
               "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"invalid parameter "
               "\\\"match[]\\\": 1:1: parse error: bad\"}");
}

Test(series, all_of_time_by_default)
{
    ASSERT_GET("/api/v1/labels", "", 200, "{\"status\":\"success\",\"data\":[]}");
    cr_assert_eq(db.scope.start, INT64_MIN);
    cr_assert_eq(db.scope.end, INT64_MAX);
    cr_assert_eq(db.scope.limit, 0);
    cr_assert_eq(db.scope.selector_count, 0);
}

Test(series, selectors_are_bounded)
{
    static char query[16 * (API_SELECTORS_MAX + 1)];
    for (int i = 0; i <= API_SELECTORS_MAX; i++)
        (void)snprintf(query + strlen(query), 16, "match[]=a&");
    (void)get("/api/v1/labels", query);
    cr_assert_eq(x.status, 400);
    exchange_release(&x);
    query[strlen(query) - 10] = '\0';
    (void)get("/api/v1/labels", query);
    cr_assert_eq(x.status, 200);
    cr_assert_eq(db.scope.selector_count, API_SELECTORS_MAX);
    exchange_release(&x);
}

Test(series, label_values_take_escaped_names)
{
    db.texts[0] = "<a>";
    db.texts[1] = "b";
    ASSERT_GET("/api/v1/label/job/values", "", 200,
               "{\"status\":\"success\",\"data\":[\"\\u003ca\\u003e\",\"b\"]}");
    cr_assert_str_eq(db.name, "job");
    ASSERT_GET("/prometheus/api/v1/label/U__http_2e_code/values", "limit=1", 200,
               "{\"status\":\"success\",\"data\":[\"\\u003ca\\u003e\"],"
               "\"warnings\":[\"results truncated due to limit\"]}");
    cr_assert_str_eq(db.name, "http.code");
    ASSERT_GET("/api/v1/label/a%2Fb/values", "limit=2", 200,
               "{\"status\":\"success\",\"data\":[\"\\u003ca\\u003e\",\"b\"]}");
    cr_assert_str_eq(db.name, "a/b");
    ASSERT_GET("/api/v1/label/a%ff/values", "", 400,
               "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"invalid label name: "
               "\\\"a%ff\\\"\"}");
    static const char *const none[] = {"/api/v1/label/", "/api/v1/label/job",
                                       "/api/v1/label//values", "/api/v1/label/a/b/values"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        (void)get(none[i], "");
        cr_assert_eq(x.status, 404, "%s: %d", none[i], x.status);
        exchange_release(&x);
    }
}

static struct tsdb_metadata metadata(const char *family, enum tsdb_metric_type type,
                                     const char *help)
{
    return (struct tsdb_metadata){text_of(family), text_of(help), text_of(""), type};
}

Test(series, metadata_is_grouped_by_metric)
{
    db.metadata[0] = metadata("a", TSDB_METRIC_COUNTER, "first");
    db.metadata[1] = metadata("a", TSDB_METRIC_GAUGE, "second");
    db.metadata[2] = metadata("b", TSDB_METRIC_HISTOGRAM, "");
    db.metadata_count = 3;
    ASSERT_GET("/api/v1/metadata", "", 200,
               "{\"status\":\"success\",\"data\":{\"a\":["
               "{\"type\":\"counter\",\"help\":\"first\",\"unit\":\"\"},"
               "{\"type\":\"gauge\",\"help\":\"second\",\"unit\":\"\"}],"
               "\"b\":[{\"type\":\"histogram\",\"help\":\"\",\"unit\":\"\"}]}}");
    ASSERT_GET("/api/v1/metadata", "limit=1&limit_per_metric=1", 200,
               "{\"status\":\"success\",\"data\":{\"a\":["
               "{\"type\":\"counter\",\"help\":\"first\",\"unit\":\"\"}]}}");
    ASSERT_GET("/api/v1/metadata", "metric=b", 200,
               "{\"status\":\"success\",\"data\":{"
               "\"b\":[{\"type\":\"histogram\",\"help\":\"\",\"unit\":\"\"}]}}");
    ASSERT_GET("/api/v1/metadata", "limit=0", 200, "{\"status\":\"success\",\"data\":{}}");
    ASSERT_GET("/api/v1/metadata", "metric=none", 200, "{\"status\":\"success\",\"data\":{}}");
    ASSERT_GET("/api/v1/metadata", "limit=x", 400,
               "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"limit must be a "
               "number\"}");
}

Test(series, exemplars_are_grouped_by_series)
{
    static const struct tsdb_label trace[] = {LABEL("trace_id", "t1")};
    db.series[0] = (struct tsdb_labels){up_labels, 2};
    db.series[1] = (struct tsdb_labels){down_labels, 1};
    db.series_count = 2;
    for (int i = 0; i < 3; i++)
        db.exemplars[i] =
            (struct tsdb_exemplar){i == 2, INT64_C(1600096945479000000), 6, {trace, 1}};
    ASSERT_GET("/api/v1/query_exemplars", "query=test", 200,
               "{\"status\":\"success\",\"data\":[]}");
    db.exemplar_count = 3;
#define EXEMPLAR "{\"labels\":{\"trace_id\":\"t1\"},\"value\":\"6\",\"timestamp\":1600096945.479}"
    ASSERT_GET("/api/v1/query_exemplars", "query=up&start=1&end=2", 200,
               "{\"status\":\"success\",\"data\":["
               "{\"seriesLabels\":{\"__name__\":\"up\",\"job\":\"a\"},\"exemplars\":[" EXEMPLAR
               "," EXEMPLAR "]},{\"seriesLabels\":{\"__name__\":\"down\"},\"exemplars\":[" EXEMPLAR
               "]}]}");
    cr_assert_str_eq(db.expr, "up");
}
