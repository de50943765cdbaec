#include "tsdb/logql/stage_logfmt.h"

#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/logql/escape.h"

/* ---- paths ---------------------------------------------------------------------- */

/* A key, bare or in quotes. */
static bool key_of(struct tsdb_text path, struct tsdb_text *key)
{
    while (path.len > 0 && path.at[0] == ' ') {
        path.at++;
        path.len--;
    }
    while (path.len > 0 && path.at[path.len - 1] == ' ')
        path.len--;
    if (path.len >= 2 && path.at[0] == '"' && path.at[path.len - 1] == '"') {
        *key = (struct tsdb_text){path.at + 1, path.len - 2};
        return memchr(key->at, '"', key->len) == NULL;
    }
    *key = path;
    for (size_t i = 0; i < path.len; i++) {
        char c = path.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return path.len > 0;
}

enum tsdb_status stage_logfmt_compile(struct compiler *c, const struct stage *s,
                                      struct logfmt_stage *out)
{
    *out = (struct logfmt_stage){.is_strict = s->is_strict, .keeps_empty = s->keeps_empty};
    if (s->count == 0)
        return TSDB_OK;
    struct stage_extract *extracts = COMPILER_ARRAY(c, struct stage_extract, s->count);
    if (!extracts)
        return TSDB_ELIMIT;
    for (uint32_t i = 0; i < s->count; i++) {
        struct tsdb_text path = s->extracts[i].path;
        extracts[i].label = s->extracts[i].label;
        if (!key_of(path, &extracts[i].path))
            return tsdb_fail(c->err, TSDB_EINVAL, "cannot parse expression [%.*s]: syntax error",
                             path.len < 128 ? (int)path.len : 128, path.at);
    }
    out->extracts = extracts;
    out->count = s->count;
    return TSDB_OK;
}

/* ---- reading -------------------------------------------------------------------- */

struct logfmt_reader {
    const char *begin, *at, *end;
    struct tsdb_text key, value; /* of the pair last read; value unescaped, not yet clean */
    bool has_high;               /* the value, a byte above 0x7f */
    const char *fault_at;        /* the last fault; NULL: none */
    char unexpected;             /* it is this byte, else `why` */
    const char *why;
};

static bool unexpected(struct logfmt_reader *r)
{
    r->fault_at = r->at;
    r->unexpected = *r->at;
    while (r->at < r->end && (unsigned char)*r->at > ' ')
        r->at++;
    return false;
}

static bool fault(struct logfmt_reader *r, const char *why)
{
    r->fault_at = r->at;
    r->why = why;
    r->unexpected = '\0';
    return false;
}

/* At the opening quote. */
static bool read_quoted(struct logfmt_reader *r, struct pass *p)
{
    struct quoted_span span;
    if (!quoted_span_read(r->at + 1, r->end, &span)) {
        r->at = r->end;
        return fault(r, "unterminated quoted value");
    }
    r->at = span.raw.at + span.raw.len + 1;
    r->value = span.raw;
    r->has_high = span.has_high || span.has_escape;
    if (!span.has_escape)
        return true;
    char *out = pass_bytes(p, span.raw.len);
    size_t n = out ? escape_read(span.raw, ESCAPE_LOGFMT, out) : SIZE_MAX;
    if (n == SIZE_MAX)
        return fault(r, "invalid quoted value");
    r->value = (struct tsdb_text){out, n};
    return true;
}

/* Behind the equals sign. */
static bool read_value(struct logfmt_reader *r, struct pass *p)
{
    unsigned char high = 0;
    if (r->at < r->end && *r->at == '"')
        return read_quoted(r, p);
    const char *from = r->at;
    for (; r->at < r->end && (unsigned char)*r->at > ' '; r->at++) {
        if (*r->at == '=' || *r->at == '"')
            return unexpected(r);
        high |= (unsigned char)*r->at;
    }
    r->value = (struct tsdb_text){from, (size_t)(r->at - from)};
    r->has_high = high >= 0x80;
    return true;
}

/* True: a pair, or a bare key; false: there is none, or a fault. */
static bool read_pair(struct logfmt_reader *r, struct pass *p)
{
    unsigned char high = 0;
    r->value = (struct tsdb_text){"", 0};
    r->has_high = false;
    while (r->at < r->end && (unsigned char)*r->at <= ' ')
        r->at++;
    if (r->at == r->end)
        return false;
    const char *from = r->at;
    for (; r->at < r->end && (unsigned char)*r->at > ' ' && *r->at != '='; r->at++) {
        if (*r->at == '"')
            return unexpected(r);
        high |= (unsigned char)*r->at;
    }
    r->key = (struct tsdb_text){from, (size_t)(r->at - from)};
    bool has_value = r->at < r->end && *r->at == '=';
    if (r->key.len == 0)
        return unexpected(r);
    if (high >= 0x80 && !utf8_check(r->key.at, r->key.len)) {
        (void)fault(r, "invalid key");
        while (has_value && r->at < r->end && (unsigned char)*r->at > ' ')
            r->at++;
        return false;
    }
    if (!has_value)
        return true;
    r->at++;
    return read_value(r, p);
}

/* ---- labels --------------------------------------------------------------------- */

static void put_any(const struct logfmt_stage *s, struct logfmt_reader *r, struct pass *p)
{
    struct label_claim claim;
    struct tsdb_text name = pass_label_name(p, r->key);
    if ((r->value.len == 0 && !s->keeps_empty) || name.len == 0 || !pass_claim(p, name, &claim))
        return;
    struct tsdb_text value = r->has_high ? pass_clean_text(p, r->value) : r->value;
    pass_put_fresh(p, &claim, value);
}

/* The extract that a key answers: by what it asks for, then by its own label. */
static const struct stage_extract *extract_of(const struct logfmt_stage *s, struct tsdb_text key)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (text_equal(s->extracts[i].path, key))
            return &s->extracts[i];
    for (uint32_t i = 0; i < s->count; i++)
        if (text_equal(s->extracts[i].label, key))
            return &s->extracts[i];
    return NULL;
}

static void put_asked(const struct logfmt_stage *s, struct logfmt_reader *r, struct pass *p)
{
    struct label_claim claim;
    const struct stage_extract *e = extract_of(s, pass_label_name(p, r->key));
    if (!e || !pass_claim_any(p, e->label, &claim))
        return;
    struct tsdb_text value = r->value;
    if (r->has_high && pass_clean_text(p, value).at != value.at)
        value.len = 0; /* as Loki: what is not UTF-8 is no value here */
    pass_put(p, &claim, value);
}

/* Every label that is asked for is there, if only as an empty one. */
static void put_empties(const struct logfmt_stage *s, struct pass *p)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct tsdb_text label = s->extracts[i].label;
        struct label_claim claim;
        if (pass_claim_any(p, label, &claim) && claim.name.at == label.at)
            pass_put(p, &claim, (struct tsdb_text){"", 0});
    }
}

static void fail_pass(const struct logfmt_reader *r, struct pass *p)
{
    size_t position = (size_t)(r->fault_at - r->begin) + 1;
    if (r->unexpected)
        pass_fail(p, "LogfmtParserErr", "logfmt syntax error at pos %zu : unexpected '%c'",
                  position, r->unexpected);
    else
        pass_fail(p, "LogfmtParserErr", "logfmt syntax error at pos %zu : %s", position, r->why);
}

void stage_logfmt_run(const struct logfmt_stage *s, struct pass *p)
{
    struct logfmt_reader r = {
        .begin = p->line.at, .at = p->line.at, .end = p->line.at + p->line.len};
    if (pass_is_served(p))
        return;
    if (s->extracts)
        put_empties(s, p);
    while (r.at < r.end) {
        bool is_pair = read_pair(&r, p);
        if (!is_pair && s->is_strict)
            break;
        if (!is_pair)
            continue;
        if (s->extracts)
            put_asked(s, &r, p);
        else
            put_any(s, &r, p);
        if (!s->extracts && pass_is_served(p))
            break;
    }
    if (s->is_strict && r.fault_at)
        fail_pass(&r, p);
}
