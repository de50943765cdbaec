#include "tsdb/traceql/fold.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>

static struct traceql_value int_value(int64_t v)
{
    return (struct traceql_value){.type = TRACEQL_INT, .integer = v};
}

static struct traceql_value float_value(double v)
{
    return (struct traceql_value){.type = TRACEQL_FLOAT, .number = v};
}

static struct traceql_value duration_value(int64_t v)
{
    return (struct traceql_value){.type = TRACEQL_DURATION, .integer = v};
}

Test(traceql_fold, computes_ints_as_ints)
{
    static const struct {
        enum traceql_op op;
        int64_t left, right, answer;
    } cases[] = {
        {TRACEQL_ADD, 1, 2, 3},
        {TRACEQL_ADD, INT64_MAX, 1, INT64_MIN},
        {TRACEQL_SUB, 1, 2, -1},
        {TRACEQL_SUB, INT64_MIN, 1, INT64_MAX},
        {TRACEQL_MUL, -3, 4, -12},
        {TRACEQL_MUL, INT64_MIN, -1, INT64_MIN},
        {TRACEQL_DIV, 7, 2, 3},
        {TRACEQL_DIV, -7, 2, -3},
        {TRACEQL_DIV, INT64_MIN, -1, INT64_MIN},
        {TRACEQL_MOD, -7, 3, -1},
        {TRACEQL_MOD, INT64_MIN, -1, 0},
        {TRACEQL_POW, 2, 10, 1024},
        {TRACEQL_POW, 2, -1, 0},
        {TRACEQL_POW, 0, 0, 1},
        {TRACEQL_POW, 10, 30, INT64_MAX},
        {TRACEQL_POW, -10, 31, INT64_MIN},
        {TRACEQL_POW, 0, -1, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct traceql_value left = int_value(cases[i].left), right = int_value(cases[i].right);
        struct traceql_value out = {0};
        cr_expect_null(fold_binary(cases[i].op, &left, &right, NULL, &out), "%zu", i);
        cr_expect(out.type == TRACEQL_INT && out.integer == cases[i].answer, "%zu: %lld", i,
                  (long long)out.integer);
    }
}

Test(traceql_fold, computes_other_numbers_as_floats)
{
    struct traceql_value one = int_value(1), half = float_value(.5), hour = duration_value(3600);
    struct traceql_value out;
    cr_expect_null(fold_binary(TRACEQL_ADD, &one, &half, NULL, &out));
    cr_expect(out.type == TRACEQL_FLOAT && out.number == 1.5);
    cr_expect_null(fold_binary(TRACEQL_MUL, &hour, &one, NULL, &out));
    cr_expect(out.type == TRACEQL_FLOAT && out.number == 3600);
    cr_expect_null(fold_binary(TRACEQL_MOD, &hour, &half, NULL, &out));
    cr_expect(out.type == TRACEQL_FLOAT && out.number == 0);
    cr_expect_null(fold_binary(TRACEQL_POW, &half, &one, NULL, &out));
    cr_expect(out.type == TRACEQL_FLOAT && out.number == .5);
}

Test(traceql_fold, says_when_there_is_no_answer)
{
    struct traceql_value one = int_value(1), none = int_value(0), nothing = float_value(0);
    struct traceql_value large = float_value(1e300), out = int_value(77);
    cr_expect_str_eq(fold_binary(TRACEQL_DIV, &one, &none, NULL, &out), "division by zero");
    cr_expect_str_eq(fold_binary(TRACEQL_MOD, &one, &none, NULL, &out), "division by zero");
    cr_expect_str_eq(fold_binary(TRACEQL_DIV, &one, &nothing, NULL, &out),
                     "the value is not finite");
    cr_expect_str_eq(fold_binary(TRACEQL_MOD, &one, &nothing, NULL, &out),
                     "the value is not finite");
    cr_expect_str_eq(fold_binary(TRACEQL_MUL, &large, &large, NULL, &out),
                     "the value is not finite");
    cr_expect_eq(out.integer, 77);
}

Test(traceql_fold, compares_exactly)
{
    struct traceql_value a = int_value(INT64_C(9007199254740993));
    struct traceql_value b = duration_value(INT64_C(9007199254740992)); /* one less */
    struct traceql_value c = float_value(9007199254740992.0), out;
    cr_expect_null(fold_binary(TRACEQL_EQ, &a, &b, NULL, &out));
    cr_expect_eq(out.integer, 0);
    cr_expect_null(fold_binary(TRACEQL_GT, &a, &b, NULL, &out));
    cr_expect_eq(out.integer, 1);
    cr_expect_null(fold_binary(TRACEQL_EQ, &b, &c, NULL, &out));
    cr_expect_eq(out.integer, 1);
    cr_expect_null(fold_binary(TRACEQL_LE, &c, &b, NULL, &out));
    cr_expect_eq(out.integer, 1);
}

Test(traceql_fold, negates)
{
    struct traceql_value low = int_value(INT64_MIN), zero = float_value(0);
    struct traceql_value hour = duration_value(3600);
    cr_expect_eq(fold_negate(&low).integer, INT64_MIN);
    cr_expect(__builtin_signbit(fold_negate(&zero).number));
    cr_expect_eq(fold_negate(&hour).integer, -3600);
    cr_expect_eq(fold_negate(&hour).type, TRACEQL_DURATION);
}
