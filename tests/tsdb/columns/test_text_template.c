#include "tsdb/columns/text_template.h"

#include "tests/tsdb/columns/lines.h"
#include "tests/tsdb/columns/prop_text_template.h"
#include "tsdb/base/mem.h"

#include <criterion/criterion.h>

enum { LINES_MAX = 3000 };

struct made {
    struct writer bytes;
    size_t starts[LINES_MAX + 1];
    struct tsdb_text lines[LINES_MAX];
    uint32_t count;
};

static void made_end(struct made *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        m->lines[i] = (struct tsdb_text){(const char *)m->bytes.at + m->starts[i],
                                         m->starts[i + 1] - m->starts[i]};
}

static void made_begin(struct made *m)
{
    writer_reset(&m->bytes);
    writer_reserve(&m->bytes, 1);
    m->count = 0;
    m->starts[0] = 0;
}

static void made_line(struct made *m)
{
    m->starts[++m->count] = m->bytes.len;
}

Test(text_template, every_byte_comes_back)
{
    static struct made m;
    struct random r;
    random_init(&r, lines_seed());
    cr_log_info("TEST_SEED=%llu", (unsigned long long)lines_seed());
    unsigned learnt = 0;
    for (unsigned round = 0; round < 120; round++) {
        uint32_t count = (uint32_t)random_below(&r, round % 8 ? 400 : LINES_MAX);
        made_begin(&m);
        for (uint32_t i = 0; i < count; i++) {
            if (round % 3)
                line_templated(&r, (unsigned)random_below(&r, 1 + round / 3), &m.bytes);
            else
                line_any(&r, &m.bytes);
            made_line(&m);
        }
        made_end(&m);
        learnt += prop_templates(m.lines, m.count);
    }
    cr_assert_gt(learnt, 50, "only %u of 120 sets were learnt", learnt);
    writer_release(&m.bytes);
}

/* A set whose one template has one variable, of any value. */
static struct text_templates *learn_value(struct made *m, struct random *r)
{
    made_begin(m);
    for (uint32_t i = 0; i < 600; i++) {
        writer_format(&m->bytes, "the service has seen value=%u on its way",
                      (unsigned)random_next(r) >> 1);
        made_line(m);
    }
    made_end(m);
    struct text_templates *t = text_templates_learn(m->lines, m->count);
    cr_assert(t);
    cr_assert_eq(text_templates_count(t), 1);
    return t;
}

/* Lines of that template with other values. */
static void expect_values(const struct text_templates *t, struct made *m, const char *const *values,
                          uint32_t values_count)
{
    made_begin(m);
    for (uint32_t i = 0; i < 600; i++) {
        writer_format(&m->bytes, "the service has seen value=%s on its way",
                      values[i % values_count]);
        made_line(m);
    }
    made_end(m);
    for (uint32_t count = 1; count < m->count; count += count < 9 ? 1 : 97)
        prop_templates_page(t, t, m->lines, count);
}

Test(text_template, forms_that_look_like_numbers_come_back)
{
    static const char *const cases[][4] = {
        {"007", "008", "009", "010"},
        {"1e5", "2e5", "3e5", "4e4"},
        {"-0", "0", "-1", "1"},
        {"+5", "5", "6", "7"},
        {"0x1F", "0x2F", "0x3a", "0x4F"},
        {"1234567890123456789", "9223372036854775807", "9223372036854775808", "1"},
        {"1234567890123456789", "9223372036854775807", "-9223372036854775807", "1"},
        {"-9223372036854775808", "1", "2", "3"},
        {"12345678901234567890", "12345678901234567891", "1", "2"},
        {"1234567890123456789012345", "2234567890123456789012345", "7", "8"},
        {"1.50", "2.25", "10.00", "0.05"},
        {"1.50", "2.25", "10.0", "0.05"},
        {"-0.50", "0.50", "-1.50", "7.25"},
        {"-0.00", "0.50", "-1.50", "7.25"},
        {"01.50", "02.25", "10.00", "00.05"},
        {"10.0.0.1", "10.0.0.2", "192.168.1.255", "0.0.0.0"},
        {"10.0.0.01", "10.0.0.2", "192.168.1.255", "0.0.0.0"},
        {"10.0.0.256", "10.0.0.2", "192.168.1.255", "0.0.0.0"},
        {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.77"},
        {"ABCDEF01", "12345678", "0000000A", "FFFFFFFF"},
        {"ABCDEF01", "12345678", "0000000a", "FFFFFFFF"},
        {"abcdef0", "1234567", "0000000", "fffffff"},
        {"550e8400-e29b-41d4-a716-446655440000", "00000000-0000-0000-0000-000000000000",
         "550e8400-e29b-41d4-a716-4466554400ff", "650e8400-e29b-41d4-a716-446655440000"},
        {"550E8400-E29B-41D4-A716-446655440000", "00000000-0000-0000-0000-000000000000",
         "550E8400-E29B-41D4-A716-4466554400FF", "650e8400-e29b-41d4-a716-446655440000"},
        {"17ms", "4ms", "230ms", "9s"},
        {"17ms", "4ms", "230ms", "9ms"},
        {"user1user", "user12user", "user2user", "useruser"},
        {"a1a", "a1a1a", "a1a1a1a", "a1"},
    };
    static struct made m;
    struct random r;
    random_init(&r, lines_seed());
    struct text_templates *t = learn_value(&m, &r);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_values(t, &m, cases[i], 4);
    text_templates_free(t);
    writer_release(&m.bytes);
}

Test(text_template, wide_columns_of_each_form_come_back)
{
    static const char *const formats[] = {"%llu",    "%020llu", "%018llu", "%llx",       "%016llx",
                                          "%016llX", "0.%llu",  "%llu.25", "%llu.0.0.1", "-%llu"};
    static struct made m;
    struct random r;
    random_init(&r, lines_seed());
    struct text_templates *t = learn_value(&m, &r);
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        for (unsigned bits = 1; bits <= 64; bits += 9) {
            made_begin(&m);
            for (uint32_t i = 0; i < 700; i++) {
                char form[64];
                snprintf(form, sizeof form, "the service has seen value=%s on its way", formats[f]);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                writer_format(&m.bytes, form, (unsigned long long)random_next(&r) >> (64 - bits));
#pragma GCC diagnostic pop
                made_line(&m);
            }
            made_end(&m);
            prop_templates_page(t, t, m.lines, m.count);
        }
    }
    text_templates_free(t);
    writer_release(&m.bytes);
}

static void make_service(struct made *m, struct random *r, uint32_t count)
{
    made_begin(m);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t x = random_next(r);
        if (x % 3)
            writer_format(&m->bytes,
                          "level=info msg=\"order placed\" id=%u took=%ums trace=%016llx", 1000 + i,
                          (unsigned)(x >> 8 & 255), (unsigned long long)x);
        else
            writer_format(&m->bytes, "level=warn msg=\"cache miss for a key\" key=%u",
                          (unsigned)(x >> 8 & 65535));
        made_line(m);
    }
    made_end(m);
}

Test(text_template, damage_is_seen)
{
    static struct made m;
    struct random r;
    random_init(&r, lines_seed());
    make_service(&m, &r, 200);
    struct text_templates *t = text_templates_learn(m.lines, m.count), *other = NULL;
    cr_assert(t);
    struct writer page = {0}, table = {0}, bytes = {0};
    static uint32_t starts[LINES_MAX + 1];
    text_templates_encode(t, m.lines, m.count, &page);
    text_templates_write(t, &table);
    size_t total = m.bytes.len + m.count;
    for (size_t len = 0; len < page.len; len++) {
        cr_assert_eq(text_templates_decode(t, (struct bytes){page.at, len}, m.count, total, NULL,
                                           &bytes, starts, NULL),
                     TSDB_ECORRUPT, "%zu of %zu bytes", len, page.len);
        uint8_t flip = (uint8_t)(1 << random_below(&r, 8));
        page.at[len] ^= flip;
        cr_assert_eq(text_templates_decode(t, writer_bytes(&page), m.count, total, NULL, &bytes,
                                           starts, NULL),
                     TSDB_ECORRUPT, "byte %zu ^ %u", len, flip);
        page.at[len] ^= flip;
    }
    for (size_t len = 0; len < table.len; len++) {
        cr_assert_eq(text_templates_read((struct bytes){table.at, len}, &other, NULL),
                     TSDB_ECORRUPT);
        table.at[len] ^= 4;
        cr_assert_eq(text_templates_read(writer_bytes(&table), &other, NULL), TSDB_ECORRUPT);
        table.at[len] ^= 4;
    }
    cr_assert_eq(bytes.len, 0, "nothing is appended on damage");
    cr_assert_eq(text_templates_decode(t, writer_bytes(&page), m.count + 1, total + 1, NULL, &bytes,
                                       starts, NULL),
                 TSDB_ECORRUPT, "another count");
    text_templates_free(t);
    writer_release(&page);
    writer_release(&table);
    writer_release(&m.bytes);
}

Test(text_template, what_is_alike_is_small)
{
    static struct made m;
    struct random r;
    random_init(&r, lines_seed());
    make_service(&m, &r, 2500);
    struct text_templates *t = text_templates_learn(m.lines, m.count);
    cr_assert(t);
    struct writer page = {0};
    text_templates_encode(t, m.lines, m.count, &page);
    /* a line's entropy is about 7.5 bytes: two of three with 8 of a trace and 1 of time */
    cr_assert_lt(page.len, (size_t)m.count * 8, "%zu bytes of %u lines", page.len, m.count);
    cr_assert_lt(text_templates_count(t), 4);
    text_templates_free(t);
    writer_release(&page);
    writer_release(&m.bytes);
}

Test(text_template, lines_without_likeness_have_no_templates)
{
    static struct made m;
    struct random r;
    random_init(&r, lines_seed());
    made_begin(&m);
    for (uint32_t i = 0; i < 500; i++) {
        for (uint32_t k = 0; k < 12; k++) {
            for (uint64_t len = 3 + random_below(&r, 8); len > 0; len--)
                writer_u8(&m.bytes, (uint8_t)('a' + random_below(&r, 26)));
            writer_u8(&m.bytes, ' ');
        }
        made_line(&m);
    }
    made_end(&m);
    cr_assert_null(text_templates_learn(m.lines, m.count));
    cr_assert_null(text_templates_learn(m.lines, 1));
    cr_assert_null(text_templates_learn(NULL, 0));
    writer_release(&m.bytes);
}

/* Lines the set has never seen, at and around every limit. */
Test(text_template, lines_that_fit_nothing_are_kept)
{
    static struct made m;
    struct random r;
    random_init(&r, lines_seed());
    make_service(&m, &r, 500);
    struct text_templates *t = text_templates_learn(m.lines, m.count);
    cr_assert(t);
    static const size_t lens[] = {0,
                                  1,
                                  TEMPLATE_LINE_MAX - 1,
                                  TEMPLATE_LINE_MAX,
                                  TEMPLATE_LINE_MAX + 1,
                                  3 * TEMPLATE_LINE_MAX};
    made_begin(&m);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        line_bytes(&r, lens[i], &m.bytes);
        made_line(&m);
        for (uint32_t places = TEMPLATE_PLACES_MAX - 1; places <= TEMPLATE_PLACES_MAX + 1;
             places++) {
            for (uint32_t k = 0; k < places; k++)
                writer_format(&m.bytes, "k=%u ", k);
            made_line(&m);
        }
    }
    for (uint32_t k = 0; k < 4000; k++)
        writer_format(&m.bytes, "%u,", k);
    made_line(&m);
    made_end(&m);
    for (uint32_t count = 0; count <= m.count; count++)
        prop_templates_page(t, t, m.lines, count);
    text_templates_free(t);
    writer_release(&m.bytes);
}

Test(text_template, a_page_of_the_most_lines)
{
    static struct tsdb_text lines[TEMPLATE_PAGE_LINES];
    static char bytes[TEMPLATE_PAGE_LINES][24];
    for (uint32_t i = 0; i < TEMPLATE_PAGE_LINES; i++) {
        int len = snprintf(bytes[i], sizeof bytes[i], "n %u of %u", i, i % 7);
        lines[i] = (struct tsdb_text){bytes[i], (size_t)len};
    }
    cr_assert(prop_templates(lines, TEMPLATE_PAGE_LINES));
}
