#include "tsdb/query/select_op.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/query.h"

#include <stdlib.h>
#include <string.h>

struct source {
    struct eval *ev;
    const struct expr *expr;
    struct matcher *matchers; /* in the arena */
    uint32_t matcher_count;
    struct series_set *set; /* SELECTOR, MATRIX */
    struct op *inner;       /* SUBQUERY */
    uint32_t at, series;
    uint32_t *order; /* of source_sort, else NULL */
    struct samples samples;
    struct arena hints; /* of the histograms whose hint was taken away */
    bool is_name_fixed;
};

int64_t range_of(const struct expr *e)
{
    return e->kind == EXPR_MATRIX ? e->matrix.range : e->subquery.range;
}

const struct expr_time *range_time(const struct expr *e)
{
    if (e->kind == EXPR_SUBQUERY)
        return &e->subquery.time;
    return e->kind == EXPR_MATRIX ? &e->matrix.selector->selector.time : &e->selector.time;
}

bool source_is_name_fixed(const struct source *s)
{
    return s->is_name_fixed;
}

void source_close(struct source *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->matcher_count; i++)
        matcher_release(&s->matchers[i]);
    s->matcher_count = 0;
    if (s->set)
        series_set_close(s->set);
    s->set = NULL;
    op_close(s->inner);
    s->inner = NULL;
    if (s->expr->kind != EXPR_SUBQUERY) /* whose arrays are the arena's */
        samples_release(&s->samples);
    arena_release(&s->hints);
}

/* ---- from the store ----------------------------------------------------------- */

static enum matcher_kind kind_of(enum expr_match match)
{
    switch (match) {
    case EXPR_MATCH_EQUAL: return MATCH_EQ;
    case EXPR_MATCH_NOT_EQUAL: return MATCH_NE;
    case EXPR_MATCH_REGEX: return MATCH_RE;
    case EXPR_MATCH_NOT_REGEX: return MATCH_NRE;
    }
    UNREACHABLE();
}

static enum tsdb_status make_matchers(struct source *s, const struct expr_selector *from,
                                      struct tsdb_error *err)
{
    s->matchers = ARENA_ARRAY(&s->ev->arena, struct matcher, from->matcher_count);
    if (!s->matchers)
        return eval_full(s->ev, err);
    for (uint32_t i = 0; i < from->matcher_count; i++) {
        const struct expr_matcher *m = &from->matchers[i];
        enum tsdb_status st =
            matcher_init(&s->matchers[i], kind_of(m->kind), m->name, m->value, err);
        if (st != TSDB_OK)
            return st;
        s->matcher_count++;
        if (m->kind == EXPR_MATCH_EQUAL && text_equal(m->name, label_name_text))
            s->is_name_fixed = true;
    }
    return TSDB_OK;
}

static enum tsdb_status open_selector(struct source *s, const struct grid *grid,
                                      struct tsdb_error *err)
{
    struct eval *ev = s->ev;
    const struct expr *e = s->expr;
    const struct expr *selector = e->kind == EXPR_MATRIX ? e->matrix.selector : e;
    int64_t range = e->kind == EXPR_MATRIX ? e->matrix.range : ev->lookback;
    enum tsdb_status st = make_matchers(s, &selector->selector, err);
    if (st != TSDB_OK || grid->count == 0)
        return st;
    const struct expr_time *time = &selector->selector.time;
    int64_t first = eval_time_at(ev, time, grid, 0);
    int64_t start = time_sub(first, range);
    struct metrics_selection selection = {
        .tenant = ev->tenant,
        .matchers = s->matchers,
        .matcher_count = s->matcher_count,
        .start = start == INT64_MAX ? start : start + 1,
        .end = eval_time_at(ev, time, grid, grid->count - 1),
        .series_max = ev->series_max,
        .budget = ev->budget,
    };
    if (selection.start > selection.end)
        return TSDB_OK; /* an empty range */
    st = metrics_select(ev->metrics, &selection, &s->set, err);
    if (st != TSDB_OK)
        return st;
    s->series = series_set_count(s->set);
    ev->series += s->series;
    ev->is_partial = ev->is_partial || series_set_is_partial(s->set);
    if (ev->series > ev->series_max)
        return tsdb_fail(err, TSDB_ELIMIT, "query matches more series than series_max of %llu",
                         (unsigned long long)ev->series_max);
    return TSDB_OK;
}

struct by_labels {
    struct tsdb_labels labels;
    uint32_t index;
};

static int compare_by_labels(const void *a, const void *b)
{
    const struct by_labels *x = a, *y = b;
    return labels_compare(x->labels, y->labels);
}

enum tsdb_status source_sort(struct source *s, struct tsdb_error *err)
{
    ASSERT(!s->inner);
    struct by_labels *all = ARENA_ARRAY(&s->ev->arena, struct by_labels, s->series);
    s->order = ARENA_ARRAY(&s->ev->arena, uint32_t, s->series);
    if (!all || !s->order)
        return eval_full(s->ev, err);
    for (uint32_t i = 0; i < s->series; i++)
        all[i] = (struct by_labels){series_set_labels(s->set, i), i};
    if (s->series > 0)
        qsort(all, s->series, sizeof *all, compare_by_labels);
    for (uint32_t i = 0; i < s->series; i++)
        s->order[i] = all[i].index;
    return TSDB_OK;
}

/* ---- from a subquery ---------------------------------------------------------- */

enum tsdb_status subquery_grid(const struct eval *ev, const struct expr *e,
                               const struct grid *outer, struct grid *out, struct tsdb_error *err)
{
    const struct expr_subquery *sub = &e->subquery;
    int64_t step = sub->step > 0 ? sub->step : QUERY_SUBQUERY_STEP_NS;
    *out = (struct grid){.step = step};
    if (outer->count == 0)
        return TSDB_OK;
    int64_t before = time_sub(eval_time_at(ev, &sub->time, outer, 0), sub->range);
    int64_t end = eval_time_at(ev, &sub->time, outer, outer->count - 1);
    int64_t start = before / step * step; /* towards zero: the next one up when negative */
    if (start <= before && __builtin_add_overflow(start, step, &start))
        return TSDB_OK;
    out->start = start;
    if (end < start)
        return TSDB_OK;
    uint64_t count = ((uint64_t)end - (uint64_t)start) / (uint64_t)step + 1;
    if (count > ev->samples_max || count >= UINT32_MAX)
        return tsdb_fail(err, TSDB_ELIMIT,
                         "query processing would load too many samples into memory in query "
                         "execution: a subquery of %llu steps is beyond samples_max of %llu",
                         (unsigned long long)count, (unsigned long long)ev->samples_max);
    out->count = (uint32_t)count;
    return TSDB_OK;
}

static enum tsdb_status open_subquery(struct source *s, const struct grid *grid,
                                      struct tsdb_error *err)
{
    struct grid inner;
    enum tsdb_status st = subquery_grid(s->ev, s->expr, grid, &inner, err);
    if (st != TSDB_OK)
        return st;
    st = op_new(s->ev, s->expr->subquery.expr, &inner, &s->inner, err);
    if (st != TSDB_OK)
        return st;
    s->is_name_fixed = s->inner->is_name_fixed;
    struct samples *to = &s->samples;
    to->cap = inner.count;
    to->ts = ARENA_ARRAY(&s->ev->arena, int64_t, inner.count);
    to->values = ARENA_ARRAY(&s->ev->arena, double, inner.count);
    return to->ts && to->values ? TSDB_OK : eval_full(s->ev, err);
}

static const struct tsdb_histogram *without_hint(struct source *s, const struct tsdb_histogram *h)
{
    if (h->hint != TSDB_RESET_YES && h->hint != TSDB_RESET_NO)
        return h;
    struct tsdb_histogram *copy = ARENA_ARRAY(&s->hints, struct tsdb_histogram, 1);
    if (!copy)
        return NULL;
    *copy = *h;
    copy->hint = TSDB_RESET_UNKNOWN;
    return copy;
}

static enum tsdb_status next_subquery(struct source *s, struct tsdb_labels *labels,
                                      struct tsdb_error *err)
{
    struct row *row;
    enum tsdb_status st = op_next(s->inner, &row, err);
    if (st != TSDB_OK)
        return st;
    struct samples *to = &s->samples;
    const struct grid *grid = &s->inner->grid;
    if (row->histograms && !to->histograms) {
        to->histograms = ARENA_ARRAY(&s->ev->arena, const struct tsdb_histogram *, to->cap);
        if (!to->histograms)
            return eval_full(s->ev, err);
    }
    arena_reset(&s->hints);
    to->count = 0;
    for (uint32_t i = 0; i < grid->count; i++) {
        if (row->kinds[i] == POINT_NONE)
            continue;
        to->ts[to->count] = grid_at(grid, i);
        to->values[to->count] = row->values[i];
        if (to->histograms)
            to->histograms[to->count] = NULL;
        if (row->kinds[i] == POINT_HISTOGRAM) {
            ASSERT(to->histograms != NULL && row->histograms != NULL);
            to->histograms[to->count] = without_hint(s, row->histograms[i]);
            if (!to->histograms[to->count])
                return eval_full(s->ev, err);
        }
        to->count++;
    }
    *labels = row->labels;
    return eval_poll(s->ev, grid->count, err);
}

/* ---- both --------------------------------------------------------------------- */

enum tsdb_status source_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                            struct source **out, struct tsdb_error *err)
{
    struct source *s = ARENA_ARRAY(&ev->arena, struct source, 1);
    if (!s)
        return eval_full(ev, err);
    s->ev = ev;
    s->expr = e;
    arena_init(&s->hints, SIZE_MAX, ev->budget);
    samples_init(&s->samples, ev->budget);
    enum tsdb_status st =
        e->kind == EXPR_SUBQUERY ? open_subquery(s, grid, err) : open_selector(s, grid, err);
    if (st != TSDB_OK)
        source_close(s);
    else
        *out = s;
    return st;
}

enum tsdb_status source_next(struct source *s, struct tsdb_labels *labels, struct samples **samples,
                             struct tsdb_error *err)
{
    *samples = &s->samples;
    if (s->inner)
        return next_subquery(s, labels, err);
    if (s->at == s->series)
        return TSDB_END;
    uint32_t index = s->order ? s->order[s->at] : s->at;
    s->at++;
    enum tsdb_status st = series_set_samples(s->set, index, &s->samples, err);
    if (st != TSDB_OK)
        return st;
    *labels = series_set_labels(s->set, index);
    s->ev->is_partial = s->ev->is_partial || series_set_is_partial(s->set);
    return eval_read(s->ev, s->samples.count, err);
}

void windows_of(const struct eval *ev, const struct samples *s, const struct expr *e,
                const struct grid *grid, struct window *windows)
{
    int64_t range = range_of(e);
    const struct expr_time *time = range_time(e);
    uint32_t from = 0, to = 0;
    for (uint32_t i = 0; i < grid->count; i++) {
        int64_t end = eval_time_at(ev, time, grid, i);
        int64_t start = time_sub(end, range);
        while (to < s->count && s->ts[to] <= end)
            to++;
        while (from < to && s->ts[from] <= start)
            from++;
        windows[i] = (struct window){from, to};
    }
}

void samples_drop_stale(struct samples *s)
{
    uint32_t i = 0;
    while (i < s->count && !sample_is_stale(s, i))
        i++;
    uint32_t kept = i;
    for (; i < s->count; i++) {
        if (sample_is_stale(s, i))
            continue;
        s->ts[kept] = s->ts[i];
        s->values[kept] = s->values[i];
        if (s->histograms)
            s->histograms[kept] = s->histograms[i];
        kept++;
    }
    s->count = kept;
}

/* ---- the instant selector ----------------------------------------------------- */

struct select_op {
    struct op op;
    struct source *source;
    struct row row;
    bool is_timestamp;
};

static void select_close(struct op *op)
{
    source_close(((struct select_op *)op)->source);
}

/* Fills the row; false when it has no point. */
static bool look(struct select_op *s, const struct samples *in)
{
    const struct eval *ev = s->op.ev;
    const struct expr_time *time = &s->op.expr->selector.time;
    uint32_t next = 0, points = 0;
    for (uint32_t i = 0; i < s->op.grid.count; i++) {
        int64_t t = eval_time_at(ev, time, &s->op.grid, i);
        while (next < in->count && in->ts[next] <= t)
            next++;
        s->row.kinds[i] = POINT_NONE;
        if (next == 0 || in->ts[next - 1] <= time_sub(t, ev->lookback) ||
            sample_is_stale(in, next - 1))
            continue;
        points++;
        s->row.kinds[i] = POINT_FLOAT;
        s->row.values[i] = s->is_timestamp ? seconds_of(in->ts[next - 1]) : in->values[next - 1];
        if (in->histograms && in->histograms[next - 1]) {
            s->row.kinds[i] = POINT_HISTOGRAM;
            s->row.histograms[i] = in->histograms[next - 1];
        }
    }
    return points > 0;
}

static enum tsdb_status select_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct select_op *s = (struct select_op *)op;
    for (;;) {
        struct samples *samples;
        enum tsdb_status st = source_next(s->source, &s->row.labels, &samples, err);
        if (st == TSDB_OK && samples->histograms &&
            !row_add_histograms(op->ev, &s->row, op->grid.count))
            st = eval_full(op->ev, err);
        if (st == TSDB_OK)
            st = eval_poll(op->ev, op->grid.count, err);
        if (st != TSDB_OK)
            return st;
        if (!look(s, samples))
            continue;
        *out = &s->row;
        return TSDB_OK;
    }
}

enum tsdb_status select_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                            bool is_timestamp, struct op **out, struct tsdb_error *err)
{
    struct select_op *s = OP_NEW(struct select_op, ev, e, grid);
    if (!s || !row_init(ev, &s->row, grid->count, false))
        return eval_full(ev, err);
    enum tsdb_status st = source_new(ev, e, grid, &s->source, err);
    if (st != TSDB_OK)
        return st;
    s->op.next = select_next;
    s->op.close = select_close;
    s->op.is_name_fixed = source_is_name_fixed(s->source);
    s->is_timestamp = is_timestamp;
    *out = &s->op;
    return TSDB_OK;
}
