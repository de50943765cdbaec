#include "tsdb/query/ast.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"

#include <stdarg.h>
#include <stdio.h>

struct expr_position expr_position(struct tsdb_text source, uint32_t offset)
{
    struct expr_position p = {1, 1};
    for (uint32_t i = 0; i < offset && i < source.len; i++) {
        p.column++;
        if (source.at[i] == '\n')
            p = (struct expr_position){p.line + 1, 1};
    }
    return p;
}

enum tsdb_status promql_fail(struct tsdb_error *err, struct tsdb_text source, uint32_t at,
                             const char *fmt, ...)
{
    char text[sizeof err->msg];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (source.len == 0)
        return tsdb_fail(err, TSDB_EINVAL, "unknown position: parse error: %s", text);
    struct expr_position p = expr_position(source, at);
    return tsdb_fail(err, TSDB_EINVAL, "%u:%u: parse error: %s", p.line, p.column, text);
}

const struct expr *expr_unwrap(const struct expr *e)
{
    while (e->kind == EXPR_PAREN)
        e = e->paren;
    return e;
}

void expr_each_child(const struct expr *e, expr_fn *fn, void *arg)
{
    switch (e->kind) {
    case EXPR_NUMBER:
    case EXPR_STRING:
    case EXPR_SELECTOR:
    case EXPR_FOREIGN: break;
    case EXPR_MATRIX: fn(arg, e->matrix.selector); break;
    case EXPR_SUBQUERY: fn(arg, e->subquery.expr); break;
    case EXPR_UNARY: fn(arg, e->unary.expr); break;
    case EXPR_PAREN: fn(arg, e->paren); break;
    case EXPR_BINARY:
        fn(arg, e->binary.left);
        fn(arg, e->binary.right);
        break;
    case EXPR_AGGREGATE:
        if (e->aggregate.parameter)
            fn(arg, e->aggregate.parameter);
        fn(arg, e->aggregate.expr);
        break;
    case EXPR_CALL:
        for (uint32_t i = 0; i < e->call.count; i++)
            fn(arg, e->call.arguments[i]);
        break;
    }
}

struct selector_visit {
    expr_fn *fn;
    void *arg;
};

static void visit_selectors(void *arg, const struct expr *e)
{
    const struct selector_visit *v = arg;
    if (e->kind == EXPR_SELECTOR)
        v->fn(v->arg, e);
    else
        expr_each_child(e, visit_selectors, arg);
}

void expr_selectors(const struct expr *e, expr_fn *fn, void *arg)
{
    struct selector_visit v = {fn, arg};
    visit_selectors(&v, e);
}

const char *binary_op_name(enum binary_op op)
{
    switch (op) {
    case BINARY_ADD: return "+";
    case BINARY_SUB: return "-";
    case BINARY_MUL: return "*";
    case BINARY_DIV: return "/";
    case BINARY_MOD: return "%";
    case BINARY_POW: return "^";
    case BINARY_ATAN2: return "atan2";
    case BINARY_EQ: return "==";
    case BINARY_NE: return "!=";
    case BINARY_LT: return "<";
    case BINARY_LE: return "<=";
    case BINARY_GT: return ">";
    case BINARY_GE: return ">=";
    case BINARY_TRIM_UPPER: return "</";
    case BINARY_TRIM_LOWER: return ">/";
    case BINARY_AND: return "and";
    case BINARY_OR: return "or";
    case BINARY_UNLESS: return "unless";
    }
    UNREACHABLE();
}

const char *aggregate_op_name(enum aggregate_op op)
{
    switch (op) {
    case AGGREGATE_SUM: return "sum";
    case AGGREGATE_AVG: return "avg";
    case AGGREGATE_MIN: return "min";
    case AGGREGATE_MAX: return "max";
    case AGGREGATE_COUNT: return "count";
    case AGGREGATE_GROUP: return "group";
    case AGGREGATE_STDDEV: return "stddev";
    case AGGREGATE_STDVAR: return "stdvar";
    case AGGREGATE_TOPK: return "topk";
    case AGGREGATE_BOTTOMK: return "bottomk";
    case AGGREGATE_QUANTILE: return "quantile";
    case AGGREGATE_COUNT_VALUES: return "count_values";
    case AGGREGATE_LIMITK: return "limitk";
    case AGGREGATE_LIMIT_RATIO: return "limit_ratio";
    }
    UNREACHABLE();
}

bool binary_op_is_comparison(enum binary_op op)
{
    return op >= BINARY_EQ && op <= BINARY_GE;
}

bool binary_op_is_set(enum binary_op op)
{
    return op >= BINARY_AND;
}

bool aggregate_op_has_parameter(enum aggregate_op op)
{
    return op >= AGGREGATE_TOPK;
}
