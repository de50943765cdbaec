#include "tests/tsdb/codec/shapes.h"
#include "tsdb/codec/floats.h"

#include <criterion/criterion.h>

static double v[FLOATS_MAX];

static struct floats_summary round_trip(const struct floats_summary *s, size_t *len)
{
    struct writer out = {0};
    struct floats_summary back;
    floats_summary_encode(s, &out);
    for (size_t cut = 0; cut < out.len; cut++) {
        struct reader r = reader_over((struct bytes){out.at, cut});
        cr_assert_eq(floats_summary_decode(&r, &back), TSDB_ECORRUPT, "cut at %zu", cut);
    }
    struct reader r = reader_over(writer_bytes(&out));
    cr_assert_eq(floats_summary_decode(&r, &back), TSDB_OK);
    cr_assert(reader_done(&r));
    *len = out.len;
    writer_release(&out);
    return back;
}

Test(floats_summary, counts_what_windows_ask)
{
    struct floats_summary s;
    v[0] = 5;
    v[1] = 9.5;
    v[2] = number_from_bits(STALE_BITS);
    v[3] = 2;
    v[4] = 4;
    v[5] = 1;
    v[6] = 1;
    floats_summarize(v, 7, &s);
    cr_expect_eq(s.count, 7);
    cr_expect_eq(s.nan_count, 1);
    cr_expect_eq(s.min, 1);
    cr_expect_eq(s.max, 9.5);
    cr_expect_eq(s.sum, 22.5);
    cr_expect_eq(s.first, 5);
    cr_expect_eq(s.last, 1);
    cr_expect_eq(s.resets, 2, "NaN is passed over, equal is no decrease");
    cr_expect_eq(s.reset_sum, 13.5);
}

Test(floats_summary, of_none_and_of_nan_alone)
{
    struct floats_summary s;
    floats_summarize(v, 0, &s);
    cr_expect_eq(s.count, 0);
    cr_expect(isnan(s.min) && isnan(s.max) && isnan(s.first) && isnan(s.last));
    cr_expect_eq(s.sum, 0);
    v[0] = v[1] = number_from_bits(STALE_BITS);
    floats_summarize(v, 2, &s);
    cr_expect_eq(s.nan_count, 2);
    cr_expect(isnan(s.min) && isnan(s.max));
    cr_expect_eq(s.sum, 0);
    cr_expect_eq(number_bits(s.last), STALE_BITS);
}

Test(floats_summary, infinities_stay_what_they_are)
{
    struct floats_summary s;
    v[0] = 1;
    v[1] = (double)INFINITY;
    v[2] = 2;
    floats_summarize(v, 3, &s);
    cr_expect(isinf(s.sum) && s.sum > 0);
    cr_expect_eq(s.max, (double)INFINITY);
    cr_expect_eq(s.min, 1);
    v[2] = -(double)INFINITY;
    floats_summarize(v, 3, &s);
    cr_expect(isnan(s.sum));
    cr_expect_eq(s.min, -(double)INFINITY);
}

Test(floats_summary, sums_keep_what_plain_addition_loses)
{
    struct floats_summary s;
    v[0] = 1;
    v[1] = 1e100;
    v[2] = 1;
    v[3] = -1e100;
    floats_summarize(v, 4, &s);
    cr_expect_eq(s.sum, 2);
    for (uint32_t i = 0; i < 1000; i++)
        v[i] = 0.1;
    v[1000] = 0.2;
    floats_summarize(v, 1001, &s);
    cr_expect_eq(s.sum, 100.2);
}

Test(floats_summary, is_short_where_values_are)
{
    struct floats_summary s;
    size_t len;
    for (uint32_t i = 0; i < 480; i++)
        v[i] = 1;
    floats_summarize(v, 480, &s);
    round_trip(&s, &len);
    cr_expect_leq(len, 4);
    for (uint32_t i = 0; i < 480; i++)
        v[i] = (1e6 + 137 * i) / 100;
    floats_summarize(v, 480, &s);
    round_trip(&s, &len);
    cr_expect_leq(len, 20, "a counter of two decimals takes %zu", len);
    for (uint32_t i = 0; i < 480; i++)
        v[i] = 1.0 / (i + 3 + 50 * (i % 7));
    floats_summarize(v, 480, &s);
    round_trip(&s, &len);
    cr_expect_leq(len, 70);
}

Test(floats_summary, every_bit_survives)
{
    struct random r;
    random_init(&r, shape_seed());
    for (int round = 0; round < 3000; round++) {
        struct floats_summary s = {
            .count = (uint32_t)random_next(&r),
            .min = shape_odd(&r),
            .max = random_below(&r, 2) ? shape_odd(&r) : (double)random_below(&r, 500),
            .sum = number_from_bits(random_next(&r)),
            .first = shape_odd(&r),
            .last = random_below(&r, 2) ? shape_odd(&r) : 0.5,
        };
        s.count |= 1;
        s.nan_count = (uint32_t)random_below(&r, (uint64_t)s.count + 1);
        s.resets = (uint32_t)random_below(&r, 3);
        s.reset_sum = s.resets ? shape_odd(&r) : 0;
        size_t len;
        struct floats_summary back = round_trip(&s, &len);
        const double *a = &s.min, *b = &back.min;
        cr_assert_eq(memcmp(a, b, 6 * sizeof *a), 0, "round %d", round);
        cr_assert_eq(back.count, s.count);
        cr_assert_eq(back.nan_count, s.nan_count);
        cr_assert_eq(back.resets, s.resets);
    }
}

Test(floats_summary, rejects_other_forms)
{
    static const struct {
        const char *why;
        uint8_t len, raw[12];
    } cases[] = {
        {"more NaN than values", 6, {1 | 2 | 4 | 16 | 128, 1, 2, 128}},
        {"NaN flagged, none counted", 6, {1 | 2 | 4 | 16 | 128, 1, 0, 128}},
        {"resets flagged, none counted", 6, {2 | 4 | 16 | 64 | 128, 1, 128, 0, 128}},
        {"unknown extreme", 6, {2 | 12 | 16 | 128, 1, 128}},
        {"count past 32 bits", 9, {2 | 4 | 16 | 128, 0x80, 0x80, 0x80, 0x80, 0x10, 128}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reader r = reader_over((struct bytes){cases[i].raw, cases[i].len});
        struct floats_summary s;
        cr_expect_eq(floats_summary_decode(&r, &s), TSDB_ECORRUPT, "%s", cases[i].why);
    }
}
