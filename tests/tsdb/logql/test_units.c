#include "tsdb/base/text.h"
#include "tsdb/logql/ast.h"
#include "tsdb/query/go_duration.h"

#include <criterion/criterion.h>

Test(logql_duration, reads_what_go_reads)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"0s", 0},
        {"1ns", 1},
        {"1us", 1000},
        {"1\xc2\xb5s", 1000},
        {"1\xce\xbcs", 1000},
        {"1ms", 1000000},
        {"5s", INT64_C(5000000000)},
        {"+5s", INT64_C(5000000000)},
        {"-5s", INT64_C(-5000000000)},
        {"1m", INT64_C(60000000000)},
        {"1h", INT64_C(3600000000000)},
        {"1h30m", INT64_C(5400000000000)},
        {"30m1h", INT64_C(5400000000000)},
        {"1m1m", INT64_C(120000000000)},
        {"1.5s", 1500000000},
        {".5s", 500000000},
        {"5.s", INT64_C(5000000000)},
        {"-1.5h2.25ms", INT64_C(-5400002250000)},
        {"0.000000001s", 1},
        {"0.0000000001s", 0},
        {"0.9999999999999999999999s", 1000000000},
        {"9223372036854775807ns", INT64_MAX},
        {"2562047h47m16.854775807s", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ns = 77;
        double seconds;
        cr_expect(go_duration_parse(text_of(cases[i].text), &ns), "%s", cases[i].text);
        cr_expect_eq(ns, cases[i].ns, "%s: %lld", cases[i].text, (long long)ns);
        cr_expect(logql_duration(text_of(cases[i].text), &seconds));
        cr_expect_float_eq(seconds, (double)cases[i].ns / 1e9, 1e-6, "%s", cases[i].text);
    }
}

Test(logql_duration, refuses_the_rest_and_writes_nothing)
{
    static const char *const cases[] = {
        "",
        "+",
        "-",
        "s",
        "5",
        "1.5",
        ".s",
        "5x",
        "1d",
        "1w",
        "5 s",
        " 5s",
        "5s ",
        "--5s",
        "5s5",
        "1..5s",
        "1.5.5s",
        "5S",
        "5\xc2\xb5",
        "9223372036854775808ns",
        "9223372036s1h",
        "99999999999999999999s",
        "1e3s",
        "0x1s",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ns = 77;
        double seconds = 77;
        cr_expect_not(go_duration_parse(text_of(cases[i]), &ns), "%s", cases[i]);
        cr_expect_not(logql_duration(text_of(cases[i]), &seconds), "%s", cases[i]);
        cr_expect(ns == 77 && seconds == 77);
    }
    cr_expect_not(go_duration_parse((struct tsdb_text){"5\0s", 3}, &(int64_t){0}));
}

Test(logql_bytes, reads_what_humanize_reads)
{
    static const struct {
        const char *text;
        double bytes;
    } cases[] = {
        {"0", 0},
        {"42", 42},
        {"42B", 42},
        {"42b", 42},
        {"1k", 1e3},
        {"1kB", 1e3},
        {"1KB", 1e3},
        {"1Ki", 1024},
        {"1KiB", 1024},
        {"1kib", 1024},
        {"1.5MB", 1.5e6},
        {"1MiB", 1048576},
        {"1G", 1e9},
        {"1GiB", 1073741824},
        {"2TB", 2e12},
        {"1TiB", 1099511627776.0},
        {"1PB", 1e15},
        {"1PiB", 1125899906842624.0},
        {"1EB", 1e18},
        {"15EiB", 15 * 0x1p60},
        {"42 MB", 42e6},
        {"42 MB ", 42e6},
        {"1,005.03 MB", 1005030000},
        {"12.5", 12},
        {".5KB", 500},
        {"1.KB", 1000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double bytes = 77;
        cr_expect(logql_bytes(text_of(cases[i].text), &bytes), "%s", cases[i].text);
        cr_expect_eq(bytes, cases[i].bytes, "%s: %f", cases[i].text, bytes);
    }
}

Test(logql_bytes, refuses_the_rest_and_writes_nothing)
{
    static const char *const cases[] = {
        "",      "B",    "KB",    "-5KB",  "+5KB",  "5X",    "5KBB", "5BK",
        "5KKB",  "5iB",  "1ZB",   "16EiB", "20EB",  "1.2.3", ".",    ",",
        "5 K B", " 5KB", "1e3KB", "0x10",  "5\tKB", "NaN",   "Inf",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double bytes = 77;
        cr_expect_not(logql_bytes(text_of(cases[i]), &bytes), "%s: %f", cases[i], bytes);
        cr_expect_eq(bytes, 77);
    }
    char digits[200];
    memset(digits, '1', sizeof digits);
    cr_expect_not(logql_bytes((struct tsdb_text){digits, sizeof digits}, &(double){0}));
    cr_expect_not(logql_bytes((struct tsdb_text){"5\0", 2}, &(double){0}));
}
