#include "tsdb/query/typecheck.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/query/quote.h"

/* ---- settling ---------------------------------------------------------------- */

static bool is_anchored(const struct expr_time *time)
{
    return time->at != EXPR_AT_NONE;
}

/* Does the function look at the evaluation time, whatever its arguments say? */
static bool call_is_invariant(const struct expr_call *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (!c->arguments[i]->is_invariant)
            return false;
    switch ((int)c->function->id) {
    case FUNCTION_DAY_OF_MONTH:
    case FUNCTION_DAY_OF_WEEK:
    case FUNCTION_DAY_OF_YEAR:
    case FUNCTION_DAYS_IN_MONTH:
    case FUNCTION_HOUR:
    case FUNCTION_MINUTE:
    case FUNCTION_MONTH:
    case FUNCTION_YEAR: return c->count > 0;
    case FUNCTION_TIMESTAMP:
        return c->count > 0 && expr_unwrap(c->arguments[0])->kind == EXPR_SELECTOR;
    case FUNCTION_INFO:
    case FUNCTION_PREDICT_LINEAR:
    case FUNCTION_TIME: return false;
    default: return true;
    }
}

static void settle_binary(struct expr *e)
{
    struct expr_binary *b = &e->binary;
    bool is_scalar = b->left->type == TYPE_SCALAR && b->right->type == TYPE_SCALAR;
    e->type = is_scalar ? TYPE_SCALAR : TYPE_VECTOR;
    e->is_invariant = b->left->is_invariant && b->right->is_invariant;
    bool is_matching = b->left->type == TYPE_VECTOR && b->right->type == TYPE_VECTOR;
    if (!is_matching && b->matching.count == 0) {
        b->is_on = false;
        b->card = CARD_ONE_TO_ONE;
        b->include.count = 0;
    }
    if (is_matching && binary_op_is_set(b->op) && b->card == CARD_ONE_TO_ONE)
        b->card = CARD_MANY_TO_MANY;
}

void node_settle(struct expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER:
        e->type = TYPE_SCALAR;
        e->is_invariant = true;
        break;
    case EXPR_STRING:
        e->type = TYPE_STRING;
        e->is_invariant = true;
        break;
    case EXPR_SELECTOR:
        e->type = TYPE_VECTOR;
        e->is_invariant = is_anchored(&e->selector.time);
        break;
    case EXPR_MATRIX:
        e->type = TYPE_MATRIX;
        e->is_invariant = is_anchored(&e->matrix.selector->selector.time);
        break;
    case EXPR_SUBQUERY:
        e->type = TYPE_MATRIX;
        e->is_invariant = is_anchored(&e->subquery.time);
        break;
    case EXPR_UNARY:
        e->type = e->unary.expr->type;
        e->is_invariant = e->unary.expr->is_invariant;
        break;
    case EXPR_PAREN:
        e->type = e->paren->type;
        e->is_invariant = e->paren->is_invariant;
        break;
    case EXPR_BINARY: settle_binary(e); break;
    case EXPR_AGGREGATE:
        e->type = TYPE_VECTOR;
        e->is_invariant = e->aggregate.expr->is_invariant &&
                          (!e->aggregate.parameter || e->aggregate.parameter->is_invariant);
        break;
    case EXPR_CALL:
        e->type = e->call.function->result;
        e->is_invariant = call_is_invariant(&e->call);
        break;
    case EXPR_FOREIGN:
        e->type = TYPE_VECTOR;
        e->is_invariant = false;
        break;
    }
}

/* ---- checking ---------------------------------------------------------------- */

struct check {
    struct tsdb_text source;
    struct tsdb_error *err;
};

static enum tsdb_status check(const struct check *c, const struct expr *e);

static enum tsdb_status fail(const struct check *c, uint32_t at, const char *text)
{
    return promql_fail(c->err, c->source, at, "%s", text);
}

static enum tsdb_status check_is(const struct check *c, const struct expr *e, enum expr_type want,
                                 const char *where)
{
    enum tsdb_status st = check(c, e);
    if (st != TSDB_OK || e->type == want)
        return st;
    return promql_fail(c->err, c->source, e->begin, "expected type %s in %s, got %s",
                       expr_type_name(want), where, expr_type_name(e->type));
}

static enum tsdb_status check_aggregate(const struct check *c, const struct expr_aggregate *a)
{
    enum tsdb_status st = check_is(c, a->expr, TYPE_VECTOR, "aggregation expression");
    if (st != TSDB_OK || !a->parameter)
        return st;
    enum expr_type want = a->op == AGGREGATE_COUNT_VALUES ? TYPE_STRING : TYPE_SCALAR;
    return check_is(c, a->parameter, want, "aggregation parameter");
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Where the operator stands. */
static uint32_t operator_at(const struct check *c, const struct expr *e)
{
    uint32_t at = e->binary.left->end;
    while (at < c->source.len && is_space(c->source.at[at]))
        at++;
    return at;
}

static bool is_arithmetic_type(const struct expr *e)
{
    return e->type == TYPE_SCALAR || e->type == TYPE_VECTOR;
}

static enum tsdb_status check_modifiers(const struct check *c, const struct expr *e)
{
    const struct expr_binary *b = &e->binary;
    bool is_comparison = binary_op_is_comparison(b->op);
    if (b->is_bool && !is_comparison)
        return fail(c, operator_at(c, e), "bool modifier can only be used on comparison operators");
    if (is_comparison && !b->is_bool && b->left->type == TYPE_SCALAR &&
        b->right->type == TYPE_SCALAR)
        return fail(c, operator_at(c, e), "comparisons between scalars must use BOOL modifier");
    for (uint32_t i = 0; b->is_on && i < b->matching.count; i++)
        for (uint32_t k = 0; k < b->include.count; k++)
            if (text_equal(b->matching.at[i], b->include.at[k]))
                return promql_fail(c->err, c->source, operator_at(c, e),
                                   "label %s must not occur in ON and GROUP clause at once",
                                   quoted_text(b->matching.at[i], SIZE_MAX).at);
    return TSDB_OK;
}

static enum tsdb_status check_binary(const struct check *c, const struct expr *e)
{
    const struct expr_binary *b = &e->binary;
    bool is_set = binary_op_is_set(b->op);
    enum tsdb_status st = check(c, b->left);
    if (st == TSDB_OK)
        st = check(c, b->right);
    if (st == TSDB_OK)
        st = check_modifiers(c, e);
    if (st != TSDB_OK)
        return st;
    if (!is_arithmetic_type(b->left) || !is_arithmetic_type(b->right))
        return fail(c, is_arithmetic_type(b->left) ? b->right->begin : b->left->begin,
                    "binary expression must contain only scalar and instant vector types");
    if (b->left->type != TYPE_VECTOR || b->right->type != TYPE_VECTOR) {
        if (b->matching.count > 0)
            return fail(c, e->begin, "vector matching only allowed between instant vectors");
        if (is_set)
            return promql_fail(c->err, c->source, e->begin,
                               "set operator \"%s\" not allowed in binary scalar expression",
                               binary_op_name(b->op));
    } else if (is_set && b->card != CARD_MANY_TO_MANY) {
        return promql_fail(c->err, c->source, e->begin, "no grouping allowed for \"%s\" operation",
                           binary_op_name(b->op));
    }
    return TSDB_OK;
}

static enum tsdb_status check_count(const struct check *c, const struct expr *e)
{
    const struct function *f = e->call.function;
    int want = f->argument_count, got = (int)e->call.count;
    if (f->variadic == 0 && got != want)
        return promql_fail(c->err, c->source, e->begin,
                           "expected %d argument(s) in call to \"%s\", got %d", want, f->name, got);
    if (f->variadic != 0 && got < want - 1)
        return promql_fail(c->err, c->source, e->begin,
                           "expected at least %d argument(s) in call to \"%s\", got %d", want - 1,
                           f->name, got);
    if (f->variadic > 0 && got > want - 1 + f->variadic)
        return promql_fail(c->err, c->source, e->begin,
                           "expected at most %d argument(s) in call to \"%s\", got %d",
                           want - 1 + f->variadic, f->name, got);
    return TSDB_OK;
}

/* info(v, {...}): label selectors only. */
static enum tsdb_status check_info(const struct check *c, const struct expr *e)
{
    const struct expr *labels = e->call.arguments[1];
    if (labels->type != TYPE_VECTOR)
        return promql_fail(c->err, c->source, e->begin,
                           "expected type instant vector in call to function \"info\", got %s",
                           expr_type_name(labels->type));
    if (labels->kind != EXPR_SELECTOR)
        return fail(c, labels->begin, "expected label selectors only");
    if (labels->selector.name.len > 0)
        return fail(c, labels->begin, "expected label selectors only, got vector selector instead");
    return TSDB_OK;
}

static enum tsdb_status check_call(const struct check *c, const struct expr *e)
{
    const struct function *f = e->call.function;
    bool has_labels = f->id == FUNCTION_INFO && e->call.count > 1;
    enum tsdb_status st = check_count(c, e);
    if (st == TSDB_OK && has_labels)
        st = check_info(c, e);
    for (uint32_t i = 0; st == TSDB_OK && i < e->call.count; i++) {
        const struct expr *argument = e->call.arguments[i];
        enum expr_type want = function_argument_type(f, i);
        if (!has_labels || i == 0)
            st = check(c, argument);
        if (st == TSDB_OK && argument->type != want)
            return promql_fail(c->err, c->source, argument->begin,
                               "expected type %s in call to function \"%s\", got %s",
                               expr_type_name(want), f->name, expr_type_name(argument->type));
    }
    return st;
}

bool selector_is_selective(const struct expr *e)
{
    ASSERT(e->kind == EXPR_SELECTOR);
    for (uint32_t i = 0; i < e->selector.matcher_count; i++)
        if (!e->selector.matchers[i].matches_empty)
            return true;
    return false;
}

static enum tsdb_status check_selector(const struct check *c, const struct expr *e)
{
    const struct expr_selector *s = &e->selector;
    for (uint32_t i = 0; s->name.len > 0 && i + 1 < s->matcher_count; i++)
        if (text_equal(s->matchers[i].name, text_of("__name__")))
            return promql_fail(
                c->err, c->source, e->begin, "metric name must not be set twice: %s or %s",
                quoted_text(s->name, SIZE_MAX).at, quoted_text(s->matchers[i].value, SIZE_MAX).at);
    if (!selector_is_selective(e))
        return fail(c, e->begin, "vector selector must contain at least one non-empty matcher");
    return TSDB_OK;
}

static enum tsdb_status check_unary(const struct check *c, const struct expr *e)
{
    enum tsdb_status st = check(c, e->unary.expr);
    if (st != TSDB_OK || is_arithmetic_type(e->unary.expr))
        return st;
    return promql_fail(c->err, c->source, e->begin,
                       "unary expression only allowed on expressions of type scalar or instant "
                       "vector, got \"%s\"",
                       expr_type_name(e->unary.expr->type));
}

static enum tsdb_status check_subquery(const struct check *c, const struct expr *e)
{
    static const char *const names[] = {[TYPE_SCALAR] = "scalar",
                                        [TYPE_VECTOR] = "vector",
                                        [TYPE_MATRIX] = "matrix",
                                        [TYPE_STRING] = "string"};
    enum tsdb_status st = check(c, e->subquery.expr);
    if (st != TSDB_OK || e->subquery.expr->type == TYPE_VECTOR)
        return st;
    return promql_fail(c->err, c->source, e->begin,
                       "subquery is only allowed on instant vector, got %s instead",
                       names[e->subquery.expr->type]);
}

static enum tsdb_status check(const struct check *c, const struct expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER:
    case EXPR_STRING:
    case EXPR_FOREIGN: return TSDB_OK;
    case EXPR_SELECTOR: return check_selector(c, e);
    case EXPR_MATRIX: return check(c, e->matrix.selector);
    case EXPR_SUBQUERY: return check_subquery(c, e);
    case EXPR_UNARY: return check_unary(c, e);
    case EXPR_PAREN: return check(c, e->paren);
    case EXPR_BINARY: return check_binary(c, e);
    case EXPR_AGGREGATE: return check_aggregate(c, &e->aggregate);
    case EXPR_CALL: return check_call(c, e);
    }
    UNREACHABLE();
}

enum tsdb_status typecheck(const struct expr *e, struct tsdb_text source, struct tsdb_error *err)
{
    struct check c = {source, err};
    return check(&c, e);
}
