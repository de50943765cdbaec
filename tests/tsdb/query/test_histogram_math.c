#include "random_query.h"

#include <criterion/criterion.h>

#include "tsdb/base/text.h"
#include "tsdb/query/histogram_math.h"

#include <float.h>

static struct arena arena = {.limit = SIZE_MAX}, scratch = {.limit = SIZE_MAX};

/* An exponential histogram: positive buckets from index `first` on. */
static struct tsdb_histogram *simple(int32_t schema, int32_t first, const double *counts,
                                     uint32_t n)
{
    struct tsdb_histogram *h = ARENA_ARRAY(&arena, struct tsdb_histogram, 1);
    struct tsdb_bucket_span *span = ARENA_ARRAY(&arena, struct tsdb_bucket_span, 1);
    double *kept = ARENA_ARRAY(&arena, double, n);
    memcpy(kept, counts, n * sizeof *kept);
    *span = (struct tsdb_bucket_span){first, n};
    *h = (struct tsdb_histogram){.schema = schema,
                                 .positive_span_count = 1,
                                 .positive_spans = span,
                                 .positive_count = n,
                                 .positive = kept};
    for (uint32_t i = 0; i < n; i++)
        h->count += counts[i];
    h->sum = h->count;
    return h;
}

static const struct tsdb_histogram *added(const struct tsdb_histogram *a,
                                          const struct tsdb_histogram *b, bool is_negative)
{
    struct histogram_sum s;
    cr_assert(histogram_sum_init(&s, &arena, &scratch, a));
    cr_assert_eq(histogram_sum_add(&s, b, is_negative), HISTOGRAM_FINE);
    const struct tsdb_histogram *sum = histogram_sum_take(&s);
    cr_assert_not_null(sum);
    return sum;
}

static double bucket_total(const struct tsdb_histogram *h)
{
    uint32_t n;
    const struct histogram_bucket *all = histogram_buckets(h, &arena, &n);
    double total = 0;
    for (uint32_t i = 0; i < n; i++) {
        total += all[i].count;
        cr_assert_leq(all[i].lower, all[i].upper);
        cr_assert(i == 0 || all[i - 1].upper <= all[i].lower, "bucket %u overlaps", i);
    }
    return total;
}

Test(histogram_math, buckets_end_where_the_schema_says)
{
    struct tsdb_histogram h = {.schema = 0};
    cr_assert_eq(histogram_bound(&h, 0), 1);
    cr_assert_eq(histogram_bound(&h, 3), 8);
    cr_assert_eq(histogram_bound(&h, -2), 0.25);
    cr_assert_eq(histogram_bound(&h, 1024), DBL_MAX);
    cr_assert(isinf(histogram_bound(&h, 1025)));
    h.schema = -2;
    cr_assert_eq(histogram_bound(&h, 1), 16);
    cr_assert_eq(histogram_bound(&h, 256), DBL_MAX);
    cr_assert_eq(histogram_bound(&h, -100000), 0);
    h.schema = 2;
    cr_assert_float_eq(histogram_bound(&h, 1), pow(2, 0.25), 1e-15);
    cr_assert_eq(histogram_bound(&h, 4), 2);
    cr_assert_float_eq(histogram_bound(&h, -1), pow(2, -0.25), 1e-15);
    cr_assert_eq(histogram_bound(&h, 4096), DBL_MAX);
    const double custom[] = {-1, 5};
    h = (struct tsdb_histogram){.schema = TSDB_SCHEMA_CUSTOM, .custom = custom, .custom_count = 2};
    cr_assert_eq(histogram_bound(&h, 0), -1);
    cr_assert_eq(histogram_bound(&h, 1), 5);
    cr_assert_eq(histogram_bound(&h, 2), HUGE_VAL);
    cr_assert_eq(histogram_bound(&h, -1), -HUGE_VAL);
}

Test(histogram_math, schemas_meet_at_the_coarser_one)
{
    /* Schema 1: (1, 1.41] (1.41, 2] (2, 2.83] (2.83, 4] are indices 1 to 4. */
    const double fine[] = {1, 2, 3, 4}, coarse[] = {10, 20};
    const struct tsdb_histogram *sum = added(simple(1, 1, fine, 4), simple(0, 1, coarse, 2), false);
    cr_assert_eq(sum->schema, 0);
    cr_assert_eq(sum->positive_count, 2);
    cr_assert_eq(sum->positive[0], 13);
    cr_assert_eq(sum->positive[1], 27);
    cr_assert_eq(sum->count, 40);
    sum = added(simple(0, 1, coarse, 2), simple(1, 1, fine, 4), false);
    cr_assert_eq(sum->positive[0], 13);
    cr_assert_eq(sum->positive[1], 27);
}

Test(histogram_math, subtracting_empties_buckets_away)
{
    const double a[] = {1, 2, 3}, b[] = {1, 1, 3};
    const struct tsdb_histogram *rest = added(simple(0, -1, a, 3), simple(0, -1, b, 3), true);
    cr_assert_eq(rest->positive_span_count, 1);
    cr_assert_eq(rest->positive_spans[0].offset, 0);
    cr_assert_eq(rest->positive_count, 1);
    cr_assert_eq(rest->positive[0], 1);
    cr_assert_eq(rest->count, 1);
}

/* A zero bucket that ends inside a populated bucket takes that bucket whole. */
Test(histogram_math, zero_buckets_meet_at_the_wider_one)
{
    const double a[] = {5, 7}, b[] = {1};
    struct tsdb_histogram *wide = simple(0, 3, b, 1), *narrow = simple(0, 0, a, 2);
    wide->zero_threshold = 0.75; /* inside (0.5, 1] */
    wide->zero_count = 2;
    narrow->zero_threshold = 0.001;
    narrow->zero_count = 1;
    const struct tsdb_histogram *sum = added(wide, narrow, false);
    cr_assert_eq(sum->zero_threshold, 1);
    cr_assert_eq(sum->zero_count, 2 + 1 + 5);
    cr_assert_eq(sum->positive_count, 2);
    cr_assert_eq(sum->positive[0], 7);
    sum = added(narrow, wide, false);
    cr_assert_eq(sum->zero_threshold, 1);
    cr_assert_eq(sum->zero_count, 8);
}

Test(histogram_math, custom_bounds_meet_at_those_both_have)
{
    const double one[] = {1, 2, 4}, two[] = {2, 4, 8}, counts[] = {1, 2, 3, 4};
    struct tsdb_histogram *a = simple(TSDB_SCHEMA_CUSTOM, 0, counts, 4);
    struct tsdb_histogram *b = simple(TSDB_SCHEMA_CUSTOM, 0, counts, 4);
    a->custom = one;
    b->custom = two;
    a->custom_count = b->custom_count = 3;
    struct histogram_sum s;
    cr_assert(histogram_sum_init(&s, &arena, &scratch, a));
    cr_assert_eq(histogram_sum_add(&s, b, false), HISTOGRAM_FINE);
    cr_assert(s.is_reconciled);
    const struct tsdb_histogram *sum = histogram_sum_take(&s);
    cr_assert_eq(sum->custom_count, 2);
    cr_assert_eq(sum->custom[1], 4);
    /* up to 2: 1 + 2 and 1; up to 4: 3 and 2; beyond: 4 and 3 + 4 */
    cr_assert_eq(sum->positive[0], 4);
    cr_assert_eq(sum->positive[1], 5);
    cr_assert_eq(sum->positive[2], 11);
}

Test(histogram_math, exponential_and_custom_do_not_meet)
{
    const double counts[] = {1}, bounds[] = {1};
    struct tsdb_histogram *custom = simple(TSDB_SCHEMA_CUSTOM, 0, counts, 1);
    custom->custom = bounds;
    custom->custom_count = 1;
    struct histogram_sum s;
    cr_assert(histogram_sum_init(&s, &arena, &scratch, simple(0, 1, counts, 1)));
    cr_assert_eq(histogram_sum_add(&s, custom, false), HISTOGRAM_INCOMPATIBLE);
    cr_assert(histogram_is_reset(custom, simple(0, 1, counts, 1), &scratch));
}

struct hint_case {
    uint8_t a, b, sum;
};

Test(histogram_math, hints_of_a_sum)
{
    static const struct hint_case cases[] = {
        {TSDB_RESET_UNKNOWN, TSDB_RESET_NO, TSDB_RESET_UNKNOWN},
        {TSDB_RESET_NO, TSDB_RESET_UNKNOWN, TSDB_RESET_UNKNOWN},
        {TSDB_RESET_NO, TSDB_RESET_NO, TSDB_RESET_NO},
        {TSDB_RESET_YES, TSDB_RESET_YES, TSDB_RESET_YES},
        {TSDB_RESET_YES, TSDB_RESET_NO, TSDB_RESET_UNKNOWN},
        {TSDB_RESET_GAUGE, TSDB_RESET_YES, TSDB_RESET_GAUGE},
        {TSDB_RESET_NO, TSDB_RESET_GAUGE, TSDB_RESET_GAUGE},
    };
    const double counts[] = {1};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tsdb_histogram *a = simple(0, 1, counts, 1), *b = simple(0, 1, counts, 1);
        a->hint = cases[i].a;
        b->hint = cases[i].b;
        cr_assert_eq(added(a, b, false)->hint, cases[i].sum, "case %zu", i);
    }
}

Test(histogram_math, a_reset_shows_in_any_part)
{
    const double before[] = {1, 2, 3}, more[] = {1, 5, 3}, less[] = {5, 1, 3},
                 moved[] = {1, 2, 0, 9};
    struct tsdb_histogram *was = simple(0, 1, before, 3);
    cr_assert_not(histogram_is_reset(simple(0, 1, more, 3), was, &scratch));
    cr_assert(histogram_is_reset(simple(0, 1, less, 3), was, &scratch));
    cr_assert(histogram_is_reset(simple(0, 1, moved, 4), was, &scratch));
    cr_assert(histogram_is_reset(simple(1, 1, more, 3), was, &scratch), "a finer schema");
    const double merged[] = {3, 3, 1}; /* the first two buckets are one there */
    cr_assert_not(histogram_is_reset(simple(-1, 1, merged, 3), was, &scratch), "a coarser one");
    struct tsdb_histogram *now = simple(0, 1, more, 3);
    now->hint = TSDB_RESET_YES;
    cr_assert(histogram_is_reset(now, was, &scratch));
    now = simple(0, 1, less, 3);
    now->hint = TSDB_RESET_NO;
    cr_assert_not(histogram_is_reset(now, was, &scratch));
    now = simple(0, 1, more, 3);
    now->zero_threshold = 1; /* a wider zero bucket, at the end of an empty one */
    now->count += 1;
    cr_assert_not(histogram_is_reset(now, was, &scratch));
    was->zero_threshold = 2;
    cr_assert(histogram_is_reset(now, was, &scratch), "a narrower one");
}

Test(histogram_math, equal_means_the_same_buckets)
{
    const double counts[] = {1, 2};
    struct tsdb_histogram *a = simple(0, 1, counts, 2), *b = simple(0, 1, counts, 2);
    struct tsdb_bucket_span *cut = ARENA_ARRAY(&arena, struct tsdb_bucket_span, 2);
    cut[0] = (struct tsdb_bucket_span){1, 1};
    cut[1] = (struct tsdb_bucket_span){0, 1};
    b->positive_spans = cut;
    b->positive_span_count = 2;
    cr_assert(histogram_has_same_buckets(a, b));
    cut[1].offset = 1;
    cr_assert_not(histogram_has_same_buckets(a, b));
    cr_assert_not(histogram_has_same_buckets(a, simple(0, 2, counts, 2)));
}

Test(histogram_math, dividing_by_nothing_leaves_no_buckets)
{
    const double counts[] = {1, 2};
    const struct tsdb_histogram *h = histogram_divided(simple(0, 1, counts, 2), 0, &arena);
    cr_assert(isinf(h->count));
    cr_assert_eq(h->positive_count, 0);
    h = histogram_multiplied(simple(0, 1, counts, 2), -2, &arena);
    cr_assert_eq(h->positive[1], -4);
    cr_assert_eq(h->hint, TSDB_RESET_GAUGE);
}

Test(histogram_math, is_written_as_prometheus_does)
{
    const double counts[] = {1, 0, 2};
    struct tsdb_histogram *h = simple(0, 0, counts, 3);
    h->zero_count = 4;
    h->zero_threshold = 0.001;
    h->sum = 1.5;
    struct writer w = {0};
    histogram_format(h, &scratch, &w);
    writer_u8(&w, 0);
    cr_assert_str_eq((const char *)w.at,
                     "{count:3, sum:1.5, [-0.001,0.001]:4, (0.5,1]:1, (2,4]:2}");
    writer_release(&w);
}

/* Goal: sums do not depend on order and lose no observation.
 * Method: random histograms of one schema, added up forwards and backwards; then
 * all but the first taken away again.  (Of several schemas, order decides whether
 * a zero bucket grows by fine or by coarse buckets.) */
Test(histogram_math, sums_do_not_depend_on_order)
{
    struct random r;
    random_init(&r, 77);
    for (uint32_t round = 0; round < 3000; round++) {
        bool is_custom = random_below(&r, 2);
        const struct tsdb_histogram *all[5];
        double total = 0;
        for (size_t i = 0; i < 5; i++) {
            do
                all[i] = random_histogram(&arena, &r, is_custom);
            while (all[i]->schema != all[0]->schema);
            total += bucket_total(all[i]);
        }
        struct histogram_sum a, b;
        cr_assert(histogram_sum_init(&a, &arena, &scratch, all[0]));
        cr_assert(histogram_sum_init(&b, &arena, &scratch, all[4]));
        for (size_t i = 1; i < 5; i++) {
            cr_assert_eq(histogram_sum_add(&a, all[i], false), HISTOGRAM_FINE);
            cr_assert_eq(histogram_sum_add(&b, all[4 - i], false), HISTOGRAM_FINE);
        }
        const struct tsdb_histogram *x = histogram_sum_take(&a), *y = histogram_sum_take(&b);
        cr_assert_eq(bucket_total(x), total);
        cr_assert_eq(x->schema, y->schema);
        cr_assert_eq(x->zero_threshold, y->zero_threshold);
        cr_assert_eq(x->positive_count, y->positive_count);
        for (uint32_t i = 0; i < x->positive_count; i++)
            cr_assert_eq(x->positive[i], y->positive[i]);
        for (size_t i = 1; i < 5; i++)
            cr_assert_eq(histogram_sum_add(&a, all[i], true), HISTOGRAM_FINE);
        cr_assert_eq(bucket_total(histogram_sum_take(&a)), bucket_total(all[0]));
        arena_reset(&arena);
    }
}
