#include "tsdb/columns/filter.h"

#include "tests/tsdb/columns/group_model.h"

#include <criterion/criterion.h>

static void finish(struct filter_builder *b, struct writer *out, struct filter *f)
{
    filter_builder_finish(b, out);
    cr_assert_eq(filter_open(writer_bytes(out), f, NULL), TSDB_OK);
}

/* Goal: no false negatives, whatever the texts and wherever the needle is cut. */
Test(filter, what_was_added_is_never_refused)
{
    uint64_t seed = model_seed();
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    struct random r;
    random_init(&r, seed);
    struct filter_builder *b = filter_builder_new();
    for (int round = 0; round < 60; round++) {
        struct model m = {0};
        struct writer out = {0};
        struct filter f;
        struct tsdb_text texts[200];
        arena_init(&m.arena, 1 << 24, NULL);
        uint32_t n = (uint32_t)random_below(&r, 200);
        for (uint32_t i = 0; i < n; i++) {
            texts[i] = model_bytes(&m, &r, random_below(&r, 100), round % 2 ? NULL : "abcdefgh", 8);
            filter_add_text(b, i * 300, texts[i]);
            filter_add_value(b, (uint64_t)round, texts[i]);
        }
        finish(b, &out, &f);
        for (uint32_t i = 0; i < n; i++) {
            size_t from = random_below(&r, texts[i].len + 1);
            size_t len = random_below(&r, texts[i].len - from + 1);
            cr_assert(filter_may_contain(&f, (struct tsdb_text){texts[i].at + from, len}));
            cr_assert(filter_may_contain(&f, texts[i]));
            cr_assert(filter_rows_may_contain(&f, i * 300, 1, texts[i]));
            cr_assert(filter_rows_may_contain(&f, i * 150, 65536 - i * 150, texts[i]));
            cr_assert(filter_may_have(&f, (uint64_t)round, texts[i]));
        }
        filter_release(&f);
        writer_release(&out);
        arena_release(&m.arena);
    }
    filter_builder_free(b);
}

Test(filter, most_of_what_is_missing_is_refused)
{
    struct random r;
    random_init(&r, model_seed());
    struct filter_builder *b = filter_builder_new();
    struct writer out = {0};
    struct filter f;
    char text[64];
    uint32_t contained = 0, had = 0, elsewhere = 0, n = 20000;
    for (uint32_t i = 0; i < n; i++) {
        struct tsdb_text t = {text, (size_t)sprintf(text, "user %u logged in, session %u", i, i)};
        filter_add_text(b, i, t);
        filter_add_value(b, 1, t);
    }
    finish(b, &out, &f);
    cr_assert_lt(out.len, n * 10 / 8 + 2000, "about 10 bits a value, few trigrams");
    for (uint32_t i = 0; i < n; i++) {
        struct tsdb_text t = {text, (size_t)sprintf(text, "user %u logged in, session %u", i, i)};
        elsewhere += filter_may_have(&f, 2, t);
        t.len = (size_t)sprintf(text, "user %u logged in, session %u", i, i + 1);
        had += filter_may_have(&f, 1, t);
        for (int c = 0; c < 6; c++)
            text[c] = (char)('a' + random_below(&r, 26));
        contained += filter_may_contain(&f, (struct tsdb_text){text, 6});
    }
    cr_assert_lt(had, n * 2 / 100, "%u of %u values", had, n);
    cr_assert_lt(elsewhere, n * 2 / 100, "%u of %u values of another column", elsewhere, n);
    cr_assert_lt(contained, n / 100, "%u of %u words of six letters", contained, n);
    filter_release(&f);
    writer_release(&out);
    filter_builder_free(b);
}

Test(filter, few_trigrams_take_few_bytes)
{
    struct filter_builder *b = filter_builder_new();
    struct writer out = {0};
    struct filter f;
    filter_add_text(b, 0, text_of("hello"));
    finish(b, &out, &f);
    cr_assert_leq(out.len, 140);
    cr_assert_eq(f.grams.k, 10);
    cr_assert(filter_may_contain(&f, text_of("he")), "two bytes say nothing");
    cr_assert(filter_may_contain(&f, text_of("ello")));
    cr_assert_not(filter_may_contain(&f, text_of("help")));
    cr_assert(filter_may_have(&f, 1, text_of("x")), "no values were added");
    filter_release(&f);
    writer_release(&out);
    filter_builder_free(b);
}

Test(filter, a_builder_is_empty_again_after_it_finished)
{
    struct filter_builder *b = filter_builder_new();
    struct writer out = {0}, again = {0};
    struct filter f;
    filter_add_text(b, 0, text_of("one"));
    filter_add_value(b, 0, text_of("one"));
    finish(b, &out, &f);
    filter_release(&f);
    filter_add_text(b, 0, text_of("two"));
    filter_add_value(b, 0, text_of("one")); /* not taken for a repetition */
    finish(b, &again, &f);
    cr_assert_not(filter_may_contain(&f, text_of("one")));
    cr_assert(filter_may_contain(&f, text_of("two")));
    cr_assert_eq(f.block_count, 1);
    cr_assert(filter_may_have(&f, 0, text_of("one")));
    filter_release(&f);
    writer_release(&out);
    writer_release(&again);
    filter_builder_free(b);
}

Test(filter, damage_is_told)
{
    struct random r;
    random_init(&r, model_seed());
    struct filter_builder *b = filter_builder_new();
    struct writer out = {0};
    struct filter f;
    for (int i = 0; i < 500; i++) {
        char text[8];
        for (size_t c = 0; c < sizeof text; c++)
            text[c] = (char)random_next(&r);
        filter_add_text(b, (uint32_t)i * 60, (struct tsdb_text){text, sizeof text});
        filter_add_value(b, 3, (struct tsdb_text){text, sizeof text});
    }
    finish(b, &out, &f);
    filter_release(&f);
    for (size_t len = 0; len < out.len; len++)
        cr_assert_eq(filter_open((struct bytes){out.at, len}, &f, NULL), TSDB_ECORRUPT, "%zu", len);
    for (int round = 0; round < 2000; round++) {
        size_t at = random_below(&r, out.len);
        uint8_t bit = (uint8_t)(1u << random_below(&r, 8));
        out.at[at] ^= bit;
        if (filter_open(writer_bytes(&out), &f, NULL) == TSDB_OK) {
            (void)filter_may_contain(&f, text_of("needle"));
            (void)filter_may_have(&f, 3, text_of("value"));
            filter_release(&f);
        }
        out.at[at] ^= bit;
    }
    out.at[0] = 3;
    struct tsdb_error err;
    cr_assert_eq(filter_open(writer_bytes(&out), &f, &err), TSDB_ECORRUPT);
    cr_assert_str_eq(err.msg, "filter: version 3, want 2");
    writer_release(&out);
    filter_builder_free(b);
}

/* Goal: a word is refused although all of its trigrams are there, in other words. */
Test(filter, words_made_of_the_trigrams_of_others_are_refused)
{
    static const char *const texts[] = {"the heist was seis 12", "eisen+isend xisenbx",
                                        "senbo nbuq", "enbu7 ebugs nbug", "schinken, 12 heisen"};
    static const char *const there[] = {"heist", "eisen",   "isenb", "bugs",
                                        "sche",  "chinken", "sen"};
    struct filter_builder *b = filter_builder_new();
    struct writer out = {0};
    struct filter f;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        filter_add_text(b, (uint32_t)i, (struct tsdb_text){texts[i], strlen(texts[i])});
    finish(b, &out, &f);
    cr_assert_not(filter_may_contain(&f, (struct tsdb_text){"heisenbug", 9}));
    for (size_t i = 0; i + 3 <= 9; i++)
        cr_assert(filter_may_contain(&f, (struct tsdb_text){"heisenbug" + i, 3}), "%zu", i);
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++)
        cr_assert_eq(filter_may_contain(&f, (struct tsdb_text){there[i], strlen(there[i])}),
                     strcmp(there[i], "sche") != 0, "%s", there[i]);
    filter_release(&f);
    writer_release(&out);
    filter_builder_free(b);
}

/* Goal: only the blocks of rows that have a word say so; what lies behind them says nothing. */
Test(filter, rows_without_the_word_are_refused)
{
    struct filter_builder *b = filter_builder_new();
    struct writer out = {0};
    struct filter f;
    for (uint32_t row = 0; row < 20000; row++)
        filter_add_text(b, row, text_of(row == 9000 ? "a heisenbug" : "it is an ordinary line"));
    finish(b, &out, &f);
    struct tsdb_text word = text_of("heisenbug");
    cr_assert(filter_may_contain(&f, word));
    cr_assert(filter_rows_may_contain(&f, 9000, 1, word));
    cr_assert(filter_rows_may_contain(&f, 0, 20000, word));
    cr_assert_not(filter_rows_may_contain(&f, 0, 8192, word));
    cr_assert_not(filter_rows_may_contain(&f, 12288, 7712, word));
    cr_assert(filter_rows_may_contain(&f, 12288, 20000, word));
    cr_assert(filter_rows_may_contain(&f, 0, 1, text_of("ordinary")));
    cr_assert(filter_rows_may_contain(&f, 0, 1, text_of("heis")), "four letters say nothing");
    filter_release(&f);
    writer_release(&out);
    filter_builder_free(b);
}

/* A filter as version 1 wrote it: of "abcdef" with k 10, no words, no values. */
Test(filter, one_without_words_still_opens)
{
    uint8_t bytes[4 + 128 + 1] = {1, 10, 0x80, 1};
    static const uint32_t grams[] = {0x636261, 0x646362, 0x656463, 0x666564};
    for (size_t i = 0; i < 4; i++) {
        uint32_t bit = (grams[i] << 8) * 0x9e3779b1u >> 22;
        bytes[4 + bit / 8] |= (uint8_t)(1u << bit % 8);
    }
    struct filter f;
    cr_assert_eq(filter_open((struct bytes){bytes, sizeof bytes}, &f, NULL), TSDB_OK);
    cr_assert(filter_may_contain(&f, (struct tsdb_text){"abcdef", 6}));
    cr_assert_not(filter_may_contain(&f, (struct tsdb_text){"abcdxyz", 7}));
    filter_release(&f);
}
