#include "tsdb/query/call.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/query/call_histogram.h"
#include "tsdb/query/call_info.h"
#include "tsdb/query/call_labels.h"
#include "tsdb/query/call_math.h"
#include "tsdb/query/call_sort.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/select_op.h"
#include "tsdb/query/window.h"
#include "tsdb/query/window_op.h"

#include <math.h>
#include <string.h>

struct tsdb_text call_text(const struct expr *e, uint32_t argument)
{
    const struct expr *text = expr_unwrap(e->call.arguments[argument]);
    ASSERT(text->kind == EXPR_STRING);
    return text->string;
}

bool label_name_is_valid(struct tsdb_text name)
{
    return name.len > 0 && utf8_check(name.at, name.len);
}

/* Operators that answer one row, made whole at once. */
struct single_op {
    struct op op;
    struct row row;
    bool is_given;
};

static enum tsdb_status single_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    (void)err;
    struct single_op *s = (struct single_op *)op;
    if (s->is_given || row_is_empty(&s->row, op->grid.count))
        return TSDB_END;
    s->is_given = true;
    *out = &s->row;
    return TSDB_OK;
}

/* A row of floats, all 0. */
static struct single_op *single_new(struct eval *ev, const struct expr *e, const struct grid *grid)
{
    struct single_op *s = OP_NEW(struct single_op, ev, e, grid);
    if (!s || !row_init(ev, &s->row, grid->count, false))
        return NULL;
    memset(s->row.kinds, POINT_FLOAT, grid->count);
    s->op.next = single_next;
    s->op.is_name_fixed = true;
    return s;
}

/* ---- scalars ------------------------------------------------------------------ */

static enum tsdb_status time_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                                 struct op **out, struct tsdb_error *err)
{
    struct single_op *s = single_new(ev, e, grid);
    if (!s)
        return eval_full(ev, err);
    for (uint32_t i = 0; i < grid->count; i++)
        s->row.values[i] = seconds_of(grid_at(grid, i));
    *out = &s->op;
    return TSDB_OK;
}

static enum tsdb_status either_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                                   struct op **out, struct tsdb_error *err)
{
    struct single_op *s = single_new(ev, e, grid);
    const double *a = NULL, *b = NULL;
    if (!s)
        return eval_full(ev, err);
    enum tsdb_status st = scalar_values(ev, e->call.arguments[0], grid, &a, err);
    if (st == TSDB_OK)
        st = scalar_values(ev, e->call.arguments[1], grid, &b, err);
    if (st != TSDB_OK)
        return st;
    bool is_max = e->call.function->id == FUNCTION_MAX_OF;
    for (uint32_t i = 0; i < grid->count; i++)
        s->row.values[i] = is_max ? greater_of(a[i], b[i]) : lesser_of(a[i], b[i]);
    *out = &s->op;
    return TSDB_OK;
}

static enum tsdb_status vector_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                                   struct op **out, struct tsdb_error *err)
{
    struct single_op *s = single_new(ev, e, grid);
    const double *values = NULL;
    if (!s)
        return eval_full(ev, err);
    enum tsdb_status st = scalar_values(ev, e->call.arguments[0], grid, &values, err);
    if (st != TSDB_OK)
        return st;
    if (grid->count > 0)
        memcpy(s->row.values, values, grid->count * sizeof *values);
    *out = &s->op;
    return TSDB_OK;
}

/* ---- of a whole vector -------------------------------------------------------- */

/* Reads all rows; fn looks at each. */
static enum tsdb_status each_row(struct eval *ev, const struct expr *e, const struct grid *grid,
                                 void (*fn)(struct single_op *s, const struct row *row),
                                 struct single_op *s, struct tsdb_error *err)
{
    struct op *child = NULL;
    enum tsdb_status st = op_new(ev, e, grid, &child, err);
    struct row *row;
    while (st == TSDB_OK && (st = op_next(child, &row, err)) == TSDB_OK) {
        fn(s, row);
        st = eval_poll(ev, grid->count, err);
    }
    op_close(child);
    return st == TSDB_END ? TSDB_OK : st;
}

/* kinds count here: NONE, one seen, more seen. */
static void see_scalar(struct single_op *s, const struct row *row)
{
    for (uint32_t i = 0; i < s->op.grid.count; i++) {
        if (row->kinds[i] != POINT_FLOAT)
            continue;
        s->row.values[i] = s->row.kinds[i] == 0 ? row->values[i] : (double)NAN;
        s->row.kinds[i] = 1;
    }
}

static enum tsdb_status scalar_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                                   struct op **out, struct tsdb_error *err)
{
    struct single_op *s = single_new(ev, e, grid);
    if (!s)
        return eval_full(ev, err);
    memset(s->row.kinds, 0, grid->count);
    enum tsdb_status st = each_row(ev, e->call.arguments[0], grid, see_scalar, s, err);
    if (st != TSDB_OK)
        return st;
    for (uint32_t i = 0; i < grid->count; i++)
        if (s->row.kinds[i] == 0)
            s->row.values[i] = (double)NAN;
    memset(s->row.kinds, POINT_FLOAT, grid->count);
    *out = &s->op;
    return TSDB_OK;
}

static void see_present(struct single_op *s, const struct row *row)
{
    for (uint32_t i = 0; i < s->op.grid.count; i++)
        if (row->kinds[i] != POINT_NONE)
            s->row.kinds[i] = POINT_NONE;
}

static enum tsdb_status absent_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                                   struct op **out, struct tsdb_error *err)
{
    struct single_op *s = single_new(ev, e, grid);
    if (!s)
        return eval_full(ev, err);
    for (uint32_t i = 0; i < grid->count; i++)
        s->row.values[i] = 1;
    const struct expr *argument = e->call.arguments[0];
    enum tsdb_status st = each_row(ev, argument, grid, see_present, s, err);
    if (st == TSDB_OK)
        st = absent_labels(ev, argument, &s->row.labels, err);
    if (st == TSDB_OK)
        *out = &s->op;
    return st;
}

/* ---- timestamp ---------------------------------------------------------------- */

static enum tsdb_status stamp_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    enum tsdb_status st = op_next(op->children[0], out, err);
    if (st != TSDB_OK)
        return st;
    struct row *row = *out;
    /* A selector has put the samples' own times there. */
    bool is_selector = expr_unwrap(op->expr->call.arguments[0])->kind == EXPR_SELECTOR;
    for (uint32_t i = 0; i < op->grid.count; i++) {
        if (row->kinds[i] == POINT_NONE)
            continue;
        row->kinds[i] = POINT_FLOAT;
        if (!is_selector)
            row->values[i] = seconds_of(grid_at(&op->grid, i));
    }
    if (!labels_drop_name(&op->ev->arena, row->labels, &row->labels))
        return eval_full(op->ev, err);
    return TSDB_OK;
}

static enum tsdb_status stamp_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                                  struct op **out, struct tsdb_error *err)
{
    struct op *s = OP_NEW(struct op, ev, e, grid);
    if (!s)
        return eval_full(ev, err);
    const struct expr *argument = expr_unwrap(e->call.arguments[0]);
    enum tsdb_status st = argument->kind == EXPR_SELECTOR
                              ? select_new(ev, argument, grid, true, &s->children[0], err)
                              : op_new(ev, argument, grid, &s->children[0], err);
    if (st != TSDB_OK)
        return st;
    s->next = stamp_next;
    s->is_name_fixed = true;
    if (s->children[0]->is_name_fixed) {
        *out = s;
        return TSDB_OK;
    }
    return merge_new(s, false, out, err);
}

/* ---- dispatch ----------------------------------------------------------------- */

static enum tsdb_status query_fact_new(struct eval *ev, const struct expr *e,
                                       const struct grid *grid, struct op **out,
                                       struct tsdb_error *err)
{
    double v = 0;
    switch ((int)e->call.function->id) {
    case FUNCTION_PI: v = M_PI; break;
    case FUNCTION_START: v = seconds_of(ev->grid.start); break;
    case FUNCTION_END: v = seconds_of(ev->end); break;
    case FUNCTION_RANGE: v = seconds_of(time_sub(ev->end, ev->grid.start)); break;
    case FUNCTION_STEP: v = seconds_of(ev->grid.step); break;
    default: UNREACHABLE();
    }
    return constant_new(ev, e, v, grid, out, err);
}

enum tsdb_status call_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                          struct op **out, struct tsdb_error *err)
{
    enum function_id id = e->call.function->id;
    if (window_function(id))
        return window_new(ev, e, grid, out, err);
    switch ((int)id) {
    case FUNCTION_TIME: return time_new(ev, e, grid, out, err);
    case FUNCTION_PI:
    case FUNCTION_START:
    case FUNCTION_END:
    case FUNCTION_RANGE:
    case FUNCTION_STEP: return query_fact_new(ev, e, grid, out, err);
    case FUNCTION_MAX_OF:
    case FUNCTION_MIN_OF: return either_new(ev, e, grid, out, err);
    case FUNCTION_VECTOR: return vector_new(ev, e, grid, out, err);
    case FUNCTION_SCALAR: return scalar_new(ev, e, grid, out, err);
    case FUNCTION_ABSENT: return absent_new(ev, e, grid, out, err);
    case FUNCTION_TIMESTAMP: return stamp_new(ev, e, grid, out, err);
    case FUNCTION_SORT:
    case FUNCTION_SORT_DESC:
    case FUNCTION_SORT_BY_LABEL:
    case FUNCTION_SORT_BY_LABEL_DESC: return call_sort_new(ev, e, grid, out, err);
    case FUNCTION_LABEL_REPLACE:
    case FUNCTION_LABEL_JOIN: return call_labels_new(ev, e, grid, out, err);
    case FUNCTION_HISTOGRAM_QUANTILE:
    case FUNCTION_HISTOGRAM_QUANTILES:
    case FUNCTION_HISTOGRAM_FRACTION: return call_rank_new(ev, e, grid, out, err);
    case FUNCTION_INFO: return call_info_new(ev, e, grid, out, err);
    default: return call_math_new(ev, e, grid, out, err);
    }
}
