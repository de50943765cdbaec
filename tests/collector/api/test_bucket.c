#include "collector/api/bucket.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

static struct bucket seen[64];
static size_t count;

static void keep(void *arg, const struct bucket *b)
{
    (void)arg;
    seen[count++] = *b;
}

static void each(const struct tsdb_histogram *h)
{
    count = 0;
    bucket_each(h, keep, NULL);
}

static void assert_bucket(size_t i, struct bucket want)
{
    cr_assert_lt(i, count);
    cr_assert_eq(seen[i].rule, want.rule, "%zu", i);
    cr_assert_eq(seen[i].low, want.low, "%zu: %.17g", i, seen[i].low);
    cr_assert_eq(seen[i].high, want.high, "%zu: %.17g", i, seen[i].high);
    cr_assert_eq(seen[i].count, want.count, "%zu", i);
}

Test(bucket, both_sides_and_zero_ascend)
{
    static const struct tsdb_bucket_span positive[] = {{0, 2}, {1, 1}}, negative[] = {{0, 2}};
    static const double up[] = {1, 0, 3}, down[] = {4, 5};
    struct tsdb_histogram h = {.schema = 0,
                               .zero_threshold = 0.001,
                               .zero_count = 2,
                               .positive_spans = positive,
                               .positive_span_count = 2,
                               .positive = up,
                               .positive_count = 3,
                               .negative_spans = negative,
                               .negative_span_count = 1,
                               .negative = down,
                               .negative_count = 2};
    each(&h);
    cr_assert_eq(count, 5);
    assert_bucket(0, (struct bucket){BUCKET_OPEN_RIGHT, -2, -1, 5});
    assert_bucket(1, (struct bucket){BUCKET_OPEN_RIGHT, -1, -0.5, 4});
    assert_bucket(2, (struct bucket){BUCKET_CLOSED, -0.001, 0.001, 2});
    assert_bucket(3, (struct bucket){BUCKET_OPEN_LEFT, 0.5, 1, 1});
    assert_bucket(4, (struct bucket){BUCKET_OPEN_LEFT, 4, 8, 3});
}

Test(bucket, gaps_of_the_negative_side_are_walked_backwards)
{
    static const struct tsdb_bucket_span negative[] = {{-1, 1}, {2, 1}};
    static const double down[] = {1, 2};
    struct tsdb_histogram h = {.negative_spans = negative,
                               .negative_span_count = 2,
                               .negative = down,
                               .negative_count = 2};
    each(&h);
    cr_assert_eq(count, 2);
    assert_bucket(0, (struct bucket){BUCKET_OPEN_RIGHT, -4, -2, 2});
    assert_bucket(1, (struct bucket){BUCKET_OPEN_RIGHT, -0.5, -0.25, 1});
}

Test(bucket, bounds_are_the_nearest_doubles)
{
    static const double one[] = {1};
    struct tsdb_bucket_span span = {1, 1};
    struct tsdb_histogram h = {.schema = 3,
                               .positive_spans = &span,
                               .positive_span_count = 1,
                               .positive = one,
                               .positive_count = 1};
    each(&h);
    assert_bucket(0, (struct bucket){BUCKET_OPEN_LEFT, 1, 1.0905077326652577, 1});
    h.schema = 8;
    each(&h);
    assert_bucket(0, (struct bucket){BUCKET_OPEN_LEFT, 1, 1.0027112750502025, 1});
    h.schema = -4;
    each(&h);
    assert_bucket(0, (struct bucket){BUCKET_OPEN_LEFT, 1, 65536, 1});
    h.schema = 0;
    span.offset = 1024;
    each(&h);
    assert_bucket(0, (struct bucket){BUCKET_OPEN_LEFT, 0x1p1023, DBL_MAX, 1});
    span.offset = 1025;
    each(&h);
    assert_bucket(0, (struct bucket){BUCKET_OPEN_LEFT, DBL_MAX, HUGE_VAL, 1});
}

Test(bucket, custom_bounds_are_open_at_the_ends)
{
    static const struct tsdb_bucket_span span = {0, 3};
    static const double counts[] = {1, 2, 3}, custom[] = {5, 10};
    struct tsdb_histogram h = {.schema = TSDB_SCHEMA_CUSTOM,
                               .positive_spans = &span,
                               .positive_span_count = 1,
                               .positive = counts,
                               .positive_count = 3,
                               .custom = custom,
                               .custom_count = 2};
    each(&h);
    cr_assert_eq(count, 3);
    assert_bucket(0, (struct bucket){BUCKET_CLOSED, -HUGE_VAL, 5, 1});
    assert_bucket(1, (struct bucket){BUCKET_OPEN_LEFT, 5, 10, 2});
    assert_bucket(2, (struct bucket){BUCKET_OPEN_LEFT, 10, HUGE_VAL, 3});
}

Test(bucket, spans_beyond_the_counts_end)
{
    static const struct tsdb_bucket_span span = {0, UINT32_MAX};
    static const double one[] = {1};
    struct tsdb_histogram h = {.positive_spans = &span,
                               .positive_span_count = 1,
                               .positive = one,
                               .positive_count = 1,
                               .negative_spans = &span,
                               .negative_span_count = 1,
                               .negative = one,
                               .negative_count = 1};
    each(&h);
    cr_assert_eq(count, 1);
}
