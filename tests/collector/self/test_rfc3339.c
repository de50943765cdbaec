#include "collector/self/rfc3339.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(rfc3339, formats_with_the_digits_asked_for)
{
    char out[RFC3339_MAX];
    size_t n = rfc3339_format(INT64_C(1795521600123456789), 3, out);
    cr_assert_str_eq(out, "2026-11-24T12:00:00.123Z");
    cr_assert_eq(n, strlen(out));
    rfc3339_format(0, 0, out);
    cr_assert_str_eq(out, "1970-01-01T00:00:00Z");
    rfc3339_format(-1, 9, out);
    cr_assert_str_eq(out, "1969-12-31T23:59:59.999999999Z");
    rfc3339_format(INT64_MAX, 9, out);
    cr_assert_str_eq(out, "2262-04-11T23:47:16.854775807Z");
    rfc3339_format(INT64_MIN, 0, out);
    cr_assert_str_eq(out, "1677-09-21T00:12:43Z");
}

Test(rfc3339, parses_offsets_fractions_and_leap_seconds)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"2015-07-01T20:10:51.781Z", INT64_C(1435781451781000000)},
        {"2015-07-01T20:10:51Z", INT64_C(1435781451000000000)},
        {"2015-07-01T22:10:51+02:00", INT64_C(1435781451000000000)},
        {"2015-07-01t15:40:51.000000001-04:30", INT64_C(1435781451000000001)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000000000)},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000000000)},
        {"1970-01-01T00:00:00.1234567899Z", 123456789},
        {"2262-04-11T23:47:16.854775807Z", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ns = -1;
        cr_assert(rfc3339_parse(text_of(cases[i].text), &ns), "%s", cases[i].text);
        cr_assert_eq(ns, cases[i].ns, "%s: %lld", cases[i].text, (long long)ns);
    }
}

Test(rfc3339, rejects_what_is_no_time)
{
    static const char *const cases[] = {
        "",
        "2015",
        "2015-07-01",
        "2015-07-01T20:10:51",
        "2015-07-01T20:10:51.Z",
        "2015-13-01T20:10:51Z",
        "2015-00-01T20:10:51Z",
        "2015-02-29T20:10:51Z",
        "1900-02-29T00:00:00Z",
        "2015-07-32T20:10:51Z",
        "2015-07-01T24:10:51Z",
        "2015-07-01T20:60:51Z",
        "2015-07-01T20:10:61Z",
        "2015-07-01T20:10:51+24:00",
        "2015-07-01T20:10:51Z ",
        "2015/07/01T20:10:51Z",
        "0000-01-01T00:00:00Z",
        "1677-09-20T00:00:00Z",
        "2262-04-11T23:47:16.854775808Z",
        "9999-12-31T23:59:59Z",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ns = 77;
        cr_assert_not(rfc3339_parse(text_of(cases[i]), &ns), "%s", cases[i]);
        cr_assert_eq(ns, 77);
    }
}

Test(rfc3339, parse_of_format_is_identity)
{
    struct random r;
    random_init(&r, 20261124);
    for (int i = 0; i < 100000; i++) {
        int64_t ns = (int64_t)random_next(&r), back = 0;
        if (ns < INT64_MIN + NS_PER_S)
            continue;
        char out[RFC3339_MAX];
        size_t n = rfc3339_format(ns, 9, out);
        cr_assert(rfc3339_parse((struct tsdb_text){out, n}, &back), "%s", out);
        cr_assert_eq(back, ns, "%s", out);
    }
}
