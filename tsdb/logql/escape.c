#include "tsdb/logql/escape.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The first quote or backslash; *high gathers whether a byte before it is above 0x7f. */
static const char *special_find(const char *at, const char *end, bool *high)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    while (end - at >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i_u *)(const void *)at);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
        unsigned mask = (unsigned)_mm_movemask_epi8(hit), above = (unsigned)_mm_movemask_epi8(v);
        if (mask) {
            unsigned n = (unsigned)__builtin_ctz(mask);
            *high |= (above & ((1u << n) - 1)) != 0;
            return at + n;
        }
        *high |= above != 0;
        at += 16;
    }
#endif
    for (; at < end && *at != '"' && *at != '\\'; at++)
        *high |= (unsigned char)*at >= 0x80;
    return at;
}

/* The fields are written one by one: a copy of a struct just written stalls. */
bool quoted_span_read(const char *at, const char *end, struct quoted_span *out)
{
    const char *from = at;
    bool has_high = false, has_escape = false;
    for (;;) {
        at = special_find(at, end, &has_high);
        if (at == end)
            return false;
        if (*at == '"')
            break;
        has_escape = true;
        if (end - at < 2)
            return false;
        has_high |= (unsigned char)at[1] >= 0x80;
        at += 2;
    }
    out->raw.at = from;
    out->raw.len = (size_t)(at - from);
    out->has_escape = has_escape;
    out->has_high = has_high;
    return true;
}

/* Four hexadecimal digits behind "\u"; false: there are none. */
static bool code_unit(const char *at, const char *end, uint32_t *unit)
{
    uint32_t v = 0;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return false;
    for (int i = 2; i < 6; i++) {
        char c = at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return false;
        v = v << 4 | digit;
    }
    *unit = v;
    return true;
}

static size_t utf8_put(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* "\uXXXX", or two of them; bytes of the source, 0: a fault. */
static size_t unicode_read(const char *at, const char *end, enum escape_form form, uint32_t *c)
{
    uint32_t low;
    if (!code_unit(at, end, c))
        return 0;
    if (*c < 0xd800 || *c > 0xdfff)
        return 6;
    if (*c < 0xdc00 && code_unit(at + 6, end, &low) && low >= 0xdc00 && low <= 0xdfff) {
        *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
        return 12;
    }
    *c = 0xfffd;
    return form == ESCAPE_LOGFMT ? 6 : 0;
}

/* The byte that a one-letter escape stands for; 0: none. */
static char letter_of(char c, enum escape_form form)
{
    switch (c) {
    case '"':
    case '\\':
    case '/': return c;
    case '\'': return form == ESCAPE_LOGFMT ? c : '\0';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return '\0';
    }
}

size_t escape_read(struct tsdb_text raw, enum escape_form form, char *out)
{
    const char *at = raw.at, *end = raw.at + raw.len;
    size_t n = 0;
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((slash ? slash : end) - at);
        memcpy(out + n, at, plain);
        n += plain;
        at += plain;
        if (!slash)
            break;
        if (end - at < 2)
            return SIZE_MAX;
        uint32_t c = 0;
        size_t taken = at[1] == 'u' ? unicode_read(at, end, form, &c) : 2;
        if (at[1] != 'u')
            c = (unsigned char)letter_of(at[1], form);
        if (taken == 0 || (taken == 2 && c == 0))
            return SIZE_MAX;
        n += utf8_put(c, out + n);
        at += taken;
    }
    return n;
}
