#include "tests/tsdb/codec/native.h"
#include "tests/tsdb/codec/prop_histograms.h"

#include <criterion/criterion.h>

static size_t expect_round_trip(const struct tsdb_histogram *h)
{
    struct writer out = {0};
    struct arena arena;
    struct tsdb_histogram back;
    arena_init(&arena, PROP_ARENA_BYTES, NULL);
    histogram_encode(h, &out);
    size_t len = out.len;
    writer_u8(&out, 0xee);
    struct reader r = reader_over(writer_bytes(&out));
    cr_assert_eq(histogram_decode(&r, &arena, &back), TSDB_OK);
    cr_assert_eq(r.rest.len, 1, "reads exactly its bytes");
    cr_assert(histogram_equal(h, &back));
    cr_assert_eq(h->count == h->count, back.count == back.count);
    arena_release(&arena);
    writer_release(&out);
    return len;
}

Test(histogram, integers_and_floats_survive)
{
    static struct native x;
    struct random r;
    random_init(&r, shape_seed());
    for (int round = 0; round < 3000; round++) {
        native_make(&r, &x);
        if (round % 3 == 0)
            native_make_float(&r, &x);
        if (round % 7 == 0)
            x.h.sum = shape_odd(&r);
        if (round % 11 == 0)
            x.h.count = shape_odd(&r);
        if (round % 13 == 0)
            x.h.zero_threshold = shape_odd(&r);
        expect_round_trip(&x.h);
    }
}

Test(histogram, the_greatest_survives)
{
    static struct tsdb_bucket_span spans[HISTOGRAM_SPANS_MAX];
    static double counts[HISTOGRAM_BUCKETS_MAX], custom[HISTOGRAM_CUSTOM_MAX];
    for (int i = 0; i < HISTOGRAM_BUCKETS_MAX; i++) {
        spans[i] = (struct tsdb_bucket_span){i % 2 ? INT32_MAX : INT32_MIN, 1};
        counts[i] = i % 2 ? 0x1p53 : -0x1p53;
        custom[i] = i;
    }
    struct tsdb_histogram h = {
        .schema = INT32_MIN,
        .positive_spans = spans,
        .negative_spans = spans,
        .positive_span_count = HISTOGRAM_SPANS_MAX,
        .negative_span_count = HISTOGRAM_SPANS_MAX,
        .positive = counts,
        .negative = counts,
        .positive_count = HISTOGRAM_BUCKETS_MAX,
        .negative_count = HISTOGRAM_BUCKETS_MAX,
        .custom = custom,
        .custom_count = HISTOGRAM_CUSTOM_MAX,
        .count = 0x1p53,
    };
    expect_round_trip(&h);
}

Test(histogram, stale_is_short)
{
    static struct native x;
    native_make_stale(&x);
    cr_expect_leq(expect_round_trip(&x.h), 15);
}

Test(histogram, integers_are_varints)
{
    static struct native x;
    native_make_stale(&x);
    x.h.schema = 3;
    x.h.positive_span_count = 1;
    x.positive_spans[0] = (struct tsdb_bucket_span){-5, 20};
    x.h.positive_count = 20;
    for (int i = 0; i < 20; i++)
        x.h.count += x.positive[i] = 100 + i % 3;
    x.h.sum = 12.5;
    cr_expect_leq(expect_round_trip(&x.h), 20 + 15);
}

Test(histogram, is_equal_only_when_every_bit_is)
{
    static struct native a, b;
    struct random r;
    random_init(&r, shape_seed());
    do
        native_make(&r, &a);
    while (a.h.positive_count == 0 || a.h.negative_count == 0);
    b = a;
    native_point(&b);
    cr_expect(histogram_equal(&a.h, &b.h));
    b.positive[0]++;
    cr_expect_not(histogram_equal(&a.h, &b.h));
    b = a;
    native_point(&b);
    b.negative[0]++;
    cr_expect_not(histogram_equal(&a.h, &b.h));
    b = a;
    native_point(&b);
    b.h.sum = -a.h.sum - 1;
    cr_expect_not(histogram_equal(&a.h, &b.h));
    b.h.sum = a.h.sum;
    b.h.hint ^= 1;
    cr_expect_not(histogram_equal(&a.h, &b.h));
    b.h.hint ^= 1;
    b.positive_spans[0].offset++;
    cr_expect_not(histogram_equal(&a.h, &b.h));
}

/* Goal: damage is refused or means some other histogram.
 * Method: each prefix, then flips of single bits. */
Test(histogram, damage_does_no_harm)
{
    static struct native x;
    struct random r;
    random_init(&r, shape_seed());
    int accepted = 0;
    for (int round = 0; round < 200; round++) {
        struct writer out = {0};
        struct arena arena;
        struct tsdb_histogram back;
        arena_init(&arena, PROP_ARENA_BYTES, NULL);
        native_make(&r, &x);
        if (round % 3 == 0)
            native_make_float(&r, &x);
        histogram_encode(&x.h, &out);
        for (size_t len = 0; len < out.len; len++) {
            struct reader in = reader_over((struct bytes){out.at, len});
            cr_assert_eq(histogram_decode(&in, &arena, &back), TSDB_ECORRUPT, "cut at %zu", len);
        }
        for (int flip = 0; flip < 50; flip++) {
            size_t at = random_below(&r, out.len);
            uint8_t bit = (uint8_t)(1 << random_below(&r, 8));
            out.at[at] ^= bit;
            accepted += prop_histogram(out.at, out.len, &arena);
            out.at[at] ^= bit;
            arena_reset(&arena);
        }
        writer_release(&out);
        arena_release(&arena);
    }
    cr_assert_gt(accepted, 1000);
}

/* The same histogram of nothing in three spellings, of which one is allowed. */
Test(histogram, has_one_form)
{
    static const struct {
        enum tsdb_status status;
        uint8_t len, raw[8];
    } cases[] = {
        {TSDB_OK, 7, {2, 0, 0, 0, 0, 0, 128}},
        {TSDB_ECORRUPT, 7, {0, 0, 0, 0, 128, 128, 128}},
        {TSDB_ECORRUPT, 7, {2 | 64, 0, 0, 0, 0, 0, 128}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct tsdb_histogram back;
        arena_init(&arena, PROP_ARENA_BYTES, NULL);
        struct reader in = reader_over((struct bytes){cases[i].raw, cases[i].len});
        cr_expect_eq(histogram_decode(&in, &arena, &back), cases[i].status, "case %zu", i);
        arena_release(&arena);
    }
}

Test(histogram, a_full_arena_is_a_limit)
{
    static struct native x;
    struct random r;
    random_init(&r, shape_seed());
    struct writer out = {0};
    do
        native_make(&r, &x);
    while (x.h.positive_count == 0);
    histogram_encode(&x.h, &out);
    struct arena arena;
    struct tsdb_histogram back;
    arena_init(&arena, 4, NULL);
    struct reader in = reader_over(writer_bytes(&out));
    cr_expect_eq(histogram_decode(&in, &arena, &back), TSDB_ELIMIT);
    arena_release(&arena);
    writer_release(&out);
}
