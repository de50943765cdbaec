#include "collector/api/json.h"

#include "tsdb/base/random.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct json j;

static const char *text(void)
{
    writer_u8(&j.out, 0);
    return (const char *)j.out.at;
}

static void set_up(void)
{
    json_init(&j, 0, NULL, NULL);
}

static void tear_down(void)
{
    json_release(&j);
}

TestSuite(json, .init = set_up, .fini = tear_down);

Test(json, commas_stand_between_values_only)
{
    json_object(&j);
    json_key(&j, "a");
    json_array(&j);
    json_end_array(&j);
    json_key(&j, "b");
    json_array(&j);
    json_i64(&j, -1);
    json_u64(&j, UINT64_MAX);
    json_object(&j);
    json_end_object(&j);
    json_bool(&j, true);
    json_null(&j);
    json_end_array(&j);
    json_key(&j, "c");
    json_word(&j, "d");
    json_end_object(&j);
    cr_assert_str_eq(text(), "{\"a\":[],\"b\":[-1,18446744073709551615,{},true,null],\"c\":\"d\"}");
}

Test(json, strings_are_safe_in_html_and_scripts)
{
    static const char raw[] =
        "<b>&\"\\\n\r\t\x01\x7f \xc3\xa9\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xf0\x9f\x98\x80";
    json_text(&j, (struct tsdb_text){raw, sizeof raw - 1});
    cr_assert_str_eq(text(), "\"\\u003cb\\u003e\\u0026\\\"\\\\\\n\\r\\t\\u0001\\u007f "
                             "\xc3\xa9\\u2028\\u2029\xe2\x80\xaa\xf0\x9f\x98\x80\"");
}

Test(json, bytes_that_are_no_utf8_are_replaced)
{
    static const char *const raw[] = {"\xff",         "a\xc3",     "\xe2\x80",
                                      "\xed\xa0\x80", "\xc0\x80x", "\x80"};
    static const char *const want[] = {"\"\\ufffd\"",         "\"a\\ufffd\"",
                                       "\"\\ufffd\\ufffd\"",  "\"\\ufffd\\ufffd\\ufffd\"",
                                       "\"\\ufffd\\ufffdx\"", "\"\\ufffd\""};
    for (size_t i = 0; i < sizeof raw / sizeof raw[0]; i++) {
        writer_reset(&j.out);
        j.has_comma = false;
        json_text(&j, text_of(raw[i]));
        cr_assert_str_eq(text(), want[i]);
    }
}

Test(json, any_bytes_make_a_string_without_raw_specials)
{
    struct random r;
    random_init(&r, 20261124);
    for (int round = 0; round < 20000; round++) {
        char raw[16];
        size_t len = random_below(&r, sizeof raw);
        for (size_t i = 0; i < len; i++)
            raw[i] = (char)random_next(&r);
        writer_reset(&j.out);
        j.has_comma = false;
        json_text(&j, (struct tsdb_text){raw, len});
        cr_assert(utf8_check((char *)j.out.at, j.out.len));
        for (size_t i = 1; i + 1 < j.out.len; i++) {
            cr_assert_geq(j.out.at[i], 0x20);
            cr_assert_null(strchr("<>&", j.out.at[i]));
            if (j.out.at[i] == '\\')
                i++;
            else
                cr_assert_neq(j.out.at[i], '"');
        }
    }
}

Test(json, times_are_seconds_with_milliseconds)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0"},
        {INT64_C(1435781430781000000), "1435781430.781"},
        {INT64_C(1435781430000000000), "1435781430"},
        {INT64_C(1435781430100000000), "1435781430.100"},
        {INT64_C(1435781430001999999), "1435781430.001"},
        {-1, "-0.001"},
        {-1500000000, "-1.500"},
        {INT64_MAX, "9223372036.854"},
        {INT64_MIN, "-9223372036.855"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        writer_reset(&j.out);
        j.has_comma = false;
        json_time(&j, cases[i].ns);
        cr_assert_str_eq(text(), cases[i].text);
    }
}

Test(json, values_are_strings_as_prometheus_writes_them)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {1, "\"1\""},
        {0.1, "\"0.1\""},
        {-0.0, "\"-0\""},
        {1e20, "\"100000000000000000000\""},
        {1e21, "\"1e+21\""},
        {1e-6, "\"0.000001\""},
        {9.5e-7, "\"9.5e-07\""},
        {1.7976931348623157e308, "\"1.7976931348623157e+308\""},
        {1e-300, "\"1e-300\""},
        {(double)INFINITY, "\"+Inf\""},
        {-(double)INFINITY, "\"-Inf\""},
        {(double)NAN, "\"NaN\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        writer_reset(&j.out);
        j.has_comma = false;
        json_value(&j, cases[i].value);
        cr_assert_str_eq(text(), cases[i].text);
    }
    writer_reset(&j.out);
    j.has_comma = false;
    json_number(&j, (double)NAN);
    json_number(&j, 0.5);
    cr_assert_str_eq(text(), "0,0.5");
}

struct sunk {
    size_t parts, bytes, largest;
    bool is_gone;
};

static bool sink(void *arg, struct bytes part)
{
    struct sunk *s = arg;
    s->parts++;
    s->bytes += part.len;
    s->largest = part.len > s->largest ? part.len : s->largest;
    return !s->is_gone;
}

Test(json, never_holds_more_than_a_part_and_a_value)
{
    struct sunk s = {0};
    struct json out;
    json_init(&out, 1000, sink, &s);
    json_array(&out);
    for (int i = 0; i < 10000; i++)
        json_i64(&out, i);
    json_end_array(&out);
    cr_assert_gt(s.parts, 40);
    cr_assert_leq(s.largest, 1000 + 8);
    cr_assert_eq(s.bytes + out.out.len, 38890 + 9999 + 2);
    cr_assert_not(out.is_gone);
    json_release(&out);
}

Test(json, nothing_is_sent_to_a_reader_who_went)
{
    struct sunk s = {.is_gone = true};
    struct json out;
    json_init(&out, 10, sink, &s);
    for (int i = 0; i < 1000; i++)
        json_i64(&out, i);
    cr_assert_eq(s.parts, 1);
    cr_assert(out.is_gone);
    cr_assert_lt(out.out.len, 20);
    json_release(&out);
}
