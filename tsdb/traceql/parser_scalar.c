/* Aggregates and numbers.  Numbers are computed as they are read (durations only negated);
 * whatever has an aggregate in it is kept. */
#include "tsdb/traceql/parser.h"

#include "tsdb/base/assert.h"
#include "tsdb/traceql/fold.h"

static const char *const aggregate_names[] = {
    [AGG_COUNT] = "count", [AGG_MAX] = "max", [AGG_MIN] = "min",
    [AGG_SUM] = "sum",     [AGG_AVG] = "avg",
};

enum { AGGREGATES = sizeof aggregate_names / sizeof aggregate_names[0] };

const char *traceql_aggregate_name(enum traceql_aggregate aggregate)
{
    return aggregate_names[aggregate];
}

static int aggregate_of(const struct traceql_parser *p)
{
    for (int i = 0; i < AGGREGATES; i++)
        if (traceql_is_word(p, aggregate_names[i]))
            return i;
    return -1;
}

bool traceql_is_aggregate(const struct traceql_parser *p)
{
    return aggregate_of(p) >= 0;
}

static struct traceql_scalar *scalar_new(struct traceql_parser *p, enum traceql_scalar_kind kind,
                                         uint32_t at)
{
    struct traceql_scalar *s = TRACEQL_TAKE(p, struct traceql_scalar);
    if (s) {
        s->kind = kind;
        s->at = at;
        s->height = 1;
    }
    return s;
}

static enum tsdb_status check_aggregated(struct traceql_parser *p, const struct traceql_scalar *s)
{
    const struct traceql_field *f = s->field;
    const char *name = aggregate_names[s->aggregate];
    if (f->type != TRACEQL_ANY && !traceql_type_is_number(f->type))
        return traceql_refuse(p, f->at, "%s() needs a number, got %s", name,
                              traceql_type_name(f->type));
    if (f->kind == FIELD_STATIC)
        return traceql_refuse(p, f->at, "%s() needs something that the span has", name);
    return TSDB_OK;
}

enum tsdb_status traceql_read_aggregate(struct traceql_parser *p, struct operand *out)
{
    struct traceql_scalar *s = scalar_new(p, SCALAR_AGGREGATE, p->token.at);
    if (!s)
        return p->status;
    s->aggregate = (enum traceql_aggregate)aggregate_of(p);
    s->type = TRACEQL_INT;
    traceql_advance(p);
    enum tsdb_status st = traceql_expect(p, LEX_LEFT_PAREN, "\"(\"");
    if (st == TSDB_OK && s->aggregate != AGG_COUNT) {
        st = traceql_read_field(p, PREC_BOOL, &s->field);
        if (st == TSDB_OK)
            st = check_aggregated(p, s);
        if (st == TSDB_OK)
            st = traceql_height(p, s->at, s->field->height, 0, &s->height);
        if (st == TSDB_OK)
            s->type = s->field->type;
    }
    if (st == TSDB_OK)
        st = traceql_expect(p, LEX_RIGHT_PAREN, "\")\"");
    *out = (struct operand){.kind = OPERAND_SCALAR, .at = s->at, .scalar = s};
    return st;
}

static enum tsdb_status make_number(struct traceql_parser *p, uint32_t at,
                                    const struct traceql_value *value, struct operand *out)
{
    struct traceql_scalar *s = scalar_new(p, SCALAR_STATIC, at);
    if (!s)
        return p->status;
    s->type = value->type;
    s->value = *value;
    *out = (struct operand){.kind = OPERAND_NUMBER, .at = at, .scalar = s};
    return TSDB_OK;
}

enum tsdb_status traceql_read_number(struct traceql_parser *p, struct operand *out)
{
    uint32_t at = p->token.at;
    bool is_signed = false, is_negative = false;
    while (traceql_is_op(p, TRACEQL_SUB)) {
        is_signed = true;
        is_negative = !is_negative;
        traceql_advance(p);
    }
    struct traceql_value value = p->token.value;
    if (is_signed && traceql_is(p, LEX_LEFT_PAREN)) {
        enum tsdb_status st = traceql_read_operand(p, PREC_POW + 1, out);
        if (st != TSDB_OK)
            return st;
        if (out->kind != OPERAND_NUMBER)
            return traceql_refuse(p, at, "- needs a number");
        value = out->scalar->value;
    } else {
        if (p->is_fault || p->token.kind < LEX_INT || p->token.kind > LEX_DURATION)
            return traceql_unexpected(p, "a number");
        traceql_advance(p);
    }
    if (is_negative)
        value = fold_negate(&value);
    return make_number(p, at, &value, out);
}

static enum tsdb_status fold(struct traceql_parser *p, const struct lex_token *op,
                             const struct operand *left, const struct operand *right,
                             struct operand *out)
{
    const struct traceql_value *a = &left->scalar->value, *b = &right->scalar->value;
    struct traceql_value value;
    if (!traceql_op_is_arithmetic((enum traceql_op)op->op))
        return traceql_refuse(p, op->at, "%s compares two numbers: one side needs an aggregate",
                              traceql_op_name((enum traceql_op)op->op));
    if (a->type == TRACEQL_DURATION || b->type == TRACEQL_DURATION)
        return traceql_refuse(p, op->at, "a duration cannot be used in arithmetic of numbers");
    const char *why = fold_binary((enum traceql_op)op->op, a, b, NULL, &value);
    if (why)
        return traceql_refuse(p, op->at, "%s", why);
    return make_number(p, left->at, &value, out);
}

enum tsdb_status traceql_join_scalars(struct traceql_parser *p, const struct lex_token *op,
                                      const struct operand *left, const struct operand *right,
                                      struct operand *out)
{
    const struct traceql_scalar *a = left->scalar, *b = right->scalar;
    enum traceql_op code = (enum traceql_op)op->op;
    bool is_comparison = op->op >= TRACEQL_EQ && op->op <= TRACEQL_GE;
    if (op->op == LEX_NONE || (!is_comparison && !traceql_op_is_arithmetic(code)))
        return traceql_refuse(p, op->at, "%.*s cannot join numbers", (int)op->text.len,
                              op->text.at);
    if (a->kind == SCALAR_STATIC && b->kind == SCALAR_STATIC)
        return fold(p, op, left, right, out);
    if (is_comparison) {
        *out = (struct operand){
            .kind = OPERAND_FILTER,
            .at = left->at,
            .stage = {
                .kind = TRACEQL_STAGE_SCALAR, .op = code, .at = op->at, .left = a, .right = b}};
        return TSDB_OK;
    }
    struct traceql_scalar *s = scalar_new(p, SCALAR_BINARY, op->at);
    if (!s)
        return p->status;
    s->op = code;
    s->left = a;
    s->right = b;
    s->type = a->type != TRACEQL_ANY ? a->type : b->type;
    *out = (struct operand){.kind = OPERAND_SCALAR, .at = left->at, .scalar = s};
    return traceql_height(p, op->at, a->height, b->height, &s->height);
}
