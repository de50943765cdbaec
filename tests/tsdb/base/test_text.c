#include "tsdb/base/text.h"

#include "tsdb/base/digits.h"
#include "tsdb/base/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct written {
    double v;
    const char *plain, *short_form; /* of double_format and double_format_g */
};

static const struct written table[] = {
    {0, "0", "0"},
    {-0.0, "-0", "-0"},
    {1, "1", "1"},
    {-1, "-1", "-1"},
    {0.1, "0.1", "0.1"},
    {0.3, "0.3", "0.3"},
    {0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"},
    {1.005, "1.005", "1.005"},
    {123456.789, "123456.789", "123456.789"},
    {-0.05, "-0.05", "-0.05"},
    {100, "100", "100"},
    {1e20, "100000000000000000000", "100000000000000000000"},
    {1e21, "1000000000000000000000", "1e+21"},
    {1.5e22, "15000000000000000000000", "1.5e+22"},
    {0.0001, "0.0001", "0.0001"},
    {0.00001, "0.00001", "1e-05"},
    {1.25e-7, "0.000000125", "1.25e-07"},
    {9007199254740991, "9007199254740991", "9007199254740991"},
    {9007199254740993e3, "9007199254740993000", "9007199254740993000"},
    {(double)INFINITY, "+Inf", "+Inf"},
    {-(double)INFINITY, "-Inf", "-Inf"},
    {(double)NAN, "NaN", "NaN"},
};

Test(text, doubles_are_written_as_go_writes_them)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char out[DOUBLE_TEXT_MAX + 1];
        out[double_format(table[i].v, out)] = '\0';
        cr_assert_str_eq(out, table[i].plain);
        out[double_format_g(table[i].v, out)] = '\0';
        cr_assert_str_eq(out, table[i].short_form);
    }
}

Test(text, the_least_double_has_one_digit_and_the_greatest_309)
{
    char out[DOUBLE_TEXT_MAX];
    size_t n = double_format(0x1p-1074, out);
    cr_assert_eq(n, 326u);
    cr_assert_eq(memcmp(out, "0.000", 5), 0);
    cr_assert_eq(out[n - 1], '5');
    cr_assert_eq(double_format(0x1.fffffffffffffp1023, out), 309u);
    cr_assert_eq(double_format(-0x1.fffffffffffffp1023, out), 310u);
}

static void check(double v)
{
    char out[DOUBLE_TEXT_MAX + 1], shortest[64];
    size_t n = double_format(v, out);
    cr_assert_leq(n, (size_t)DOUBLE_TEXT_MAX);
    out[n] = '\0';
    double back = strtod(out, NULL);
    cr_assert_eq(memcmp(&back, &v, sizeof v), 0, "%a is written %s", v, out);
    out[double_format_g(v, out)] = '\0';
    back = strtod(out, NULL);
    cr_assert_eq(memcmp(&back, &v, sizeof v), 0, "%a is written %s", v, out);
    char digits[DIGITS_MAX];
    int exponent;
    n = digits_shortest(fabs(v), digits, &exponent);
    if (n < 2)
        return;
    (void)snprintf(shortest, sizeof shortest, "%.*e", (int)n - 2, fabs(v));
    cr_assert_neq(strtod(shortest, NULL), fabs(v), "%a has %zu digits, and %s will do", v, n,
                  shortest);
}

/* Goal: reads back to the bit, and with one digit less it would not. */
Test(text, doubles_read_back_and_are_shortest)
{
    struct random random;
    random_init(&random, 11);
    for (int i = 0; i < 50000; i++) {
        uint64_t bits = random_next(&random);
        double v;
        memcpy(&v, &bits, sizeof v);
        if (isfinite(v))
            check(v);
        check((double)random_below(&random, 1000000000) / 1000);
        check((random_unit(&random) - 0.5) * 1e6);
    }
}
