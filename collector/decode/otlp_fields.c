#include "collector/decode/otlp_fields.h"

#include "collector/decode/otlp_value.h"
#include "collector/decode/pull.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

static enum tsdb_status put_map(struct log_fields *f, struct tsdb_text prefix, struct bytes in,
                                unsigned depth)
{
    struct pull p = pull_over(in);
    struct pull_field entry;
    enum tsdb_status st = TSDB_OK;
    bool is_empty = true;
    if (depth == 0)
        return TSDB_EINVAL;
    while (st == TSDB_OK && pull_next(&p, &entry)) {
        if (entry.number != 1)
            continue;
        struct tsdb_text key;
        struct bytes value;
        is_empty = false;
        st = otlp_attribute_parse(pull_bytes(&p, &entry), &key, &value);
        if (st == TSDB_OK && !log_fields_is_utf8(key))
            st = TSDB_EINVAL;
        if (st == TSDB_OK)
            st = otlp_field_value(f, log_fields_name(f, prefix, key), value, depth - 1);
    }
    if (st == TSDB_OK && !pull_done(&p))
        st = TSDB_ECORRUPT;
    if (st == TSDB_OK && is_empty)
        log_fields_text(f, prefix, TSDB_FIELD_JSON, text_of("{}"));
    return st;
}

/* An array, or a map that is not taken apart. */
static enum tsdb_status put_json(struct log_fields *f, struct tsdb_text name, struct bytes value,
                                 const struct otlp_json_options *options)
{
    struct tsdb_text text;
    enum tsdb_status st = otlp_value_json(value, options, f->arena, &text);
    if (st == TSDB_OK)
        log_fields_text(f, name, TSDB_FIELD_JSON, text);
    return st;
}

static void put_scalar(struct log_fields *f, struct tsdb_text name, const struct otlp_any *v)
{
    struct tsdb_text text = {(const char *)v->bytes.at, v->bytes.len};
    double real;
    switch (v->is) {
    case OTLP_ANY_STRING: log_fields_text(f, name, TSDB_FIELD_STRING, text); break;
    case OTLP_ANY_NOTHING: log_fields_text(f, name, TSDB_FIELD_STRING, text_of("")); break;
    case OTLP_ANY_BYTES: log_fields_text(f, name, TSDB_FIELD_BYTES, text); break;
    case OTLP_ANY_BOOL: log_fields_integer(f, name, TSDB_FIELD_BOOL, v->bits != 0); break;
    case OTLP_ANY_INT: log_fields_integer(f, name, TSDB_FIELD_INT, (int64_t)v->bits); break;
    case OTLP_ANY_DOUBLE:
        memcpy(&real, &v->bits, sizeof real);
        log_fields_double(f, name, real);
        break;
    case OTLP_ANY_ARRAY:
    case OTLP_ANY_MAP: UNREACHABLE();
    }
}

enum tsdb_status otlp_field_value(struct log_fields *f, struct tsdb_text name, struct bytes value,
                                  unsigned depth)
{
    struct otlp_any v;
    enum tsdb_status st = otlp_any_parse(value, &v);
    if (st != TSDB_OK)
        return st;
    if (v.is == OTLP_ANY_MAP)
        return put_map(f, name, v.bytes, depth);
    if (v.is == OTLP_ANY_ARRAY)
        return put_json(
            f, name, value,
            &(struct otlp_json_options){.depth = depth, .bytes_max = TSDB_LOG_LINE_MAX});
    put_scalar(f, name, &v);
    return TSDB_OK;
}

/* A value that is one small number; false when it is anything else. */
static inline bool put_small(struct log_fields *f, struct tsdb_text name, const uint8_t *v,
                             size_t len)
{
    uint64_t bits = 0;
    double real;
    if (len == 9 && v[0] == 0x21) {
        memcpy(&real, v + 1, sizeof real);
        log_fields_double(f, name, real);
        return true;
    }
    if ((v[0] != 0x18 && v[0] != 0x10) || len < 2 || len > 5)
        return false;
    for (size_t i = 1; i < len; i++) {
        if ((v[i] >= 0x80) == (i == len - 1))
            return false;
        bits |= (uint64_t)(v[i] & 0x7f) << (7 * (i - 1));
    }
    bool is_int = v[0] == 0x18;
    log_fields_integer(f, name, is_int ? TSDB_FIELD_INT : TSDB_FIELD_BOOL,
                       is_int ? (int64_t)bits : bits != 0);
    return true;
}

/* The attribute as it nearly always is: one short key, one short value with a string or a
 * number; false when it is anything else. */
static inline bool put_short(struct log_fields *f, struct bytes in)
{
    const uint8_t *at = in.at;
    if (in.len < 6 || at[0] != 0x0a || at[1] >= 0x80 || at[1] == 0 || at[1] > in.len - 6)
        return false;
    size_t key = at[1], rest = in.len - 2 - key;
    const uint8_t *v = at + 2 + key;
    struct tsdb_text name = {(const char *)at + 2, key};
    if (v[0] != 0x12 || v[1] != rest - 2 || v[1] >= 0x80 || !log_fields_is_utf8(name))
        return false;
    if (v[2] != 0x0a || v[3] != rest - 4)
        return put_small(f, name, v + 2, rest - 2);
    log_fields_text(f, name, TSDB_FIELD_STRING, (struct tsdb_text){(const char *)v + 4, rest - 4});
    return true;
}

enum tsdb_status otlp_field_put(struct log_fields *f, struct bytes in)
{
    struct tsdb_text key;
    struct bytes value;
    if (put_short(f, in))
        return TSDB_OK;
    enum tsdb_status st = otlp_attribute_parse(in, &key, &value);
    if (st != TSDB_OK)
        return st;
    return log_fields_is_utf8(key) ? otlp_field_value(f, key, value, DECODE_DEPTH_MAX)
                                   : TSDB_EINVAL;
}

enum tsdb_status otlp_span_field_put(struct log_fields *f, struct bytes in)
{
    static const struct otlp_json_options options = {
        .depth = DECODE_DEPTH_MAX, .bytes_max = TSDB_LOG_LINE_MAX, .marks_doubles = true};
    struct tsdb_text key;
    struct bytes value;
    struct otlp_any v;
    if (put_short(f, in))
        return TSDB_OK;
    enum tsdb_status st = otlp_attribute_parse(in, &key, &value);
    if (st == TSDB_OK)
        st = otlp_any_parse(value, &v);
    if (st != TSDB_OK)
        return st;
    if (!log_fields_is_utf8(key))
        return TSDB_EINVAL;
    if (v.is == OTLP_ANY_MAP || v.is == OTLP_ANY_ARRAY)
        return put_json(f, key, value, &options);
    put_scalar(f, key, &v);
    return TSDB_OK;
}
