#include "tsdb/query/eval_math.h"

#include "tsdb/base/random.h"

#include <criterion/criterion.h>

static double sum_of(const double *values, uint32_t n)
{
    struct pair p = {0, 0};
    for (uint32_t i = 0; i < n; i++)
        p = pair_add(p, values[i]);
    return pair_value(p);
}

Test(eval_math, small_terms_survive_great_ones)
{
    const double a[] = {1, 1e100, 1, -1e100},
                 b[] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1};
    cr_assert_eq(sum_of(a, 4), 2);
    cr_assert_eq(sum_of(b, 10), 1);
    const double infinite[] = {1, HUGE_VAL, 5}, both[] = {HUGE_VAL, -HUGE_VAL};
    cr_assert_eq(sum_of(infinite, 3), HUGE_VAL);
    cr_assert(isnan(sum_of(both, 2)));
}

Test(eval_math, joining_is_adding)
{
    struct random r;
    random_init(&r, 1);
    for (int round = 0; round < 1000; round++) {
        struct pair whole = {0, 0}, halves[2] = {{0, 0}, {0, 0}};
        for (int i = 0; i < 40; i++) {
            double v = (random_unit(&r) - 0.5) * pow(10, (double)random_below(&r, 20));
            whole = pair_add(whole, v);
            halves[i % 2] = pair_add(halves[i % 2], v);
        }
        cr_assert_float_eq(pair_value(pair_join(halves[0], halves[1])), pair_value(whole),
                           fabs(pair_value(whole)) * 1e-15);
    }
}

Test(eval_math, variance_far_from_zero)
{
    struct pair sum = {0, 0}, squares = {0, 0};
    for (int i = 0; i < 5; i++) {
        double v = 1e9 + i;
        sum = pair_add(sum, v);
        squares = pair_add_square(squares, v);
    }
    cr_assert_float_eq(pair_variance(sum, squares, 5), 2, 1e-12);
    cr_assert(isnan(pair_variance((struct pair){HUGE_VAL, 0}, squares, 5)));
}

Test(eval_math, quantiles_lie_between_ranks)
{
    double values[] = {3, 1, 2, 4};
    cr_assert_eq(quantile_of(0.5, values, 4), 2.5);
    cr_assert_eq(quantile_of(0, values, 4), 1);
    cr_assert_eq(quantile_of(1, values, 4), 4);
    cr_assert_eq(quantile_of(-1, values, 4), -HUGE_VAL);
    cr_assert_eq(quantile_of(2, values, 4), HUGE_VAL);
    cr_assert(isnan(quantile_of(0.5, values, 0)));
    cr_assert(isnan(quantile_of((double)NAN, values, 4)));
}

Test(eval_math, sorts_nan_to_the_front)
{
    struct random r;
    random_init(&r, 2);
    double values[100];
    for (uint32_t n = 0; n <= 100; n += 10) {
        for (uint32_t i = 0; i < n; i++)
            values[i] = i % 7 == 3 ? (double)NAN : random_unit(&r);
        doubles_sort(values, n);
        for (uint32_t i = 1; i < n; i++) {
            cr_assert(isnan(values[i - 1]) || values[i - 1] <= values[i]);
            cr_assert_leq(doubles_find(values, n, values[i]), i);
        }
        cr_assert_eq(doubles_find(values, n, HUGE_VAL), n);
    }
}

Test(eval_math, a_mean_without_the_sum)
{
    const double great[] = {1.7e308, 1.7e308, -1.7e308}, plain[] = {1, 2, 4.5};
    cr_assert_float_eq(mean_incremental(great, 3), 1.7e308 / 3, 1e293);
    cr_assert_float_eq(mean_incremental(plain, 3), 2.5, 1e-15);
}
