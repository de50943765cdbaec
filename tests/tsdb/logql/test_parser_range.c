#include "tsdb/logql/parser.h"

#include "tests/tsdb/logql/tree.h"

#include <stdio.h>

static const struct log_range *range_of(const char *text)
{
    struct logql q = query_of(text);
    cr_assert(q.metric && q.metric->kind == EXPR_FOREIGN, "%s", text);
    return q.metric->foreign.node;
}

Test(logql_range, knows_every_operation)
{
    for (int op = RANGE_COUNT; op <= RANGE_LAST; op++) {
        char text[128];
        const char *unwrap = op >= RANGE_SUM || op == RANGE_RATE_COUNTER ? "| unwrap c" : "";
        (void)snprintf(text, sizeof text, "%s(%s{a=\"b\"} %s [5m])",
                       logql_range_op_name((enum range_op)op), op == RANGE_QUANTILE ? "0.5," : "",
                       unwrap);
        const struct log_range *r = range_of(text);
        cr_expect_eq((int)r->op, op, "%s", text);
        cr_expect_eq(r->range, INT64_C(300000000000));
        cr_expect_eq(r->parameter, op == RANGE_QUANTILE ? 0.5 : 0);
        cr_expect_eq(r->has_unwrap, *unwrap != '\0');
        cr_expect_eq(r->logs->matcher_count, 1);
    }
}

/* The same parts, wherever they stand. */
Test(logql_range, takes_its_parts_in_any_of_lokis_orders)
{
    static const char *const cases[] = {
        "avg_over_time({a=\"b\"} | json | unwrap bytes(c) | d=\"e\" | f>5 [5m] offset -1h) by (g)",
        "avg_over_time({a=\"b\"}[5m] offset -1h | json | unwrap bytes(c) | d=\"e\" | f>5) by (g)",
        "avg_over_time({a=\"b\"}[5m] | json | unwrap bytes(c) | d=\"e\" | f>5 offset -1h) by (g)",
        "avg_over_time(({a=\"b\"} | json | unwrap bytes(c) | d=\"e\" | f>5)[5m] offset -1h) by (g)",
        "avg_over_time by (g) (({a=\"b\"}|json|unwrap bytes(c)|d=\"e\"|f>5[5m] offset -1h))",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct log_range *r = range_of(cases[i]);
        cr_expect_eq(r->op, RANGE_AVG);
        cr_expect_eq(r->range, INT64_C(300000000000));
        cr_expect_eq(r->offset, INT64_C(-3600000000000));
        cr_assert_eq(r->logs->stage_count, 1, "%s", cases[i]);
        cr_expect_eq(r->logs->stages[0].kind, STAGE_JSON);
        cr_expect(r->has_unwrap && r->convert == UNWRAP_BYTES);
        expect_text(r->unwrap, "c");
        cr_assert_eq(r->after_count, 2);
        expect_text(r->after[0]->matcher.name, "d");
        cr_expect_eq(r->after[1]->test, LABEL_NUMBER);
        cr_assert(r->has_grouping && !r->is_without && r->grouping.count == 1);
        expect_text(r->grouping.at[0], "g");
    }
}

Test(logql_range, converts)
{
    cr_expect_eq(range_of("rate({a=\"b\"} | unwrap c [1s])")->convert, UNWRAP_NUMBER);
    cr_expect_eq(range_of("rate({a=\"b\"} | unwrap duration(c) [1s])")->convert, UNWRAP_DURATION);
    cr_expect_eq(range_of("rate({a=\"b\"} | unwrap duration_seconds(c) [1s])")->convert,
                 UNWRAP_DURATION);
    expect_text(range_of("rate({a=\"b\"} | unwrap duration [1s])")->unwrap, "duration");
}
