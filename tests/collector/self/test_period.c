#include "collector/self/period.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>

Test(period, parses_units_in_falling_order)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"0", 0},
        {"0s", 0},
        {"30d", 30 * NS_PER_DAY},
        {"100y", 100 * 365 * NS_PER_DAY},
        {"1h30m", 90 * NS_PER_MINUTE},
        {"1w2d3h4m5s6ms7us8ns",
         9 * NS_PER_DAY + 3 * NS_PER_HOUR + 4 * NS_PER_MINUTE + 5 * NS_PER_S + 6007008},
        {"9223372036854775807ns", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ns = -1;
        cr_assert(period_parse(text_of(cases[i].text), &ns), "%s", cases[i].text);
        cr_assert_eq(ns, cases[i].ns, "%s: %lld", cases[i].text, (long long)ns);
    }
}

Test(period, rejects_what_is_no_duration)
{
    static const char *const cases[] = {
        "",
        "1",
        "00",
        "d",
        "1x",
        "1 d",
        "-1d",
        "1.5h",
        "1m1h",
        "1h1h",
        "1d ",
        "+1d",
        "1D",
        "293y",
        "9223372036854775808ns",
        "99999999999999999999s",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ns = 77;
        cr_assert_not(period_parse(text_of(cases[i]), &ns), "%s", cases[i]);
        cr_assert_eq(ns, 77);
    }
}

Test(period, formats_as_people_would)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {30 * NS_PER_DAY, "30d"},
        {14 * NS_PER_DAY, "2w"},
        {365 * NS_PER_DAY, "1y"},
        {366 * NS_PER_DAY, "366d"},
        {36 * NS_PER_HOUR, "1d12h"},
        {1500000, "1ms500us"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[PERIOD_TEXT_MAX];
        period_format(cases[i].ns, out);
        cr_assert_str_eq(out, cases[i].text);
    }
}

Test(period, parse_of_format_is_identity)
{
    struct random r;
    random_init(&r, 20261124);
    for (int i = 0; i < 100000; i++) {
        int64_t ns = (int64_t)(random_next(&r) >> (1 + random_below(&r, 63))), back = -1;
        char out[PERIOD_TEXT_MAX];
        size_t n = period_format(ns, out);
        cr_assert(period_parse((struct tsdb_text){out, n}, &back), "%s", out);
        cr_assert_eq(back, ns, "%s", out);
    }
}
