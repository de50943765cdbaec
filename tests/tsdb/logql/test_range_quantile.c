#include "tsdb/logql/range_quantile.h"

#include "tsdb/base/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    if (isnan(x) || isnan(y))
        return isnan(y) - isnan(x);
    return (x > y) - (x < y);
}

/* What Prometheus' quantile is, by sorting. */
static double model(const double *values, uint32_t n, double q)
{
    double sorted[512];
    memcpy(sorted, values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_value);
    double rank = q * (double)(n - 1);
    uint32_t lower = (uint32_t)floor(rank), upper = lower + 1 < n ? lower + 1 : n - 1;
    double weight = rank - floor(rank);
    return lower == upper ? sorted[lower] : sorted[lower] * (1 - weight) + sorted[upper] * weight;
}

Test(range_quantile, equals_sorting)
{
    struct random random;
    random_init(&random, 20261124);
    for (int round = 0; round < 20000; round++) {
        double values[512], copy[512];
        uint32_t n = 1 + (uint32_t)random_below(&random, round % 10 ? 40 : 512);
        uint64_t spread = 1 + random_below(&random, 1000);
        for (uint32_t i = 0; i < n; i++)
            values[i] = (double)random_below(&random, spread);
        double q = (double)random_below(&random, 101) / 100;
        memcpy(copy, values, sizeof copy);
        double want = model(values, n, q), got = range_quantile(copy, n, q);
        cr_assert(want == got, "round %d: n %u q %g: want %g, got %g", round, n, q, want, got);
    }
}

Test(range_quantile, edges)
{
    double one[] = {5}, some[] = {3, (double)NAN, 1};
    cr_assert_eq(range_quantile(one, 1, 0.5), 5);
    cr_assert(isinf(range_quantile(one, 1, -0.1)) && range_quantile(one, 1, -0.1) < 0);
    cr_assert(isinf(range_quantile(one, 1, 1.1)) && range_quantile(one, 1, 1.1) > 0);
    cr_assert(isnan(range_quantile(one, 1, (double)NAN)));
    cr_assert(isnan(range_quantile(some, 3, 0)));
    cr_assert_eq(range_quantile(some, 3, 1), 3);
}

Test(range_quantile, pays_where_windows_hardly_overlap)
{
    struct window apart[] = {{0, 500}, {500, 1000}}, whole[20];
    for (int i = 0; i < 20; i++)
        whole[i] = (struct window){0, 1000};
    cr_assert(range_quantile_pays(apart, 2, 1000));
    cr_assert_not(range_quantile_pays(whole, 20, 1000));
    cr_assert_not(range_quantile_pays(apart, 2, 100));
}
