#include "tsdb/query/window.h"

#include "tsdb/base/random.h"
#include "tsdb/query/eval_math.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES_MAX = 400, STEPS_MAX = 120 };

/* One random series with its windows, and room for a job. */
struct bed {
    int64_t ts[SAMPLES_MAX];
    double values[SAMPLES_MAX];
    struct window windows[STEPS_MAX];
    int64_t ends[STEPS_MAX];
    double parameters[2][STEPS_MAX];
    double scratch[WINDOW_SCRATCH_DOUBLES * SAMPLES_MAX];
    uint32_t indices[WINDOW_SCRATCH_INDICES * SAMPLES_MAX];
    double out[STEPS_MAX];
    uint8_t kinds[STEPS_MAX];
    struct window_job job;
};

enum shape { COUNTER, INTEGERS, MIXED, OFFSET, EQUAL, WILD, SHAPES };

static double next_value(struct random *r, enum shape shape, double before)
{
    uint64_t dice = random_below(r, 100);
    switch (shape) {
    case COUNTER: return dice < 10 ? (double)random_below(r, 3) : before + random_unit(r) * 7;
    case INTEGERS: return (double)random_below(r, 20) - 10;
    case MIXED: return (random_unit(r) - 0.4) * pow(10, (double)random_below(r, 20) - 8);
    case OFFSET: return 1e9 + random_unit(r);
    case EQUAL: return dice < 5 ? random_unit(r) : before;
    case WILD:
        if (dice < 9)
            return dice < 3 ? HUGE_VAL : dice < 6 ? -HUGE_VAL : (double)NAN;
        return dice < 20 ? 1e308 : (random_unit(r) - 0.5) * pow(10, (double)random_below(r, 30));
    case SHAPES: break;
    }
    abort();
}

static void make_bed(struct bed *b, struct random *r, enum shape shape)
{
    uint32_t count = (uint32_t)random_below(r, SAMPLES_MAX) + 1;
    uint32_t steps = (uint32_t)random_below(r, STEPS_MAX) + 1;
    int64_t ts = 0, range = (int64_t)(1 + random_below(r, 60)) * 5 * NS_PER_S;
    int64_t step = (int64_t)(1 + random_below(r, 40)) * NS_PER_S;
    double v = 1;
    for (uint32_t i = 0; i < count; i++) {
        ts += (int64_t)(1 + random_below(r, 9000)) * 1000000;
        b->ts[i] = ts;
        b->values[i] = v = next_value(r, shape, v);
    }
    int64_t start = (int64_t)random_below(r, 200) * NS_PER_S;
    for (uint32_t i = 0; i < steps; i++) {
        struct window w = {0, 0};
        b->ends[i] = start + step * i;
        while (w.to < count && b->ts[w.to] <= b->ends[i])
            w.to++;
        while (w.from < w.to && b->ts[w.from] <= b->ends[i] - range)
            w.from++;
        b->windows[i] = w;
        b->parameters[0][i] = 0.1 + random_unit(r) * 0.8;
        b->parameters[1][i] = 0.1 + random_unit(r) * 0.8;
    }
    b->job = (struct window_job){.ts = b->ts,
                                 .values = b->values,
                                 .count = count,
                                 .steps = steps,
                                 .windows = b->windows,
                                 .ends = b->ends,
                                 .range = range,
                                 .grid = {.start = start, .step = step, .count = steps},
                                 .parameters = {b->parameters[0], b->parameters[1]},
                                 .scratch = b->scratch,
                                 .indices = b->indices,
                                 .out = b->out,
                                 .kinds = b->kinds};
}

/* ---- what the functions mean, window by window ------------------------------------ */

struct naive {
    const int64_t *ts;
    const double *v;
    uint32_t n;
    int64_t start, end, now;
    double a, b; /* parameters */
};

static long double exact_sum(const struct naive *w)
{
    /* Largest first loses least; windows are short. */
    long double sum = 0, lost = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        long double t = sum + (long double)w->v[i];
        lost += fabsl(sum) >= fabsl((long double)w->v[i]) ? sum - t + (long double)w->v[i]
                                                          : (long double)w->v[i] - t + sum;
        sum = t;
    }
    return isfinite(sum) ? sum + lost : sum;
}

/* A double as the engine would have to hold the sum: it overflows where that does. */
static double naive_sum(const struct naive *w)
{
    struct pair p = {0, 0};
    for (uint32_t i = 0; i < w->n; i++)
        p = pair_add(p, w->v[i]);
    return isfinite(p.high) ? (double)exact_sum(w) : p.high;
}

static double naive_avg(const struct naive *w)
{
    double sum = naive_sum(w);
    return isfinite(sum) ? (double)(exact_sum(w) / w->n) : mean_incremental(w->v, w->n);
}

static double naive_max(const struct naive *w)
{
    double best = w->v[0];
    for (uint32_t i = 1; i < w->n; i++)
        if (w->v[i] > best || isnan(best))
            best = w->v[i];
    return best;
}

static double naive_min(const struct naive *w)
{
    double best = w->v[0];
    for (uint32_t i = 1; i < w->n; i++)
        if (w->v[i] < best || isnan(best))
            best = w->v[i];
    return best;
}

static double naive_ts_max(const struct naive *w)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < w->n; i++)
        if (w->v[i] >= w->v[at] || isnan(w->v[at]))
            at = i;
    return (double)(w->ts[at] / 1000000) / 1000;
}

static double naive_ts_min(const struct naive *w)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < w->n; i++)
        if (w->v[i] <= w->v[at] || isnan(w->v[at]))
            at = i;
    return (double)(w->ts[at] / 1000000) / 1000;
}

static double naive_count(const struct naive *w)
{
    return w->n;
}

static double naive_first(const struct naive *w)
{
    return w->v[0];
}

static double naive_last(const struct naive *w)
{
    return w->v[w->n - 1];
}

static double naive_present(const struct naive *w)
{
    (void)w;
    return 1;
}

static double naive_ts_first(const struct naive *w)
{
    return (double)(w->ts[0] / 1000000) / 1000;
}

static double naive_ts_last(const struct naive *w)
{
    return (double)(w->ts[w->n - 1] / 1000000) / 1000;
}

static double naive_stdvar(const struct naive *w)
{
    long double mean = exact_sum(w) / w->n, m2 = 0;
    for (uint32_t i = 0; i < w->n; i++)
        m2 += ((long double)w->v[i] - mean) * ((long double)w->v[i] - mean);
    return (double)(m2 / w->n);
}

static double naive_stddev(const struct naive *w)
{
    return sqrt(naive_stdvar(w));
}

static double naive_changes(const struct naive *w)
{
    double n = 0;
    for (uint32_t i = 1; i < w->n; i++)
        n += w->v[i] != w->v[i - 1] && !(isnan(w->v[i]) && isnan(w->v[i - 1]));
    return n;
}

static double naive_resets(const struct naive *w)
{
    double n = 0;
    for (uint32_t i = 1; i < w->n; i++)
        n += w->v[i] < w->v[i - 1];
    return n;
}

static double extrapolated(const struct naive *w, bool is_counter, bool is_rate)
{
    if (w->n < 2)
        return -12345;
    double change = w->v[w->n - 1] - w->v[0];
    for (uint32_t i = 1; is_counter && i < w->n; i++)
        if (w->v[i] < w->v[i - 1])
            change += w->v[i - 1];
    double to_start = (double)(w->ts[0] - w->start) / 1e9;
    double to_end = (double)(w->end - w->ts[w->n - 1]) / 1e9;
    double sampled = (double)(w->ts[w->n - 1] - w->ts[0]) / 1e9;
    double spacing = sampled / (w->n - 1);
    if (to_start >= spacing * 1.1)
        to_start = spacing / 2;
    if (is_counter && change > 0 && w->v[0] >= 0)
        to_start = fmin(to_start, sampled * (w->v[0] / change));
    if (to_end >= spacing * 1.1)
        to_end = spacing / 2;
    double factor = (sampled + to_start + to_end) / sampled;
    if (is_rate)
        factor /= (double)(w->end - w->start) / 1e9;
    return change * factor;
}

static double naive_rate(const struct naive *w)
{
    return extrapolated(w, true, true);
}

static double naive_increase(const struct naive *w)
{
    return extrapolated(w, true, false);
}

static double naive_delta(const struct naive *w)
{
    return extrapolated(w, false, false);
}

static double naive_irate(const struct naive *w)
{
    if (w->n < 2)
        return -12345;
    double last = w->v[w->n - 1], before = w->v[w->n - 2];
    double seconds = (double)(w->ts[w->n - 1] - w->ts[w->n - 2]) / 1e9;
    return (last < before ? last : last - before) / seconds;
}

static double naive_quantile(const struct naive *w)
{
    double sorted[SAMPLES_MAX];
    memcpy(sorted, w->v, w->n * sizeof *sorted);
    for (uint32_t i = 1; i < w->n; i++)
        for (uint32_t k = i;
             k > 0 && (sorted[k] < sorted[k - 1] || (isnan(sorted[k]) && !isnan(sorted[k - 1])));
             k--) {
            double swapped = sorted[k];
            sorted[k] = sorted[k - 1];
            sorted[k - 1] = swapped;
        }
    double rank = w->a * (w->n - 1);
    uint32_t at = (uint32_t)rank;
    uint32_t above = at + 1 < w->n ? at + 1 : at;
    double weight = rank - at;
    return sorted[at] * (1 - weight) + sorted[above] * weight;
}

struct law {
    enum function_id id;
    double (*naive)(const struct naive *w);
    double tolerance; /* relative to the greatest magnitude in the window */
    uint32_t shapes;  /* bits: where the law is exact enough to hold */
};

#define ALL_SHAPES ((1u << SHAPES) - 1)
#define TAME_SHAPES (ALL_SHAPES & ~(1u << WILD))

static const struct law laws[] = {
    {FUNCTION_SUM_OVER_TIME, naive_sum, 1e-15, ALL_SHAPES},
    {FUNCTION_AVG_OVER_TIME, naive_avg, 1e-15, ALL_SHAPES},
    {FUNCTION_MAX_OVER_TIME, naive_max, 0, ALL_SHAPES},
    {FUNCTION_MIN_OVER_TIME, naive_min, 0, ALL_SHAPES},
    {FUNCTION_TS_OF_MAX_OVER_TIME, naive_ts_max, 0, ALL_SHAPES},
    {FUNCTION_TS_OF_MIN_OVER_TIME, naive_ts_min, 0, ALL_SHAPES},
    {FUNCTION_TS_OF_FIRST_OVER_TIME, naive_ts_first, 0, ALL_SHAPES},
    {FUNCTION_TS_OF_LAST_OVER_TIME, naive_ts_last, 0, ALL_SHAPES},
    {FUNCTION_COUNT_OVER_TIME, naive_count, 0, ALL_SHAPES},
    {FUNCTION_PRESENT_OVER_TIME, naive_present, 0, ALL_SHAPES},
    {FUNCTION_FIRST_OVER_TIME, naive_first, 0, ALL_SHAPES},
    {FUNCTION_LAST_OVER_TIME, naive_last, 0, ALL_SHAPES},
    {FUNCTION_STDDEV_OVER_TIME, naive_stddev, 1e-12, TAME_SHAPES},
    {FUNCTION_STDVAR_OVER_TIME, naive_stdvar, 1e-12, TAME_SHAPES & ~(1u << MIXED)},
    {FUNCTION_CHANGES, naive_changes, 0, ALL_SHAPES},
    {FUNCTION_RESETS, naive_resets, 0, ALL_SHAPES},
    {FUNCTION_RATE, naive_rate, 1e-12, TAME_SHAPES},
    {FUNCTION_INCREASE, naive_increase, 1e-12, TAME_SHAPES},
    {FUNCTION_DELTA, naive_delta, 1e-12, TAME_SHAPES},
    {FUNCTION_IRATE, naive_irate, 1e-12, ALL_SHAPES},
    {FUNCTION_QUANTILE_OVER_TIME, naive_quantile, 1e-15, ALL_SHAPES},
};

static bool is_near(double got, double want, double tolerance, const struct naive *w)
{
    if (got == want || (isnan(got) && isnan(want)))
        return true;
    double greatest = fabs(want);
    for (uint32_t i = 0; i < w->n; i++)
        greatest = fmax(greatest, fabs(w->v[i]));
    /* Relative to the answer where that can be had, which a sum can. */
    return fabs(got - want) <= tolerance * (tolerance <= 1e-14 ? fabs(want) : greatest) + 1e-300;
}

static uint32_t check_law(const struct law *law, struct bed *b)
{
    uint32_t compared = 0;
    memset(b->kinds, POINT_NONE, sizeof b->kinds);
    window_function(law->id)(&b->job);
    for (uint32_t i = 0; i < b->job.steps; i++) {
        struct window w = b->windows[i];
        struct naive n = {.ts = b->ts + w.from,
                          .v = b->values + w.from,
                          .n = w.to - w.from,
                          .start = b->ends[i] - b->job.range,
                          .end = b->ends[i],
                          .now = b->ends[i],
                          .a = b->parameters[0][i]};
        double want = n.n > 0 ? law->naive(&n) : -12345;
        cr_assert_eq(b->kinds[i], want == -12345 ? POINT_NONE : POINT_FLOAT,
                     "%s step %u of %u samples", function_get(law->id)->name, i, n.n);
        if (want == -12345)
            continue;
        compared++;
        cr_assert(is_near(b->out[i], want, law->tolerance, &n),
                  "%s step %u, [%u, %u): %.17g, want %.17g", function_get(law->id)->name, i, w.from,
                  w.to, b->out[i], want);
    }
    return compared;
}

/* Goal: functions that slide over their windows answer what looking at each
 * window by itself answers.
 * Method: random series of several shapes, among them ones with Inf, NaN and
 * magnitudes 30 digits apart; random windows, some disjoint, some empty. */
Test(window, sliding_is_the_same_as_looking_at_each_window)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20261124;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    static struct bed b;
    struct random r;
    random_init(&r, seed);
    uint32_t compared = 0;
    for (uint32_t round = 0; round < 600; round++) {
        enum shape shape = (enum shape)random_below(&r, SHAPES);
        make_bed(&b, &r, shape);
        for (size_t i = 0; i < sizeof laws / sizeof laws[0]; i++)
            if (laws[i].shapes & 1u << shape)
                compared += check_law(&laws[i], &b);
    }
    cr_assert_gt(compared, 200000, "only %u windows were compared", compared);
}

static double one(enum function_id id, const double *values, uint32_t n, double a, double b)
{
    static struct bed bed;
    bed.windows[0] = (struct window){0, n};
    bed.ends[0] = (int64_t)n * 60 * NS_PER_S;
    bed.parameters[0][0] = a;
    bed.parameters[1][0] = b;
    for (uint32_t i = 0; i < n; i++) {
        bed.ts[i] = (int64_t)(i + 1) * 60 * NS_PER_S;
        bed.values[i] = values[i];
    }
    bed.job = (struct window_job){.ts = bed.ts,
                                  .values = bed.values,
                                  .count = n,
                                  .steps = 1,
                                  .windows = bed.windows,
                                  .ends = bed.ends,
                                  .range = (int64_t)n * 60 * NS_PER_S,
                                  .grid = {.start = bed.ends[0], .count = 1},
                                  .parameters = {bed.parameters[0], bed.parameters[1]},
                                  .scratch = bed.scratch,
                                  .indices = bed.indices,
                                  .out = bed.out,
                                  .kinds = bed.kinds};
    bed.kinds[0] = POINT_NONE;
    window_function(id)(&bed.job);
    cr_assert_eq(bed.kinds[0], POINT_FLOAT);
    return bed.out[0];
}

Test(window, a_line_is_found_and_followed)
{
    const double rising[] = {3, 5, 7, 9, 11};
    cr_assert_float_eq(one(FUNCTION_DERIV, rising, 5, 0, 0), 2.0 / 60, 1e-15);
    /* The last sample is the time of the step; two minutes later it is 15. */
    cr_assert_float_eq(one(FUNCTION_PREDICT_LINEAR, rising, 5, 120, 0), 15, 1e-12);
    const double flat[] = {0.1, 0.1, 0.1};
    cr_assert_eq(one(FUNCTION_DERIV, flat, 3, 0, 0), 0);
    cr_assert_eq(one(FUNCTION_PREDICT_LINEAR, flat, 3, 1e6, 0), 0.1);
    const double infinite[] = {HUGE_VAL, HUGE_VAL};
    cr_assert(isnan(one(FUNCTION_DERIV, infinite, 2, 0, 0)));
}

Test(window, spread_around_the_median)
{
    const double values[] = {4, 6, 2, 1, 999, 1, 2};
    cr_assert_eq(one(FUNCTION_MAD_OVER_TIME, values, 7, 0, 0), 1);
    const double with_nan[] = {1, (double)NAN, 3};
    cr_assert(isnan(one(FUNCTION_MAD_OVER_TIME, with_nan, 3, 0, 0)));
}

Test(window, smoothing_follows_a_trend)
{
    const double rising[] = {0, 10, 20, 30, 40};
    cr_assert_float_eq(one(FUNCTION_DOUBLE_EXPONENTIAL_SMOOTHING, rising, 5, 0.5, 0.5), 40, 1e-9);
}

Test(window, equal_values_have_no_spread)
{
    const double values[] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1};
    cr_assert_eq(one(FUNCTION_STDDEV_OVER_TIME, values, 7, 0, 0), 0);
    const double infinite[] = {HUGE_VAL, HUGE_VAL};
    cr_assert(isnan(one(FUNCTION_STDVAR_OVER_TIME, infinite, 2, 0, 0)));
}

Test(window, a_mean_may_be_had_where_the_sum_overflows)
{
    const double values[] = {1.7e308, 1.7e308, 1.7e308};
    cr_assert_float_eq(one(FUNCTION_AVG_OVER_TIME, values, 3, 0, 0), 1.7e308, 1e294);
    cr_assert(isinf(one(FUNCTION_SUM_OVER_TIME, values, 3, 0, 0)));
}

/* More resets in a window than are replayed one by one. */
Test(window, many_resets_are_added_up)
{
    double values[300];
    double want = 0;
    for (uint32_t i = 0; i < 300; i++) {
        values[i] = i % 2 ? 5 : 1;
        want += i > 0 && values[i] < values[i - 1] ? values[i - 1] : 0;
    }
    want += values[299] - values[0];
    double factor = 300.0 / 299; /* half a spacing on the left is less than the zero point */
    double got = one(FUNCTION_INCREASE, values, 300, 0, 0);
    cr_assert_float_eq(got, want * factor, want * 0.004);
    cr_assert_gt(got, want);
}

Test(window, functions_without_a_range_have_no_window)
{
    cr_assert_null(window_function(FUNCTION_ABS));
    cr_assert_not_null(window_function(FUNCTION_RATE));
}
