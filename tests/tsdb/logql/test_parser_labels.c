#include "tsdb/logql/parser.h"

#include "tests/tsdb/logql/tree.h"

#include <stdio.h>

Test(logql_selector, keeps_matchers_and_knows_which_match_nothing)
{
    const struct log_expr *e =
        logs_of("{a=\"b\", c!=\"d\", e=~\"f.*\", g!~\"h|\", i=\"\", j=~\"k|\", l!=\"\"}");
    static const struct {
        const char *name, *value;
        enum expr_match kind;
        bool matches_empty;
    } want[] = {
        {"a", "b", EXPR_MATCH_EQUAL, false},    {"c", "d", EXPR_MATCH_NOT_EQUAL, true},
        {"e", "f.*", EXPR_MATCH_REGEX, false},  {"g", "h|", EXPR_MATCH_NOT_REGEX, false},
        {"i", "", EXPR_MATCH_EQUAL, true},      {"j", "k|", EXPR_MATCH_REGEX, true},
        {"l", "", EXPR_MATCH_NOT_EQUAL, false},
    };
    cr_assert_eq(e->matcher_count, sizeof want / sizeof want[0]);
    for (uint32_t i = 0; i < e->matcher_count; i++) {
        const struct expr_matcher *m = &e->matchers[i];
        expect_text(m->name, want[i].name);
        expect_text(m->value, want[i].value);
        cr_expect_eq(m->kind, want[i].kind, "%s", want[i].name);
        cr_expect_eq(m->matches_empty, want[i].matches_empty, "%s", want[i].name);
    }
}

static const struct label_filter *filter_of(const char *filter)
{
    char text[256];
    (void)snprintf(text, sizeof text, "{a=\"b\"} | %s", filter);
    const struct log_expr *e = logs_of(text);
    cr_assert_eq(e->stage_count, 1);
    cr_assert_eq(e->stages[0].kind, STAGE_LABEL_FILTER);
    return e->stages[0].label;
}

Test(logql_label_filter, tells_tests_apart_by_what_stands_right)
{
    static const struct {
        const char *text, *number_text;
        enum label_test test;
        enum binary_op compare;
        double number;
    } cases[] = {
        {"c=5", "5", LABEL_NUMBER, BINARY_EQ, 5},
        {"c==5", "5", LABEL_NUMBER, BINARY_EQ, 5},
        {"c!=-5.5", "-5.5", LABEL_NUMBER, BINARY_NE, -5.5},
        {"c>=1e3", "1e3", LABEL_NUMBER, BINARY_GE, 1000},
        {"c>250ms", "250ms", LABEL_DURATION, BINARY_GT, 0.25},
        {"c<1h30m", "1h30m", LABEL_DURATION, BINARY_LT, 5400},
        {"c=-1.5s", "-1.5s", LABEL_DURATION, BINARY_EQ, -1.5},
        {"c<=1d", "1d", LABEL_DURATION, BINARY_LE, 86400},
        {"c>1KiB", "1KiB", LABEL_BYTES, BINARY_GT, 1024},
        {"c==1.5MB", "1.5MB", LABEL_BYTES, BINARY_EQ, 1.5e6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct label_filter *f = filter_of(cases[i].text);
        cr_expect_eq(f->test, cases[i].test, "%s", cases[i].text);
        cr_expect_eq(f->compare, cases[i].compare, "%s", cases[i].text);
        cr_expect_eq(f->number, cases[i].number, "%s: %g", cases[i].text, f->number);
        expect_text(f->matcher.name, "c");
        expect_text(f->number_text, cases[i].number_text);
    }
    const struct label_filter *f = filter_of("c!=\"\"");
    cr_expect(f->test == LABEL_STRING && f->matcher.kind == EXPR_MATCH_NOT_EQUAL);
    cr_expect_not(f->matcher.matches_empty);
    f = filter_of("c=~\"(\"");
    cr_expect(f->test == LABEL_STRING && f->matcher.kind == EXPR_MATCH_REGEX, "not compiled here");
    f = filter_of("c!=ip(\"10.0.0.0/8\")");
    cr_expect(f->test == LABEL_IP && f->matcher.kind == EXPR_MATCH_NOT_EQUAL);
    expect_text(f->matcher.value, "10.0.0.0/8");
}

Test(logql_label_filter, joins_as_loki_does)
{
    const struct label_filter *f = filter_of("c=1 or d=2 and e=3");
    cr_assert_eq(f->test, LABEL_OR);
    cr_expect_eq(f->right->test, LABEL_AND);
    f = filter_of("c=1 and d=2 or e=3");
    cr_assert_eq(f->test, LABEL_OR);
    cr_expect_eq(f->left->test, LABEL_AND);
    f = filter_of("c=1 and d=2, e=3 or f=4");
    cr_assert_eq(f->test, LABEL_AND);
    cr_assert_eq(f->right->test, LABEL_AND, "the comma takes all that follows");
    cr_expect_eq(f->right->right->test, LABEL_OR);
    expect_text(f->right->right->right->matcher.name, "f");
}
