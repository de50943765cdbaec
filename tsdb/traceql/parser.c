#include "tsdb/traceql/parser.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/quote.h"

/* ---- tokens ------------------------------------------------------------------------------ */

void traceql_advance(struct traceql_parser *p)
{
    if (!p->is_fault)
        p->is_fault = lex_next(&p->lexer, &p->token, &p->fault) != TSDB_OK;
}

bool traceql_is(const struct traceql_parser *p, enum lex_kind kind)
{
    return !p->is_fault && p->token.kind == kind;
}

bool traceql_is_op(const struct traceql_parser *p, enum traceql_op op)
{
    return traceql_is(p, LEX_OPERATOR) && p->token.op == op;
}

bool traceql_is_word(const struct traceql_parser *p, const char *word)
{
    return !p->is_fault && lex_is_word(&p->token, word);
}

bool traceql_accept(struct traceql_parser *p, enum lex_kind kind)
{
    bool is_there = traceql_is(p, kind);
    if (is_there)
        traceql_advance(p);
    return is_there;
}

enum tsdb_status traceql_expect(struct traceql_parser *p, enum lex_kind kind, const char *expecting)
{
    return traceql_accept(p, kind) ? TSDB_OK : traceql_unexpected(p, expecting);
}

enum tsdb_status traceql_unexpected(struct traceql_parser *p, const char *expecting)
{
    p->status = TSDB_EINVAL;
    if (p->is_fault) {
        if (p->err)
            *p->err = p->fault;
        return TSDB_EINVAL;
    }
    const struct lex_token *t = &p->token;
    bool is_end = t->kind == LEX_EOF;
    return traceql_refuse(p, t->at, "syntax error: unexpected %.*s, expecting %s",
                          is_end ? 12 : (int)(t->text.len < 40 ? t->text.len : 40),
                          is_end ? "end of query" : t->text.at, expecting);
}

enum tsdb_status traceql_enter(struct traceql_parser *p)
{
    if (p->depth == TRACEQL_DEPTH_MAX)
        return traceql_refuse(p, p->token.at, "query nests deeper than %d levels",
                              TRACEQL_DEPTH_MAX);
    p->depth++;
    return TSDB_OK;
}

enum tsdb_status traceql_height(struct traceql_parser *p, uint32_t at, uint32_t left,
                                uint32_t right, uint32_t *out)
{
    uint32_t below = left > right ? left : right;
    if (below >= TRACEQL_HEIGHT_MAX)
        return traceql_refuse(p, at, "expression is more than %d levels high", TRACEQL_HEIGHT_MAX);
    *out = below + 1;
    return TSDB_OK;
}

static enum tsdb_status arena_full(struct traceql_parser *p)
{
    p->status = tsdb_fail(p->err, TSDB_ELIMIT, "query text: memory for its parts is exhausted");
    return p->status;
}

void *traceql_take(struct traceql_parser *p, size_t size, size_t align)
{
    void *at = arena_get(p->arena, 1, size, align);
    if (!at)
        (void)arena_full(p);
    return at;
}

void *traceql_push(struct traceql_parser *p, struct arena_list *list, size_t size, size_t align)
{
    if (list->count == TRACEQL_LIST_MAX) {
        (void)traceql_refuse(p, p->token.at, "list has more than %d items", TRACEQL_LIST_MAX);
        return NULL;
    }
    void *item = arena_list_push(p->arena, list, size, align);
    if (!item)
        (void)arena_full(p);
    return item;
}

/* ---- span sets ------------------------------------------------------------------------------- */

static struct traceql_spanset *spanset_new(struct traceql_parser *p, enum traceql_spanset_kind kind,
                                           uint32_t at)
{
    struct traceql_spanset *s = TRACEQL_TAKE(p, struct traceql_spanset);
    if (s) {
        s->kind = kind;
        s->at = at;
    }
    return s;
}

/* {} is { true }. */
static enum tsdb_status read_nothing(struct traceql_parser *p, const struct traceql_field **out)
{
    struct traceql_field *f = TRACEQL_TAKE(p, struct traceql_field);
    if (!f)
        return p->status;
    *f = (struct traceql_field){.kind = FIELD_STATIC,
                                .type = TRACEQL_BOOL,
                                .at = p->token.at,
                                .height = 1,
                                .value = {.type = TRACEQL_BOOL, .integer = 1}};
    *out = f;
    return TSDB_OK;
}

enum tsdb_status traceql_read_filter(struct traceql_parser *p, const struct traceql_field **out)
{
    enum tsdb_status st = traceql_expect(p, LEX_LEFT_BRACE, "\"{\"");
    if (st == TSDB_OK && traceql_is(p, LEX_RIGHT_BRACE))
        st = read_nothing(p, out);
    else if (st == TSDB_OK)
        st = traceql_read_field(p, PREC_BOOL, out);
    if (st != TSDB_OK)
        return st;
    enum traceql_type type = (*out)->type;
    uint32_t at = (*out)->at;
    st = traceql_expect(p, LEX_RIGHT_BRACE, "\"}\" or an operator");
    if (st == TSDB_OK && type != TRACEQL_BOOL && type != TRACEQL_ANY)
        return traceql_refuse(p, at, "a filter needs a bool, got %s", traceql_type_name(type));
    return st;
}

static enum tsdb_status read_spanset(struct traceql_parser *p, struct operand *out)
{
    struct traceql_spanset *s = spanset_new(p, SPANSET_FILTER, p->token.at);
    if (!s)
        return p->status;
    enum tsdb_status st = traceql_read_filter(p, &s->field);
    if (st == TSDB_OK)
        st = traceql_height(p, s->at, s->field->height, 0, &s->height);
    *out = (struct operand){.kind = OPERAND_SPANSET, .at = s->at, .spanset = s};
    return st;
}

static enum tsdb_status join_spansets(struct traceql_parser *p, const struct lex_token *op,
                                      const struct operand *left, const struct operand *right,
                                      struct operand *out)
{
    if (op->relation == LEX_NONE)
        return traceql_refuse(p, op->at, "%.*s cannot join span sets", (int)op->text.len,
                              op->text.at);
    struct traceql_spanset *s = spanset_new(p, SPANSET_RELATION, op->at);
    if (!s)
        return p->status;
    s->relation = (enum traceql_relation)op->relation;
    s->left = left->spanset;
    s->right = right->spanset;
    *out = (struct operand){.kind = OPERAND_SPANSET, .at = left->at, .spanset = s};
    return traceql_height(p, s->at, s->left->height, s->right->height, &s->height);
}

/* ---- operands ----------------------------------------------------------------------------------
 */

static enum tsdb_status read_parens(struct traceql_parser *p, struct operand *out);

static const char *operand_name(const struct operand *o)
{
    static const char *const names[] = {
        [OPERAND_SPANSET] = "a span set",  [OPERAND_NUMBER] = "a number",
        [OPERAND_SCALAR] = "an aggregate", [OPERAND_FILTER] = "a scalar filter",
        [OPERAND_METRIC] = "a metric",
    };
    return names[o->kind];
}

static enum tsdb_status join(struct traceql_parser *p, const struct lex_token *op,
                             const struct operand *left, const struct operand *right,
                             struct operand *out)
{
    bool is_left_scalar = left->kind == OPERAND_NUMBER || left->kind == OPERAND_SCALAR;
    bool is_right_scalar = right->kind == OPERAND_NUMBER || right->kind == OPERAND_SCALAR;
    bool is_left_metric = left->kind == OPERAND_METRIC || left->kind == OPERAND_NUMBER;
    bool is_right_metric = right->kind == OPERAND_METRIC || right->kind == OPERAND_NUMBER;
    if (left->kind == OPERAND_SPANSET && right->kind == OPERAND_SPANSET)
        return join_spansets(p, op, left, right, out);
    if (is_left_scalar && is_right_scalar)
        return traceql_join_scalars(p, op, left, right, out);
    if (is_left_metric && is_right_metric)
        return traceql_join_metrics(p, op, left, right, out);
    return traceql_refuse(p, op->at, "%.*s cannot join %s and %s", (int)op->text.len, op->text.at,
                          operand_name(left), operand_name(right));
}

static enum tsdb_status read_primary(struct traceql_parser *p, struct operand *out)
{
    if (traceql_is(p, LEX_LEFT_BRACE))
        return read_spanset(p, out);
    if (traceql_is(p, LEX_LEFT_PAREN))
        return read_parens(p, out);
    if (traceql_is_aggregate(p))
        return traceql_read_aggregate(p, out);
    if (traceql_is_op(p, TRACEQL_SUB) || traceql_is(p, LEX_INT) || traceql_is(p, LEX_FLOAT) ||
        traceql_is(p, LEX_DURATION))
        return traceql_read_number(p, out);
    return traceql_unexpected(p, "a span set, an aggregate or a number");
}

enum tsdb_status traceql_read_operand(struct traceql_parser *p, int precedence, struct operand *out)
{
    struct operand left = {0}, right = {0};
    enum tsdb_status st = traceql_enter(p);
    if (st != TSDB_OK)
        return st;
    st = read_primary(p, &left);
    while (st == TSDB_OK && traceql_is(p, LEX_OPERATOR) && p->token.precedence >= precedence) {
        struct lex_token op = p->token;
        if (left.kind == OPERAND_METRIC && op.precedence == PREC_COMPARE)
            break; /* a second stage */
        traceql_advance(p);
        st = traceql_read_operand(p, op.op == TRACEQL_POW ? PREC_POW : op.precedence + 1, &right);
        if (st == TSDB_OK) {
            struct operand joined = {0};
            st = join(p, &op, &left, &right, &joined);
            left = joined;
        }
    }
    p->depth--;
    *out = left;
    return st;
}

/* ---- pipelines
 * ----------------------------------------------------------------------------------- */

/* Stages as they are read, and how high the highest is. */
struct stages {
    struct arena_list list;
    uint32_t height;
};

static enum tsdb_status push_stage(struct traceql_parser *p, struct stages *stages,
                                   const struct traceql_stage *stage, uint32_t height)
{
    struct traceql_stage *item = TRACEQL_PUSH(p, &stages->list, struct traceql_stage);
    if (!item)
        return p->status;
    *item = *stage;
    if (height > stages->height)
        stages->height = height;
    return TSDB_OK;
}

/* A pipeline in a pipeline is its stages. */
static enum tsdb_status push_spanset(struct traceql_parser *p, struct stages *stages,
                                     const struct traceql_spanset *s)
{
    enum tsdb_status st = TSDB_OK;
    if (s->kind != SPANSET_PIPELINE) {
        struct traceql_stage stage = {.kind = TRACEQL_STAGE_SPANSET, .at = s->at, .spanset = s};
        return push_stage(p, stages, &stage, s->height);
    }
    for (uint32_t i = 0; i < s->pipeline->count && st == TSDB_OK; i++)
        st = push_stage(p, stages, &s->pipeline->stages[i], s->height - 1);
    return st;
}

static enum tsdb_status push_operand(struct traceql_parser *p, struct stages *stages,
                                     const struct operand *o)
{
    uint32_t height = 0;
    if (o->kind == OPERAND_SPANSET)
        return push_spanset(p, stages, o->spanset);
    if (o->kind != OPERAND_FILTER)
        return traceql_refuse(p, o->at, "%s is no stage of a pipeline%s", operand_name(o),
                              o->kind == OPERAND_SCALAR ? ": compare it with something" : "");
    enum tsdb_status st =
        traceql_height(p, o->stage.at, o->stage.left->height, o->stage.right->height, &height);
    return st == TSDB_OK ? push_stage(p, stages, &o->stage, height) : st;
}

static bool is_stage_word(const struct traceql_parser *p)
{
    return traceql_is_word(p, "by") || traceql_is_word(p, "select") ||
           traceql_is_word(p, "coalesce");
}

static enum tsdb_status read_group(struct traceql_parser *p, struct traceql_stage *stage,
                                   uint32_t *height)
{
    enum tsdb_status st = traceql_expect(p, LEX_LEFT_PAREN, "\"(\"");
    if (st == TSDB_OK)
        st = traceql_read_field(p, PREC_BOOL, &stage->field);
    if (st == TSDB_OK)
        st = traceql_expect(p, LEX_RIGHT_PAREN, "\")\" or an operator");
    if (st == TSDB_OK && stage->field->kind == FIELD_STATIC)
        return traceql_refuse(p, stage->field->at, "by() needs something that the span has");
    if (st == TSDB_OK)
        st = traceql_height(p, stage->at, stage->field->height, 0, height);
    return st;
}

/* by(...), select(...), coalesce() */
static enum tsdb_status read_stage_word(struct traceql_parser *p, struct stages *stages)
{
    struct traceql_stage stage = {.at = p->token.at};
    uint32_t height = 1;
    enum tsdb_status st;
    if (traceql_is_word(p, "by")) {
        stage.kind = TRACEQL_STAGE_GROUP;
        traceql_advance(p);
        st = read_group(p, &stage, &height);
    } else if (traceql_is_word(p, "select")) {
        stage.kind = TRACEQL_STAGE_SELECT;
        traceql_advance(p);
        st = traceql_read_refs(p, &stage.refs);
    } else {
        stage.kind = TRACEQL_STAGE_COALESCE;
        if (stages->list.count == 0)
            return traceql_refuse(p, stage.at, "a pipeline cannot begin with coalesce()");
        traceql_advance(p);
        st = traceql_expect(p, LEX_LEFT_PAREN, "\"(\"");
        if (st == TSDB_OK)
            st = traceql_expect(p, LEX_RIGHT_PAREN, "\")\"");
    }
    return st == TSDB_OK ? push_stage(p, stages, &stage, height) : st;
}

static enum tsdb_status make_pipeline(struct traceql_parser *p, const struct stages *stages,
                                      const struct traceql_pipeline **out)
{
    struct traceql_pipeline *pipeline = TRACEQL_TAKE(p, struct traceql_pipeline);
    if (!pipeline)
        return p->status;
    *pipeline = (struct traceql_pipeline){stages->list.at, stages->list.count};
    *out = pipeline;
    return TSDB_OK;
}

static enum tsdb_status read_metric(struct traceql_parser *p, const struct stages *stages,
                                    struct operand *out)
{
    const struct traceql_pipeline *pipeline = NULL;
    if (stages->list.count == 0)
        return traceql_refuse(p, p->token.at,
                              "%.*s() needs a span set before it, as in {} | rate()",
                              (int)p->token.text.len, p->token.text.at);
    enum tsdb_status st = make_pipeline(p, stages, &pipeline);
    if (st == TSDB_OK)
        st = traceql_read_function(p, pipeline, stages->height, out);
    return st == TSDB_OK ? traceql_read_second_stages(p, out) : st;
}

/* A lone span set is an operand like any other; more is a pipeline. */
static enum tsdb_status finish_stages(struct traceql_parser *p, const struct stages *stages,
                                      uint32_t at, struct operand *out)
{
    const struct traceql_stage *first = stages->list.at;
    struct traceql_spanset *s;
    *out = (struct operand){.kind = OPERAND_SPANSET, .at = at};
    if (stages->list.count == 1 && first->kind == TRACEQL_STAGE_SPANSET) {
        out->spanset = first->spanset;
        return TSDB_OK;
    }
    if (!(s = spanset_new(p, SPANSET_PIPELINE, at)))
        return p->status;
    out->spanset = s;
    enum tsdb_status st = make_pipeline(p, stages, &s->pipeline);
    return st == TSDB_OK ? traceql_height(p, at, stages->height, 0, &s->height) : st;
}

/* What stands in parentheses, or is the whole query: stages, with a metric at the end; or one
 * operand that is no stage. */
static enum tsdb_status read_body(struct traceql_parser *p, struct operand *out)
{
    struct stages stages = {0};
    uint32_t at = p->token.at;
    enum tsdb_status st = TSDB_OK;
    do {
        if (traceql_is_function(p))
            return read_metric(p, &stages, out);
        if (traceql_is_second_stage(p))
            return traceql_refuse(p, p->token.at, "%.*s() needs a metric before it",
                                  (int)p->token.text.len, p->token.text.at);
        if (is_stage_word(p)) {
            st = read_stage_word(p, &stages);
            continue;
        }
        struct operand o = {0};
        st = traceql_read_operand(p, PREC_BOOL, &o);
        if (st != TSDB_OK)
            return st;
        bool is_alone = stages.list.count == 0;
        if (is_alone && o.kind == OPERAND_METRIC) {
            *out = o;
            return traceql_read_second_stages(p, out);
        }
        if (is_alone && (o.kind == OPERAND_NUMBER || o.kind == OPERAND_SCALAR) &&
            !traceql_is(p, LEX_PIPE)) {
            *out = o;
            return TSDB_OK;
        }
        st = push_operand(p, &stages, &o);
    } while (st == TSDB_OK && traceql_accept(p, LEX_PIPE));
    return st == TSDB_OK ? finish_stages(p, &stages, at, out) : st;
}

static enum tsdb_status read_parens(struct traceql_parser *p, struct operand *out)
{
    uint32_t at = p->token.at;
    traceql_advance(p);
    enum tsdb_status st = read_body(p, out);
    out->at = at;
    return st == TSDB_OK ? traceql_expect(p, LEX_RIGHT_PAREN, "\")\", \"|\" or an operator") : st;
}

/* ---- the whole
 * -------------------------------------------------------------------------------------- */

static enum tsdb_status read_hint(struct traceql_parser *p)
{
    if (!traceql_is(p, LEX_WORD))
        return traceql_unexpected(p, "the name of a hint");
    struct traceql_hint *hint = TRACEQL_PUSH(p, &p->hints, struct traceql_hint);
    if (!hint)
        return p->status;
    hint->name = p->token.text;
    traceql_advance(p);
    if (!traceql_is_op(p, TRACEQL_EQ))
        return traceql_unexpected(p, "\"=\"");
    traceql_advance(p);
    return traceql_read_static(p, &hint->value);
}

/* "with (a=1, b=true)"; of several the last one counts. */
static enum tsdb_status read_hints(struct traceql_parser *p)
{
    enum tsdb_status st = TSDB_OK;
    while (st == TSDB_OK && traceql_is_word(p, "with")) {
        p->hints = (struct arena_list){0};
        traceql_advance(p);
        st = traceql_expect(p, LEX_LEFT_PAREN, "\"(\"");
        while (st == TSDB_OK) {
            st = read_hint(p);
            if (st == TSDB_OK && !traceql_accept(p, LEX_COMMA))
                break;
        }
        if (st == TSDB_OK)
            st = traceql_expect(p, LEX_RIGHT_PAREN, "\",\" or \")\"");
    }
    return st;
}

static enum tsdb_status read_root(struct traceql_parser *p, struct traceql *out)
{
    struct operand o = {0};
    struct stages stages = {0};
    enum tsdb_status st = read_body(p, &o);
    if (st == TSDB_OK && o.kind == OPERAND_METRIC)
        out->metric = o.metric;
    else if (st == TSDB_OK) {
        st = push_operand(p, &stages, &o);
        if (st == TSDB_OK)
            st = make_pipeline(p, &stages, &out->pipeline);
    }
    if (st == TSDB_OK && out->metric && traceql_is(p, LEX_OPERATOR) &&
        p->token.precedence > PREC_COMPARE)
        return traceql_refuse(p, p->token.at, "%.*s joins metrics in parentheses only",
                              (int)p->token.text.len, p->token.text.at);
    if (st == TSDB_OK)
        st = read_hints(p);
    if (st != TSDB_OK)
        return st;
    return traceql_expect(p, LEX_EOF,
                          p->hints.count > 0 ? "the end" : "an operator, \"|\" or the end");
}

static void free_regexes(const struct arena_list *list)
{
    struct regex *const *regexes = list->at;
    for (uint32_t i = 0; i < list->count; i++)
        regex_free(regexes[i]);
}

static enum tsdb_status start(struct traceql_parser *p, struct tsdb_text text)
{
    uint32_t width;
    if (text.len > TRACEQL_TEXT_MAX)
        return tsdb_fail(p->err, TSDB_EINVAL, "query text of %zu bytes, at most %d", text.len,
                         TRACEQL_TEXT_MAX);
    char *copy = traceql_take(p, text.len, 1);
    if (!copy)
        return p->status;
    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    p->source = (struct tsdb_text){copy, text.len};
    for (uint32_t at = 0; at < text.len; at += width) {
        uint32_t rune = rune_at(p->source, at, &width);
        if (rune == '\0' || (rune == RUNE_ERROR && width == 1))
            return traceql_refuse(p, at, rune == '\0' ? "invalid character NUL" : "invalid UTF-8");
    }
    p->lexer = lex_over(p->source);
    traceql_advance(p);
    return TSDB_OK;
}

enum tsdb_status traceql_parse(struct tsdb_text text, struct arena *arena, struct traceql *out,
                               struct tsdb_error *err)
{
    struct traceql_parser p = {.arena = arena, .err = err};
    struct traceql q = {0};
    enum tsdb_status st = start(&p, text);
    if (st == TSDB_OK)
        st = read_root(&p, &q);
    if (st != TSDB_OK) {
        free_regexes(&p.regexes);
        return st;
    }
    q.source = p.source;
    q.refs = p.refs.at;
    q.ref_count = p.refs.count;
    q.hints = p.hints.at;
    q.hint_count = p.hints.count;
    q.regexes = p.regexes.at;
    q.regex_count = p.regexes.count;
    *out = q;
    return TSDB_OK;
}

void traceql_release(struct traceql *q)
{
    for (uint32_t i = 0; i < q->regex_count; i++)
        regex_free(q->regexes[i]);
    *q = (struct traceql){0};
}

enum tsdb_status traceql_ref_parse(struct tsdb_text text, struct arena *arena,
                                   struct traceql_ref *out, struct tsdb_error *err)
{
    struct traceql_parser p = {.arena = arena, .err = err};
    uint32_t index = 0;
    enum tsdb_status st = start(&p, text);
    if (st == TSDB_OK)
        st = traceql_read_ref(&p, &index);
    if (st == TSDB_OK)
        st = traceql_expect(&p, LEX_EOF, "the end");
    if (st == TSDB_OK)
        *out = ((const struct traceql_ref *)p.refs.at)[index];
    return st;
}

const struct traceql_value *traceql_hint_find(const struct traceql *q, const char *name,
                                              enum traceql_type type)
{
    for (uint32_t i = 0; i < q->hint_count; i++)
        if (text_equal(q->hints[i].name, text_of(name)) && q->hints[i].value.type == type)
            return &q->hints[i].value;
    return NULL;
}
