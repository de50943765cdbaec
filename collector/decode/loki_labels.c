#include "collector/decode/loki_labels.h"

#include "collector/decode/log_fields.h"

struct scan {
    const char *at, *end;
    struct arena *arena;
};

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_part(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9');
}

static void skip_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

/* The next character that is no blank, when it is c. */
static bool take(struct scan *s, char c)
{
    skip_blanks(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static struct tsdb_text take_name(struct scan *s)
{
    skip_blanks(s);
    const char *begin = s->at;
    if (s->at < s->end && is_name_start(*s->at))
        while (s->at < s->end && is_name_part(*s->at))
            s->at++;
    return (struct tsdb_text){begin, (size_t)(s->at - begin)};
}

static int digit_of(char c, int base)
{
    int v = c >= '0' && c <= '9'                 ? c - '0'
            : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                 : 99;
    return v < base ? v : -1;
}

/* `count` digits; false when there are fewer. */
static bool take_digits(struct scan *s, int count, int base, uint32_t *out)
{
    uint32_t v = 0;
    for (; count > 0; count--) {
        int digit = s->at < s->end ? digit_of(*s->at, base) : -1;
        if (digit < 0)
            return false;
        v = v * (uint32_t)base + (uint32_t)digit;
        s->at++;
    }
    *out = v;
    return true;
}

static size_t put_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint32_t lead[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[more] | c >> (6 * more));
    for (size_t i = 1; i <= more; i++)
        out[i] = (char)(0x80 | (c >> (6 * (more - i)) & 63));
    return more + 1;
}

/* What follows a backslash, as at most four bytes. */
static bool take_escape(struct scan *s, char *out, size_t *n)
{
    static const char from[] = "abfnrtv\\\"'", to[] = "\a\b\f\n\r\t\v\\\"'";
    uint32_t v = 0;
    if (s->at == s->end)
        return false;
    char c = *s->at++;
    const char *simple = c ? strchr(from, c) : NULL;
    if (simple) {
        out[(*n)++] = to[simple - from];
        return true;
    }
    if (c == 'x' || (c >= '0' && c <= '7')) {
        s->at -= c != 'x';
        if (!take_digits(s, c == 'x' ? 2 : 3, c == 'x' ? 16 : 8, &v) || v > 255)
            return false;
        out[(*n)++] = (char)v;
        return true;
    }
    if ((c != 'u' && c != 'U') || !take_digits(s, c == 'u' ? 4 : 8, 16, &v) || v > 0x10ffff ||
        (v >= 0xd800 && v <= 0xdfff))
        return false;
    *n += put_utf8(v, out + *n);
    return true;
}

static enum tsdb_status take_quoted(struct scan *s, struct tsdb_text *out)
{
    const char *begin = s->at;
    while (s->at < s->end && *s->at != '"' && *s->at != '\\' && *s->at != '\n')
        s->at++;
    if (s->at < s->end && *s->at == '"') { /* nearly always */
        *out = (struct tsdb_text){begin, (size_t)(s->at++ - begin)};
        return TSDB_OK;
    }
    /* an escape is never shorter than what it stands for */
    char *at = ARENA_ARRAY(s->arena, char, (size_t)(s->end - begin));
    size_t n = (size_t)(s->at - begin);
    if (!at)
        return TSDB_ELIMIT;
    memcpy(at, begin, n);
    while (s->at < s->end && *s->at != '"' && *s->at != '\n') {
        char c = *s->at++;
        if (c != '\\')
            at[n++] = c;
        else if (!take_escape(s, at, &n))
            return TSDB_EINVAL;
    }
    *out = (struct tsdb_text){at, n};
    return s->at < s->end && *s->at++ == '"' ? TSDB_OK : TSDB_EINVAL;
}

static enum tsdb_status take_value(struct scan *s, struct tsdb_text *out)
{
    if (take(s, '"'))
        return take_quoted(s, out);
    if (!take(s, '`'))
        return TSDB_EINVAL;
    const char *begin = s->at;
    while (s->at < s->end && *s->at != '`')
        s->at++;
    *out = (struct tsdb_text){begin, (size_t)(s->at - begin)};
    return s->at < s->end && *s->at++ == '`' ? TSDB_OK : TSDB_EINVAL;
}

static enum tsdb_status take_pair(struct scan *s, struct tsdb_label *out)
{
    out->name = take_name(s);
    if (out->name.len == 0 || !take(s, '='))
        return TSDB_EINVAL;
    enum tsdb_status st = take_value(s, &out->value);
    if (st == TSDB_OK && !log_fields_is_utf8(out->value))
        st = TSDB_EINVAL;
    return st;
}

enum tsdb_status loki_labels_parse(struct tsdb_text text, struct arena *arena,
                                   struct tsdb_labels *out)
{
    struct scan s = {text.at, text.at + text.len, arena};
    struct tsdb_label found[DECODE_LABELS_MAX];
    uint32_t count = 0;
    if (!take(&s, '{'))
        return TSDB_EINVAL;
    while (!take(&s, '}')) {
        if (count == DECODE_LABELS_MAX)
            return TSDB_EINVAL;
        enum tsdb_status st = take_pair(&s, &found[count]);
        if (st != TSDB_OK)
            return st;
        count++;
        skip_blanks(&s);
        if (!take(&s, ',') && (s.at == s.end || *s.at != '}'))
            return TSDB_EINVAL;
    }
    skip_blanks(&s);
    if (s.at != s.end)
        return TSDB_EINVAL;
    struct tsdb_label *at = ARENA_ARRAY(arena, struct tsdb_label, count);
    if (!at)
        return TSDB_ELIMIT;
    if (count > 0)
        memcpy(at, found, count * sizeof *at);
    *out = (struct tsdb_labels){at, count};
    return TSDB_OK;
}
