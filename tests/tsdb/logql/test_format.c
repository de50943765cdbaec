#include "tsdb/logql/parser.h"

#include "tests/tsdb/logql/prop_logql.h"

#include <criterion/criterion.h>

static void expect_pretty(const char *text, const char *want)
{
    struct arena arena;
    struct logql q;
    struct tsdb_error err = {.msg = ""};
    struct writer out = {0};
    arena_init(&arena, 1 << 20, NULL);
    cr_assert_eq(logql_parse(text_of(text), &arena, NULL, &q, &err), TSDB_OK, "%s: %s", text,
                 err.msg);
    logql_format(&q, &out, true);
    cr_expect(text_equal(prop_text(&out), text_of(want)), "got\n%.*s\nwant\n%s", (int)out.len,
              (const char *)out.at, want);
    cr_expect(prop_logql((const uint8_t *)text, strlen(text)));
    writer_release(&out);
    arena_release(&arena);
}

Test(logql_format, leaves_short_queries_in_one_line)
{
    expect_pretty("{a=\"b\",c=\"d\"}|=`e`|json", "{a=\"b\", c=\"d\"} |= \"e\" | json");
    expect_pretty("sum(rate({a=\"b\"}[5m]))by(c,d)/2", "(sum by (c,d)(rate({a=\"b\"}[5m])) / 2)");
}

Test(logql_format, opens_pipelines)
{
    expect_pretty(
        "{job=\"loki\", instance=\"localhost\", namespace=\"some long namespace\"} | logfmt "
        "--strict | level=\"error\" |= \"x\" or \"y\" != \"z\" | line_format \"{{.msg}}\"",
        "{job=\"loki\", instance=\"localhost\", namespace=\"some long namespace\"}\n"
        "  | logfmt --strict\n"
        "  | level=\"error\"\n"
        "  |= \"x\" or \"y\"\n"
        "  != \"z\"\n"
        "  | line_format \"{{.msg}}\"");
}

Test(logql_format, opens_aggregations)
{
    expect_pretty(
        "quantile_over_time(0.99, {container=\"ingress-nginx\", service=\"hosted\"} | json "
        "| level=\"a rather long value, is it not\" | unwrap duration(response_latency) "
        "| __error__=\"\" [1m] offset 1h) by (cluster, job)",
        "quantile_over_time(\n"
        "  0.99,\n"
        "  {container=\"ingress-nginx\", service=\"hosted\"} | json | level=\"a rather "
        "long value, is it not\"\n"
        "    | unwrap duration(response_latency)\n"
        "    | __error__=\"\" [1m] offset 1h\n"
        ") by (cluster, job)");
    expect_pretty("topk(5, sort(sum by (container, cluster) (count_over_time({foo=\"bar\", "
                  "namespace=\"loki\", instance=\"localhost\"} |= \"error\" [5m]))))",
                  "topk(\n"
                  "  5,\n"
                  "  sort(\n"
                  "    sum by (container, cluster)(\n"
                  "      count_over_time({foo=\"bar\", namespace=\"loki\", instance=\"localhost\"} "
                  "|= \"error\"[5m])\n"
                  "    )\n"
                  "  )\n"
                  ")");
    expect_pretty(
        "label_replace(rate({job=\"api-server\", service=\"a:c\"} |= \"err\" |= \"some more\" "
        "[5m]), \"foo\", \"$1\", \"service\", \"(.*):.*\")",
        "label_replace(\n"
        "  rate({job=\"api-server\", service=\"a:c\"} |= \"err\" |= \"some more\"[5m]),\n"
        "  \"foo\",\n"
        "  \"$1\",\n"
        "  \"service\",\n"
        "  \"(.*):.*\"\n"
        ")");
}

#define LONG_RATE(name)                                                                            \
    "sum(rate({job=\"" name "\", namespace=\"loki-prod\", instance=\"local\"}[5m]))"

Test(logql_format, opens_operations_and_keeps_their_meaning)
{
    expect_pretty(LONG_RATE("a") " / on (x, y) group_left (z) " LONG_RATE("b"),
                  "  " LONG_RATE("a") "\n"
                                      "/ on (x, y) group_left (z)\n"
                                      "  " LONG_RATE("b"));
    expect_pretty(LONG_RATE("a") " + " LONG_RATE("b") " * 2",
                  "  " LONG_RATE("a") "\n"
                                      "+\n"
                                      "  (" LONG_RATE("b") " * 2)");
    expect_pretty("(" LONG_RATE("a") " + " LONG_RATE("b") ") * 2",
                  "  (\n"
                  "      " LONG_RATE("a") "\n"
                                          "    +\n"
                                          "      " LONG_RATE("b") "\n"
                                                                  "  )\n"
                                                                  "*\n"
                                                                  "  2");
    expect_pretty(LONG_RATE("a") " - (" LONG_RATE("b") " - " LONG_RATE("c") ")",
                  "  " LONG_RATE("a") "\n"
                                      "-\n"
                                      "  (\n"
                                      "      " LONG_RATE("b") "\n"
                                                              "    -\n"
                                                              "      " LONG_RATE("c") "\n"
                                                                                      "  )");
    expect_pretty(LONG_RATE("a") " - " LONG_RATE("b") " - " LONG_RATE("c"),
                  "    " LONG_RATE("a") "\n"
                                        "  -\n"
                                        "    " LONG_RATE("b") "\n"
                                                              "-\n"
                                                              "  " LONG_RATE("c"));
    expect_pretty("(" LONG_RATE("a") " ^ " LONG_RATE("b") ") ^ 2",
                  "  (\n"
                  "      " LONG_RATE("a") "\n"
                                          "    ^\n"
                                          "      " LONG_RATE("b") "\n"
                                                                  "  )\n"
                                                                  "^\n"
                                                                  "  2");
}

/* PromQL's own formatter, asked for a tree with such a leaf, asks the leaf. */
Test(logql_format, writes_leaves_for_promqls_formatter)
{
    struct arena arena;
    struct logql q;
    struct tsdb_error err;
    struct writer out = {0};
    arena_init(&arena, 1 << 20, NULL);
    cr_assert_eq(
        logql_parse(text_of("sum by (c) (rate({a=\"b\"} | json [5m]))"), &arena, NULL, &q, &err),
        TSDB_OK);
    promql_format(q.metric, &out, false);
    cr_expect(text_equal(prop_text(&out), text_of("sum by (c) (rate({a=\"b\"} | json[5m]))")));
    writer_reset(&out);
    promql_format(q.metric, &out, true);
    cr_expect(text_equal(prop_text(&out), text_of("sum by (c) (rate({a=\"b\"} | json[5m]))")));
    writer_release(&out);
    arena_release(&arena);
}
