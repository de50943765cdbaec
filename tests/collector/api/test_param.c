#include "collector/api/param.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <string.h>

Test(param, times_are_seconds_or_rfc3339)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"4", 4 * NS_PER_S},
        {"1435781430.781", INT64_C(1435781430781000000)},
        {"1435781430.7814", INT64_C(1435781430781000000)},
        {"1435781430.7816", INT64_C(1435781430782000000)},
        {"-1.5", -1500 * NS_PER_MS},
        {"1e3", 1000 * NS_PER_S},
        {"2015-07-01T20:10:30.781Z", INT64_C(1435781430781000000)},
        {"9999999999999", INT64_MAX},
        {"-9999999999999", INT64_MIN},
        {"+Inf", INT64_MAX},
        {"-292273086-05-16T16:47:06Z", INT64_MIN},
        {"292277025-08-18T07:12:54.999999999Z", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ns = -77;
        cr_assert_eq(param_time(text_of(cases[i].text), &ns, NULL), TSDB_OK, "%s", cases[i].text);
        cr_assert_eq(ns, cases[i].ns, "%s: %lld", cases[i].text, (long long)ns);
    }
    struct tsdb_error err;
    int64_t ns;
    static const char *const bad[] = {"", "now", "NaN", "1 ", "2015-07-01"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(param_time(text_of(bad[i]), &ns, &err), TSDB_EINVAL, "%s", bad[i]);
    cr_assert_str_eq(err.msg, "cannot parse \"2015-07-01\" to a valid timestamp");
}

Test(param, durations_are_seconds_or_units)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"15", 15 * NS_PER_S},  {"0.25", 250 * NS_PER_MS},  {"-1", -NS_PER_S},
        {"5m", 300 * NS_PER_S}, {"1h30m", 5400 * NS_PER_S}, {"100ms", 100 * NS_PER_MS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ns = -77;
        cr_assert_eq(param_duration(text_of(cases[i].text), &ns, NULL), TSDB_OK, "%s",
                     cases[i].text);
        cr_assert_eq(ns, cases[i].ns, "%s: %lld", cases[i].text, (long long)ns);
    }
    struct tsdb_error err;
    int64_t ns;
    cr_assert_eq(param_duration(text_of("1e300"), &ns, &err), TSDB_EINVAL);
    cr_assert_str_eq(err.msg, "cannot parse \"1e300\" to a valid duration. It overflows int64");
    cr_assert_eq(param_duration(text_of("9223372036.854775808"), &ns, &err), TSDB_EINVAL);
    cr_assert_eq(param_duration(text_of(""), &ns, &err), TSDB_EINVAL);
    cr_assert_str_eq(err.msg, "cannot parse \"\" to a valid duration");
    cr_assert_eq(param_duration(text_of("5 m"), &ns, &err), TSDB_EINVAL);
    cr_assert_eq(param_duration((struct tsdb_text){0}, &ns, &err), TSDB_EINVAL);
}

Test(param, limits_are_whole)
{
    uint64_t n = 7;
    cr_assert_eq(param_limit(text_of("0"), &n, NULL), TSDB_OK);
    cr_assert_eq(n, 0);
    cr_assert_eq(param_limit(text_of("40000"), &n, NULL), TSDB_OK);
    cr_assert_eq(n, 40000);
    static const char *const bad[] = {"", "-1", "1.5", "x", "9999999999999999999", "1 "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(param_limit(text_of(bad[i]), &n, NULL), TSDB_EINVAL, "%s", bad[i]);
}

Test(param, label_names_are_unescaped)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"job", "job"},
        {"__name__", "__name__"},
        {"U__", "U__"},
        {"U__http_2e_status", "http.status"},
        {"U__a__b", "a_b"},
        {"U___1F600_", "\xf0\x9f\x98\x80"},
        {"U__a_e9_", "a\xc3\xa9"},
        {"U__a_", "U__a_"},
        {"U__a_2e", "U__a_2e"},
        {"U__a_zz_", "U__a_zz_"},
        {"U__a_1234567_", "U__a_1234567_"},
        {"U__a_110000_", "U__a_110000_"},
    };
    struct arena arena;
    arena_init(&arena, 1 << 16, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tsdb_text out;
        cr_assert_eq(param_label_name(&arena, text_of(cases[i].in), &out), TSDB_OK, "%s",
                     cases[i].in);
        cr_assert(text_equal(out, text_of(cases[i].out)), "%s: %.*s", cases[i].in, (int)out.len,
                  out.at);
    }
    struct tsdb_text out;
    cr_assert_eq(param_label_name(&arena, text_of(""), &out), TSDB_EINVAL);
    cr_assert_eq(param_label_name(&arena, text_of("a\xff"), &out), TSDB_EINVAL);
    cr_assert_eq(param_label_name(&arena, text_of("U___d800_"), &out), TSDB_EINVAL);
    arena_release(&arena);
}

Test(param, go_durations)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"1.2s", INT64_C(1200000000)},
        {"100ms", 100000000},
        {"1h2m3s", INT64_C(3723000000000)},
        {"300us", 300000},
        {"5\u00b5s", 5000},
        {"7ns", 7},
        {".5s", 500000000},
        {"1.s", 1000000000},
        {"0", 0},
    };
    static const char *const bad[] = {"",    "1",    "s",      ".s",   "-1s",
                                      "1d",  "1s ",  "1.2.3s", "1e3s", "99999999999h",
                                      "1s2", "0x1s", "infs",   "s1"};
    int64_t ns;
    struct tsdb_error err;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert_eq(param_go_duration(text_of(good[i].text), &ns, &err), TSDB_OK, "%s",
                     good[i].text);
        cr_assert_eq(ns, good[i].ns, "%s: %lld", good[i].text, (long long)ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(param_go_duration(text_of(bad[i]), &ns, &err), TSDB_EINVAL, "%s", bad[i]);
}
