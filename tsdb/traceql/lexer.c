#include "tsdb/traceql/lexer.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/query/duration.h"
#include "tsdb/query/go_duration.h"
#include "tsdb/query/lexer.h"
#include "tsdb/query/quote.h"

#include <math.h>

#define END_OF_INPUT UINT32_MAX /* what peek answers past the last byte */

/* A longer one before its beginning. */
static const struct symbol {
    char text[4];
    uint8_t kind, op, relation, precedence;
} symbols[] = {
    {"!>>", LEX_OPERATOR, LEX_NONE, RELATION_NOT_DESCENDANT, PREC_COMPARE},
    {"!<<", LEX_OPERATOR, LEX_NONE, RELATION_NOT_ANCESTOR, PREC_COMPARE},
    {"&>>", LEX_OPERATOR, LEX_NONE, RELATION_UNION_DESCENDANT, PREC_COMPARE},
    {"&<<", LEX_OPERATOR, LEX_NONE, RELATION_UNION_ANCESTOR, PREC_COMPARE},
    {"!>", LEX_OPERATOR, LEX_NONE, RELATION_NOT_CHILD, PREC_COMPARE},
    {"!<", LEX_OPERATOR, LEX_NONE, RELATION_NOT_PARENT, PREC_COMPARE},
    {"!~", LEX_OPERATOR, TRACEQL_NOT_MATCH, RELATION_NOT_SIBLING, PREC_COMPARE},
    {"!=", LEX_OPERATOR, TRACEQL_NE, LEX_NONE, PREC_COMPARE},
    {"&>", LEX_OPERATOR, LEX_NONE, RELATION_UNION_CHILD, PREC_COMPARE},
    {"&<", LEX_OPERATOR, LEX_NONE, RELATION_UNION_PARENT, PREC_COMPARE},
    {"&~", LEX_OPERATOR, LEX_NONE, RELATION_UNION_SIBLING, PREC_COMPARE},
    {"&&", LEX_OPERATOR, TRACEQL_AND, RELATION_AND, PREC_BOOL},
    {"||", LEX_OPERATOR, TRACEQL_OR, RELATION_OR, PREC_BOOL},
    {"=~", LEX_OPERATOR, TRACEQL_MATCH, LEX_NONE, PREC_COMPARE},
    {">>", LEX_OPERATOR, LEX_NONE, RELATION_DESCENDANT, PREC_COMPARE},
    {"<<", LEX_OPERATOR, LEX_NONE, RELATION_ANCESTOR, PREC_COMPARE},
    {">=", LEX_OPERATOR, TRACEQL_GE, LEX_NONE, PREC_COMPARE},
    {"<=", LEX_OPERATOR, TRACEQL_LE, LEX_NONE, PREC_COMPARE},
    {">", LEX_OPERATOR, TRACEQL_GT, RELATION_CHILD, PREC_COMPARE},
    {"<", LEX_OPERATOR, TRACEQL_LT, RELATION_PARENT, PREC_COMPARE},
    {"=", LEX_OPERATOR, TRACEQL_EQ, LEX_NONE, PREC_COMPARE},
    {"~", LEX_OPERATOR, LEX_NONE, RELATION_SIBLING, PREC_COMPARE},
    {"+", LEX_OPERATOR, TRACEQL_ADD, LEX_NONE, PREC_ADD},
    {"-", LEX_OPERATOR, TRACEQL_SUB, LEX_NONE, PREC_ADD},
    {"*", LEX_OPERATOR, TRACEQL_MUL, LEX_NONE, PREC_MUL},
    {"/", LEX_OPERATOR, TRACEQL_DIV, LEX_NONE, PREC_MUL},
    {"%", LEX_OPERATOR, TRACEQL_MOD, LEX_NONE, PREC_MUL},
    {"^", LEX_OPERATOR, TRACEQL_POW, LEX_NONE, PREC_POW},
    {"{", LEX_LEFT_BRACE, LEX_NONE, LEX_NONE, 0},
    {"}", LEX_RIGHT_BRACE, LEX_NONE, LEX_NONE, 0},
    {"(", LEX_LEFT_PAREN, LEX_NONE, LEX_NONE, 0},
    {")", LEX_RIGHT_PAREN, LEX_NONE, LEX_NONE, 0},
    {",", LEX_COMMA, LEX_NONE, LEX_NONE, 0},
    {"|", LEX_PIPE, LEX_NONE, LEX_NONE, 0},
    {"!", LEX_NOT, LEX_NONE, LEX_NONE, 0},
};

/* What makes an attribute, or an intrinsic, of what follows. */
static const struct scope {
    char text[18];
    uint8_t place; /* of an attribute; TSDB_PLACE_INTRINSIC: of a SCOPE */
    bool is_parent;
} scopes[] = {
    {"span.", TSDB_PLACE_SPAN, false},
    {"resource.", TSDB_PLACE_RESOURCE, false},
    {"event.", TSDB_PLACE_EVENT, false},
    {"link.", TSDB_PLACE_LINK, false},
    {"instrumentation.", TSDB_PLACE_SCOPE, false},
    {"parent.", TSDB_PLACE_ANY, true},
    {"span:", TSDB_PLACE_INTRINSIC, false},
    {"trace:", TSDB_PLACE_INTRINSIC, false},
    {"event:", TSDB_PLACE_INTRINSIC, false},
    {"link:", TSDB_PLACE_INTRINSIC, false},
    {"instrumentation:", TSDB_PLACE_INTRINSIC, false},
};

enum { SYMBOLS = sizeof symbols / sizeof symbols[0], SCOPES = sizeof scopes / sizeof scopes[0] };

struct lex lex_over(struct tsdb_text source)
{
    ASSERT(source.len <= TRACEQL_TEXT_MAX);
    return (struct lex){.source = source};
}

static uint32_t byte_at(const struct lex *l, uint32_t at)
{
    return at < l->source.len ? (unsigned char)l->source.at[at] : END_OF_INPUT;
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_byte(uint32_t c)
{
    return c == '_' || is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static struct tsdb_text rest_of(const struct lex *l)
{
    return (struct tsdb_text){l->source.at + l->at, l->source.len - l->at};
}

static bool starts_with(struct tsdb_text t, const char *prefix)
{
    size_t len = strlen(prefix);
    return t.len >= len && memcmp(t.at, prefix, len) == 0;
}

/* Everything between `begin` and here. */
static void emit(const struct lex *l, uint32_t begin, enum lex_kind kind, struct lex_token *out)
{
    *out = (struct lex_token){.kind = kind,
                              .op = LEX_NONE,
                              .relation = LEX_NONE,
                              .at = begin,
                              .text = {l->source.at + begin, l->at - begin}};
}

static enum tsdb_status skip_space(struct lex *l, struct tsdb_error *err)
{
    for (;;) {
        uint32_t c = byte_at(l, l->at), begin = l->at;
        struct tsdb_text rest = rest_of(l);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            l->at++;
        } else if (starts_with(rest, "//")) {
            const char *end = memchr(rest.at, '\n', rest.len);
            l->at += (uint32_t)(end ? (size_t)(end - rest.at) : rest.len);
        } else if (starts_with(rest, "/*")) {
            l->at += 2;
            while (l->at < l->source.len && !starts_with(rest_of(l), "*/"))
                l->at++;
            if (l->at == l->source.len)
                return fault_at(err, l->source, begin, "comment not terminated");
            l->at += 2;
        } else {
            return TSDB_OK;
        }
    }
}

/* ---- attributes -------------------------------------------------------------------- */

static bool is_space(uint32_t rune)
{
    return rune == ' ' || (rune >= '\t' && rune <= '\r') || rune == 0x85 || rune == 0xa0 ||
           rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200a) || rune == 0x2028 ||
           rune == 0x2029 || rune == 0x202f || rune == 0x205f || rune == 0x3000;
}

static bool is_name_rune(uint32_t rune)
{
    return !is_space(rune) && (rune >= 0x80 || !strchr("{}()=~!<>&|^,", (int)rune));
}

bool lex_name_is_plain(struct tsdb_text name)
{
    uint32_t width;
    for (size_t at = 0; at < name.len; at += width) {
        uint32_t rune = rune_at(name, at, &width);
        if (rune == '\0' || rune == '"' || !is_name_rune(rune))
            return false;
    }
    return name.len > 0;
}

size_t lex_name_read(struct tsdb_text name, char *out)
{
    size_t len = 0;
    bool is_quoted = false;
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '"') {
            is_quoted = !is_quoted;
            continue;
        }
        if (is_quoted && name.at[i] == '\\')
            i++;
        out[len++] = name.at[i];
    }
    return len;
}

/* Past "..."; the first quote is here. */
static enum tsdb_status skip_quoted(struct lex *l, struct tsdb_error *err)
{
    uint32_t begin = l->at++;
    for (;; l->at++) {
        uint32_t c = byte_at(l, l->at);
        if (c == END_OF_INPUT)
            return fault_at(err, l->source, begin, "quoted attribute name not terminated");
        if (c == '"')
            break;
        if (c != '\\')
            continue;
        uint32_t escaped = byte_at(l, ++l->at);
        if (escaped != '"' && escaped != '\\')
            return fault_at(err, l->source, l->at - 1,
                            "invalid escape in an attribute name: only \\\" and \\\\ are known");
    }
    l->at++;
    return TSDB_OK;
}

/* The point or scope has been read. */
static enum tsdb_status read_attribute(struct lex *l, uint32_t begin, const struct scope *scope,
                                       struct lex_token *out, struct tsdb_error *err)
{
    uint32_t name_at = l->at, width = 1;
    while (l->at < l->source.len) {
        if (byte_at(l, l->at) == '"') {
            enum tsdb_status st = skip_quoted(l, err);
            if (st != TSDB_OK)
                return st;
            continue;
        }
        if (!is_name_rune(rune_at(l->source, l->at, &width)))
            break;
        l->at += width;
    }
    if (l->at == name_at)
        return fault_at(err, l->source, name_at, "attribute name expected after \"%.*s\"",
                        (int)(name_at - begin), l->source.at + begin);
    emit(l, begin, LEX_ATTRIBUTE, out);
    out->name = (struct tsdb_text){l->source.at + name_at, l->at - name_at};
    out->place = scope ? scope->place : TSDB_PLACE_ANY;
    out->is_parent = scope && scope->is_parent;
    return TSDB_OK;
}

static enum tsdb_status read_word(struct lex *l, struct lex_token *out, struct tsdb_error *err)
{
    uint32_t begin = l->at;
    for (int i = 0; i < SCOPES; i++) {
        if (!starts_with(rest_of(l), scopes[i].text))
            continue;
        l->at += (uint32_t)strlen(scopes[i].text);
        if (scopes[i].place != TSDB_PLACE_INTRINSIC)
            return read_attribute(l, begin, &scopes[i], out, err);
        emit(l, begin, LEX_SCOPE, out);
        return TSDB_OK;
    }
    while (is_word_byte(byte_at(l, l->at)))
        l->at++;
    emit(l, begin, LEX_WORD, out);
    return TSDB_OK;
}

/* ---- numbers ------------------------------------------------------------------------- */

static bool duration_of(struct tsdb_text text, int64_t *ns)
{
    struct tsdb_error why;
    return duration_parse(text, ns, &why) == TSDB_OK || go_duration_parse(text, ns);
}

/* Past what may continue a number as a duration; returns whether there was something. */
static bool skip_units(struct lex *l)
{
    uint32_t begin = l->at;
    for (;;) {
        uint32_t c = byte_at(l, l->at);
        if (starts_with(rest_of(l), "\xc2\xb5") || starts_with(rest_of(l), "\xce\xbc"))
            l->at += 2; /* micro sign, Greek mu */
        else if (c != END_OF_INPUT && c < 0x80 && (is_digit(c) || strchr(".nsumhdwy", (int)c)))
            l->at++;
        else
            return l->at > begin;
    }
}

static bool int_of(struct tsdb_text text, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, text.at[i] - '0', out))
            return false;
    return true;
}

static void skip_digits(struct lex *l)
{
    while (is_digit(byte_at(l, l->at)))
        l->at++;
}

static void skip_exponent(struct lex *l, bool *is_float)
{
    uint32_t at = l->at;
    if ((byte_at(l, at) | 0x20) != 'e')
        return;
    at++;
    if (byte_at(l, at) == '+' || byte_at(l, at) == '-')
        at++;
    if (!is_digit(byte_at(l, at)))
        return;
    l->at = at;
    skip_digits(l);
    *is_float = true;
}

static enum tsdb_status read_number(struct lex *l, struct lex_token *out, struct tsdb_error *err)
{
    uint32_t begin = l->at;
    bool is_float = false;
    skip_digits(l);
    if (byte_at(l, l->at) == '.') {
        is_float = true;
        l->at++;
        skip_digits(l);
    }
    skip_exponent(l, &is_float);
    uint32_t end = l->at;
    if (skip_units(l)) {
        emit(l, begin, LEX_DURATION, out);
        out->value.type = TRACEQL_DURATION;
        if (duration_of(out->text, &out->value.integer) && !is_word_byte(byte_at(l, l->at)))
            return TSDB_OK;
        while (is_word_byte(byte_at(l, l->at)))
            l->at++;
        return fault_at(err, l->source, begin, "\"%.*s\" is no number and no duration",
                        (int)(l->at - begin < 40 ? l->at - begin : 40), l->source.at + begin);
    }
    if (is_word_byte(byte_at(l, end)))
        return fault_at(err, l->source, begin, "unexpected \"%c\" in a number", l->source.at[end]);
    emit(l, begin, is_float ? LEX_FLOAT : LEX_INT, out);
    out->value.type = is_float ? TRACEQL_FLOAT : TRACEQL_INT;
    bool fits = is_float
                    ? double_parse(out->text, &out->value.number) && isfinite(out->value.number)
                    : int_of(out->text, &out->value.integer);
    return fits ? TSDB_OK : fault_at(err, l->source, begin, "number out of range");
}

/* ---- tokens ----------------------------------------------------------------------------- */

static enum tsdb_status read_string(struct lex *l, struct lex_token *out, struct tsdb_error *err)
{
    struct tsdb_error why;
    uint32_t begin = l->at, len;
    if (!string_end(rest_of(l), &len, &why))
        return fault_at(err, l->source, begin, "%s", why.msg);
    l->at += len;
    emit(l, begin, LEX_STRING, out);
    return TSDB_OK;
}

static enum tsdb_status read_symbol(struct lex *l, struct lex_token *out, struct tsdb_error *err)
{
    uint32_t begin = l->at, width;
    for (int i = 0; i < SYMBOLS; i++) {
        const struct symbol *s = &symbols[i];
        if (!starts_with(rest_of(l), s->text))
            continue;
        l->at += (uint32_t)strlen(s->text);
        emit(l, begin, (enum lex_kind)s->kind, out);
        out->op = s->op;
        out->relation = s->relation;
        out->precedence = s->precedence;
        return TSDB_OK;
    }
    return fault_at(err, l->source, begin, "unexpected character %s",
                    quoted_rune(rune_at(l->source, begin, &width)).at);
}

enum tsdb_status lex_next(struct lex *l, struct lex_token *out, struct tsdb_error *err)
{
    enum tsdb_status st = skip_space(l, err);
    if (st != TSDB_OK)
        return st;
    uint32_t begin = l->at, c = byte_at(l, begin);
    if (c == END_OF_INPUT) {
        emit(l, begin, LEX_EOF, out);
        return TSDB_OK;
    }
    if (is_digit(c) || (c == '.' && is_digit(byte_at(l, begin + 1))))
        return read_number(l, out, err);
    if (c == '.') {
        l->at++;
        return read_attribute(l, begin, NULL, out, err);
    }
    if (is_word_byte(c))
        return read_word(l, out, err);
    if (c == '"' || c == '`')
        return read_string(l, out, err);
    return read_symbol(l, out, err);
}

bool lex_is_word(const struct lex_token *t, const char *word)
{
    return t->kind == LEX_WORD && text_equal(t->text, text_of(word));
}

/* ---- operators ---------------------------------------------------------------------------- */

const char *lex_relation_name(enum traceql_relation relation)
{
    for (int i = 0; i < SYMBOLS; i++)
        if (symbols[i].relation == relation)
            return symbols[i].text;
    UNREACHABLE();
}

enum lex_precedence lex_relation_precedence(enum traceql_relation relation)
{
    return relation <= RELATION_OR ? PREC_BOOL : PREC_COMPARE;
}

enum lex_precedence lex_op_precedence(enum traceql_op op)
{
    for (int i = 0; i < SYMBOLS; i++)
        if (symbols[i].op == op)
            return (enum lex_precedence)symbols[i].precedence;
    UNREACHABLE();
}
