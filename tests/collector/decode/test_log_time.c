#include "collector/decode/log_time.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <inttypes.h>

Test(log_time, times_that_senders_write)
{
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2024-02-29T12:34:56Z", INT64_C(1709210096000000000)},
        {"2024-02-29t12:34:56z", INT64_C(1709210096000000000)},
        {"2024-02-29 12:34:56", INT64_C(1709210096000000000)},
        {"2024-02-29 12:34:56,789", INT64_C(1709210096789000000)},
        {"2024-02-29T12:34:56.789012345Z", INT64_C(1709210096789012345)},
        {"2024-02-29T12:34:56.7890123456789Z", INT64_C(1709210096789012345)},
        {"2024-02-29T12:34:56.7+01:30", INT64_C(1709204696700000000)},
        {"2024-02-29T12:34:56-0130", INT64_C(1709215496000000000)},
        {"2024-02-29T12:34:56+02", INT64_C(1709202896000000000)},
        {"2024-02-29 12:34:56.5 +0000", INT64_C(1709210096500000000)},
        {"2024-02-29T12:34", INT64_C(1709210040000000000)},
        {"2024-02-29", INT64_C(1709164800000000000)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000000000)},
        {"1969-12-31T23:59:59.5Z", INT64_C(-500000000)},
        {"1700000000", INT64_C(1700000000000000000)},
        {"1700000000.5", INT64_C(1700000000500000000)},
        {"1700000000.123456789123", INT64_C(1700000000123456789)},
        {"1700000000123", INT64_C(1700000000123000000)},
        {"1700000000123.25", INT64_C(1700000000123250000)},
        {"1700000000123456", INT64_C(1700000000123456000)},
        {"1700000000123456789", INT64_C(1700000000123456789)},
        {"99999999999", INT64_MIN}, /* the last in seconds: beyond int64 */
        {"100000000000", INT64_C(100000000000000000)},
        {"0", 0},
        {"-1", INT64_C(-1000000000)},
        {"1.7e9", INT64_C(1700000000000000000)},
        {"1.7000000005e9", INT64_C(1700000000500000000)},
        {"9223372036854775807", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t got = INT64_MIN;
        bool is_time = log_time_parse(text_of(cases[i].text), &got);
        cr_assert_eq(is_time, got != INT64_MIN);
        if (cases[i].want != INT64_MIN)
            cr_assert_eq(got, cases[i].want, "%s: got %" PRId64, cases[i].text, got);
    }
}

Test(log_time, texts_that_are_no_time)
{
    static const char *const cases[] = {"",
                                        "-",
                                        "x",
                                        "1700000000x",
                                        "1.",
                                        ".5",
                                        "1e",
                                        "1e400",
                                        "nan",
                                        "0x10",
                                        "-.5",
                                        "9223372036854775808",
                                        "2024-02-30",
                                        "2023-02-29",
                                        "2024-13-01",
                                        "2024-00-01",
                                        "2024-1-1",
                                        "2024-01-01T",
                                        "2024-01-01T24:00:00Z",
                                        "2024-01-01T23:60:00Z",
                                        "2024-01-01T23:59:61Z",
                                        "2024-01-01T00:00:00.Z",
                                        "2024-01-01T00:00:00X",
                                        "2024-01-01T00:00:00Z ",
                                        "2024-01-01T00:00:00+1",
                                        "2024-01-01T00:00:00+24:00",
                                        "0000-01-01",
                                        "9999-01-01T00:00:00Z",
                                        "1600-01-01T00:00:00Z",
                                        "Mon Jan 1"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ns = 7;
        cr_assert(!log_time_parse(text_of(cases[i]), &ns), "%s: %" PRId64, cases[i], ns);
        cr_assert_eq(ns, 7);
    }
}

Test(log_time, days_and_years_agree)
{
    int64_t days = log_time_days(1600, 1, 1);
    cr_assert_eq(log_time_days(1970, 1, 1), 0);
    cr_assert_eq(log_time_days(2000, 3, 1), 11017);
    for (int64_t year = 1600; year < 2400; year++) {
        bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        cr_assert_eq(log_time_days(year, 1, 1), days);
        cr_assert_eq(log_time_year(days), year);
        cr_assert_eq(log_time_year(days - 1), year - 1);
        days += is_leap ? 366 : 365;
    }
}
