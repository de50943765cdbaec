#include "tsdb/query/aggregate_k.h"

#include "tsdb/base/status.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/eval_table.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

struct entry {
    double value;
    uint32_t row; /* of labels[] */
    const struct tsdb_histogram *histogram;
};

struct heap {
    struct entry *at;
    uint32_t count, cap;
};

struct k_group {
    struct heap *heaps; /* one a step */
};

struct k_op {
    struct op op;
    enum aggregate_op kind;
    const double *parameter; /* one value a step */
    struct key_map keys;
    struct k_group *groups;
    uint32_t group_count, group_cap;
    struct tsdb_labels *labels; /* of the input rows */
    uint32_t row_count, row_cap;
    struct row_table results;
    uint32_t given;
    bool is_full;
};

/* ---- heaps -------------------------------------------------------------------- */

/* a goes before b. */
static bool goes_first(const struct k_op *k, double a, double b)
{
    if (isnan(a))
        return true;
    return k->kind == AGGREGATE_TOPK ? a < b : a > b;
}

static void sift_up(const struct k_op *k, struct heap *h, uint32_t at)
{
    while (at > 0) {
        uint32_t above = (at - 1) / 2;
        if (!goes_first(k, h->at[at].value, h->at[above].value))
            return;
        struct entry swapped = h->at[at];
        h->at[at] = h->at[above];
        h->at[above] = swapped;
        at = above;
    }
}

static void sift_down(const struct k_op *k, struct heap *h)
{
    for (uint32_t at = 0;;) {
        uint32_t below = 2 * at + 1;
        if (below >= h->count)
            return;
        if (below + 1 < h->count && goes_first(k, h->at[below + 1].value, h->at[below].value))
            below++;
        if (!goes_first(k, h->at[below].value, h->at[at].value))
            return;
        struct entry swapped = h->at[at];
        h->at[at] = h->at[below];
        h->at[below] = swapped;
        at = below;
    }
}

static bool heap_push(const struct k_op *k, struct heap *h, const struct entry *e)
{
    struct entry *at = array_room(&k->op.ev->arena, h->at, h->count, &h->cap, sizeof *at);
    if (!at)
        return false;
    h->at = at;
    h->at[h->count++] = *e;
    return true;
}

/* False: no memory. */
static bool offer(const struct k_op *k, struct heap *h, const struct entry *e, double limit)
{
    if (h->count < limit) {
        if (!heap_push(k, h, e))
            return false;
        if (k->kind == AGGREGATE_TOPK || k->kind == AGGREGATE_BOTTOMK)
            sift_up(k, h, h->count - 1);
        return true;
    }
    if (k->kind == AGGREGATE_LIMITK)
        return true;
    double worst = h->at[0].value;
    bool is_better = k->kind == AGGREGATE_TOPK ? worst < e->value : worst > e->value;
    if (!is_better && !(isnan(worst) && !isnan(e->value)))
        return true;
    h->at[0] = *e;
    sift_down(k, h);
    return true;
}

/* ---- input -------------------------------------------------------------------- */

static struct k_group *group_of(struct k_op *k, struct tsdb_labels labels)
{
    struct eval *ev = k->op.ev;
    const struct expr_aggregate *e = &k->op.expr->aggregate;
    struct tsdb_hash key = labels_key_of(&k->op.ev->key_text, labels, &e->names, e->is_without);
    uint32_t at = key_map_put(ev, &k->keys, key);
    if (at == KEY_FULL)
        return NULL;
    if (at < k->group_count)
        return &k->groups[at];
    struct k_group *groups =
        array_room(&ev->arena, k->groups, k->group_count, &k->group_cap, sizeof *groups);
    if (!groups)
        return NULL;
    groups[at].heaps = ARENA_ARRAY(&ev->arena, struct heap, k->op.grid.count);
    if (!groups[at].heaps)
        return NULL;
    k->groups = groups;
    k->group_count++;
    return &groups[at];
}

/* Where in [0, 1) the labels hash to. */
static double hash_place(struct k_op *k, struct tsdb_labels labels)
{
    return (double)(labels_key(&k->op.ev->key_text, labels).lo >> 11) * 0x1p-53;
}

static bool is_in_ratio(double ratio, double place)
{
    return ratio >= 0 ? place < ratio : place >= 1 + ratio;
}

/* How many the step keeps of a group. */
static double limit_at(const struct k_op *k, uint32_t step, double place)
{
    double parameter = k->parameter[step];
    if (k->kind == AGGREGATE_LIMIT_RATIO)
        return is_in_ratio(parameter, place) ? HUGE_VAL : 0;
    return trunc(parameter);
}

static void note_ignored(const struct k_op *k)
{
    annotations_add(&k->op.ev->annotations, ANNOTATION_INFO, k->op.expr->begin,
                    "ignored histogram in %s aggregation", aggregate_op_name(k->kind));
}

static enum tsdb_status add_row(struct k_op *k, const struct row *row, struct tsdb_error *err)
{
    struct eval *ev = k->op.ev;
    bool is_ranked = k->kind == AGGREGATE_TOPK || k->kind == AGGREGATE_BOTTOMK;
    struct k_group *g = group_of(k, row->labels);
    struct tsdb_labels *labels =
        array_room(&ev->arena, k->labels, k->row_count, &k->row_cap, sizeof *labels);
    if (!g || !labels)
        return eval_full(ev, err);
    k->labels = labels;
    labels[k->row_count] = row->labels;
    double place = k->kind == AGGREGATE_LIMIT_RATIO ? hash_place(k, row->labels) : 0;
    for (uint32_t i = 0; i < k->op.grid.count; i++) {
        double limit = limit_at(k, i, place);
        if (row->kinds[i] == POINT_NONE || limit < 1)
            continue;
        struct entry e = {.value = row->values[i], .row = k->row_count};
        if (row->kinds[i] == POINT_HISTOGRAM) {
            if (is_ranked) {
                note_ignored(k);
                continue;
            }
            if (g->heaps[i].count >= limit)
                continue;
            e.histogram = histogram_copy(&ev->arena, row->histograms[i]);
            if (!e.histogram)
                return eval_full(ev, err);
        }
        if (!offer(k, &g->heaps[i], &e, limit))
            return eval_full(ev, err);
    }
    k->row_count++;
    return TSDB_OK;
}

/* ---- results ------------------------------------------------------------------ */

static int compare_entries(const struct entry *a, const struct entry *b, bool is_top)
{
    if (isnan(a->value) || isnan(b->value))
        return !!isnan(a->value) - !!isnan(b->value);
    int order = (a->value > b->value) - (a->value < b->value);
    if (order == 0)
        return (a->row > b->row) - (a->row < b->row);
    return is_top ? -order : order;
}

static int compare_top(const void *a, const void *b)
{
    return compare_entries(a, b, true);
}

static int compare_bottom(const void *a, const void *b)
{
    return compare_entries(a, b, false);
}

static bool put_entry(const struct k_op *k, struct row *row, uint32_t step, const struct entry *e)
{
    row->kinds[step] = e->histogram ? POINT_HISTOGRAM : POINT_FLOAT;
    row->values[step] = e->value;
    if (!e->histogram)
        return true;
    if (!row_add_histograms(k->op.ev, row, k->op.grid.count))
        return false;
    row->histograms[step] = e->histogram;
    return true;
}

/* One step: a row for each entry, in order of value. */
static bool results_in_order(struct k_op *k)
{
    for (uint32_t g = 0; g < k->group_count; g++) {
        struct heap *h = &k->groups[g].heaps[0];
        if (h->count > 1 && k->kind == AGGREGATE_TOPK)
            qsort(h->at, h->count, sizeof *h->at, compare_top);
        if (h->count > 1 && k->kind == AGGREGATE_BOTTOMK)
            qsort(h->at, h->count, sizeof *h->at, compare_bottom);
        for (uint32_t i = 0; i < h->count; i++) {
            struct row row = {.labels = k->labels[h->at[i].row]};
            if (!row_init(k->op.ev, &row, 1, false))
                return false;
            row.labels = k->labels[h->at[i].row];
            if (!put_entry(k, &row, 0, &h->at[i]) ||
                !row_table_append(k->op.ev, &k->results, &row, 1))
                return false;
        }
    }
    return true;
}

/* More steps: the points of each input row that was kept anywhere. */
static bool results_by_row(struct k_op *k)
{
    struct eval *ev = k->op.ev;
    uint32_t steps = k->op.grid.count;
    struct row *rows = ARENA_ARRAY(&ev->arena, struct row, k->row_count);
    if (!rows)
        return false;
    for (uint32_t g = 0; g < k->group_count; g++) {
        for (uint32_t i = 0; i < steps; i++) {
            const struct heap *h = &k->groups[g].heaps[i];
            for (uint32_t n = 0; n < h->count; n++) {
                struct row *row = &rows[h->at[n].row];
                if (!row->kinds && !row_init(ev, row, steps, false))
                    return false;
                row->labels = k->labels[h->at[n].row];
                if (!put_entry(k, row, i, &h->at[n]))
                    return false;
            }
        }
    }
    k->results.rows = rows;
    k->results.count = k->row_count;
    return true;
}

static enum tsdb_status fill(struct k_op *k, struct tsdb_error *err)
{
    enum tsdb_status st;
    struct row *row;
    while ((st = op_next(k->op.children[0], &row, err)) == TSDB_OK) {
        st = add_row(k, row, err);
        if (st == TSDB_OK)
            st = eval_poll(k->op.ev, k->op.grid.count, err);
        if (st != TSDB_OK)
            return st;
    }
    if (st != TSDB_END)
        return st;
    k->is_full = true;
    bool is_whole = k->op.grid.count == 1 ? results_in_order(k) : results_by_row(k);
    return is_whole ? TSDB_OK : eval_full(k->op.ev, err);
}

static enum tsdb_status k_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct k_op *k = (struct k_op *)op;
    enum tsdb_status st = k->is_full ? TSDB_OK : fill(k, err);
    if (st != TSDB_OK)
        return st;
    while (k->given < k->results.count && !k->results.rows[k->given].kinds)
        k->given++;
    if (k->given == k->results.count)
        return TSDB_END;
    *out = &k->results.rows[k->given++];
    return TSDB_OK;
}

/* ---- the operator ------------------------------------------------------------- */

struct bounds {
    double min, max;
    bool has_nan;
};

static struct bounds bounds_of(const struct k_op *k)
{
    struct bounds b = {.min = DBL_MAX, .max = -DBL_MAX};
    for (uint32_t i = 0; i < k->op.grid.count; i++) {
        double v = k->parameter[i];
        b.has_nan = b.has_nan || isnan(v);
        b.min = v < b.min ? v : b.min;
        b.max = v > b.max ? v : b.max;
    }
    if (b.has_nan && k->op.expr->aggregate.parameter->kind == EXPR_NUMBER)
        b.min = b.max = (double)NAN;
    return b;
}

static enum tsdb_status out_of_range(double v, const char *how, struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_EEXEC, "Scalar value %s %s int64", annotation_number(v).at, how);
}

/* *is_empty: nothing can come of it. */
static enum tsdb_status check_k(struct k_op *k, bool *is_empty, struct tsdb_error *err)
{
    struct bounds b = bounds_of(k);
    uint32_t begin = k->op.expr->aggregate.parameter->begin;
    struct annotations *notes = &k->op.ev->annotations;
    if (k->kind == AGGREGATE_LIMIT_RATIO) {
        *is_empty = b.max == 0 && b.min == 0;
        if (*is_empty)
            return TSDB_OK;
        if (b.has_nan)
            return tsdb_fail(err, TSDB_EEXEC, "Ratio value is NaN");
        if (b.max > 1)
            annotations_add(notes, ANNOTATION_WARNING, begin,
                            "ratio value should be between -1 and 1, got %s, capping to 1",
                            annotation_number(b.max).at);
        if (b.min < -1)
            annotations_add(notes, ANNOTATION_WARNING, begin,
                            "ratio value should be between -1 and 1, got %s, capping to -1",
                            annotation_number(b.min).at);
        return TSDB_OK;
    }
    *is_empty = b.max < 1;
    if (*is_empty)
        return TSDB_OK;
    if (b.has_nan)
        return tsdb_fail(err, TSDB_EEXEC, "Parameter value is NaN");
    if (b.min <= -0x1p63)
        return out_of_range(b.min, "underflows", err);
    if (b.max >= 0x1p63)
        return out_of_range(b.max, "overflows", err);
    return TSDB_OK;
}

enum tsdb_status aggregate_k_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                                 struct op **out, struct tsdb_error *err)
{
    struct k_op *k = OP_NEW(struct k_op, ev, e, grid);
    if (!k)
        return eval_full(ev, err);
    k->kind = e->aggregate.op;
    enum tsdb_status st = scalar_values(ev, e->aggregate.parameter, grid, &k->parameter, err);
    if (st == TSDB_OK)
        st = check_k(k, &k->is_full, err);
    if (st == TSDB_OK)
        st = op_new(ev, e->aggregate.expr, grid, &k->op.children[0], err);
    if (st != TSDB_OK)
        return st;
    k->op.next = k_next;
    k->op.is_name_fixed = k->op.children[0]->is_name_fixed;
    *out = &k->op;
    return TSDB_OK;
}
