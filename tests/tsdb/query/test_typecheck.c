/* What must not pass is in invalid_expressions.txt, read by test_parser.c. */
#include "tsdb/query/typecheck.h"

#include "tests/tsdb/query/tree.h"

Test(typecheck, knows_the_type_of_every_node)
{
    static const struct {
        const char *text;
        enum expr_type type;
    } cases[] = {
        {"1", TYPE_SCALAR},           {"-5m", TYPE_SCALAR},       {"\"s\"", TYPE_STRING},
        {"(`s`)", TYPE_STRING},       {"a", TYPE_VECTOR},         {"-a", TYPE_VECTOR},
        {"-time()", TYPE_SCALAR},     {"(1 + 2)", TYPE_SCALAR},   {"1 + a", TYPE_VECTOR},
        {"a + 1", TYPE_VECTOR},       {"a + b", TYPE_VECTOR},     {"1 < bool 2", TYPE_SCALAR},
        {"a < bool 2", TYPE_VECTOR},  {"a and b", TYPE_VECTOR},   {"a[5m]", TYPE_MATRIX},
        {"(a[5m])", TYPE_MATRIX},     {"a[5m:]", TYPE_MATRIX},    {"sum(a)", TYPE_VECTOR},
        {"rate(a[5m])", TYPE_VECTOR}, {"scalar(a)", TYPE_SCALAR}, {"vector(1)", TYPE_VECTOR},
        {"pi()", TYPE_SCALAR},        {"time()", TYPE_SCALAR},    {"absent(a)", TYPE_VECTOR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(tree_of(cases[i].text)->type, cases[i].type, "%s", cases[i].text);
}

Test(typecheck, knows_what_is_the_same_at_every_step)
{
    static const struct {
        const char *text;
        bool is_invariant;
    } cases[] = {
        {"1", true},
        {"\"s\"", true},
        {"a", false},
        {"a @ 5", true},
        {"a @ start() offset 5m", true},
        {"a offset 5m", false},
        {"-a @ end()", true},
        {"(a @ 5)", true},
        {"a[5m]", false},
        {"a[5m] @ 5", true},
        {"rate(a[5m] @ 5)", true},
        {"rate(a[5m])", false},
        {"a @ 5 + 1", true},
        {"a @ 5 + b", false},
        {"sum(a @ 5)", true},
        {"topk(scalar(a), b @ 5)", false},
        {"topk(scalar(a @ 1), b @ 5)", true},
        {"a @ 5 [5m:]", false},
        {"a[5m:] @ 5", true},
        {"time()", false},
        {"pi()", true},
        {"vector(1)", true},
        {"vector(time())", false},
        {"hour()", false},
        {"hour(a @ 5)", true},
        {"timestamp(a @ 5)", true},
        {"timestamp((a @ 5))", true},
        {"timestamp(-a @ 5)", false},
        {"predict_linear(a[5m] @ 5, 60)", false},
        {"start() + end() + step() + range()", true},
        {"info(a @ 5)", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(tree_of(cases[i].text)->is_invariant, cases[i].is_invariant, "%s",
                     cases[i].text);
}

Test(typecheck, forgets_matching_where_no_vectors_meet)
{
    const struct expr *e = tree_of("1 + on () group_left (a) b");
    cr_expect(!e->binary.is_on && e->binary.card == CARD_ONE_TO_ONE);
    cr_expect_eq(e->binary.include.count, 0);
    e = tree_of("a + on () b");
    cr_expect(e->binary.is_on && e->binary.matching.count == 0);
    e = tree_of("a * on (x, y) group_right (z) b");
    cr_expect_eq(e->binary.card, CARD_ONE_TO_MANY);
    cr_expect(e->binary.matching.count == 2 && e->binary.include.count == 1);
    cr_expect(text_equal(e->binary.include.at[0], text_of("z")));
}

Test(typecheck, tells_selective_selectors)
{
    cr_expect(selector_is_selective(tree_of("up")));
    cr_expect(selector_is_selective(tree_of("{a=~\"x|y\"}")));
    const struct expr *info = tree_of("info(up, {a=~\"x*\"})");
    cr_expect(!selector_is_selective(info->call.arguments[1]));
}
