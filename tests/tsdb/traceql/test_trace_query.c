/* Goal: limits are kept and named; ranges, tenants and limits narrow; a query can be ended.
 * Method: each limit set so low that it must be met. */
#include "tests/tsdb/traceql/rig.h"

static void fill(struct rig *r, uint32_t traces)
{
    char text[128];
    rig_open(r);
    for (uint32_t i = 0; i < traces; i++) {
        (void)snprintf(text, sizeof text, "%u: a get svc=web i=%u; b db>a svc=db at=1", i + 1, i);
        rig_trace_at(r, i % 2 ? "" : "other", i * 1000, text);
    }
}

Test(trace_query, the_newest_come_first_and_no_more_than_asked)
{
    struct rig r;
    fill(&r, 60);
    r.limit = 3;
    cr_expect_str_eq(rig_search(&r, "{ name = \"get\" }"), "60{a} 58{a} 56{a}");
    rig_group(&r);
    cr_expect_str_eq(rig_search(&r, "{ name = \"get\" }"), "60{a} 58{a} 56{a}");
    r.limit = 0;
    cr_expect_str_eq(rig_search(&r, "{ name = \"get\" && span.i < 8 }"),
                     "8{a(i=7)} 6{a(i=5)} 4{a(i=3)} 2{a(i=1)}");
    r.spans_per_set = 1;
    cr_expect_str_eq(rig_search_in(&r, "", "{ }", RIG_NOW, RIG_NOW + 2 * NS_PER_S), "2{a of 2}");
    rig_close(&r);
}

Test(trace_query, only_spans_of_the_range_and_the_tenant_count)
{
    struct rig r;
    fill(&r, 8);
    rig_group(&r);
    int64_t second = RIG_NOW + NS_PER_S;
    cr_expect_str_eq(rig_search_in(&r, "", "{ }", second, second + 1), "2{a}");
    cr_expect_str_eq(rig_search_in(&r, "", "{ }", second + 1, second + 2 * NS_PER_MS), "2{b}");
    cr_expect_str_eq(rig_search_in(&r, "", "{ name = \"get\" } > { name = \"db\" }", second + 1,
                                   second + NS_PER_S),
                     "");
    cr_expect_str_eq(
        rig_search_in(&r, "other", "{ name = \"get\" }", second, second + NS_PER_S + 1), "3{a}");
    cr_expect_str_eq(rig_search_in(&r, "nobody", "{ }", RIG_NOW, RIG_NOW + NS_PER_DAY), "");
    cr_expect_str_eq(rig_search_in(&r, "", "{ }", second, second - 1),
                     "error: end must not be before start");
    rig_close(&r);
}

Test(trace_query, parts_are_refused_by_heads_and_filters)
{
    struct rig r;
    fill(&r, 8);
    rig_group(&r);
    cr_expect_str_eq(rig_search(&r, "{ span.i > 100 }"), "");
    cr_expect_eq(r.stats.groups_skipped, r.stats.groups);
    cr_expect_gt(r.stats.groups, 0);
    cr_expect_str_eq(rig_search(&r, "{ resource.service.name = \"nobody\" }"), "");
    cr_expect_eq(r.stats.groups_skipped, r.stats.groups);
    cr_expect_str_eq(rig_search(&r, "{ span.none = 5 || name = \"what\" }"), "");
    cr_expect_eq(r.stats.groups_skipped, r.stats.groups);
    cr_expect_str_eq(rig_search(&r, "{ trace:id = \"ab00000000000000000000000000ffff\" }"), "");
    cr_expect_eq(r.stats.groups_skipped, r.stats.groups);
    cr_expect_str_eq(rig_search(&r, "{ trace:id = \"ab000000000000000000000000000002\" }"),
                     "2{a b}");
    (void)rig_search(&r, "{ span.i = 5 }");
    cr_expect_lt(r.stats.groups_skipped, r.stats.groups);
    rig_close(&r);
}

Test(trace_query, limits_are_named)
{
    struct rig r;
    fill(&r, 60);
    rig_group(&r);
    r.series_max = 5;
    cr_expect_str_eq(rig_metric(&r, "{ } | rate() by (span.i)", 0, 60, 10),
                     "error: query makes more than 5 series (series_max)");
    r.series_max = 0;
    r.bytes_max = 4 << 20;
    const char *got =
        rig_metric(&r, "{ } | quantile_over_time(duration, .5) by (span.i)", 0, 60000, 1);
    cr_expect_not_null(strstr(got, "bytes_max"), "%.200s", got);
    r.bytes_max = 0;
    got = rig_metric(&r, "{ } | rate()", 0, 3600 * 24 * 30, 1);
    cr_expect_not_null(strstr(got, "steps"), "%.200s", got);
    cr_expect_not_null(strstr(rig_search(&r, "{ name = "), "parse error"));
    cr_expect_not_null(strstr(rig_search(&r, "{ } | by(name) > { }"), "error"));
    rig_close(&r);
}

static struct trace_query *open_query(struct rig *r, const char *text, int64_t deadline)
{
    struct tsdb_trace_options options = {.tenant = "",
                                         .start = RIG_NOW,
                                         .end = RIG_NOW + NS_PER_HOUR,
                                         .step = NS_PER_MINUTE,
                                         .deadline = deadline};
    struct trace_store store = rig_store(r);
    struct trace_query *q;
    struct tsdb_error err = {0};
    cr_assert_eq(trace_query_open(&store, text_of(text), &options, &q, &err), TSDB_OK, "%s",
                 err.msg);
    return q;
}

Test(trace_query, cancel_and_deadline_end_it)
{
    static const char *const queries[] = {"{ }", "{ } | rate()", "{ } && { } | rate()",
                                          "{ } | compare({ status = error })"};
    struct rig r;
    fill(&r, 8);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        for (int is_late = 0; is_late < 2; is_late++) {
            struct trace_query *q = open_query(&r, queries[i], NS_PER_S);
            struct tsdb_found_trace trace;
            struct tsdb_result row;
            const uint8_t *types;
            struct tsdb_error err = {0};
            if (is_late)
                clock_sim_advance(&r.clock, 2 * NS_PER_S);
            else
                trace_query_cancel(q);
            enum tsdb_status st = trace_query_kind(q) == TSDB_TRACES
                                      ? trace_query_trace(q, &trace, &err)
                                      : trace_query_next(q, &row, &types, &err);
            cr_expect_eq(st, TSDB_ECANCELED, "%s", queries[i]);
            cr_expect_str_eq(err.msg, is_late ? "query timed out" : "query was canceled");
            trace_query_close(q);
        }
    }
    rig_close(&r);
}

Test(trace_query, asks_in_kind)
{
    struct rig r;
    struct tsdb_found_trace trace;
    struct tsdb_result row;
    const uint8_t *types;
    struct tsdb_error err = {0};
    fill(&r, 2);
    struct trace_query *q = open_query(&r, "{ }", 0);
    cr_expect_eq(trace_query_next(q, &row, &types, &err), TSDB_EINVAL);
    trace_query_close(q);
    q = open_query(&r, "{ } | rate()", 0);
    cr_expect_eq(trace_query_kind(q), TSDB_MATRIX);
    cr_expect_eq(trace_query_trace(q, &trace, &err), TSDB_EINVAL);
    trace_query_close(q);
    trace_query_close(NULL);
    rig_close(&r);
}

/* The root's name, the services and times of the whole trace, whatever matched. */
Test(trace_query, a_found_trace_says_what_it_is)
{
    struct rig r;
    struct tsdb_found_trace t;
    struct tsdb_error err = {0};
    rig_open(&r);
    rig_trace(&r,
              "1: a GET svc=web ms=100; b q>a svc=db at=5 ms=7 error; c q>a svc=db at=50 ms=90");
    rig_trace_at(&r, "", 9000, "2: b q>a svc=db");
    struct trace_query *q = open_query(&r, "{ name = \"q\" }", 0);
    cr_assert_eq(trace_query_trace(q, &t, &err), TSDB_OK, "%s", err.msg);
    cr_expect(text_equal(t.root_name, text_of("<root span not yet received>")));
    cr_assert_eq(trace_query_trace(q, &t, &err), TSDB_OK);
    cr_expect(text_equal(t.root_name, text_of("GET")));
    cr_expect(text_equal(t.root_service, text_of("web")));
    cr_expect_eq(t.start, RIG_NOW);
    cr_expect_eq(t.duration, 140 * NS_PER_MS);
    cr_assert_eq(t.service_count, 2);
    cr_expect(text_equal(t.services[0].service, text_of("db")));
    cr_expect_eq(t.services[0].spans, 2);
    cr_expect_eq(t.services[0].errors, 1);
    cr_expect_eq(t.sets[0].spans[0].duration, 7 * NS_PER_MS);
    cr_expect_eq(trace_query_trace(q, &t, &err), TSDB_END);
    trace_query_close(q);
    rig_close(&r);
}
