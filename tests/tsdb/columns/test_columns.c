/* The small columns, each by itself: what goes in comes out, at every size and width. */
#include "tests/tsdb/columns/group_model.h"
#include "tsdb/columns/column_codes.h"
#include "tsdb/columns/column_fixed.h"
#include "tsdb/columns/column_ints.h"
#include "tsdb/columns/column_presence.h"
#include "tsdb/columns/column_texts.h"
#include "tsdb/columns/group_head.h"
#include "tsdb/columns/group_output.h"
#include "tsdb/columns/group_salt.h"
#include "tsdb/columns/text_dictionary.h"
#include "tsdb/columns/text_same.h"

#include <criterion/criterion.h>

/* A copy of its exact size, so that ASan sees a byte too far. */
static struct bytes exact(const struct writer *w)
{
    uint8_t *copy = mem_alloc(w->len);
    if (w->len)
        memcpy(copy, w->at, w->len);
    return (struct bytes){copy, w->len};
}

static void exact_free(struct bytes b)
{
    mem_free((void *)(uintptr_t)b.at);
}

Test(columns, codes_of_every_width_and_count_come_back)
{
    static uint16_t codes[COLUMN_PART_ROWS], again[COLUMN_PART_ROWS];
    struct random r;
    random_init(&r, model_seed());
    for (unsigned width = 0; width <= 16; width++) {
        uint32_t count = 1u << width;
        cr_assert_eq(column_codes_width(count), width);
        for (uint32_t n = 1; n <= COLUMN_PART_ROWS; n += n < 140 ? 1 : 1511) {
            struct writer out = {0};
            for (uint32_t i = 0; i < n; i++)
                codes[i] = (uint16_t)random_below(&r, count);
            column_codes_encode(codes, n, width, &out);
            struct bytes in = exact(&out);
            cr_assert_eq(column_codes_decode(in, again, n, count), TSDB_OK, "%u of %u", n, width);
            cr_assert(memcmp(codes, again, n * sizeof *codes) == 0, "%u of %u", n, width);
            in.len--;
            cr_assert_eq(column_codes_decode(in, again, n, count), TSDB_ECORRUPT);
            exact_free(in);
            writer_release(&out);
        }
    }
}

Test(columns, codes_past_the_dictionary_are_refused)
{
    static uint16_t codes[100];
    for (uint32_t at = 0; at < 100; at++) {
        struct writer out = {0};
        codes[at] = 5;
        column_codes_encode(codes, 100, 3, &out);
        cr_assert_eq(column_codes_decode(writer_bytes(&out), codes, 100, 5), TSDB_ECORRUPT);
        cr_assert_eq(column_codes_decode(writer_bytes(&out), codes, 100, 6), TSDB_OK);
        codes[at] = 0;
        writer_release(&out);
    }
}

Test(columns, presence_of_any_rows_comes_back)
{
    static uint16_t have[GROUP_ROWS_MAX];
    static uint64_t words[PRESENCE_WORDS(GROUP_ROWS_MAX)];
    static const uint32_t sizes[] = {2, 3, 63, 64, 65, 1000, 65535, 65536};
    struct random r;
    random_init(&r, model_seed());
    for (int round = 0; round < 400; round++) {
        uint32_t rows = sizes[random_below(&r, sizeof sizes / sizeof *sizes)], n = 0;
        uint64_t odds = UINT64_C(1) << random_below(&r, 14), flip = random_below(&r, 2);
        for (uint32_t i = 0; i < rows; i++)
            if ((random_below(&r, odds) == 0) == flip)
                have[n++] = (uint16_t)i;
        if (n == 0 || n == rows)
            continue;
        struct writer out = {0};
        column_presence_encode(have, n, rows, &out);
        cr_assert_leq(out.len, 1 + (rows + 7) / 8);
        struct bytes in = exact(&out);
        cr_assert_eq(column_presence_decode(in, rows, n, words), TSDB_OK);
        uint32_t seen = 0;
        for (uint32_t i = 0; i < rows; i++)
            if (words[i / 64] >> i % 64 & 1)
                cr_assert(seen < n && have[seen++] == i);
        cr_assert_eq(seen, n);
        if (rows % 64)
            cr_assert_eq(words[rows / 64] >> rows % 64, 0);
        if (n + 1 < rows && column_presence_decode(in, rows, n + 1, words) == TSDB_OK) {
            for (uint32_t i = seen = 0; i < PRESENCE_WORDS(rows); i++)
                seen += (uint32_t)__builtin_popcountll(words[i]);
            cr_assert_eq(seen, n + 1, "a list of equal steps may be longer, never wrong");
        }
        exact_free(in);
        writer_release(&out);
    }
}

Test(columns, presence_may_be_that_of_another_column)
{
    struct writer out = {0};
    uint32_t column = 7;
    uint64_t words[1];
    column_presence_same(300, &out);
    cr_assert(column_presence_is_same(writer_bytes(&out), &column));
    cr_assert_eq(column, 300);
    cr_assert_eq(column_presence_decode(writer_bytes(&out), 64, 3, words), TSDB_ECORRUPT);
    cr_assert(column_presence_is_same((struct bytes){out.at, 1}, &column));
    cr_assert_eq(column, UINT32_MAX, "nothing behind the form");
    writer_u8(&out, 1);
    cr_assert(column_presence_is_same(writer_bytes(&out), &column));
    cr_assert_eq(column, UINT32_MAX, "too much behind it");
    cr_assert(!column_presence_is_same((struct bytes){out.at, 0}, &column));
    cr_assert(!column_presence_is_same((struct bytes){(const uint8_t *)"\0\1", 2}, &column));
    writer_release(&out);
}

Test(columns, presence_of_few_rows_is_a_list)
{
    static const uint16_t have[] = {7, 60000};
    struct writer out = {0};
    column_presence_encode(have, 2, 65536, &out);
    cr_assert_lt(out.len, 10);
    writer_release(&out);
}

Test(columns, ints_of_every_form_come_back)
{
    static int64_t v[COLUMN_PART_ROWS], again[COLUMN_PART_ROWS];
    static const int64_t units[] = {1, 1000, 1000000, INT64_MIN, 7};
    struct random r;
    random_init(&r, model_seed());
    uint32_t forms[4] = {0};
    for (int round = 0; round < 600; round++) {
        uint32_t n = 1 + (uint32_t)random_below(&r, round % 10 ? 300 : COLUMN_PART_ROWS);
        uint64_t unit = (uint64_t)units[random_below(&r, 5)], walk = 0;
        uint64_t spread = UINT64_C(1) << random_below(&r, 63), kind = random_below(&r, 3);
        for (uint32_t i = 0; i < n; i++) {
            uint64_t x = random_below(&r, spread);
            walk += x;
            v[i] = (int64_t)((kind == 0 ? x : kind == 1 ? walk : random_next(&r)) * unit + 17);
        }
        struct writer out = {0};
        column_ints_encode(v, n, &out);
        forms[out.at[0]]++;
        struct bytes in = exact(&out);
        cr_assert_eq(column_ints_decode(in, again, n), TSDB_OK);
        cr_assert(memcmp(v, again, n * sizeof *v) == 0, "round %d", round);
        in.len--;
        cr_assert_eq(column_ints_decode(in, again, n), TSDB_ECORRUPT);
        exact_free(in);
        writer_release(&out);
    }
    for (int form = 0; form < 4; form++)
        cr_assert_gt(forms[form], 10, "form %d was met %u times", form, forms[form]);
}

Test(columns, decimal_texts_are_what_printing_gives)
{
    static const char *const good[] = {
        "0", "7", "-1", "10", "9223372036854775807", "-9223372036854775808", "123456789012345678"};
    static const char *const bad[] = {"",
                                      "-",
                                      "-0",
                                      "00",
                                      "01",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x1",
                                      "1e3",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999",
                                      "18446744073709551616",
                                      "--1"};
    int64_t v;
    char text[24];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert(int_text_parse(text_of(good[i]), &v), "%s", good[i]);
        struct tsdb_text again = {text, i64_format(v, text)};
        cr_assert(text_equal(again, text_of(good[i])), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not(int_text_parse(text_of(bad[i]), &v), "%s", bad[i]);
}

Test(columns, hex_of_every_length_comes_back)
{
    struct random r;
    random_init(&r, model_seed());
    for (uint32_t digits = 2; digits <= COLUMN_FIXED_MAX; digits += 2) {
        struct model m = {0};
        struct tsdb_text texts[10];
        char again[10 * COLUMN_FIXED_MAX];
        struct writer out = {0};
        arena_init(&m.arena, 1 << 20, NULL);
        for (int i = 0; i < 10; i++)
            texts[i] = model_bytes(&m, &r, digits, "0123456789abcdef", 16);
        cr_assert(column_hex_encode(texts, 10, digits, &out));
        cr_assert_eq(out.len, 10 * digits / 2);
        struct bytes in = exact(&out);
        column_hex_decode(in, again);
        for (int i = 0; i < 10; i++)
            cr_assert(memcmp(again + (size_t)i * digits, texts[i].at, digits) == 0);
        exact_free(in);
        writer_release(&out);
        arena_release(&m.arena);
    }
}

Test(columns, hex_is_lower_case_hex_only)
{
    for (uint32_t place = 0; place < 12; place++) {
        for (int c = 0; c < 256; c++) {
            char text[] = "0123456789ab";
            struct writer out = {0};
            struct tsdb_text one = {text, 12};
            bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
            text[place] = (char)c;
            cr_assert_eq(column_hex_encode(&one, 1, 12, &out), is_hex, "%d at %u", c, place);
            cr_assert_eq(out.len, is_hex ? 6 : 0);
            writer_release(&out);
        }
    }
}

Test(columns, text_blocks_refuse_other_counts)
{
    static uint32_t starts[COLUMN_PART_ROWS + 2];
    struct tsdb_text texts[] = {text_of("one"), text_of(""), text_of("three\n")};
    struct writer out = {0};
    struct bytes body;
    column_texts_encode(texts, 3, &out);
    cr_assert_eq(column_texts_decode(writer_bytes(&out), 3, starts, &body), TSDB_OK);
    cr_assert_eq(starts[3], 12);
    cr_assert(memcmp(body.at, "one\n\nthree\n\n", 12) == 0);
    cr_assert_eq(column_texts_decode(writer_bytes(&out), 2, starts, &body), TSDB_ECORRUPT);
    cr_assert_eq(column_texts_decode(writer_bytes(&out), 4, starts, &body), TSDB_ECORRUPT);
    out.at[out.len - 1] = 'x';
    cr_assert_eq(column_texts_decode(writer_bytes(&out), 3, starts, &body), TSDB_ECORRUPT);
    writer_release(&out);
}

Test(columns, short_texts_are_compared_whole)
{
    char a[40], b[40];
    memset(a, 'a', sizeof a);
    for (size_t len = 0; len <= sizeof a; len++) {
        for (size_t at = 0; at <= len; at++) {
            memcpy(b, a, sizeof a);
            if (at < len)
                b[at] = 'b';
            cr_assert_eq(text_same((struct tsdb_text){a, len}, (struct tsdb_text){b, len}),
                         at == len, "%zu of %zu", at, len);
        }
        cr_assert_not(text_same((struct tsdb_text){a, len}, (struct tsdb_text){a, len + 1}));
    }
}

Test(columns, a_dictionary_numbers_texts_as_they_come)
{
    struct text_dictionary d = {0};
    struct model m = {0};
    arena_init(&m.arena, 1 << 24, NULL);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 65536; i++) {
            char text[16];
            size_t len = i ? (size_t)sprintf(text, "%u", i) : 0;
            struct tsdb_text copy = model_text(&m, text, len);
            size_t before = text_dictionary_bytes(&d), growth = text_dictionary_growth(&d);
            cr_assert_eq(text_dictionary_add(&d, 99, copy), i);
            cr_assert_eq(text_dictionary_bytes(&d), before + growth);
        }
    }
    cr_assert_eq(d.count, 65536);
    text_dictionary_release(&d);
    arena_release(&m.arena);
}
