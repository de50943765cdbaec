#include "random_query.h"

#include <criterion/criterion.h>

#include "tsdb/query/histogram_math_rank.h"

static struct arena arena = {.limit = SIZE_MAX}, scratch = {.limit = SIZE_MAX};

static struct tsdb_histogram make(int32_t schema, const double *counts, uint32_t n)
{
    static struct tsdb_bucket_span span;
    span = (struct tsdb_bucket_span){schema == TSDB_SCHEMA_CUSTOM ? 0 : 1, n};
    struct tsdb_histogram h = {.schema = schema,
                               .positive_span_count = 1,
                               .positive_spans = &span,
                               .positive_count = n,
                               .positive = counts};
    for (uint32_t i = 0; i < n; i++)
        h.count += counts[i];
    return h;
}

static double quantile(double q, const struct tsdb_histogram *h)
{
    double v;
    enum rank_note note;
    cr_assert(histogram_quantile(q, h, &scratch, &v, &note));
    return v;
}

static double fraction(double lower, double upper, const struct tsdb_histogram *h)
{
    double v;
    enum rank_note note;
    cr_assert(histogram_fraction(lower, upper, h, &scratch, &v, &note));
    return v;
}

Test(histogram_math_rank, quantiles_of_exponential_buckets)
{
    const double counts[] = {1, 2, 1}; /* (1,2] (2,4] (4,8] */
    struct tsdb_histogram h = make(0, counts, 3);
    cr_assert_float_eq(quantile(0.5, &h), 2 * sqrt(2), 1e-12);
    cr_assert_float_eq(quantile(0.25, &h), 2, 1e-12);
    cr_assert_float_eq(quantile(0, &h), 1, 1e-12);
    cr_assert_float_eq(quantile(1, &h), 8, 1e-12);
    cr_assert_eq(quantile(-0.1, &h), -HUGE_VAL);
    cr_assert_eq(quantile(1.1, &h), HUGE_VAL);
    cr_assert(isnan(quantile((double)NAN, &h)));
    h.zero_count = 4;
    h.zero_threshold = 0.5;
    h.count = 8;
    cr_assert_float_eq(quantile(0.25, &h), 0.25, 1e-12, "nothing is below 0");
    struct tsdb_histogram none = {.schema = 0};
    cr_assert(isnan(quantile(0.5, &none)));
}

Test(histogram_math_rank, quantiles_of_custom_buckets)
{
    const double counts[] = {2, 2, 2}, bounds[] = {1, 3};
    struct tsdb_histogram h = make(TSDB_SCHEMA_CUSTOM, counts, 3);
    h.custom = bounds;
    h.custom_count = 2;
    cr_assert_float_eq(quantile(1.0 / 6, &h), 0.5, 1e-12, "the first bucket begins at 0");
    cr_assert_float_eq(quantile(0.5, &h), 2, 1e-12);
    cr_assert_eq(quantile(0.9, &h), 3, "the last one has no end");
    const double below[] = {-2, 3};
    h.custom = below;
    cr_assert_eq(quantile(0.1, &h), -2);
}

Test(histogram_math_rank, nan_observations_are_noted)
{
    const double counts[] = {2, 2};
    struct tsdb_histogram h = make(0, counts, 2);
    h.sum = (double)NAN;
    h.count = 5; /* one of them was NaN */
    double v;
    enum rank_note note;
    cr_assert(histogram_quantile(0.5, &h, &scratch, &v, &note));
    cr_assert_eq(note, RANK_NAN_SKEW);
    cr_assert(histogram_quantile(0.9, &h, &scratch, &v, &note));
    cr_assert_eq(note, RANK_NAN_RESULT);
    cr_assert(isnan(v));
    cr_assert(histogram_fraction(-HUGE_VAL, HUGE_VAL, &h, &scratch, &v, &note));
    cr_assert_eq(note, RANK_NAN_SKEW);
    cr_assert_float_eq(v, 0.8, 1e-12);
}

/* The fraction below a quantile is the quantile. */
Test(histogram_math_rank, fraction_undoes_quantile)
{
    struct random r;
    random_init(&r, 3);
    uint32_t compared = 0;
    for (uint32_t round = 0; round < 4000; round++) {
        const struct tsdb_histogram *h = random_histogram(&arena, &r, round % 2);
        double q = random_unit(&r), before = -HUGE_VAL;
        if (!(h->count > 0) || isnan(h->sum))
            continue;
        for (double p = 0; p <= 1; p += 0.125) {
            double v = quantile(p, h);
            cr_assert_geq(v, before - 1e-9);
            before = v;
        }
        double at = quantile(q, h);
        uint32_t n;
        const struct histogram_bucket *all = histogram_buckets(h, &arena, &n);
        bool is_inside = false; /* not in a bucket that has no end, nor in a gap */
        for (uint32_t i = 0; i < n; i++)
            is_inside = is_inside || (all[i].count > 0 && at > all[i].lower && at < all[i].upper &&
                                      !isinf(all[i].lower) && !isinf(all[i].upper));
        if (!is_inside)
            continue;
        cr_assert_float_eq(fraction(-HUGE_VAL, at, h), q, 1e-9);
        compared++;
        arena_reset(&arena);
    }
    cr_assert_gt(compared, 2000);
}

Test(histogram_math_rank, spread)
{
    const double counts[] = {1, 0, 1}; /* about sqrt(2) and sqrt(32) */
    struct tsdb_histogram h = make(0, counts, 3);
    h.sum = sqrt(2) + sqrt(32);
    double v;
    cr_assert(histogram_variance(&h, &scratch, &v));
    cr_assert_float_eq(v, 4.5, 1e-12);
}

Test(histogram_math_rank, trimming_splits_what_there_is)
{
    struct random r;
    random_init(&r, 9);
    for (uint32_t round = 0; round < 2000; round++) {
        const struct tsdb_histogram *h = random_histogram(&arena, &r, false);
        double at = (random_unit(&r) - 0.5) * 20;
        const struct tsdb_histogram *below = histogram_trim(h, at, true, &arena);
        const struct tsdb_histogram *above = histogram_trim(h, at, false, &arena);
        cr_assert_float_eq(below->count + above->count, h->count, 1e-9);
        cr_assert_geq(below->count, 0);
        uint32_t n;
        const struct histogram_bucket *all = histogram_buckets(above, &arena, &n);
        for (uint32_t i = 0; i < n; i++)
            cr_assert(all[i].upper > at || all[i].is_zero);
        arena_reset(&arena);
    }
    const double counts[] = {2, 4};
    struct tsdb_histogram h = make(0, counts, 2); /* (1,2] (2,4] */
    const struct tsdb_histogram *t = histogram_trim(&h, 2, true, &arena);
    cr_assert_eq(t->count, 2);
    cr_assert_float_eq(t->sum, 2 * sqrt(2), 1e-12);
    cr_assert_eq(t->positive_count, 1);
}

struct classic_case {
    double q, want;
};

Test(histogram_math_rank, classic_quantiles)
{
    static const struct classic_case cases[] = {
        {0, 0},   {0.25, 0.5}, {0.5, 0.75},     {0.75, 1},
        {0.9, 1}, {1, 1},      {-1, -HUGE_VAL}, {2, HUGE_VAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* out of order, and one bound twice */
        struct classic_bucket b[] = {{HUGE_VAL, 8}, {1, 4}, {0.5, 2}, {1, 2}};
        struct classic_fix fix;
        cr_assert_eq(classic_quantile(cases[i].q, b, 4, &fix), cases[i].want, "q %g", cases[i].q);
        cr_assert_not(fix.is_forced);
    }
    struct classic_bucket open[] = {{1, 5}, {2, 7}};
    struct classic_fix fix;
    cr_assert(isnan(classic_quantile(0.5, open, 2, &fix)));
    struct classic_bucket negative[] = {{-1, 5}, {HUGE_VAL, 7}};
    cr_assert_eq(classic_quantile(0.1, negative, 2, &fix), -1);
    struct classic_bucket empty[] = {{1, 0}, {HUGE_VAL, 0}};
    cr_assert(isnan(classic_quantile(0.5, empty, 2, &fix)));
    struct classic_bucket single[] = {{HUGE_VAL, 3}};
    cr_assert(isnan(classic_quantile(0.5, single, 1, &fix)));
}

Test(histogram_math_rank, falling_counts_are_raised)
{
    struct classic_bucket b[] = {{1, 5}, {2, 3}, {4, 6}, {8, 6 * (1 - 1e-14)}, {HUGE_VAL, 10}};
    struct classic_fix fix;
    double v = classic_quantile(0.55, b, 5, &fix);
    cr_assert(fix.is_forced);
    cr_assert_eq(fix.bucket_min, 2);
    cr_assert_eq(fix.bucket_max, 2);
    cr_assert_eq(fix.diff_max, 2);
    cr_assert_float_eq(v, 3, 1e-12, "halfway from 2 to 4");
}

Test(histogram_math_rank, classic_fractions)
{
    struct classic_bucket b[] = {{0.5, 2}, {1, 6}, {HUGE_VAL, 8}};
    cr_assert_float_eq(classic_fraction(0.5, 1, b, 3), 0.5, 1e-12);
    cr_assert_float_eq(classic_fraction(-HUGE_VAL, 0.25, b, 3), 0.125, 1e-12);
    cr_assert_float_eq(classic_fraction(0.75, HUGE_VAL, b, 3), 0.5, 1e-12);
    cr_assert_eq(classic_fraction(1, 1, b, 3), 0);
    cr_assert(isnan(classic_fraction((double)NAN, 1, b, 3)));
}
