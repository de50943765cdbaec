#include "tsdb/columns/text_forms.h"

#include "tests/tsdb/columns/lines.h"

#include <criterion/criterion.h>
#include <string.h>

static struct tsdb_text text(const char *at)
{
    return (struct tsdb_text){at, strlen(at)};
}

static void expect_text(const char *got, size_t len, const char *want)
{
    cr_assert(len == strlen(want) && memcmp(got, want, len) == 0, "got %.*s, want %s", (int)len,
              got, want);
}

/* What is accepted comes back as it was. */
static unsigned expect_round_trips(struct tsdb_text t)
{
    char copy[TEXT_FORM_MAX + 1] = {0}, out[TEXT_FORM_MAX + 8];
    if (t.len > TEXT_FORM_MAX)
        return 0;
    if (t.len)
        memcpy(copy, t.at, t.len);
    uint8_t bytes[32];
    int64_t v;
    unsigned forms = 0;
    if (text_int_parse(t, &v)) {
        expect_text(out, text_int_format(v, out), copy);
        forms |= 1;
    }
    for (unsigned dot = 0; dot < 20; dot++) {
        if (text_digits_parse(t, dot, &v)) {
            expect_text(out, text_digits_format(v, (unsigned)t.len - (dot > 0), dot, out), copy);
            forms |= 2;
        }
        if (text_decimal_parse(t, dot, &v)) {
            expect_text(out, text_decimal_format(v, dot, out), copy);
            cr_assert_eq(text_decimal_scale(t), dot);
            forms |= 4;
        }
    }
    if (text_ipv4_parse(t, &v)) {
        cr_assert(v >= 0 && v <= UINT32_MAX);
        expect_text(out, text_ipv4_format(v, out), copy);
        forms |= 8;
    }
    for (unsigned upper = 0; upper < 2; upper++) {
        if (text_hex_parse(t, upper, bytes)) {
            text_hex_format(bytes, (unsigned)t.len, upper, out);
            expect_text(out, t.len, copy);
            forms |= 16U << upper;
        }
        if (text_uuid_parse(t, upper, bytes)) {
            text_uuid_format(bytes, upper, out);
            expect_text(out, t.len, copy);
            forms |= 64U << upper;
        }
    }
    return forms;
}

Test(text_forms, each_text_has_the_forms_that_give_it_back)
{
    enum { I = 1, D = 2, S = 4, IP = 8, X = 16, XU = 32, U = 64, UU = 128 };
    static const struct {
        const char *text;
        unsigned forms;
    } cases[] = {
        {"", 0},
        {"-", 0},
        {"0", I | D | X | XU},
        {"007", D | X | XU},
        {"-0", 0},
        {"-7", I},
        {"+5", 0},
        {"1e5", X},
        {"1E5", XU},
        {"0x1F", 0},
        {"999999999999999999", I | D | X | XU},
        {"9223372036854775807", I | X | XU},
        {"9223372036854775808", X | XU},
        {"-9223372036854775807", I},
        {"-9223372036854775808", 0},
        {"12345678901234567890", X | XU},
        {"1.50", D | S},
        {"0.5", D | S},
        {"01.50", D},
        {"-0.5", S},
        {"-0.0", 0},
        {"0.0", D | S},
        {".5", 0},
        {"5.", 0},
        {"1.2.3", 0},
        {"12345678901234567.8", D | S},
        {"123456789012345678.9", 0},
        {"0.12345678901234567", D | S},
        {"10.0.0.1", IP},
        {"0.0.0.0", IP},
        {"255.255.255.255", IP},
        {"256.0.0.1", 0},
        {"10.0.0.01", 0},
        {"10.0.0", 0},
        {"10.0.0.1.", 0},
        {"10..0.1", 0},
        {"abc", X},
        {"aBc", 0},
        {"abg", 0},
        {"550e8400-e29b-41d4-a716-446655440000", U},
        {"550E8400-E29B-41D4-A716-446655440000", UU},
        {"550e8400-e29b-41d4-a716_446655440000", 0},
        {"550e8400-e29b-41d4-a716-44665544000g", 0},
        {"11111111-1111-1111-1111-111111111111", U | UU},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(expect_round_trips(text(cases[i].text)), cases[i].forms,
                     "%s: forms %x, want %x", cases[i].text,
                     expect_round_trips(text(cases[i].text)), cases[i].forms);
}

Test(text_forms, whatever_is_accepted_comes_back)
{
    struct random r;
    random_init(&r, lines_seed());
    struct writer out = {0};
    unsigned accepted = 0;
    for (unsigned i = 0; i < 100000; i++) {
        static const char few[] = "0011239.-aF";
        writer_reset(&out);
        if (i % 2)
            line_value(&r, &out);
        else
            for (uint64_t len = random_below(&r, 24); len > 0; len--)
                writer_u8(&out, (uint8_t)few[random_below(&r, sizeof few - 1)]);
        accepted += expect_round_trips((struct tsdb_text){(const char *)out.at, out.len}) != 0;
    }
    cr_assert_gt(accepted, 20000, "only %u of 100000 were accepted", accepted);
    writer_release(&out);
}

Test(text_forms, every_number_is_written_as_printf_does)
{
    char got[TEXT_FORM_MAX], want[TEXT_FORM_MAX];
    struct random r;
    random_init(&r, lines_seed());
    for (unsigned i = 0; i < 200000; i++) {
        int64_t v =
            i < 120000 ? (int64_t)i - 10 : (int64_t)(random_next(&r) >> random_below(&r, 64));
        if (i % 3 == 1)
            v = (int64_t)(0 - (uint64_t)v);
        snprintf(want, sizeof want, "%lld", (long long)v);
        expect_text(got, text_int_format(v, got), want);
    }
    expect_text(got, text_int_format(INT64_MIN, got), "-9223372036854775808");
}
