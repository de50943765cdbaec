#include "tsdb/codec/histogram_layout.h"

#include "tests/tsdb/codec/native.h"
#include "tests/tsdb/codec/prop_histograms.h"

#include <criterion/criterion.h>

Test(histogram_layout, integers_are_told_from_other_doubles)
{
    int64_t m = 77;
    cr_expect(histogram_integer(0x1p53, &m) && m == INT64_C(1) << 53);
    cr_expect(histogram_integer(-3, &m) && m == -3);
    const double odd[] = {0.5, -0.0, 0x1p53 + 2, number_from_bits(STALE_BITS), (double)INFINITY};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        cr_expect_not(histogram_integer(odd[i], &m), "%a", odd[i]);
    cr_expect_eq(m, -3, "untouched");
}

Test(histogram_layout, survives_and_tells_itself_from_others)
{
    static struct native x, other;
    struct random r;
    random_init(&r, shape_seed());
    native_make(&r, &other);
    int differ = 0;
    for (int round = 0; round < 2000; round++) {
        struct writer out = {0};
        struct arena arena;
        struct tsdb_histogram back;
        unsigned flags;
        arena_init(&arena, PROP_ARENA_BYTES, NULL);
        native_make(&r, &x);
        histogram_layout_encode(&x.h, histogram_layout_flags(&x.h), &out);
        struct reader in = reader_over(writer_bytes(&out));
        cr_assert_eq(histogram_layout_decode(&in, &arena, &back, &flags), TSDB_OK);
        cr_assert(reader_done(&in));
        cr_assert_eq(flags, histogram_layout_flags(&x.h));
        cr_assert_eq(back.hint, x.h.hint);
        cr_assert(histogram_layout_equal(&x.h, &back));
        differ += !histogram_layout_equal(&other.h, &back);
        arena_release(&arena);
        writer_release(&out);
    }
    cr_assert_gt(differ, 1900);
}

Test(histogram_layout, thresholds_that_are_powers_of_two_take_a_byte)
{
    static struct native x;
    static const struct {
        double threshold;
        size_t len;
    } cases[] = {{0, 4},       {0x1p-128, 4},  {1, 4},      {0x1p-199, 4}, {0x1p54, 4},
                 {0x1p55, 12}, {0x1p-200, 12}, {0.001, 12}, {-0.0, 12},    {-1, 12}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct writer out = {0};
        native_make_stale(&x);
        x.h.zero_threshold = cases[i].threshold;
        histogram_layout_encode(&x.h, 0, &out);
        cr_expect_eq(out.len, cases[i].len, "%a takes %zu", cases[i].threshold, out.len);
        writer_release(&out);
    }
}

Test(histogram_layout, rejects_other_forms)
{
    static const struct {
        const char *why;
        uint8_t len, raw[20];
    } cases[] = {
        {"unused flag", 4, {128, 0, 0, 0}},
        {"schema past 32 bits", 8, {0, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 0}},
        {"threshold of zero spelled out", 12, {0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
        {"negative side without spans", 5, {4, 0, 0, 0, 0}},
        {"no bounds where flagged", 5, {8, 0, 0, 0, 0}},
        {"more spans than bytes", 5, {0, 0, 0, 2, 0}},
        {"span of too many buckets", 7, {0, 0, 0, 1, 0, 0x81, 0x08}},
        {"spans of too many buckets", 9, {0, 0, 0, 2, 0, 0x80, 0x08, 0, 1}},
        {"offset past 32 bits", 10, {0, 0, 0, 1, 0x80, 0x80, 0x80, 0x80, 0x10, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct tsdb_histogram back;
        unsigned flags;
        arena_init(&arena, PROP_ARENA_BYTES, NULL);
        struct reader in = reader_over((struct bytes){cases[i].raw, cases[i].len});
        cr_expect_eq(histogram_layout_decode(&in, &arena, &back, &flags), TSDB_ECORRUPT, "%s",
                     cases[i].why);
        arena_release(&arena);
    }
}
