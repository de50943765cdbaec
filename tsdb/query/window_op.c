#include "tsdb/query/window_op.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/window_histogram.h"

#include <math.h>
#include <string.h>

struct window_op {
    struct op op;
    struct source *source;
    const struct expr *range; /* MATRIX or SUBQUERY */
    enum function_id id;
    window_fn *fn;
    struct window_job job;
    struct window *windows; /* job.windows */
    struct row row;
    struct arena scratch; /* job.scratch and job.indices */
    uint32_t scratch_count;
    struct arena points; /* of one row's histograms */
    bool is_checked;
    bool is_done; /* absent_over_time */
};

static void window_close(struct op *op)
{
    struct window_op *w = (struct window_op *)op;
    source_close(w->source);
    arena_release(&w->scratch);
    arena_release(&w->points);
}

static bool scratch_for(struct window_op *w, uint32_t count)
{
    if (count <= w->scratch_count)
        return true;
    arena_release(&w->scratch);
    uint32_t room = count + count / 4 + 64;
    w->job.scratch = ARENA_ARRAY(&w->scratch, double, (size_t)WINDOW_SCRATCH_DOUBLES *room);
    w->job.indices = ARENA_ARRAY(&w->scratch, uint32_t, (size_t)WINDOW_SCRATCH_INDICES * room);
    w->scratch_count = w->job.scratch && w->job.indices ? room : 0;
    return w->scratch_count > 0;
}

/* ---- arguments ---------------------------------------------------------------- */

/* Once there is a series at all, as Prometheus does. */
static enum tsdb_status check_parameters(struct window_op *w, struct tsdb_error *err)
{
    struct op *op = &w->op;
    for (uint32_t i = 0; i < op->grid.count; i++) {
        if (w->job.windows[i].from == w->job.windows[i].to)
            continue;
        if (w->id == FUNCTION_QUANTILE_OVER_TIME) {
            double q = w->job.parameters[0][i];
            if (isnan(q) || q < 0 || q > 1)
                annotations_add(
                    &op->ev->annotations, ANNOTATION_WARNING, op->expr->call.arguments[0]->begin,
                    "quantile value should be between 0 and 1, got %s", annotation_number(q).at);
            continue;
        }
        double smoothing = w->job.parameters[0][i], trend = w->job.parameters[1][i];
        if (smoothing <= 0 || smoothing >= 1)
            return tsdb_fail(err, TSDB_EEXEC,
                             "invalid smoothing factor. Expected: 0 < sf < 1, got: %f", smoothing);
        if (trend <= 0 || trend >= 1)
            return tsdb_fail(err, TSDB_EEXEC, "invalid trend factor. Expected: 0 < tf < 1, got: %f",
                             trend);
    }
    return TSDB_OK;
}

static bool is_range(const struct expr *e)
{
    return e->kind == EXPR_MATRIX || e->kind == EXPR_SUBQUERY;
}

/* The scalars go to job.parameters, the range stays. */
static enum tsdb_status take_arguments(struct window_op *w, struct tsdb_error *err)
{
    const struct expr_call *call = &w->op.expr->call;
    uint32_t scalars = 0;
    for (uint32_t i = 0; i < call->count; i++) {
        const struct expr *argument = expr_unwrap(call->arguments[i]);
        if (is_range(argument)) {
            w->range = argument;
            continue;
        }
        ASSERT(scalars < 2);
        enum tsdb_status st =
            scalar_values(w->op.ev, argument, &w->op.grid, &w->job.parameters[scalars++], err);
        if (st != TSDB_OK)
            return st;
    }
    ASSERT(w->range != NULL);
    return TSDB_OK;
}

/* ---- rows --------------------------------------------------------------------- */

static bool keeps_name(enum function_id id)
{
    return id == FUNCTION_FIRST_OVER_TIME || id == FUNCTION_LAST_OVER_TIME;
}

static bool ends_with(struct tsdb_text text, const char *end)
{
    size_t n = strlen(end);
    return text.len >= n && memcmp(text.at + text.len - n, end, n) == 0;
}

static void doubt_counter(const struct window_op *w, struct tsdb_text name)
{
    bool is_rate = w->id == FUNCTION_RATE || w->id == FUNCTION_INCREASE;
    if (!is_rate || name.len == 0 || ends_with(name, "_total") || ends_with(name, "_sum") ||
        ends_with(name, "_count") || ends_with(name, "_bucket"))
        return;
    if (!memchr(w->row.kinds, POINT_FLOAT, w->op.grid.count))
        return;
    annotations_named(&w->op.ev->annotations, ANNOTATION_INFO, w->op.expr->call.arguments[0]->begin,
                      "metric might not be a counter, name does not end in "
                      "_total/_sum/_count/_bucket:",
                      name);
}

static bool has_histogram(const struct samples *s)
{
    for (uint32_t i = 0; s->histograms && i < s->count; i++)
        if (s->histograms[i])
            return true;
    return false;
}

/* Fills the row from one series' samples. */
static enum tsdb_status apply(struct window_op *w, struct samples *s, struct tsdb_text name,
                              struct tsdb_error *err)
{
    struct eval *ev = w->op.ev;
    struct window_job *job = &w->job;
    if (!scratch_for(w, s->count))
        return eval_full(ev, err);
    windows_of(ev, s, w->range, &w->op.grid, w->windows);
    if (!w->is_checked &&
        (w->id == FUNCTION_QUANTILE_OVER_TIME || w->id == FUNCTION_DOUBLE_EXPONENTIAL_SMOOTHING)) {
        enum tsdb_status st = check_parameters(w, err);
        if (st != TSDB_OK)
            return st;
        w->is_checked = true;
    }
    job->ts = s->ts;
    job->values = s->values;
    job->count = s->count;
    memset(w->row.kinds, POINT_NONE, job->steps);
    if (!has_histogram(s)) {
        w->fn(job);
        return TSDB_OK;
    }
    arena_reset(&w->points);
    if (!row_add_histograms(ev, &w->row, job->steps))
        return eval_full(ev, err);
    struct mixed_job mixed = {.ev = ev,
                              .call = w->op.expr,
                              .name = name,
                              .all = s,
                              .job = job,
                              .fn = w->fn,
                              .arena = &w->points,
                              .row = &w->row};
    return window_mixed(&mixed, err);
}

/* The next series that has a sample at all. */
static enum tsdb_status next_series(struct window_op *w, struct tsdb_labels *labels,
                                    struct tsdb_error *err)
{
    for (;;) {
        struct samples *samples;
        enum tsdb_status st = source_next(w->source, labels, &samples, err);
        if (st != TSDB_OK)
            return st;
        samples_drop_stale(samples);
        if (samples->count == 0)
            continue;
        st = apply(w, samples, label_get(*labels, label_name_text), err);
        if (st == TSDB_OK)
            st = eval_poll(w->op.ev, w->op.grid.count, err);
        return st;
    }
}

static enum tsdb_status window_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct window_op *w = (struct window_op *)op;
    for (;;) {
        struct tsdb_labels labels;
        enum tsdb_status st = next_series(w, &labels, err);
        if (st != TSDB_OK)
            return st;
        if (row_is_empty(&w->row, op->grid.count))
            continue;
        doubt_counter(w, label_get(labels, label_name_text));
        w->row.labels = labels;
        if (!keeps_name(w->id) && !labels_drop_name(&op->ev->arena, labels, &w->row.labels))
            return eval_full(op->ev, err);
        *out = &w->row;
        return TSDB_OK;
    }
}

/* ---- absent_over_time --------------------------------------------------------- */

static enum tsdb_status absent_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct window_op *w = (struct window_op *)op;
    uint32_t steps = op->grid.count;
    if (w->is_done)
        return TSDB_END;
    w->is_done = true;
    uint8_t *absent = ARENA_ARRAY(&op->ev->arena, uint8_t, steps);
    if (!absent)
        return eval_full(op->ev, err);
    memset(absent, POINT_FLOAT, steps);
    for (;;) {
        struct tsdb_labels labels;
        enum tsdb_status st = next_series(w, &labels, err);
        if (st == TSDB_END)
            break;
        if (st != TSDB_OK)
            return st;
        for (uint32_t i = 0; i < steps; i++)
            if (w->row.kinds[i] != POINT_NONE)
                absent[i] = POINT_NONE;
    }
    w->row.kinds = absent;
    for (uint32_t i = 0; i < steps; i++)
        w->row.values[i] = 1;
    if (row_is_empty(&w->row, steps))
        return TSDB_END;
    *out = &w->row;
    return absent_labels(op->ev, op->expr->call.arguments[0], &w->row.labels, err);
}

enum tsdb_status absent_labels(struct eval *ev, const struct expr *argument,
                               struct tsdb_labels *out, struct tsdb_error *err)
{
    *out = (struct tsdb_labels){0};
    const struct expr *e = expr_unwrap(argument);
    if (e->kind == EXPR_MATRIX)
        e = e->matrix.selector;
    if (e->kind != EXPR_SELECTOR)
        return TSDB_OK;
    const struct expr_matcher *m = e->selector.matchers;
    for (uint32_t i = 0; i < e->selector.matcher_count; i++) {
        if (text_equal(m[i].name, label_name_text))
            continue;
        uint32_t earlier = 0;
        for (uint32_t k = 0; k < i; k++)
            earlier += m[k].kind == EXPR_MATCH_EQUAL && text_equal(m[k].name, m[i].name);
        bool is_given = m[i].kind == EXPR_MATCH_EQUAL && earlier == 0;
        struct tsdb_text value = is_given ? m[i].value : (struct tsdb_text){"", 0};
        if (!labels_set(&ev->arena, *out, m[i].name, value, out))
            return eval_full(ev, err);
    }
    return TSDB_OK;
}

/* ---- the operator ------------------------------------------------------------- */

static enum tsdb_status open_window(struct window_op *w, struct tsdb_error *err)
{
    struct eval *ev = w->op.ev;
    const struct grid *grid = &w->op.grid;
    enum tsdb_status st = take_arguments(w, err);
    if (st != TSDB_OK)
        return st;
    int64_t *ends = ARENA_ARRAY(&ev->arena, int64_t, grid->count);
    w->windows = ARENA_ARRAY(&ev->arena, struct window, grid->count);
    if (!ends || !w->windows || !row_init(ev, &w->row, grid->count, false))
        return eval_full(ev, err);
    for (uint32_t i = 0; i < grid->count; i++)
        ends[i] = eval_time_at(ev, range_time(w->range), grid, i);
    w->job.ends = ends;
    w->job.windows = w->windows;
    w->job.steps = grid->count;
    w->job.range = range_of(w->range);
    w->job.grid = *grid;
    w->job.out = w->row.values;
    w->job.kinds = w->row.kinds;
    return source_new(ev, w->range, grid, &w->source, err);
}

enum tsdb_status window_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                            struct op **out, struct tsdb_error *err)
{
    struct window_op *w = OP_NEW(struct window_op, ev, e, grid);
    if (!w)
        return eval_full(ev, err);
    w->id = e->call.function->id;
    w->fn = window_function(w->id);
    ASSERT(w->fn != NULL);
    arena_init(&w->scratch, SIZE_MAX, ev->budget);
    arena_init(&w->points, SIZE_MAX, ev->budget);
    enum tsdb_status st = open_window(w, err);
    if (st != TSDB_OK)
        return st;
    w->op.next = w->id == FUNCTION_ABSENT_OVER_TIME ? absent_next : window_next;
    w->op.close = window_close;
    w->op.is_name_fixed = true; /* there are no names, or no two for one set of labels */
    if (w->id == FUNCTION_ABSENT_OVER_TIME || source_is_name_fixed(w->source)) {
        *out = &w->op;
        return TSDB_OK;
    }
    if (keeps_name(w->id)) {
        w->op.is_name_fixed = false;
        *out = &w->op;
        return TSDB_OK;
    }
    return merge_new(&w->op, true, out, err);
}
