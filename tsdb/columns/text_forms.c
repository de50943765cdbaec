#include "tsdb/columns/text_forms.h"

#include <string.h>

enum { INT_DIGITS_MAX = 19, NO_HEX = 16, SMALL = 10000 };

const uint64_t text_powers[20] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
                            "34353637383940414243444546474849505152535455565758596061626364656667"
                            "6869707172737475767778798081828384858687888990919293949596979899";

/* At most 19 digits, which fit. */
static bool digits_value(const char *at, size_t len, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(uint8_t)at[i] - '0';
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool text_int_parse(struct tsdb_text t, int64_t *out)
{
    bool is_negative = t.len > 0 && t.at[0] == '-';
    const char *at = t.at + is_negative;
    size_t len = t.len - is_negative;
    uint64_t value;
    if (len == 0 || len > INT_DIGITS_MAX || (at[0] == '0' && (len > 1 || is_negative)) ||
        !digits_value(at, len, &value) || value > INT64_MAX)
        return false;
    *out = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

bool text_digits_parse(struct tsdb_text t, unsigned dot, int64_t *out)
{
    size_t width = t.len - (dot > 0);
    uint64_t high = 0, low;
    if (t.len == 0 || width == 0 || width > TEXT_DIGITS_MAX || dot >= width ||
        (dot && (t.at[dot] != '.' || !digits_value(t.at, dot, &high))) ||
        !digits_value(t.at + t.len - (width - dot), width - dot, &low))
        return false;
    *out = (int64_t)(high * text_powers[width - dot] + low);
    return true;
}

unsigned text_decimal_scale(struct tsdb_text t)
{
    const char *dot = t.len > TEXT_DIGITS_MAX + 2 ? NULL : memchr(t.at, '.', t.len);
    return dot ? (unsigned)(t.at + t.len - dot - 1) : 0;
}

bool text_decimal_parse(struct tsdb_text t, unsigned scale, int64_t *out)
{
    bool is_negative = t.len > 0 && t.at[0] == '-';
    const char *at = t.at + is_negative;
    size_t len = t.len - is_negative;
    if (scale == 0 || len < scale + 2 || len > TEXT_DIGITS_MAX + 1)
        return false;
    size_t whole = len - scale - 1;
    uint64_t high, low;
    if (at[whole] != '.' || (at[0] == '0' && whole > 1) || !digits_value(at, whole, &high) ||
        !digits_value(at + whole + 1, scale, &low))
        return false;
    int64_t value = (int64_t)(high * text_powers[scale] + low); /* at most 18 digits */
    if (is_negative && value == 0)
        return false;
    *out = is_negative ? -value : value;
    return true;
}

bool text_ipv4_parse(struct tsdb_text t, int64_t *out)
{
    uint64_t address = 0;
    size_t i = 0;
    if (t.len > 15)
        return false;
    for (unsigned part = 0; part < 4; part++) {
        size_t from = i;
        unsigned value = 0;
        for (; i < t.len && (unsigned)(uint8_t)t.at[i] - '0' <= 9; i++)
            value = value * 10 + (unsigned)(uint8_t)t.at[i] - '0';
        size_t len = i - from;
        if (len == 0 || len > 3 || value > 255 || (len > 1 && t.at[from] == '0'))
            return false;
        address = address << 8 | value;
        if (part < 3 && (i == t.len || t.at[i++] != '.'))
            return false;
    }
    *out = (int64_t)address;
    return i == t.len;
}

static unsigned hex_digit(char c, bool is_upper)
{
    unsigned digit = (unsigned)(uint8_t)c - '0';
    if (digit <= 9)
        return digit;
    unsigned letter = (unsigned)(uint8_t)c - (is_upper ? 'A' : 'a');
    return letter < 6 ? letter + 10 : NO_HEX;
}

bool text_hex_parse(struct tsdb_text t, bool is_upper, uint8_t *out)
{
    unsigned bad = 0;
    if (t.len == 0 || t.len > TEXT_HEX_MAX)
        return false;
    size_t i = 0;
    for (; i + 1 < t.len; i += 2) {
        unsigned high = hex_digit(t.at[i], is_upper), low = hex_digit(t.at[i + 1], is_upper);
        bad |= high | low;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    if (i < t.len) {
        unsigned high = hex_digit(t.at[i], is_upper);
        bad |= high;
        out[i / 2] = (uint8_t)(high << 4);
    }
    return !(bad & NO_HEX);
}

bool text_uuid_parse(struct tsdb_text t, bool is_upper, uint8_t *out)
{
    if (t.len != TEXT_UUID_LEN || t.at[8] != '-' || t.at[13] != '-' || t.at[18] != '-' ||
        t.at[23] != '-')
        return false;
    char digits[32];
    memcpy(digits, t.at, 8);
    memcpy(digits + 8, t.at + 9, 4);
    memcpy(digits + 12, t.at + 14, 4);
    memcpy(digits + 16, t.at + 19, 4);
    memcpy(digits + 20, t.at + 24, 12);
    return text_hex_parse((struct tsdb_text){digits, sizeof digits}, is_upper, out);
}

static unsigned digit_count(uint64_t v)
{
    /* 1233 / 4096 is a little above log10(2), the power settles it */
    unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1);
    unsigned guess = bits * 1233 >> 12;
    return guess + (v >= text_powers[guess]) + (v == 0);
}

/* Exactly `width` digits, the lowest of v. */
static inline void put_digits(uint64_t v, unsigned width, char *out)
{
    for (; width > 9; v /= 100) { /* 64-bit divisions only while there is need */
        width -= 2;
        memcpy(out + width, pairs + v % 100 * 2, 2);
    }
    uint32_t low = (uint32_t)(v % 1000000000);
    for (; width >= 2; low /= 100) {
        width -= 2;
        memcpy(out + width, pairs + (size_t)(low % 100 * 2), 2);
    }
    if (width)
        out[0] = (char)('0' + low % 10);
}

static uint64_t magnitude(int64_t v)
{
    return v < 0 ? 0 - (uint64_t)v : (uint64_t)v; /* wraps */
}

/* Without a branch on how many digits there are; writes 4 bytes. */
static inline size_t small_format(unsigned v, char *out)
{
    char digits[8] = {0};
    memcpy(digits, pairs + v / 100 * 2, 2);
    memcpy(digits + 2, pairs + v % 100 * 2, 2);
    size_t len = 1 + (size_t)(v > 9) + (size_t)(v > 99) + (size_t)(v > 999);
    memcpy(out, digits + 4 - len, 4);
    return len;
}

size_t text_int_format(int64_t v, char *out)
{
    if ((uint64_t)v < SMALL)
        return small_format((unsigned)v, out);
    uint64_t value = magnitude(v);
    bool is_negative = v < 0;
    unsigned width = digit_count(value);
    out[0] = '-';
    put_digits(value, width, out + is_negative);
    return width + is_negative;
}

size_t text_digits_format(int64_t v, unsigned width, unsigned dot, char *out)
{
    uint64_t value = (uint64_t)v;
    if (dot == 0) {
        put_digits(value, width, out);
        return width;
    }
    put_digits(value / text_powers[width - dot], dot, out);
    out[dot] = '.';
    put_digits(value, width - dot, out + dot + 1);
    return width + 1;
}

size_t text_decimal_format(int64_t v, unsigned scale, char *out)
{
    uint64_t value = magnitude(v), whole = value / text_powers[scale];
    size_t len = v < 0;
    out[0] = '-';
    unsigned width = digit_count(whole);
    put_digits(whole, width, out + len);
    len += width;
    out[len++] = '.';
    put_digits(value - whole * text_powers[scale], scale, out + len);
    return len + scale;
}

size_t text_ipv4_format(int64_t v, char *out)
{
    size_t len = 0;
    for (unsigned shift = 32; shift > 0;) {
        shift -= 8;
        len += small_format((unsigned)(v >> shift) & 0xff, out + len);
        out[len] = '.';
        len += shift > 0;
    }
    return len;
}

void text_hex_format(const uint8_t *at, unsigned digits, bool is_upper, char *out)
{
    const char *alphabet = is_upper ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned i = 0;
    for (; i + 1 < digits; i += 2) {
        out[i] = alphabet[at[i / 2] >> 4];
        out[i + 1] = alphabet[at[i / 2] & 15];
    }
    if (i < digits)
        out[i] = alphabet[at[i / 2] >> 4];
}

void text_uuid_format(const uint8_t *at, bool is_upper, char *out)
{
    static const unsigned starts[] = {0, 9, 14, 19, 24}, digits[] = {8, 4, 4, 4, 12};
    memset(out, '-', TEXT_UUID_LEN);
    for (unsigned i = 0; i < 5; i++) {
        text_hex_format(at, digits[i], is_upper, out + starts[i]);
        at += digits[i] / 2;
    }
}
