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
            filter_add_text(b, texts[i]);
            filter_add_value(b, (uint64_t)round, texts[i]);
        }
        finish(b, &out, &f);
        for (uint32_t i = 0; i < n; i++) {
            size_t from = random_below(&r, texts[i].len + 1);
            size_t len = random_below(&r, texts[i].len - from + 1);
            cr_assert(filter_may_contain(&f, (struct tsdb_text){texts[i].at + from, len}));
            cr_assert(filter_may_contain(&f, texts[i]));
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
        filter_add_text(b, t);
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
    filter_add_text(b, text_of("hello"));
    finish(b, &out, &f);
    cr_assert_leq(out.len, 140);
    cr_assert_eq(f.gram_bits, 10);
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
    filter_add_text(b, text_of("one"));
    filter_add_value(b, 0, text_of("one"));
    finish(b, &out, &f);
    filter_release(&f);
    filter_add_text(b, text_of("two"));
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
        filter_add_text(b, (struct tsdb_text){text, sizeof text});
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
    out.at[0] = 2;
    struct tsdb_error err;
    cr_assert_eq(filter_open(writer_bytes(&out), &f, &err), TSDB_ECORRUPT);
    cr_assert_str_eq(err.msg, "filter: version 2, want 1");
    writer_release(&out);
    filter_builder_free(b);
}
