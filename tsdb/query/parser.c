#include "tsdb/query/parser.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/query/quote.h"
#include "tsdb/query/typecheck.h"

/* ---- tokens ---------------------------------------------------------------- */

void parser_advance(struct parser *p)
{
    if (p->is_fault)
        return;
    p->end = p->token.at + (uint32_t)p->token.text.len;
    p->is_fault = lexer_next(&p->lexer, &p->token, &p->fault) != TSDB_OK;
}

bool parser_is(const struct parser *p, enum token_kind kind)
{
    return !p->is_fault && p->token.kind == kind;
}

bool parser_is_binary(const struct parser *p, enum binary_op op)
{
    return parser_is(p, TOKEN_BINARY) && p->token.code == op;
}

bool parser_accept(struct parser *p, enum token_kind kind)
{
    bool is_there = parser_is(p, kind);
    if (is_there)
        parser_advance(p);
    return is_there;
}

enum tsdb_status parser_fail(struct parser *p, uint32_t at, const char *text)
{
    p->status = TSDB_EINVAL;
    (void)promql_fail(p->err, p->source, at, "%s", text);
    return TSDB_EINVAL;
}

enum tsdb_status parser_full(struct parser *p)
{
    p->status = TSDB_ELIMIT;
    (void)tsdb_fail(p->err, TSDB_ELIMIT, "query text: memory for its parts is exhausted");
    return TSDB_ELIMIT;
}

enum tsdb_status parser_unexpected(struct parser *p, const char *context, const char *expected)
{
    p->status = TSDB_EINVAL;
    if (p->is_fault) {
        if (p->err)
            *p->err = p->fault;
        return TSDB_EINVAL;
    }
    if (!context && p->aggregations > 0)
        context = "aggregation";
    (void)promql_fail(p->err, p->source, p->token.at, "unexpected %s%s%s%s%s",
                      token_name(&p->token).at, context ? " in " : "", context ? context : "",
                      expected ? ", expected " : "", expected ? expected : "");
    return TSDB_EINVAL;
}

/* ---- parts of the tree ----------------------------------------------------- */

void *list_push(struct parser *p, struct arena_list *list, size_t size, size_t align)
{
    if (list->count == EXPR_LIST_MAX) {
        p->status = promql_fail(p->err, p->source, p->token.at, "list has more than %d items",
                                EXPR_LIST_MAX);
        return NULL;
    }
    void *item = arena_list_push(p->arena, list, size, align);
    if (!item)
        (void)parser_full(p);
    return item;
}

enum tsdb_status node_new(struct parser *p, enum expr_kind kind, uint32_t begin, struct expr **out)
{
    struct expr *e = ARENA_ARRAY(p->arena, struct expr, 1);
    if (!e)
        return parser_full(p);
    e->kind = kind;
    e->begin = begin;
    e->height = 1;
    *out = e;
    return TSDB_OK;
}

/* The node stands above the child. */
static enum tsdb_status raise_above(struct parser *p, struct expr *e, const struct expr *child)
{
    if (child->height >= EXPR_HEIGHT_MAX)
        return promql_fail(p->err, p->source, e->begin, "expression is more than %d levels high",
                           EXPR_HEIGHT_MAX);
    if (e->height <= child->height)
        e->height = (uint16_t)(child->height + 1);
    return TSDB_OK;
}

static enum tsdb_status enter(struct parser *p)
{
    if (p->depth == EXPR_NESTING_MAX)
        return promql_fail(p->err, p->source, p->token.at, "expression nests deeper than %d levels",
                           EXPR_NESTING_MAX);
    p->depth++;
    return TSDB_OK;
}

static enum tsdb_status parse_expr(struct parser *p, uint32_t precedence, struct expr **out);

/* ---- calls and aggregations ------------------------------------------------ */

static bool starts_expr(const struct parser *p)
{
    return token_is_metric(&p->token) || parser_is(p, TOKEN_NUMBER) ||
           parser_is(p, TOKEN_DURATION) || parser_is(p, TOKEN_STRING) ||
           parser_is(p, TOKEN_LEFT_PAREN) || parser_is(p, TOKEN_LEFT_BRACE) ||
           parser_is_binary(p, BINARY_ADD) || parser_is_binary(p, BINARY_SUB);
}

/* "(a, b)"; e is the node that will hold them. */
static enum tsdb_status parse_arguments(struct parser *p, struct expr *e,
                                        struct arena_list *arguments)
{
    if (!parser_accept(p, TOKEN_LEFT_PAREN))
        return parser_unexpected(p, NULL, NULL);
    enum tsdb_status st = enter(p);
    if (st != TSDB_OK)
        return st;
    while (!parser_is(p, TOKEN_RIGHT_PAREN)) {
        struct expr *argument;
        st = parse_expr(p, 0, &argument);
        if (st == TSDB_OK)
            st = raise_above(p, e, argument);
        if (st != TSDB_OK)
            return st;
        const struct expr **slot = LIST_PUSH(p, arguments, const struct expr *);
        if (!slot)
            return p->status;
        *slot = argument;
        uint32_t comma = p->token.at;
        if (parser_accept(p, TOKEN_COMMA)) {
            if (!p->is_fault && !starts_expr(p))
                return parser_fail(p, comma, "trailing commas not allowed in function call args");
        } else if (!parser_is(p, TOKEN_RIGHT_PAREN)) {
            return parser_unexpected(p, NULL, NULL);
        }
    }
    parser_advance(p);
    p->depth--;
    return TSDB_OK;
}

static enum tsdb_status parse_call(struct parser *p, const struct token *name, struct expr **out)
{
    struct arena_list arguments = {0};
    struct expr *e;
    enum tsdb_status st = node_new(p, EXPR_CALL, name->at, &e);
    if (st == TSDB_OK)
        st = parse_arguments(p, e, &arguments);
    if (st != TSDB_OK)
        return st;
    e->call.function = function_find(name->text);
    if (!e->call.function)
        return promql_fail(p->err, p->source, name->at, "unknown function with name %s",
                           quoted_text(name->text, SIZE_MAX).at);
    e->call.arguments = arguments.at;
    e->call.count = arguments.count;
    e->end = p->end;
    node_settle(e);
    *out = e;
    return TSDB_OK;
}

static bool is_grouping(const struct parser *p)
{
    return parser_is(p, TOKEN_BY) || parser_is(p, TOKEN_WITHOUT);
}

static enum tsdb_status parse_grouping(struct parser *p, struct expr_aggregate *a)
{
    a->is_without = parser_is(p, TOKEN_WITHOUT);
    parser_advance(p);
    return parse_names(p, &a->names);
}

static enum tsdb_status take_arguments(struct parser *p, struct expr *e,
                                       const struct arena_list *arguments)
{
    struct expr_aggregate *a = &e->aggregate;
    const struct expr *const *at = arguments->at;
    uint32_t want = aggregate_op_has_parameter(a->op) ? 2 : 1;
    if (arguments->count == 0)
        return parser_fail(p, e->begin, "no arguments for aggregate expression provided");
    if (arguments->count != want)
        return promql_fail(p->err, p->source, e->begin,
                           "wrong number of arguments for aggregate expression provided, "
                           "expected %u, got %u",
                           want, arguments->count);
    a->parameter = want == 2 ? at[0] : NULL;
    a->expr = at[want - 1];
    return TSDB_OK;
}

/* The operation's word is taken, by, without or a parenthesis follow. */
static enum tsdb_status parse_aggregate(struct parser *p, const struct token *op, struct expr **out)
{
    struct arena_list arguments = {0};
    struct expr *e;
    enum tsdb_status st = node_new(p, EXPR_AGGREGATE, op->at, &e);
    if (st != TSDB_OK)
        return st;
    e->aggregate.op = (enum aggregate_op)op->code;
    p->aggregations++;
    bool has_grouping = is_grouping(p);
    if (has_grouping)
        st = parse_grouping(p, &e->aggregate);
    if (st == TSDB_OK)
        st = parse_arguments(p, e, &arguments);
    if (st == TSDB_OK && !has_grouping && is_grouping(p))
        st = parse_grouping(p, &e->aggregate);
    if (st == TSDB_OK)
        st = take_arguments(p, e, &arguments);
    if (st != TSDB_OK)
        return st;
    p->aggregations--;
    e->end = p->end;
    node_settle(e);
    *out = e;
    return TSDB_OK;
}

/* ---- operands -------------------------------------------------------------- */

static enum tsdb_status parse_paren(struct parser *p, struct expr **out)
{
    struct expr *e, *inner;
    enum tsdb_status st = node_new(p, EXPR_PAREN, p->token.at, &e);
    if (st == TSDB_OK)
        st = enter(p);
    if (st != TSDB_OK)
        return st;
    parser_advance(p);
    st = parse_expr(p, 0, &inner);
    if (st == TSDB_OK)
        st = raise_above(p, e, inner);
    if (st != TSDB_OK)
        return st;
    if (!parser_accept(p, TOKEN_RIGHT_PAREN))
        return parser_unexpected(p, NULL, NULL);
    p->depth--;
    e->paren = inner;
    e->end = p->end;
    node_settle(e);
    *out = e;
    return TSDB_OK;
}

static enum tsdb_status parse_literal(struct parser *p, struct expr **out)
{
    bool is_string = parser_is(p, TOKEN_STRING);
    struct expr *e;
    enum tsdb_status st = node_new(p, is_string ? EXPR_STRING : EXPR_NUMBER, p->token.at, &e);
    if (st == TSDB_OK)
        st = is_string ? parse_string(p, &e->string) : parse_number(p, &e->number);
    if (st != TSDB_OK)
        return st;
    e->end = p->end;
    node_settle(e);
    *out = e;
    return TSDB_OK;
}

static enum tsdb_status parse_primary(struct parser *p, struct expr **out)
{
    if (parser_is(p, TOKEN_NUMBER) || parser_is(p, TOKEN_DURATION) || parser_is(p, TOKEN_STRING))
        return parse_literal(p, out);
    if (parser_is(p, TOKEN_LEFT_PAREN))
        return parse_paren(p, out);
    if (parser_is(p, TOKEN_LEFT_BRACE))
        return parse_selector(p, NULL, out);
    if (p->is_fault || !token_is_metric(&p->token))
        return parser_unexpected(p, NULL, NULL);
    struct token word = p->token;
    parser_advance(p);
    bool is_paren = parser_is(p, TOKEN_LEFT_PAREN);
    if (word.kind == TOKEN_AGGREGATE && (is_paren || is_grouping(p)))
        return parse_aggregate(p, &word, out);
    if (is_paren && (word.kind == TOKEN_IDENTIFIER || word.kind == TOKEN_START ||
                     word.kind == TOKEN_END || word.kind == TOKEN_STEP))
        return parse_call(p, &word, out);
    return parse_selector(p, &word, out);
}

/* ---- what follows an operand ----------------------------------------------- */

/* Where the offset and @ of e go, or NULL. */
static struct expr_time *time_of(struct expr *e, struct expr *selector)
{
    if (e->kind == EXPR_SUBQUERY)
        return &e->subquery.time;
    if (e->kind == EXPR_SELECTOR || e->kind == EXPR_MATRIX)
        return &selector->selector.time;
    return NULL;
}

static enum tsdb_status attach_offset(struct parser *p, struct expr *e, struct expr *selector)
{
    int64_t offset = 0;
    enum tsdb_status st = parse_offset(p, &offset);
    if (st != TSDB_OK)
        return st;
    struct expr_time *time = time_of(e, selector);
    if (!time)
        return parser_fail(p, e->begin,
                           "offset modifier must be preceded by an instant vector selector or "
                           "range vector selector or a subquery");
    if (time->offset != 0)
        return parser_fail(p, e->begin, "offset may not be set multiple times");
    time->offset = offset;
    e->end = p->end;
    return TSDB_OK;
}

static enum tsdb_status attach_at(struct parser *p, struct expr *e, struct expr *selector)
{
    struct expr_time at = {0};
    enum tsdb_status st = parse_at(p, e, &at);
    if (st != TSDB_OK)
        return st;
    struct expr_time *time = time_of(e, selector);
    if (!time)
        return parser_fail(p, e->begin,
                           "@ modifier must be preceded by an instant vector selector or range "
                           "vector selector or a subquery");
    if (time->at != EXPR_AT_NONE)
        return parser_fail(p, e->begin, "@ <timestamp> may not be set multiple times");
    time->at = at.at;
    time->at_ts = at.at_ts;
    e->end = p->end;
    return TSDB_OK;
}

static const char *why_no_range(const struct expr *e)
{
    if (e->kind != EXPR_SELECTOR)
        return "ranges only allowed for vector selectors";
    if (e->selector.time.offset != 0)
        return "no offset modifiers allowed before range";
    if (e->selector.time.at != EXPR_AT_NONE)
        return "no @ modifiers allowed before range";
    return NULL;
}

/* "5m:30s]" or "5m:]": the colon is taken. */
static enum tsdb_status parse_subquery(struct parser *p, struct expr *of, int64_t range,
                                       struct expr **out)
{
    struct expr *e;
    enum tsdb_status st = node_new(p, EXPR_SUBQUERY, of->begin, &e);
    if (st == TSDB_OK)
        st = raise_above(p, e, of);
    if (st == TSDB_OK && !parser_is(p, TOKEN_RIGHT_BRACKET))
        st = parse_range(p, "subquery selector", "number, duration, step(), range(), or \"]\"",
                         &e->subquery.step);
    if (st != TSDB_OK)
        return st;
    if (!parser_accept(p, TOKEN_RIGHT_BRACKET))
        return parser_unexpected(p, "subquery selector", "\"]\"");
    e->subquery.expr = of;
    e->subquery.range = range;
    e->end = p->end;
    node_settle(e);
    *out = e;
    return TSDB_OK;
}

/* "[5m]" or "[5m:30s]" after *e, which becomes what they make of it. */
static enum tsdb_status attach_range(struct parser *p, struct expr **e)
{
    struct expr *matrix;
    uint32_t bracket = p->token.at;
    int64_t range = 0;
    parser_advance(p);
    enum tsdb_status st = parse_range(p, "subquery or range selector", NULL, &range);
    if (st != TSDB_OK)
        return st;
    if (parser_accept(p, TOKEN_COLON))
        return parse_subquery(p, *e, range, e);
    if (!parser_accept(p, TOKEN_RIGHT_BRACKET))
        return parser_unexpected(p, "subquery or range", "\":\" or \"]\"");
    const char *why = why_no_range(*e);
    if (why)
        return parser_fail(p, bracket, why);
    st = node_new(p, EXPR_MATRIX, (*e)->begin, &matrix);
    if (st == TSDB_OK)
        st = raise_above(p, matrix, *e);
    if (st != TSDB_OK)
        return st;
    matrix->matrix = (struct expr_matrix){*e, range};
    matrix->end = p->end;
    node_settle(matrix);
    *e = matrix;
    return TSDB_OK;
}

static enum tsdb_status parse_operand(struct parser *p, struct expr **out)
{
    struct expr *e = NULL, *selector;
    enum tsdb_status st = parse_primary(p, &e);
    if (st != TSDB_OK)
        return st;
    ASSERT(e != NULL);
    selector = e;
    while (st == TSDB_OK) {
        if (parser_accept(p, TOKEN_OFFSET))
            st = attach_offset(p, e, selector);
        else if (parser_accept(p, TOKEN_AT))
            st = attach_at(p, e, selector);
        else if (parser_is(p, TOKEN_LEFT_BRACKET))
            st = attach_range(p, &e);
        else if (parser_is(p, TOKEN_ANCHORED))
            st = parser_fail(p, e->begin, "anchored modifier is experimental and not enabled");
        else if (parser_is(p, TOKEN_SMOOTHED))
            st = parser_fail(p, e->begin, "smoothed modifier is experimental and not enabled");
        else
            break;
        node_settle(e);
    }
    *out = e;
    return st;
}

/* ---- operators ------------------------------------------------------------- */

enum { POWER = 6 }; /* binds tightest; a sign is weaker than that */

static uint32_t precedence_of(enum binary_op op)
{
    switch (op) {
    case BINARY_OR: return 1;
    case BINARY_AND:
    case BINARY_UNLESS: return 2;
    case BINARY_EQ:
    case BINARY_NE:
    case BINARY_LT:
    case BINARY_LE:
    case BINARY_GT:
    case BINARY_GE:
    case BINARY_TRIM_UPPER:
    case BINARY_TRIM_LOWER: return 3;
    case BINARY_ADD:
    case BINARY_SUB: return 4;
    case BINARY_MUL:
    case BINARY_DIV:
    case BINARY_MOD:
    case BINARY_ATAN2: return 5;
    case BINARY_POW: return POWER;
    }
    UNREACHABLE();
}

/* "-x" or an operand.  -2 is one number; -x^2 is -(x^2). */
static enum tsdb_status parse_signed(struct parser *p, struct expr **out)
{
    struct expr *e, *inner;
    bool is_negative = parser_is_binary(p, BINARY_SUB);
    uint32_t begin = p->token.at;
    if (!is_negative && !parser_is_binary(p, BINARY_ADD))
        return parse_operand(p, out);
    enum tsdb_status st = enter(p);
    if (st != TSDB_OK)
        return st;
    parser_advance(p);
    st = parse_expr(p, POWER, &inner);
    if (st != TSDB_OK)
        return st;
    p->depth--;
    if (inner->kind == EXPR_NUMBER) {
        inner->begin = begin;
        if (is_negative)
            inner->number.value = -inner->number.value;
        *out = inner;
        return TSDB_OK;
    }
    st = node_new(p, EXPR_UNARY, begin, &e);
    if (st == TSDB_OK)
        st = raise_above(p, e, inner);
    if (st != TSDB_OK)
        return st;
    e->unary = (struct expr_unary){inner, is_negative};
    e->end = inner->end;
    node_settle(e);
    *out = e;
    return TSDB_OK;
}

/* "bool on (a) group_left (b)" after an operator. */
static enum tsdb_status parse_modifiers(struct parser *p, struct expr *e)
{
    struct expr_binary *b = &e->binary;
    enum tsdb_status st = TSDB_OK;
    b->is_bool = parser_accept(p, TOKEN_BOOL);
    b->is_on = parser_is(p, TOKEN_ON);
    if (b->is_on || parser_is(p, TOKEN_IGNORING)) {
        parser_advance(p);
        st = parse_names(p, &b->matching);
        bool is_left = parser_is(p, TOKEN_GROUP_LEFT);
        if (st == TSDB_OK && (is_left || parser_is(p, TOKEN_GROUP_RIGHT))) {
            b->card = is_left ? CARD_MANY_TO_ONE : CARD_ONE_TO_MANY;
            parser_advance(p);
            if (parser_is(p, TOKEN_LEFT_PAREN))
                st = parse_names(p, &b->include);
        }
    }
    if (st == TSDB_OK && parser_is(p, TOKEN_FILL))
        st = parser_fail(p, e->begin, "binop fill modifiers are experimental and not enabled");
    return st;
}

static enum tsdb_status parse_right(struct parser *p, struct expr *left, struct expr **out)
{
    struct expr *e, *right;
    enum binary_op op = (enum binary_op)p->token.code;
    enum tsdb_status st = node_new(p, EXPR_BINARY, left->begin, &e);
    if (st == TSDB_OK)
        st = raise_above(p, e, left);
    if (st == TSDB_OK && op == BINARY_POW) /* the others are bounded by precedence */
        st = enter(p);
    if (st != TSDB_OK)
        return st;
    parser_advance(p);
    e->binary.op = op;
    st = parse_modifiers(p, e);
    if (st == TSDB_OK) /* powers associate to the right, all else to the left */
        st = parse_expr(p, precedence_of(op) + (op != BINARY_POW), &right);
    if (st == TSDB_OK)
        st = raise_above(p, e, right);
    if (st != TSDB_OK)
        return st;
    p->depth -= op == BINARY_POW;
    e->binary.left = left;
    e->binary.right = right;
    e->end = right->end;
    node_settle(e);
    *out = e;
    return TSDB_OK;
}

/* Operators that bind at least as tightly as `precedence`. */
static enum tsdb_status parse_expr(struct parser *p, uint32_t precedence, struct expr **out)
{
    struct expr *e;
    enum tsdb_status st = parse_signed(p, &e);
    while (st == TSDB_OK && parser_is(p, TOKEN_BINARY) &&
           precedence_of((enum binary_op)p->token.code) >= precedence)
        st = parse_right(p, e, &e);
    if (st == TSDB_OK)
        *out = e;
    return st;
}

/* ---- entry ------------------------------------------------------------------- */

static enum tsdb_status parser_begin(struct parser *p, struct tsdb_text text, struct arena *arena,
                                     struct tsdb_error *err)
{
    *p = (struct parser){.arena = arena, .err = err};
    if (text.len > EXPR_TEXT_MAX)
        return tsdb_fail(err, TSDB_EINVAL, "query text has %zu bytes, at most %d are read",
                         text.len, EXPR_TEXT_MAX);
    char *copy = ARENA_ARRAY(arena, char, text.len + 1);
    if (!copy)
        return parser_full(p);
    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    p->source = (struct tsdb_text){copy, text.len};
    p->lexer = lexer_over(p->source);
    parser_advance(p);
    return TSDB_OK;
}

enum tsdb_status promql_parse(struct tsdb_text text, struct arena *arena, struct expr **out,
                              struct tsdb_error *err)
{
    struct parser p;
    struct expr *e;
    enum tsdb_status st = parser_begin(&p, text, arena, err);
    if (st != TSDB_OK)
        return st;
    if (parser_is(&p, TOKEN_EOF))
        return parser_fail(&p, 0, "no expression found in input");
    st = parse_expr(&p, 0, &e);
    if (st == TSDB_OK && !parser_is(&p, TOKEN_EOF))
        st = parser_unexpected(&p, NULL, NULL);
    if (st == TSDB_OK)
        st = typecheck(e, p.source, err);
    if (st == TSDB_OK)
        *out = e;
    return st;
}

enum tsdb_status promql_parse_selector(struct tsdb_text text, struct arena *arena,
                                       struct expr **out, struct tsdb_error *err)
{
    struct parser p;
    struct expr *e;
    enum tsdb_status st = parser_begin(&p, text, arena, err);
    if (st != TSDB_OK)
        return st;
    struct token word = p.token;
    bool has_name = !p.is_fault && token_is_metric(&word);
    if (!has_name && !parser_is(&p, TOKEN_LEFT_BRACE))
        return parser_unexpected(&p, NULL, NULL);
    if (has_name)
        parser_advance(&p);
    st = parse_selector(&p, has_name ? &word : NULL, &e);
    if (st == TSDB_OK && !parser_is(&p, TOKEN_EOF))
        st = parser_unexpected(&p, NULL, NULL);
    if (st == TSDB_OK && !selector_is_selective(e))
        st = tsdb_fail(err, TSDB_EINVAL, "match[] must contain at least one non-empty matcher");
    if (st == TSDB_OK)
        *out = e;
    return st;
}
