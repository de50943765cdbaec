#include "tsdb/logql/parser.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/typecheck.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* An expression: one of the two. */
struct operand {
    const struct log_expr *logs;
    struct expr *metric;
};

/* ---- tokens -------------------------------------------------------------------------- */

void logql_advance(struct logql_parser *p)
{
    if (p->is_fault)
        return;
    p->end = p->token.at + (uint32_t)p->token.text.len;
    p->is_fault = logql_lexer_next(&p->lexer, &p->token, &p->fault) != TSDB_OK;
}

bool logql_is(const struct logql_parser *p, enum logql_token_kind kind)
{
    return !p->is_fault && p->token.kind == kind;
}

bool logql_is_binary(const struct logql_parser *p, enum binary_op op)
{
    return logql_is(p, LOGQL_BINARY) && p->token.code == op;
}

bool logql_accept(struct logql_parser *p, enum logql_token_kind kind)
{
    bool is_there = logql_is(p, kind);
    if (is_there)
        logql_advance(p);
    return is_there;
}

enum tsdb_status logql_expect(struct logql_parser *p, enum logql_token_kind kind,
                              const char *expecting)
{
    return logql_accept(p, kind) ? TSDB_OK : logql_unexpected(p, expecting);
}

enum tsdb_status logql_unexpected(struct logql_parser *p, const char *expecting)
{
    p->status = TSDB_EINVAL;
    if (!p->is_fault)
        return fault_at(p->err, p->source, p->token.at, "syntax error: unexpected %s%s%s",
                        logql_token_name(&p->token).at, expecting ? ", expecting " : "",
                        expecting ? expecting : "");
    if (p->err)
        *p->err = p->fault;
    return TSDB_EINVAL;
}

enum tsdb_status logql_full(struct logql_parser *p)
{
    p->status = TSDB_ELIMIT;
    (void)tsdb_fail(p->err, TSDB_ELIMIT, "query text: memory for its parts is exhausted");
    return TSDB_ELIMIT;
}

void logql_defer(struct logql_parser *p, const char *fmt, ...)
{
    char text[2 * sizeof p->deferred.msg]; /* cut by tsdb_fail */
    va_list args;
    if (p->is_deferred)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    p->is_deferred = true;
    (void)tsdb_fail(&p->deferred, TSDB_EINVAL, "parse error : %s", text);
}

enum tsdb_status logql_enter(struct logql_parser *p)
{
    if (p->depth == LOGQL_NESTING_MAX)
        return fault_at(p->err, p->source, p->token.at, "query nests deeper than %d levels",
                        LOGQL_NESTING_MAX);
    p->depth++;
    return TSDB_OK;
}

/* ---- parts of the tree ----------------------------------------------------------------- */

void *logql_list_push(struct logql_parser *p, struct arena_list *list, size_t size, size_t align)
{
    if (list->count == EXPR_LIST_MAX) {
        p->status =
            fault_at(p->err, p->source, p->token.at, "list has more than %d items", EXPR_LIST_MAX);
        return NULL;
    }
    void *item = arena_list_push(p->arena, list, size, align);
    if (!item)
        (void)logql_full(p);
    return item;
}

enum tsdb_status logql_node_new(struct logql_parser *p, enum expr_kind kind, uint32_t begin,
                                struct expr **out)
{
    struct expr *e = ARENA_ARRAY(p->arena, struct expr, 1);
    if (!e)
        return logql_full(p);
    e->kind = kind;
    e->begin = begin;
    e->height = 1;
    *out = e;
    return TSDB_OK;
}

/* The node stands above the child. */
static enum tsdb_status raise_above(struct logql_parser *p, struct expr *e,
                                    const struct expr *child)
{
    if (child->height >= EXPR_HEIGHT_MAX)
        return fault_at(p->err, p->source, e->begin, "expression is more than %d levels high",
                        EXPR_HEIGHT_MAX);
    if (e->height <= child->height)
        e->height = (uint16_t)(child->height + 1);
    return TSDB_OK;
}

enum tsdb_status logql_read_string(struct logql_parser *p, struct tsdb_text *out)
{
    if (!logql_is(p, LOGQL_STRING))
        return logql_unexpected(p, "STRING");
    struct tsdb_text text = p->token.text;
    if (text.at[0] == '`' || !memchr(text.at, '\\', text.len)) {
        *out = (struct tsdb_text){text.at + 1, text.len - 2};
    } else {
        char *unquoted = ARENA_ARRAY(p->arena, char, text.len);
        if (!unquoted)
            return logql_full(p);
        *out = (struct tsdb_text){unquoted, quote_read(text, unquoted)};
    }
    logql_advance(p);
    return TSDB_OK;
}

enum tsdb_status logql_read_number(struct logql_parser *p, double *out)
{
    bool is_negative = logql_is_binary(p, BINARY_SUB);
    if (is_negative || logql_is_binary(p, BINARY_ADD)) {
        logql_advance(p);
        if (!logql_is(p, LOGQL_NUMBER))
            return logql_unexpected(p, "NUMBER");
    }
    if (!logql_is(p, LOGQL_NUMBER))
        return logql_unexpected(p, NULL);
    struct tsdb_text text = p->token.text;
    double value = 0;
    bool is_hex = text.len > 1 && (text.at[1] | 0x20) == 'x';
    if (is_hex || !double_parse(text, &value))
        return tsdb_fail(p->err, TSDB_EINVAL,
                         "parse error : unable to parse literal as a float: strconv.ParseFloat: "
                         "parsing %s: invalid syntax",
                         quoted_text(text, 64).at);
    if (isinf(value))
        return tsdb_fail(p->err, TSDB_EINVAL,
                         "parse error : unable to parse literal as a float: strconv.ParseFloat: "
                         "parsing %s: value out of range",
                         quoted_text(text, 64).at);
    *out = is_negative ? -value : value;
    logql_advance(p);
    return TSDB_OK;
}

static enum tsdb_status read_literal(struct logql_parser *p, struct expr **out)
{
    struct expr *e;
    enum tsdb_status st = logql_node_new(p, EXPR_NUMBER, p->token.at, &e);
    if (st == TSDB_OK)
        st = logql_read_number(p, &e->number.value);
    if (st != TSDB_OK)
        return st;
    e->end = p->end;
    node_settle(e);
    *out = e;
    return TSDB_OK;
}

static enum tsdb_status read_expr(struct logql_parser *p, uint32_t precedence, struct operand *out);

/* An expression that must be a metric query. */
static enum tsdb_status read_metric(struct logql_parser *p, struct expr **out)
{
    struct operand o = {0};
    enum tsdb_status st = read_expr(p, 0, &o);
    if (st == TSDB_OK && o.logs)
        return logql_unexpected(p, NULL);
    if (st == TSDB_OK)
        *out = o.metric;
    return st;
}

/* ---- calls ------------------------------------------------------------------------------ */

static enum tsdb_status call_new(struct logql_parser *p, enum function_id id, uint32_t count,
                                 struct expr **out, struct expr ***arguments)
{
    enum tsdb_status st = logql_node_new(p, EXPR_CALL, p->token.at, out);
    *arguments = ARENA_ARRAY(p->arena, struct expr *, count);
    if (st != TSDB_OK || !*arguments)
        return logql_full(p);
    (*out)->call =
        (struct expr_call){function_get(id), (const struct expr *const *)*arguments, count};
    return TSDB_OK;
}

/* The arguments are there, but for the right parenthesis. */
static enum tsdb_status call_end(struct logql_parser *p, struct expr *e)
{
    enum tsdb_status st = logql_expect(p, LOGQL_RIGHT_PAREN, NULL);
    for (uint32_t i = 0; st == TSDB_OK && i < e->call.count; i++)
        st = raise_above(p, e, e->call.arguments[i]);
    e->end = p->end;
    node_settle(e);
    return st;
}

static enum tsdb_status read_vector(struct logql_parser *p, struct expr **out)
{
    struct expr **arguments;
    enum tsdb_status st = call_new(p, FUNCTION_VECTOR, 1, out, &arguments);
    if (st != TSDB_OK)
        return st;
    logql_advance(p);
    st = logql_expect(p, LOGQL_LEFT_PAREN, "(");
    if (st == TSDB_OK && !logql_is(p, LOGQL_NUMBER))
        return logql_unexpected(p, "NUMBER");
    if (st == TSDB_OK)
        st = read_literal(p, &arguments[0]);
    return st == TSDB_OK ? call_end(p, *out) : st;
}

static enum tsdb_status read_label_replace(struct logql_parser *p, struct expr **out)
{
    struct expr **arguments;
    enum tsdb_status st = call_new(p, FUNCTION_LABEL_REPLACE, 5, out, &arguments);
    if (st == TSDB_OK)
        st = logql_enter(p);
    if (st != TSDB_OK)
        return st;
    logql_advance(p);
    st = logql_expect(p, LOGQL_LEFT_PAREN, "(");
    if (st == TSDB_OK)
        st = read_metric(p, &arguments[0]);
    for (uint32_t i = 1; st == TSDB_OK && i < 5; i++) {
        st = logql_expect(p, LOGQL_COMMA, ",");
        if (st == TSDB_OK)
            st = logql_node_new(p, EXPR_STRING, p->token.at, &arguments[i]);
        if (st == TSDB_OK)
            st = logql_read_string(p, &arguments[i]->string);
        if (st != TSDB_OK)
            return st;
        arguments[i]->end = p->end;
        node_settle(arguments[i]);
    }
    if (st != TSDB_OK)
        return st;
    p->depth--;
    logql_check_regex(p, arguments[4]->string, "label_replace");
    return call_end(p, *out);
}

/* ---- aggregations -------------------------------------------------------------------------- */

/* What stands in an aggregation's text. */
struct aggregation {
    struct logql_token word;
    bool has_grouping, is_without, has_parameter;
    struct expr_names names;
    struct expr *expr, *parameter;
    struct tsdb_text parameter_text;
};

static enum tsdb_status read_grouping(struct logql_parser *p, struct aggregation *a)
{
    if (a->has_grouping || !logql_is_grouping(p))
        return TSDB_OK;
    a->has_grouping = true;
    return logql_read_grouping(p, &a->is_without, &a->names);
}

/* "(5, expr)" or "(expr)". */
static enum tsdb_status read_arguments(struct logql_parser *p, struct aggregation *a)
{
    enum tsdb_status st = logql_expect(p, LOGQL_LEFT_PAREN, "(");
    if (st == TSDB_OK)
        st = logql_enter(p);
    if (st != TSDB_OK)
        return st;
    struct logql_token first = p->token;
    st = read_metric(p, &a->expr);
    if (st != TSDB_OK)
        return st;
    bool is_number = first.kind == LOGQL_NUMBER && a->expr->kind == EXPR_NUMBER;
    if (is_number && logql_accept(p, LOGQL_COMMA)) {
        a->has_parameter = true;
        a->parameter = a->expr;
        a->parameter_text = first.text;
        st = read_metric(p, &a->expr);
    }
    p->depth--;
    return st == TSDB_OK ? logql_expect(p, LOGQL_RIGHT_PAREN, NULL) : st;
}

/* What Loki refuses of a whole aggregation. */
static void check_aggregation(struct logql_parser *p, const struct aggregation *a)
{
    const struct tsdb_text name = a->word.text, given = a->parameter_text;
    bool is_approx = a->word.code == LOGQL_APPROX_TOPK;
    bool needs = a->word.kind == LOGQL_AGGREGATE &&
                 (is_approx || a->word.code == AGGREGATE_TOPK || a->word.code == AGGREGATE_BOTTOMK);
    double k = a->parameter ? a->parameter->number.value : 0;
    if (needs && !a->has_parameter)
        logql_defer(p, "parameter required for operation %.*s", (int)name.len, name.at);
    if (!needs && a->has_parameter)
        logql_defer(p, "unsupported parameter for operation %.*s(%.*s,", (int)name.len, name.at,
                    (int)given.len, given.at);
    if (a->has_parameter && (memchr(given.at, '.', given.len) || memchr(given.at, 'e', given.len) ||
                             memchr(given.at, 'E', given.len) || k >= 0x1p63))
        logql_defer(p, "invalid parameter %.*s(%.*s,", (int)name.len, name.at, (int)given.len,
                    given.at);
    if (a->has_parameter && k <= 0)
        logql_defer(p, "invalid parameter (must be greater than 0) %.*s(%.*s", (int)name.len,
                    name.at, (int)given.len, given.at);
    if (is_approx && a->has_grouping)
        logql_defer(p, "grouping not allowed for approx_topk aggregation");
    if (a->word.kind == LOGQL_SORT && a->names.count > 0)
        logql_defer(p, "sort and sort_desc doesn't allow grouping by");
}

static enum tsdb_status sort_new(struct logql_parser *p, const struct aggregation *a,
                                 struct expr **out)
{
    struct expr **arguments;
    enum tsdb_status st =
        call_new(p, a->word.code ? FUNCTION_SORT_DESC : FUNCTION_SORT, 1, out, &arguments);
    if (st == TSDB_OK)
        arguments[0] = a->expr;
    return st;
}

static enum tsdb_status read_aggregation(struct logql_parser *p, struct expr **out)
{
    struct aggregation a = {.word = p->token};
    struct expr *e = NULL;
    logql_advance(p);
    enum tsdb_status st = read_grouping(p, &a);
    if (st == TSDB_OK)
        st = read_arguments(p, &a);
    if (st == TSDB_OK)
        st = read_grouping(p, &a);
    if (st != TSDB_OK)
        return st;
    check_aggregation(p, &a);
    bool is_sort = a.word.kind == LOGQL_SORT;
    st = is_sort ? sort_new(p, &a, &e) : logql_node_new(p, EXPR_AGGREGATE, a.word.at, &e);
    if (st == TSDB_OK)
        st = raise_above(p, e, a.expr);
    if (st != TSDB_OK)
        return st;
    if (!is_sort)
        e->aggregate = (struct expr_aggregate){
            .op =
                a.word.code == LOGQL_APPROX_TOPK ? AGGREGATE_TOPK : (enum aggregate_op)a.word.code,
            .is_without = a.is_without,
            .names = a.names,
            .parameter = a.parameter,
            .expr = a.expr,
        };
    e->begin = a.word.at;
    e->end = p->end;
    node_settle(e);
    *out = e;
    return TSDB_OK;
}

/* ---- operands ---------------------------------------------------------------------------------
 */

static enum tsdb_status read_logs(struct logql_parser *p, const struct log_expr **out)
{
    struct arena_list stages = {0};
    struct logql_pipe pipe = {0};
    struct log_expr *e = ARENA_ARRAY(p->arena, struct log_expr, 1);
    if (!e)
        return logql_full(p);
    enum tsdb_status st = logql_read_selector(p, e);
    if (st == TSDB_OK)
        st = logql_read_stages(p, &stages, &pipe);
    if (st == TSDB_OK && pipe.has_unwrap) {
        p->status = TSDB_EINVAL;
        return fault_at(p->err, p->source, p->end - (uint32_t)strlen("unwrap"),
                        "syntax error: unexpected unwrap");
    }
    if (st != TSDB_OK)
        return st;
    e->stages = stages.at;
    e->stage_count = stages.count;
    logql_check_selector(p, e);
    *out = e;
    return TSDB_OK;
}

static enum tsdb_status read_paren(struct logql_parser *p, struct operand *out)
{
    enum tsdb_status st = logql_enter(p);
    if (st != TSDB_OK)
        return st;
    logql_advance(p);
    st = read_expr(p, 0, out);
    p->depth--;
    return st == TSDB_OK ? logql_expect(p, LOGQL_RIGHT_PAREN, NULL) : st;
}

static enum tsdb_status fail_variants(struct logql_parser *p)
{
    struct logql_token word = p->token;
    if (!logql_is(p, LOGQL_IDENTIFIER) || !text_equal(word.text, text_of("variants")))
        return logql_unexpected(p, NULL);
    logql_advance(p);
    if (logql_is(p, LOGQL_LEFT_PAREN))
        return fault_at(p->err, p->source, word.at, "variants(...) of (...) is not supported");
    return fault_at(p->err, p->source, word.at, "syntax error: unexpected IDENTIFIER");
}

static enum tsdb_status read_operand(struct logql_parser *p, struct operand *out)
{
    if (p->is_fault)
        return logql_unexpected(p, NULL);
    switch ((int)p->token.kind) {
    case LOGQL_LEFT_BRACE: return read_logs(p, &out->logs);
    case LOGQL_LEFT_PAREN: return read_paren(p, out);
    case LOGQL_RANGE_OP: return logql_read_range(p, &out->metric);
    case LOGQL_AGGREGATE:
    case LOGQL_SORT: return read_aggregation(p, &out->metric);
    case LOGQL_LABEL_REPLACE: return read_label_replace(p, &out->metric);
    case LOGQL_VECTOR: return read_vector(p, &out->metric);
    case LOGQL_NUMBER: return read_literal(p, &out->metric);
    default: break;
    }
    bool is_signed = logql_is_binary(p, BINARY_ADD) || logql_is_binary(p, BINARY_SUB);
    return is_signed ? read_literal(p, &out->metric) : fail_variants(p);
}

/* ---- operators ---------------------------------------------------------------------------------
 */

uint32_t logql_precedence(enum binary_op op)
{
    switch ((int)op) {
    case BINARY_OR: return 1;
    case BINARY_AND:
    case BINARY_UNLESS: return 2;
    case BINARY_ADD:
    case BINARY_SUB: return 4;
    case BINARY_MUL:
    case BINARY_DIV:
    case BINARY_MOD: return 5;
    case BINARY_POW: return 6;
    default: return 3; /* comparisons */
    }
}

/* "bool on (a) group_left (b)" after an operator. */
static enum tsdb_status read_modifiers(struct logql_parser *p, struct expr_binary *b)
{
    b->is_bool = logql_accept(p, LOGQL_BOOL);
    b->is_on = logql_is(p, LOGQL_ON);
    if (!b->is_on && !logql_is(p, LOGQL_IGNORING))
        return TSDB_OK;
    logql_advance(p);
    enum tsdb_status st = logql_read_names(p, &b->matching);
    bool is_left = logql_is(p, LOGQL_GROUP_LEFT);
    if (st != TSDB_OK || (!is_left && !logql_is(p, LOGQL_GROUP_RIGHT)))
        return st;
    b->card = is_left ? CARD_MANY_TO_ONE : CARD_ONE_TO_MANY;
    logql_advance(p);
    return logql_is(p, LOGQL_LEFT_PAREN) ? logql_read_names(p, &b->include) : TSDB_OK;
}

/* A side of an operator as a metric; a log query is refused, and stands as 0 until then. */
static enum tsdb_status leg_of(struct logql_parser *p, enum binary_op op, const char *side,
                               const struct operand *o, struct expr **out)
{
    bool is_literal = o->metric && o->metric->kind == EXPR_NUMBER;
    if (o->logs) {
        logql_defer(p, "unexpected type for %s leg of binary operation (%s): *syntax.%s", side,
                    binary_op_name(op), o->logs->stage_count > 0 ? "PipelineExpr" : "MatchersExpr");
        return logql_node_new(p, EXPR_NUMBER, 0, out);
    }
    if (is_literal && binary_op_is_set(op))
        logql_defer(p, "unexpected literal for %s leg of logical/set binary operation (%s): %f",
                    side, binary_op_name(op), o->metric->number.value);
    *out = o->metric;
    return TSDB_OK;
}

static enum tsdb_status read_right(struct logql_parser *p, struct operand *left)
{
    struct operand right = {0};
    struct expr *e, *sides[2] = {NULL, NULL};
    enum binary_op op = (enum binary_op)p->token.code;
    enum tsdb_status st = logql_node_new(p, EXPR_BINARY, p->token.at, &e);
    if (st == TSDB_OK)
        st = logql_enter(p);
    if (st != TSDB_OK)
        return st;
    logql_advance(p);
    st = read_modifiers(p, &e->binary);
    if (st == TSDB_OK) /* powers associate to the right, all else to the left */
        st = read_expr(p, logql_precedence(op) + (op != BINARY_POW), &right);
    if (st == TSDB_OK)
        st = leg_of(p, op, "left", left, &sides[0]);
    if (st == TSDB_OK)
        st = leg_of(p, op, "right", &right, &sides[1]);
    if (st == TSDB_OK)
        st = raise_above(p, e, sides[0]);
    if (st == TSDB_OK)
        st = raise_above(p, e, sides[1]);
    if (st != TSDB_OK)
        return st;
    p->depth--;
    e->binary.op = op;
    e->binary.left = sides[0];
    e->binary.right = sides[1];
    e->begin = sides[0]->begin;
    e->end = p->end;
    bool is_scalar = sides[0]->type == TYPE_SCALAR && sides[1]->type == TYPE_SCALAR;
    if (is_scalar && binary_op_is_comparison(op))
        e->binary.is_bool = true;
    node_settle(e);
    *left = (struct operand){NULL, e};
    return TSDB_OK;
}

/* Operators that bind at least as tightly as `precedence`. */
static enum tsdb_status read_expr(struct logql_parser *p, uint32_t precedence, struct operand *out)
{
    enum tsdb_status st = read_operand(p, out);
    while (st == TSDB_OK && logql_is(p, LOGQL_BINARY) &&
           logql_precedence((enum binary_op)p->token.code) >= precedence)
        st = read_right(p, out);
    return st;
}

/* ---- entry --------------------------------------------------------------------------------------
 */

static enum tsdb_status begin(struct logql_parser *p, struct tsdb_text text, struct arena *arena,
                              struct tsdb_error *err)
{
    *p = (struct logql_parser){.arena = arena, .err = err};
    if (text.len > EXPR_TEXT_MAX)
        return tsdb_fail(err, TSDB_EINVAL, "parse error : input size too long (%zu > %d)", text.len,
                         EXPR_TEXT_MAX);
    char *copy = ARENA_ARRAY(arena, char, text.len + 1);
    if (!copy)
        return logql_full(p);
    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    p->source = (struct tsdb_text){copy, text.len};
    p->lexer = logql_lexer_over(p->source);
    logql_advance(p);
    return TSDB_OK;
}

/* PromQL's types; its "1:5: parse error: ..." becomes Loki's form. */
static enum tsdb_status check_types(const struct logql_parser *p, const struct expr *e)
{
    static const char middle[] = ": parse error: ";
    struct tsdb_error why;
    char *rest;
    enum tsdb_status st = typecheck(e, p->source, &why);
    if (st == TSDB_OK)
        return st;
    const char *text = strstr(why.msg, middle);
    unsigned long line = strtoul(why.msg, &rest, 10);
    unsigned long column = *rest == ':' ? strtoul(rest + 1, NULL, 10) : 0;
    return tsdb_fail(p->err, st, "parse error at line %lu, col %lu: %s", line, column,
                     text ? text + sizeof middle - 1 : why.msg);
}

enum tsdb_status logql_parse(struct tsdb_text text, struct arena *arena, expr_open_fn *open,
                             struct logql *out, struct tsdb_error *err)
{
    struct logql_parser p;
    struct operand o = {0};
    enum tsdb_status st = begin(&p, text, arena, err);
    if (st != TSDB_OK)
        return st;
    p.open = open;
    st = read_expr(&p, 0, &o);
    if (st == TSDB_OK)
        st = logql_expect(&p, LOGQL_EOF, NULL);
    if (st == TSDB_OK && p.is_deferred) {
        if (err)
            *err = p.deferred;
        return TSDB_EINVAL;
    }
    if (st == TSDB_OK && o.metric)
        st = check_types(&p, o.metric);
    if (st == TSDB_OK)
        *out = (struct logql){o.logs, o.metric};
    return st;
}

enum tsdb_status logql_parse_selector(struct tsdb_text text, struct arena *arena,
                                      struct log_expr *out, struct tsdb_error *err)
{
    struct logql_parser p;
    struct log_expr e = {0};
    enum tsdb_status st = begin(&p, text, arena, err);
    if (st == TSDB_OK)
        st = logql_read_selector(&p, &e);
    if (st == TSDB_OK)
        st = logql_expect(&p, LOGQL_EOF, NULL);
    if (st == TSDB_OK)
        *out = e;
    return st;
}
