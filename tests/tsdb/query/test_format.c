/* One-line forms are in valid_expressions.txt, read by test_parser.c. */
#include "tests/tsdb/query/prop_promql.h"
#include "tests/tsdb/query/random_expr.h"
#include "tests/tsdb/query/tree.h"

#include <stdlib.h>

static const char *pretty_of(const char *text)
{
    static struct writer out;
    writer_reset(&out);
    promql_format(tree_of(text), &out, true);
    writer_u8(&out, 0);
    return (const char *)out.at;
}

#define FIFTY "this_is_a_metric_name_of_exactly_fifty_characters_"

Test(promql_format, leaves_short_expressions_on_one_line)
{
    cr_expect_str_eq(pretty_of("sum by(a)(rate( x[5m] ))"), "sum by (a) (rate(x[5m]))");
    /* 50 + 3 + 47 is a line of 100 bytes, the longest there is. */
    cr_expect_str_eq(pretty_of(FIFTY "+this_is_a_metric_name_of_forty_seven_characters"),
                     FIFTY " + this_is_a_metric_name_of_forty_seven_characters");
    cr_expect_str_eq(pretty_of(FIFTY "+" FIFTY), "  " FIFTY "\n+\n  " FIFTY);
}

Test(promql_format, opens_what_is_longer)
{
    cr_expect_str_eq(pretty_of("sum by (a) (" FIFTY "{a=\"" FIFTY "\"})"),
                     "sum by (a) (\n  " FIFTY "{a=\"" FIFTY "\"}\n)");
    cr_expect_str_eq(pretty_of("topk without (a) (5, " FIFTY "{a=\"" FIFTY "\"})"),
                     "topk without (a) (\n  5,\n  " FIFTY "{a=\"" FIFTY "\"}\n)");
    cr_expect_str_eq(pretty_of("label_replace(" FIFTY ", \"a\", \"$1\", \"" FIFTY "\", \"b\")"),
                     "label_replace(\n  " FIFTY ",\n  \"a\",\n  \"$1\",\n  \"" FIFTY
                     "\",\n  \"b\"\n)");
    cr_expect_str_eq(pretty_of("(" FIFTY "{a=\"" FIFTY "\"})"),
                     "(\n  " FIFTY "{a=\"" FIFTY "\"}\n)");
    cr_expect_str_eq(pretty_of("-abs(" FIFTY "{a=\"" FIFTY "\"})"),
                     "-abs(\n  " FIFTY "{a=\"" FIFTY "\"}\n)");
    cr_expect_str_eq(pretty_of("abs(" FIFTY " == bool on (q) " FIFTY ")[5m:1m] offset 1h"),
                     "abs(\n    " FIFTY "\n  == bool on (q)\n    " FIFTY "\n)[5m:1m] offset 1h");
    cr_expect_str_eq(pretty_of(FIFTY " * on (a) group_left (b) " FIFTY " + c"),
                     "    " FIFTY "\n  * on (a) group_left (b)\n    " FIFTY "\n+\n  c");
}

Test(promql_format, indents_a_level_at_a_time)
{
    cr_expect_str_eq(pretty_of("sum(sum(" FIFTY "{a=\"" FIFTY "\"}) / (" FIFTY " - " FIFTY "))"),
                     "sum(\n"
                     "    sum(\n"
                     "      " FIFTY "{a=\"" FIFTY "\"}\n"
                     "    )\n"
                     "  /\n"
                     "    (\n"
                     "        " FIFTY "\n"
                     "      -\n"
                     "        " FIFTY "\n"
                     "    )\n"
                     ")");
    cr_expect_str_eq(pretty_of("abs(-(" FIFTY "{a=\"" FIFTY "\"}))"),
                     "abs(\n  -(\n    " FIFTY "{a=\"" FIFTY "\"}\n  )\n)");
}

Test(promql_format, appends_to_what_is_there)
{
    struct writer out = {0};
    writer_text(&out, "x: ");
    promql_format(tree_of("a+b"), &out, false);
    promql_format(tree_of("c"), &out, true);
    writer_u8(&out, 0);
    cr_expect_str_eq((const char *)out.at, "x: a + bc");
    writer_release(&out);
}

/* Goal: the law of prop_promql.h over expressions of every form.
 * Method: random well-typed text; TEST_SEED replays a run. */
Test(promql_format, is_read_back_as_it_was)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20240131;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    struct maker m = {0};
    random_init(&m.r, seed);
    int accepted = 0;
    for (int i = 0; i < 10000; i++) {
        make_expr(&m, (uint32_t)make_below(&m, 6));
        bool is_valid = prop_promql(m.out.at, m.out.len);
        accepted += is_valid;
        cr_expect(is_valid, "%.*s", (int)m.out.len, (const char *)m.out.at);
    }
    cr_assert_gt(accepted, 9900, "only %d of 10000 were accepted", accepted);
    writer_release(&m.out);
}

/* The same over texts that are nearly right. */
Test(promql_format, survives_damaged_expressions)
{
    struct maker m = {0};
    random_init(&m.r, 20240131);
    int accepted = 0;
    for (int i = 0; i < 10000; i++) {
        make_expr(&m, (uint32_t)make_below(&m, 4));
        for (uint64_t n = 1 + make_below(&m, 3); n > 0; n--) {
            uint8_t *at = m.out.at + make_below(&m, m.out.len);
            *at = make_below(&m, 4) ? m.out.at[make_below(&m, m.out.len)]
                                    : (uint8_t)random_next(&m.r);
        }
        accepted += prop_promql(m.out.at, m.out.len);
    }
    cr_assert_gt(accepted, 500, "only %d of 10000 were accepted", accepted);
    writer_release(&m.out);
}
