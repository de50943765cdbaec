#include "tsdb/query/ast.h"

#include "tests/tsdb/query/tree.h"

#include <stdio.h>

Test(ast, finds_lines_and_columns)
{
    struct tsdb_text t = text_of("ab\n\ncd");
    static const uint32_t want[][2] = {{1, 1}, {1, 2}, {1, 3}, {2, 1}, {3, 1}, {3, 2}, {3, 3}};
    for (uint32_t i = 0; i < 7; i++) {
        struct expr_position p = expr_position(t, i);
        cr_expect(p.line == want[i][0] && p.column == want[i][1], "%u: %u:%u", i, p.line, p.column);
    }
    cr_expect_eq(expr_position(t, 1000).column, 3, "past the end is the end");
}

struct seen {
    char names[128];
};

static void note_name(void *arg, const struct expr *e)
{
    struct seen *s = arg;
    cr_assert_eq(e->kind, EXPR_SELECTOR);
    size_t n = strlen(s->names);
    (void)snprintf(s->names + n, sizeof s->names - n, "%.*s ", (int)e->selector.name.len,
                   e->selector.name.at);
}

Test(ast, visits_selectors_from_left_to_right)
{
    struct seen s = {""};
    expr_selectors(tree_of("topk(scalar(a), b) + on () -(sum by (x) (rate(c[5m]))) or "
                           "max_over_time(d[1h:]) unless abs(e offset 5m) ^ 2"),
                   note_name, &s);
    cr_assert_str_eq(s.names, "a b c d e ");
}

static void note_kind(void *arg, const struct expr *e)
{
    struct seen *s = arg;
    size_t n = strlen(s->names);
    s->names[n] = (char)('0' + e->kind);
    s->names[n + 1] = '\0';
}

Test(ast, visits_children_in_source_order)
{
    static const struct {
        const char *text;
        enum expr_kind kinds[3];
        int count;
    } cases[] = {
        {"1", {0}, 0},
        {"\"s\"", {0}, 0},
        {"a", {0}, 0},
        {"a[5m]", {EXPR_SELECTOR}, 1},
        {"abs(a)[5m:]", {EXPR_CALL}, 1},
        {"-a", {EXPR_SELECTOR}, 1},
        {"(1)", {EXPR_NUMBER}, 1},
        {"1 + a", {EXPR_NUMBER, EXPR_SELECTOR}, 2},
        {"sum(a)", {EXPR_SELECTOR}, 1},
        {"topk(1, a)", {EXPR_NUMBER, EXPR_SELECTOR}, 2},
        {"round(a, 2)", {EXPR_SELECTOR, EXPR_NUMBER}, 2},
        {"clamp(a, 1, time())", {EXPR_SELECTOR, EXPR_NUMBER, EXPR_CALL}, 3},
        {"time()", {0}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen s = {""};
        expr_each_child(tree_of(cases[i].text), note_kind, &s);
        cr_expect_eq((int)strlen(s.names), cases[i].count, "%s", cases[i].text);
        for (int k = 0; k < cases[i].count; k++)
            cr_expect_eq(s.names[k] - '0', (int)cases[i].kinds[k], "%s", cases[i].text);
    }
}

Test(ast, unwraps_parentheses)
{
    cr_expect_eq(expr_unwrap(tree_of("((a))"))->kind, EXPR_SELECTOR);
    cr_expect_eq(expr_unwrap(tree_of("a + (b)"))->kind, EXPR_BINARY);
}

Test(ast, names_operators_as_they_are_written)
{
    for (int op = BINARY_ADD; op <= BINARY_UNLESS; op++) {
        char text[32];
        (void)snprintf(text, sizeof text, "a %s b", binary_op_name((enum binary_op)op));
        const struct expr *e = tree_of(text);
        cr_expect_eq((int)e->binary.op, op, "%s", text);
        cr_expect_eq(binary_op_is_set((enum binary_op)op), op >= BINARY_AND);
        cr_expect_eq(e->binary.card, op >= BINARY_AND ? CARD_MANY_TO_MANY : CARD_ONE_TO_ONE);
    }
    for (int op = AGGREGATE_SUM; op <= AGGREGATE_LIMIT_RATIO; op++) {
        char text[32];
        const char *parameter = op == AGGREGATE_COUNT_VALUES                        ? "\"v\", "
                                : aggregate_op_has_parameter((enum aggregate_op)op) ? "1, "
                                                                                    : "";
        (void)snprintf(text, sizeof text, "%s(%sa)", aggregate_op_name((enum aggregate_op)op),
                       parameter);
        const struct expr *e = tree_of(text);
        cr_expect_eq((int)e->aggregate.op, op, "%s", text);
        cr_expect_eq(!e->aggregate.parameter, !*parameter);
    }
    cr_expect(binary_op_is_comparison(BINARY_EQ) && binary_op_is_comparison(BINARY_GE));
    cr_expect(!binary_op_is_comparison(BINARY_ATAN2) &&
              !binary_op_is_comparison(BINARY_TRIM_UPPER));
}

Test(ast, positions_a_fault)
{
    struct tsdb_error err;
    cr_expect_eq(promql_fail(&err, text_of("a\nbc"), 3, "%s is %d", "x", 5), TSDB_EINVAL);
    cr_expect_str_eq(err.msg, "2:2: parse error: x is 5");
    cr_expect_eq(promql_fail(NULL, text_of("a"), 0, "x"), TSDB_EINVAL);
}
