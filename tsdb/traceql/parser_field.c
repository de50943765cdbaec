/* {...}: precedence as in Tempo's grammar.  A minus or "!" takes what binds tighter than it;
 * "= nil" and "!= nil" end at once, whatever follows. */
#include "tsdb/traceql/parser.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/query/quote.h"
#include "tsdb/traceql/fold.h"

#include <string.h>

static const struct {
    char word[12];
    uint8_t type;
    int64_t integer;
} static_words[] = {
    {"true", TRACEQL_BOOL, 1},
    {"false", TRACEQL_BOOL, 0},
    {"unset", TRACEQL_STATUS, TSDB_STATUS_UNSET},
    {"ok", TRACEQL_STATUS, TSDB_STATUS_OK},
    {"error", TRACEQL_STATUS, TSDB_STATUS_ERROR},
    {"unspecified", TRACEQL_KIND, TSDB_KIND_UNSPECIFIED},
    {"internal", TRACEQL_KIND, TSDB_KIND_INTERNAL},
    {"server", TRACEQL_KIND, TSDB_KIND_SERVER},
    {"client", TRACEQL_KIND, TSDB_KIND_CLIENT},
    {"producer", TRACEQL_KIND, TSDB_KIND_PRODUCER},
    {"consumer", TRACEQL_KIND, TSDB_KIND_CONSUMER},
    {"minInt", TRACEQL_INT, INT64_MIN},
    {"maxInt", TRACEQL_INT, INT64_MAX},
};

static const struct {
    char scope[18], word[16];
    uint8_t intrinsic;
} intrinsic_words[] = {
    {"", "duration", INTRINSIC_DURATION},
    {"", "name", INTRINSIC_NAME},
    {"", "status", INTRINSIC_STATUS},
    {"", "statusMessage", INTRINSIC_STATUS_MESSAGE},
    {"", "kind", INTRINSIC_KIND},
    {"", "rootName", INTRINSIC_ROOT_NAME},
    {"", "rootServiceName", INTRINSIC_ROOT_SERVICE},
    {"", "traceDuration", INTRINSIC_TRACE_DURATION},
    {"", "nestedSetLeft", INTRINSIC_NESTED_SET_LEFT},
    {"", "nestedSetRight", INTRINSIC_NESTED_SET_RIGHT},
    {"", "nestedSetParent", INTRINSIC_NESTED_SET_PARENT},
    {"trace:", "duration", INTRINSIC_TRACE_DURATION},
    {"trace:", "rootName", INTRINSIC_ROOT_NAME},
    {"trace:", "rootService", INTRINSIC_ROOT_SERVICE},
    {"trace:", "id", INTRINSIC_TRACE_ID},
    {"span:", "duration", INTRINSIC_DURATION},
    {"span:", "name", INTRINSIC_NAME},
    {"span:", "kind", INTRINSIC_KIND},
    {"span:", "status", INTRINSIC_STATUS},
    {"span:", "statusMessage", INTRINSIC_STATUS_MESSAGE},
    {"span:", "id", INTRINSIC_SPAN_ID},
    {"span:", "parentID", INTRINSIC_PARENT_ID},
    {"span:", "childCount", INTRINSIC_CHILD_COUNT},
    {"event:", "name", INTRINSIC_EVENT_NAME},
    {"event:", "timeSinceStart", INTRINSIC_EVENT_TIME_SINCE_START},
    {"link:", "traceID", INTRINSIC_LINK_TRACE_ID},
    {"link:", "spanID", INTRINSIC_LINK_SPAN_ID},
    {"instrumentation:", "name", INTRINSIC_INSTRUMENTATION_NAME},
    {"instrumentation:", "version", INTRINSIC_INSTRUMENTATION_VERSION},
};

enum {
    STATIC_WORDS = sizeof static_words / sizeof static_words[0],
    INTRINSIC_WORDS = sizeof intrinsic_words / sizeof intrinsic_words[0],
};

/* ---- statics ----------------------------------------------------------------------------- */

static int static_word_of(const struct lex_token *t)
{
    for (int i = 0; i < STATIC_WORDS; i++)
        if (lex_is_word(t, static_words[i].word))
            return i;
    return -1;
}

bool traceql_is_static(const struct traceql_parser *p)
{
    return !p->is_fault && ((p->token.kind >= LEX_STRING && p->token.kind <= LEX_DURATION) ||
                            static_word_of(&p->token) >= 0);
}

enum tsdb_status traceql_read_static(struct traceql_parser *p, struct traceql_value *out)
{
    struct lex_token t = p->token;
    if (!traceql_is_static(p))
        return traceql_unexpected(p, "a value");
    traceql_advance(p);
    int word = static_word_of(&t);
    if (word >= 0) {
        *out = (struct traceql_value){.type = (enum traceql_type)static_words[word].type,
                                      .integer = static_words[word].integer};
        return TSDB_OK;
    }
    *out = t.value;
    if (t.kind == LEX_STRING) {
        char *at = traceql_take(p, t.text.len, 1);
        if (!at)
            return p->status;
        out->type = TRACEQL_STRING;
        out->text = (struct tsdb_text){at, quote_read(t.text, at)};
    }
    return TSDB_OK;
}

/* ---- attributes and intrinsics --------------------------------------------------------------- */

static enum traceql_intrinsic intrinsic_of(struct tsdb_text scope, const struct lex_token *word)
{
    for (int i = 0; i < INTRINSIC_WORDS; i++)
        if (text_equal(scope, text_of(intrinsic_words[i].scope)) &&
            lex_is_word(word, intrinsic_words[i].word))
            return (enum traceql_intrinsic)intrinsic_words[i].intrinsic;
    return INTRINSIC_NONE;
}

bool traceql_is_ref(const struct traceql_parser *p)
{
    static const struct tsdb_text unscoped = {"", 0};
    return !p->is_fault && (p->token.kind == LEX_ATTRIBUTE || p->token.kind == LEX_SCOPE ||
                            intrinsic_of(unscoped, &p->token) != INTRINSIC_NONE ||
                            lex_is_word(&p->token, "parent"));
}

/* The number of what is equal, or of a new one. */
static enum tsdb_status number_ref(struct traceql_parser *p, uint32_t at,
                                   const struct traceql_ref *ref, uint32_t *out)
{
    const struct traceql_ref *refs = p->refs.at;
    for (uint32_t i = 0; i < p->refs.count; i++)
        if (refs[i].place == ref->place && refs[i].intrinsic == ref->intrinsic &&
            text_equal(refs[i].name, ref->name)) {
            *out = i;
            return TSDB_OK;
        }
    if (p->refs.count == TRACEQL_LIST_MAX)
        return traceql_refuse(p, at, "query names more than %d attributes", TRACEQL_LIST_MAX);
    struct traceql_ref *item = TRACEQL_PUSH(p, &p->refs, struct traceql_ref);
    if (!item)
        return p->status;
    *item = *ref;
    *out = p->refs.count - 1;
    return TSDB_OK;
}

static enum tsdb_status read_intrinsic(struct traceql_parser *p, uint32_t *out)
{
    struct lex_token first = p->token, word = first;
    struct tsdb_text scope = {"", 0};
    traceql_advance(p);
    if (first.kind == LEX_SCOPE) {
        if (!traceql_is(p, LEX_WORD))
            return traceql_unexpected(p, "the name of an intrinsic");
        scope = first.text;
        word = p->token;
        traceql_advance(p);
    }
    enum traceql_intrinsic intrinsic = intrinsic_of(scope, &word);
    if (intrinsic == INTRINSIC_NONE && scope.len > 0)
        return traceql_refuse(p, first.at, "no intrinsic is called %.*s%.*s", (int)scope.len,
                              scope.at, (int)(word.text.len < 40 ? word.text.len : 40),
                              word.text.at);
    if (intrinsic == INTRINSIC_NONE)
        return traceql_refuse(p, first.at, "the intrinsic parent is not supported");
    struct traceql_ref ref = {.place = TSDB_PLACE_INTRINSIC, .intrinsic = intrinsic};
    return number_ref(p, first.at, &ref, out);
}

enum tsdb_status traceql_read_ref(struct traceql_parser *p, uint32_t *out)
{
    if (!traceql_is_ref(p))
        return traceql_unexpected(p, "an attribute or an intrinsic");
    if (p->token.kind != LEX_ATTRIBUTE)
        return read_intrinsic(p, out);
    struct lex_token t = p->token;
    if (t.is_parent)
        return traceql_refuse(p, t.at, "attributes of the parent are not supported");
    char *name = traceql_take(p, t.name.len, 1);
    if (!name)
        return p->status;
    traceql_advance(p);
    struct traceql_ref ref = {.place = (enum tsdb_trace_place)t.place,
                              .name = {name, lex_name_read(t.name, name)}};
    return number_ref(p, t.at, &ref, out);
}

enum tsdb_status traceql_read_refs(struct traceql_parser *p, struct traceql_refs *out)
{
    struct arena_list list = {0};
    enum tsdb_status st = traceql_expect(p, LEX_LEFT_PAREN, "\"(\"");
    while (st == TSDB_OK) {
        uint32_t *item = TRACEQL_PUSH(p, &list, uint32_t);
        if (!item)
            return p->status;
        st = traceql_read_ref(p, item);
        if (st == TSDB_OK && !traceql_accept(p, LEX_COMMA))
            break;
    }
    *out = (struct traceql_refs){list.at, list.count};
    return st == TSDB_OK ? traceql_expect(p, LEX_RIGHT_PAREN, "\",\" or \")\"") : st;
}

/* ---- nodes ------------------------------------------------------------------------------------
 */

static struct traceql_field *node_new(struct traceql_parser *p, enum traceql_field_kind kind,
                                      uint32_t at)
{
    struct traceql_field *f = TRACEQL_TAKE(p, struct traceql_field);
    if (f) {
        f->kind = kind;
        f->at = at;
        f->height = 1;
    }
    return f;
}

static void make_static(struct traceql_field *f, struct traceql_value value)
{
    *f = (struct traceql_field){
        .kind = FIELD_STATIC, .type = value.type, .at = f->at, .height = 1, .value = value};
}

static enum traceql_type type_of_binary(enum traceql_op op, const struct traceql_field *left,
                                        const struct traceql_field *right)
{
    if (!traceql_op_is_arithmetic(op))
        return TRACEQL_BOOL;
    return left->type != TRACEQL_ANY ? left->type : right->type;
}

static enum tsdb_status check_types(struct traceql_parser *p, const struct traceql_field *f)
{
    const char *op = traceql_op_name(f->op);
    enum traceql_type left = f->left->type, right = f->right->type;
    bool is_match = f->op == TRACEQL_MATCH || f->op == TRACEQL_NOT_MATCH;
    if (!traceql_types_match(left, right))
        return traceql_refuse(p, f->at, "%s needs operands of one type, got %s and %s", op,
                              traceql_type_name(left), traceql_type_name(right));
    if (!traceql_op_takes(f->op, left) || !traceql_op_takes(f->op, right))
        return traceql_refuse(p, f->at, "%s does not take %s operands", op,
                              traceql_type_name(traceql_op_takes(f->op, left) ? right : left));
    if (is_match && (f->right->kind != FIELD_STATIC || right != TRACEQL_STRING))
        return traceql_refuse(p, f->at, "%s needs a string on its right", op);
    return TSDB_OK;
}

static enum tsdb_status compile(struct traceql_parser *p, struct traceql_field *f)
{
    struct tsdb_error why;
    if (p->regexes.count == TRACEQL_REGEX_MAX)
        return traceql_refuse(p, f->at, "query has more than %d regular expressions",
                              TRACEQL_REGEX_MAX);
    struct regex **slot = TRACEQL_PUSH(p, &p->regexes, struct regex *);
    if (!slot)
        return p->status;
    if (regex_new(f->right->value.text, slot, &why) != TSDB_OK)
        return traceql_refuse(p, f->right->at, "invalid %s", why.msg);
    f->regex = *slot;
    return TSDB_OK;
}

/* Next to trace:id a text is compared without its leading zeros.  A pattern keeps one that
 * it repeats. */
static void strip_trace_id(const struct traceql_parser *p, enum traceql_op op,
                           const struct traceql_field *ref, struct traceql_field *text)
{
    const struct traceql_ref *refs = p->refs.at;
    bool is_pattern = op == TRACEQL_MATCH || op == TRACEQL_NOT_MATCH;
    if (ref->kind != FIELD_REF || refs[ref->ref].intrinsic != INTRINSIC_TRACE_ID ||
        text->kind != FIELD_STATIC || text->type != TRACEQL_STRING)
        return;
    struct tsdb_text *t = &text->value.text;
    while (t->len > 0 && t->at[0] == '0' &&
           !(is_pattern && t->len > 1 && strchr("*+?{", t->at[1]))) {
        t->at++;
        t->len--;
    }
}

static enum tsdb_status make_binary(struct traceql_parser *p, const struct lex_token *op,
                                    struct traceql_field *left, struct traceql_field *right,
                                    struct traceql_field **out)
{
    struct traceql_field *f = node_new(p, FIELD_BINARY, op->at);
    if (!f)
        return p->status;
    ASSERT(left && right);
    f->op = (enum traceql_op)op->op;
    strip_trace_id(p, f->op, left, right);
    strip_trace_id(p, f->op, right, left);
    f->left = left;
    f->right = right;
    f->type = type_of_binary(f->op, left, right);
    enum tsdb_status st = check_types(p, f);
    if (st == TSDB_OK && (f->op == TRACEQL_MATCH || f->op == TRACEQL_NOT_MATCH))
        st = compile(p, f);
    if (st == TSDB_OK)
        st = traceql_height(p, f->at, left->height, right->height, &f->height);
    if (st != TSDB_OK)
        return st;
    if (left->kind == FIELD_STATIC && right->kind == FIELD_STATIC) {
        struct traceql_value value;
        const char *why = fold_binary(f->op, &left->value, &right->value, f->regex, &value);
        if (why)
            return traceql_refuse(p, f->at, "%s", why);
        make_static(f, value);
    }
    *out = f;
    return TSDB_OK;
}

/* x = nil, x != nil. */
static enum tsdb_status make_exists(struct traceql_parser *p, bool is_there, uint32_t at,
                                    struct traceql_field *operand, struct traceql_field **out)
{
    static const struct tsdb_text service = {"service.name", 12};
    const struct traceql_ref *refs = p->refs.at;
    struct traceql_field *f = node_new(p, is_there ? FIELD_EXISTS : FIELD_NOT_EXISTS, at);
    if (!f)
        return p->status;
    ASSERT(operand);
    if (!is_there && operand->kind == FIELD_REF) {
        ASSERT(operand->ref < p->refs.count);
        const struct traceql_ref *ref = &refs[operand->ref];
        if (ref->place == TSDB_PLACE_INTRINSIC)
            return traceql_refuse(p, at, "the intrinsic %s is never nil",
                                  traceql_intrinsic_name(ref->intrinsic));
        if (ref->place == TSDB_PLACE_RESOURCE && text_equal(ref->name, service))
            return traceql_refuse(p, at, "resource.service.name is never nil");
    }
    f->left = operand;
    f->type = TRACEQL_BOOL;
    if (operand->kind == FIELD_STATIC)
        make_static(f, (struct traceql_value){.type = TRACEQL_BOOL, .integer = is_there});
    *out = f;
    return operand->kind == FIELD_STATIC ? TSDB_OK
                                         : traceql_height(p, at, operand->height, 0, &f->height);
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static enum tsdb_status read_field(struct traceql_parser *p, int precedence,
                                   struct traceql_field **out);

/* -x, !x */
static enum tsdb_status read_prefix(struct traceql_parser *p, struct traceql_field **out)
{
    bool is_not = traceql_is(p, LEX_NOT);
    struct traceql_field *operand = NULL;
    struct traceql_field *f = node_new(p, is_not ? FIELD_NOT : FIELD_NEGATE, p->token.at);
    if (!f)
        return p->status;
    traceql_advance(p);
    enum tsdb_status st = read_field(p, is_not ? PREC_MUL : PREC_NOT, &operand);
    if (st != TSDB_OK)
        return st;
    ASSERT(operand);
    f->left = operand;
    f->type = operand->type;
    bool fits = operand->type == TRACEQL_ANY ||
                (is_not ? operand->type == TRACEQL_BOOL : traceql_type_is_number(operand->type));
    if (!fits)
        return traceql_refuse(p, f->at, "%s needs a %s, got %s", is_not ? "!" : "-",
                              is_not ? "bool" : "number", traceql_type_name(operand->type));
    *out = f;
    if (operand->kind != FIELD_STATIC)
        return traceql_height(p, f->at, operand->height, 0, &f->height);
    if (is_not)
        make_static(
            f, (struct traceql_value){.type = TRACEQL_BOOL, .integer = !operand->value.integer});
    else
        make_static(f, fold_negate(&operand->value));
    return TSDB_OK;
}

/* nil = x, nil != x; nil = nil is false, and so is nil != nil. */
static enum tsdb_status read_nil(struct traceql_parser *p, struct traceql_field **out)
{
    struct traceql_field *operand = NULL;
    traceql_advance(p);
    uint32_t at = p->token.at;
    bool is_there = traceql_is_op(p, TRACEQL_NE);
    if (!is_there && !traceql_is_op(p, TRACEQL_EQ))
        return traceql_unexpected(p, "= or != after nil");
    traceql_advance(p);
    if (traceql_is_word(p, "nil")) {
        traceql_advance(p);
        *out = node_new(p, FIELD_STATIC, at);
        if (*out)
            make_static(*out, (struct traceql_value){.type = TRACEQL_BOOL, .integer = 0});
        return *out ? TSDB_OK : p->status;
    }
    enum tsdb_status st = read_field(p, PREC_COMPARE + 1, &operand);
    return st == TSDB_OK ? make_exists(p, is_there, at, operand, out) : st;
}

static enum tsdb_status read_leaf(struct traceql_parser *p, struct traceql_field **out)
{
    uint32_t at = p->token.at;
    enum tsdb_status st;
    if (traceql_is(p, LEX_WORD) && !traceql_is_ref(p) && !traceql_is_static(p))
        return traceql_refuse(p, at,
                              "unknown identifier %.*s: an attribute begins with a point or its "
                              "scope",
                              (int)(p->token.text.len < 40 ? p->token.text.len : 40),
                              p->token.text.at);
    struct traceql_field *f = node_new(p, FIELD_REF, at);
    if (!f)
        return p->status;
    if (traceql_is_ref(p)) {
        st = traceql_read_ref(p, &f->ref);
        if (st != TSDB_OK)
            return st;
        const struct traceql_ref *refs = p->refs.at;
        f->type = traceql_intrinsic_type(refs[f->ref].intrinsic);
    } else if (traceql_is_static(p)) {
        struct traceql_value value;
        st = traceql_read_static(p, &value);
        if (st != TSDB_OK)
            return st;
        make_static(f, value);
    } else {
        return traceql_unexpected(p, "an attribute, an intrinsic or a value");
    }
    *out = f;
    return TSDB_OK;
}

static enum tsdb_status read_primary(struct traceql_parser *p, struct traceql_field **out)
{
    if (traceql_is_op(p, TRACEQL_SUB) || traceql_is(p, LEX_NOT))
        return read_prefix(p, out);
    if (traceql_is_word(p, "nil"))
        return read_nil(p, out);
    if (!traceql_accept(p, LEX_LEFT_PAREN))
        return read_leaf(p, out);
    enum tsdb_status st = read_field(p, PREC_BOOL, out);
    return st == TSDB_OK ? traceql_expect(p, LEX_RIGHT_PAREN, "\")\" or an operator") : st;
}

static enum tsdb_status read_field(struct traceql_parser *p, int precedence,
                                   struct traceql_field **out)
{
    struct traceql_field *left = NULL, *right = NULL;
    enum tsdb_status st = traceql_enter(p);
    if (st != TSDB_OK)
        return st;
    st = read_primary(p, &left);
    while (st == TSDB_OK && traceql_is(p, LEX_OPERATOR) && p->token.op != LEX_NONE &&
           p->token.precedence >= precedence) {
        struct lex_token op = p->token;
        traceql_advance(p);
        if ((op.op == TRACEQL_EQ || op.op == TRACEQL_NE) && traceql_is_word(p, "nil")) {
            traceql_advance(p);
            st = make_exists(p, op.op == TRACEQL_NE, op.at, left, &left);
            continue;
        }
        st = read_field(p, op.op == TRACEQL_POW ? PREC_POW : op.precedence + 1, &right);
        if (st == TSDB_OK)
            st = make_binary(p, &op, left, right, &left);
    }
    p->depth--;
    *out = left;
    return st;
}

enum tsdb_status traceql_read_field(struct traceql_parser *p, int precedence,
                                    const struct traceql_field **out)
{
    struct traceql_field *f = NULL;
    enum tsdb_status st = read_field(p, precedence, &f);
    *out = f;
    return st;
}
