/* window.h - range functions over the float samples of one series.
 *
 * A job is one series, the window of every step as indices into it, and where
 * the results go.  Windows only move forward, so most functions cost O(1) a step:
 *
 *   count, first, last, present, delta, irate     by index
 *   changes, resets, rate, increase               differences of running counts;
 *                                                 the resets inside a window are
 *                                                 added up, in order
 *   sum, avg, stddev, stdvar                      two stacks, below
 *   min, max and their times                      monotonic queue
 *   quantile                                      sorted values, kept sorted
 *   deriv, predict_linear, mad,                   each window by itself
 *   double_exponential_smoothing
 *
 * Two stacks: a window is cut at `mid`; what lies before has its sums from each
 * index to mid ready, what lies behind is one running sum.  Nothing is ever
 * subtracted, so no precision is lost and an Inf leaves no trace behind.
 *
 *        from          mid         to
 *   ------[=============|===========)------
 *          sums to mid    running sum
 *
 * Results and their edge cases are those of Prometheus 3
 * (https://prometheus.io/docs/prometheus/latest/querying/functions/).
 * Pure: reads the job, writes out, kinds and scratch.
 */
#ifndef TSDB_QUERY_WINDOW_H
#define TSDB_QUERY_WINDOW_H

#include "tsdb/query/functions.h"
#include "tsdb/query/select_op.h"

enum { WINDOW_SCRATCH_DOUBLES = 4, WINDOW_SCRATCH_INDICES = 2 };

struct window_job {
    const int64_t *ts;
    const double *values;
    uint32_t count; /* samples */
    uint32_t steps;
    const struct window *windows; /* one a step */
    const int64_t *ends;          /* of the windows, one a step */
    int64_t range;
    struct grid grid;            /* predict_linear looks from the step's time */
    const double *parameters[2]; /* scalar arguments, one value a step */
    double *scratch;             /* WINDOW_SCRATCH_DOUBLES * count */
    uint32_t *indices;           /* WINDOW_SCRATCH_INDICES * count */
    double *out;                 /* one a step */
    uint8_t *kinds;              /* one a step: POINT_FLOAT or POINT_NONE */
};

typedef void window_fn(const struct window_job *job);

/* NULL when the function takes no range. */
window_fn *window_function(enum function_id id);

/* What rate, increase and delta make of a window: how much of the range its
 * samples stand for, over how much they cover. */
struct extrapolation {
    int64_t first, last; /* times of the samples */
    int64_t start, end;  /* of the window */
    uint32_t samples;    /* at least 2 */
    bool is_counter;
    double value_first, increase; /* of a counter: it cannot have been below 0 */
};
double extrapolation_factor(const struct extrapolation *e);

#endif
