#include "collector/api/jaeger.h"

#include "tests/collector/api/ask.h"
#include "tests/collector/api/sample_trace.h"

static void set_up(void)
{
    api_up();
    traces.found[0] = sample_found;
    traces.found_count = 1;
    traces.whole[0] = &sample_trace;
}

TestSuite(jaeger, .init = set_up, .fini = api_down, .timeout = 60);

#define NONE ",\"limit\":0,\"offset\":0,\"errors\":null}"
#define FAULT(code, text)                                                                          \
    "{\"data\":null,\"total\":0,\"limit\":0,\"offset\":0,\"errors\":[{\"code\":" code              \
    ",\"msg\":\"" text "\"}]}"
#define FAULT_3(code, text) "{\"error\":{\"httpCode\":" code ",\"message\":\"" text "\"}}"

Test(jaeger, services)
{
    traces.values[0] = (struct fake_value){TSDB_FIELD_STRING, "cart"};
    traces.values[1] = (struct fake_value){TSDB_FIELD_STRING, "shop"};
    ASSERT_GET("/api/services", "", 200, "{\"data\":[\"cart\",\"shop\"],\"total\":2" NONE);
    cr_assert_eq(traces.place, TSDB_PLACE_RESOURCE);
    cr_assert_str_eq(traces.name, "service.name");
    cr_assert_eq(traces.scope.start, INT64_C(1795521600123000000) - JAEGER_SINCE);
    ASSERT_GET("/jaeger/api/v3/services", "", 200, "{\"services\":[\"cart\",\"shop\"]}");
    traces.scope_status = TSDB_EIO;
    db.message = "disk";
    ASSERT_GET("/api/services", "", 500, FAULT("500", "disk"));
    ASSERT_GET("/api/v3/services", "", 500, FAULT_3("500", "disk"));
}

Test(jaeger, operations)
{
    traces.values[0] = (struct fake_value){TSDB_FIELD_STRING, "GET /"};
    ASSERT_GET("/api/services/my%20%22shop%2Fx/operations", "", 200,
               "{\"data\":[\"GET /\"],\"total\":1" NONE);
    cr_assert_str_eq(traces.query, "{ resource.service.name = \"my \\\"shop/x\" }");
    cr_assert_eq(traces.place, TSDB_PLACE_INTRINSIC);
    cr_assert_str_eq(traces.name, "name");
    ASSERT_GET("/api/operations", "service=a&spanKind=server", 200,
               "{\"data\":[{\"name\":\"GET /\",\"spanKind\":\"server\"}],\"total\":1" NONE);
    cr_assert_str_eq(traces.query, "{ resource.service.name = \"a\" && kind = server }");
    ASSERT_GET("/api/v3/operations", "service=a&span_kind=internal", 200,
               "{\"operations\":[{\"name\":\"GET /\",\"spanKind\":\"internal\"}]}");
    cr_assert_str_eq(traces.query, "{ resource.service.name = \"a\" && (kind = internal || kind = "
                                   "unspecified) }");
    traces.lookups = 0;
    ASSERT_GET(
        "/api/v3/operations", "service=a", 200,
        "{\"operations\":[{\"name\":\"GET /\",\"spanKind\":\"internal\"},{\"name\":\"GET /\","
        "\"spanKind\":\"server\"},{\"name\":\"GET /\",\"spanKind\":\"client\"},{\"name\":"
        "\"GET /\",\"spanKind\":\"producer\"},{\"name\":\"GET /\",\"spanKind\":\"consumer\"}]"
        "}");
    cr_assert_eq(traces.lookups, 5);
    ASSERT_GET("/api/operations", "", 400, FAULT("400", "parameter 'service' is required"));
    ASSERT_GET("/api/services/a/other", "", 404,
               FAULT("404", "want /api/services/NAME/operations"));
}

Test(jaeger, a_trace_by_its_id)
{
    const char *text = get("/api/traces/" SAMPLE_ID_HEX, "");
    cr_assert(text_begins(text, "{\"data\":[{\"traceID\":\"" SAMPLE_ID_HEX "\",\"spans\":["), "%s",
              text);
    cr_assert(strstr(text, "\"warnings\":null}],\"total\":1" NONE));
    cr_assert_eq(x.status, 200);
    exchange_release(&x);
    text = get("/api/v3/traces/" SAMPLE_ID_HEX, "");
    cr_assert(text_begins(text, "{\"result\":{\"resourceSpans\":[{\"resource\":"), "%s", text);
    cr_assert(strstr(text, "\"traceId\":\"" SAMPLE_ID_HEX "\""));
    cr_assert(strstr(text, "\"kind\":2"));
    exchange_release(&x);
    cr_assert(traces_settle());
}

Test(jaeger, no_trace_is_404)
{
    ASSERT_GET("/api/traces/1", "", 404, FAULT("404", "trace not found"));
    ASSERT_GET("/api/v3/traces/1", "", 404, FAULT_3("404", "trace not found"));
    ASSERT_GET(
        "/api/traces/x", "", 400,
        FAULT("400", "malformed trace ID: want at most 32 hexadecimal digits, got \\\"x\\\""));
}

Test(jaeger, times_are_told_by_their_magnitude)
{
    static const char *const forms[] = {"start=1795521600&end=1795521700",
                                        "start=1795521600000&end=1795521700000",
                                        "start=1795521600000000&end=1795521700000000"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        (void)get("/api/traces/1", forms[i]);
        exchange_release(&x);
        cr_assert_eq(traces.start, INT64_C(1795521600000000000), "%s", forms[i]);
        cr_assert_eq(traces.end, INT64_C(1795521700000000000), "%s", forms[i]);
    }
    (void)get("/api/traces/1", "start=99999999999999999");
    exchange_release(&x);
    cr_assert_eq(traces.start, INT64_MAX, "beyond what there is");
    ASSERT_GET("/api/traces/1", "start=x", 400,
               FAULT("400", "unable to parse param 'start': want microseconds, got \\\"x\\\""));
    (void)get("/api/v3/traces/1", "start_time=2026-11-24T02%3A00%3A00+02%3A00");
    exchange_release(&x);
    cr_assert_eq(traces.start, INT64_C(1795478400000000000), "a plus that became a space");
    cr_assert_eq(traces.end, INT64_MAX);
}

Test(jaeger, a_search_answers_whole_traces)
{
    const char *text =
        get("/api/traces", "service=shop&operation=GET+%2Fcart&tags=%7B%22error%22%3A%22true%22%2C"
                           "%22http.status_code%22%3A%22500%22%7D&tag=a:b:c&minDuration=1.2s&"
                           "maxDuration=2s&limit=5&start=1795521600000000&end=1795521700000000");
    cr_assert_eq(x.status, 200);
    cr_assert(strstr(text, "{\"data\":[{\"traceID\":\"" SAMPLE_ID_HEX "\""), "%s", text);
    cr_assert(strstr(text, "}],\"total\":1" NONE));
    exchange_release(&x);
    cr_assert_str_eq(
        traces.query,
        "{ resource.service.name = \"shop\" && name = \"GET /cart\" && .a = \"b:c\" && "
        "status = error && (.http.status_code = \"500\" || .http.status_code = 500 || "
        ".http.status_code = 500.0) && duration >= 1200000000ns && duration <= "
        "2000000000ns }");
    cr_assert_eq(traces.options.limit, 5);
    cr_assert_eq(traces.options.start, INT64_C(1795521600000000000));
    cr_assert_eq(traces.options.end, INT64_C(1795521700000000000));
    cr_assert_eq(traces.start, SAMPLE_START, "looked for where its spans are");
    cr_assert_eq(traces.end, SAMPLE_START + 2500001);
    cr_assert(traces_settle());
}

Test(jaeger, a_search_that_finds_nothing_is_empty)
{
    traces.found_count = 0;
    ASSERT_GET("/api/traces", "service=a", 200, "{\"data\":[],\"total\":0" NONE);
    cr_assert_eq(traces.options.limit, JAEGER_LIMIT);
    cr_assert_eq(traces.options.end, INT64_C(1795521600123000000));
    cr_assert_eq(traces.options.start, INT64_C(1795521600123000000) - 2 * NS_PER_DAY);
    traces.found_count = 1;
    traces.whole[0] = NULL;
    ASSERT_GET("/api/traces", "service=a", 200, "{\"data\":[],\"total\":0" NONE);
}

Test(jaeger, traces_may_be_named)
{
    const char *text = get("/api/traces", "traceID=1&traceID=" SAMPLE_ID_HEX);
    cr_assert(strstr(text, "\"total\":1"), "%s", text);
    exchange_release(&x);
    cr_assert_eq(traces.opened, 0);
    ASSERT_GET("/api/traces", "traceID=x", 400, FAULT("400", "malformed parameter traceID"));
}

Test(jaeger, searches_say_what_is_wrong)
{
    ASSERT_GET("/api/traces", "limit=0", 400,
               FAULT("400", "malformed parameter limit: want 1 to 1500"));
    ASSERT_GET("/api/traces", "limit=1501", 400,
               FAULT("400", "malformed parameter limit: want 1 to 1500"));
    ASSERT_GET("/api/traces", "tags=%5B%5D", 400,
               FAULT("400", "malformed parameter tags: want an object of texts in JSON"));
    ASSERT_GET("/api/traces", "tag=x", 400,
               FAULT("400", "malformed parameter tag: want name:value"));
    ASSERT_GET("/api/traces", "minDuration=x", 400,
               FAULT("400", "malformed parameter minDuration: cannot parse \\\"x\\\" to a valid "
                            "duration"));
    ASSERT_GET("/api/traces", "start=5&end=4", 400,
               FAULT("400", "the start of the search must be before its end"));
    traces.end_status = TSDB_ELIMIT;
    db.message = "too much";
    ASSERT_GET("/api/traces", "service=a", 400, FAULT("400", "too much"));
    cr_assert(traces_settle());
}

#define RANGE_3                                                                                    \
    "query.start_time_min=2026-11-24T00%3A00%3A00Z&query.start_time_max=2026-11-24T03%3A00%3A00+"  \
    "02"                                                                                           \
    "%3A00"

Test(jaeger, version_3_searches_with_either_spelling)
{
    const char *text = get("/api/v3/traces", "query.service_name=shop&query.operation_name=o&"
                                             "query.duration_min=1ms&query.duration_max=1s&"
                                             "query.search_depth=5&query.attributes=%7B%22a%22%3A"
                                             "%22b%22%7D&" RANGE_3);
    cr_assert_eq(x.status, 200, "%s", text);
    cr_assert(text_begins(text, "{\"result\":{\"resourceSpans\":[{\"resource\":"), "%s", text);
    size_t n = strlen(text);
    cr_assert_str_eq(text + n - 4, "}]}}");
    exchange_release(&x);
    cr_assert_str_eq(traces.query,
                     "{ resource.service.name = \"shop\" && name = \"o\" && .a = \"b\" "
                     "&& duration >= 1000000ns && duration <= 1000000000ns }");
    cr_assert_eq(traces.options.limit, 5);
    cr_assert_eq(traces.options.start, INT64_C(1795478400000000000));
    cr_assert_eq(traces.options.end, INT64_C(1795482000000000000));
    (void)get("/api/v3/traces", "query.serviceName=x&query.searchDepth=6&"
                                "query.startTimeMin=2026-11-24T00%3A00%3A00Z&"
                                "query.startTimeMax=2026-11-24T03%3A00%3A00Z");
    cr_assert_str_eq(traces.query, "{ resource.service.name = \"x\" }");
    cr_assert_eq(traces.options.limit, 6);
    exchange_release(&x);
}

Test(jaeger, version_3_says_what_is_wrong)
{
    ASSERT_GET("/api/v3/traces", "query.service_name=a", 400,
               FAULT_3("400", "query.startTimeMin is required"));
    ASSERT_GET("/api/v3/traces", "query.startTimeMin=noon&query.startTimeMax=noon", 400,
               FAULT_3("400",
                       "malformed parameter query.startTimeMin: want a time of RFC 3339, got "
                       "\\\"noon\\\""));
    traces.found_count = 0;
    ASSERT_GET("/api/v3/traces", RANGE_3, 404, FAULT_3("404", "No traces found"));
}

Test(jaeger, summaries)
{
    ASSERT_GET(
        "/api/v3/trace-summaries", RANGE_3, 200,
        "{\"summaries\":[{\"traceId\":\"" SAMPLE_ID_HEX "\",\"rootServiceName\":\"shop\","
        "\"rootOperationName\":\"GET /cart\",\"minStartTimeUnixNano\":\"1795521600123456789\""
        ",\"maxEndTimeUnixNano\":\"1795521600125956789\",\"spanCount\":3,\"errorSpanCount\":1"
        ",\"services\":[{\"name\":\"shop\",\"spanCount\":2,\"errorSpanCount\":1},{\"name\":"
        "\"cart\",\"spanCount\":1,\"errorSpanCount\":0}]}]}");
    traces.found_count = 0;
    ASSERT_GET("/jaeger/api/v3/trace-summaries", RANGE_3, 200, "{\"summaries\":[]}");
}

Test(jaeger, dependencies_are_counted_in_the_traces)
{
    db.repeat = 2;
    ASSERT_GET("/api/dependencies", "endTs=1795521700000&lookback=3600000", 200,
               "{\"data\":[{\"parent\":\"cart\",\"child\":\"shop\",\"callCount\":3},{\"parent\":"
               "\"shop\",\"child\":\"cart\",\"callCount\":3}],\"total\":2" NONE);
    cr_assert_str_eq(traces.query, "{}");
    cr_assert_eq(traces.options.limit, JAEGER_DEPENDENCY_TRACES_MAX);
    cr_assert_eq(traces.options.end, INT64_C(1795521700000000000));
    cr_assert_eq(traces.options.start, INT64_C(1795518100000000000));
    cr_assert(traces_settle());
    ASSERT_GET("/api/dependencies", "service=nobody", 200, "{\"data\":[],\"total\":0" NONE);
    ASSERT_GET("/api/dependencies", "lookback=x", 400,
               FAULT("400", "unable to parse param 'lookback': want milliseconds, got \\\"x\\\""));
}

Test(jaeger, a_service_does_not_depend_on_itself)
{
    static struct tsdb_span spans[3];
    static struct tsdb_trace trace;
    memcpy(spans, sample_spans, sizeof spans);
    spans[2].parent_id = spans[0].span_id; /* both made by the shop */
    trace = sample_trace;
    trace.spans = spans;
    traces.whole[0] = &trace;
    ASSERT_GET(
        "/api/dependencies", "", 200,
        "{\"data\":[{\"parent\":\"shop\",\"child\":\"cart\",\"callCount\":1}],\"total\":1" NONE);
}
