#include "tsdb/query/lexer.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/quote.h"

#include <stdio.h>

#define END_OF_INPUT UINT32_MAX /* what peek answers past the last byte */

/* Words that mean something, in lower case; compared without regard to case. */
static const struct keyword {
    char name[13];
    uint8_t kind, code;
} keywords[] = {
    {"and", TOKEN_BINARY, BINARY_AND},
    {"or", TOKEN_BINARY, BINARY_OR},
    {"unless", TOKEN_BINARY, BINARY_UNLESS},
    {"atan2", TOKEN_BINARY, BINARY_ATAN2},
    {"sum", TOKEN_AGGREGATE, AGGREGATE_SUM},
    {"avg", TOKEN_AGGREGATE, AGGREGATE_AVG},
    {"count", TOKEN_AGGREGATE, AGGREGATE_COUNT},
    {"min", TOKEN_AGGREGATE, AGGREGATE_MIN},
    {"max", TOKEN_AGGREGATE, AGGREGATE_MAX},
    {"group", TOKEN_AGGREGATE, AGGREGATE_GROUP},
    {"stddev", TOKEN_AGGREGATE, AGGREGATE_STDDEV},
    {"stdvar", TOKEN_AGGREGATE, AGGREGATE_STDVAR},
    {"topk", TOKEN_AGGREGATE, AGGREGATE_TOPK},
    {"bottomk", TOKEN_AGGREGATE, AGGREGATE_BOTTOMK},
    {"count_values", TOKEN_AGGREGATE, AGGREGATE_COUNT_VALUES},
    {"quantile", TOKEN_AGGREGATE, AGGREGATE_QUANTILE},
    {"limitk", TOKEN_AGGREGATE, AGGREGATE_LIMITK},
    {"limit_ratio", TOKEN_AGGREGATE, AGGREGATE_LIMIT_RATIO},
    {"offset", TOKEN_OFFSET, 0},
    {"smoothed", TOKEN_SMOOTHED, 0},
    {"anchored", TOKEN_ANCHORED, 0},
    {"by", TOKEN_BY, 0},
    {"without", TOKEN_WITHOUT, 0},
    {"on", TOKEN_ON, 0},
    {"ignoring", TOKEN_IGNORING, 0},
    {"group_left", TOKEN_GROUP_LEFT, 0},
    {"group_right", TOKEN_GROUP_RIGHT, 0},
    {"fill", TOKEN_FILL, 0},
    {"fill_left", TOKEN_FILL, 0},
    {"fill_right", TOKEN_FILL, 0},
    {"bool", TOKEN_BOOL, 0},
    {"start", TOKEN_START, 0},
    {"end", TOKEN_END, 0},
    {"step", TOKEN_STEP, 0},
    {"range", TOKEN_STEP, 0},
    {"max_of", TOKEN_STEP, 0},
    {"min_of", TOKEN_STEP, 0},
    {"inf", TOKEN_NUMBER, 0},
    {"nan", TOKEN_NUMBER, 0},
};

struct lexer lexer_over(struct tsdb_text source)
{
    ASSERT(source.len <= EXPR_TEXT_MAX);
    return (struct lexer){.source = source};
}

static uint32_t peek(const struct lexer *l)
{
    uint32_t width;
    return l->at < l->source.len ? rune_at(l->source, l->at, &width) : END_OF_INPUT;
}

static uint32_t advance(struct lexer *l)
{
    uint32_t width = 0, rune = END_OF_INPUT;
    if (l->at < l->source.len)
        rune = rune_at(l->source, l->at, &width);
    l->at += width;
    return rune;
}

static bool is_digit(uint32_t rune)
{
    return rune >= '0' && rune <= '9';
}

static bool is_letter(uint32_t rune)
{
    return rune == '_' || ((rune | 0x20) >= 'a' && (rune | 0x20) <= 'z');
}

static bool is_space(uint32_t rune)
{
    return rune == ' ' || rune == '\t' || rune == '\n' || rune == '\r';
}

static bool is_in(uint32_t rune, const char *set)
{
    return rune > 0 && rune < 0x80 && strchr(set, (int)rune) != NULL;
}

static bool accept(struct lexer *l, const char *set)
{
    bool is_there = is_in(peek(l), set);
    l->at += is_there;
    return is_there;
}

static void accept_run(struct lexer *l, const char *set)
{
    while (accept(l, set))
        ;
}

/* Everything read since the last token becomes one. */
static enum tsdb_status emit(struct lexer *l, struct token *out, enum token_kind kind, int code)
{
    *out = (struct token){.kind = kind,
                          .code = (uint8_t)code,
                          .text = {l->source.at + l->start, l->at - l->start},
                          .at = l->start};
    l->start = l->at;
    return TSDB_OK;
}

/* A fault about one code point; fmt has one %s for it. */
static enum tsdb_status fail_rune(const struct lexer *l, struct tsdb_error *err, const char *what,
                                  uint32_t rune)
{
    struct quoted q = quoted_rune(rune > 0x10ffff ? RUNE_ERROR : rune);
    return promql_fail(err, l->source, l->start, "%s %s", what, q.at);
}

static void skip_spaces(struct lexer *l, bool has_comments)
{
    for (;;) {
        uint32_t rune = peek(l);
        if (has_comments && rune == '#') {
            while (peek(l) != '\n' && peek(l) != '\r' && peek(l) != END_OF_INPUT)
                (void)advance(l);
        } else if (is_space(rune)) {
            l->at++;
        } else {
            break;
        }
    }
    l->start = l->at;
}

/* ---- strings ------------------------------------------------------------- */

static uint32_t digit_value(uint32_t rune)
{
    if (is_digit(rune))
        return rune - '0';
    uint32_t lower = rune | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 16;
}

/* What follows a backslash. */
static enum tsdb_status read_escape(struct lexer *l, uint32_t quote, struct tsdb_error *err)
{
    uint32_t rune = advance(l), digits = 0, base = 16, most = 0x10ffff, value = 0;
    if (is_in(rune, "abfnrtv\\") || rune == quote)
        return TSDB_OK;
    if (rune == END_OF_INPUT)
        return promql_fail(err, l->source, l->start, "escape sequence not terminated");
    if (rune >= '0' && rune <= '7') {
        l->at--;
        digits = 3;
        base = 8;
        most = 255;
    } else if (is_in(rune, "xuU")) {
        digits = rune == 'x' ? 2 : rune == 'u' ? 4 : 8;
        most = rune == 'x' ? 255 : most;
    } else {
        return promql_fail(err, l->source, l->start, "unknown escape sequence U+%04X %s", rune,
                           quoted_rune(rune).at);
    }
    for (uint32_t i = 0; i < digits; i++) {
        rune = advance(l);
        if (rune == END_OF_INPUT)
            return promql_fail(err, l->source, l->start, "escape sequence not terminated");
        if (digit_value(rune) >= base)
            return promql_fail(err, l->source, l->start,
                               "illegal character U+%04X %s in escape sequence", rune,
                               quoted_rune(rune).at);
        value = value * base + digit_value(rune);
    }
    if (value > most || (value >= 0xd800 && value < 0xe000))
        return promql_fail(err, l->source, l->start,
                           "escape sequence is an invalid Unicode code point");
    return TSDB_OK;
}

static enum tsdb_status read_string(struct lexer *l, struct token *out, struct tsdb_error *err)
{
    uint32_t quote = advance(l);
    bool is_raw = quote == '`';
    for (;;) {
        uint32_t rune = advance(l);
        if (rune == quote)
            return emit(l, out, TOKEN_STRING, 0);
        if (rune == RUNE_ERROR)
            return promql_fail(err, l->source, l->start, "invalid UTF-8 rune");
        if (rune == END_OF_INPUT || (rune == '\n' && !is_raw))
            return promql_fail(err, l->source, l->start, "unterminated %s string",
                               is_raw ? "raw" : "quoted");
        if (rune == '\\' && !is_raw) {
            enum tsdb_status st = read_escape(l, quote, err);
            if (st != TSDB_OK)
                return st;
        }
    }
}

/* ---- numbers --------------------------------------------------------------- */

/* One more part of a number; false: it is none. */
static bool accept_number_part(struct lexer *l, const char *digits, bool *has_dot,
                               bool *has_exponent)
{
    bool is_hex = digits[10] != '\0';
    if (peek(l) == '.') {
        l->at++;
        bool is_first = !*has_dot;
        *has_dot = true;
        return is_first && !accept(l, "_.") && !is_hex;
    }
    if (peek(l) == '_') {
        l->at++;
        return !accept(l, is_hex ? "._" : "._eE") && peek(l) != END_OF_INPUT;
    }
    if (!is_hex && accept(l, "eE")) {
        bool is_first = !*has_exponent;
        *has_exponent = true;
        if (!is_first)
            return false;
        (void)accept(l, "+-");
        return !accept(l, "._eE") && peek(l) != END_OF_INPUT;
    }
    accept_run(l, digits);
    return true;
}

/* Reads a number, or as much of one as there is; false when it is none.  What
 * it accepts may still be no number ("1_"): the parser converts it. */
static bool accept_number(struct lexer *l)
{
    const char *digits = "0123456789", *parts = "0123456789._eE";
    uint32_t before = l->at;
    if (accept(l, "0") && accept(l, "xX")) {
        (void)accept(l, "_");
        digits = "0123456789abcdefABCDEF";
        parts = "0123456789abcdefABCDEF._";
    }
    bool has_dot = accept(l, "."), has_exponent = false;
    while (is_in(peek(l), parts))
        if (!accept_number_part(l, digits, &has_dot, &has_exponent))
            return false;
    return l->at > before && !is_letter(peek(l)) && !is_digit(peek(l));
}

/* The rest of a duration, after its first digits. */
static bool accept_duration(struct lexer *l)
{
    const char *unit = "smhdwy";
    for (;;) {
        if (!accept(l, unit))
            return false;
        (void)accept(l, "s"); /* ms; others are refused when it is converted */
        if (!is_digit(peek(l)))
            break;
        accept_run(l, "0123456789");
        unit = "smhdw";
    }
    uint32_t rune = advance(l); /* shown in the message */
    if (is_letter(rune))
        return false;
    if (rune != END_OF_INPUT) {
        l->at--;
        while (l->at > l->start && ((unsigned char)l->source.at[l->at] & 0xc0) == 0x80)
            l->at--;
    }
    return true;
}

static enum tsdb_status read_number(struct lexer *l, struct token *out, struct tsdb_error *err)
{
    if (accept_number(l))
        return emit(l, out, TOKEN_NUMBER, 0);
    if (accept_duration(l))
        return emit(l, out, TOKEN_DURATION, 0);
    struct tsdb_text text = {l->source.at + l->start, l->at - l->start};
    return promql_fail(err, l->source, l->start, "bad number or duration syntax: %s",
                       quoted_text(text, SIZE_MAX).at);
}

static bool starts_number(const struct lexer *l)
{
    uint32_t next = l->at + 1u;
    return is_digit(peek(l)) ||
           (peek(l) == '.' && next < l->source.len && is_digit((unsigned char)l->source.at[next]));
}

/* ---- words ------------------------------------------------------------------- */

static const struct keyword *keyword_find(struct tsdb_text word)
{
    char lower[sizeof keywords[0].name];
    if (word.len >= sizeof lower)
        return NULL;
    for (size_t i = 0; i < word.len; i++)
        lower[i] = (char)(word.at[i] >= 'A' && word.at[i] <= 'Z' ? word.at[i] | 0x20 : word.at[i]);
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (text_equal((struct tsdb_text){lower, word.len}, text_of(keywords[i].name)))
            return &keywords[i];
    return NULL;
}

static bool paren_follows(const struct lexer *l)
{
    uint32_t at = l->at;
    while (at < l->source.len && is_space((unsigned char)l->source.at[at]))
        at++;
    return at < l->source.len && l->source.at[at] == '(';
}

static enum tsdb_status read_word(struct lexer *l, struct token *out)
{
    bool has_colon = false;
    while (is_letter(peek(l)) || is_digit(peek(l)) || peek(l) == ':') {
        has_colon |= peek(l) == ':';
        l->at++;
    }
    struct tsdb_text word = {l->source.at + l->start, l->at - l->start};
    const struct keyword *k = keyword_find(word);
    if (k && k->kind == TOKEN_FILL && !paren_follows(l))
        k = NULL;
    enum token_kind kind = k           ? (enum token_kind)k->kind
                           : has_colon ? TOKEN_METRIC
                                       : TOKEN_IDENTIFIER;
    (void)emit(l, out, kind, k ? k->code : 0);
    out->is_word = true;
    return TSDB_OK;
}

/* A letter or colon where a range stands: `step` and its like, or the colon. */
static enum tsdb_status read_range_word(struct lexer *l, struct token *out, struct tsdb_error *err)
{
    uint32_t first = peek(l);
    if (first == ':') {
        if (l->has_colon) {
            l->at++;
            return fail_rune(l, err, "unexpected colon", first);
        }
        l->has_colon = true;
        l->at++;
        return emit(l, out, TOKEN_COLON, 0);
    }
    while (is_letter(peek(l)))
        l->at++;
    struct tsdb_text word = {l->source.at + l->start, l->at - l->start};
    const struct keyword *k = keyword_find(word);
    if (k && k->kind == TOKEN_STEP)
        return emit(l, out, TOKEN_STEP, 0);
    if (l->mode == LEXER_DURATION)
        return fail_rune(l, err, "unexpected character in duration expression:", first);
    return promql_fail(err, l->source, l->start, "unexpected character: %s, expected ':'",
                       quoted_rune(first).at);
}

/* ---- the three modes ------------------------------------------------------- */

static enum tsdb_status open_paren(struct lexer *l, struct token *out)
{
    l->paren_depth++;
    return emit(l, out, TOKEN_LEFT_PAREN, 0);
}

static enum tsdb_status close_paren(struct lexer *l, struct token *out, struct tsdb_error *err)
{
    if (l->paren_depth == 0) {
        l->start = l->at;
        return fail_rune(l, err, "unexpected right parenthesis", ')');
    }
    l->paren_depth--;
    return emit(l, out, TOKEN_RIGHT_PAREN, 0);
}

static enum tsdb_status open_bracket(struct lexer *l, struct token *out, struct tsdb_error *err)
{
    if (l->in_brackets)
        return fail_rune(l, err, "unexpected left bracket", '[');
    (void)emit(l, out, TOKEN_LEFT_BRACKET, 0);
    l->in_brackets = true;
    l->has_colon = l->has_duration = false;
    l->mode = LEXER_DURATION;
    return TSDB_OK;
}

static enum tsdb_status close_bracket(struct lexer *l, struct token *out, struct tsdb_error *err)
{
    if (!l->in_brackets)
        return fail_rune(l, err, "unexpected right bracket", ']');
    l->in_brackets = false;
    l->mode = LEXER_STATEMENT;
    return emit(l, out, TOKEN_RIGHT_BRACKET, 0);
}

static enum tsdb_status read_equal(struct lexer *l, struct token *out, struct tsdb_error *err)
{
    if (accept(l, "="))
        return emit(l, out, TOKEN_BINARY, BINARY_EQ);
    if (peek(l) == '~')
        return fail_rune(l, err, "unexpected character after '=':", '~');
    return emit(l, out, TOKEN_EQUAL, 0);
}

static enum tsdb_status read_not(struct lexer *l, struct token *out, struct tsdb_error *err)
{
    uint32_t rune = advance(l);
    if (rune != '=')
        return fail_rune(l, err, "unexpected character after '!':", rune);
    return emit(l, out, TOKEN_BINARY, BINARY_NE);
}

static enum tsdb_status end_of_input(struct lexer *l, struct token *out, struct tsdb_error *err)
{
    if (l->mode == LEXER_BRACES)
        return promql_fail(err, l->source, l->start, "unexpected end of input inside braces");
    if (l->mode == LEXER_DURATION)
        return promql_fail(err, l->source, l->start,
                           "unexpected end of input in duration expression");
    if (l->paren_depth != 0)
        return promql_fail(err, l->source, l->start, "unclosed left parenthesis");
    if (l->in_brackets)
        return promql_fail(err, l->source, l->start, "unclosed left bracket");
    return emit(l, out, TOKEN_EOF, 0);
}

static enum tsdb_status read_symbol(struct lexer *l, struct token *out, struct tsdb_error *err)
{
    uint32_t rune = advance(l);
    switch (rune) {
    case ',': return emit(l, out, TOKEN_COMMA, 0);
    case '*': return emit(l, out, TOKEN_BINARY, BINARY_MUL);
    case '/': return emit(l, out, TOKEN_BINARY, BINARY_DIV);
    case '%': return emit(l, out, TOKEN_BINARY, BINARY_MOD);
    case '+': return emit(l, out, TOKEN_BINARY, BINARY_ADD);
    case '-': return emit(l, out, TOKEN_BINARY, BINARY_SUB);
    case '^': return emit(l, out, TOKEN_BINARY, BINARY_POW);
    case '@': return emit(l, out, TOKEN_AT, 0);
    case '=': return read_equal(l, out, err);
    case '!': return read_not(l, out, err);
    case '<':
        return emit(l, out, TOKEN_BINARY,
                    accept(l, "=")   ? BINARY_LE
                    : accept(l, "/") ? BINARY_TRIM_UPPER
                                     : BINARY_LT);
    case '>':
        return emit(l, out, TOKEN_BINARY,
                    accept(l, "=")   ? BINARY_GE
                    : accept(l, "/") ? BINARY_TRIM_LOWER
                                     : BINARY_GT);
    case '(': return open_paren(l, out);
    case ')': return close_paren(l, out, err);
    case '[': return open_bracket(l, out, err);
    case ']': return close_bracket(l, out, err);
    case '{': l->mode = LEXER_BRACES; return emit(l, out, TOKEN_LEFT_BRACE, 0);
    default: return fail_rune(l, err, "unexpected character:", rune);
    }
}

static enum tsdb_status next_in_statement(struct lexer *l, struct token *out,
                                          struct tsdb_error *err)
{
    uint32_t rune = peek(l);
    if (starts_number(l))
        return read_number(l, out, err);
    if (is_in(rune, "\"'`"))
        return read_string(l, out, err);
    if (is_letter(rune) || rune == ':')
        return l->in_brackets ? read_range_word(l, out, err) : read_word(l, out);
    return read_symbol(l, out, err);
}

static enum tsdb_status next_in_braces(struct lexer *l, struct token *out, struct tsdb_error *err)
{
    uint32_t rune = peek(l);
    if (is_in(rune, "\"'`"))
        return read_string(l, out, err);
    (void)advance(l);
    if (is_letter(rune)) {
        while (is_letter(peek(l)) || is_digit(peek(l)))
            l->at++;
        return emit(l, out, TOKEN_IDENTIFIER, 0);
    }
    switch (rune) {
    case ',': return emit(l, out, TOKEN_COMMA, 0);
    case '=': return emit(l, out, accept(l, "~") ? TOKEN_MATCH : TOKEN_EQUAL, 0);
    case '!':
        rune = advance(l);
        if (rune == '~')
            return emit(l, out, TOKEN_NOT_MATCH, 0);
        if (rune == '=')
            return emit(l, out, TOKEN_BINARY, BINARY_NE);
        return fail_rune(l, err, "unexpected character after '!' inside braces:", rune);
    case '{': return fail_rune(l, err, "unexpected left brace", rune);
    case '}': l->mode = LEXER_STATEMENT; return emit(l, out, TOKEN_RIGHT_BRACE, 0);
    default: return fail_rune(l, err, "unexpected character inside braces:", rune);
    }
}

static enum tsdb_status next_in_duration(struct lexer *l, struct token *out, struct tsdb_error *err)
{
    uint32_t rune = peek(l);
    if (starts_number(l)) {
        l->mode = LEXER_STATEMENT;
        l->has_duration = true;
        return read_number(l, out, err);
    }
    if (is_in(rune, "srmSRM") || (rune == ':' && l->has_duration))
        return read_range_word(l, out, err);
    if (is_in(rune, "()]+-*/%^,"))
        return read_symbol(l, out, err);
    if (rune == ':') {
        l->start = ++l->at;
        return promql_fail(err, l->source, l->start,
                           "unexpected colon before duration in duration expression");
    }
    return fail_rune(l, err, "unexpected character in duration expression:", rune);
}

enum tsdb_status lexer_next(struct lexer *l, struct token *out, struct tsdb_error *err)
{
    skip_spaces(l, l->mode != LEXER_DURATION);
    if (l->at >= l->source.len)
        return end_of_input(l, out, err);
    switch (l->mode) {
    case LEXER_STATEMENT: return next_in_statement(l, out, err);
    case LEXER_BRACES: return next_in_braces(l, out, err);
    case LEXER_DURATION: return next_in_duration(l, out, err);
    }
    UNREACHABLE();
}

/* ---- names of tokens ------------------------------------------------------- */

static struct quoted joined(const char *before, const char *text, const char *after)
{
    struct quoted q;
    (void)snprintf(q.at, sizeof q.at, "%s%.180s%s", before, text, after);
    return q;
}

struct quoted token_name(const struct token *t)
{
    char word[184];
    (void)snprintf(word, sizeof word, "%.*s", (int)(t->text.len < 180 ? t->text.len : 180),
                   t->text.at ? t->text.at : "");
    struct quoted cut = quoted_text(t->text, 10);
    const char *more = t->text.len > 10 ? "..." : "";
    switch (t->kind) {
    case TOKEN_EOF: return joined("end of input", "", "");
    case TOKEN_NUMBER: return joined("number ", cut.at, more);
    case TOKEN_DURATION: return joined("duration ", cut.at, more);
    case TOKEN_STRING: return joined("string ", cut.at, more);
    case TOKEN_IDENTIFIER: return joined("identifier ", quoted_text(t->text, SIZE_MAX).at, "");
    case TOKEN_METRIC: return joined("metric identifier ", quoted_text(t->text, SIZE_MAX).at, "");
    case TOKEN_LEFT_PAREN:
    case TOKEN_RIGHT_PAREN:
    case TOKEN_LEFT_BRACE:
    case TOKEN_RIGHT_BRACE:
    case TOKEN_LEFT_BRACKET:
    case TOKEN_RIGHT_BRACKET:
    case TOKEN_COMMA:
    case TOKEN_COLON:
    case TOKEN_EQUAL:
    case TOKEN_START:
    case TOKEN_END:
    case TOKEN_STEP: return joined("", cut.at, "");
    case TOKEN_MATCH:
    case TOKEN_NOT_MATCH:
    case TOKEN_AT:
    case TOKEN_BINARY: return joined("<op:", word, ">");
    case TOKEN_AGGREGATE: return joined("<aggr:", word, ">");
    case TOKEN_BOOL:
    case TOKEN_BY:
    case TOKEN_WITHOUT:
    case TOKEN_ON:
    case TOKEN_IGNORING:
    case TOKEN_GROUP_LEFT:
    case TOKEN_GROUP_RIGHT:
    case TOKEN_OFFSET:
    case TOKEN_SMOOTHED:
    case TOKEN_ANCHORED:
    case TOKEN_FILL: return joined("<", word, ">");
    }
    UNREACHABLE();
}

bool string_end(struct tsdb_text t, uint32_t *len, struct tsdb_error *why)
{
    static const char prefix[] = "parse error: ";
    struct tsdb_error fault;
    struct token token = {0};
    struct lexer lexer = lexer_over(t);
    if (lexer_next(&lexer, &token, &fault) == TSDB_OK) {
        *len = (uint32_t)token.text.len;
        return true;
    }
    const char *text = strstr(fault.msg, prefix);
    text = text ? text + sizeof prefix - 1 : fault.msg;
    if (strncmp(text, "unterminated", 12) == 0)
        text = "literal not terminated";
    (void)tsdb_fail(why, TSDB_EINVAL, "%s", text);
    return false;
}
