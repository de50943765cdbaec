#include "tsdb/query/call_sort.h"

#include "tsdb/base/text.h"
#include "tsdb/query/call.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/eval_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The run of digits, or of what is none, at the front. */
static struct tsdb_text take_run(struct tsdb_text *text)
{
    struct tsdb_text run = {text->at, 1};
    bool is_number = is_digit(text->at[0]);
    while (run.len < text->len && is_digit(text->at[run.len]) == is_number)
        run.len++;
    text->at += run.len;
    text->len -= run.len;
    return run;
}

static int compare_numbers(struct tsdb_text a, struct tsdb_text b)
{
    while (a.len > 1 && a.at[0] == '0') {
        a.at++;
        a.len--;
    }
    while (b.len > 1 && b.at[0] == '0') {
        b.at++;
        b.len--;
    }
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return text_compare(a, b);
}

int text_compare_natural(struct tsdb_text a, struct tsdb_text b)
{
    while (a.len > 0 && b.len > 0) {
        struct tsdb_text x = take_run(&a), y = take_run(&b);
        bool are_numbers = is_digit(x.at[0]) && is_digit(y.at[0]);
        int order = are_numbers ? compare_numbers(x, y) : text_compare(x, y);
        if (order != 0)
            return order;
    }
    return (a.len > 0) - (b.len > 0);
}

/* What qsort needs to know of a row. */
struct item {
    const struct row *row;
    uint32_t at; /* where it was: ties stay as they are */
    const struct expr *call;
};

static int compare_values(const struct item *x, const struct item *y)
{
    double a = x->row->values[0], b = y->row->values[0];
    if (isnan(a) || isnan(b))
        return !!isnan(a) - !!isnan(b);
    int order = (a > b) - (a < b);
    return x->call->call.function->id == FUNCTION_SORT_DESC ? -order : order;
}

static int compare_labels(const struct item *x, const struct item *y)
{
    int order = 0;
    for (uint32_t i = 1; i < x->call->call.count && order == 0; i++) {
        struct tsdb_text name = call_text(x->call, i);
        struct tsdb_text a = label_get(x->row->labels, name);
        struct tsdb_text b = label_get(y->row->labels, name);
        if (!text_equal(a, b))
            order = text_compare_natural(a, b);
    }
    if (order == 0)
        order = labels_compare(x->row->labels, y->row->labels);
    return x->call->call.function->id == FUNCTION_SORT_BY_LABEL_DESC ? -order : order;
}

static bool is_by_value(const struct expr *call)
{
    enum function_id id = call->call.function->id;
    return id == FUNCTION_SORT || id == FUNCTION_SORT_DESC;
}

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int order = is_by_value(x->call) ? compare_values(x, y) : compare_labels(x, y);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

struct sort_op {
    struct op op;
    struct row_table rows;
    uint32_t *order;
    uint32_t given;
    bool is_ready;
};

/* By value, only floats have one. */
static void drop_histograms(struct row *row, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++)
        if (row->kinds[i] == POINT_HISTOGRAM)
            row->kinds[i] = POINT_NONE;
}

static enum tsdb_status next_row(struct sort_op *s, struct row **out, struct tsdb_error *err)
{
    for (;;) {
        enum tsdb_status st = op_next(s->op.children[0], out, err);
        if (st != TSDB_OK)
            return st;
        if (is_by_value(s->op.expr))
            drop_histograms(*out, s->op.grid.count);
        if (!row_is_empty(*out, s->op.grid.count))
            return TSDB_OK;
    }
}

static enum tsdb_status read_and_sort(struct sort_op *s, struct tsdb_error *err)
{
    struct eval *ev = s->op.ev;
    struct row *row;
    enum tsdb_status st;
    while ((st = next_row(s, &row, err)) == TSDB_OK) {
        if (!row_table_append(ev, &s->rows, row, 1))
            return eval_full(ev, err);
        st = eval_poll(ev, 1, err);
        if (st != TSDB_OK)
            return st;
    }
    if (st != TSDB_END)
        return st;
    struct item *items = ARENA_ARRAY(&ev->arena, struct item, s->rows.count);
    s->order = ARENA_ARRAY(&ev->arena, uint32_t, s->rows.count);
    if (!items || !s->order)
        return eval_full(ev, err);
    for (uint32_t i = 0; i < s->rows.count; i++)
        items[i] = (struct item){&s->rows.rows[i], i, s->op.expr};
    if (s->rows.count > 1)
        qsort(items, s->rows.count, sizeof *items, compare_items);
    for (uint32_t i = 0; i < s->rows.count; i++)
        s->order[i] = items[i].at;
    return TSDB_OK;
}

static enum tsdb_status sort_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct sort_op *s = (struct sort_op *)op;
    if (op->grid.count != 1)
        return next_row(s, out, err);
    if (!s->is_ready) {
        enum tsdb_status st = read_and_sort(s, err);
        if (st != TSDB_OK)
            return st;
        s->is_ready = true;
    }
    if (s->given == s->rows.count)
        return TSDB_END;
    *out = &s->rows.rows[s->order[s->given++]];
    return TSDB_OK;
}

enum tsdb_status call_sort_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                               struct op **out, struct tsdb_error *err)
{
    struct sort_op *s = OP_NEW(struct sort_op, ev, e, grid);
    if (!s)
        return eval_full(ev, err);
    enum tsdb_status st = op_new(ev, e->call.arguments[0], grid, &s->op.children[0], err);
    if (st != TSDB_OK)
        return st;
    if (grid->count > 1)
        annotations_add(&ev->annotations, ANNOTATION_WARNING, e->begin,
                        "sort is ineffective for range queries since results are always ordered "
                        "by labels");
    s->op.next = sort_next;
    s->op.is_name_fixed = s->op.children[0]->is_name_fixed;
    *out = &s->op;
    return TSDB_OK;
}
