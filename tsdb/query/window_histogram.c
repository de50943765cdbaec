#include "tsdb/query/window_histogram.h"

#include "tsdb/query/histogram_math.h"

#include <string.h>

static const char mixed_text[] = "encountered a mix of histograms and floats for metric name";
static const char ignored_text[] =
    "ignored histograms in a range containing both floats and histograms for metric name";
static const char schemas_text[] =
    "vector contains a mix of histograms with exponential and custom buckets schemas for metric "
    "name";
static const char no_counter_text[] = "this native histogram metric is not a counter:";
static const char no_gauge_text[] = "this native histogram metric is not a gauge:";

/* What was learnt about the whole series. */
struct view {
    const struct mixed_job *m;
    const struct tsdb_histogram *const *h; /* one a sample, NULL for floats */
    uint32_t *floats;                      /* [i]: floats before sample i */
    uint32_t *breaks;                      /* [i]: changes, or resets, up to sample i */
    bool *is_reset;                        /* [i]: histogram i comes after a reset since i - 1 */
};

static void note(const struct view *v, enum annotation_kind kind, const char *text)
{
    annotations_named(&v->m->ev->annotations, kind, v->m->call->call.arguments[0]->begin, text,
                      v->m->name);
}

static void note_sum(const struct view *v, const struct histogram_sum *s, const char *operation)
{
    uint32_t begin = v->m->call->call.arguments[0]->begin;
    if (s->is_reconciled)
        annotations_add(&v->m->ev->annotations, ANNOTATION_INFO, begin,
                        "mismatched custom buckets were reconciled during %s", operation);
}

static bool is_gauge(const struct tsdb_histogram *h)
{
    return h->hint == TSDB_RESET_GAUGE;
}

/* Nothing at this step, and a warning when that is why. */
static enum tsdb_status refuse(const struct view *v, enum histogram_fault fault,
                               struct tsdb_error *err)
{
    if (fault == HISTOGRAM_FULL)
        return eval_full(v->m->ev, err);
    note(v, ANNOTATION_WARNING, schemas_text);
    return TSDB_OK;
}

static enum tsdb_status give(const struct view *v, uint32_t step, const struct tsdb_histogram *h,
                             struct tsdb_error *err)
{
    if (!h)
        return eval_full(v->m->ev, err);
    v->m->row->kinds[step] = POINT_HISTOGRAM;
    v->m->row->histograms[step] = h;
    return TSDB_OK;
}

static bool sum_begin(const struct view *v, struct histogram_sum *s, const struct tsdb_histogram *h)
{
    return histogram_sum_init(s, v->m->arena, &v->m->ev->scratch, h);
}

/* ---- sum, avg ----------------------------------------------------------------- */

/* The mean without the sum: each summand divided first. */
static enum histogram_fault sum_of_parts(const struct view *v, struct window w,
                                         struct histogram_sum *s)
{
    double n = w.to - w.from;
    if (!sum_begin(v, s, v->h[w.from]))
        return HISTOGRAM_FULL;
    histogram_sum_divide(s, n);
    enum histogram_fault fault = HISTOGRAM_FINE;
    for (uint32_t i = w.from + 1; i < w.to && fault == HISTOGRAM_FINE; i++) {
        const struct tsdb_histogram *part = histogram_divided(v->h[i], n, v->m->arena);
        fault = part ? histogram_sum_add(s, part, false) : HISTOGRAM_FULL;
    }
    return fault;
}

static enum tsdb_status sum_window(const struct view *v, uint32_t step, struct window w,
                                   struct tsdb_error *err)
{
    bool is_mean = v->m->call->call.function->id == FUNCTION_AVG_OVER_TIME;
    struct histogram_sum s;
    if (!sum_begin(v, &s, v->h[w.from]))
        return eval_full(v->m->ev, err);
    enum histogram_fault fault = HISTOGRAM_FINE;
    for (uint32_t i = w.from + 1; i < w.to && fault == HISTOGRAM_FINE; i++)
        fault = histogram_sum_add(&s, v->h[i], false);
    if (fault == HISTOGRAM_FINE && is_mean && histogram_sum_is_infinite(&s))
        fault = sum_of_parts(v, w, &s);
    else if (is_mean)
        histogram_sum_divide(&s, w.to - w.from);
    if (fault != HISTOGRAM_FINE)
        return refuse(v, fault, err);
    note_sum(v, &s, "aggregation");
    if (s.has_reset && s.has_no_reset)
        annotations_add(&v->m->ev->annotations, ANNOTATION_WARNING,
                        v->m->call->call.arguments[0]->begin,
                        "conflicting counter resets during histogram aggregation");
    return give(v, step, histogram_sum_take(&s), err);
}

/* ---- rate, increase, delta ---------------------------------------------------- */

/* What the samples between the first and the last have to say. */
static bool check_window(const struct view *v, struct window w, bool is_counter, int32_t *schema)
{
    /* A reset right after the first sample makes that sample irrelevant. */
    bool skips_first = is_counter && v->is_reset[w.from + 1];
    const struct tsdb_histogram *first = v->h[skips_first ? w.from + 1 : w.from];
    const struct tsdb_histogram *last = v->h[w.to - 1];
    if (is_counter && (is_gauge(v->h[w.from]) || is_gauge(last)))
        note(v, ANNOTATION_WARNING, no_counter_text);
    if (!is_counter && !(is_gauge(v->h[w.from]) && is_gauge(last)))
        note(v, ANNOTATION_WARNING, no_gauge_text);
    *schema = first->schema < last->schema ? first->schema : last->schema;
    bool is_alike = histogram_is_custom(first) == histogram_is_custom(last);
    for (uint32_t i = w.from + 1; i + 1 < w.to && is_counter && is_alike; i++) {
        if (is_gauge(v->h[i]))
            note(v, ANNOTATION_WARNING, no_counter_text);
        *schema = v->h[i]->schema < *schema ? v->h[i]->schema : *schema;
        is_alike = histogram_is_custom(first) == histogram_is_custom(v->h[i]);
    }
    if (!is_alike)
        note(v, ANNOTATION_WARNING, schemas_text);
    return is_alike;
}

/* last - first + what had been counted before each reset. */
static enum histogram_fault change_of(const struct view *v, struct window w, bool is_counter,
                                      struct histogram_sum *s)
{
    enum histogram_fault fault = HISTOGRAM_FINE;
    bool skips_first = is_counter && v->is_reset[w.from + 1];
    if (!skips_first)
        fault = histogram_sum_add(s, v->h[w.from], true);
    note_sum(v, s, "subtraction");
    s->is_reconciled = false;
    for (uint32_t i = w.from + (skips_first ? 2 : 1);
         is_counter && i < w.to && fault == HISTOGRAM_FINE; i++)
        if (v->is_reset[i])
            fault = histogram_sum_add(s, v->h[i - 1], false);
    note_sum(v, s, "addition");
    return fault;
}

static enum tsdb_status rate_window(const struct view *v, uint32_t step, struct window w,
                                    struct tsdb_error *err)
{
    enum function_id id = v->m->call->call.function->id;
    const struct window_job *job = v->m->job;
    bool is_counter = id != FUNCTION_DELTA;
    int32_t schema;
    if (w.to - w.from < 2 || !check_window(v, w, is_counter, &schema))
        return TSDB_OK;
    struct histogram_sum s;
    if (!sum_begin(v, &s, v->h[w.to - 1]))
        return eval_full(v->m->ev, err);
    if (schema != TSDB_SCHEMA_CUSTOM)
        histogram_sum_reduce(&s, schema);
    enum histogram_fault fault = change_of(v, w, is_counter, &s);
    if (fault != HISTOGRAM_FINE)
        return refuse(v, fault, err);
    double factor = extrapolation_factor(&(struct extrapolation){
        .first = v->m->all->ts[w.from],
        .last = v->m->all->ts[w.to - 1],
        .start = time_sub(job->ends[step], job->range),
        .end = job->ends[step],
        .samples = w.to - w.from,
        .is_counter = is_counter,
        .value_first = v->h[w.from]->count,
        .increase = pair_value(s.count),
    });
    if (id == FUNCTION_RATE)
        factor /= seconds_of(job->range);
    histogram_sum_multiply(&s, factor);
    s.hint = TSDB_RESET_GAUGE;
    return give(v, step, histogram_sum_take(&s), err);
}

static enum tsdb_status instant_window(const struct view *v, uint32_t step, struct window w,
                                       struct tsdb_error *err)
{
    bool is_rate = v->m->call->call.function->id == FUNCTION_IRATE;
    v->m->row->kinds[step] = POINT_NONE;
    if (w.to - w.from < 2)
        return TSDB_OK;
    const struct samples *all = v->m->all;
    const struct tsdb_histogram *last = v->h[w.to - 1], *before = v->h[w.to - 2];
    double seconds = seconds_of(all->ts[w.to - 1] - all->ts[w.to - 2]);
    if (!last && !before) {
        double a = all->values[w.to - 1], b = all->values[w.to - 2];
        double change = is_rate && a < b ? a : a - b;
        v->m->row->kinds[step] = POINT_FLOAT;
        v->m->row->values[step] = is_rate ? change / seconds : change;
        return TSDB_OK;
    }
    if (!last || !before) {
        note(v, ANNOTATION_WARNING, mixed_text);
        return TSDB_OK;
    }
    if (is_rate && (is_gauge(last) || is_gauge(before)))
        note(v, ANNOTATION_WARNING, no_counter_text);
    if (!is_rate && !(is_gauge(last) && is_gauge(before)))
        note(v, ANNOTATION_WARNING, no_gauge_text);
    struct histogram_sum s;
    if (!sum_begin(v, &s, last))
        return eval_full(v->m->ev, err);
    if (!is_rate || !v->is_reset[w.to - 1]) {
        enum histogram_fault fault = histogram_sum_add(&s, before, true);
        if (fault != HISTOGRAM_FINE)
            return refuse(v, fault, err);
        note_sum(v, &s, "subtraction");
    }
    if (is_rate)
        histogram_sum_divide(&s, seconds);
    s.hint = TSDB_RESET_GAUGE;
    return give(v, step, histogram_sum_take(&s), err);
}

/* ---- of both kinds ------------------------------------------------------------ */

static void give_float(const struct view *v, uint32_t step, double value)
{
    v->m->row->kinds[step] = POINT_FLOAT;
    v->m->row->values[step] = value;
}

static void give_sample(const struct view *v, uint32_t step, uint32_t i)
{
    v->m->row->kinds[step] = v->h[i] ? POINT_HISTOGRAM : POINT_FLOAT;
    v->m->row->values[step] = v->m->all->values[i];
    v->m->row->histograms[step] = v->h[i];
}

/* A function that wants floats and at least `least` of them. */
static void ignore_histograms(const struct view *v, uint32_t floats)
{
    if (floats > 0)
        note(v, ANNOTATION_INFO, ignored_text);
}

static enum tsdb_status mix_window(const struct view *v, uint32_t step, struct window w,
                                   uint32_t floats, struct tsdb_error *err)
{
    enum function_id id = v->m->call->call.function->id;
    if (floats > 0) {
        v->m->row->kinds[step] = POINT_NONE;
        note(v, ANNOTATION_WARNING, mixed_text);
        return TSDB_OK;
    }
    if (id == FUNCTION_SUM_OVER_TIME || id == FUNCTION_AVG_OVER_TIME)
        return sum_window(v, step, w, err);
    return rate_window(v, step, w, err);
}

/* A window with at least one histogram. */
static enum tsdb_status one_window(const struct view *v, uint32_t step, struct window w,
                                   struct tsdb_error *err)
{
    uint32_t floats = v->floats[w.to] - v->floats[w.from];
    const int64_t *ts = v->m->all->ts;
    enum function_id id = v->m->call->call.function->id;
    if (id == FUNCTION_COUNT_OVER_TIME)
        give_float(v, step, w.to - w.from);
    else if (id == FUNCTION_PRESENT_OVER_TIME || id == FUNCTION_ABSENT_OVER_TIME)
        give_float(v, step, 1);
    else if (id == FUNCTION_FIRST_OVER_TIME)
        give_sample(v, step, w.from);
    else if (id == FUNCTION_LAST_OVER_TIME)
        give_sample(v, step, w.to - 1);
    else if (id == FUNCTION_TS_OF_FIRST_OVER_TIME)
        give_float(v, step, seconds_of(ts[w.from]));
    else if (id == FUNCTION_TS_OF_LAST_OVER_TIME)
        give_float(v, step, seconds_of(ts[w.to - 1]));
    else if (id == FUNCTION_CHANGES || id == FUNCTION_RESETS)
        give_float(v, step, v->breaks[w.to - 1] - v->breaks[w.from]);
    else if (id == FUNCTION_IRATE || id == FUNCTION_IDELTA)
        return instant_window(v, step, w, err);
    else if (id == FUNCTION_SUM_OVER_TIME || id == FUNCTION_AVG_OVER_TIME || id == FUNCTION_RATE ||
             id == FUNCTION_INCREASE || id == FUNCTION_DELTA)
        return mix_window(v, step, w, floats, err);
    else
        ignore_histograms(v, floats);
    return TSDB_OK;
}

/* ---- the series --------------------------------------------------------------- */

static bool is_break(const struct view *v, uint32_t i)
{
    const struct samples *all = v->m->all;
    bool is_change = v->m->call->call.function->id == FUNCTION_CHANGES;
    if (!v->h[i] != !v->h[i - 1])
        return true;
    if (v->h[i])
        return is_change ? !histogram_has_same_buckets(v->h[i], v->h[i - 1]) : v->is_reset[i];
    double now = all->values[i], before = all->values[i - 1];
    if (is_change)
        return now != before && !(isnan(now) && isnan(before));
    return now < before;
}

static void look_over(struct view *v)
{
    const struct samples *all = v->m->all;
    for (uint32_t i = 0; i < all->count; i++) {
        v->floats[i + 1] = v->floats[i] + !v->h[i];
        if (i == 0)
            continue;
        v->is_reset[i] =
            v->h[i] && v->h[i - 1] && histogram_is_reset(v->h[i], v->h[i - 1], &v->m->ev->scratch);
        v->breaks[i] = v->breaks[i - 1] + is_break(v, i);
    }
}

/* The function over the floats alone, at every step. */
static enum tsdb_status floats_alone(const struct view *v, struct tsdb_error *err)
{
    const struct samples *all = v->m->all;
    struct arena *arena = v->m->arena;
    uint32_t floats = v->floats[all->count];
    if (floats == 0)
        return TSDB_OK;
    int64_t *ts = ARENA_ARRAY(arena, int64_t, floats);
    double *values = ARENA_ARRAY(arena, double, floats);
    struct window *windows = ARENA_ARRAY(arena, struct window, v->m->job->steps);
    if (!ts || !values || !windows)
        return eval_full(v->m->ev, err);
    for (uint32_t i = 0, n = 0; i < all->count; i++) {
        if (v->h[i])
            continue;
        ts[n] = all->ts[i];
        values[n++] = all->values[i];
    }
    struct window_job job = *v->m->job;
    for (uint32_t i = 0; i < job.steps; i++)
        windows[i] = (struct window){v->floats[job.windows[i].from], v->floats[job.windows[i].to]};
    job.ts = ts;
    job.values = values;
    job.count = floats;
    job.windows = windows;
    v->m->fn(&job);
    return TSDB_OK;
}

enum tsdb_status window_mixed(const struct mixed_job *m, struct tsdb_error *err)
{
    uint32_t count = m->all->count;
    struct view v = {.m = m,
                     .h = m->all->histograms,
                     .floats = ARENA_ARRAY(m->arena, uint32_t, (size_t)count + 1),
                     .breaks = ARENA_ARRAY(m->arena, uint32_t, count),
                     .is_reset = ARENA_ARRAY(m->arena, bool, count)};
    if (!v.floats || !v.breaks || !v.is_reset)
        return eval_full(m->ev, err);
    look_over(&v);
    enum tsdb_status st = floats_alone(&v, err);
    for (uint32_t i = 0; i < m->job->steps && st == TSDB_OK; i++) {
        struct window w = m->job->windows[i];
        if (w.to - w.from == v.floats[w.to] - v.floats[w.from])
            continue;
        st = one_window(&v, i, w, err);
        if (st == TSDB_OK)
            st = eval_poll(m->ev, w.to - w.from, err);
    }
    return st;
}
