/* Loki's API, route by route; its tail is in test_loki_tail.c. */
#include "tests/collector/api/ask.h"

#define S INT64_C(1000000000)
#define NOW INT64_C(1795521600123000000)

static const struct tsdb_labels cart_dev = LABELS_AT(LABEL("app", "cart"), LABEL("env", "dev"));
static const struct tsdb_labels cart_prod = LABELS_AT(LABEL("app", "cart"), LABEL("env", "prod"));
static const struct tsdb_labels shop_prod = LABELS_AT(LABEL("app", "shop"), LABEL("env", "prod"));
static const struct tsdb_labels shop_dev = LABELS_AT(LABEL("app", "shop"), LABEL("env", "dev"));
static const struct tsdb_labels trace_1 = LABELS_AT(LABEL("trace_id", "t1"));
static const struct tsdb_labels trace_2 = LABELS_AT(LABEL("trace_id", "t2"));
static const struct tsdb_labels failed = LABELS_AT(LABEL("__error__", "JSONParserErr"));
static const struct tsdb_labels n_is_2_5 = LABELS_AT(LABEL("n", "2.5"));
static const struct tsdb_labels a_and_b = LABELS_AT(LABEL("a", "1"), LABEL("b", "x"));
static const struct tsdb_labels unseen = LABELS_AT(LABEL("not", "looked at"));
static const struct tsdb_labels a_is_2 = LABELS_AT(LABEL("a", "2"));

static void up(void)
{
    api_up();
    logs.entries[0] = (struct tsdb_log_entry){10 * S + 1, {"a=1 b=x", 7}, cart_dev, trace_1, {0}};
    logs.entries[1] = (struct tsdb_log_entry){20 * S, {"{\"n\":2.5}", 9}, cart_prod, {0}, {0}};
    logs.entries[2] = (struct tsdb_log_entry){30 * S, {"took 3ms", 8}, shop_prod, trace_2, {0}};
    logs.entry_count = 3;
    logs.stats =
        (struct tsdb_log_stats){.records = 10, .bytes = 500, .entries = 3, .exec_ns = NS_PER_S / 2};
}

/* A query is closed after its answer has ended. */
static void assert_all_closed(void)
{
    for (int i = 0; i < 2000 && logs.opened != logs.closed; i++)
        usleep(1000);
    cr_assert_eq(logs.opened, logs.closed);
}

TestSuite(loki, .init = up, .fini = api_down, .timeout = 60);

#define API "/loki/api/v1"
#define STATS                                                                                      \
    "\"stats\":{\"summary\":{\"bytesProcessedPerSecond\":1000,\"linesProcessedPerSecond\":20,"     \
    "\"totalBytesProcessed\":500,\"totalLinesProcessed\":10,\"execTime\":0.5,\"queueTime\":0,"     \
    "\"subqueries\":0,\"totalEntriesReturned\":3}}"

/* ---- query_range ------------------------------------------------------------------------- */

Test(loki, streams_come_newest_first_and_merged)
{
    ASSERT_GET(API "/query_range", "query={app!=\"\"}&start=10000000001&end=30.5", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"streams\",\"result\":["
               "{\"stream\":{\"app\":\"shop\",\"env\":\"prod\",\"trace_id\":\"t2\"},"
               "\"values\":[[\"30000000000\",\"took 3ms\"]]},"
               "{\"stream\":{\"app\":\"cart\",\"env\":\"prod\"},"
               "\"values\":[[\"20000000000\",\"{\\\"n\\\":2.5}\"]]},"
               "{\"stream\":{\"app\":\"cart\",\"env\":\"dev\",\"trace_id\":\"t1\"},"
               "\"values\":[[\"10000000001\",\"a=1 b=x\"]]}]," STATS "}}");
    cr_assert_str_eq(logs.expr, "{app!=\"\"}");
    cr_assert_eq(logs.options.start, 10 * S + 1);
    cr_assert_eq(logs.options.end, 30 * S + S / 2);
    cr_assert_eq(logs.options.limit, 100);
    cr_assert_eq(logs.options.step, S);
    cr_assert_eq(logs.options.deadline, 120 * S);
    cr_assert(!logs.options.is_forward);
    assert_all_closed();
}

Test(loki, the_flag_keeps_kinds_of_labels_apart)
{
    exchange_init(&x, API "/query_range",
                  "query={a=\"b\"}&direction=forward&start=0&end=25&limit=1");
    x.headers[0][0] = "x-loki-response-encoding-flags";
    x.headers[0][1] = "other, categorize-labels";
    send_to(&x);
    exchange_wait(&x);
    cr_assert_str_eq(exchange_body_text(&x),
                     "{\"status\":\"success\",\"data\":{\"resultType\":\"streams\","
                     "\"encodingFlags\":[\"categorize-labels\"],\"result\":["
                     "{\"stream\":{\"app\":\"cart\",\"env\":\"dev\"},\"values\":[[\"10000000001\","
                     "\"a=1 b=x\",{\"structuredMetadata\":{\"trace_id\":\"t1\"}}]]}]," STATS "}}");
    cr_assert(logs.options.is_forward);
    exchange_release(&x);
}

Test(loki, defaults_are_lokis)
{
    (void)get(API "/query_range", "query={a=\"b\"}");
    cr_assert_eq(logs.options.end, NOW);
    cr_assert_eq(logs.options.start, NOW - 3600 * S);
    cr_assert_eq(logs.options.step, 14 * S); /* 3600 / 250, whole */
    exchange_release(&x);
    (void)get(API "/query_range", "query={a=\"b\"}&since=10m&interval=5s&step=15000ms");
    cr_assert_eq(logs.options.start, NOW - 600 * S);
    cr_assert_eq(logs.options.interval, 5 * S);
    cr_assert_eq(logs.options.step, 15 * S);
    exchange_release(&x);
    (void)get(API "/query_range", "query={a=\"b\"}&end=2222222222&since=1h"); /* a future end */
    cr_assert_eq(logs.options.start, NOW - 3600 * S);
    exchange_release(&x);
    (void)get(API "/query_range",
              "query={a=\"b\"}&start=2026-11-24T12:00:00Z&end=1795521600123000001");
    cr_assert_eq(logs.options.start, INT64_C(1795521600) * S);
    cr_assert_eq(logs.options.end, NOW + 1);
    exchange_release(&x);
}

Test(loki, forms_are_taken)
{
    exchange_init(&x, API "/query_range", "");
    x.body = "query=%7Bapp%3D%22cart%22%7D&limit=7&start=1&end=100";
    x.body_type = "application/x-www-form-urlencoded";
    send_to(&x);
    exchange_wait(&x);
    cr_assert_eq(x.status, 200);
    cr_assert_str_eq(logs.expr, "{app=\"cart\"}");
    cr_assert_eq(logs.options.limit, 7);
    exchange_release(&x);
}

Test(loki, metric_queries_answer_like_prometheus)
{
    static const int64_t ts[] = {15 * S, 30 * S + S / 2};
    static const double values[] = {1, 2.5};
    logs.is_metric = true;
    db.kind = TSDB_MATRIX;
    db.results[0] = (struct tsdb_result){
        .labels = LABELS(LABEL("app", "cart")), .count = 2, .ts = ts, .values = values};
    db.result_count = 1;
    ASSERT_GET(API "/query_range", "query=x&start=0&end=60&step=15", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
               "{\"metric\":{\"app\":\"cart\"},\"values\":[[15,\"1\"],[30.500,\"2.5\"]]}]," STATS
               "}}");
    db.kind = TSDB_VECTOR;
    db.results[0].count = 1;
    ASSERT_GET(API "/query", "query=x&time=4000000000000", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
               "{\"metric\":{\"app\":\"cart\"},\"value\":[15,\"1\"]}]," STATS "}}");
    cr_assert_eq(logs.options.start, 4000 * S);
    cr_assert_eq(logs.options.end, 4000 * S);
    cr_assert_eq(logs.options.step, 0);
    db.kind = TSDB_SCALAR;
    ASSERT_GET(
        API "/query", "query=x", 200,
        "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[15,\"1\"]," STATS
        "}}");
}

Test(loki, errors_are_text)
{
    static const struct {
        const char *path, *query, *want;
        int status;
    } cases[] = {
        {"/query", "query={a=\"b\"}",
         "log queries are not supported as an instant query type, please change your query to a "
         "range query type\n",
         400},
        {"/query_range", "query=x&start=5&end=5",
         "end timestamp must not be before or equal to start time\n", 400},
        {"/query_range", "query=x&limit=0", "invalid parameter \"limit\": 0, want 1 to 50000\n",
         400},
        {"/query_range", "query=x&limit=50001",
         "invalid parameter \"limit\": 50001, want 1 to 50000\n", 400},
        {"/query_range", "query=x&direction=up",
         "invalid direction \"up\", want forward or backward\n", 400},
        {"/query_range", "query=x&step=-1", "invalid parameter \"step\": a negative duration\n",
         400},
        {"/query_range", "query=x&step=0",
         "zero or negative query resolution step widths are not accepted. Try a positive integer\n",
         400},
        {"/query_range", "query=x&step=1ms&start=0&end=100",
         "exceeded maximum resolution of 11000 points per time series. Try increasing the value of "
         "the step parameter\n",
         400},
        {"/query_range", "query=x&start=soon",
         "invalid parameter \"start\": cannot parse \"soon\" to a valid timestamp\n", 400},
        {"/query", "query=%zz", "error parsing form values: invalid URL escape\n", 400},
        {"/label/a/b/values", "", "want /loki/api/v1/label/NAME/values\n", 404},
        {"/index/stats", "", "the parameter \"query\" is missing\n", 400},
        {"/index/volume", "query={}&aggregateBy=x",
         "invalid aggregation option, want \"series\" or \"labels\"\n", 400},
        {"/patterns", "", "the parameter \"query\" is missing\n", 400},
        {"/detected_fields", "", "the parameter \"query\" is missing\n", 400},
        {"/format_query", "", "no expression found in input\n", 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, API "%s", cases[i].path);
        const char *got = get(path, cases[i].query);
        cr_assert_str_eq(got, cases[i].want, "%s?%s: %s", path, cases[i].query, got);
        cr_assert_eq(x.status, cases[i].status);
        cr_assert_str_eq(x.type, "text/plain; charset=utf-8");
        exchange_release(&x);
    }
}

Test(loki, the_engines_errors_have_lokis_codes)
{
    static const struct {
        enum tsdb_status status;
        int code;
    } cases[] = {{TSDB_EINVAL, 400}, {TSDB_ELIMIT, 400},   {TSDB_EEXEC, 400},
                 {TSDB_EIO, 500},    {TSDB_ECORRUPT, 500}, {TSDB_ECANCELED, 504}};
    db.message = "parse error at line 1, col 2";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        db.open_status = cases[i].status;
        (void)get(API "/query_range", "query=x");
        cr_assert_eq(x.status, cases[i].code, "%d: %d", cases[i].status, x.status);
        if (cases[i].status != TSDB_ECANCELED)
            cr_assert_str_eq(exchange_body_text(&x), "parse error at line 1, col 2\n");
        exchange_release(&x);
        db.open_status = TSDB_OK;
        logs.end_status = cases[i].status; /* in the middle of the answer: still a whole error */
        (void)get(API "/query_range", "query=x&start=0&end=40");
        cr_assert_eq(x.status, cases[i].code, "%d: %d", cases[i].status, x.status);
        exchange_release(&x);
        logs.end_status = TSDB_OK;
    }
    assert_all_closed();
}

Test(loki, queries_end_when_nobody_waits)
{
    db.blocks = true;
    exchange_init(&x, API "/query_range", "query=x&start=0&end=40");
    send_to(&x);
    usleep(20000);
    x.is_gone = true;
    exchange_wait(&x);
    cr_assert_eq(x.status, 503);
    cr_assert_eq(db.canceled, 1);
    exchange_release(&x);
    db.blocks = false;
}

Test(loki, an_answer_that_is_too_large_is_refused_whole)
{
    static char line[3 << 20];
    memset(line, 'x', sizeof line);
    for (size_t i = 0; i < 3; i++)
        logs.entries[i].line = (struct tsdb_text){line, sizeof line};
    exchange_init(&x, API "/query_range", "query=x&start=0&end=40");
    /* its arena holds 8 MiB */
    send_to(&x);
    exchange_wait(&x);
    cr_assert_eq(x.status, 400);
    cr_assert(strstr(exchange_body_text(&x), "too large after 2 entries"), "%s",
              exchange_body_text(&x));
    exchange_release(&x);
}

/* ---- look-ups ---------------------------------------------------------------------------- */

Test(loki, labels_and_their_values)
{
    db.texts[0] = "app";
    db.texts[1] = "env";
    ASSERT_GET(API "/labels", "", 200, "{\"status\":\"success\",\"data\":[\"app\",\"env\"]}");
    cr_assert_eq(db.scope.start, NOW - 6 * 3600 * S);
    cr_assert_eq(db.scope.end, NOW);
    cr_assert_eq(db.scope.selector_count, 0);
    ASSERT_GET(API "/label", "query={app=\"x\"}&since=1h", 200,
               "{\"status\":\"success\",\"data\":[\"app\",\"env\"]}");
    cr_assert_str_eq(db.selectors, "{app=\"x\"};");
    cr_assert_eq(db.scope.start, NOW - 3600 * S);
    ASSERT_GET(API "/label/service%5Fname/values", "query={}", 200,
               "{\"status\":\"success\",\"data\":[\"app\",\"env\"]}");
    cr_assert_str_eq(db.name, "service_name");
    cr_assert_eq(db.scope.selector_count, 0, "{} selects all");
}

Test(loki, series_by_either_name)
{
    db.series[0] = cart_dev;
    db.series_count = 1;
    ASSERT_GET(API "/series", "match[]={app=\"a\"}&match[]={app=\"b\"}", 200,
               "{\"status\":\"success\",\"data\":[{\"app\":\"cart\",\"env\":\"dev\"}]}");
    cr_assert_str_eq(db.selectors, "{app=\"a\"};{app=\"b\"};");
    ASSERT_GET(API "/series", "match={app=\"a\"}", 200,
               "{\"status\":\"success\",\"data\":[{\"app\":\"cart\",\"env\":\"dev\"}]}");
    cr_assert_str_eq(db.selectors, "{app=\"a\"};");
    db.scope_status = TSDB_EINVAL;
    db.message = "only label matchers are supported";
    ASSERT_GET(API "/series", "match={app=\"a\"}|=\"x\"", 400,
               "only label matchers are supported\n");
}

Test(loki, stats_and_volumes)
{
    ASSERT_GET(API "/index/stats", "query={app=~\".%2B\"}&start=0&end=40", 200,
               "{\"streams\":3,\"chunks\":6,\"entries\":3,\"bytes\":24}");
    ASSERT_GET(API "/index/volume", "query={app=~\".%2B\", x!=\"app{\"}&start=0&end=40", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
               "{\"metric\":{\"app\":\"cart\"},\"value\":[40,\"16\"]},"
               "{\"metric\":{\"app\":\"shop\"},\"value\":[40,\"8\"]}]}}");
    ASSERT_GET(API "/index/volume", "query={}&start=0&end=40&targetLabels=env,app&limit=1", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
               "{\"metric\":{\"app\":\"cart\",\"env\":\"prod\"},\"value\":[40,\"9\"]}]}}");
    ASSERT_GET(API "/index/volume",
               "query={}&start=0&end=40&targetLabels=env,app&aggregateBy=labels", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
               "{\"metric\":{\"app\":\"\"},\"value\":[40,\"24\"]},"
               "{\"metric\":{\"env\":\"\"},\"value\":[40,\"24\"]}]}}");
    ASSERT_GET(API "/index/volume_range", "query={app=\"x\"}&start=0&end=35&step=10", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
               "{\"metric\":{\"app\":\"cart\"},\"values\":[[20,\"7\"],[30,\"9\"]]},"
               "{\"metric\":{\"app\":\"shop\"},\"values\":[[35,\"8\"]]}]}}");
    cr_assert_eq(db.scope.start, 30 * S);
    cr_assert_eq(db.scope.end, 35 * S);
    (void)get(API "/index/volume_range", "query={app=\"x\"}&start=0&end=2001&step=1");
    cr_assert_eq(x.status, 400);
    exchange_release(&x);
}

Test(loki, detected_labels_count_values)
{
    db.series[0] = cart_dev;
    db.series[1] = shop_dev;
    db.series_count = 2;
    ASSERT_GET(API "/detected_labels", "", 200,
               "{\"detectedLabels\":[{\"label\":\"app\",\"cardinality\":2},"
               "{\"label\":\"env\",\"cardinality\":1}]}");
}

/* ---- what lines hold ------------------------------------------------------------------------- */

static void parse_lines(void)
{
    logs.json[0] = logs.json[2] = failed;
    logs.json[1] = n_is_2_5;
    logs.logfmt[0] = a_and_b;
    logs.logfmt[1] = unseen;
    logs.logfmt[2] = a_is_2;
}

Test(loki, detected_fields_tell_kind_number_and_parser)
{
    parse_lines();
    ASSERT_GET(API "/detected_fields", "query={a=\"b\"}&start=0&end=40", 200,
               "{\"fields\":["
               "{\"label\":\"trace_id\",\"type\":\"string\",\"cardinality\":2,\"parsers\":null},"
               "{\"label\":\"n\",\"type\":\"float\",\"cardinality\":1,\"parsers\":[\"json\"],"
               "\"jsonPath\":[\"n\"]},"
               "{\"label\":\"a\",\"type\":\"int\",\"cardinality\":2,\"parsers\":[\"logfmt\"]},"
               "{\"label\":\"b\",\"type\":\"string\",\"cardinality\":1,\"parsers\":[\"logfmt\"]}],"
               "\"limit\":1000}");
    cr_assert_eq(logs.options.limit, 1000);
    ASSERT_GET(API "/detected_fields", "query={a=\"b\"}&start=0&end=40&line_limit=1&limit=1", 200,
               "{\"fields\":[{\"label\":\"trace_id\",\"type\":\"string\",\"cardinality\":1,"
               "\"parsers\":null}],\"limit\":1}");
    assert_all_closed();
}

Test(loki, values_of_a_detected_field)
{
    parse_lines();
    ASSERT_GET(API "/detected_field/a/values", "query={a=\"b\"}&start=0&end=40", 200,
               "{\"values\":[\"1\",\"2\"],\"limit\":1000}");
    ASSERT_GET(API "/detected_field/none/values", "query={a=\"b\"}&start=0&end=40", 200,
               "{\"values\":[],\"limit\":1000}");
}

Test(loki, patterns_are_counted_by_step)
{
    logs.entries[1].line = (struct tsdb_text){"took 4ms", 8};
    ASSERT_GET(API "/patterns", "query={a=\"b\"}&start=0&end=40&step=15", 200,
               "{\"status\":\"success\",\"data\":["
               "{\"pattern\":\"took \\u003c_\\u003e\",\"samples\":[[15,1],[30,1]]},"
               "{\"pattern\":\"a=\\u003c_\\u003e b=x\",\"samples\":[[0,1]]}]}");
    cr_assert_eq(logs.volume_calls, 3);
    (void)get(API "/patterns", "query={a=\"b\"}&start=0&end=100000&step=1");
    cr_assert_leq(logs.volume_calls, 3 + 300);
    cr_assert_eq(x.status, 200);
    exchange_release(&x);
}

/* ---- the rest -------------------------------------------------------------------------------- */

Test(loki, format_query)
{
    ASSERT_GET(API "/format_query", "query={a=\"b\"}", 200,
               "{\"status\":\"success\",\"data\":\"{a=\\\"b\\\"}\"}");
}

Test(loki, deletion)
{
    exchange_init(&x, API "/delete", "query={app=\"x\"}&start=1591616227&end=1591619692");
    x.body = "";
    send_to(&x);
    exchange_wait(&x);
    cr_assert_eq(x.status, 204);
    cr_assert_eq(db.deletes, 1);
    cr_assert_str_eq(db.selectors, "{app=\"x\"};");
    cr_assert_eq(db.scope.start, INT64_C(1591616227) * S);
    cr_assert_eq(db.scope.end, INT64_C(1591619692) * S);
    exchange_release(&x);
    exchange_init(&x, API "/delete", "query={app=\"x\"}");
    x.body = "";
    send_to(&x);
    exchange_wait(&x);
    cr_assert_eq(x.status, 400);
    exchange_release(&x);
    ASSERT_GET(API "/delete", "", 200, "[]\n");
    cr_assert_eq(db.deletes, 1);
    cr_assert_eq(route_of(API "/delete")->scope, SCOPE_ADMIN);
}

Test(loki, what_clients_look_at_first)
{
    cr_assert(strstr(get(API "/status/buildinfo", ""), "\"version\":\"3."), "%s",
              exchange_body_text(&x));
    exchange_release(&x);
    cr_assert(strstr(get(API "/drilldown-limits", ""), "\"pattern_ingester_enabled\":true"));
    cr_assert(strstr(exchange_body_text(&x), "\"retention_period\":\"30d\""), "%s",
              exchange_body_text(&x));
    cr_assert(strstr(exchange_body_text(&x), "\"max_entries_limit_per_query\":50000"));
    exchange_release(&x);
    ASSERT_GET(API "/rules", "", 200, "{}\n");
}
