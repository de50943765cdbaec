/* eval_math.h - sums that do not lose small terms, and quantiles.
 *
 * A pair is a sum and what rounding took from it (Neumaier's summation; Knuth's
 * two-sum, which needs no branch).  Its value is high + low; an infinite or NaN
 * sum stands for itself, whatever low says.  Adding pairs is as exact as adding
 * terms, so partial sums may be joined in any order: the error stays near
 * 2^-105 of the sum of magnitudes.
 */
#ifndef TSDB_QUERY_EVAL_MATH_H
#define TSDB_QUERY_EVAL_MATH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* What tells -0 from 0 and one NaN from another. */
static inline uint64_t bits_of(double v)
{
    uint64_t bits;
    __builtin_memcpy(&bits, &v, sizeof bits);
    return bits;
}

struct pair {
    double high, low;
};

static inline struct pair pair_add(struct pair p, double v)
{
    double sum = p.high + v;
    double part = sum - p.high;
    p.low += (p.high - (sum - part)) + (v - part);
    p.high = sum;
    return p;
}

static inline struct pair pair_join(struct pair a, struct pair b)
{
    a = pair_add(a, b.high);
    a.low += b.low;
    return a;
}

/* Adds v * v without rounding the product. */
static inline struct pair pair_add_square(struct pair p, double v)
{
    double product = v * v;
    p = pair_add(p, product);
    p.low += fma(v, v, -product);
    return p;
}

static inline double pair_value(struct pair p)
{
    return isfinite(p.high) ? p.high + p.low : p.high;
}

/* Variance of n values with this sum and this sum of squares, at least 0; NaN
 * when either overflowed. */
double pair_variance(struct pair sum, struct pair squares, double n);

/* The mean of values whose sum overflows, as Prometheus goes on from there. */
double mean_incremental(const double *values, uint32_t n);

/* Ascending, NaN first. */
void doubles_sort(double *values, uint32_t n);
/* Linear between the two nearest ranks; -Inf below q = 0, +Inf above 1, NaN for
 * n = 0 or q = NaN.  Sorts the values. */
double quantile_of(double q, double *values, uint32_t n);
double quantile_of_sorted(double q, const double *values, uint32_t n);
/* Where v is among sorted values, or would be: the first that is not before it. */
uint32_t doubles_find(const double *values, uint32_t n, double v);

#endif
