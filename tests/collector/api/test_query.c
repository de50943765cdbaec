#include "tests/collector/api/ask.h"

#include "collector/self/counters.h"

#include <math.h>

TestSuite(query, .init = api_up, .fini = api_down);

#define QUERY "/api/v1/query"
#define RANGE "/api/v1/query_range"

static const int64_t times[] = {INT64_C(1435781430781000000), INT64_C(1435781445781000000)};
static double values[] = {1, 0.5};

static struct tsdb_result series(struct tsdb_labels labels, uint32_t count)
{
    return (struct tsdb_result){.labels = labels, .count = count, .ts = times, .values = values};
}

static const struct tsdb_label up_labels[] = {LABEL("__name__", "up"), LABEL("job", "a\"b")};
static const struct tsdb_labels up = {up_labels, 2};

Test(query, vector_has_one_value_a_series)
{
    db.kind = TSDB_VECTOR;
    db.results[0] = series(up, 1);
    db.results[1] = series((struct tsdb_labels){0}, 1);
    db.result_count = 2;
    ASSERT_GET(QUERY, "query=up&time=1435781451.781", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
               "{\"metric\":{\"__name__\":\"up\",\"job\":\"a\\\"b\"},"
               "\"value\":[1435781430.781,\"1\"]},"
               "{\"metric\":{},\"value\":[1435781430.781,\"1\"]}]}}");
    cr_assert_str_eq(db.expr, "up");
    cr_assert_eq(db.options.start, INT64_C(1435781451781000000));
    cr_assert_eq(db.options.end, db.options.start);
    cr_assert_eq(db.options.step, 0);
    cr_assert_eq(db.options.lookback, 300 * NS_PER_S);
    cr_assert_eq(db.options.samples_max, 1000);
    cr_assert_eq(db.options.deadline, 120 * NS_PER_S);
    cr_assert_str_eq(db.options.tenant, "");
}

Test(query, time_defaults_to_now)
{
    db.kind = TSDB_VECTOR;
    ASSERT_GET(QUERY, "query=up", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}");
    cr_assert_eq(db.options.start, INT64_C(1795521600123000000));
}

Test(query, matrix_has_values_then_histograms)
{
    static const struct tsdb_bucket_span span = {1, 1};
    static const double counts[] = {3};
    static const struct tsdb_histogram h = {.count = 5,
                                            .sum = 7.5,
                                            .zero_threshold = 0.001,
                                            .zero_count = 2,
                                            .positive_spans = &span,
                                            .positive_span_count = 1,
                                            .positive = counts,
                                            .positive_count = 1};
    static const struct tsdb_histogram *const histograms[] = {NULL, &h};
    db.kind = TSDB_MATRIX;
    db.results[0] = series(up, 2);
    db.results[1] = series(up, 2);
    db.results[1].histograms = histograms;
    db.result_count = 2;
    ASSERT_GET(RANGE, "query=up&start=0&end=60&step=15", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
               "{\"metric\":{\"__name__\":\"up\",\"job\":\"a\\\"b\"},"
               "\"values\":[[1435781430.781,\"1\"],[1435781445.781,\"0.5\"]]},"
               "{\"metric\":{\"__name__\":\"up\",\"job\":\"a\\\"b\"},"
               "\"values\":[[1435781430.781,\"1\"]],"
               "\"histograms\":[[1435781445.781,{\"count\":\"5\",\"sum\":\"7.5\",\"buckets\":["
               "[3,\"-0.001\",\"0.001\",\"2\"],[0,\"1\",\"2\",\"3\"]]}]]}]}}");
    cr_assert_eq(db.options.step, 15 * NS_PER_S);
    cr_assert_eq(db.options.end, 60 * NS_PER_S);
}

Test(query, vector_of_histograms)
{
    static const struct tsdb_histogram h = {.count = 1, .sum = (double)NAN};
    static const struct tsdb_histogram *const histograms[] = {&h};
    db.kind = TSDB_VECTOR;
    db.results[0] = series(up, 1);
    db.results[0].histograms = histograms;
    db.result_count = 1;
    ASSERT_GET(QUERY, "query=up", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
               "{\"metric\":{\"__name__\":\"up\",\"job\":\"a\\\"b\"},\"histogram\":"
               "[1435781430.781,{\"count\":\"1\",\"sum\":\"NaN\",\"buckets\":[]}]}]}}");
}

Test(query, scalar_and_string_are_bare)
{
    db.kind = TSDB_SCALAR;
    db.results[0] = series((struct tsdb_labels){0}, 1);
    db.result_count = 1;
    ASSERT_GET(QUERY, "query=1%2B1&time=4", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":"
               "[1435781430.781,\"1\"]}}");
    cr_assert_str_eq(db.expr, "1+1");
    db.kind = TSDB_STRING;
    db.results[0].string = text_of("a<b");
    ASSERT_GET(QUERY, "query=x", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"string\",\"result\":"
               "[1435781430.781,\"a\\u003cb\"]}}");
}

Test(query, post_form_is_taken)
{
    db.kind = TSDB_VECTOR;
    exchange_init(&x, "/prometheus" QUERY, "query=other");
    x.body = "query=sum%28up%29&time=5";
    x.body_type = "application/x-www-form-urlencoded; charset=utf-8";
    send_to(&x);
    exchange_wait(&x);
    cr_assert_eq(x.status, 200);
    cr_assert_str_eq(db.expr, "sum(up)");
    cr_assert_eq(db.options.start, 5 * NS_PER_S);
    exchange_release(&x);
    exchange_init(&x, QUERY, "query=fromurl");
    x.body = "{\"query\":1}";
    x.body_type = "application/json";
    send_to(&x);
    exchange_wait(&x);
    cr_assert_str_eq(db.expr, "fromurl");
    exchange_release(&x);
    exchange_init(&x, QUERY, "");
    x.body = "query=up";
    x.body_coding = "gzip";
    send_to(&x);
    exchange_wait(&x);
    cr_assert_eq(x.status, 415);
    exchange_release(&x);
}

#define BAD(message) "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"" message "\"}"

Test(query, bad_parameters_are_blamed_in_prometheus_words)
{
    static const struct {
        const char *path, *query, *body;
    } cases[] = {
        {QUERY, "query=up&time=x",
         BAD("invalid parameter \\\"time\\\": invalid time value for 'time': cannot parse "
             "\\\"x\\\" to a valid timestamp")},
        {QUERY, "query=up&timeout=x",
         BAD("invalid parameter \\\"timeout\\\": cannot parse \\\"x\\\" to a valid duration")},
        {QUERY, "query=up&limit=-1",
         BAD("invalid parameter \\\"limit\\\": limit must be a non-negative number, got "
             "\\\"-1\\\"")},
        {QUERY, "query=%zz", BAD("error parsing form values: invalid URL escape")},
        {RANGE, "query=up&start=x&end=1&step=1",
         BAD("invalid parameter \\\"start\\\": cannot parse \\\"x\\\" to a valid timestamp")},
        {RANGE, "query=up&start=1&step=1",
         BAD("invalid parameter \\\"end\\\": cannot parse \\\"\\\" to a valid timestamp")},
        {RANGE, "query=up&start=2&end=1&step=1",
         BAD("invalid parameter \\\"end\\\": end timestamp must not be before start time")},
        {RANGE, "query=up&start=1&end=2",
         BAD("invalid parameter \\\"step\\\": cannot parse \\\"\\\" to a valid duration")},
        {RANGE, "query=up&start=1&end=2&step=0",
         BAD("invalid parameter \\\"step\\\": zero or negative query resolution step widths are "
             "not accepted. Try a positive integer")},
        {RANGE, "query=up&start=1&end=2&step=-5",
         BAD("invalid parameter \\\"step\\\": zero or negative query resolution step widths are "
             "not accepted. Try a positive integer")},
        {RANGE, "query=up&start=0&end=11001&step=1",
         BAD("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the "
             "query resolution (?step=XX)")},
        {RANGE, "query=up&start=-Inf&end=%2BInf&step=1ms",
         BAD("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the "
             "query resolution (?step=XX)")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ASSERT_GET(cases[i].path, cases[i].query, 400, cases[i].body);
    db.kind = TSDB_MATRIX;
    (void)get(RANGE, "query=up&start=0&end=11000&step=1");
    cr_assert_eq(x.status, 200);
    exchange_release(&x);
}

Test(query, engine_errors_have_their_status)
{
    static const struct {
        enum tsdb_status st;
        int status;
        const char *body;
    } open[] = {
        {TSDB_EINVAL, 400, BAD("invalid parameter \\\"query\\\": 1:3: parse error: boom")},
        {TSDB_ELIMIT, 422,
         "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"1:3: parse error: boom\"}"},
    };
    db.message = "1:3: parse error: boom";
    for (size_t i = 0; i < 2; i++) {
        db.open_status = open[i].st;
        ASSERT_GET(QUERY, "query=up", open[i].status, open[i].body);
    }
    db.open_status = TSDB_OK;
    db.message = "m";
    static const struct {
        enum tsdb_status st;
        int status;
        const char *type, *error;
    } end[] = {
        {TSDB_EEXEC, 422, "execution", "m"},
        {TSDB_ELIMIT, 422, "execution", "m"},
        {TSDB_ECANCELED, 503, "timeout", "query timed out in expression evaluation"},
        {TSDB_EIO, 500, "internal", "m"},
        {TSDB_ECORRUPT, 500, "internal", "m"},
    };
    db.kind = TSDB_VECTOR;
    db.results[0] = series(up, 1);
    db.result_count = 1;
    for (size_t i = 0; i < sizeof end / sizeof end[0]; i++) {
        char want[256];
        db.end_status = end[i].st;
        (void)snprintf(want, sizeof want,
                       "{\"status\":\"error\",\"errorType\":\"%s\",\"error\":\"%s\"}", end[i].type,
                       end[i].error);
        ASSERT_GET(QUERY, "query=up", end[i].status, want);
    }
}

Test(query, limit_truncates_with_a_warning)
{
    db.kind = TSDB_VECTOR;
    db.results[0] = series((struct tsdb_labels){0}, 1);
    db.result_count = 1;
    db.repeat = 2;
    ASSERT_GET(QUERY, "query=up&limit=1", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
               "{\"metric\":{},\"value\":[1435781430.781,\"1\"]}]},"
               "\"warnings\":[\"results truncated due to limit\"]}");
    (void)get(QUERY, "query=up&limit=3");
    cr_assert_not(strstr(exchange_body_text(&x), "warnings"));
    exchange_release(&x);
}

Test(query, annotations_and_statistics_are_handed_on)
{
    db.kind = TSDB_VECTOR;
    db.warnings[0] = "W1";
    db.warnings[1] = "W2";
    db.infos[0] = "I1";
    db.stats = (struct tsdb_query_stats){.samples = 12,
                                         .samples_peak = 5,
                                         .plan_ns = 1000000,
                                         .exec_ns = 2500000,
                                         .is_partial = true};
    ASSERT_GET(QUERY, "query=up&stats=all", 200,
               "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[],"
               "\"stats\":{\"timings\":{\"evalTotalTime\":0.0035,\"resultSortTime\":0,"
               "\"queryPreparationTime\":0.001,\"innerEvalTime\":0.0025,\"execQueueTime\":0,"
               "\"execTotalTime\":0.0035},\"samples\":{\"totalQueryableSamples\":12,"
               "\"peakSamples\":5}}},\"warnings\":[\"W1\",\"W2\","
               "\"partial answer: a damaged segment was left out\"],\"infos\":[\"I1\"]}");
    cr_assert_eq(counters_get(QUERY_SAMPLES, NOWHERE), 12);
    cr_assert_eq(counters_get(QUERIES, AT(ENDING_OK)), 1);
}

Test(query, timeout_and_lookback_can_be_asked_down)
{
    db.kind = TSDB_VECTOR;
    (void)get(QUERY, "query=up&timeout=1.5&lookback_delta=1m");
    cr_assert_eq(db.options.deadline, 1500 * NS_PER_MS);
    cr_assert_eq(db.options.lookback, 60 * NS_PER_S);
    exchange_release(&x);
    (void)get(QUERY, "query=up&timeout=1h");
    cr_assert_eq(db.options.deadline, 120 * NS_PER_S);
    exchange_release(&x);
    ASSERT_GET(QUERY, "query=up&timeout=0", 503,
               "{\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"query timed out in "
               "query queue\"}");
}

Test(query, large_answer_streams)
{
    db.kind = TSDB_MATRIX;
    db.results[0] = series(up, 2);
    db.result_count = 1;
    db.repeat = 49999;
    const char *body = get(RANGE, "query=up&start=0&end=60&step=15");
    cr_assert_gt(x.writes, 10);
    size_t n = strlen(body);
    cr_assert_eq(n, x.out.len);
    cr_assert_str_eq(body + n - 6, "]]}]}}");
    exchange_release(&x);
}

Test(query, late_failure_of_a_streamed_answer_leaves_no_json)
{
    db.kind = TSDB_MATRIX;
    db.results[0] = series(up, 2);
    db.result_count = 1;
    db.repeat = 49999;
    db.end_status = TSDB_EEXEC;
    db.message = "late";
    const char *body = get(RANGE, "query=up&start=0&end=60&step=15");
    cr_assert_eq(x.status, 200);
    cr_assert_neq(body[strlen(body) - 1], '}');
    cr_assert_not(strstr(body, "late"));
    exchange_release(&x);
}

Test(query, query_of_a_client_who_left_stops)
{
    db.kind = TSDB_VECTOR;
    db.blocks = true;
    exchange_init(&x, QUERY, "query=up");
    send_to(&x);
    for (int i = 0; i < 5000 && db.running == 0; i++)
        usleep(1000);
    cr_assert_eq(db.running, 1);
    x.is_gone = true;
    exchange_wait(&x);
    cr_assert_eq(x.status, 503);
    cr_assert(strstr(exchange_body_text(&x), "\"canceled\""));
    cr_assert_eq(counters_get(QUERIES, AT(ENDING_CANCELED)), 1);
    cr_assert_eq(counters_get(QUERIES_RUNNING, NOWHERE), 0);
    exchange_release(&x);
}

Test(query, format_answers_the_text)
{
    ASSERT_GET("/api/v1/format_query", "query=a%2Fb", 200,
               "{\"status\":\"success\",\"data\":\"a/b\"}");
    ASSERT_GET("/api/v1/format_query", "", 400,
               BAD("invalid parameter \\\"query\\\": no expression found in input"));
}
