#include "collector/decode/otlp_value.h"

#include "collector/decode/pull.h"
#include "tsdb/base/text.h"

#include <math.h>
#include <stdlib.h>

/* Text is written twice: first `at` is NULL and only its length counts. */
struct text_out {
    char *at;
    size_t len, max;
    struct arena *arena; /* for sorting keys */
    bool keeps_order, marks_doubles;
};

static void put(struct text_out *o, const char *at, size_t n)
{
    if (o->at && n)
        memcpy(o->at + o->len, at, n);
    o->len += n;
}

enum tsdb_status otlp_any_parse(struct bytes in, struct otlp_any *out)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    *out = (struct otlp_any){0};
    while (pull_next(&p, &f)) {
        switch (f.number) {
        case OTLP_ANY_STRING:
        case OTLP_ANY_ARRAY:
        case OTLP_ANY_MAP:
        case OTLP_ANY_BYTES: out->bytes = pull_bytes(&p, &f); break;
        case OTLP_ANY_BOOL:
        case OTLP_ANY_INT: out->bits = pull_u64(&p, &f); break;
        case OTLP_ANY_DOUBLE: out->bits = pull_f64(&p, &f); break;
        default: continue;
        }
        out->is = (enum otlp_any_case)f.number;
    }
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

static void put_base64(struct text_out *o, struct bytes in)
{
    for (size_t i = 0; i < in.len; i += 3) {
        char out[BASE64_BYTES(3)];
        size_t n = in.len - i < 3 ? in.len - i : 3;
        put(o, out, base64_encode(in.at + i, n, out));
    }
}

/* Without an exponent between 1e-6 and 1e21, as JSON writers do. */
static void put_double(struct text_out *o, double v)
{
    char text[DOUBLE_TEXT_MAX];
    double magnitude = fabs(v);
    bool is_plain = !isfinite(v) || v == 0 || (magnitude >= 1e-6 && magnitude < 1e21);
    size_t n = is_plain ? double_format(v, text) : double_format_g(v, text);
    put(o, text, n);
    if (o->marks_doubles && is_plain && isfinite(v) && !memchr(text, '.', n))
        put(o, ".0", 2);
}

static void put_quoted(struct text_out *o, struct tsdb_text t)
{
    static const char hex[] = "0123456789abcdef";
    put(o, "\"", 1);
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.at[i];
        char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        if (c == '"' || c == '\\') {
            escape[1] = (char)c;
            put(o, escape, 2);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            escape[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
            put(o, escape, 2);
        } else if (c < 0x20) {
            put(o, escape, sizeof escape);
        } else {
            put(o, (const char *)&t.at[i], 1);
        }
    }
    put(o, "\"", 1);
}

static enum tsdb_status put_json(struct text_out *o, struct bytes in, unsigned depth);

static enum tsdb_status put_array(struct text_out *o, struct bytes in, unsigned depth)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    enum tsdb_status st = TSDB_OK;
    const char *between = "";
    put(o, "[", 1);
    while (st == TSDB_OK && pull_next(&p, &f)) {
        if (f.number != 1)
            continue;
        put(o, between, strlen(between));
        between = ",";
        st = put_json(o, pull_bytes(&p, &f), depth);
    }
    put(o, "]", 1);
    return st == TSDB_OK && !pull_done(&p) ? TSDB_ECORRUPT : st;
}

struct entry {
    struct tsdb_text key;
    struct bytes value;
};

static int entry_order(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = text_compare(x->key, y->key);
    if (order == 0) /* repeated keys stay as they came */
        order = (x->value.at > y->value.at) - (x->value.at < y->value.at);
    return order;
}

enum tsdb_status otlp_attribute_parse(struct bytes in, struct tsdb_text *key, struct bytes *value)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    *key = (struct tsdb_text){"", 0};
    *value = (struct bytes){in.at, 0};
    while (pull_next(&p, &f)) {
        if (f.number == 1)
            *key = pull_text(&p, &f);
        else if (f.number == 2)
            *value = pull_bytes(&p, &f);
    }
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

/* The entries of a map, sorted by key. */
static enum tsdb_status map_entries(struct bytes in, struct arena *arena, struct entry **out,
                                    size_t *out_count)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    size_t count = 0, have = 0;
    while (pull_next(&p, &f))
        count += f.number == 1;
    if (!pull_done(&p))
        return TSDB_ECORRUPT;
    struct entry *entries = ARENA_ARRAY(arena, struct entry, count);
    if (!entries)
        return TSDB_ELIMIT;
    p = pull_over(in);
    enum tsdb_status st = TSDB_OK;
    while (st == TSDB_OK && pull_next(&p, &f)) {
        if (f.number != 1)
            continue;
        st = otlp_attribute_parse(pull_bytes(&p, &f), &entries[have].key, &entries[have].value);
        have++;
    }
    if (st == TSDB_OK && !pull_done(&p))
        st = TSDB_ECORRUPT;
    if (st == TSDB_OK)
        qsort(entries, have, sizeof *entries, entry_order);
    *out = entries;
    *out_count = have;
    return st;
}

static enum tsdb_status put_member(struct text_out *o, struct tsdb_text key, struct bytes value,
                                   unsigned depth)
{
    put_quoted(o, key);
    put(o, ":", 1);
    return put_json(o, value, depth);
}

static enum tsdb_status put_map_as_sent(struct text_out *o, struct bytes in, unsigned depth)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    struct tsdb_text key;
    struct bytes value;
    enum tsdb_status st = TSDB_OK;
    const char *between = "";
    put(o, "{", 1);
    while (st == TSDB_OK && pull_next(&p, &f)) {
        if (f.number != 1)
            continue;
        put(o, between, strlen(between));
        between = ",";
        st = otlp_attribute_parse(pull_bytes(&p, &f), &key, &value);
        if (st == TSDB_OK)
            st = put_member(o, key, value, depth);
    }
    put(o, "}", 1);
    return st == TSDB_OK && !pull_done(&p) ? TSDB_ECORRUPT : st;
}

static enum tsdb_status put_map(struct text_out *o, struct bytes in, unsigned depth)
{
    struct entry *entries = NULL;
    size_t count = 0;
    enum tsdb_status st = map_entries(in, o->arena, &entries, &count);
    put(o, "{", 1);
    for (size_t i = 0; st == TSDB_OK && i < count; i++) {
        if (i > 0)
            put(o, ",", 1);
        st = put_member(o, entries[i].key, entries[i].value, depth);
    }
    put(o, "}", 1);
    return st;
}

/* A value that is not a string standing alone. */
static enum tsdb_status put_any(struct text_out *o, const struct otlp_any *v, unsigned depth)
{
    char number[24];
    double d;
    switch (v->is) {
    case OTLP_ANY_BOOL: put(o, v->bits ? "true" : "false", v->bits ? 4 : 5); return TSDB_OK;
    case OTLP_ANY_INT: put(o, number, i64_format((int64_t)v->bits, number)); return TSDB_OK;
    case OTLP_ANY_DOUBLE:
        memcpy(&d, &v->bits, sizeof d);
        put_double(o, d);
        return TSDB_OK;
    case OTLP_ANY_ARRAY: return depth == 0 ? TSDB_EINVAL : put_array(o, v->bytes, depth - 1);
    case OTLP_ANY_MAP:
        if (depth == 0)
            return TSDB_EINVAL;
        return o->keeps_order ? put_map_as_sent(o, v->bytes, depth - 1)
                              : put_map(o, v->bytes, depth - 1);
    case OTLP_ANY_BYTES: put_base64(o, v->bytes); return TSDB_OK;
    case OTLP_ANY_STRING: put(o, (const char *)v->bytes.at, v->bytes.len); return TSDB_OK;
    case OTLP_ANY_NOTHING: break;
    }
    return TSDB_OK;
}

static bool is_quoted(const struct otlp_any *v)
{
    double d;
    memcpy(&d, &v->bits, sizeof d);
    return v->is == OTLP_ANY_BYTES || (v->is == OTLP_ANY_DOUBLE && !isfinite(d));
}

/* A value inside an array or a map. */
static enum tsdb_status put_json(struct text_out *o, struct bytes in, unsigned depth)
{
    struct otlp_any v;
    enum tsdb_status st = otlp_any_parse(in, &v);
    if (st != TSDB_OK)
        return st;
    if (o->len > o->max)
        return TSDB_EINVAL;
    if (v.is == OTLP_ANY_STRING) {
        put_quoted(o, (struct tsdb_text){(const char *)v.bytes.at, v.bytes.len});
        return TSDB_OK;
    }
    if (v.is == OTLP_ANY_NOTHING) {
        put(o, "null", 4);
        return TSDB_OK;
    }
    if (is_quoted(&v))
        put(o, "\"", 1);
    st = put_any(o, &v, depth);
    if (is_quoted(&v))
        put(o, "\"", 1);
    return st;
}

enum tsdb_status otlp_message_merge(struct bytes in, uint32_t number, struct arena *arena,
                                    struct bytes *out)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    uint32_t count = 0;
    size_t total = 0;
    *out = (struct bytes){in.at, 0};
    while (pull_next(&p, &f)) {
        if (f.number != number)
            continue;
        *out = pull_bytes(&p, &f);
        total += out->len;
        count++;
    }
    if (!pull_done(&p))
        return TSDB_ECORRUPT;
    if (count < 2)
        return TSDB_OK;
    uint8_t *at = ARENA_ARRAY(arena, uint8_t, total);
    if (!at)
        return TSDB_ELIMIT;
    p = pull_over(in);
    total = 0;
    while (pull_next(&p, &f)) {
        if (f.number != number || f.bytes.len == 0)
            continue;
        memcpy(at + total, f.bytes.at, f.bytes.len);
        total += f.bytes.len;
    }
    *out = (struct bytes){at, total};
    return TSDB_OK;
}

static enum tsdb_status value_text(struct bytes in, unsigned depth, const struct text_out *like,
                                   struct tsdb_text *out)
{
    struct otlp_any v;
    enum tsdb_status st = otlp_any_parse(in, &v);
    if (st != TSDB_OK)
        return st;
    if (v.is == OTLP_ANY_STRING) {
        *out = (struct tsdb_text){(const char *)v.bytes.at, v.bytes.len};
        return TSDB_OK;
    }
    struct text_out o = *like;
    st = put_any(&o, &v, depth);
    if (st != TSDB_OK)
        return st;
    if (o.len > o.max)
        return TSDB_EINVAL;
    char *at = ARENA_ARRAY(o.arena, char, o.len + 1);
    if (!at)
        return TSDB_ELIMIT;
    o.at = at;
    o.len = 0;
    st = put_any(&o, &v, depth);
    *out = (struct tsdb_text){o.at, o.len};
    return st;
}

enum tsdb_status otlp_value_text(struct bytes in, unsigned depth, struct arena *arena,
                                 struct tsdb_text *out)
{
    return value_text(in, depth, &(struct text_out){.arena = arena, .max = OTLP_VALUE_MAX}, out);
}

enum tsdb_status otlp_value_json(struct bytes in, const struct otlp_json_options *options,
                                 struct arena *arena, struct tsdb_text *out)
{
    struct text_out like = {.arena = arena,
                            .max = options->bytes_max,
                            .keeps_order = true,
                            .marks_doubles = options->marks_doubles};
    return value_text(in, options->depth, &like, out);
}
