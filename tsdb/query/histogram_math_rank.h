/* histogram_math_rank.h - quantiles, fractions, spread and trimming of histograms.
 *
 * Native (struct tsdb_histogram): inside a bucket values are taken to be spread
 * evenly on a logarithmic scale (exponential schemas) or linearly (custom bounds
 * and the zero bucket).  A histogram without negative buckets has a zero bucket
 * that begins at 0, and the other way round.
 *
 * Classic: buckets (le, cumulative count), spread linearly; counts that fall
 * with rising le are raised, tiny differences (1e-12 relative) ignored.
 *
 * Rules and edge cases: Prometheus 3, promql/quantile.go and
 * https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
 */
#ifndef TSDB_QUERY_HISTOGRAM_MATH_RANK_H
#define TSDB_QUERY_HISTOGRAM_MATH_RANK_H

#include "tsdb/query/histogram_math.h"

/* What an answer has to be annotated with. */
enum rank_note { RANK_PLAIN, RANK_NAN_RESULT, RANK_NAN_SKEW };

/* False: the arena is full.  The arena is reset. */
bool histogram_quantile(double q, const struct tsdb_histogram *h, struct arena *scratch,
                        double *out, enum rank_note *note);
/* note: RANK_NAN_SKEW when NaN observations are left out of all fractions. */
bool histogram_fraction(double lower, double upper, const struct tsdb_histogram *h,
                        struct arena *scratch, double *out, enum rank_note *note);
bool histogram_variance(const struct tsdb_histogram *h, struct arena *scratch, double *out);

/* The observations below (is_upper) or above a value; NULL: the arena is full. */
const struct tsdb_histogram *histogram_trim(const struct tsdb_histogram *h, double at,
                                            bool is_upper, struct arena *arena);

struct classic_bucket {
    double le, count; /* cumulative */
};

struct classic_fix {
    bool is_forced; /* counts had to be raised */
    double bucket_min, bucket_max, diff_max;
};

/* n > 0; sorts and mends the buckets. */
double classic_quantile(double q, struct classic_bucket *buckets, uint32_t n,
                        struct classic_fix *fix);
double classic_fraction(double lower, double upper, struct classic_bucket *buckets, uint32_t n);

#endif
