#include "tsdb/logql/range_quantile.h"

#include "tsdb/base/mem.h"

#include <math.h>
#include <string.h>

bool range_quantile_pays(const struct window *windows, uint32_t steps, uint32_t samples)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < steps; i++)
        all += windows[i].to - windows[i].from;
    return samples > 256 && all <= 8 * (uint64_t)samples;
}

/* NaN comes first, as in Prometheus. */
static bool is_before(double a, double b)
{
    return isnan(a) ? !isnan(b) : a < b;
}

static void swap(double *a, double *b)
{
    double t = *a;
    *a = *b;
    *b = t;
}

/* The k smallest come to the front, the next of them to place k. */
static void select_rank(double *v, uint32_t n, uint32_t k)
{
    uint32_t low = 0, high = n - 1;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (is_before(v[mid], v[low]))
            swap(&v[mid], &v[low]);
        if (is_before(v[high], v[low]))
            swap(&v[high], &v[low]);
        if (is_before(v[high], v[mid]))
            swap(&v[high], &v[mid]);
        double pivot = v[mid];
        uint32_t i = low, j = high;
        for (;;) {
            while (is_before(v[i], pivot))
                i++;
            while (is_before(pivot, v[j]))
                j--;
            if (i >= j)
                break;
            swap(&v[i++], &v[j--]);
        }
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
}

double range_quantile(double *values, uint32_t n, double q)
{
    if (isnan(q))
        return (double)NAN;
    if (q < 0)
        return -(double)INFINITY;
    if (q > 1)
        return (double)INFINITY;
    double rank = q * (double)(n - 1);
    uint32_t lower = (uint32_t)floor(rank);
    double weight = rank - floor(rank);
    select_rank(values, n, lower);
    double a = values[lower];
    if (lower + 1 >= n)
        return a;
    double b = values[lower + 1];
    for (uint32_t i = lower + 2; i < n; i++)
        if (is_before(values[i], b))
            b = values[i];
    return a * (1 - weight) + b * weight;
}

void range_quantiles(const struct samples *s, const struct window *windows, uint32_t steps,
                     double q, struct row *row)
{
    double *copy = MEM_ARRAY(double, s->count);
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t n = windows[i].to - windows[i].from;
        row->kinds[i] = n > 0 ? POINT_FLOAT : POINT_NONE;
        if (n == 0)
            continue;
        memcpy(copy, s->values + windows[i].from, n * sizeof *copy);
        row->values[i] = range_quantile(copy, n, q);
    }
    mem_free(copy);
}
