#include "tsdb/logql/logql_query.h"

#include "tests/tsdb/logql/rig.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"

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

enum { LINES = 20000 };

static struct tsdb_log_record records[LINES];

/* Lines of a few templates, enough for several pages of a group, in three streams. */
static void put_lines(struct rig *r, struct writer *lines)
{
    static struct tsdb_field levels[LINES];
    static const char *const names[] = {"info", "warn", "debug"};
    size_t *starts = MEM_ARRAY(size_t, LINES + 1);
    struct random random;
    random_init(&random, 20261124);
    for (uint32_t i = 0; i < LINES; i++) {
        uint64_t v = random_next(&random);
        starts[i] = lines->len;
        if (i % 997 == 0)
            writer_format(lines, "replica %u reported a heisenbug", (unsigned)(v % 100));
        else if (i % 3)
            writer_format(lines, "request of user %u from 10.1.%u.7 with token %08x took %ums",
                          (unsigned)(v % 100000), (unsigned)(v >> 20) % 256, (unsigned)(v >> 30),
                          (unsigned)(v >> 50) % 1000);
        else
            writer_format(lines, "order %08u has %u items of shop=\"s%u\", padding and more of it",
                          (unsigned)(v % 100000000), (unsigned)(v >> 30) % 100,
                          (unsigned)(v >> 40) % 7);
    }
    starts[LINES] = lines->len;
    for (uint32_t i = 0; i < LINES; i++) {
        levels[i] = (struct tsdb_field){.name = {"level", 5},
                                        .type = TSDB_FIELD_STRING,
                                        .text = text_of(names[i * 7 % 31 % 3])};
        records[i] = (struct tsdb_log_record){
            .ts = RIG_NOW - 900 * NS_PER_S + i * NS_PER_MS * 40,
            .stream = i % 10 < 7   ? 0
                      : i % 10 < 9 ? 1
                                   : 2,
            .line = {(const char *)lines->at + starts[i], starts[i + 1] - starts[i]},
            .fields = &levels[i],
            .field_count = 1};
    }
    struct tsdb_label apps[] = {
        {{"app", 3}, {"a", 1}}, {{"app", 3}, {"b", 1}}, {{"app", 3}, {"c", 1}}};
    struct tsdb_log_stream streams[] = {
        {.labels = {&apps[0], 1}}, {.labels = {&apps[1], 1}}, {.labels = {&apps[2], 1}}};
    for (uint32_t i = 0; i < LINES; i += LINES / 10) {
        struct tsdb_log_batch batch = {"", streams, records + i, 3, LINES / 10};
        struct tsdb_appended out = {0};
        struct tsdb_error err = {0};
        cr_assert_eq(logs_append(r->logs, &batch, &out, NULL, &err), TSDB_OK, "%s", err.msg);
        cr_assert_eq(out.counts[TSDB_ACCEPTED], LINES / 10);
    }
    mem_free(starts);
}

/* What the lines have, counted one by one. */
static void expect_counts(struct rig *r)
{
    static const char *const words[] = {"heisenbug", "took 71", "7182", "a7b",
                                        "shop=",     "user 1",  ""};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char query[200];
        uint32_t has = 0;
        for (uint32_t k = 0; k < LINES; k++)
            has +=
                memmem(records[k].line.at, records[k].line.len, words[i], strlen(words[i])) != NULL;
        (void)snprintf(query, sizeof query, "{app=~\".+\"} |= `%s`", words[i]);
        cr_assert_gt(has, 0);
        uint32_t found = 0;
        for (const char *at = rig_ask(r, query); *at; at = strchr(at, '\n') + 1)
            found++;
        cr_assert_eq(found, has, "%s: %u lines have it, found %u", words[i], has, found);
    }
}

/* Line filters over pages, of which only some lines are made, and the same line by line (behind a
 * stage that changes nothing): equal answers, of streams and rows wherever they lie in a page. */
Test(logql_query, filters_of_pages_equal_filters_of_lines)
{
    static const char *const stages[] = {
        "|= \"heisenbug\"",
        "|= \"took 71\"",
        "|= \"7182\"",
        "|= \"a7b\"",
        "|= \"shop=\\\"s3\"",
        "|= \"request\" |= \"99ms\"",
        "|= \"order\" != \"has 7\"",
        "|~ \"[0-9]{3}ms\"",
        "|~ \"user [0-9]7+ from\"",
        "|= \"absent\"",
        "| level=\"warn\" |= \"items of\"",
        "|= \"items of\" | level=\"warn\"",
        "| level=\"debug\"",
        "| logfmt | shop=\"s5\" |= \"0 has\"",
    };
    static const char *const selectors[] = {"{app=~\".+\"}", "{app=\"b\"}", "{app=\"c\"}"};
    struct rig r;
    struct writer lines = {0};
    rig_open(&r);
    put_lines(&r, &lines);
    expect_counts(&r);
    rig_seal(&r);
    expect_counts(&r);
    static char copy[4 << 20];
    uint32_t matched = 0;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0] * 3; i++) {
        char direct[200], staged[200];
        const char *stage = stages[i / 3], *selector = selectors[i % 3];
        (void)snprintf(direct, sizeof direct, "%s %s", selector, stage);
        (void)snprintf(staged, sizeof staged, "%s | decolorize %s", selector, stage);
        (void)snprintf(copy, sizeof copy, "%s", rig_ask(&r, staged));
        cr_assert_str_eq(rig_ask(&r, direct), copy, "%s %s", selector, stage);
        matched += copy[0] != 0;
        (void)snprintf(direct, sizeof direct, "sum(count_over_time(%s %s [1000s]))", selector,
                       stage);
        (void)snprintf(staged, sizeof staged, "sum(count_over_time(%s | decolorize %s [1000s]))",
                       selector, stage);
        (void)snprintf(copy, sizeof copy, "%s", rig_ask(&r, staged));
        cr_assert_str_eq(rig_ask(&r, direct), copy, "%s %s", selector, stage);
    }
    cr_assert_geq(matched, 30);
    writer_release(&lines);
    rig_close(&r);
}
