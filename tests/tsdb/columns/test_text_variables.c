#include "tsdb/columns/text_variables.h"

#include "tests/tsdb/columns/lines.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

#include <criterion/criterion.h>

enum { COUNT_MAX = 2000 };

struct column {
    struct writer bytes;
    size_t starts[COUNT_MAX + 1];
    struct tsdb_text values[COUNT_MAX];
    uint32_t count;
};

static void column_end(struct column *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        c->values[i] = (struct tsdb_text){(const char *)c->bytes.at + c->starts[i],
                                          c->starts[i + 1] - c->starts[i]};
}

static void column_begin(struct column *c)
{
    writer_reset(&c->bytes);
    writer_reserve(&c->bytes, 1);
    c->count = 0;
    c->starts[0] = 0;
}

static void expect_value(const struct column *c, uint32_t i, const struct text_column *info,
                         const struct text_cell *cell)
{
    struct writer got = {0};
    writer_put(&got, info->start.at, info->start.len);
    if (!info->is_const) {
        writer_put(&got, cell->at, cell->len);
        writer_put(&got, info->end.at, info->end.len);
    }
    cr_assert(got.len == c->values[i].len &&
                  (got.len == 0 || memcmp(got.at, c->values[i].at, got.len) == 0),
              "value %u: got %.*s, want %.*s", i, (int)got.len, (const char *)got.at,
              (int)c->values[i].len, c->values[i].at);
    writer_release(&got);
}

/* Returns the form it was written in, and how many bytes it took. */
static unsigned expect_round_trip(const struct column *c, size_t *bytes)
{
    struct text_numbers numbers;
    struct text_sections s = {0}, back = {0};
    struct writer packed = {0};
    text_numbers_init(&numbers, COUNT_MAX);
    text_variables_encode(c->values, c->count, &numbers, &s);
    unsigned form = s.at[SECTION_TEXTS].at[0];
    *bytes = 0;
    for (unsigned i = 0; i < SECTIONS; i++)
        *bytes += s.at[i].len;
    text_sections_pack(&s, &packed);
    struct reader r = reader_over(writer_bytes(&packed));
    cr_assert_eq(text_sections_unpack(&r, SIZE_MAX / 2, TEXT_SECTIONS_ALL, &back), TSDB_OK);
    cr_assert(reader_done(&r));
    struct text_readers in;
    for (unsigned i = 0; i < SECTIONS; i++)
        in.at[i] = reader_over(writer_bytes(&back.at[i]));
    static uint32_t rows[COUNT_MAX];
    static struct text_cell cells[2 * COUNT_MAX];
    for (uint32_t i = 0; i < c->count; i++)
        rows[i] = 2 * (c->count - 1 - i);
    size_t room = c->bytes.len;
    char *start = mem_alloc(room + TEXT_SLACK + TEXT_FORM_MAX);
    struct text_scratch scratch = {start, room};
    struct text_column info;
    cr_assert_eq(text_variables_decode(&in, rows, c->count, &numbers, &scratch, cells, &info),
                 TSDB_OK, "form %u", form);
    for (unsigned i = 0; i < SECTIONS; i++)
        cr_assert(reader_done(&in.at[i]), "form %u reads exactly its bytes", form);
    for (uint32_t i = 0; i < c->count; i++)
        expect_value(c, i, &info, &cells[rows[i]]);
    mem_free(start);
    text_numbers_release(&numbers);
    text_sections_release(&s);
    text_sections_release(&back);
    writer_release(&packed);
    return form;
}

Test(text_variables, any_values_come_back)
{
    static struct column c;
    struct random r;
    random_init(&r, lines_seed());
    for (unsigned round = 0; round < 300; round++) {
        uint32_t count = 1 + (uint32_t)random_below(&r, round % 5 ? 40 : COUNT_MAX);
        uint64_t kinds = 1 + random_below(&r, 5);
        column_begin(&c);
        while (c.count < count) {
            struct random fixed;
            random_init(&fixed, round * 16 + random_below(&r, kinds));
            line_value(round % 2 ? &fixed : &r, &c.bytes);
            if (round % 7 == 0 && random_below(&r, 9) == 0)
                line_bytes(&r, random_below(&r, 20), &c.bytes);
            c.starts[++c.count] = c.bytes.len;
        }
        column_end(&c);
        size_t bytes;
        (void)expect_round_trip(&c, &bytes); /* any form is fine */
    }
    writer_release(&c.bytes);
}

/* What each shape costs: a form that is not found shows here. */
Test(text_variables, each_shape_has_its_form)
{
    enum { CONST, TEXT, SIZED, DICT, INT, DIGITS, DECIMAL, IPV4, HEX, ENDS = 0x80 };
    static const struct {
        const char *format;
        unsigned kind; /* of value: 0 random 32 bits, 1 counts up, 2 one of three, 3 64 bits,
                        * 4 tens from 0 */
        unsigned form, bits_max;
    } cases[] = {
        {"same", 1, CONST, 1},
        {"%u", 0, INT, 34},
        {"%u", 1, INT, 2},
        {"req-%u", 1, INT | ENDS, 2},
        {"%ums", 0, INT | ENDS, 34},
        {"%010u", 0, DIGITS, 34},
        {"%u.25x", 0, INT | ENDS, 34},
        {"%1$u-%1$u", 2, DICT, 9},
        {"%08x", 0, HEX, 33},
        {"%08X", 0, HEX, 33},
        {"0x%08x", 0, HEX | ENDS, 33},
        {"%016llx", 3, HEX, 65},
        {"%08x-aaaa-bbbb-cccc-123456789012", 0, HEX, 130},
        {"%ums", 4, INT | ENDS, 13},
        {"x\n%u", 0, INT | ENDS, 34},
        {"%u\n", 0, INT | ENDS, 34},
    };
    static struct column c;
    struct random r;
    random_init(&r, lines_seed());
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        column_begin(&c);
        for (uint32_t i = 0; i < 1000; i++) {
            uint64_t x = random_next(&r);
            unsigned small = cases[k].kind == 1 ? 5000 + i : (unsigned)(x % 3 + 1);
            if (cases[k].kind == 4)
                small = (unsigned)(x % 300 * 10);
            unsigned v = cases[k].kind == 0 ? (unsigned)(x >> 32) : small;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            if (cases[k].kind == 3)
                writer_format(&c.bytes, cases[k].format, (unsigned long long)x);
            else
                writer_format(&c.bytes, cases[k].format, v);
#pragma GCC diagnostic pop
            c.starts[++c.count] = c.bytes.len;
        }
        column_end(&c);
        size_t bytes;
        unsigned form = expect_round_trip(&c, &bytes);
        cr_assert_eq(form, cases[k].form, "%s: form %x, want %x", cases[k].format, form,
                     cases[k].form);
        cr_assert_leq(bytes * 8, 1000 * (size_t)cases[k].bits_max + 400, "%s: %zu bytes",
                      cases[k].format, bytes);
    }
    writer_release(&c.bytes);
}

/* What all begin with and what all end with overlap in the shortest. */
Test(text_variables, common_ends_do_not_meet)
{
    static const char *const cases[][3] = {
        {"aba", "ab1ba", "ab22ba"}, {"aa", "aa1aa", "aaa"},
        {"a", "a1a", "aa"},         {"", "a", "1"},
        {"-", "-1-", "--"},         {"1", "11", "111"},
        {"a1", "a1a1", "a1a1a1"},
    };
    static struct column c;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        for (uint32_t count = 3; count <= 300; count += 99) {
            column_begin(&c);
            for (uint32_t i = 0; i < count; i++) {
                writer_text(&c.bytes, cases[k][i % 3]);
                c.starts[++c.count] = c.bytes.len;
            }
            column_end(&c);
            size_t bytes;
            (void)expect_round_trip(&c, &bytes); /* any form is fine */
        }
    }
    writer_release(&c.bytes);
}
