#include "tsdb/query/aggregate_values.h"

#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/eval_table.h"
#include "tsdb/query/histogram_math.h"

#include <string.h>

struct values_op {
    struct op op;
    struct tsdb_text label;
    struct expr_names names; /* of the grouping, with the label when it is kept */
    struct key_map keys;
    struct row_table results;
    uint32_t given;
    struct writer text;
    bool is_full;
};

/* The index of the result for labels that carry the value; KEY_FULL: no memory. */
static uint32_t result_of(struct values_op *v, struct tsdb_labels labels, struct tsdb_text value)
{
    struct eval *ev = v->op.ev;
    bool is_without = v->op.expr->aggregate.is_without;
    struct tsdb_labels carrying;
    if (!labels_set(&ev->scratch, labels, v->label, value, &carrying))
        return KEY_FULL;
    struct tsdb_hash key = labels_key_of(&v->op.ev->key_text, carrying, &v->names, is_without);
    uint32_t at = key_map_put(ev, &v->keys, key);
    if (at == KEY_FULL || at < v->results.count)
        return at;
    struct row row;
    struct tsdb_text kept = text_keep(&ev->arena, value);
    if (!kept.at || !row_init(ev, &row, v->op.grid.count, false) ||
        !labels_set(&ev->arena, labels, v->label, kept, &carrying) ||
        !labels_group(&ev->arena, carrying, &v->names, is_without, &row.labels) ||
        !row_table_append(ev, &v->results, &row, v->op.grid.count))
        return KEY_FULL;
    return at;
}

static struct tsdb_text value_text(struct values_op *v, const struct row *row, uint32_t i)
{
    writer_reset(&v->text);
    if (row->kinds[i] == POINT_HISTOGRAM) {
        histogram_format(row->histograms[i], &v->op.ev->scratch, &v->text);
    } else {
        char digits[DOUBLE_TEXT_MAX];
        writer_put(&v->text, digits, double_format(row->values[i], digits));
    }
    return (struct tsdb_text){(const char *)v->text.at, v->text.len};
}

static enum tsdb_status add_row(struct values_op *v, const struct row *row, struct tsdb_error *err)
{
    uint32_t last = KEY_FULL;
    double before = 0;
    for (uint32_t i = 0; i < v->op.grid.count; i++) {
        if (row->kinds[i] == POINT_NONE)
            continue;
        bool is_same = last != KEY_FULL && row->kinds[i] == POINT_FLOAT &&
                       bits_of(before) == bits_of(row->values[i]);
        if (!is_same) {
            last = result_of(v, row->labels, value_text(v, row, i));
            arena_reset(&v->op.ev->scratch);
            if (last == KEY_FULL)
                return eval_full(v->op.ev, err);
        }
        before = row->values[i];
        v->results.rows[last].kinds[i] = POINT_FLOAT;
        v->results.rows[last].values[i]++;
        if (row->kinds[i] == POINT_HISTOGRAM)
            last = KEY_FULL;
    }
    return eval_poll(v->op.ev, v->op.grid.count, err);
}

static enum tsdb_status values_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct values_op *v = (struct values_op *)op;
    while (!v->is_full) {
        struct row *row;
        enum tsdb_status st = op_next(op->children[0], &row, err);
        if (st == TSDB_END) {
            v->is_full = true;
            break;
        }
        if (st == TSDB_OK)
            st = add_row(v, row, err);
        if (st != TSDB_OK)
            return st;
    }
    if (v->given == v->results.count)
        return TSDB_END;
    *out = &v->results.rows[v->given++];
    return TSDB_OK;
}

static void values_close(struct op *op)
{
    struct values_op *v = (struct values_op *)op;
    writer_release(&v->text);
}

static bool take_names(struct values_op *v)
{
    const struct expr_aggregate *e = &v->op.expr->aggregate;
    v->names = e->names;
    if (e->is_without)
        return true;
    struct tsdb_text *names =
        ARENA_ARRAY(&v->op.ev->arena, struct tsdb_text, (size_t)e->names.count + 1);
    if (!names)
        return false;
    for (uint32_t i = 0; i < e->names.count; i++)
        names[i] = e->names.at[i];
    names[e->names.count] = v->label;
    v->names = (struct expr_names){names, e->names.count + 1};
    return true;
}

enum tsdb_status aggregate_values_new(struct eval *ev, const struct expr *e,
                                      const struct grid *grid, struct op **out,
                                      struct tsdb_error *err)
{
    struct values_op *v = OP_NEW(struct values_op, ev, e, grid);
    if (!v)
        return eval_full(ev, err);
    v->label = expr_unwrap(e->aggregate.parameter)->string;
    if (v->label.len == 0 || !utf8_check(v->label.at, v->label.len))
        return tsdb_fail(err, TSDB_EEXEC, "invalid label name \"%.*s\"", (int)v->label.len,
                         v->label.at);
    if (!take_names(v))
        return eval_full(ev, err);
    enum tsdb_status st = op_new(ev, e->aggregate.expr, grid, &v->op.children[0], err);
    if (st != TSDB_OK)
        return st;
    v->op.next = values_next;
    v->op.close = values_close;
    *out = &v->op;
    return TSDB_OK;
}
