/* The syntax and its faults are in the tables that test_parser.c reads. */
#include "tsdb/query/parser.h"

#include "tests/tsdb/query/tree.h"

#include <math.h>

static const int64_t second = 1000000000;

Test(literal, reads_numbers_as_go_does)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"1", 1},
        {"-0x10", -16},
        {"0777", 511},
        {"0778", 778},
        {"1_0_0", 100},
        {"0.1", 0.1},
        {"1e-320", 1e-320},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"18446744073709551616", 18446744073709551616.0},
        {"01000000000000000000000", 1e21}, /* too large for octal */
        {"5m", 300},
        {"1h30m", 5400},
        {"100ms", 0.1},
        {"1s1ms", 1.001},
        {"-1d", -86400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct expr *e = tree_of(cases[i].text);
        cr_assert_eq(e->kind, EXPR_NUMBER, "%s", cases[i].text);
        cr_expect_eq(e->number.value, cases[i].value, "%s: %.17g", cases[i].text, e->number.value);
    }
    cr_expect(isnan(tree_of("nAn")->number.value));
    cr_expect_eq(tree_of("-iNf")->number.value, -INFINITY);
    cr_expect(signbit(tree_of("-0")->number.value));
    cr_expect(tree_of("5m")->number.is_duration && !tree_of("300")->number.is_duration);
}

Test(literal, refuses_numbers_that_do_not_fit)
{
    struct arena arena;
    struct expr *e;
    struct tsdb_error err;
    arena_init(&arena, 1 << 20, NULL);
    cr_expect_eq(promql_parse(text_of("1e309"), &arena, &e, &err), TSDB_EINVAL);
    cr_expect_str_eq(err.msg, "1:1: parse error: error parsing number: strconv.ParseFloat: parsing "
                              "\"1e309\": value out of range");
    cr_expect_eq(promql_parse(text_of("0x10000000000000000"), &arena, &e, &err), TSDB_EINVAL);
    arena_release(&arena);
}

Test(literal, reads_ranges_in_nanoseconds)
{
    cr_expect_eq(tree_of("a[5m]")->matrix.range, 300 * second);
    cr_expect_eq(tree_of("a[1.5]")->matrix.range, 3 * second / 2);
    cr_expect_eq(tree_of("a[0.000000001]")->matrix.range, 1);
    cr_expect_eq(tree_of("a[200d1ms]")->matrix.range, 17280000 * second + 1000000);
    cr_expect_eq(tree_of("a[292y]")->matrix.range, INT64_C(292) * 365 * 86400 * second);
    const struct expr *e = tree_of("a[1h:90]");
    cr_expect(e->subquery.range == 3600 * second && e->subquery.step == 90 * second);
    cr_expect_eq(tree_of("a[1h:]")->subquery.step, 0);
}

Test(literal, reads_when_a_selector_looks)
{
    const struct expr *e = tree_of("a[5m] @ 1609746000.1234 offset -1h");
    const struct expr_time *t = &e->matrix.selector->selector.time;
    cr_expect_eq(t->offset, -3600 * second);
    cr_expect_eq(t->at, EXPR_AT_TIME);
    cr_expect_eq(t->at_ts, 1609746000 * second + 123000000, "rounded to milliseconds");
    cr_expect_eq(tree_of("a @ -0.0016")->selector.time.at_ts, -2000000);
    cr_expect_eq(tree_of("a @ start()")->selector.time.at, EXPR_AT_START);
    cr_expect_eq(tree_of("sum(a)[5m:] @ end()")->subquery.time.at, EXPR_AT_END);
    cr_expect_eq(tree_of("a offset 0")->selector.time.offset, 0);
    cr_expect_eq(tree_of("a offset 0s offset 5s")->selector.time.offset, 5 * second,
                 "no offset yet");
}

Test(literal, unquotes_strings)
{
    cr_expect(text_equal(tree_of("\"a\\tb\\x00\\u00e9\"")->string,
                         (struct tsdb_text){"a\tb\0\xc3\xa9", 6}));
    cr_expect(text_equal(tree_of("`a\\tb`")->string, text_of("a\\tb")));
    cr_expect_eq(tree_of("''")->string.len, 0);
}
