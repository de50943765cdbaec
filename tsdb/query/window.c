#include "tsdb/query/window.h"

#include "tsdb/base/assert.h"
#include "tsdb/query/eval_math.h"

#include <math.h>
#include <string.h>

enum { RESETS_REPLAYED = 64 }; /* more of them in a window: the difference of running sums */

static uint32_t length(struct window w)
{
    return w.to - w.from;
}

static void give(const struct window_job *job, uint32_t step, double v)
{
    job->kinds[step] = POINT_FLOAT;
    job->out[step] = v;
}

/* ---- by index ----------------------------------------------------------------- */

static void over_count(const struct window_job *job)
{
    for (uint32_t i = 0; i < job->steps; i++) {
        uint32_t n = length(job->windows[i]);
        job->kinds[i] = n > 0 ? POINT_FLOAT : POINT_NONE;
        job->out[i] = n;
    }
}

static void over_present(const struct window_job *job)
{
    for (uint32_t i = 0; i < job->steps; i++) {
        job->kinds[i] = length(job->windows[i]) > 0 ? POINT_FLOAT : POINT_NONE;
        job->out[i] = 1;
    }
}

static void over_first(const struct window_job *job)
{
    for (uint32_t i = 0; i < job->steps; i++)
        if (length(job->windows[i]) > 0)
            give(job, i, job->values[job->windows[i].from]);
}

static void over_last(const struct window_job *job)
{
    for (uint32_t i = 0; i < job->steps; i++)
        if (length(job->windows[i]) > 0)
            give(job, i, job->values[job->windows[i].to - 1]);
}

static void over_ts_first(const struct window_job *job)
{
    for (uint32_t i = 0; i < job->steps; i++)
        if (length(job->windows[i]) > 0)
            give(job, i, seconds_of(job->ts[job->windows[i].from]));
}

static void over_ts_last(const struct window_job *job)
{
    for (uint32_t i = 0; i < job->steps; i++)
        if (length(job->windows[i]) > 0)
            give(job, i, seconds_of(job->ts[job->windows[i].to - 1]));
}

static void instant_change(const struct window_job *job, bool is_rate)
{
    for (uint32_t i = 0; i < job->steps; i++) {
        struct window w = job->windows[i];
        if (length(w) < 2)
            continue;
        double last = job->values[w.to - 1], before = job->values[w.to - 2];
        double v = is_rate && last < before ? last : last - before;
        if (is_rate)
            v /= seconds_of(job->ts[w.to - 1] - job->ts[w.to - 2]);
        give(job, i, v);
    }
}

static void over_irate(const struct window_job *job)
{
    instant_change(job, true);
}

static void over_idelta(const struct window_job *job)
{
    instant_change(job, false);
}

/* ---- two stacks --------------------------------------------------------------- */

struct stacks {
    const double *values;
    struct pair *sums;    /* [i]: of values i..mid */
    struct pair *squares; /* the same, or NULL */
    uint32_t mid, to;
    struct pair back_sum, back_square; /* of values mid..to */
};

static struct stacks stacks_over(const struct window_job *job, bool has_squares)
{
    struct pair *pairs = (struct pair *)(void *)job->scratch;
    return (struct stacks){
        .values = job->values, .sums = pairs, .squares = has_squares ? pairs + job->count : NULL};
}

static void stacks_turn(struct stacks *s, struct window w)
{
    struct pair sum = {0, 0}, square = {0, 0};
    for (uint32_t i = w.to; i-- > w.from;) {
        sum = pair_add(sum, s->values[i]);
        s->sums[i] = sum;
        if (s->squares) {
            square = pair_add_square(square, s->values[i]);
            s->squares[i] = square;
        }
    }
    s->mid = s->to = w.to;
    s->back_sum = s->back_square = (struct pair){0, 0};
}

/* Moves to a window that is not empty and begins no earlier than the last. */
static void stacks_move(struct stacks *s, struct window w)
{
    if (w.from >= s->mid) {
        stacks_turn(s, w);
        return;
    }
    for (; s->to < w.to; s->to++) {
        s->back_sum = pair_add(s->back_sum, s->values[s->to]);
        if (s->squares)
            s->back_square = pair_add_square(s->back_square, s->values[s->to]);
    }
}

/* Where a sum leaves the numbers, the order of its terms decides how. */
static double sum_in_order(const struct window_job *job, struct window w)
{
    struct pair sum = {0, 0};
    for (uint32_t i = w.from; i < w.to; i++)
        sum = pair_add(sum, job->values[i]);
    return pair_value(sum);
}

static void over_sum(const struct window_job *job)
{
    struct stacks s = stacks_over(job, false);
    for (uint32_t i = 0; i < job->steps; i++) {
        struct window w = job->windows[i];
        if (length(w) == 0)
            continue;
        stacks_move(&s, w);
        struct pair sum = pair_join(s.sums[w.from], s.back_sum);
        give(job, i, isfinite(sum.high) ? sum.high + sum.low : sum_in_order(job, w));
    }
}

static void over_avg(const struct window_job *job)
{
    struct stacks s = stacks_over(job, false);
    for (uint32_t i = 0; i < job->steps; i++) {
        struct window w = job->windows[i];
        uint32_t n = length(w);
        if (n == 0)
            continue;
        stacks_move(&s, w);
        struct pair sum = pair_join(s.sums[w.from], s.back_sum);
        if (isfinite(sum.high))
            give(job, i, sum.high / n + sum.low / n);
        else
            give(job, i, mean_incremental(job->values + w.from, n));
    }
}

/* indices[i]: how often the value changed up to sample i. */
static void count_changes(const struct window_job *job)
{
    uint32_t changes = 0;
    for (uint32_t i = 0; i < job->count; i++) {
        double v = job->values[i], before = i > 0 ? job->values[i - 1] : v;
        changes += v != before && !(isnan(v) && isnan(before));
        job->indices[i] = changes;
    }
}

static void over_variance(const struct window_job *job, bool is_root)
{
    struct stacks s = stacks_over(job, true);
    count_changes(job);
    for (uint32_t i = 0; i < job->steps; i++) {
        struct window w = job->windows[i];
        if (length(w) == 0)
            continue;
        stacks_move(&s, w);
        struct pair sum = pair_join(s.sums[w.from], s.back_sum);
        struct pair squares = pair_join(s.squares[w.from], s.back_square);
        double v = pair_variance(sum, squares, length(w));
        /* Equal values have no variance, not even that of rounding. */
        if (job->indices[w.from] == job->indices[w.to - 1] && isfinite(job->values[w.from]))
            v = 0;
        give(job, i, is_root ? sqrt(v) : v);
    }
}

static void over_stddev(const struct window_job *job)
{
    over_variance(job, true);
}

static void over_stdvar(const struct window_job *job)
{
    over_variance(job, false);
}

/* ---- monotonic queue ---------------------------------------------------------- */

struct extremes {
    bool is_max;     /* else the least */
    bool wants_last; /* of equal values the last one, else the first */
    bool wants_time;
};

static bool yields(double older, double newer, struct extremes e)
{
    if (older == newer)
        return e.wants_last;
    return e.is_max ? older < newer : older > newer;
}

/* The queue holds indices whose values fall (max) or rise (min); NaN stays out
 * of it and is the answer only where there is nothing else. */
static void over_extreme(const struct window_job *job, struct extremes e)
{
    uint32_t *queue = job->indices;
    uint32_t head = 0, tail = 0, next = 0;
    for (uint32_t i = 0; i < job->steps; i++) {
        struct window w = job->windows[i];
        if (length(w) == 0)
            continue;
        for (next = next < w.from ? w.from : next; next < w.to; next++) {
            if (isnan(job->values[next]))
                continue;
            while (tail > head && yields(job->values[queue[tail - 1]], job->values[next], e))
                tail--;
            queue[tail++] = next;
        }
        while (head < tail && queue[head] < w.from)
            head++;
        uint32_t at = head < tail ? queue[head] : w.to - 1;
        give(job, i, e.wants_time ? seconds_of(job->ts[at]) : job->values[at]);
    }
}

static void over_max(const struct window_job *job)
{
    over_extreme(job, (struct extremes){.is_max = true});
}

static void over_min(const struct window_job *job)
{
    over_extreme(job, (struct extremes){.is_max = false});
}

static void over_ts_max(const struct window_job *job)
{
    over_extreme(job, (struct extremes){.is_max = true, .wants_last = true, .wants_time = true});
}

static void over_ts_min(const struct window_job *job)
{
    over_extreme(job, (struct extremes){.wants_last = true, .wants_time = true});
}

/* ---- counters ----------------------------------------------------------------- */

/* indices[i]: resets up to sample i; indices[count + k]: the sample after the k-th. */
static void find_resets(const struct window_job *job)
{
    uint32_t resets = 0;
    for (uint32_t i = 0; i < job->count; i++) {
        if (i > 0 && job->values[i] < job->values[i - 1])
            job->indices[job->count + resets++] = i;
        job->indices[i] = resets;
    }
}

static void over_changes(const struct window_job *job)
{
    count_changes(job);
    for (uint32_t i = 0; i < job->steps; i++) {
        struct window w = job->windows[i];
        if (length(w) > 0)
            give(job, i, job->indices[w.to - 1] - job->indices[w.from]);
    }
}

static void over_resets(const struct window_job *job)
{
    find_resets(job);
    for (uint32_t i = 0; i < job->steps; i++) {
        struct window w = job->windows[i];
        if (length(w) > 0)
            give(job, i, job->indices[w.to - 1] - job->indices[w.from]);
    }
}

double extrapolation_factor(const struct extrapolation *e)
{
    double to_start = seconds_of(e->first - e->start);
    double to_end = seconds_of(e->end - e->last);
    double sampled = seconds_of(e->last - e->first);
    double spacing = sampled / (e->samples - 1);
    double threshold = spacing * 1.1;
    if (to_start >= threshold)
        to_start = spacing / 2;
    if (e->is_counter && e->increase > 0 && e->value_first >= 0) {
        double to_zero = sampled * (e->value_first / e->increase);
        to_start = to_zero < to_start ? to_zero : to_start;
    }
    if (to_end >= threshold)
        to_end = spacing / 2;
    return (sampled + to_start + to_end) / sampled;
}

/* What the counter had reached before each reset in the window, added up. */
static double before_resets(const struct window_job *job, const struct pair *running,
                            struct window w, double change)
{
    const uint32_t *resets = job->indices + job->count;
    uint32_t first = job->indices[w.from], last = job->indices[w.to - 1];
    if (last - first > RESETS_REPLAYED) {
        /* running[k]: of the first k resets */
        struct pair sum = running[last];
        sum = pair_add(sum, -running[first].high);
        sum.low -= running[first].low;
        double v = pair_value(sum);
        if (isfinite(v) && fabs(v) > fabs(running[last].high) * 0x1p-40)
            return change + v;
    }
    for (uint32_t k = first; k < last; k++)
        change += job->values[resets[k] - 1];
    return change;
}

static void sum_resets(const struct window_job *job, struct pair *running)
{
    const uint32_t *resets = job->indices + job->count;
    uint32_t count = job->count > 0 ? job->indices[job->count - 1] : 0;
    struct pair sum = {0, 0};
    running[0] = sum;
    for (uint32_t k = 0; k < count; k++) {
        sum = pair_add(sum, job->values[resets[k] - 1]);
        running[k + 1] = sum;
    }
}

static void extrapolate(const struct window_job *job, bool is_counter, bool is_rate)
{
    /* At most count - 1 resets: running has count entries. */
    struct pair *running = (struct pair *)(void *)job->scratch;
    if (is_counter) {
        find_resets(job);
        sum_resets(job, running);
    }
    for (uint32_t i = 0; i < job->steps; i++) {
        struct window w = job->windows[i];
        if (length(w) < 2)
            continue;
        double change = job->values[w.to - 1] - job->values[w.from];
        if (is_counter)
            change = before_resets(job, running, w, change);
        double factor = extrapolation_factor(&(struct extrapolation){
            .first = job->ts[w.from],
            .last = job->ts[w.to - 1],
            .start = time_sub(job->ends[i], job->range),
            .end = job->ends[i],
            .samples = length(w),
            .is_counter = is_counter,
            .value_first = job->values[w.from],
            .increase = change,
        });
        if (is_rate)
            factor /= seconds_of(job->range);
        give(job, i, change * factor);
    }
}

static void over_rate(const struct window_job *job)
{
    extrapolate(job, true, true);
}

static void over_increase(const struct window_job *job)
{
    extrapolate(job, true, false);
}

static void over_delta(const struct window_job *job)
{
    extrapolate(job, false, false);
}

/* ---- each window by itself ---------------------------------------------------- */

struct line {
    double slope, intercept;
};

/* Least squares; the intercept at the time `origin`. */
static struct line fit(const struct window_job *job, struct window w, int64_t origin)
{
    struct pair x = {0, 0}, y = {0, 0}, xy = {0, 0}, xx = {0, 0};
    double first = job->values[w.from];
    bool is_constant = true;
    for (uint32_t i = w.from; i < w.to; i++) {
        double t = seconds_of(time_sub(job->ts[i], origin));
        double v = job->values[i];
        is_constant = is_constant && (i == w.from || v == first);
        x = pair_add(x, t);
        y = pair_add(y, v);
        xy = pair_add(xy, t * v);
        xx = pair_add(xx, t * t);
    }
    if (is_constant)
        return isinf(first) ? (struct line){(double)NAN, (double)NAN} : (struct line){0, first};
    double n = length(w);
    double sum_x = pair_value(x), sum_y = pair_value(y);
    double covariance = pair_value(xy) - sum_x * sum_y / n;
    double variance = pair_value(xx) - sum_x * sum_x / n;
    double slope = covariance / variance;
    return (struct line){slope, sum_y / n - slope * sum_x / n};
}

static void over_deriv(const struct window_job *job)
{
    for (uint32_t i = 0; i < job->steps; i++) {
        struct window w = job->windows[i];
        if (length(w) >= 2)
            give(job, i, fit(job, w, job->ts[w.from]).slope);
    }
}

static void over_predict(const struct window_job *job)
{
    for (uint32_t i = 0; i < job->steps; i++) {
        struct window w = job->windows[i];
        if (length(w) < 2)
            continue;
        struct line line = fit(job, w, grid_at(&job->grid, i));
        give(job, i, line.slope * job->parameters[0][i] + line.intercept);
    }
}

static double *window_copy(const struct window_job *job, struct window w)
{
    memcpy(job->scratch, job->values + w.from, length(w) * sizeof(double));
    return job->scratch;
}

/* The values of a window in order, kept so while it moves. */
struct ordered {
    const double *values;
    double *at;
    struct window w;
};

static void ordered_remove(struct ordered *o, double v)
{
    uint32_t n = length(o->w), at = doubles_find(o->at, n, v);
    memmove(o->at + at, o->at + at + 1, (n - at - 1) * sizeof v);
    o->w.from++;
}

static void ordered_insert(struct ordered *o, double v)
{
    uint32_t n = length(o->w), at = doubles_find(o->at, n, v);
    memmove(o->at + at + 1, o->at + at, (n - at) * sizeof v);
    o->at[at] = v;
    o->w.to++;
}

static void ordered_move(struct ordered *o, struct window w)
{
    uint32_t moved = w.from - o->w.from + w.to - o->w.to;
    if (w.from >= o->w.to || moved > length(w) / 4) {
        memcpy(o->at, o->values + w.from, length(w) * sizeof *o->at);
        doubles_sort(o->at, length(w));
        o->w = w;
        return;
    }
    while (o->w.from < w.from)
        ordered_remove(o, o->values[o->w.from]);
    while (o->w.to < w.to)
        ordered_insert(o, o->values[o->w.to]);
}

static void over_quantile(const struct window_job *job)
{
    struct ordered o = {.values = job->values, .at = job->scratch};
    for (uint32_t i = 0; i < job->steps; i++) {
        struct window w = job->windows[i];
        if (length(w) == 0)
            continue;
        ordered_move(&o, w);
        give(job, i, quantile_of_sorted(job->parameters[0][i], o.at, length(w)));
    }
}

static double mad(double *values, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (isnan(values[i]))
            return (double)NAN;
    double median = quantile_of(0.5, values, n);
    for (uint32_t i = 0; i < n; i++)
        values[i] = fabs(values[i] - median);
    return quantile_of(0.5, values, n);
}

static void over_mad(const struct window_job *job)
{
    for (uint32_t i = 0; i < job->steps; i++) {
        struct window w = job->windows[i];
        if (length(w) > 0)
            give(job, i, mad(window_copy(job, w), length(w)));
    }
}

/* https://en.wikipedia.org/wiki/Exponential_smoothing, double, with the trend
 * of the first two samples to begin with. */
static double smooth(const double *v, uint32_t n, double smoothing, double trending)
{
    double level = v[0], before = 0, trend = v[1] - v[0];
    for (uint32_t i = 1; i < n; i++) {
        if (i > 1)
            trend = trending * (level - before) + (1 - trending) * trend;
        double next = smoothing * v[i] + (1 - smoothing) * (level + trend);
        before = level;
        level = next;
    }
    return level;
}

static void over_smooth(const struct window_job *job)
{
    for (uint32_t i = 0; i < job->steps; i++) {
        struct window w = job->windows[i];
        if (length(w) >= 2)
            give(job, i,
                 smooth(job->values + w.from, length(w), job->parameters[0][i],
                        job->parameters[1][i]));
    }
}

static window_fn *const functions[FUNCTION_COUNT] = {
    [FUNCTION_ABSENT_OVER_TIME] = over_present,
    [FUNCTION_AVG_OVER_TIME] = over_avg,
    [FUNCTION_CHANGES] = over_changes,
    [FUNCTION_COUNT_OVER_TIME] = over_count,
    [FUNCTION_DELTA] = over_delta,
    [FUNCTION_DERIV] = over_deriv,
    [FUNCTION_DOUBLE_EXPONENTIAL_SMOOTHING] = over_smooth,
    [FUNCTION_FIRST_OVER_TIME] = over_first,
    [FUNCTION_IDELTA] = over_idelta,
    [FUNCTION_INCREASE] = over_increase,
    [FUNCTION_IRATE] = over_irate,
    [FUNCTION_LAST_OVER_TIME] = over_last,
    [FUNCTION_MAD_OVER_TIME] = over_mad,
    [FUNCTION_MAX_OVER_TIME] = over_max,
    [FUNCTION_MIN_OVER_TIME] = over_min,
    [FUNCTION_PREDICT_LINEAR] = over_predict,
    [FUNCTION_PRESENT_OVER_TIME] = over_present,
    [FUNCTION_QUANTILE_OVER_TIME] = over_quantile,
    [FUNCTION_RATE] = over_rate,
    [FUNCTION_RESETS] = over_resets,
    [FUNCTION_STDDEV_OVER_TIME] = over_stddev,
    [FUNCTION_STDVAR_OVER_TIME] = over_stdvar,
    [FUNCTION_SUM_OVER_TIME] = over_sum,
    [FUNCTION_TS_OF_FIRST_OVER_TIME] = over_ts_first,
    [FUNCTION_TS_OF_LAST_OVER_TIME] = over_ts_last,
    [FUNCTION_TS_OF_MAX_OVER_TIME] = over_ts_max,
    [FUNCTION_TS_OF_MIN_OVER_TIME] = over_ts_min,
};

window_fn *window_function(enum function_id id)
{
    ASSERT(id < FUNCTION_COUNT);
    return functions[id];
}
