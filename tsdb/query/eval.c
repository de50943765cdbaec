#include "tsdb/query/eval.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/eval_table.h"

#include <string.h>

enum { POLL_SAMPLES = 4096 };

/* ---- shared state ------------------------------------------------------------- */

enum tsdb_status eval_full(const struct eval *ev, struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_ELIMIT,
                     "query needs more memory than bytes_max of %llu or the engine allows",
                     (unsigned long long)ev->bytes_max);
}

static enum tsdb_status ask_clock(struct eval *ev, struct tsdb_error *err)
{
    ev->unpolled = 0;
    uint64_t used = budget_used(ev->budget);
    if (used > ev->bytes_peak)
        ev->bytes_peak = used;
    if (atomic_load_explicit(&ev->is_canceled, memory_order_relaxed))
        return tsdb_fail(err, TSDB_ECANCELED, "query was canceled in expression evaluation");
    if (clock_mono_ns(ev->clock) > ev->deadline)
        return tsdb_fail(err, TSDB_ECANCELED, "query timed out in expression evaluation");
    return TSDB_OK;
}

enum tsdb_status eval_poll(struct eval *ev, uint32_t samples, struct tsdb_error *err)
{
    if (__builtin_add_overflow(ev->unpolled, samples, &ev->unpolled) ||
        ev->unpolled >= POLL_SAMPLES)
        return ask_clock(ev, err);
    return TSDB_OK;
}

enum tsdb_status eval_read(struct eval *ev, uint32_t samples, struct tsdb_error *err)
{
    ev->samples += samples;
    if (ev->samples_held + samples > ev->samples_peak)
        ev->samples_peak = ev->samples_held + samples;
    if (ev->samples > ev->samples_max)
        return tsdb_fail(err, TSDB_ELIMIT,
                         "query processing would load too many samples into memory in query "
                         "execution: more than samples_max of %llu",
                         (unsigned long long)ev->samples_max);
    return eval_poll(ev, samples, err);
}

int64_t eval_time_at(const struct eval *ev, const struct expr_time *time, const struct grid *grid,
                     uint32_t i)
{
    switch (time->at) {
    case EXPR_AT_NONE: return time_sub(grid_at(grid, i), time->offset);
    case EXPR_AT_TIME: return time_sub(time->at_ts, time->offset);
    case EXPR_AT_START: return time_sub(ev->grid.start, time->offset);
    case EXPR_AT_END: return time_sub(ev->end, time->offset);
    }
    UNREACHABLE();
}

/* ---- rows --------------------------------------------------------------------- */

bool row_init(struct eval *ev, struct row *row, uint32_t steps, bool has_histograms)
{
    *row = (struct row){.kinds = ARENA_ARRAY(&ev->arena, uint8_t, steps),
                        .values = ARENA_ARRAY(&ev->arena, double, steps)};
    if (!row->kinds || !row->values)
        return false;
    return !has_histograms || row_add_histograms(ev, row, steps);
}

bool row_add_histograms(struct eval *ev, struct row *row, uint32_t steps)
{
    if (!row->histograms)
        row->histograms = ARENA_ARRAY(&ev->arena, const struct tsdb_histogram *, steps);
    return row->histograms != NULL;
}

bool row_is_empty(const struct row *row, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++)
        if (row->kinds[i] != POINT_NONE)
            return false;
    return true;
}

static bool copy_histograms(struct eval *ev, struct row *to, const struct row *from, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        if (from->kinds[i] != POINT_HISTOGRAM)
            continue;
        if (!row_add_histograms(ev, to, steps))
            return false;
        to->histograms[i] = histogram_copy(&ev->arena, from->histograms[i]);
        if (!to->histograms[i])
            return false;
    }
    return true;
}

bool row_copy(struct eval *ev, struct row *to, const struct row *from, uint32_t steps)
{
    if (!row_init(ev, to, steps, false))
        return false;
    to->labels = from->labels;
    memcpy(to->kinds, from->kinds, steps);
    memcpy(to->values, from->values, steps * sizeof *to->values);
    return !from->histograms || copy_histograms(ev, to, from, steps);
}

static bool copy_array(struct arena *arena, const void *from, uint32_t count, size_t size,
                       void *slot)
{
    if (count == 0)
        return true;
    void *made = arena_get(arena, count, size, alignof(max_align_t));
    if (!made)
        return false;
    memcpy(made, from, count * size);
    memcpy(slot, &made, sizeof made);
    return true;
}

const struct tsdb_histogram *histogram_copy(struct arena *arena, const struct tsdb_histogram *h)
{
    struct tsdb_histogram *to = ARENA_ARRAY(arena, struct tsdb_histogram, 1);
    if (!to)
        return NULL;
    *to = *h;
    bool is_whole =
        copy_array(arena, h->positive_spans, h->positive_span_count, sizeof *h->positive_spans,
                   &to->positive_spans) &&
        copy_array(arena, h->negative_spans, h->negative_span_count, sizeof *h->negative_spans,
                   &to->negative_spans) &&
        copy_array(arena, h->positive, h->positive_count, sizeof *h->positive, &to->positive) &&
        copy_array(arena, h->negative, h->negative_count, sizeof *h->negative, &to->negative) &&
        copy_array(arena, h->custom, h->custom_count, sizeof *h->custom, &to->custom);
    return is_whole ? to : NULL;
}

/* ---- operators ---------------------------------------------------------------- */

void *op_alloc(struct eval *ev, size_t bytes, const struct expr *e, const struct grid *grid)
{
    ASSERT(bytes >= sizeof(struct op));
    struct op *op = arena_get(&ev->arena, 1, bytes, alignof(max_align_t));
    if (!op)
        return NULL;
    op->ev = ev;
    op->expr = e;
    op->grid = *grid;
    return op;
}

void op_close(struct op *op)
{
    if (!op)
        return;
    for (size_t i = 0; i < sizeof op->children / sizeof op->children[0]; i++)
        op_close(op->children[i]);
    if (op->close)
        op->close(op);
    memset(op->children, 0, sizeof op->children);
    op->close = NULL;
}

struct constant_op {
    struct op op;
    struct row row;
    bool is_given;
};

static enum tsdb_status constant_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    (void)err;
    struct constant_op *c = (struct constant_op *)op;
    if (c->is_given || op->grid.count == 0)
        return TSDB_END;
    c->is_given = true;
    *out = &c->row;
    return TSDB_OK;
}

enum tsdb_status constant_new(struct eval *ev, const struct expr *e, double value,
                              const struct grid *grid, struct op **out, struct tsdb_error *err)
{
    struct constant_op *c = OP_NEW(struct constant_op, ev, e, grid);
    if (!c || !row_init(ev, &c->row, grid->count, false))
        return eval_full(ev, err);
    c->op.next = constant_next;
    c->op.is_name_fixed = true;
    for (uint32_t i = 0; i < grid->count; i++) {
        c->row.kinds[i] = POINT_FLOAT;
        c->row.values[i] = value;
    }
    *out = &c->op;
    return TSDB_OK;
}

struct broadcast_op {
    struct op op;
    struct row row;
};

static enum tsdb_status broadcast_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct broadcast_op *b = (struct broadcast_op *)op;
    struct row *one;
    enum tsdb_status st = op_next(op->children[0], &one, err);
    if (st != TSDB_OK)
        return st;
    uint32_t steps = op->grid.count;
    if (one->kinds[0] == POINT_HISTOGRAM && !row_add_histograms(op->ev, &b->row, steps))
        return eval_full(op->ev, err);
    b->row.labels = one->labels;
    memset(b->row.kinds, one->kinds[0], steps);
    for (uint32_t i = 0; i < steps; i++) {
        b->row.values[i] = one->values[0];
        if (one->kinds[0] == POINT_HISTOGRAM)
            b->row.histograms[i] = one->histograms[0];
    }
    *out = &b->row;
    return TSDB_OK;
}

enum tsdb_status broadcast_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                               struct op **out, struct tsdb_error *err)
{
    struct broadcast_op *b = OP_NEW(struct broadcast_op, ev, e, grid);
    if (!b || !row_init(ev, &b->row, grid->count, false))
        return eval_full(ev, err);
    struct grid first = {.start = grid->start, .step = grid->step, .count = 1};
    enum tsdb_status st = op_new(ev, e, &first, &b->op.children[0], err);
    if (st != TSDB_OK)
        return st;
    b->op.next = broadcast_next;
    b->op.is_name_fixed = b->op.children[0]->is_name_fixed;
    *out = &b->op;
    return TSDB_OK;
}

struct merge_op {
    struct op op;
    struct row_table table;
    uint32_t given;
    bool is_strict, is_full;
};

static enum tsdb_status merge_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct merge_op *m = (struct merge_op *)op;
    while (!m->is_full) {
        struct row *row;
        enum tsdb_status st = op_next(op->children[0], &row, err);
        if (st == TSDB_END) {
            m->is_full = true;
            break;
        }
        if (st == TSDB_OK)
            st = row_table_merge(op->ev, &m->table, row, &op->grid, m->is_strict, err);
        if (st != TSDB_OK)
            return st;
    }
    if (m->given == m->table.count)
        return TSDB_END;
    *out = &m->table.rows[m->given++];
    return TSDB_OK;
}

enum tsdb_status merge_new(struct op *child, bool is_strict, struct op **out,
                           struct tsdb_error *err)
{
    struct merge_op *m = OP_NEW(struct merge_op, child->ev, child->expr, &child->grid);
    if (!m) {
        op_close(child);
        return eval_full(child->ev, err);
    }
    m->op.next = merge_next;
    m->op.children[0] = child;
    m->op.is_name_fixed = false;
    m->is_strict = is_strict;
    *out = &m->op;
    return TSDB_OK;
}

enum tsdb_status scalar_values(struct eval *ev, const struct expr *e, const struct grid *grid,
                               const double **out, struct tsdb_error *err)
{
    struct op *op = NULL;
    enum tsdb_status st = op_new(ev, e, grid, &op, err);
    double *values = ARENA_ARRAY(&ev->arena, double, grid->count);
    if (st == TSDB_OK && !values)
        st = eval_full(ev, err);
    struct row *row = NULL;
    if (st == TSDB_OK)
        st = op_next(op, &row, err);
    if (st == TSDB_OK)
        memcpy(values, row->values, grid->count * sizeof *values);
    op_close(op);
    if (st == TSDB_END) /* only an empty grid has no row */
        st = TSDB_OK;
    if (st == TSDB_OK)
        *out = values;
    return st;
}
