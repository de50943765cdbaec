#include "tsdb/logql/logql_query.h"

#include "tests/tsdb/logql/rig.h"

static void fill(struct rig *r)
{
    rig_open(r);
    rig_put(r, "app=cart env=prod", 10000, "order 1 placed", "level=info user=u1 took:d=0.5");
    rig_put(r, "app=cart env=prod", 20000, "order 2 failed: timeout",
            "level=error user=u2 took:d=1.5");
    rig_put(r, "app=web env=prod", 30000, "GET /cart 200", "level=info http.status:i=200");
    rig_put(r, "app=web env=prod", 40000, "GET /cart 500", "level=error http.status:i=500");
    rig_put(r, "app=web env=dev", 50000, "{\"msg\":\"hi\",\"n\":7}", "level=debug");
}

Test(logql_query, entries_newest_first_with_metadata)
{
    struct rig r;
    fill(&r);
    for (int sealed = 0; sealed < 2; sealed++) {
        cr_assert_str_eq(
            rig_ask(&r, "{app=\"cart\"}"),
            "20000 {app=cart,env=prod}{level=error,took=1.5,user=u2}{} order 2 failed: timeout\n"
            "10000 {app=cart,env=prod}{level=info,took=0.5,user=u1}{} order 1 placed\n");
        cr_assert_str_eq(rig_ask(&r, "{env=\"prod\"} |= \"cart\" | http_status >= 500"),
                         "40000 {app=web,env=prod}{http_status=500,level=error}{} GET /cart 500\n");
        cr_assert_str_eq(
            rig_ask(&r, "{app=~\".+\"} | level=\"error\""),
            "40000 {app=web,env=prod}{http_status=500,level=error}{} GET /cart 500\n"
            "20000 {app=cart,env=prod}{level=error,took=1.5,user=u2}{} order 2 failed: timeout\n");
        cr_assert_str_eq(
            rig_ask(&r, "{env=\"dev\"} | json | n > 6"),
            "50000 {app=web,env=dev}{level=debug}{msg=hi,n=7} {\"msg\":\"hi\",\"n\":7}\n");
        cr_assert_str_eq(rig_ask(&r, "{app=\"nothing\"}"), "");
        rig_seal(&r);
    }
    rig_close(&r);
}

Test(logql_query, limits_take_from_the_end_that_is_asked_for)
{
    struct rig r;
    fill(&r);
    struct tsdb_log_options o = {.start = RIG_NOW - 1000 * NS_PER_S, .end = RIG_NOW, .limit = 2};
    cr_assert(strncmp(rig_ask_with(&r, "{app=~\".+\"}", o), "50000 ", 6) == 0);
    cr_assert(strstr((char *)r.text.at, "\n40000 "));
    cr_assert_not(strstr((char *)r.text.at, "\n30000 "));
    o.is_forward = true;
    cr_assert(strncmp(rig_ask_with(&r, "{app=~\".+\"}", o), "10000 ", 6) == 0);
    cr_assert(strstr((char *)r.text.at, "\n20000 "));
    cr_assert_not(strstr((char *)r.text.at, "\n30000 "));
    rig_close(&r);
}

Test(logql_query, range_aggregations)
{
    struct rig r;
    fill(&r);
    for (int sealed = 0; sealed < 2; sealed++) {
        cr_assert_str_eq(rig_ask(&r, "sum by (app) (count_over_time({env=\"prod\"}[2m]))"),
                         "{app=cart} 2@100\n{app=web} 2@100\n");
        cr_assert_str_eq(rig_ask(&r, "sum by (level) (count_over_time({env=\"prod\"}[2m]))"),
                         "{level=error} 2@100\n{level=info} 2@100\n");
        cr_assert_str_eq(rig_ask(&r, "sum(rate({app=~\".+\"}[100s]))"), "{} 0.05@100\n");
        cr_assert_str_eq(rig_ask(&r, "sum(bytes_over_time({app=\"cart\"}[2m]))"), "{} 37@100\n");
        cr_assert_str_eq(
            rig_ask(&r, "quantile_over_time(0.5, {app=\"cart\"} | unwrap took [2m]) by (app)"),
            "{app=cart} 1@100\n");
        cr_assert_str_eq(rig_ask(&r, "sum(count_over_time({app=\"cart\"}[10s]))"), "");
        cr_assert_str_eq(rig_ask(&r, "vector(1) + vector(1)"), "{} 2@100\n");
        cr_assert_str_eq(rig_ask(&r, "absent_over_time({app=\"none\"}[5m])"), "{app=none} 1@100\n");
        rig_seal(&r);
    }
    rig_close(&r);
}

Test(logql_query, steps_count_what_lies_in_their_window)
{
    struct rig r;
    fill(&r);
    int64_t base = RIG_NOW - 1000 * NS_PER_S;
    struct tsdb_log_options o = {
        .start = base + 10 * NS_PER_S, .end = base + 60 * NS_PER_S, .step = 10 * NS_PER_S};
    cr_assert_str_eq(rig_ask_with(&r, "sum(count_over_time({app=~\".+\"}[20s]))", o),
                     "{} 1@10 2@20 2@30 2@40 2@50 1@60\n");
    cr_assert_str_eq(rig_ask_with(&r, "sum(count_over_time({app=~\".+\"}[10s] offset 10s))", o),
                     "{} 1@20 1@30 1@40 1@50 1@60\n");
    rig_close(&r);
}

Test(logql_query, wrong_queries_say_what_is_wrong)
{
    struct rig r;
    fill(&r);
    cr_assert(strstr(rig_ask(&r, "{app=\"cart\""), "error: parse error"));
    cr_assert(strstr(rig_ask(&r, "{app=\"cart\"} |~ \"(\""), "error: "));
    cr_assert(
        strstr(rig_ask(&r, "sum(count_over_time({app=\"web\"} | json [5m]))"), "JSONParserErr"));
    rig_close(&r);
}

/* Label filters over columns, and the same through the stages (behind a stage that changes
 * nothing): equal answers. */
Test(logql_query, filters_on_columns_equal_filters_on_lines)
{
    struct rig r;
    fill(&r);
    static const char id[] = "0af7651916cd43dd";
    struct tsdb_label label = {{"app", 3}, {"ids", 3}};
    struct tsdb_field field = {.name = {"trace_id", 8},
                               .type = TSDB_FIELD_ID,
                               .text = {"\x0a\xf7\x65\x19\x16\xcd\x43\xdd", 8}};
    struct tsdb_log_stream stream = {.labels = {&label, 1}};
    struct tsdb_log_record record = {
        .ts = RIG_NOW - 940 * NS_PER_S, .line = {"traced", 6}, .fields = &field, .field_count = 1};
    struct tsdb_log_batch batch = {"", &stream, &record, 1, 1};
    struct tsdb_appended out = {0};
    struct tsdb_error err = {0};
    cr_assert_eq(logs_append(r.logs, &batch, &out, NULL, &err), TSDB_OK);
    static const char *const filters[] = {
        "level=\"error\"",
        "level!=\"error\"",
        "level=~\"e.*|d.+\"",
        "level!~\"inf\"",
        "level=\"\"",
        "nowhere=\"\"",
        "nowhere=\"x\"",
        "nowhere!=\"x\"",
        "took > 1",
        "took >= 0.5",
        "took == 1.5",
        "took != 0.5",
        "http_status < 300",
        "http_status > 499 and level=\"error\"",
        "level=\"info\" and took < 1",
        "level=\"info\" or level=\"debug\"",
        "user=\"u2\"",
        "user!=\"u2\"",
        "app=\"cart\"",
        "nowhere > 5",
        "trace_id=\"0af7651916cd43dd\"",
        "trace_id=\"0AF7651916CD43DD\"",
        "trace_id!=\"\"",
        "trace_id=\"\"",
    };
    cr_assert_eq(strlen(id), 16);
    for (int sealed = 0; sealed < 2; sealed++) {
        uint32_t matched = 0;
        for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
            char direct[200], staged[200], copy[4096];
            (void)snprintf(direct, sizeof direct, "{app=~\".+\"} | %s", filters[i]);
            (void)snprintf(staged, sizeof staged, "{app=~\".+\"} | decolorize | %s", filters[i]);
            (void)snprintf(copy, sizeof copy, "%s", rig_ask(&r, staged));
            cr_assert_str_eq(rig_ask(&r, direct), copy, "%s", filters[i]);
            matched += copy[0] != 0;
            (void)snprintf(direct, sizeof direct, "sum(count_over_time({app=~\".+\"} | %s [100s]))",
                           filters[i]);
            (void)snprintf(staged, sizeof staged,
                           "sum(count_over_time({app=~\".+\"} | decolorize | %s [100s]))",
                           filters[i]);
            (void)snprintf(copy, sizeof copy, "%s", rig_ask(&r, staged));
            cr_assert_str_eq(rig_ask(&r, direct), copy, "%s", filters[i]);
        }
        cr_assert_geq(matched, 18);
        rig_seal(&r);
    }
    rig_close(&r);
}
