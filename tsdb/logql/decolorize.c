#include "tsdb/logql/decolorize.h"

enum { STRING_MAX = 4096 }; /* bytes looked through for a string's end */

static bool is_between(const char *at, const char *end, unsigned low, unsigned high)
{
    return at < end && (unsigned char)*at >= low && (unsigned char)*at <= high;
}

/* Behind the introducer; NULL: it does not end. */
static const char *sequence_end(const char *at, const char *end)
{
    while (is_between(at, end, 0x30, 0x3f))
        at++;
    while (is_between(at, end, 0x20, 0x2f))
        at++;
    return is_between(at, end, 0x40, 0x7e) ? at + 1 : NULL;
}

static const char *string_end(const char *at, const char *end)
{
    const char *last = end - at > STRING_MAX ? at + STRING_MAX : end;
    for (; at < last; at++) {
        if (*at == '\a')
            return at + 1;
        if (*at == '\033' && at + 1 < end && at[1] == '\\')
            return at + 2;
    }
    return NULL;
}

/* Where the escape at `at` ends; NULL: there is none. */
static const char *escape_end(const char *at, const char *end)
{
    if (end - at < 2)
        return NULL;
    if ((unsigned char)at[0] == 0xc2)
        return (unsigned char)at[1] == 0x9b ? sequence_end(at + 2, end) : NULL;
    char kind = at[1];
    if (kind == '[')
        return sequence_end(at + 2, end);
    if (kind == ']' || kind == 'P' || kind == 'X' || kind == '^' || kind == '_')
        return string_end(at + 2, end);
    const char *next = at + 1;
    while (is_between(next, end, 0x20, 0x2f))
        next++;
    return is_between(next, end, 0x30, 0x7e) ? next + 1 : NULL;
}

static const char *start_find(const char *at, const char *end)
{
    while (at < end && *at != '\033' && (unsigned char)*at != 0xc2)
        at++;
    return at;
}

void decolorize_run(struct pass *p)
{
    const char *at = p->line.at, *end = at + p->line.len;
    const char *start = start_find(at, end);
    if (start == end)
        return;
    char *out = pass_bytes(p, p->line.len);
    size_t n = 0;
    if (!out)
        return;
    while (at < end) {
        memcpy(out + n, at, (size_t)(start - at));
        n += (size_t)(start - at);
        at = start;
        if (at == end)
            break;
        const char *behind = escape_end(at, end);
        if (!behind) {
            out[n++] = *at;
            behind = at + 1;
        }
        at = behind;
        start = start_find(at, end);
    }
    p->line = (struct tsdb_text){out, n};
}
