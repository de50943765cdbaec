#include "tsdb/base/text.h"

#include "tsdb/base/random.h"

#include <criterion/criterion.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *formatted(double v)
{
    static char text[DOUBLE_TEXT_MAX + 1];
    size_t len = double_format(v, text);
    cr_assert_leq(len, (size_t)DOUBLE_TEXT_MAX);
    text[len] = '\0';
    return text;
}

static const char *formatted_g(double v)
{
    static char text[DOUBLE_TEXT_MAX + 1];
    text[double_format_g(v, text)] = '\0';
    return text;
}

Test(text, doubles_read_as_go_writes_them)
{
    static const struct {
        double v;
        const char *f, *g;
    } cases[] = {
        {0, "0", "0"},
        {-0.0, "-0", "-0"},
        {1, "1", "1"},
        {-1.5, "-1.5", "-1.5"},
        {0.1, "0.1", "0.1"},
        {0.05, "0.05", "0.05"},
        {1e-4, "0.0001", "0.0001"},
        {1e-5, "0.00001", "1e-05"},
        {123456.789, "123456.789", "123456.789"},
        {1e20, "100000000000000000000", "100000000000000000000"},
        {1e21, "1000000000000000000000", "1e+21"},
        {9007199254740992, "9007199254740992", "9007199254740992"},
        {0.30000000000000004, "0.30000000000000004", "0.30000000000000004"},
        {1.7976931348623157e308, NULL, "1.7976931348623157e+308"},
        {2.2250738585072014e-308, NULL, "2.2250738585072014e-308"},
        {5e-324, NULL, "5e-324"},
        {1e-323, NULL, "1e-323"},
        {1.5e-323, NULL, "1.5e-323"},
        {2.2250738585072009e-308, NULL, "2.225073858507201e-308"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i].f)
            cr_assert_str_eq(formatted(cases[i].v), cases[i].f, "%s", formatted(cases[i].v));
        cr_assert_str_eq(formatted_g(cases[i].v), cases[i].g, "%s, want %s",
                         formatted_g(cases[i].v), cases[i].g);
    }
    cr_assert_str_eq(formatted((double)NAN), "NaN");
    cr_assert_str_eq(formatted((double)INFINITY), "+Inf");
    cr_assert_str_eq(formatted(-(double)INFINITY), "-Inf");
}

/* Digits between the first and the last that are not zero. */
static int significant(const char *text)
{
    int count = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9')
            continue;
        if (*text == '0') {
            zeros += count > 0;
        } else {
            count += zeros + 1;
            zeros = 0;
        }
    }
    return count;
}

/* Fewest digits that read back: the nearest decimals above and below are tried, since at
 * a power of two the doubles are not equally far apart. */
static int fewest(double v)
{
    for (int precision = 1; precision <= 17; precision++) {
        char text[64], again[64];
        (void)snprintf(text, sizeof text, "%.*e", precision - 1, v);
        double step = pow(10, floor(log10(v)) - precision + 1);
        for (int k = -1; k <= 1; k++) {
            (void)snprintf(again, sizeof again, "%.*e", precision - 1,
                           strtod(text, NULL) + k * step);
            if (strtod(again, NULL) == v)
                return precision;
        }
    }
    return 17;
}

static void check(double v)
{
    const char *text = formatted(v);
    double back = strtod(text, NULL);
    cr_assert_eq(memcmp(&back, &v, sizeof v), 0, "%s reads back as %a, want %a", text, back, v);
    int digits = significant(text);
    cr_assert_leq(digits, fewest(fabs(v)), "%s: %d digits, want %d", text, digits, fewest(fabs(v)));
    text = formatted_g(v);
    back = strtod(text, NULL);
    cr_assert_eq(memcmp(&back, &v, sizeof v), 0, "%s reads back as %a, want %a", text, back, v);
}

Test(text, doubles_read_back_and_are_as_short_as_can_be, .timeout = 120)
{
    struct random random;
    const char *env = getenv("TEST_SEED");
    random_init(&random, env ? strtoull(env, NULL, 0) : 20260101);
    for (int exponent = -1074; exponent < 1024; exponent++) {
        check(ldexp(1, exponent));
        if (exponent > -1074)
            check(ldexp(-1, exponent) * 1.5);
        check(nextafter(ldexp(1, exponent), 0) == 0 ? 5e-324 : nextafter(ldexp(1, exponent), 0));
    }
    for (int round = 0; round < 20000; round++) {
        uint64_t bits = random_next(&random);
        if (round % 4 == 0)
            bits &= UINT64_C(0x800fffffffffffff) >> random_below(&random, 50); /* subnormal */
        double v;
        memcpy(&v, &bits, sizeof v);
        if (round % 4 == 1)
            v = (double)random_below(&random, 1000000) / pow(10, (double)random_below(&random, 8));
        if (isfinite(v) && v != 0)
            check(v);
    }
}

Test(text, integers)
{
    static const struct {
        int64_t v;
        const char *text;
    } cases[] = {{0, "0"},
                 {-1, "-1"},
                 {10, "10"},
                 {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[25];
        text[i64_format(cases[i].v, text)] = '\0';
        cr_assert_str_eq(text, cases[i].text);
    }
}

Test(text, numbers_are_parsed_whole_or_not)
{
    static const struct {
        const char *text;
        double v;
    } good[] = {{"1", 1},
                {"-1.5e3", -1500},
                {"0x10", 16},
                {"+Inf", (double)INFINITY},
                {"inf", (double)INFINITY},
                {"1e400", (double)INFINITY},
                {".5", 0.5},
                {"5.", 5}};
    static const char *const bad[] = {"", " 1", "1 ", "\t1", "1x", "e5", "--1", "1,5", "0x", "1e"};
    double v = 7;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert(double_parse(text_of(good[i].text), &v), "%s", good[i].text);
        cr_assert_eq(v, good[i].v, "%s: %g", good[i].text, v);
    }
    cr_assert(double_parse(text_of("NaN"), &v) && isnan(v));
    v = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(double_parse(text_of(bad[i]), &v), "%s", bad[i]);
        cr_assert_eq(v, 7, "%s: untouched", bad[i]);
    }
    cr_assert_not(double_parse((struct tsdb_text){"1\0002", 3}, &v), "a zero byte inside");
    cr_assert_not(
        double_parse(text_of("1000000000000000000000000000000000000000000000000000000000000000000"),
                     &v),
        "too long");
}

Test(text, utf8_is_well_formed_or_not)
{
    static const struct {
        const char *text;
        size_t len;
    } good[] = {{"", 0},
                {"plain ascii, more than eight", 28},
                {"\xc3\xa9", 2},
                {"\xe2\x82\xac", 3},
                {"\xed\x9f\xbf", 3},
                {"\xee\x80\x80", 3},
                {"\xf0\x90\x80\x80", 4},
                {"\xf4\x8f\xbf\xbf", 4},
                {"a\0b", 3},
                {"1234567\xc3\xa9", 9}},
      bad[] = {{"\x80", 1},
               {"\xc0\x80", 2},
               {"\xc1\xbf", 2},
               {"\xe0\x80\x80", 3},
               {"\xed\xa0\x80", 3},
               {"\xf0\x80\x80\x80", 4},
               {"\xf4\x90\x80\x80", 4},
               {"\xf5\x80\x80\x80", 4},
               {"\xff", 1},
               {"\xc3", 1},
               {"\xe2\x82", 2},
               {"\xf0\x90\x80", 3},
               {"\xc3(", 2},
               {"12345678\x80", 9},
               {"\xe2(\xa1", 3}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_assert(utf8_check(good[i].text, good[i].len), "case %zu", i);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(utf8_check(bad[i].text, bad[i].len), "case %zu", i);
}

Test(text, comparison_is_bytewise)
{
    static const char *const ascending[] = {"", "A", "Aa", "B", "a", "\xc3\xa9"};
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < 6; k++) {
            int order = text_compare(text_of(ascending[i]), text_of(ascending[k]));
            cr_assert_eq((order > 0) - (order < 0), (i > k) - (i < k));
            cr_assert_eq(text_equal(text_of(ascending[i]), text_of(ascending[k])), i == k);
        }
}

Test(text, bytes_as_base64_and_hex)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *base64, *hex;
    } cases[] = {
        {"", 0, "", ""},
        {"f", 1, "Zg==", "66"},
        {"fo", 2, "Zm8=", "666f"},
        {"foo", 3, "Zm9v", "666f6f"},
        {"foobar", 6, "Zm9vYmFy", "666f6f626172"},
        {"\xff\xfe\x00\x80", 4, "//4AgA==", "fffe0080"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[32];
        size_t n = base64_encode(cases[i].bytes, cases[i].len, out);
        cr_assert_eq(n, BASE64_BYTES(cases[i].len));
        cr_assert(text_equal((struct tsdb_text){out, n}, text_of(cases[i].base64)), "%zu", i);
        n = hex_encode(cases[i].bytes, cases[i].len, out);
        cr_assert(text_equal((struct tsdb_text){out, n}, text_of(cases[i].hex)), "%zu", i);
    }
}
