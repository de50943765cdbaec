#include "tsdb/query/quote.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <stdio.h>

uint32_t rune_at(struct tsdb_text t, size_t at, uint32_t *width)
{
    static const unsigned char masks[] = {0, 0, 0x1f, 0x0f, 0x07};
    unsigned char first = (unsigned char)t.at[at];
    *width = 1;
    if (first < 0x80)
        return first;
    uint32_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (n > t.len - at || !utf8_check(t.at + at, n))
        return RUNE_ERROR;
    uint32_t rune = first & masks[n];
    for (uint32_t i = 1; i < n; i++)
        rune = rune << 6 | ((unsigned char)t.at[at + i] & 0x3f);
    *width = n;
    return rune;
}

/* Ascending; of the Unicode categories Cc, Cf, Zs, Zl, Zp and Co. */
static const struct {
    uint32_t first, last;
} unprintable[] = {
    {0x7f, 0xa0},     {0xad, 0xad},       {0x600, 0x605},      {0x61c, 0x61c},   {0x6dd, 0x6dd},
    {0x70f, 0x70f},   {0x1680, 0x1680},   {0x180e, 0x180e},    {0x2000, 0x200f}, {0x2028, 0x202f},
    {0x205f, 0x206f}, {0x3000, 0x3000},   {0xe000, 0xf8ff},    {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
    {0xfffe, 0xffff}, {0x1fffe, 0x1ffff}, {0xe0000, 0x10ffff},
};

static bool rune_is_printable(uint32_t rune)
{
    if (rune < 0x7f)
        return rune >= ' ';
    for (size_t i = 0; i < sizeof unprintable / sizeof unprintable[0]; i++)
        if (rune <= unprintable[i].last)
            return rune < unprintable[i].first;
    return true;
}

/* The printed form of one code point (or stray byte) at `at`; returns its length. */
static size_t rune_quote(struct tsdb_text t, size_t at, uint32_t *width, char quote, char out[12])
{
    static const char names[] = "abtnvfr"; /* of 7..13 */
    uint32_t rune = rune_at(t, at, width);
    if (rune == RUNE_ERROR && *width == 1)
        return (size_t)snprintf(out, 12, "\\x%02x", (unsigned char)t.at[at]);
    if (rune == (unsigned char)quote || rune == '\\' || (rune >= 7 && rune <= 13)) {
        out[0] = '\\';
        out[1] = (char)(rune <= 13 ? names[rune - 7] : (int)rune);
        return 2;
    }
    if (rune_is_printable(rune)) {
        memcpy(out, t.at + at, *width);
        return *width;
    }
    if (rune < ' ' || rune == 0x7f)
        return (size_t)snprintf(out, 12, "\\x%02x", rune);
    return (size_t)snprintf(out, 12, rune <= 0xffff ? "\\u%04x" : "\\U%08x", rune);
}

void quote_put(struct writer *out, struct tsdb_text t)
{
    char form[12];
    uint32_t width;
    writer_u8(out, '"');
    for (size_t at = 0; at < t.len; at += width)
        writer_put(out, form, rune_quote(t, at, &width, '"', form));
    writer_u8(out, '"');
}

struct quoted quoted_text(struct tsdb_text t, size_t most)
{
    struct quoted q;
    char form[12];
    uint32_t width;
    size_t n = 0;
    q.at[n++] = '"';
    for (size_t at = 0, count = 0; at < t.len && count < most; at += width, count++) {
        size_t len = rune_quote(t, at, &width, '"', form);
        if (len > sizeof q.at - 2 - n)
            break;
        memcpy(q.at + n, form, len);
        n += len;
    }
    q.at[n++] = '"';
    q.at[n] = '\0';
    return q;
}

/* UTF-8 of a code point; returns its length. */
static size_t rune_encode(uint32_t rune, char out[4])
{
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    size_t n = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (rune & 0x3f));
        rune >>= 6;
    }
    out[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | rune);
    return n;
}

struct quoted quoted_rune(uint32_t rune)
{
    struct quoted q;
    char bytes[4], form[12];
    uint32_t width;
    struct tsdb_text t = {bytes, rune_encode(rune, bytes)};
    size_t n = rune_quote(t, 0, &width, '\'', form);
    q.at[0] = '\'';
    memcpy(q.at + 1, form, n);
    q.at[n + 1] = '\'';
    q.at[n + 2] = '\0';
    return q;
}

static uint32_t digit_of(char c)
{
    return c <= '9' ? (uint32_t)(c - '0') : (uint32_t)((c | 0x20) - 'a' + 10);
}

/* The escape after the backslash at t.at[*at - 1]; returns the bytes written. */
static size_t escape_read(struct tsdb_text t, size_t *at, char *out)
{
    static const char names[] = "abtnvfr";
    char c = t.at[(*at)++];
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t base = 16, value = 0;
    if (c >= '0' && c <= '7') {
        digits = 3;
        base = 8;
        (*at)--;
    }
    if (digits == 0) {
        const char *name = strchr(names, c);
        *out = (char)(name ? 7 + (name - names) : c);
        return 1;
    }
    ASSERT(digits < t.len - *at);
    for (size_t i = 0; i < digits; i++)
        value = value * base + digit_of(t.at[(*at)++]);
    if (c == 'u' || c == 'U')
        return rune_encode(value, out);
    *out = (char)value;
    return 1;
}

size_t quote_read(struct tsdb_text t, char *out)
{
    ASSERT(t.len >= 2 && t.at[0] == t.at[t.len - 1]);
    bool is_raw = t.at[0] == '`';
    size_t n = 0, at = 1;
    while (at < t.len - 1) {
        char c = t.at[at++];
        if (c == '\\' && !is_raw)
            n += escape_read(t, &at, out + n);
        else
            out[n++] = c;
    }
    return n;
}

bool name_is_plain(struct tsdb_text name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_letter = c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.len > 0;
}

void name_put(struct writer *out, struct tsdb_text name)
{
    if (name_is_plain(name))
        writer_put(out, name.at, name.len);
    else
        quote_put(out, name);
}
