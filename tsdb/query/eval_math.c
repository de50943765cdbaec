#include "tsdb/query/eval_math.h"

#include <stdlib.h>

double pair_variance(struct pair sum, struct pair squares, double n)
{
    if (!isfinite(sum.high) || !isfinite(squares.high))
        return (double)NAN;
    /* mean * sum in pairs: (high + low)^2 / n, then the difference to squares. */
    struct pair total = pair_add((struct pair){sum.high, 0}, sum.low);
    double square = total.high * total.high;
    double rest = fma(total.high, total.high, -square) + 2 * total.high * total.low;
    double quotient = square / n;
    double remainder = (fma(-quotient, n, square) + rest) / n;
    if (!isfinite(square))
        return (double)NAN;
    struct pair difference = pair_add((struct pair){squares.high, squares.low}, -quotient);
    double m2 = difference.high + (difference.low - remainder);
    return m2 > 0 ? m2 / n : 0;
}

double mean_incremental(const double *values, uint32_t n)
{
    struct pair sum = {values[0], 0}, mean = {0, 0};
    bool is_incremental = false;
    for (uint32_t i = 1; i < n; i++) {
        double count = i + 1;
        if (!is_incremental) {
            struct pair wider = pair_add(sum, values[i]);
            if (!isinf(wider.high)) {
                sum = wider;
                continue;
            }
            is_incremental = true;
            mean = (struct pair){sum.high / (count - 1), sum.low / (count - 1)};
        }
        double q = (count - 1) / count;
        mean = pair_add((struct pair){q * mean.high, q * mean.low}, values[i] / count);
    }
    if (is_incremental)
        return pair_value(mean);
    return sum.high / n + (isfinite(sum.high) ? sum.low / n : 0);
}

static int compare_doubles(const void *a, const void *b)
{
    double x, y;
    __builtin_memcpy(&x, a, sizeof x);
    __builtin_memcpy(&y, b, sizeof y);
    if (isnan(x) || isnan(y))
        return !!isnan(y) - !!isnan(x);
    return (x > y) - (x < y);
}

void doubles_sort(double *values, uint32_t n)
{
    /* Small windows are the rule; insertion beats the calls of qsort there. */
    if (n > 24) {
        qsort(values, n, sizeof *values, compare_doubles);
        return;
    }
    for (uint32_t i = 1; i < n; i++) {
        double v = values[i];
        uint32_t at = i;
        while (at > 0 && compare_doubles(&values[at - 1], &v) > 0) {
            values[at] = values[at - 1];
            at--;
        }
        values[at] = v;
    }
}

uint32_t doubles_find(const double *values, uint32_t n, double v)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_doubles(&values[middle], &v) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

double quantile_of(double q, double *values, uint32_t n)
{
    doubles_sort(values, n);
    return quantile_of_sorted(q, values, n);
}

double quantile_of_sorted(double q, const double *values, uint32_t n)
{
    if (n == 0 || isnan(q))
        return (double)NAN;
    if (q < 0)
        return -HUGE_VAL;
    if (q > 1)
        return HUGE_VAL;
    double rank = q * (n - 1);
    double lower = floor(rank);
    double weight = rank - lower;
    uint32_t at = (uint32_t)lower;
    uint32_t above = at + 1 < n ? at + 1 : n - 1;
    return values[at] * (1 - weight) + values[above] * weight;
}
