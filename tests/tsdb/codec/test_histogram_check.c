#include "tests/tsdb/codec/native.h"
#include "tsdb/codec/histograms.h"

#include <criterion/criterion.h>

static struct native x;

/* Two positive spans of three and two buckets, one negative of two; 28 in all. */
static void sound(void)
{
    x = (struct native){
        .h = {.schema = 2,
              .zero_threshold = 0x1p-128,
              .zero_count = 3,
              .count = 28,
              .sum = 12.5,
              .positive_span_count = 2,
              .negative_span_count = 1,
              .positive_count = 5,
              .negative_count = 2},
        .positive_spans = {{-3, 3}, {1, 2}},
        .negative_spans = {{0, 2}},
        .positive = {1, 2, 3, 4, 5},
        .negative = {4, 6},
    };
    native_point(&x);
}

static void sound_custom(void)
{
    x = (struct native){.h = {.schema = TSDB_SCHEMA_CUSTOM,
                              .count = 6,
                              .positive_span_count = 1,
                              .positive_count = 3,
                              .custom_count = 2},
                        .positive_spans = {{0, 3}},
                        .positive = {1, 2, 3},
                        .custom = {0.5, 1}};
    native_point(&x);
}

static bool is_sound(void)
{
    struct tsdb_error err = {0};
    enum tsdb_status st = histogram_check(&x.h, &err);
    cr_assert(st == TSDB_OK || (st == TSDB_EINVAL && err.msg[0]), "%d %s", (int)st, err.msg);
    cr_assert_eq(histogram_check(&x.h, NULL), st);
    return st == TSDB_OK;
}

#define EXPECT(verdict, make, ...)                                                                 \
    do {                                                                                           \
        make();                                                                                    \
        __VA_ARGS__;                                                                               \
        cr_expect_eq(is_sound(), verdict, "%s", #__VA_ARGS__);                                     \
    } while (0)

Test(histogram_check, sound_ones_pass)
{
    struct random r;
    EXPECT(true, sound, (void)0);
    EXPECT(true, sound_custom, (void)0);
    EXPECT(true, sound_custom, x.h.positive_span_count = 0; x.h.positive_count = 0; x.h.count = 0);
    native_make_stale(&x);
    cr_expect(is_sound(), "stale");
    random_init(&r, shape_seed());
    for (int round = 0; round < 1000; round++) {
        native_make(&r, &x);
        cr_assert(is_sound(), "integer, round %d", round);
        native_make_float(&r, &x);
        cr_assert(is_sound(), "float, round %d", round);
    }
}

Test(histogram_check, schemas)
{
    EXPECT(true, sound, x.h.schema = -4);
    EXPECT(true, sound, x.h.schema = 8);
    EXPECT(false, sound, x.h.schema = -5);
    EXPECT(false, sound, x.h.schema = 9);
    EXPECT(false, sound, x.h.schema = -54);
    EXPECT(false, sound, x.h.custom_count = 1);
    EXPECT(false, sound, x.h.hint = 4);
}

Test(histogram_check, spans_and_buckets_agree)
{
    EXPECT(false, sound, x.h.positive_count = 4; x.h.count = 23);
    EXPECT(false, sound, x.positive_spans[1].length = 3);
    EXPECT(false, sound, x.h.negative_span_count = 0);
    EXPECT(false, sound, x.positive_spans[1].offset = -1);
    EXPECT(true, sound, x.positive_spans[0].offset = -1000);
    EXPECT(true, sound, x.negative_spans[0].offset = -1000);
    EXPECT(false, sound, x.positive_spans[0].length = UINT32_MAX; x.positive_spans[1].length = 6);
    EXPECT(false, sound, x.h.positive_count = HISTOGRAM_BUCKETS_MAX + 1;
           x.positive_spans[0].length = HISTOGRAM_BUCKETS_MAX - 1);
    EXPECT(false, sound, x.h.positive_span_count = HISTOGRAM_SPANS_MAX + 1);
}

Test(histogram_check, counts_of_integers_add_up)
{
    EXPECT(false, sound, x.h.count = 29);
    EXPECT(false, sound, x.h.count = 27);
    EXPECT(true, sound, x.h.count = 29; x.h.sum = (double)NAN);
    EXPECT(false, sound, x.h.count = 27; x.h.sum = (double)NAN);
    EXPECT(false, sound, x.positive[2] = 3.5; x.h.count = 28.5);
    EXPECT(false, sound, x.positive[2] = -3; x.h.count = 22);
    EXPECT(false, sound, x.negative[1] = -3; x.h.count = 19; x.h.hint = TSDB_RESET_GAUGE);
    EXPECT(false, sound, x.h.zero_count = -3; x.h.count = 22);
    EXPECT(false, sound, x.positive[2] = number_from_bits(STALE_BITS));
    EXPECT(false, sound, x.h.count = number_from_bits(STALE_BITS));
    EXPECT(false, sound, x.positive[2] = 0x1p60; x.h.count = 0x1p60 + 25);
}

Test(histogram_check, counts_of_floats_are_not_below_zero)
{
    EXPECT(true, sound, x.h.is_float = true; x.h.count = 29.5; x.positive[0] = 0.5);
    EXPECT(false, sound, x.h.is_float = true; x.positive[2] = -0.5);
    EXPECT(false, sound, x.h.is_float = true; x.h.zero_count = -0.5);
    EXPECT(false, sound, x.h.is_float = true; x.h.count = -0.5);
    EXPECT(true, sound, x.h.is_float = true; x.positive[2] = -0.5; x.h.hint = TSDB_RESET_GAUGE);
}

Test(histogram_check, custom_buckets)
{
    EXPECT(false, sound_custom, x.h.zero_count = 1; x.h.count = 7);
    EXPECT(false, sound_custom, x.h.zero_threshold = 0.5);
    EXPECT(false, sound_custom, x.h.negative_span_count = 1);
    EXPECT(false, sound_custom, x.custom[1] = 0.5);
    EXPECT(false, sound_custom, x.custom[1] = 0.25);
    EXPECT(false, sound_custom, x.custom[1] = (double)INFINITY);
    EXPECT(false, sound_custom, x.custom[0] = -(double)INFINITY);
    EXPECT(false, sound_custom, x.custom[0] = (double)NAN);
    EXPECT(false, sound_custom, x.positive_spans[0].offset = 1);
    EXPECT(false, sound_custom, x.positive_spans[0].offset = -1);
    EXPECT(false, sound_custom, x.h.custom_count = 1);
    EXPECT(false, sound_custom, x.h.custom_count = HISTOGRAM_CUSTOM_MAX + 1);
}
