#include "tsdb/logql/lexer.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/duration.h"
#include "tsdb/query/go_duration.h"
#include "tsdb/query/lexer.h"

#include <stdio.h>

#define END_OF_INPUT UINT32_MAX /* what peek answers past the last byte */

static const struct keyword {
    char name[20];
    uint8_t kind, code;
    bool is_function; /* a keyword only before "(" or a grouping; messages shout it */
} keywords[] = {
    {"count_over_time", LOGQL_RANGE_OP, RANGE_COUNT, true},
    {"rate", LOGQL_RANGE_OP, RANGE_RATE, true},
    {"rate_counter", LOGQL_RANGE_OP, RANGE_RATE_COUNTER, true},
    {"bytes_over_time", LOGQL_RANGE_OP, RANGE_BYTES, true},
    {"bytes_rate", LOGQL_RANGE_OP, RANGE_BYTES_RATE, true},
    {"absent_over_time", LOGQL_RANGE_OP, RANGE_ABSENT, true},
    {"sum_over_time", LOGQL_RANGE_OP, RANGE_SUM, true},
    {"avg_over_time", LOGQL_RANGE_OP, RANGE_AVG, true},
    {"min_over_time", LOGQL_RANGE_OP, RANGE_MIN, true},
    {"max_over_time", LOGQL_RANGE_OP, RANGE_MAX, true},
    {"stdvar_over_time", LOGQL_RANGE_OP, RANGE_STDVAR, true},
    {"stddev_over_time", LOGQL_RANGE_OP, RANGE_STDDEV, true},
    {"quantile_over_time", LOGQL_RANGE_OP, RANGE_QUANTILE, true},
    {"first_over_time", LOGQL_RANGE_OP, RANGE_FIRST, true},
    {"last_over_time", LOGQL_RANGE_OP, RANGE_LAST, true},
    {"sum", LOGQL_AGGREGATE, AGGREGATE_SUM, true},
    {"avg", LOGQL_AGGREGATE, AGGREGATE_AVG, true},
    {"min", LOGQL_AGGREGATE, AGGREGATE_MIN, true},
    {"max", LOGQL_AGGREGATE, AGGREGATE_MAX, true},
    {"count", LOGQL_AGGREGATE, AGGREGATE_COUNT, true},
    {"stddev", LOGQL_AGGREGATE, AGGREGATE_STDDEV, true},
    {"stdvar", LOGQL_AGGREGATE, AGGREGATE_STDVAR, true},
    {"topk", LOGQL_AGGREGATE, AGGREGATE_TOPK, true},
    {"bottomk", LOGQL_AGGREGATE, AGGREGATE_BOTTOMK, true},
    {"approx_topk", LOGQL_AGGREGATE, LOGQL_APPROX_TOPK, true},
    {"sort", LOGQL_SORT, 0, true},
    {"sort_desc", LOGQL_SORT, 1, true},
    {"vector", LOGQL_VECTOR, 0, true},
    {"label_replace", LOGQL_LABEL_REPLACE, 0, true},
    {"bytes", LOGQL_CONVERT, UNWRAP_BYTES, true},
    {"duration", LOGQL_CONVERT, UNWRAP_DURATION, true},
    {"duration_seconds", LOGQL_CONVERT, UNWRAP_DURATION, true},
    {"ip", LOGQL_IP, 0, true},
    {"json", LOGQL_STAGE, STAGE_JSON, false},
    {"logfmt", LOGQL_STAGE, STAGE_LOGFMT, false},
    {"pattern", LOGQL_STAGE, STAGE_PATTERN, false},
    {"regexp", LOGQL_STAGE, STAGE_REGEXP, false},
    {"unpack", LOGQL_STAGE, STAGE_UNPACK, false},
    {"line_format", LOGQL_STAGE, STAGE_LINE_FORMAT, false},
    {"label_format", LOGQL_STAGE, STAGE_LABEL_FORMAT, false},
    {"decolorize", LOGQL_STAGE, STAGE_DECOLORIZE, false},
    {"drop", LOGQL_STAGE, STAGE_DROP, false},
    {"keep", LOGQL_STAGE, STAGE_KEEP, false},
    {"unwrap", LOGQL_UNWRAP, 0, false},
    {"and", LOGQL_BINARY, BINARY_AND, false},
    {"or", LOGQL_BINARY, BINARY_OR, false},
    {"unless", LOGQL_BINARY, BINARY_UNLESS, false},
    {"bool", LOGQL_BOOL, 0, false},
    {"by", LOGQL_BY, 0, false},
    {"without", LOGQL_WITHOUT, 0, false},
    {"on", LOGQL_ON, 0, false},
    {"ignoring", LOGQL_IGNORING, 0, false},
    {"group_left", LOGQL_GROUP_LEFT, 0, false},
    {"group_right", LOGQL_GROUP_RIGHT, 0, false},
    {"offset", LOGQL_OFFSET, 0, false},
};

/* Longer ones first. */
static const struct {
    char text[3];
    uint8_t kind, code;
} symbols[] = {
    {"!=", LOGQL_BINARY, BINARY_NE},
    {"!~", LOGQL_NOT_MATCH, 0},
    {"!>", LOGQL_LINE, LINE_PATTERN_NOT},
    {"|=", LOGQL_LINE, LINE_CONTAINS},
    {"|~", LOGQL_LINE, LINE_MATCHES},
    {"|>", LOGQL_LINE, LINE_PATTERN},
    {"==", LOGQL_BINARY, BINARY_EQ},
    {"=~", LOGQL_MATCH, 0},
    {">=", LOGQL_BINARY, BINARY_GE},
    {"<=", LOGQL_BINARY, BINARY_LE},
    {">", LOGQL_BINARY, BINARY_GT},
    {"<", LOGQL_BINARY, BINARY_LT},
    {"=", LOGQL_EQUAL, 0},
    {"|", LOGQL_PIPE, 0},
    {",", LOGQL_COMMA, 0},
    {".", LOGQL_DOT, 0},
    {"{", LOGQL_LEFT_BRACE, 0},
    {"}", LOGQL_RIGHT_BRACE, 0},
    {"(", LOGQL_LEFT_PAREN, 0},
    {")", LOGQL_RIGHT_PAREN, 0},
    {"+", LOGQL_BINARY, BINARY_ADD},
    {"-", LOGQL_BINARY, BINARY_SUB},
    {"*", LOGQL_BINARY, BINARY_MUL},
    {"/", LOGQL_BINARY, BINARY_DIV},
    {"%", LOGQL_BINARY, BINARY_MOD},
    {"^", LOGQL_BINARY, BINARY_POW},
};

struct logql_lexer logql_lexer_over(struct tsdb_text source)
{
    ASSERT(source.len <= EXPR_TEXT_MAX);
    return (struct logql_lexer){.source = source};
}

static uint32_t peek(const struct logql_lexer *l)
{
    return l->at < l->source.len ? (unsigned char)l->source.at[l->at] : END_OF_INPUT;
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint32_t c)
{
    return c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct tsdb_text rest_of(const struct logql_lexer *l, uint32_t at)
{
    return (struct tsdb_text){l->source.at + at, l->source.len - at};
}

static bool starts_with(struct tsdb_text t, const char *prefix)
{
    size_t len = strlen(prefix);
    return t.len >= len && memcmp(t.at, prefix, len) == 0;
}

/* Everything read since the last token becomes one. */
static enum tsdb_status emit(struct logql_lexer *l, struct logql_token *out,
                             enum logql_token_kind kind, uint8_t code)
{
    *out = (struct logql_token){.kind = kind,
                                .code = code,
                                .text = {l->source.at + l->start, l->at - l->start},
                                .at = l->start};
    l->start = l->at;
    return TSDB_OK;
}

/* Past spaces and remarks. */
static uint32_t space_end(const struct logql_lexer *l, uint32_t at)
{
    bool is_remark = false;
    for (; at < l->source.len; at++) {
        unsigned char c = (unsigned char)l->source.at[at];
        if (c == '\n')
            is_remark = false;
        else if (c == '#')
            is_remark = true;
        else if (!is_remark && !is_space(c))
            break;
    }
    return at;
}

/* ---- strings ------------------------------------------------------------------- */

/* PromQL's strings, but in double quotes or backticks. */
static enum tsdb_status read_string(struct logql_lexer *l, struct logql_token *out,
                                    struct tsdb_error *err)
{
    struct tsdb_error why;
    uint32_t len;
    if (!string_end(rest_of(l, l->at), &len, &why))
        return fault_at(err, l->source, l->start, "%s", why.msg);
    l->at += len;
    return emit(l, out, LOGQL_STRING, 0);
}

/* ---- numbers, durations, sizes --------------------------------------------------- */

/* As Prometheus writes durations ("1d"), else as Go does ("1.5h", "-5m"). */
static bool duration_of(struct tsdb_text text, int64_t *ns)
{
    struct tsdb_error why;
    return duration_parse(text, ns, &why) == TSDB_OK || go_duration_parse(text, ns);
}

/* How many bytes of t are digits, points or in `letters` (and the micro signs, with "u"). */
static uint32_t run_of(struct tsdb_text t, const char *letters)
{
    uint32_t n = 0;
    while (n < t.len) {
        struct tsdb_text rest = {t.at + n, t.len - n};
        unsigned char c = (unsigned char)t.at[n];
        if (strchr(letters, 'u') &&
            (starts_with(rest, "\xc2\xb5") || starts_with(rest, "\xce\xbc")))
            n += 2;
        else if (is_digit(c) || c == '.' || (is_letter(c) && strchr(letters, c)))
            n++;
        else
            break;
    }
    return n;
}

/* A duration or a size whose first `len` bytes, a number or a sign, have been read. */
static bool read_unit(struct logql_lexer *l, uint32_t len, struct logql_token *out)
{
    struct tsdb_text rest = rest_of(l, l->start + len);
    uint32_t run = run_of(rest, "numshdwy");
    struct tsdb_text text = {l->source.at + l->start, len + run};
    int64_t span;
    double bytes;
    bool has_unit = run > 0 && !is_digit((unsigned char)text.at[text.len - 1]); /* not "-0" */
    if (has_unit && duration_of(text, &span)) {
        l->at = l->start + len + run;
        (void)emit(l, out, LOGQL_DURATION, 0);
        out->span = span;
        return true;
    }
    run = run_of(rest, "BikKMGTP");
    text.len = len + run;
    if (run > 0 && logql_bytes(text, &bytes)) {
        l->at = l->start + len + run;
        (void)emit(l, out, LOGQL_BYTES, 0);
        out->bytes = bytes;
        return true;
    }
    return false;
}

/* Digits, a point, an exponent; 0x10 and 1_000 are taken whole and refused later. */
static enum tsdb_status read_number(struct logql_lexer *l, struct logql_token *out)
{
    bool is_hex = starts_with(rest_of(l, l->at), "0x") || starts_with(rest_of(l, l->at), "0X");
    bool is_plain = true; /* may have a unit */
    if (is_hex)
        l->at += 2;
    while (is_digit(peek(l)) || peek(l) == '_' || peek(l) == '.' || (is_hex && is_letter(peek(l))))
        l->at++;
    if (!is_hex && (peek(l) == 'e' || peek(l) == 'E')) {
        is_plain = false;
        l->at++;
        if (peek(l) == '+' || peek(l) == '-')
            l->at++;
        while (is_digit(peek(l)))
            l->at++;
    }
    if (is_plain && read_unit(l, l->at - l->start, out))
        return TSDB_OK;
    return emit(l, out, LOGQL_NUMBER, 0);
}

static enum tsdb_status read_span(struct logql_lexer *l, struct logql_token *out,
                                  struct tsdb_error *err)
{
    const char *end = memchr(l->source.at + l->at, ']', l->source.len - l->at);
    struct tsdb_error why;
    int64_t span = 0;
    if (!end)
        return fault_at(err, l->source, l->start, "missing closing ']' in duration");
    struct tsdb_text text = {l->source.at + l->at + 1, (size_t)(end - l->source.at) - l->at - 1};
    if (duration_parse(text, &span, &why) != TSDB_OK)
        return fault_at(err, l->source, l->start, "%s", why.msg);
    if (span == 0)
        return fault_at(err, l->source, l->start, "duration must be greater than 0");
    l->at += (uint32_t)text.len + 2;
    (void)emit(l, out, LOGQL_SPAN, 0);
    out->span = span;
    return TSDB_OK;
}

/* ---- words ----------------------------------------------------------------------- */

static bool word_equal(struct tsdb_text word, const char *lower)
{
    size_t i = 0;
    for (; i < word.len && lower[i]; i++) {
        char c = word.at[i];
        if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != lower[i])
            return false;
    }
    return i == word.len && lower[i] == '\0';
}

static const struct keyword *keyword_find(struct tsdb_text word)
{
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (word_equal(word, keywords[i].name))
            return &keywords[i];
    return NULL;
}

static uint32_t word_end(const struct logql_lexer *l, uint32_t at)
{
    while (at < l->source.len && (is_letter((unsigned char)l->source.at[at]) ||
                                  is_digit((unsigned char)l->source.at[at])))
        at++;
    return at;
}

/* Do "(", "by (" or "without (" follow? */
static bool is_call(const struct logql_lexer *l)
{
    uint32_t at = space_end(l, l->at), end = word_end(l, at);
    struct tsdb_text word = {l->source.at + at, end - at};
    if (word_equal(word, "by") || word_equal(word, "without"))
        at = space_end(l, end);
    return at < l->source.len && l->source.at[at] == '(';
}

static enum tsdb_status read_word(struct logql_lexer *l, struct logql_token *out)
{
    l->at = word_end(l, l->at);
    const struct keyword *k =
        keyword_find((struct tsdb_text){l->source.at + l->start, l->at - l->start});
    if (k && k->is_function && !is_call(l))
        k = NULL;
    (void)emit(l, out, k ? (enum logql_token_kind)k->kind : LOGQL_IDENTIFIER, k ? k->code : 0);
    out->is_word = true;
    return TSDB_OK;
}

/* ---- the next token -------------------------------------------------------------- */

static enum tsdb_status read_symbol(struct logql_lexer *l, struct logql_token *out,
                                    struct tsdb_error *err)
{
    struct tsdb_text rest = rest_of(l, l->at);
    uint32_t width;
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        if (!starts_with(rest, symbols[i].text))
            continue;
        l->at += (uint32_t)strlen(symbols[i].text);
        return emit(l, out, (enum logql_token_kind)symbols[i].kind, symbols[i].code);
    }
    uint32_t rune = rune_at(l->source, l->at, &width);
    return fault_at(err, l->source, l->start, "syntax error: unexpected character %s",
                    quoted_rune(rune).at);
}

/* A flag or a duration's sign; false: a minus. */
static bool read_dash(struct logql_lexer *l, struct logql_token *out)
{
    static const char *const flags[] = {"--strict", "--keep-empty"};
    for (size_t i = 0; i < 2; i++) {
        uint32_t len = (uint32_t)strlen(flags[i]);
        if (!starts_with(rest_of(l, l->at), flags[i]))
            continue;
        uint32_t next = l->at + len;
        if (next < l->source.len &&
            (is_letter((unsigned char)l->source.at[next]) || l->source.at[next] == '-'))
            continue;
        l->at = next;
        (void)emit(l, out, LOGQL_FLAG, (uint8_t)i);
        return true;
    }
    return read_unit(l, 1, out);
}

enum tsdb_status logql_lexer_next(struct logql_lexer *l, struct logql_token *out,
                                  struct tsdb_error *err)
{
    l->at = l->start = space_end(l, l->at);
    uint32_t c = peek(l);
    if (c == END_OF_INPUT)
        return emit(l, out, LOGQL_EOF, 0);
    bool is_fraction =
        c == '.' && l->at + 1 < l->source.len && is_digit((unsigned char)l->source.at[l->at + 1]);
    if (is_digit(c) || is_fraction)
        return read_number(l, out);
    if (is_letter(c))
        return read_word(l, out);
    if (c == '"' || c == '`')
        return read_string(l, out, err);
    if (c == '[')
        return read_span(l, out, err);
    if (c == '-' && read_dash(l, out))
        return TSDB_OK;
    return read_symbol(l, out, err);
}

/* ---- names of tokens ------------------------------------------------------------- */

static struct quoted shouted(const char *name)
{
    struct quoted q;
    size_t i = 0;
    for (; name[i]; i++)
        q.at[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] & ~0x20 : name[i]);
    q.at[i] = '\0';
    return q;
}

struct quoted logql_token_name(const struct logql_token *t)
{
    static const char *const names[] = {
        [LOGQL_EOF] = "$end",      [LOGQL_IDENTIFIER] = "IDENTIFIER", [LOGQL_STRING] = "STRING",
        [LOGQL_NUMBER] = "NUMBER", [LOGQL_DURATION] = "DURATION",     [LOGQL_BYTES] = "BYTES",
        [LOGQL_SPAN] = "RANGE",    [LOGQL_FLAG] = "FUNCTION_FLAG",
    };
    struct quoted q;
    if (t->kind <= LOGQL_FLAG) {
        (void)snprintf(q.at, sizeof q.at, "%s", names[t->kind]);
        return q;
    }
    const struct keyword *k = keyword_find(t->text);
    if (k && k->is_function && k->kind != LOGQL_IP && k->kind != LOGQL_LABEL_REPLACE)
        return shouted(k->name);
    (void)snprintf(q.at, sizeof q.at, "%.*s", (int)(t->text.len < 40 ? t->text.len : 40),
                   t->text.at);
    return q;
}
