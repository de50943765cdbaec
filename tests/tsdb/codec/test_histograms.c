#include "tsdb/codec/histograms.h"

#include "tests/tsdb/codec/native.h"
#include "tests/tsdb/codec/prop_histograms.h"

#include <criterion/criterion.h>

enum { N = 500, ARENA_BYTES = 32 << 20 };

static struct native natives[N];
static struct tsdb_histogram h[HISTOGRAMS_MAX];

static void point_histograms(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        native_point(&natives[i]);
        h[i] = natives[i].h;
    }
}

static size_t expect_round_trip(uint32_t n)
{
    struct writer out = {0};
    struct arena arena;
    struct tsdb_histogram *back;
    uint32_t count;
    arena_init(&arena, ARENA_BYTES, NULL);
    histograms_encode(h, n, &out);
    cr_assert_eq(histograms_decode(writer_bytes(&out), &arena, &back, &count), TSDB_OK);
    cr_assert_eq(count, n);
    for (uint32_t i = 0; i < n; i++)
        cr_assert(histogram_equal(&h[i], &back[i]), "%u of %u", i, n);
    size_t len = out.len;
    arena_release(&arena);
    writer_release(&out);
    return len;
}

/* A series: counts grow, now and then the layout changes or the hint. */
static void fill(struct random *r, uint32_t n, uint32_t change, bool is_float)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i == 0 || random_below(r, change) == 0)
            native_make(r, &natives[i]);
        else
            natives[i] = natives[i - 1];
        native_point(&natives[i]);
        native_grow(r, &natives[i], 50);
        if (is_float)
            native_make_float(r, &natives[i]);
        if (random_below(r, 50) == 0)
            natives[i].h.hint = (uint8_t)random_below(r, 4);
        if (random_below(r, 100) == 0)
            native_make_stale(&natives[i]);
        if (random_below(r, 60) == 0)
            natives[i].h.sum = shape_odd(r);
    }
    point_histograms(n);
}

Test(histograms, series_survive)
{
    struct random r;
    random_init(&r, shape_seed());
    cr_expect_eq(expect_round_trip(0), 1);
    for (int round = 0; round < 200; round++) {
        uint32_t n = 1 + (uint32_t)random_below(&r, round % 20 ? 60 : N);
        fill(&r, n, 1 + (uint32_t)random_below(&r, 100), round % 3 == 0);
        expect_round_trip(n);
    }
}

Test(histograms, integers_turning_floats_part_the_run)
{
    struct random r;
    random_init(&r, shape_seed());
    fill(&r, 20, 1000, false);
    for (uint32_t i = 0; i < 20; i++) {
        natives[i] = natives[0];
        if (i % 5 == 4)
            natives[i].h.count += 0.5;
    }
    point_histograms(20);
    expect_round_trip(20);
}

Test(histograms, the_longest_chunk_survives)
{
    struct random r;
    random_init(&r, shape_seed());
    native_make_stale(&natives[0]);
    point_histograms(1);
    for (uint32_t i = 0; i < HISTOGRAMS_MAX; i++) {
        h[i] = h[0];
        h[i].count = i;
        h[i].hint = i > 100;
    }
    expect_round_trip(HISTOGRAMS_MAX);
}

Test(histograms, cost_what_their_observations_cost)
{
    struct random r;
    random_init(&r, shape_seed());
    native_make_stale(&natives[0]);
    struct native *x = &natives[0];
    x->h.schema = 3;
    x->h.sum = 0;
    x->h.positive_span_count = 1;
    x->h.positive_count = 40;
    x->positive_spans[0] = (struct tsdb_bucket_span){-20, 40};
    for (uint32_t i = 0; i < 240; i++) {
        natives[i] = natives[i ? i - 1 : 0];
        native_point(&natives[i]);
        for (int k = 0; k < 20; k++)
            natives[i].positive[10 + random_below(&r, 16)]++;
        natives[i].h.count += 20;
        natives[i].h.sum += (double)random_below(&r, 1000) / 4;
    }
    point_histograms(240);
    size_t len = expect_round_trip(240);
    cr_expect_leq(len, 240 * 7, "%zu bytes", len);
}

/* What the rejected forms below are made from. */
Test(histograms, accepts_the_smallest_forms)
{
    static const uint8_t level[] = {2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 128};
    static const uint8_t hints[] = {2, 2, 2 | 64, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0, 128};
    struct arena arena;
    struct tsdb_histogram *back;
    uint32_t n;
    arena_init(&arena, PROP_ARENA_BYTES, NULL);
    struct bytes in = {level, sizeof level};
    cr_assert_eq(histograms_decode(in, &arena, &back, &n), TSDB_OK);
    cr_expect(n == 2 && back[0].hint == 0 && back[1].hint == 0);
    in = (struct bytes){hints, sizeof hints};
    cr_assert_eq(histograms_decode(in, &arena, &back, &n), TSDB_OK);
    cr_expect(n == 2 && back[0].hint == 0 && back[1].hint == 1);
    arena_release(&arena);
}

Test(histograms, rejects_other_forms)
{
    static const struct {
        const char *why;
        uint8_t len, raw[20];
    } cases[] = {
        {"nothing", 0, {0}},
        {"more than a chunk holds", 2, {0x81, 0x20}},
        {"something behind none", 2, {0, 0}},
        {"no run", 1, {1}},
        {"run of none", 9, {1, 0, 2, 0, 0, 0, 0, 0, 0}},
        {"run past the end", 11, {1, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0}},
        {"hints that do not differ", 14, {2, 2, 2 | 64, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 128}},
        {"hints twice", 15, {2, 2, 2 | 64 | 16, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0, 128}},
        {"hint past the last", 15, {2, 2, 2 | 64, 0, 0, 0, 3, 4, 0, 0, 0, 0, 2, 0, 128}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct tsdb_histogram *back = NULL;
        uint32_t n = 77;
        arena_init(&arena, PROP_ARENA_BYTES, NULL);
        struct bytes in = {cases[i].raw, cases[i].len};
        cr_expect_eq(histograms_decode(in, &arena, &back, &n), TSDB_ECORRUPT, "%s", cases[i].why);
        cr_expect(n == 77 && back == NULL, "%s: untouched", cases[i].why);
        arena_release(&arena);
    }
}

Test(histograms, damage_does_no_harm)
{
    struct random r;
    random_init(&r, shape_seed());
    int accepted = 0;
    for (int round = 0; round < 12; round++) {
        struct writer out = {0};
        struct arena arena;
        struct tsdb_histogram *back;
        uint32_t n;
        arena_init(&arena, PROP_ARENA_BYTES, NULL);
        fill(&r, 40, 30, round % 3 == 0);
        histograms_encode(h, 40, &out);
        for (size_t len = 0; len < out.len; len += 1 + len / 100) {
            struct bytes in = {out.at, len};
            cr_assert_eq(histograms_decode(in, &arena, &back, &n), TSDB_ECORRUPT, "cut at %zu",
                         len);
            arena_reset(&arena);
        }
        for (int flip = 0; flip < 200; flip++) {
            size_t at = random_below(&r, out.len);
            uint8_t bit = (uint8_t)(1 << random_below(&r, 8));
            out.at[at] ^= bit;
            accepted += prop_histograms(out.at, out.len, &arena);
            out.at[at] ^= bit;
            arena_reset(&arena);
        }
        arena_release(&arena);
        writer_release(&out);
    }
    cr_assert_gt(accepted, 200);
}

/* A chunk of few bytes that stands for many counts ends at the arena's limit. */
Test(histograms, a_full_arena_is_a_limit)
{
    struct writer out = {0};
    struct arena arena;
    struct tsdb_histogram *back;
    uint32_t n;
    static struct tsdb_bucket_span span = {0, HISTOGRAM_BUCKETS_MAX};
    static double counts[HISTOGRAM_BUCKETS_MAX];
    struct tsdb_histogram one = {.positive_spans = &span,
                                 .positive_span_count = 1,
                                 .positive = counts,
                                 .positive_count = HISTOGRAM_BUCKETS_MAX};
    for (uint32_t i = 0; i < HISTOGRAMS_MAX; i++)
        h[i] = one;
    histograms_encode(h, HISTOGRAMS_MAX, &out);
    cr_expect_lt(out.len, 4000);
    arena_init(&arena, PROP_ARENA_BYTES, NULL);
    cr_expect_eq(histograms_decode(writer_bytes(&out), &arena, &back, &n), TSDB_ELIMIT);
    arena_release(&arena);
    arena_init(&arena, 64 << 20, NULL);
    cr_expect_eq(histograms_decode(writer_bytes(&out), &arena, &back, &n), TSDB_OK);
    arena_release(&arena);
    writer_release(&out);
}
