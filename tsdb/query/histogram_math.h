/* histogram_math.h - adding, subtracting and comparing native histograms.
 *
 * A native histogram (struct tsdb_histogram) is immutable.  Arithmetic goes
 * through a histogram_sum: every bucket by its index, as a pair (eval_math.h),
 * so that sums over many series lose nothing.
 *
 *   exponential, schema n: bucket i holds (b^(i-1), b^i], b = 2^(2^-n), mirrored
 *   for negative values; |v| <= zero_threshold is the zero bucket.
 *   custom: bucket i holds (custom[i-1], custom[i]].
 *
 * Histograms of different resolution meet at the lower one: bucket i of schema n
 * lies in bucket ((i - 1) >> (n - m)) + 1 of schema m < n.  Zero buckets of
 * different width meet at the wider one, or at the end of the populated bucket
 * in which it ends.  Custom bounds that differ meet at those both have.
 * Exponential and custom buckets do not meet.
 *
 * Formulas and rules: Prometheus 3, model/histogram, and
 * https://prometheus.io/docs/specs/native_histograms/.
 * Memory: the arena given; nothing is freed singly.
 */
#ifndef TSDB_QUERY_HISTOGRAM_MATH_H
#define TSDB_QUERY_HISTOGRAM_MATH_H

#include "tsdb/base/arena.h"
#include "tsdb/base/writer.h"
#include "tsdb/query/eval_math.h"
#include "tsdb/tsdb.h"

struct bucket_tally {
    int32_t index;
    struct pair count;
};

/* Ascending by index. */
struct bucket_side {
    struct bucket_tally *at;
    uint32_t count, cap;
};

struct histogram_sum {
    struct arena *arena;   /* borrowed */
    struct arena *scratch; /* borrowed; histogram_sum_add may reset it */
    int32_t schema;
    uint8_t hint; /* enum tsdb_reset_hint */
    double zero_threshold;
    struct pair zero, count, sum;
    struct bucket_side positive, negative;
    const double *custom; /* borrowed from a summand, or in the arena */
    uint32_t custom_count;
    bool has_reset, has_no_reset; /* some summand's hint said so */
    bool is_reconciled;           /* custom bounds had to be reduced */
};

enum histogram_fault {
    HISTOGRAM_FINE,
    HISTOGRAM_INCOMPATIBLE, /* exponential and custom buckets */
    HISTOGRAM_FULL,         /* the arena is full */
};

static inline bool histogram_is_custom(const struct tsdb_histogram *h)
{
    return h->schema == TSDB_SCHEMA_CUSTOM;
}

/* Begins with a copy of h.  False: the arena is full. */
bool histogram_sum_init(struct histogram_sum *s, struct arena *arena, struct arena *scratch,
                        const struct tsdb_histogram *h);
/* Adds h, or subtracts it. */
enum histogram_fault histogram_sum_add(struct histogram_sum *s, const struct tsdb_histogram *h,
                                       bool is_negative);
/* To a coarser schema; exponential only. */
void histogram_sum_reduce(struct histogram_sum *s, int32_t schema);
void histogram_sum_multiply(struct histogram_sum *s, double factor);
/* By 0: counts become infinite or NaN and all buckets go, as in Prometheus. */
void histogram_sum_divide(struct histogram_sum *s, double by);
/* A count or a bucket has become infinite. */
bool histogram_sum_is_infinite(const struct histogram_sum *s);
/* h * factor, or h / by; NULL: the arena is full. */
const struct tsdb_histogram *histogram_multiplied(const struct tsdb_histogram *h, double factor,
                                                  struct arena *arena);
const struct tsdb_histogram *histogram_divided(const struct tsdb_histogram *h, double by,
                                               struct arena *arena);
/* The result, without empty buckets; NULL: the arena is full. */
const struct tsdb_histogram *histogram_sum_take(const struct histogram_sum *s);

/* A counter was reset between two samples.  Resets the scratch arena. */
bool histogram_is_reset(const struct tsdb_histogram *now, const struct tsdb_histogram *before,
                        struct arena *scratch);
/* Bit by bit the same buckets, counts and sum. */
bool histogram_has_same_buckets(const struct tsdb_histogram *a, const struct tsdb_histogram *b);

struct histogram_bucket {
    double lower, upper, count;
    int32_t index;    /* meaningless for the zero bucket */
    bool is_positive; /* as opposed to negative or zero */
    bool is_zero;
};

/* All buckets in ascending order, bounds cut at the zero bucket's; NULL: the
 * arena is full. */
struct histogram_bucket *histogram_buckets(const struct tsdb_histogram *h, struct arena *arena,
                                           uint32_t *count);
/* Upper bound of a positive bucket. */
double histogram_bound(const struct tsdb_histogram *h, int32_t index);

/* As Prometheus prints one: {count:3, sum:1.5, (1,2]:3}. */
void histogram_format(const struct tsdb_histogram *h, struct arena *scratch, struct writer *out);

#endif
