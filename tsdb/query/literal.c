#include "tsdb/query/parser.h"

#include "tsdb/base/status.h"
#include "tsdb/query/duration.h"
#include "tsdb/query/quote.h"

#include <math.h>
#include <stdlib.h>

enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000 };

/* What a message says of a token that is none of these. */
struct wanted {
    const char *context, *expected;
};

static const char duration_wanted[] = "number, duration, step(), or range()";

/* Copies digits to out without '_', which must stand between two of them (or
 * after the base).  Returns false where one does not. */
static bool strip_underscores(struct tsdb_text text, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c != '_') {
            out[n++] = c;
            continue;
        }
        if (i == 0 || i + 1 == text.len || text.at[i - 1] == '_' || text.at[i - 1] == '.' ||
            text.at[i + 1] == '.' || text.at[i + 1] == '_')
            return false;
    }
    out[n] = '\0';
    return true;
}

static bool is_octal(const char *digits)
{
    if (digits[0] != '0' || digits[1] == '\0')
        return false;
    while (*digits >= '0' && *digits <= '7')
        digits++;
    return *digits == '\0';
}

/* A whole number of base 8 or 16; false when there is none or it passes int64. */
static bool whole_of(const char *digits, uint64_t base, double *out)
{
    uint64_t value = 0;
    for (const char *c = digits; *c; c++) {
        uint64_t digit = *c <= '9' ? (uint64_t)(*c - '0') : (uint64_t)((*c | 0x20) - 'a' + 10);
        if (value > (INT64_MAX - digit) / base)
            return false;
        value = value * base + digit;
    }
    *out = (double)value;
    return *digits != '\0';
}

/* Go's reading of a number: 0x1f, 0755 (octal, if it is a whole number), 1e3,
 * Inf.  Returns why it is none, or NULL. */
static const char *number_of(const char *digits, double *out)
{
    char *end;
    if (digits[0] == '0' && (digits[1] | 0x20) == 'x')
        return whole_of(digits + 2, 16, out) ? NULL : "invalid syntax";
    if (is_octal(digits) && whole_of(digits + 1, 8, out))
        return NULL;
    *out = strtod(digits, &end);
    if (*end != '\0')
        return "invalid syntax";
    return isinf(*out) && (digits[0] | 0x20) != 'i' ? "value out of range" : NULL;
}

static enum tsdb_status parse_duration(struct parser *p, int64_t *ns)
{
    struct tsdb_error why;
    if (duration_parse(p->token.text, ns, &why) != TSDB_OK)
        return parser_fail(p, p->token.at, why.msg);
    parser_advance(p);
    return TSDB_OK;
}

enum tsdb_status parse_number(struct parser *p, struct expr_number *out)
{
    struct token t = p->token;
    *out = (struct expr_number){.is_duration = t.kind == TOKEN_DURATION};
    if (out->is_duration) {
        int64_t ns = 0;
        enum tsdb_status st = parse_duration(p, &ns);
        int64_t whole = ns / NS_PER_S; /* as Go's Duration.Seconds rounds */
        out->value = (double)whole + (double)(ns % NS_PER_S) / 1e9;
        return st;
    }
    char *digits = ARENA_ARRAY(p->arena, char, t.text.len + 1);
    if (!digits)
        return parser_full(p);
    const char *why =
        strip_underscores(t.text, digits) ? number_of(digits, &out->value) : "invalid syntax";
    if (why)
        return promql_fail(p->err, p->source, t.at,
                           "error parsing number: strconv.ParseFloat: parsing %s: %s",
                           quoted_text(t.text, SIZE_MAX).at, why);
    parser_advance(p);
    return TSDB_OK;
}

enum tsdb_status parse_string(struct parser *p, struct tsdb_text *out)
{
    struct tsdb_text text = p->token.text;
    if (text.at[0] == '`' || !memchr(text.at, '\\', text.len)) {
        *out = (struct tsdb_text){text.at + 1, text.len - 2};
    } else {
        char *unquoted = ARENA_ARRAY(p->arena, char, text.len);
        if (!unquoted)
            return parser_full(p);
        *out = (struct tsdb_text){unquoted, quote_read(text, unquoted)};
    }
    parser_advance(p);
    return TSDB_OK;
}

/* Takes signs, tells whether they negate. */
static bool accept_signs(struct parser *p, uint32_t most)
{
    bool is_negative = false;
    for (uint32_t i = 0; i < most; i++) {
        if (parser_is_binary(p, BINARY_SUB))
            is_negative = !is_negative;
        else if (!parser_is_binary(p, BINARY_ADD))
            break;
        parser_advance(p);
    }
    return is_negative;
}

static enum tsdb_status fail_bounds(struct parser *p, uint32_t at, double seconds)
{
    if (isnan(seconds))
        return parser_fail(p, at, "timestamp out of bounds for @ modifier: NaN");
    if (isinf(seconds))
        return promql_fail(p->err, p->source, at, "timestamp out of bounds for @ modifier: %cInf",
                           seconds < 0 ? '-' : '+');
    return promql_fail(p->err, p->source, at, "timestamp out of bounds for @ modifier: %f",
                       seconds);
}

enum tsdb_status parse_at(struct parser *p, const struct expr *of, struct expr_time *out)
{
    if (parser_is(p, TOKEN_START) || parser_is(p, TOKEN_END)) {
        out->at = parser_is(p, TOKEN_START) ? EXPR_AT_START : EXPR_AT_END;
        parser_advance(p);
        if (!parser_accept(p, TOKEN_LEFT_PAREN) || !parser_accept(p, TOKEN_RIGHT_PAREN))
            return parser_unexpected(p, "@", "timestamp");
        return TSDB_OK;
    }
    bool is_negative = accept_signs(p, 1);
    if (!parser_is(p, TOKEN_NUMBER) && !parser_is(p, TOKEN_DURATION))
        return parser_unexpected(p, "@", "timestamp");
    struct expr_number number;
    enum tsdb_status st = parse_number(p, &number);
    if (st != TSDB_OK)
        return st;
    double seconds = is_negative ? -number.value : number.value;
    double ms = round(seconds * 1e3); /* Prometheus knows nothing finer here */
    if (!(fabs(ms) < (double)(INT64_MAX / NS_PER_MS)))
        return fail_bounds(p, of->begin, seconds);
    out->at = EXPR_AT_TIME;
    out->at_ts = (int64_t)ms * NS_PER_MS;
    return TSDB_OK;
}

/* Brackets, step() and operators where a duration stands: what Prometheus keeps
 * behind a feature flag.  The token is taken. */
static enum tsdb_status fail_arithmetic(struct parser *p, uint32_t at)
{
    return parser_fail(p, at, "experimental duration expression is not enabled");
}

static bool starts_duration(const struct parser *p)
{
    return parser_is(p, TOKEN_NUMBER) || parser_is(p, TOKEN_DURATION) || parser_is(p, TOKEN_STEP) ||
           parser_is(p, TOKEN_LEFT_PAREN) || parser_is_binary(p, BINARY_ADD) ||
           parser_is_binary(p, BINARY_SUB);
}

/* What a duration may be instead of a literal: (5m), step(). */
static enum tsdb_status fail_no_literal(struct parser *p, const struct wanted *w)
{
    uint32_t at = p->token.at;
    bool is_call = parser_accept(p, TOKEN_STEP);
    if (!parser_accept(p, TOKEN_LEFT_PAREN) || (!is_call && !starts_duration(p)))
        return parser_unexpected(p, w->context, w->expected);
    return fail_arithmetic(p, is_call ? at : p->token.at);
}

/* A signed number or duration, in nanoseconds; begin: where it starts. */
static enum tsdb_status parse_span(struct parser *p, const struct wanted *w, int64_t *out,
                                   uint32_t *begin)
{
    *begin = p->token.at;
    bool is_negative = accept_signs(p, EXPR_NESTING_MAX);
    if (!parser_is(p, TOKEN_NUMBER) && !parser_is(p, TOKEN_DURATION))
        return fail_no_literal(p, w);
    struct expr_number number = {0};
    bool is_duration = parser_is(p, TOKEN_DURATION);
    enum tsdb_status st = is_duration ? parse_duration(p, out) : parse_number(p, &number);
    if (st != TSDB_OK)
        return st;
    if (!is_duration && !duration_of_seconds(number.value, out))
        return parser_fail(p, *begin, "duration out of range");
    if (is_negative)
        *out = -*out;
    return TSDB_OK;
}

enum tsdb_status parse_offset(struct parser *p, int64_t *out)
{
    uint32_t begin;
    return parse_span(p, &(struct wanted){"offset", duration_wanted}, out, &begin);
}

enum tsdb_status parse_range(struct parser *p, const char *context, const char *expected,
                             int64_t *out)
{
    struct wanted w = {context, expected ? expected : duration_wanted};
    uint32_t begin;
    enum tsdb_status st = parse_span(p, &w, out, &begin);
    if (st != TSDB_OK)
        return st;
    if (parser_is(p, TOKEN_BINARY) && p->token.code <= BINARY_POW) {
        parser_advance(p);
        return starts_duration(p) ? fail_arithmetic(p, begin)
                                  : parser_unexpected(p, w.context, w.expected);
    }
    if (*out <= 0 && !p->is_fault)
        return parser_fail(p, begin, "duration must be greater than 0");
    return TSDB_OK;
}
