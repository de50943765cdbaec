#include "tsdb/query/call_labels.h"

#include "tsdb/base/regex.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/call.h"
#include "tsdb/query/eval_labels.h"

struct labels_op {
    struct op op;
    struct regex *regex; /* label_replace; owned */
    struct writer text;
};

static void labels_close(struct op *op)
{
    struct labels_op *l = (struct labels_op *)op;
    if (l->regex)
        regex_free(l->regex);
    writer_release(&l->text);
}

/* label_replace(v, target, replacement, source, regex); false: does not match. */
static bool replaced(struct labels_op *l, struct tsdb_labels labels)
{
    struct tsdb_text source = label_get(labels, call_text(l->op.expr, 3));
    return regex_expand(l->regex, source, call_text(l->op.expr, 2), &l->text);
}

/* label_join(v, target, separator, source, ...) */
static void joined(struct labels_op *l, struct tsdb_labels labels)
{
    struct tsdb_text separator = call_text(l->op.expr, 2);
    for (uint32_t i = 3; i < l->op.expr->call.count; i++) {
        struct tsdb_text value = label_get(labels, call_text(l->op.expr, i));
        if (i > 3)
            writer_put(&l->text, separator.at, separator.len);
        writer_put(&l->text, value.at, value.len);
    }
}

static enum tsdb_status labels_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct labels_op *l = (struct labels_op *)op;
    enum tsdb_status st = op_next(op->children[0], out, err);
    if (st != TSDB_OK)
        return st;
    struct row *row = *out;
    writer_reset(&l->text);
    if (l->regex && !replaced(l, row->labels))
        return TSDB_OK;
    if (!l->regex)
        joined(l, row->labels);
    struct tsdb_text value =
        text_keep(&op->ev->arena, (struct tsdb_text){(const char *)l->text.at, l->text.len});
    if (!value.at ||
        !labels_set(&op->ev->arena, row->labels, call_text(op->expr, 1), value, &row->labels))
        return eval_full(op->ev, err);
    return TSDB_OK;
}

static enum tsdb_status bad_name(const char *which, const char *function, struct tsdb_text name,
                                 struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_EEXEC, "invalid %s label name in %s(): %.*s", which, function,
                     (int)name.len, name.at);
}

static enum tsdb_status check_arguments(struct labels_op *l, struct tsdb_error *err)
{
    const struct expr *e = l->op.expr;
    bool is_join = e->call.function->id == FUNCTION_LABEL_JOIN;
    const char *function = e->call.function->name;
    struct tsdb_text pattern = is_join ? (struct tsdb_text){0} : call_text(e, 4);
    if (!is_join && regex_new(pattern, &l->regex, NULL) != TSDB_OK)
        return tsdb_fail(err, TSDB_EEXEC, "invalid regular expression in label_replace(): %.*s",
                         (int)pattern.len, pattern.at);
    for (uint32_t i = 3; is_join && i < e->call.count; i++)
        if (!label_name_is_valid(call_text(e, i)))
            return bad_name("source", function, call_text(e, i), err);
    if (!label_name_is_valid(call_text(e, 1)))
        return bad_name("destination", function, call_text(e, 1), err);
    return TSDB_OK;
}

enum tsdb_status call_labels_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                                 struct op **out, struct tsdb_error *err)
{
    struct labels_op *l = OP_NEW(struct labels_op, ev, e, grid);
    if (!l)
        return eval_full(ev, err);
    l->op.close = labels_close;
    l->op.next = labels_next;
    enum tsdb_status st = check_arguments(l, err);
    if (st == TSDB_OK)
        st = op_new(ev, e->call.arguments[0], grid, &l->op.children[0], err);
    if (st != TSDB_OK) {
        op_close(&l->op);
        return st;
    }
    l->op.is_name_fixed =
        l->op.children[0]->is_name_fixed && !text_equal(call_text(e, 1), label_name_text);
    return merge_new(&l->op, false, out, err);
}
