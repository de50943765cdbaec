#include "collector/api/tempo.h"

#include "proto/tempo.pb-c.h"
#include "tests/collector/api/ask.h"
#include "tests/collector/api/sample_trace.h"

static void set_up(void)
{
    api_up();
    traces.found[0] = sample_found;
    traces.found_count = 1;
    traces.whole[0] = &sample_trace;
    traces.stats = (struct tsdb_trace_stats){.traces = 5, .bytes = 1234567890123};
}

TestSuite(tempo, .init = set_up, .fini = api_down, .timeout = 60);

#define FOUND                                                                                      \
    "{\"traceID\":\"000102030405060708090a0b0c0d0eff\",\"rootServiceName\":\"shop\","              \
    "\"rootTraceName\":\"GET /cart\",\"startTimeUnixNano\":\"1795521600123456789\","               \
    "\"durationMs\":2,\"spanSets\":[{\"spans\":[{\"spanID\":\"a000000000000000\",\"name\":"        \
    "\"GET /cart\",\"startTimeUnixNano\":\"1795521600123456789\",\"durationNanos\":\"2500000\","   \
    "\"attributes\":[{\"key\":\"span.http.status_code\",\"value\":{\"intValue\":\"500\"}}]}],"     \
    "\"matched\":2,\"attributes\":[{\"key\":\"count()\",\"value\":{\"intValue\":\"2\"}}]}],"       \
    "\"serviceStats\":{\"shop\":{\"spanCount\":2,\"errorCount\":1},\"cart\":{\"spanCount\":1}}}"
#define METRICS                                                                                    \
    "\"metrics\":{\"inspectedTraces\":5,\"inspectedBytes\":\"1234567890123\",\"completedJobs\":1," \
    "\"totalJobs\":1}"

/* ---- searches ---- */

Test(tempo, search_answers_what_strict_readers_know)
{
    ASSERT_GET("/api/search", "q=%7Bname%3D%22a%22%7D&limit=7&spss=4&start=1000&end=2000", 200,
               "{\"traces\":[" FOUND "]," METRICS "}");
    cr_assert_str_eq(traces.query, "{name=\"a\"}");
    cr_assert_eq(traces.options.limit, 7);
    cr_assert_eq(traces.options.spans_per_set, 4);
    cr_assert_eq(traces.options.start, 1000 * NS_PER_S);
    cr_assert_eq(traces.options.end, 2000 * NS_PER_S);
    cr_assert(traces_settle());
    traces.found_count = 0;
    ASSERT_GET("/tempo/api/search", "", 200, "{\"traces\":[]," METRICS "}");
    cr_assert_str_eq(traces.query, "{}");
    cr_assert_eq(traces.options.start, 0);
    cr_assert_eq(traces.options.end, INT64_MAX);
}

Test(tempo, search_takes_tags_and_durations)
{
    traces.found_count = 0;
    ASSERT_GET("/api/search",
               "tags=service.name%3Dfoo+error%3Dtrue&minDuration=1.5ms&maxDuration=2s", 200,
               "{\"traces\":[]," METRICS "}");
    cr_assert_str_eq(traces.query,
                     "{ .service.name = \"foo\" && status = error && traceDuration >= "
                     "1500000ns && traceDuration <= 2000000000ns }");
}

Test(tempo, search_says_what_is_wrong)
{
    ASSERT_GET("/api/search", "q=broken", 400, "parse error at line 1, col 1\n");
    ASSERT_GET("/api/search", "limit=x", 400, "invalid limit: want a number, got \"x\"\n");
    ASSERT_GET("/api/search", "limit=10001", 400, "invalid limit: 10001, want at most 10000\n");
    ASSERT_GET("/api/search", "start=20&end=10", 400, "parameter start must be before end\n");
    ASSERT_GET("/api/search", "start=noon", 400,
               "invalid parameter \"start\": cannot parse \"noon\" to a valid timestamp\n");
    ASSERT_GET("/api/search", "tags=a", 400, "invalid tags: want logfmt, name=value ...\n");
    ASSERT_GET("/api/search", "minDuration=1x", 400,
               "invalid minDuration: cannot parse \"1x\" to a valid duration\n");
    ASSERT_GET("/api/search", "minDuration=2s&maxDuration=1s", 400,
               "invalid maxDuration: must be greater than minDuration\n");
    ASSERT_GET("/api/search", "q=%7B%7D%7Crate()", 400,
               "a metrics query is no search: ask /api/metrics/query_range\n");
    traces.end_status = TSDB_ELIMIT;
    db.message = "too much";
    ASSERT_GET("/api/search", "", 400, "too much\n");
    cr_assert_str_eq(x.type, "text/plain; charset=utf-8");
    cr_assert(traces_settle());
}

Test(tempo, search_can_be_a_message)
{
    exchange_init(&x, "/api/search", "q=%7B%7D");
    x.accept = "application/protobuf";
    send_to(&x);
    exchange_wait(&x);
    cr_assert_str_eq(x.type, "application/protobuf");
    Tempopb__SearchResponse *m = tempopb__search_response__unpack(NULL, x.out.len, x.out.at);
    cr_assert(m);
    cr_assert_eq(m->n_traces, 1);
    cr_assert_str_eq(m->traces[0]->root_service_name, "shop");
    cr_assert_eq(m->metrics->inspected_bytes, 1234567890123);
    tempopb__search_response__free_unpacked(m, NULL);
    exchange_release(&x);
}

Test(tempo, a_search_whose_reader_goes_is_canceled)
{
    traces.blocks = true;
    exchange_init(&x, "/api/search", "q=%7B%7D");
    send_to(&x);
    usleep(20000);
    x.is_gone = true;
    exchange_wait(&x);
    cr_assert_eq(x.status, 503);
    cr_assert_eq(traces.canceled, 1);
    cr_assert(traces_settle());
    exchange_release(&x);
}

Test(tempo, tenants_are_the_credentials)
{
    exchange_init(&x, "/api/search", "");
    x.tenant = "acme";
    send_to(&x);
    exchange_wait(&x);
    cr_assert_str_eq(traces.tenant, "acme");
    exchange_release(&x);
}

/* ---- one trace ---- */

static const char *get_as(const char *path, const char *accept)
{
    exchange_init(&x, path, "");
    x.accept = accept;
    send_to(&x);
    exchange_wait(&x);
    return exchange_body_text(&x);
}

Test(tempo, version_2_answers_a_message_or_json)
{
    (void)get_as("/api/v2/traces/" SAMPLE_ID_HEX, "application/protobuf");
    cr_assert_str_eq(x.type, "application/protobuf");
    Tempopb__TraceByIDResponse *m = tempopb__trace_by_idresponse__unpack(NULL, x.out.len, x.out.at);
    cr_assert(m);
    cr_assert_eq(m->trace->n_resource_spans, 2);
    cr_assert_eq(m->status, TEMPOPB__PARTIAL_STATUS__COMPLETE);
    cr_assert(m->metrics);
    tempopb__trace_by_idresponse__free_unpacked(m, NULL);
    exchange_release(&x);
    const char *text = get_as("/tempo/api/v2/traces/" SAMPLE_ID_HEX, NULL);
    cr_assert(text_begins(text, "{\"trace\":{\"resourceSpans\":[{\"resource\":"), "%s", text);
    cr_assert(strstr(text, "\"kind\":\"SPAN_KIND_SERVER\""));
    cr_assert(strstr(text, "]},\"metrics\":{}}"));
    exchange_release(&x);
    cr_assert(traces_settle());
}

Test(tempo, part_of_a_trace_is_said_to_be_that)
{
    static struct tsdb_trace part;
    part = sample_trace;
    part.is_partial = true;
    traces.whole[0] = &part;
    cr_assert(strstr(get_as("/api/v2/traces/" SAMPLE_ID_HEX, NULL),
                     "\"metrics\":{},\"status\":\"PARTIAL\",\"message\":\"the trace is not"));
    exchange_release(&x);
    (void)get_as("/api/v2/traces/" SAMPLE_ID_HEX, "application/protobuf");
    Tempopb__TraceByIDResponse *m = tempopb__trace_by_idresponse__unpack(NULL, x.out.len, x.out.at);
    cr_assert_eq(m->status, TEMPOPB__PARTIAL_STATUS__PARTIAL);
    cr_assert_gt(strlen(m->message), 0);
    tempopb__trace_by_idresponse__free_unpacked(m, NULL);
    exchange_release(&x);
}

Test(tempo, an_unknown_trace_is_empty_or_404)
{
    ASSERT_GET("/api/v2/traces/1", "", 200, "{\"trace\":{},\"metrics\":{}}");
    (void)get_as("/api/v2/traces/1", "application/protobuf");
    cr_assert_eq(x.out.len, 4);
    cr_assert_eq(memcmp(x.out.at, "\x0a\x00\x12\x00", 4), 0);
    exchange_release(&x);
    ASSERT_GET("/tempo/api/traces/1", "", 404, "");
    ASSERT_GET("/api/v2/traces/xyz", "", 400,
               "trace IDs are at most 32 hexadecimal digits, got \"xyz\"\n");
    traces.read_status = TSDB_EIO;
    db.message = "disk";
    ASSERT_GET("/api/v2/traces/1", "", 500, "disk\n");
}

Test(tempo, at_the_root_one_path_is_two_apis)
{
    (void)get_as("/api/traces/" SAMPLE_ID_HEX, "application/protobuf");
    Tempopb__Trace *m = tempopb__trace__unpack(NULL, x.out.len, x.out.at);
    cr_assert(m);
    cr_assert_eq(m->n_resource_spans, 2);
    tempopb__trace__free_unpacked(m, NULL);
    exchange_release(&x);
    const char *text = get_as("/api/traces/" SAMPLE_ID_HEX, "application/json");
    cr_assert(text_begins(text, "{\"data\":[{\"traceID\":"), "Jaeger's: %s", text);
    exchange_release(&x);
    text = get_as("/tempo/api/traces/" SAMPLE_ID_HEX, "application/json");
    cr_assert(text_begins(text, "{\"batches\":[{\"resource\":"), "%s", text);
    exchange_release(&x);
    text = get_as("/jaeger/api/traces/" SAMPLE_ID_HEX, "application/protobuf");
    cr_assert(text_begins(text, "{\"data\":[{\"traceID\":"), "%s", text);
    exchange_release(&x);
}

Test(tempo, ids_are_padded_and_ranges_passed_on)
{
    static const struct tsdb_trace_id want = {{[14] = 0xab, [15] = 0xcd}};
    ASSERT_GET("/api/v2/traces/abCD", "start=1000&end=2000", 200, "{\"trace\":{},\"metrics\":{}}");
    cr_assert_eq(memcmp(&traces.id, &want, sizeof want), 0);
    cr_assert_eq(traces.start, 1000 * NS_PER_S);
    cr_assert_eq(traces.end, 2000 * NS_PER_S);
    ASSERT_GET("/api/v2/traces/1", "", 200, "{\"trace\":{},\"metrics\":{}}");
    cr_assert_eq(traces.start, 0);
    cr_assert_eq(traces.end, 0);
    ASSERT_GET("/api/v2/traces/1", "end=5", 200, "{\"trace\":{},\"metrics\":{}}");
    cr_assert_eq(traces.start, INT64_MIN);
    ASSERT_GET("/api/v2/traces/000102030405060708090a0b0c0d0eff0", "", 400,
               "trace IDs are at most 32 hexadecimal digits, got "
               "\"000102030405060708090a0b0c0d0eff0\"\n");
}

/* ---- tags ---- */

static void tags_up(void)
{
    static const struct fake_tag tags[] = {{TSDB_PLACE_RESOURCE, "service.name"},
                                           {TSDB_PLACE_RESOURCE, "zone"},
                                           {TSDB_PLACE_SPAN, "http.method"},
                                           {TSDB_PLACE_SPAN, "zone"},
                                           {TSDB_PLACE_SCOPE, "s"}};
    memcpy(traces.tags, tags, sizeof tags);
}

Test(tempo, tags_are_listed_by_scope)
{
    tags_up();
    const char *text = get("/api/v2/search/tags", "");
    static const char head[] = "{\"scopes\":[{\"name\":\"resource\",\"tags\":[\"service.name\","
                               "\"zone\"]},{\"name\":\"span\",\"tags\":[\"http.method\",\"zone\"]},"
                               "{\"name\":\"instrumentation\",\"tags\":[\"s\"]},{\"name\":"
                               "\"intrinsic\",\"tags\":[\"duration\",";
    cr_assert(text_begins(text, head), "%s", text);
    cr_assert(strstr(text, "\"traceDuration\"]}],\"metrics\":{}}"));
    exchange_release(&x);
    cr_assert_eq(traces.scope.start, INT64_C(1795521600123000000) - NS_PER_DAY);
    cr_assert_eq(traces.scope.end, INT64_MAX);
    ASSERT_GET("/api/v2/search/tags", "scope=span&start=5&end=6&q=%7Bname%3D%22a%22%7D&limit=1",
               200, "{\"scopes\":[{\"name\":\"span\",\"tags\":[\"http.method\"]}],\"metrics\":{}}");
    cr_assert_str_eq(traces.query, "{name=\"a\"}");
    cr_assert_eq(traces.scope.start, 5 * NS_PER_S);
    ASSERT_GET("/api/v2/search/tags", "scope=link", 200, "{\"scopes\":[],\"metrics\":{}}");
    ASSERT_GET("/api/v2/search/tags", "scope=odd", 400, "invalid scope: odd\n");
}

Test(tempo, each_scope_has_the_limit)
{
    tags_up();
    const char *text = get("/api/v2/search/tags", "limit=1");
    cr_assert_str_eq(text,
                     "{\"scopes\":[{\"name\":\"resource\",\"tags\":[\"service.name\"]},{"
                     "\"name\":\"span\",\"tags\":[\"http.method\"]},{\"name\":"
                     "\"instrumentation\",\"tags\":[\"s\"]},{\"name\":\"intrinsic\",\"tags\":["
                     "\"duration\"]}],\"metrics\":{}}");
    exchange_release(&x);
}

Test(tempo, what_is_half_typed_filters_nothing)
{
    tags_up();
    ASSERT_GET(
        "/api/v2/search/tags", "scope=span&q=%7Bbroken", 200,
        "{\"scopes\":[{\"name\":\"span\",\"tags\":[\"http.method\",\"zone\"]}],\"metrics\":{}}");
    cr_assert_eq(traces.lookups, 2);
    traces.values[0] = (struct fake_value){TSDB_FIELD_STRING, "GET"};
    ASSERT_GET("/api/v2/search/tag/span.http.method/values", "q=broken", 200,
               "{\"tagValues\":[{\"type\":\"string\",\"value\":\"GET\"}],\"metrics\":{}}");
}

Test(tempo, version_1_of_tags_has_names_alone)
{
    tags_up();
    ASSERT_GET("/api/search/tags", "", 200,
               "{\"tagNames\":[\"http.method\",\"s\",\"service.name\",\"zone\"],\"metrics\":{}}");
    ASSERT_GET("/api/search/tags", "scope=resource&limit=1", 200,
               "{\"tagNames\":[\"service.name\"],\"metrics\":{}}");
    const char *text = get("/api/search/tags", "scope=intrinsic");
    cr_assert(strstr(text, "\"rootServiceName\""), "%s", text);
    cr_assert_null(strstr(text, "zone"));
    exchange_release(&x);
    traces.scope_status = TSDB_EIO;
    db.message = "disk";
    ASSERT_GET("/api/search/tags", "", 500, "disk\n");
    ASSERT_GET("/api/v2/search/tags", "", 500, "disk\n");
}

Test(tempo, values_have_types)
{
    static const struct fake_value values[] = {{TSDB_FIELD_STRING, "a<"},
                                               {TSDB_FIELD_INT, "5"},
                                               {TSDB_FIELD_DOUBLE, "0.5"},
                                               {TSDB_FIELD_BOOL, "true"}};
    memcpy(traces.values, values, sizeof values);
    ASSERT_GET("/api/v2/search/tag/span.http.method/values", "", 200,
               "{\"tagValues\":[{\"type\":\"string\",\"value\":\"a\\u003c\"},{\"type\":\"int\","
               "\"value\":\"5\"},{\"type\":\"float\",\"value\":\"0.5\"},{\"type\":\"bool\","
               "\"value\":\"true\"}],\"metrics\":{}}");
    cr_assert_str_eq(traces.name, "http.method");
    cr_assert_eq(traces.place, TSDB_PLACE_SPAN);
    ASSERT_GET("/api/v2/search/tag/status/values", "limit=1", 200,
               "{\"tagValues\":[{\"type\":\"keyword\",\"value\":\"a\\u003c\"}],\"metrics\":{}}");
    cr_assert_eq(traces.place, TSDB_PLACE_INTRINSIC);
    ASSERT_GET("/api/search/tag/service.name/values", "limit=2", 200,
               "{\"tagValues\":[\"a\\u003c\",\"5\"],\"metrics\":{}}");
    cr_assert_eq(traces.place, TSDB_PLACE_ANY);
    cr_assert_str_eq(traces.name, "service.name");
    (void)get("/api/search/tag/status.code/values", "");
    cr_assert_str_eq(traces.name, "status");
    cr_assert_eq(traces.place, TSDB_PLACE_INTRINSIC);
    exchange_release(&x);
}

Test(tempo, identifiers_have_a_place)
{
    static const struct {
        const char *text, *name; /* NULL: it is none */
        enum tsdb_trace_place place;
    } cases[] = {
        {"resource.service.name", "service.name", TSDB_PLACE_RESOURCE},
        {".a.b", "a.b", TSDB_PLACE_ANY},
        {"span.\"a b\\\"c\"", "a b\"c", TSDB_PLACE_SPAN},
        {"event.exception.type", "exception.type", TSDB_PLACE_EVENT},
        {"link.x", "x", TSDB_PLACE_LINK},
        {"instrumentation.x", "x", TSDB_PLACE_SCOPE},
        {"instrumentation:name", "instrumentation:name", TSDB_PLACE_INTRINSIC},
        {"trace:rootName", "trace:rootName", TSDB_PLACE_INTRINSIC},
        {"rootServiceName", "rootServiceName", TSDB_PLACE_INTRINSIC},
        {"span.", NULL, 0},
        {".", NULL, 0},
        {"foo", NULL, 0},
        {"span.\"a", NULL, 0},
        {"span.\"\"", NULL, 0},
        {"span.\"a\"b", NULL, 0},
        {"span.a\"b", NULL, 0},
        {"", NULL, 0},
    };
    struct arena arena;
    arena_init(&arena, 1 << 16, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum tsdb_trace_place place;
        struct tsdb_text name;
        bool is_name = tempo_identifier(text_of(cases[i].text), &arena, &place, &name);
        cr_assert_eq(is_name, cases[i].name != NULL, "%s", cases[i].text);
        if (!is_name)
            continue;
        cr_assert(text_equal(name, text_of(cases[i].name)), "%s", cases[i].text);
        cr_assert_eq(place, cases[i].place, "%s", cases[i].text);
    }
    arena_release(&arena);
    ASSERT_GET("/api/v2/search/tag/foo/values", "", 400,
               "please provide a valid tagName: an attribute with its scope, or an intrinsic\n");
    ASSERT_GET("/api/v2/search/tag/span.a%2Fb%20c/values", "", 200,
               "{\"tagValues\":[],\"metrics\":{}}");
    cr_assert_str_eq(traces.name, "a/b c");
}

/* ---- metric queries ---- */

static void series_up(void)
{
    static const struct tsdb_label labels[] = {{T("resource.service.name"), T("shop")}};
    static const int64_t ts[] = {INT64_C(60000000000), INT64_C(120000000000)};
    static const double values[] = {1, 2.5};
    static const uint8_t types[] = {TSDB_FIELD_STRING};
    db.results[0] =
        (struct tsdb_result){.labels = {labels, 1}, .count = 2, .ts = ts, .values = values};
    db.results[1] = (struct tsdb_result){.labels = {labels, 1}};
    db.result_count = 2;
    traces.label_types = types;
}

#define SHOP "\"labels\":[{\"key\":\"resource.service.name\",\"value\":{\"stringValue\":\"shop\"}}]"

Test(tempo, a_range_query_answers_series)
{
    series_up();
    ASSERT_GET("/api/metrics/query_range",
               "q=%7B%7D%7Crate()&start=65&end=175&step=60s&exemplars=20000", 200,
               "{\"series\":[{" SHOP ",\"samples\":[{\"timestampMs\":\"60000\",\"value\":1},{"
               "\"timestampMs\":\"120000\",\"value\":2.5}]}]," METRICS "}");
    cr_assert_eq(traces.options.start, 120 * NS_PER_S, "the step that covers the start");
    cr_assert_eq(traces.options.end, 180 * NS_PER_S);
    cr_assert_eq(traces.options.step, 60 * NS_PER_S);
    cr_assert_eq(traces.options.exemplars, TEMPO_EXEMPLARS_MAX);
    (void)get("/tempo/api/metrics/query_range", "query=%7B%7D%7Crate()&step=15");
    cr_assert_eq(traces.options.step, 15 * NS_PER_S);
    cr_assert_eq(traces.options.end, INT64_C(1795521615000000000), "the last hour");
    cr_assert_eq(traces.options.start, INT64_C(1795518015000000000));
    exchange_release(&x);
}

Test(tempo, an_instant_query_answers_one_value_each)
{
    series_up();
    ASSERT_GET("/api/metrics/query", "q=%7B%7D%7Crate()&start=100&end=200", 200,
               "{\"series\":[{" SHOP ",\"value\":2.5}]," METRICS "}");
    cr_assert_eq(traces.options.start, 100 * NS_PER_S);
    cr_assert_eq(traces.options.end, 200 * NS_PER_S);
    cr_assert_eq(traces.options.step, 0);
    (void)get("/api/metrics/query", "q=%7B%7D%7Crate()&since=15m");
    cr_assert_eq(traces.options.start, INT64_C(1795521600123000000) - 15 * NS_PER_MINUTE);
    exchange_release(&x);
}

Test(tempo, metric_queries_say_what_is_wrong)
{
    ASSERT_GET("/api/metrics/query_range", "", 400, "the parameter q is missing\n");
    ASSERT_GET("/api/metrics/query_range", "q=%7B%7D", 400,
               "the query is no metrics query: it wants a function, such as | rate()\n");
    ASSERT_GET("/api/metrics/query_range", "q=%7B%7D%7Crate()&start=5&end=5", 400,
               "parameter start must be before end\n");
    ASSERT_GET("/api/metrics/query_range", "q=%7B%7D%7Crate()&start=0&end=100000&step=1s", 400,
               "a range of more than 11000 steps: make the step longer\n");
    ASSERT_GET("/api/metrics/query", "q=broken%7Crate()", 400, "parse error at line 1, col 1\n");
}

Test(tempo, steps_lie_on_multiples_of_themselves)
{
    int64_t start = 60, end = 120;
    tempo_align(60, &start, &end);
    cr_assert(start == 120 && end == 120);
    start = -61, end = -1;
    tempo_align(60, &start, &end);
    cr_assert(start == -60 && end == 0);
    start = INT64_MIN, end = INT64_MAX;
    tempo_align(NS_PER_HOUR, &start, &end);
    cr_assert(start <= INT64_MIN + NS_PER_HOUR && end >= INT64_MAX - NS_PER_HOUR);
    cr_assert_eq(tempo_step(0, NS_PER_HOUR), 15 * NS_PER_S);
    cr_assert_eq(tempo_step(0, 30 * NS_PER_S), 100 * NS_PER_MS);
    cr_assert_eq(tempo_step(0, NS_PER_S), 50 * NS_PER_MS);
    cr_assert_eq(tempo_step(0, NS_PER_MINUTE), NS_PER_S);
    cr_assert_eq(tempo_step(0, 7 * NS_PER_DAY), 40 * NS_PER_MINUTE);
}

/* ---- what never changes ---- */

Test(tempo, echoes_and_says_whose_api_it_is)
{
    ASSERT_GET("/api/echo", "", 200, "echo");
    ASSERT_GET("/tempo/api/echo", "", 200, "echo");
    ASSERT_GET("/tempo/api/status/buildinfo", "", 200,
               "{\"version\":\"" TEMPO_VERSION "\",\"revision\":\"andon-" ANDON_VERSION
               "\",\"branch\":\"\",\"buildDate\":\"\",\"buildUser\":\"\",\"goVersion\":\"\"}");
    ASSERT_GET("/tempo/ready", "", 200, "Andon is Ready.\n");
}
