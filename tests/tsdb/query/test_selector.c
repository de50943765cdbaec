/* The syntax and its faults are in the tables that test_parser.c reads. */
#include "tsdb/query/parser.h"

#include "tests/tsdb/query/tree.h"

static bool is_matcher(const struct expr *e, uint32_t index, const char *name, enum expr_match kind,
                       const char *value)
{
    const struct expr_matcher *m = &e->selector.matchers[index];
    return index < e->selector.matcher_count && m->kind == kind &&
           text_equal(m->name, text_of(name)) && text_equal(m->value, text_of(value));
}

Test(selector, keeps_matchers_and_adds_the_name)
{
    const struct expr *e = tree_of("up{job=\"a\\nb\", \"x.y\"!~'c.*', z!=``, w=~\"q?\"}");
    cr_assert_eq(e->selector.matcher_count, 5);
    cr_expect(text_equal(e->selector.name, text_of("up")));
    cr_expect(is_matcher(e, 0, "job", EXPR_MATCH_EQUAL, "a\nb"));
    cr_expect(is_matcher(e, 1, "x.y", EXPR_MATCH_NOT_REGEX, "c.*"));
    cr_expect(is_matcher(e, 2, "z", EXPR_MATCH_NOT_EQUAL, ""));
    cr_expect(is_matcher(e, 3, "w", EXPR_MATCH_REGEX, "q?"));
    cr_expect(is_matcher(e, 4, "__name__", EXPR_MATCH_EQUAL, "up"));
}

Test(selector, takes_a_quoted_name_in_the_braces)
{
    const struct expr *e = tree_of("{job=\"a\", \"http.requests\"}");
    cr_assert_eq(e->selector.matcher_count, 2);
    cr_expect_eq(e->selector.name.len, 0);
    cr_expect(is_matcher(e, 1, "__name__", EXPR_MATCH_EQUAL, "http.requests"));
}

Test(selector, knows_which_matchers_let_absent_labels_pass)
{
    static const struct {
        const char *text;
        bool matches_empty;
    } cases[] = {
        {"up{a=\"\"}", true},     {"up{a=\"b\"}", false},      {"up{a!=\"\"}", false},
        {"up{a!=\"b\"}", true},   {"up{a=~\"\"}", true},       {"up{a=~\".*\"}", true},
        {"up{a=~\".+\"}", false}, {"up{a=~\"b|\"}", true},     {"up{a=~\"(b?)c\"}", false},
        {"up{a!~\".*\"}", false}, {"up{a!~\".+\"}", true},     {"up{a!~\"b\"}", true},
        {"up{a=~\"^$\"}", true},  {"up{a=~\"\\\\b\"}", false}, {"up{a!~\"b*\"}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(tree_of(cases[i].text)->selector.matchers[0].matches_empty,
                     cases[i].matches_empty, "%s", cases[i].text);
}

Test(selector, spans_its_text)
{
    const struct expr *e = tree_of("1 + up {a=\"b\"} offset 5m + 2");
    const struct expr *s = e->binary.left->binary.right;
    cr_expect_eq(s->kind, EXPR_SELECTOR);
    cr_expect(s->begin == 4 && s->end == 24, "%u..%u", s->begin, s->end);
}

Test(selector, reads_names_of_any_words)
{
    const struct expr *e = tree_of("sum by (on, OFFSET, \"a b\", x:y, and) (up)");
    static const char *const want[] = {"on", "OFFSET", "a b", "x:y", "and"};
    cr_assert_eq(e->aggregate.names.count, 5);
    for (uint32_t i = 0; i < 5; i++)
        cr_expect(text_equal(e->aggregate.names.at[i], text_of(want[i])), "%s", want[i]);
}

Test(selector, tells_words_that_name_metrics)
{
    static const struct {
        struct token token;
        bool is_metric;
    } cases[] = {
        {{.kind = TOKEN_IDENTIFIER}, true},
        {{.kind = TOKEN_METRIC}, true},
        {{.kind = TOKEN_AGGREGATE}, true},
        {{.kind = TOKEN_BINARY, .code = BINARY_AND}, true},
        {{.kind = TOKEN_BINARY, .code = BINARY_ATAN2}, false},
        {{.kind = TOKEN_BINARY, .code = BINARY_ADD}, false},
        {{.kind = TOKEN_BOOL}, false},
        {{.kind = TOKEN_ON}, false},
        {{.kind = TOKEN_START}, true},
        {{.kind = TOKEN_NUMBER}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(token_is_metric(&cases[i].token), cases[i].is_metric, "%zu", i);
}
