#include "tsdb/query/binary.h"

#include "tsdb/base/assert.h"
#include "tsdb/query/binary_match.h"
#include "tsdb/query/binary_set.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/histogram_math_rank.h"

#include <math.h>
#include <string.h>

bool binary_op_drops_name(enum binary_op op)
{
    return op <= BINARY_ATAN2;
}

/* ---- floats ------------------------------------------------------------------- */

static void arithmetic(enum binary_op op, const double *a, const double *b, double *out, uint32_t n)
{
    switch ((int)op) {
    case BINARY_ADD:
        for (uint32_t i = 0; i < n; i++)
            out[i] = a[i] + b[i];
        return;
    case BINARY_SUB:
        for (uint32_t i = 0; i < n; i++)
            out[i] = a[i] - b[i];
        return;
    case BINARY_MUL:
        for (uint32_t i = 0; i < n; i++)
            out[i] = a[i] * b[i];
        return;
    case BINARY_DIV:
        for (uint32_t i = 0; i < n; i++)
            out[i] = a[i] / b[i];
        return;
    case BINARY_MOD:
        for (uint32_t i = 0; i < n; i++)
            out[i] = fmod(a[i], b[i]);
        return;
    case BINARY_POW:
        for (uint32_t i = 0; i < n; i++)
            out[i] = pow(a[i], b[i]);
        return;
    case BINARY_ATAN2:
        for (uint32_t i = 0; i < n; i++)
            out[i] = atan2(a[i], b[i]);
        return;
    default: UNREACHABLE();
    }
}

static bool compare(enum binary_op op, double a, double b)
{
    switch ((int)op) {
    case BINARY_EQ: return a == b;
    case BINARY_NE: return a != b;
    case BINARY_LT: return a < b;
    case BINARY_LE: return a <= b;
    case BINARY_GT: return a > b;
    case BINARY_GE: return a >= b;
    default: UNREACHABLE();
    }
}

/* Rows of floats only.  Steps without a point are computed along: it is cheaper
 * than to skip them. */
static void apply_floats(const struct binary_rows *b, uint32_t steps)
{
    const struct expr_binary *e = &b->e->binary;
    const struct row *l = b->left, *r = b->right;
    if (binary_op_drops_name(e->op)) {
        arithmetic(e->op, l->values, r->values, b->to->values, steps);
        for (uint32_t i = 0; i < steps; i++)
            b->to->kinds[i] = l->kinds[i] & r->kinds[i];
        return;
    }
    for (uint32_t i = 0; i < steps; i++) {
        bool is_there = l->kinds[i] != POINT_NONE && r->kinds[i] != POINT_NONE;
        bool is_true = is_there && compare(e->op, l->values[i], r->values[i]);
        double kept = b->is_right_kept ? r->values[i] : l->values[i];
        b->to->kinds[i] = is_true || (is_there && e->is_bool) ? POINT_FLOAT : POINT_NONE;
        b->to->values[i] = e->is_bool ? is_true : kept;
    }
}

/* ---- points of any kind ------------------------------------------------------- */

struct point {
    uint8_t kind;
    double value;
    const struct tsdb_histogram *histogram;
};

static struct point point_at(const struct row *row, uint32_t i)
{
    struct point p = {.kind = row->kinds[i], .value = row->values[i]};
    if (p.kind == POINT_HISTOGRAM)
        p.histogram = row->histograms[i];
    return p;
}

static const char *kind_name(struct point p)
{
    return p.kind == POINT_FLOAT ? "float" : "histogram";
}

static void note_types(const struct binary_rows *b, struct point l, struct point r)
{
    const char *op = binary_op_name(b->e->binary.op);
    annotations_add(&b->ev->annotations, ANNOTATION_INFO, b->e->begin,
                    "incompatible sample types encountered for binary operator \"%s\": %s %s %s",
                    op, kind_name(l), op, kind_name(r));
}

/* Histogram + or - histogram. */
static enum tsdb_status sum_point(const struct binary_rows *b, struct point l, struct point r,
                                  struct point *out, struct tsdb_error *err)
{
    enum binary_op op = b->e->binary.op;
    struct annotations *notes = &b->ev->annotations;
    const char *operation = op == BINARY_ADD ? "addition" : "subtraction";
    struct histogram_sum s;
    if (!histogram_sum_init(&s, b->arena, &b->ev->scratch, l.histogram))
        return eval_full(b->ev, err);
    enum histogram_fault fault = histogram_sum_add(&s, r.histogram, op == BINARY_SUB);
    if (fault == HISTOGRAM_FULL)
        return eval_full(b->ev, err);
    if (fault == HISTOGRAM_INCOMPATIBLE) {
        annotations_add(notes, ANNOTATION_WARNING, b->e->begin,
                        "incompatible bucket layout encountered for binary operator %s",
                        binary_op_name(op));
        return TSDB_OK;
    }
    if (s.is_reconciled)
        annotations_add(notes, ANNOTATION_INFO, b->e->begin,
                        "mismatched custom buckets were reconciled during %s", operation);
    if (s.has_reset && s.has_no_reset) {
        annotations_add(notes, ANNOTATION_WARNING, b->e->begin,
                        "conflicting counter resets during histogram %s", operation);
        return TSDB_OK;
    }
    if (op == BINARY_SUB)
        s.hint = TSDB_RESET_GAUGE;
    out->histogram = histogram_sum_take(&s);
    out->kind = POINT_HISTOGRAM;
    return out->histogram ? TSDB_OK : eval_full(b->ev, err);
}

/* Histogram and number: scaling and trimming. */
static enum tsdb_status scale_point(const struct binary_rows *b, struct point l, struct point r,
                                    struct point *out, struct tsdb_error *err)
{
    enum binary_op op = b->e->binary.op;
    bool is_left = l.kind == POINT_HISTOGRAM;
    const struct tsdb_histogram *h = is_left ? l.histogram : r.histogram;
    double v = is_left ? r.value : l.value;
    if (op == BINARY_MUL)
        out->histogram = histogram_multiplied(h, v, b->arena);
    else if (is_left && op == BINARY_DIV)
        out->histogram = histogram_divided(h, v, b->arena);
    else if (is_left && (op == BINARY_TRIM_UPPER || op == BINARY_TRIM_LOWER))
        out->histogram = histogram_trim(h, v, op == BINARY_TRIM_UPPER, b->arena);
    else {
        note_types(b, l, r);
        return TSDB_OK;
    }
    out->kind = POINT_HISTOGRAM;
    return out->histogram ? TSDB_OK : eval_full(b->ev, err);
}

static enum tsdb_status float_point(const struct binary_rows *b, struct point l, struct point r,
                                    struct point *out)
{
    const struct expr_binary *e = &b->e->binary;
    if (e->op == BINARY_TRIM_UPPER || e->op == BINARY_TRIM_LOWER) {
        note_types(b, l, r);
        return TSDB_OK;
    }
    out->kind = POINT_FLOAT;
    if (binary_op_drops_name(e->op)) {
        arithmetic(e->op, &l.value, &r.value, &out->value, 1);
        return TSDB_OK;
    }
    bool is_true = compare(e->op, l.value, r.value);
    out->kind = is_true || e->is_bool ? POINT_FLOAT : POINT_NONE;
    out->value = b->is_right_kept ? r.value : l.value;
    if (e->is_bool)
        out->value = is_true;
    return TSDB_OK;
}

static enum tsdb_status histogram_point(const struct binary_rows *b, struct point l, struct point r,
                                        struct point *out, struct tsdb_error *err)
{
    const struct expr_binary *e = &b->e->binary;
    if (e->op == BINARY_ADD || e->op == BINARY_SUB)
        return sum_point(b, l, r, out, err);
    if (e->op != BINARY_EQ && e->op != BINARY_NE) {
        note_types(b, l, r);
        return TSDB_OK;
    }
    bool is_true = histogram_has_same_buckets(l.histogram, r.histogram) == (e->op == BINARY_EQ);
    if (e->is_bool)
        *out = (struct point){.kind = POINT_FLOAT, .value = is_true};
    else if (is_true)
        *out = b->is_right_kept ? r : l;
    return TSDB_OK;
}

static enum tsdb_status apply_points(const struct binary_rows *b, uint32_t steps,
                                     struct tsdb_error *err)
{
    for (uint32_t i = 0; i < steps; i++) {
        struct point l = point_at(b->left, i), r = point_at(b->right, i);
        struct point out = {.kind = POINT_NONE};
        enum tsdb_status st = TSDB_OK;
        if (l.kind == POINT_NONE || r.kind == POINT_NONE)
            st = TSDB_OK;
        else if (l.kind == POINT_FLOAT && r.kind == POINT_FLOAT)
            st = float_point(b, l, r, &out);
        else if (l.kind == POINT_HISTOGRAM && r.kind == POINT_HISTOGRAM)
            st = histogram_point(b, l, r, &out, err);
        else
            st = scale_point(b, l, r, &out, err);
        if (st == TSDB_OK && out.kind == POINT_HISTOGRAM &&
            !row_add_histograms(b->ev, b->to, steps))
            st = eval_full(b->ev, err);
        if (st != TSDB_OK)
            return st;
        b->to->kinds[i] = out.kind;
        b->to->values[i] = out.value;
        if (out.kind == POINT_HISTOGRAM)
            b->to->histograms[i] = out.histogram;
    }
    return TSDB_OK;
}

static bool has_histograms(const struct row *row, uint32_t steps)
{
    return row->histograms && memchr(row->kinds, POINT_HISTOGRAM, steps);
}

enum tsdb_status binary_rows_apply(const struct binary_rows *b, uint32_t steps,
                                   struct tsdb_error *err)
{
    enum binary_op op = b->e->binary.op;
    bool is_trim = op == BINARY_TRIM_UPPER || op == BINARY_TRIM_LOWER;
    enum tsdb_status st = eval_poll(b->ev, steps, err);
    if (st != TSDB_OK)
        return st;
    if (is_trim || has_histograms(b->left, steps) || has_histograms(b->right, steps))
        return apply_points(b, steps, err);
    apply_floats(b, steps);
    return TSDB_OK;
}

/* ---- with a scalar ------------------------------------------------------------ */

struct scaling {
    struct op op;
    struct row scalar;
    bool is_scalar_left, is_scalar_both, drops_name;
    struct arena points; /* of one row's histograms */
};

static void scaling_close(struct op *op)
{
    arena_release(&((struct scaling *)op)->points);
}

static enum tsdb_status scaling_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct scaling *s = (struct scaling *)op;
    for (;;) {
        struct row *row;
        enum tsdb_status st = op_next(op->children[0], &row, err);
        if (st != TSDB_OK)
            return st;
        arena_reset(&s->points);
        struct binary_rows b = {.ev = op->ev,
                                .e = op->expr,
                                .arena = &s->points,
                                .left = s->is_scalar_left ? &s->scalar : row,
                                .right = s->is_scalar_left ? row : &s->scalar,
                                .to = row,
                                .is_right_kept = s->is_scalar_left && !s->is_scalar_both};
        st = binary_rows_apply(&b, op->grid.count, err);
        if (st != TSDB_OK)
            return st;
        if (row_is_empty(row, op->grid.count))
            continue;
        if (s->drops_name && !labels_drop_name(&op->ev->arena, row->labels, &row->labels))
            return eval_full(op->ev, err);
        *out = row;
        return TSDB_OK;
    }
}

static bool scalar_row(struct scaling *s, const double *values)
{
    uint32_t steps = s->op.grid.count;
    if (!row_init(s->op.ev, &s->scalar, steps, false))
        return false;
    memset(s->scalar.kinds, POINT_FLOAT, steps);
    memcpy(s->scalar.values, values, steps * sizeof *values);
    return true;
}

/* At least one side is a scalar. */
static enum tsdb_status scaling_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                                    struct op **out, struct tsdb_error *err)
{
    const struct expr_binary *b = &e->binary;
    bool is_left = b->left->type == TYPE_SCALAR;
    bool is_both = is_left && b->right->type == TYPE_SCALAR;
    struct scaling *s = OP_NEW(struct scaling, ev, e, grid);
    if (!s)
        return eval_full(ev, err);
    arena_init(&s->points, SIZE_MAX, ev->budget);
    const double *values = NULL;
    enum tsdb_status st = scalar_values(ev, is_left ? b->left : b->right, grid, &values, err);
    if (st == TSDB_OK && grid->count > 0 && !scalar_row(s, values))
        st = eval_full(ev, err);
    if (st == TSDB_OK)
        st = op_new(ev, is_left ? b->right : b->left, grid, &s->op.children[0], err);
    if (st != TSDB_OK)
        return st;
    s->op.next = scaling_next;
    s->op.close = scaling_close;
    s->is_scalar_left = is_left;
    s->is_scalar_both = is_both;
    s->drops_name = binary_op_drops_name(b->op) || b->is_bool;
    s->op.is_name_fixed = s->drops_name || s->op.children[0]->is_name_fixed;
    if (!s->drops_name || s->op.children[0]->is_name_fixed) {
        *out = &s->op;
        return TSDB_OK;
    }
    return merge_new(&s->op, false, out, err);
}

enum tsdb_status binary_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                            struct op **out, struct tsdb_error *err)
{
    const struct expr_binary *b = &e->binary;
    if (b->left->type == TYPE_SCALAR || b->right->type == TYPE_SCALAR)
        return scaling_new(ev, e, grid, out, err);
    if (binary_op_is_set(b->op))
        return set_new(ev, e, grid, out, err);
    return match_new(ev, e, grid, out, err);
}

/* ---- sign --------------------------------------------------------------------- */

static enum tsdb_status negate_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct scaling *s = (struct scaling *)op;
    enum tsdb_status st = op_next(op->children[0], out, err);
    if (st != TSDB_OK)
        return st;
    struct row *row = *out;
    arena_reset(&s->points);
    for (uint32_t i = 0; i < op->grid.count; i++) {
        row->values[i] = -row->values[i];
        if (row->kinds[i] != POINT_HISTOGRAM)
            continue;
        row->histograms[i] = histogram_multiplied(row->histograms[i], -1, &s->points);
        if (!row->histograms[i])
            return eval_full(op->ev, err);
    }
    if (!labels_drop_name(&op->ev->arena, row->labels, &row->labels))
        return eval_full(op->ev, err);
    return TSDB_OK;
}

enum tsdb_status negate_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                            struct op **out, struct tsdb_error *err)
{
    if (!e->unary.is_negative)
        return op_new(ev, e->unary.expr, grid, out, err);
    struct scaling *s = OP_NEW(struct scaling, ev, e, grid);
    if (!s)
        return eval_full(ev, err);
    arena_init(&s->points, SIZE_MAX, ev->budget);
    enum tsdb_status st = op_new(ev, e->unary.expr, grid, &s->op.children[0], err);
    if (st != TSDB_OK)
        return st;
    s->op.next = negate_next;
    s->op.close = scaling_close;
    s->op.is_name_fixed = true;
    if (s->op.children[0]->is_name_fixed) {
        *out = &s->op;
        return TSDB_OK;
    }
    return merge_new(&s->op, false, out, err);
}
