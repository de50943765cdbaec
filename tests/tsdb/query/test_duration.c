#include "tsdb/query/duration.h"

#include "tsdb/base/random.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>

#include <math.h>

static const int64_t ms = 1000000, second = 1000000000;

Test(duration, formats_as_prometheus_does)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {1, "1ms"},
        {999, "999ms"},
        {1000, "1s"},
        {61001, "1m1s1ms"},
        {3600000, "1h"},
        {86400000, "1d"},
        {7 * INT64_C(86400000), "1w"},
        {8 * INT64_C(86400000), "8d"},
        {14 * INT64_C(86400000), "2w"},
        {365 * INT64_C(86400000), "1y"},
        {366 * INT64_C(86400000), "366d"},
        {730 * INT64_C(86400000), "2y"},
        {371 * INT64_C(86400000), "53w"},
    };
    struct writer out = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t back;
        writer_reset(&out);
        duration_format(cases[i].ms * ms, &out);
        struct tsdb_text got = {(const char *)out.at, out.len};
        cr_expect(text_equal(got, text_of(cases[i].text)), "%s: %.*s", cases[i].text, (int)got.len,
                  got.at);
        cr_expect_eq(duration_parse(got, &back, NULL), TSDB_OK);
        cr_expect_eq(back, cases[i].ms * ms, "%s", cases[i].text);
    }
    writer_release(&out);
}

Test(duration, formats_what_is_finer_in_seconds)
{
    struct writer out = {0};
    duration_format(1, &out);
    duration_format(1500000, &out);
    duration_format(17280000 * second + 10, &out);
    writer_u8(&out, 0);
    cr_expect_str_eq((const char *)out.at, "0.0000000010.001517280000.00000001");
    writer_release(&out);
}

Test(duration, refuses_what_is_none)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "empty duration string"},
        {"5", "not a valid duration string: \"5\""},
        {"m", "not a valid duration string: \"m\""},
        {"-5m", "not a valid duration string: \"-5m\""},
        {"5m5", "not a valid duration string: \"5m5\""},
        {"1s1h", "not a valid duration string: \"1s1h\""},
        {"1h1h", "not a valid duration string: \"1h1h\""},
        {"5x", "unknown unit \"x\" in duration \"5x\""},
        {"5M", "unknown unit \"M\" in duration \"5M\""},
        {"1h 5m", "unknown unit \"h \" in duration \"1h 5m\""},
        {"1.5h", "unknown unit \".\" in duration \"1.5h\""},
        {"293y", "duration out of range"},
        {"99999999999999999999ms", "duration out of range"},
        {"9223372036854775807ms", "duration out of range"},
        {"292y52w", "duration out of range"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tsdb_error err;
        int64_t ns = 77;
        cr_expect_eq(duration_parse(text_of(cases[i].text), &ns, &err), TSDB_EINVAL, "%s",
                     cases[i].text);
        cr_expect_str_eq(err.msg, cases[i].message);
        cr_expect_eq(ns, 77, "untouched");
    }
}

Test(duration, knows_zero_without_a_unit)
{
    int64_t ns = 77;
    cr_expect_eq(duration_parse(text_of("0"), &ns, NULL), TSDB_OK);
    cr_expect_eq(ns, 0);
}

Test(duration, converts_seconds)
{
    int64_t ns = 0;
    cr_expect(duration_of_seconds(0.1, &ns) && ns == 100 * ms);
    cr_expect(duration_of_seconds(-1.5, &ns) && ns == -1500 * ms);
    cr_expect(duration_of_seconds(1e9, &ns) && ns == INT64_C(1000000000000000000));
    cr_expect(duration_of_seconds(9.2e9, &ns));
    cr_expect(!duration_of_seconds(9.3e9, &ns) && !duration_of_seconds(-9.3e9, &ns));
    cr_expect(!duration_of_seconds((double)NAN, &ns) && !duration_of_seconds(INFINITY, &ns));
}

/* Goal: the text of any duration reads back as that duration. */
Test(duration, reads_back_what_it_formats)
{
    struct random r;
    struct writer out = {0};
    random_init(&r, 20240131);
    for (int i = 0; i < 20000; i++) {
        int64_t want = (int64_t)(random_next(&r) >> (1 + random_below(&r, 62))), got;
        if (i % 2)
            want -= want % ms;
        writer_reset(&out);
        duration_format(want, &out);
        struct tsdb_text text = {(const char *)out.at, out.len};
        double seconds;
        if (want % ms == 0 && want > 0) {
            cr_assert_eq(duration_parse(text, &got, NULL), TSDB_OK, "%.*s", (int)text.len, text.at);
            cr_assert_eq(got, want);
        } else if (want < INT64_C(1) << 52) { /* a double holds it */
            cr_assert(want == 0 || double_parse(text, &seconds), "%.*s", (int)text.len, text.at);
            cr_assert(want == 0 || duration_of_seconds(seconds, &got));
            cr_assert(want == 0 || got == want, "%.*s", (int)text.len, text.at);
        }
    }
    writer_release(&out);
}
