#include "tsdb/store/matcher.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

struct match_case {
    enum matcher_kind kind;
    char value[16], text[16];
    bool passes, accepts_empty;
};

ParameterizedTestParameters(matcher, tests_one_value)
{
    static struct match_case cases[] = {
        {MATCH_EQ, "a", "a", true, false},      {MATCH_EQ, "a", "b", false, false},
        {MATCH_EQ, "", "", true, true},         {MATCH_NE, "a", "a", false, true},
        {MATCH_NE, "a", "b", true, true},       {MATCH_NE, "", "b", true, false},
        {MATCH_RE, "a|b", "b", true, false},    {MATCH_RE, "a|b", "c", false, false},
        {MATCH_RE, "a.*", "abc", true, false},  {MATCH_RE, ".*", "abc", true, true},
        {MATCH_NRE, "a.*", "abc", false, true}, {MATCH_NRE, ".+", "abc", false, true},
        {MATCH_NRE, ".*", "abc", false, false}, {MATCH_RE, "a|", "a", true, true},
    };
    return cr_make_param_array(struct match_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct match_case *c, matcher, tests_one_value)
{
    struct matcher m;
    cr_assert_eq(matcher_init(&m, c->kind, text_of("n"), text_of(c->value), NULL), TSDB_OK);
    cr_assert_eq(matcher_test(&m, text_of(c->text)), c->passes);
    cr_assert_eq(m.accepts_empty, c->accepts_empty);
    matcher_release(&m);
    matcher_release(&m);
}

struct reach_case {
    enum matcher_kind kind;
    char value[16];
    enum matcher_reach reach;
    uint32_t listed;
    char prefix[8];
};

ParameterizedTestParameters(matcher, says_which_values_decide)
{
    static struct reach_case cases[] = {
        {MATCH_EQ, "a", MATCHER_LISTED, 1, ""},       {MATCH_EQ, "", MATCHER_ANY, 0, ""},
        {MATCH_NE, "a", MATCHER_LISTED, 1, ""},       {MATCH_NE, "", MATCHER_ANY, 0, ""},
        {MATCH_RE, "b|a", MATCHER_LISTED, 2, ""},     {MATCH_NRE, "b|a", MATCHER_LISTED, 2, ""},
        {MATCH_RE, "a|", MATCHER_TESTED, 0, ""},      {MATCH_NRE, "a|", MATCHER_TESTED, 0, ""},
        {MATCH_RE, "", MATCHER_ANY, 0, ""},           {MATCH_RE, ".*", MATCHER_NOTHING, 0, ""},
        {MATCH_NRE, ".*", MATCHER_NOTHING, 0, ""},    {MATCH_RE, ".+", MATCHER_ANY, 0, ""},
        {MATCH_NRE, ".+", MATCHER_ANY, 0, ""},        {MATCH_RE, "ab.*", MATCHER_TESTED, 0, "ab"},
        {MATCH_NRE, "ab.*", MATCHER_TESTED, 0, "ab"}, {MATCH_RE, "(ab.*)?", MATCHER_TESTED, 0, ""},
    };
    return cr_make_param_array(struct reach_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct reach_case *c, matcher, says_which_values_decide)
{
    struct matcher m;
    const struct tsdb_text *values = NULL;
    uint32_t listed = 0;
    cr_assert_eq(matcher_init(&m, c->kind, text_of("n"), text_of(c->value), NULL), TSDB_OK);
    enum matcher_reach reach = matcher_reach(&m, &values, &listed);
    cr_assert_eq(reach, c->reach, "%s: got %d, want %d", c->value, (int)reach, (int)c->reach);
    if (reach == MATCHER_LISTED) {
        cr_assert_eq(listed, c->listed);
        cr_assert(text_equal(values[0], text_of("a")), "sorted");
    }
    cr_assert(text_equal(matcher_prefix(&m), text_of(c->prefix)));
    matcher_release(&m);
}

Test(matcher, a_missing_label_is_empty)
{
    struct tsdb_label at[] = {{text_of("a"), text_of("1")}, {text_of("b"), text_of("2")}};
    struct tsdb_labels labels = {at, 2};
    struct matcher m[2];
    cr_assert_eq(matcher_init(&m[0], MATCH_EQ, text_of("b"), text_of("2"), NULL), TSDB_OK);
    cr_assert_eq(matcher_init(&m[1], MATCH_RE, text_of("c"), text_of("x?"), NULL), TSDB_OK);
    cr_assert(matchers_test(m, 2, labels));
    cr_assert(matchers_test(m, 0, labels), "no matchers pass everything");
    labels.count = 1;
    cr_assert_not(matchers_test(m, 2, labels));
    cr_assert_eq(labels_value(labels, text_of("b")).len, 0);
    matcher_release(&m[0]);
    matcher_release(&m[1]);
}

Test(matcher, passes_on_what_is_wrong_with_a_pattern)
{
    struct matcher m = {.kind = MATCH_EQ};
    struct tsdb_error err = {0};
    cr_assert_eq(matcher_init(&m, MATCH_RE, text_of("n"), text_of("("), &err), TSDB_EINVAL);
    cr_assert_str_eq(err.msg, "regular expression: missing ): (");
    cr_assert_eq(m.kind, MATCH_EQ, "untouched");
}
