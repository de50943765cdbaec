#include "tsdb/base/text.h"
#include "tsdb/logql/template_functions.h"
#include "tsdb/query/quote.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH_MAX = 4096, FLOAT_TEXT_MAX = 1024 };

/* ---- printf ----------------------------------------------------------------------- */

struct verb {
    bool is_left, has_plus, has_sharp, has_zero, has_blank;
    int width, precision; /* -1: none */
    char letter;
};

struct print {
    const struct template_call *c;
    struct tsdb_text format; /* what is left of it */
    uint32_t next;           /* argument */
    struct writer out;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char take(struct print *p)
{
    char c = p->format.len > 0 ? p->format.at[0] : '\0';
    if (p->format.len > 0) {
        p->format.at++;
        p->format.len--;
    }
    return c;
}

/* Digits, or '*' and an argument; -1: neither. */
static int take_count(struct print *p)
{
    int v = -1;
    if (p->format.len > 0 && p->format.at[0] == '*') {
        (void)take(p);
        if (p->next < p->c->count && p->c->arguments[p->next].kind == VALUE_INT) {
            int64_t n = p->c->arguments[p->next++].integer;
            return n < -WIDTH_MAX || n > WIDTH_MAX ? -1 : (int)n;
        }
        writer_text(&p->out, "%!(BADWIDTH)");
        return -1;
    }
    while (p->format.len > 0 && is_digit(p->format.at[0])) {
        v = (v < 0 ? 0 : v) * 10 + (take(p) - '0');
        if (v > WIDTH_MAX)
            v = WIDTH_MAX;
    }
    return v;
}

static struct verb take_verb(struct print *p)
{
    struct verb v = {.width = -1, .precision = -1};
    for (; p->format.len > 0; (void)take(p)) {
        char c = p->format.at[0];
        if (c == '-')
            v.is_left = true;
        else if (c == '+')
            v.has_plus = true;
        else if (c == '#')
            v.has_sharp = true;
        else if (c == '0')
            v.has_zero = true;
        else if (c == ' ')
            v.has_blank = true;
        else
            break;
    }
    v.width = take_count(p);
    if (v.width < -1) { /* a negative one from '*' */
        v.is_left = true;
        v.width = -v.width;
    }
    if (p->format.len > 0 && p->format.at[0] == '.') {
        (void)take(p);
        v.precision = take_count(p);
        if (v.precision < 0)
            v.precision = 0;
    }
    v.letter = take(p);
    return v;
}

static int runes_of(struct tsdb_text t)
{
    int n = 0;
    for (size_t i = 0; i < t.len && n < WIDTH_MAX; n++) {
        uint32_t width = 1;
        (void)rune_at(t, i, &width);
        i += width;
    }
    return n;
}

/* With blanks (or zeros behind the sign) up to the width. */
static void put_padded(struct print *p, const struct verb *v, struct tsdb_text t, bool is_number)
{
    int pad = v->width - runes_of(t);
    bool is_zero = v->has_zero && !v->is_left && is_number;
    size_t sign = is_zero && pad > 0 && t.len > 0 && (t.at[0] == '-' || t.at[0] == '+');
    writer_put(&p->out, t.at, sign);
    for (int i = 0; !v->is_left && i < pad; i++)
        writer_u8(&p->out, is_zero ? '0' : ' ');
    writer_put(&p->out, t.at + sign, t.len - sign);
    for (int i = 0; v->is_left && i < pad; i++)
        writer_u8(&p->out, ' ');
}

/* "%!d(string=hi)" */
static void put_bad(struct print *p, const struct verb *v, const struct value *a)
{
    writer_text(&p->out, "%!");
    writer_u8(&p->out, (uint8_t)v->letter);
    writer_u8(&p->out, '(');
    writer_text(&p->out, value_type(a));
    if (a->kind != VALUE_NIL) {
        writer_u8(&p->out, '=');
        value_print(a, p->c->run, &p->out);
    }
    writer_u8(&p->out, ')');
}

static void put_hex(struct writer *out, struct tsdb_text t, bool is_upper)
{
    const char *digits = is_upper ? "0123456789ABCDEF" : "0123456789abcdef";
    for (size_t i = 0; i < t.len; i++) {
        writer_u8(out, (uint8_t)digits[(unsigned char)t.at[i] >> 4]);
        writer_u8(out, (uint8_t)digits[(unsigned char)t.at[i] & 15]);
    }
}

static void put_text(struct print *p, const struct verb *v, struct tsdb_text t)
{
    struct writer w = {0};
    if (v->precision >= 0) {
        size_t at = 0;
        for (int n = 0; n < v->precision && at < t.len; n++) {
            uint32_t width = 1;
            (void)rune_at(t, at, &width);
            at += width;
        }
        t.len = at;
    }
    if (v->letter == 'q')
        quote_put(&w, t);
    else if (v->letter == 'x' || v->letter == 'X')
        put_hex(&w, t, v->letter == 'X');
    else
        writer_put(&w, t.at, t.len);
    put_padded(p, v, (struct tsdb_text){(const char *)w.at, w.len}, false);
    writer_release(&w);
}

static struct tsdb_text whole_text(char letter, const struct verb *v, int64_t n, char text[80])
{
    uint64_t magnitude = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    unsigned base = letter == 'b'                    ? 2
                    : letter == 'o'                  ? 8
                    : letter == 'x' || letter == 'X' ? 16
                                                     : 10;
    const char *digits = letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t at = 80;
    do {
        text[--at] = digits[magnitude % base];
        magnitude /= base;
    } while (magnitude > 0 && at > 4);
    if (v->has_sharp && base == 16) {
        text[--at] = letter;
        text[--at] = '0';
    }
    if (n < 0 || v->has_plus || v->has_blank)
        text[--at] = n < 0 ? '-' : v->has_plus ? '+' : ' ';
    return (struct tsdb_text){text + at, 80 - at};
}

static void put_whole(struct print *p, const struct verb *v, int64_t n)
{
    char text[80];
    struct verb shown = *v;
    if (strchr("vdboxX", v->letter)) {
        put_padded(p, v, whole_text(v->letter, v, n, text), true);
    } else if (v->letter == 'c' || v->letter == 'q') {
        struct quoted q = quoted_rune(n < 0 || n > 0x10ffff ? RUNE_ERROR : (uint32_t)n);
        struct tsdb_text t = text_of(q.at);
        if (v->letter == 'c' && t.len > 2)
            t = (struct tsdb_text){t.at + 1, t.len - 2};
        shown.precision = -1;
        put_padded(p, &shown, t, false);
    } else if (v->letter == 'U') {
        (void)snprintf(text, sizeof text, "U+%04llX", (unsigned long long)n);
        put_padded(p, v, text_of(text), false);
    } else {
        struct value a = value_int(n);
        put_bad(p, v, &a);
    }
}

static void put_float(struct print *p, const struct verb *v, double number)
{
    char text[FLOAT_TEXT_MAX], format[] = "%+.*f";
    size_t n = 0;
    char letter = v->letter == 'F' ? 'f' : v->letter;
    struct value a = value_float(number);
    if (!strchr("vfeEgG", letter)) {
        put_bad(p, v, &a);
        return;
    }
    bool is_shortest = v->precision < 0 && (letter == 'v' || letter == 'g' || letter == 'G');
    if (is_shortest || isnan(number) || isinf(number)) {
        n = value_float_text(number, text);
        if ((v->has_plus || v->has_blank) && text[0] != '-' && text[0] != '+') {
            memmove(text + 1, text, n++);
            text[0] = v->has_plus ? '+' : ' ';
        }
    } else {
        int precision = v->precision < 0 ? 6 : v->precision > 400 ? 400 : v->precision;
        format[4] = letter == 'v' ? 'g' : letter;
        char *at = v->has_plus ? format : format + 1;
        at[0] = '%';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        if (v->has_plus)
            format[1] = '+';
        int len = snprintf(text, sizeof text, at, precision, number);
#pragma GCC diagnostic pop
        n = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    }
    put_padded(p, v, (struct tsdb_text){text, n}, true);
}

static void put_other(struct print *p, const struct verb *v, const struct value *a)
{
    bool is_bool = a->kind == VALUE_BOOL && v->letter == 't';
    bool is_printed = v->letter == 'v' || is_bool ||
                      (v->letter == 's' && a->kind != VALUE_BOOL && a->kind != VALUE_NIL);
    if (!is_printed) {
        put_bad(p, v, a);
        return;
    }
    struct writer w = {0};
    if (a->kind == VALUE_NIL)
        writer_text(&w, "<nil>");
    else
        value_print(a, p->c->run, &w);
    put_padded(p, v, (struct tsdb_text){(const char *)w.at, w.len}, false);
    writer_release(&w);
}

static void put_argument(struct print *p, const struct verb *v)
{
    if (v->letter == '\0') {
        writer_text(&p->out, "%!(NOVERB)");
        return;
    }
    if (p->next >= p->c->count) {
        writer_text(&p->out, "%!");
        writer_u8(&p->out, (uint8_t)v->letter);
        writer_text(&p->out, "(MISSING)");
        return;
    }
    const struct value *a = &p->c->arguments[p->next++];
    if (v->letter == 'T')
        put_padded(p, v, text_of(value_type(a)), false);
    else if (a->kind == VALUE_TEXT && strchr("vsqxX", v->letter))
        put_text(p, v, a->text);
    else if (a->kind == VALUE_TEXT)
        put_bad(p, v, a);
    else if (a->kind == VALUE_INT)
        put_whole(p, v, a->integer);
    else if (a->kind == VALUE_FLOAT)
        put_float(p, v, a->number);
    else
        put_other(p, v, a);
}

static void put_extras(struct print *p)
{
    if (p->next >= p->c->count)
        return;
    writer_text(&p->out, "%!(EXTRA ");
    for (uint32_t i = p->next; i < p->c->count; i++) {
        const struct value *a = &p->c->arguments[i];
        if (i > p->next)
            writer_text(&p->out, ", ");
        writer_text(&p->out, value_type(a));
        if (a->kind != VALUE_NIL) {
            writer_u8(&p->out, '=');
            value_print(a, p->c->run, &p->out);
        }
    }
    writer_u8(&p->out, ')');
}

static bool fn_printf(const struct template_call *c, struct value *out)
{
    struct print p = {.c = c, .format = c->arguments[0].text, .next = 1};
    while (p.format.len > 0 && p.out.len <= PIPELINE_LINE_MAX && template_charge(c->run, 64)) {
        const char *percent = memchr(p.format.at, '%', p.format.len);
        size_t n = percent ? (size_t)(percent - p.format.at) : p.format.len;
        writer_put(&p.out, p.format.at, n);
        p.format.at += n;
        p.format.len -= n;
        if (!percent)
            break;
        (void)take(&p);
        struct verb v = take_verb(&p);
        if (v.letter == '%')
            writer_u8(&p.out, '%');
        else
            put_argument(&p, &v);
    }
    put_extras(&p);
    bool is_taken = template_take(c->run, &p.out, out);
    writer_release(&p.out);
    return is_taken;
}

/* ---- print ------------------------------------------------------------------------ */

/* Blanks between two that are no texts, or (println) between all. */
static bool print_all(const struct template_call *c, bool is_line, struct value *out)
{
    struct writer w = {0};
    for (uint32_t i = 0; i < c->count && w.len <= PIPELINE_LINE_MAX; i++) {
        const struct value *a = &c->arguments[i];
        bool is_apart = i > 0 && a->kind != VALUE_TEXT && c->arguments[i - 1].kind != VALUE_TEXT;
        if (is_apart || (is_line && i > 0))
            writer_u8(&w, ' ');
        if (a->kind == VALUE_NIL)
            writer_text(&w, "<nil>");
        else
            value_print(a, c->run, &w);
    }
    if (is_line)
        writer_u8(&w, '\n');
    bool is_taken = template_take(c->run, &w, out);
    writer_release(&w);
    return is_taken;
}

static bool fn_print(const struct template_call *c, struct value *out)
{
    return print_all(c, false, out);
}

static bool fn_println(const struct template_call *c, struct value *out)
{
    return print_all(c, true, out);
}

static bool fn_html(const struct template_call *c, struct value *out)
{
    struct tsdb_text t = c->arguments[0].text;
    struct writer w = {0};
    for (size_t i = 0; i < t.len; i++) {
        switch (t.at[i]) {
        case '<': writer_text(&w, "&lt;"); break;
        case '>': writer_text(&w, "&gt;"); break;
        case '&': writer_text(&w, "&amp;"); break;
        case '"': writer_text(&w, "&#34;"); break;
        case '\'': writer_text(&w, "&#39;"); break;
        default: writer_u8(&w, (uint8_t)t.at[i]); break;
        }
    }
    bool is_taken = template_take(c->run, &w, out);
    writer_release(&w);
    return is_taken;
}

/* ---- codings ---------------------------------------------------------------------- */

static bool fn_urlencode(const struct template_call *c, struct value *out)
{
    struct tsdb_text t = c->arguments[0].text;
    struct writer w = {0};
    for (size_t i = 0; i < t.len; i++) {
        char ch = t.at[i];
        bool is_plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || is_digit(ch) ||
                        ch == '-' || ch == '_' || ch == '.' || ch == '~';
        if (is_plain || ch == ' ') {
            writer_u8(&w, ch == ' ' ? '+' : (uint8_t)ch);
        } else {
            writer_u8(&w, '%');
            put_hex(&w, (struct tsdb_text){t.at + i, 1}, true);
        }
    }
    bool is_taken = template_take(c->run, &w, out);
    writer_release(&w);
    return is_taken;
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool fn_urldecode(const struct template_call *c, struct value *out)
{
    struct tsdb_text t = c->arguments[0].text;
    char *to = template_bytes(c->run, t.len);
    size_t n = 0;
    if (!to)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] != '%') {
            to[n++] = t.at[i] == '+' ? ' ' : t.at[i];
            continue;
        }
        int high = i + 2 < t.len ? hex_value(t.at[i + 1]) : -1;
        int low = i + 2 < t.len ? hex_value(t.at[i + 2]) : -1;
        if (high < 0 || low < 0)
            return template_fail(c->run, "error calling urldecode: invalid URL escape \"%.*s\"",
                                 (int)(t.len - i < 3 ? t.len - i : 3), t.at + i);
        to[n++] = (char)(high << 4 | low);
        i += 2;
    }
    *out = value_text((struct tsdb_text){to, n});
    return true;
}

static bool fn_b64enc(const struct template_call *c, struct value *out)
{
    struct tsdb_text t = c->arguments[0].text;
    char *to = template_bytes(c->run, BASE64_BYTES(t.len));
    if (!to)
        return false;
    *out = value_text((struct tsdb_text){to, base64_encode(t.at, t.len, to)});
    return true;
}

static bool b64_fault(const struct template_call *c, size_t at, struct value *out)
{
    struct writer w = {0};
    writer_format(&w, "illegal base64 data at input byte %zu", at);
    bool is_taken = template_take(c->run, &w, out);
    writer_release(&w);
    return is_taken;
}

/* Padding may be missing; a fault gives its message as the text, as Loki does. */
static bool fn_b64dec(const struct template_call *c, struct value *out)
{
    struct tsdb_text t = c->arguments[0].text;
    char *to = template_bytes(c->run, t.len);
    size_t n = 0, digits = 0, i = 0;
    uint32_t v = 0;
    if (!to)
        return false;
    for (; i < t.len && t.at[i] != '='; i++) {
        const char *digit = t.at[i] ? strchr(base64_digits, t.at[i]) : NULL;
        if (t.at[i] == '\n' || t.at[i] == '\r')
            continue;
        if (!digit)
            return b64_fault(c, i, out);
        v = v << 6 | (uint32_t)(digit - base64_digits);
        if (++digits % 4 == 0) {
            to[n++] = (char)(v >> 16);
            to[n++] = (char)(v >> 8);
            to[n++] = (char)v;
        }
    }
    size_t rest = digits % 4, padding = t.len - i;
    if (rest == 1 || (padding > 0 && padding != 4 - rest))
        return b64_fault(c, i, out);
    for (size_t pad = i; pad < t.len; pad++)
        if (t.at[pad] != '=')
            return b64_fault(c, pad, out);
    if (rest >= 2)
        to[n++] = (char)(rest == 2 ? v >> 4 : v >> 10);
    if (rest == 3)
        to[n++] = (char)(v >> 2);
    *out = value_text((struct tsdb_text){to, n});
    return true;
}

const struct template_function template_print_functions[] = {
    {"printf", "sv+", fn_printf, false},     {"print", "v+", fn_print, false},
    {"println", "v+", fn_println, false},    {"html", "s", fn_html, false},
    {"urlquery", "s", fn_urlencode, false},  {"urlencode", "s", fn_urlencode, false},
    {"urldecode", "s", fn_urldecode, false}, {"b64enc", "s", fn_b64enc, false},
    {"b64dec", "s", fn_b64dec, false},       {0},
};
