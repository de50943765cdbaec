#include "collector/api/json.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void json_init(struct json *j, size_t flush_bytes, bool (*flush)(void *arg, struct bytes part),
               void *arg)
{
    *j = (struct json){.flush_bytes = flush_bytes, .flush = flush, .arg = arg};
}

void json_release(struct json *j)
{
    writer_release(&j->out);
}

static void flush_full(struct json *j)
{
    if (!j->flush || j->out.len < j->flush_bytes)
        return;
    if (!j->is_gone)
        j->is_gone = !j->flush(j->arg, writer_bytes(&j->out));
    writer_reset(&j->out);
}

/* Before a value or a key. */
static void begin(struct json *j)
{
    if (j->has_comma)
        writer_u8(&j->out, ',');
    j->has_comma = true;
}

static void put_open(struct json *j, char bracket)
{
    begin(j);
    writer_u8(&j->out, (uint8_t)bracket);
    j->has_comma = false;
}

static void put_close(struct json *j, char bracket)
{
    writer_u8(&j->out, (uint8_t)bracket);
    j->has_comma = true;
    flush_full(j);
}

void json_object(struct json *j)
{
    put_open(j, '{');
}

void json_end_object(struct json *j)
{
    put_close(j, '}');
}

void json_array(struct json *j)
{
    put_open(j, '[');
}

void json_end_array(struct json *j)
{
    put_close(j, ']');
}

/* Whether the byte stands for itself inside a string. */
static inline bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static void put_escape(struct writer *w, unsigned code)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *p = writer_reserve(w, 6);
    p[0] = '\\';
    p[1] = 'u';
    for (int i = 0; i < 4; i++)
        p[2 + i] = (uint8_t)hex[code >> (12 - 4 * i) & 15];
    w->len += 6;
}

/* The byte at p is not plain; writes it and what belongs to it, returns how many
 * bytes that were. */
static size_t put_special(struct writer *w, const char *p, size_t left)
{
    unsigned char c = (unsigned char)*p;
    if (c == '"' || c == '\\') {
        writer_u8(w, '\\');
        writer_u8(w, c);
        return 1;
    }
    if (c == '\n' || c == '\r' || c == '\t') {
        writer_u8(w, '\\');
        writer_u8(w, c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        return 1;
    }
    if (c < 0x80) {
        put_escape(w, c);
        return 1;
    }
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (n > left || !utf8_check(p, n)) {
        put_escape(w, 0xfffd);
        return 1;
    }
    if (n == 3 && memcmp(p, "\xe2\x80", 2) == 0 && ((unsigned char)p[2] & 0xfe) == 0xa8)
        put_escape(w, (unsigned char)p[2] == 0xa8 ? 0x2028 : 0x2029);
    else
        writer_put(w, p, n);
    return n;
}

static void put_string(struct writer *w, struct tsdb_text text)
{
    writer_u8(w, '"');
    size_t i = 0;
    while (i < text.len) {
        size_t run = i;
        while (run < text.len && is_plain((unsigned char)text.at[run]))
            run++;
        writer_put(w, text.at + i, run - i);
        i = run;
        if (i < text.len)
            i += put_special(w, text.at + i, text.len - i);
    }
    writer_u8(w, '"');
}

void json_key(struct json *j, const char *key)
{
    json_key_text(j, text_of(key));
}

void json_key_text(struct json *j, struct tsdb_text key)
{
    begin(j);
    put_string(&j->out, key);
    writer_u8(&j->out, ':');
    j->has_comma = false;
}

void json_text(struct json *j, struct tsdb_text text)
{
    begin(j);
    put_string(&j->out, text);
    flush_full(j);
}

void json_word(struct json *j, const char *word)
{
    json_text(j, text_of(word));
}

static void put_plain(struct json *j, const char *text)
{
    begin(j);
    writer_text(&j->out, text);
    flush_full(j);
}

void json_bool(struct json *j, bool value)
{
    put_plain(j, value ? "true" : "false");
}

void json_null(struct json *j)
{
    put_plain(j, "null");
}

void json_i64(struct json *j, int64_t value)
{
    begin(j);
    j->out.len += i64_format(value, (char *)writer_reserve(&j->out, 24));
    flush_full(j);
}

void json_u64(struct json *j, uint64_t value)
{
    begin(j);
    writer_format(&j->out, "%llu", (unsigned long long)value);
    flush_full(j);
}

static void put_double(struct writer *w, double value)
{
    double magnitude = fabs(value);
    bool has_exponent = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
    char *to = (char *)writer_reserve(w, DOUBLE_TEXT_MAX);
    w->len += has_exponent ? double_format_g(value, to) : double_format(value, to);
}

void json_number(struct json *j, double value)
{
    begin(j);
    put_double(&j->out, isfinite(value) ? value : 0);
    flush_full(j);
}

void json_value(struct json *j, double value)
{
    begin(j);
    writer_u8(&j->out, '"');
    put_double(&j->out, value);
    writer_u8(&j->out, '"');
    flush_full(j);
}

void json_time(struct json *j, int64_t ns)
{
    begin(j);
    int64_t ms = ns / NS_PER_MS - (ns % NS_PER_MS < 0);
    uint64_t magnitude = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    struct writer *w = &j->out;
    if (ms < 0)
        writer_u8(w, '-');
    w->len += i64_format((int64_t)(magnitude / 1000), (char *)writer_reserve(w, 24));
    unsigned fraction = (unsigned)(magnitude % 1000);
    if (fraction > 0) {
        uint8_t *p = writer_reserve(w, 4);
        p[0] = '.';
        p[1] = (uint8_t)('0' + fraction / 100);
        p[2] = (uint8_t)('0' + fraction / 10 % 10);
        p[3] = (uint8_t)('0' + fraction % 10);
        w->len += 4;
    }
    flush_full(j);
}

void json_raw(struct json *j, struct bytes value)
{
    begin(j);
    writer_put(&j->out, value.at, value.len);
    flush_full(j);
}

void json_labels(struct json *j, struct tsdb_labels labels)
{
    json_object(j);
    for (uint32_t i = 0; i < labels.count; i++) {
        json_key_text(j, labels.at[i].name);
        json_text(j, labels.at[i].value);
    }
    json_end_object(j);
}
