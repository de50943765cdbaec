#include "tsdb/base/text.h"

#include "tsdb/base/digits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool text_equal(struct tsdb_text a, struct tsdb_text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

int text_compare(struct tsdb_text a, struct tsdb_text b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.at, b.at, n) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

/* Length of the well-formed sequence at p, or 0. */
static size_t utf8_sequence(const unsigned char *p, size_t len)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t n;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;
    } else if ((p[0] & 0xf0) == 0xe0) {
        n = 3;
        low = p[0] == 0xe0 ? 0xa0 : 0x80;
        high = p[0] == 0xed ? 0x9f : 0xbf;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        low = p[0] == 0xf0 ? 0x90 : 0x80;
        high = p[0] == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (len < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool utf8_check(const char *at, size_t len)
{
    const unsigned char *p = (const unsigned char *)at;
    size_t i = 0;
    while (i < len) {
        if (len - i >= 8) { /* eight ASCII bytes at once: nearly all labels */
            uint64_t word;
            memcpy(&word, p + i, sizeof word);
            if ((word & 0x8080808080808080u) == 0) {
                i += 8;
                continue;
            }
        }
        if (p[i] < 0x80) {
            i++;
            continue;
        }
        size_t n = utf8_sequence(p + i, len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

size_t i64_format(int64_t v, char out[24])
{
    char digits[24];
    size_t n = 0;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        digits[n++] = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    size_t len = 0;
    if (v < 0)
        out[len++] = '-';
    while (n > 0)
        out[len++] = digits[--n];
    return len;
}

static size_t special_format(double v, char *out)
{
    const char *text = isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf";
    size_t n = strlen(text);
    memcpy(out, text, n);
    return n;
}

/* Up to three decimals, which is what people measure: printed from the integer over a
 * power of ten, at a third of what digits_shortest takes. */
static size_t decimal_format(double v, char *out)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3};
    double magnitude = fabs(v);
    if (magnitude >= 1e9)
        return 0;
    for (size_t e = 1; e < sizeof powers / sizeof powers[0]; e++) {
        int64_t whole = (int64_t)(magnitude * powers[e] + 0.5);
        if ((double)whole / powers[e] != magnitude)
            continue;
        char digits[24];
        size_t n = i64_format(whole, digits), len = 0;
        if (signbit(v))
            out[len++] = '-';
        for (size_t pad = n; pad <= e; pad++) { /* "0.05": zeros before the digits */
            out[len++] = '0';
            if (pad == n)
                out[len++] = '.';
        }
        for (size_t i = 0; i < n; i++) {
            if (i > 0 && n - i == e)
                out[len++] = '.';
            out[len++] = digits[i];
        }
        return len;
    }
    return 0;
}

static size_t integer_format(double v, char *out)
{
    if (fabs(v) >= 0x1p53 || v != floor(v))
        return 0;
    size_t len = 0;
    if (signbit(v))
        out[len++] = '-';
    return len + i64_format((int64_t)fabs(v), out + len);
}

size_t double_format(double v, char out[DOUBLE_TEXT_MAX])
{
    if (!isfinite(v))
        return special_format(v, out);
    size_t len = integer_format(v, out);
    if (len == 0)
        len = decimal_format(v, out);
    if (len > 0)
        return len;
    char digits[DIGITS_MAX];
    int exponent;
    size_t n = digits_shortest(fabs(v), digits, &exponent);
    if (signbit(v))
        out[len++] = '-';
    if (exponent <= 0) {
        out[len++] = '0';
        out[len++] = '.';
        memset(out + len, '0', (size_t)-exponent);
        len += (size_t)-exponent;
        memcpy(out + len, digits, n);
        return len + n;
    }
    for (size_t i = 0; i < n || i < (size_t)exponent; i++) {
        if (i == (size_t)exponent)
            out[len++] = '.';
        out[len++] = i < n ? digits[i] : '0';
    }
    return len;
}

size_t double_format_g(double v, char out[DOUBLE_TEXT_MAX])
{
    if (!isfinite(v) || v == 0 || (fabs(v) >= 1e-4 && fabs(v) < 1e21))
        return double_format(v, out);
    char digits[DIGITS_MAX];
    int exponent;
    size_t n = digits_shortest(fabs(v), digits, &exponent), len = 0;
    if (signbit(v))
        out[len++] = '-';
    out[len++] = digits[0];
    if (n > 1) {
        out[len++] = '.';
        memcpy(out + len, digits + 1, n - 1);
        len += n - 1;
    }
    int shown = exponent - 1;
    return len + (size_t)snprintf(out + len, 8, "e%c%02d", shown < 0 ? '-' : '+', abs(shown));
}

bool double_parse(struct tsdb_text text, double *out)
{
    char copy[64];
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (strlen(copy) != text.len || copy[0] == ' ' || (copy[0] >= '\t' && copy[0] <= '\r'))
        return false;
    char *end;
    double v = strtod(copy, &end);
    if (*end != '\0')
        return false;
    *out = v;
    return true;
}

/* ---- bytes as text ------------------------------------------------------------------- */

const char base64_digits[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encode(const void *at, size_t len, char *out)
{
    const uint8_t *in = at;
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i < 3 ? len - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < left ? in[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            out[n++] = k <= left ? base64_digits[bits >> (18 - 6 * k) & 63] : '=';
    }
    return n;
}

size_t hex_encode(const void *at, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = at;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    return 2 * len;
}
