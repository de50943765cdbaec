#include "tsdb/codec/timestamps.h"

#include "tests/tsdb/codec/prop_timestamps.h"
#include "tests/tsdb/codec/shapes.h"
#include "tsdb/base/clock.h"

#include <criterion/criterion.h>

static int64_t ts[TIMESTAMPS_MAX], again[TIMESTAMPS_MAX];

static const int64_t epoch = INT64_C(1790000000123) * NS_PER_MS;

static size_t encoded(uint32_t n)
{
    struct writer out = {0};
    prop_timestamps_values(ts, n);
    timestamps_encode(ts, n, &out);
    size_t len = out.len;
    writer_release(&out);
    return len;
}

Test(timestamps, even_scrapes_cost_a_dozen_bytes)
{
    for (uint32_t i = 0; i < TIMESTAMPS_MAX; i++)
        ts[i] = epoch + i * 15 * NS_PER_S;
    cr_expect_leq(encoded(2), 12);
    cr_expect_leq(encoded(480), 13);
    cr_expect_leq(encoded(TIMESTAMPS_MAX), 13);
}

Test(timestamps, milliseconds_of_jitter_cost_their_bits)
{
    struct random r;
    random_init(&r, shape_seed());
    for (uint32_t i = 0; i < 480; i++)
        ts[i] = epoch + i * 15 * NS_PER_S + (int64_t)random_below(&r, 8) * NS_PER_MS;
    cr_expect_leq(encoded(480), 480 * 3 / 8 + 40);
}

Test(timestamps, missed_scrapes_cost_little)
{
    int64_t at = epoch;
    for (uint32_t i = 0; i < 480; i++)
        ts[i] = at += (i % 100 == 99 ? 30 : 15) * NS_PER_S;
    cr_expect_leq(encoded(480), 40);
}

Test(timestamps, every_sequence_survives)
{
    struct random r;
    random_init(&r, shape_seed());
    prop_timestamps_values(ts, 0);
    for (int round = 0; round < 100; round++) {
        for (enum int_shape shape = 0; shape < INT_SHAPES; shape++) {
            static const int64_t units[] = {1, 7, 1000, NS_PER_MS, NS_PER_S};
            uint32_t n = shape_size(&r, TIMESTAMPS_MAX);
            shape_ints(&r, shape, ts, n);
            prop_timestamps_values(ts, n);
            int64_t unit = units[random_below(&r, 5)];
            uint64_t sum = (uint64_t)epoch;
            for (uint32_t i = 0; i < n; i++)
                ts[i] = (int64_t)(sum += (uint64_t)(ts[i] % 1000) * (uint64_t)unit);
            prop_timestamps_values(ts, n);
        }
    }
}

static void expect_corrupt(const uint8_t *raw, size_t len, uint32_t n_max, const char *why)
{
    uint32_t n = 77;
    cr_assert_eq(timestamps_decode((struct bytes){raw, len}, again, n_max, &n), TSDB_ECORRUPT, "%s",
                 why);
    cr_assert_eq(n, 77, "%s: *n must be untouched", why);
}

Test(timestamps, rejects_other_forms)
{
    static const struct {
        const char *why;
        uint8_t len, raw[16];
    } cases[] = {
        {"empty", 0, {0}},
        {"something behind none", 2, {0, 0}},
        {"more than fit", 5, {101, 0x10, 2, 2}},
        {"unit past a second", 3, {1, 10, 2}},
        {"unknown form", 4, {2, 0x50, 2, 2}},
        {"one value, not alone", 4, {1, 0x10, 2, 2}},
        {"two values, alone", 3, {2, 0x00, 2}},
        {"two values with uneven deltas", 5, {2, 0x20, 2, 1, 0}},
        {"divisor of zero", 5, {3, 0x20, 2, 0, 0}},
        {"deltas missing", 4, {3, 0x20, 2, 1}},
        {"trailing byte", 5, {2, 0x10, 2, 2, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_corrupt(cases[i].raw, cases[i].len, 100, cases[i].why);
}

Test(timestamps, holds_to_the_callers_limit)
{
    struct writer out = {0};
    uint32_t n;
    for (uint32_t i = 0; i < 101; i++)
        ts[i] = i;
    timestamps_encode(ts, 101, &out);
    cr_expect_eq(timestamps_decode(writer_bytes(&out), again, 101, &n), TSDB_OK);
    expect_corrupt(out.at, out.len, 100, "101 values where 100 fit");
    writer_release(&out);
}

Test(timestamps, damage_is_refused_or_means_something)
{
    struct random r;
    random_init(&r, shape_seed());
    int accepted = 0;
    for (enum int_shape shape = 0; shape < INT_SHAPES; shape++) {
        struct writer out = {0};
        shape_ints(&r, shape, ts, 300);
        timestamps_encode(ts, 300, &out);
        for (size_t len = 0; len < out.len; len++)
            expect_corrupt(out.at, len, 300, "truncated");
        for (int round = 0; round < 300; round++) {
            size_t at = random_below(&r, out.len);
            uint8_t bit = (uint8_t)(1 << random_below(&r, 8));
            out.at[at] ^= bit;
            accepted += prop_timestamps(out.at, out.len);
            out.at[at] ^= bit;
        }
        writer_release(&out);
    }
    cr_assert_gt(accepted, 100);
}
