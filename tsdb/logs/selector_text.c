#include "tsdb/logs/selector_text.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/store/select.h"

#include <string.h>

struct parser {
    const char *begin, *at, *end;
    char *out; /* where the next decoded byte goes: never more than were read */
};

static void skip_blanks(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
}

static bool take(struct parser *p, char c)
{
    skip_blanks(p);
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool take_name(struct parser *p, struct tsdb_text *out)
{
    skip_blanks(p);
    *out = (struct tsdb_text){p->out, 0};
    while (p->at < p->end &&
           (is_letter(*p->at) || (out->len > 0 && *p->at >= '0' && *p->at <= '9'))) {
        *p->out++ = *p->at++;
        out->len++;
    }
    return out->len > 0;
}

static bool take_kind(struct parser *p, enum matcher_kind *out)
{
    skip_blanks(p);
    if (p->end - p->at < 2)
        return false;
    char first = p->at[0], second = p->at[1];
    if (first == '=')
        *out = second == '~' ? MATCH_RE : MATCH_EQ;
    else if (first == '!' && (second == '=' || second == '~'))
        *out = second == '~' ? MATCH_NRE : MATCH_NE;
    else
        return false;
    p->at += *out == MATCH_EQ ? 1 : 2;
    return true;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

static bool take_digits(struct parser *p, int n, int base, uint32_t *out)
{
    uint32_t v = 0;
    for (int i = 0; i < n; i++) {
        int digit = p->at < p->end ? digit_of(*p->at) : 16;
        if (digit >= base)
            return false;
        v = v * (uint32_t)base + (uint32_t)digit;
        p->at++;
    }
    *out = v;
    return true;
}

static bool put_rune(struct parser *p, uint32_t rune)
{
    if (rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
        return false;
    if (rune < 0x80) {
        *p->out++ = (char)rune;
        return true;
    }
    int more = rune < 0x800 ? 1 : rune < 0x10000 ? 2 : 3;
    static const uint8_t marks[] = {0, 0xc0, 0xe0, 0xf0};
    *p->out++ = (char)(marks[more] | rune >> 6 * more);
    while (more-- > 0)
        *p->out++ = (char)(0x80 | (rune >> 6 * more & 0x3f));
    return true;
}

/* What follows a backslash. */
static bool take_escape(struct parser *p)
{
    static const char letters[] = "abfnrtv\\\"'", bytes[] = "\a\b\f\n\r\t\v\\\"'";
    if (p->at == p->end)
        return false;
    char c = *p->at;
    const char *found = c ? strchr(letters, c) : NULL;
    uint32_t v;
    if (found) {
        p->at++;
        *p->out++ = bytes[found - letters];
        return true;
    }
    if (c >= '0' && c <= '7') {
        if (!take_digits(p, 3, 8, &v) || v > 255)
            return false;
        *p->out++ = (char)v;
        return true;
    }
    p->at++;
    if (c == 'x') {
        if (!take_digits(p, 2, 16, &v))
            return false;
        *p->out++ = (char)v;
        return true;
    }
    if (c == 'u')
        return take_digits(p, 4, 16, &v) && put_rune(p, v);
    return c == 'U' && take_digits(p, 8, 16, &v) && put_rune(p, v);
}

static bool take_string(struct parser *p, struct tsdb_text *out)
{
    skip_blanks(p);
    if (p->at == p->end || (*p->at != '"' && *p->at != '`'))
        return false;
    char quote = *p->at++;
    char *begin = p->out;
    while (p->at < p->end && *p->at != quote) {
        char c = *p->at++;
        if (c == '\\' && quote == '"') {
            if (!take_escape(p))
                return false;
        } else if (c == '\n' && quote == '"') {
            return false;
        } else {
            *p->out++ = c;
        }
    }
    if (p->at == p->end)
        return false;
    p->at++;
    *out = (struct tsdb_text){begin, (size_t)(p->out - begin)};
    return true;
}

static enum tsdb_status fail(const struct parser *p, struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_EINVAL, "selector '%.*s': not as expected at byte %zu",
                     (int)(p->end - p->begin > 200 ? 200 : p->end - p->begin), p->begin,
                     (size_t)(p->at - p->begin));
}

static enum tsdb_status parse_matcher(struct parser *p, struct selector *out,
                                      struct tsdb_error *err)
{
    struct tsdb_text name, value;
    enum matcher_kind kind;
    if (out->count == SELECT_MATCHERS_MAX || !take_name(p, &name) || !take_kind(p, &kind) ||
        !take_string(p, &value))
        return fail(p, err);
    out->matchers = mem_grow(out->matchers, (size_t)out->count + 1, sizeof *out->matchers);
    enum tsdb_status st = matcher_init(&out->matchers[out->count], kind, name, value, err);
    out->count += st == TSDB_OK;
    return st;
}

static enum tsdb_status parse(struct parser *p, struct selector *out, struct tsdb_error *err)
{
    if (!take(p, '{'))
        return fail(p, err);
    while (!take(p, '}')) {
        if (out->count > 0 && !take(p, ','))
            return fail(p, err);
        if (out->count > 0 && take(p, '}'))
            break;
        enum tsdb_status st = parse_matcher(p, out, err);
        if (st != TSDB_OK)
            return st;
    }
    skip_blanks(p);
    return p->at == p->end ? TSDB_OK : fail(p, err);
}

enum tsdb_status selector_parse(struct tsdb_text in, struct selector *out, struct tsdb_error *err)
{
    *out = (struct selector){.text = mem_alloc(in.len + 1)};
    struct parser p = {in.at, in.at, in.at + in.len, out->text};
    enum tsdb_status st = parse(&p, out, err);
    if (st != TSDB_OK)
        selector_release(out);
    return st;
}

void selector_release(struct selector *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        matcher_release(&s->matchers[i]);
    mem_free(s->matchers);
    mem_free(s->text);
    *s = (struct selector){0};
}
