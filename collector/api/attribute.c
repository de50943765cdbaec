#include "collector/api/attribute.h"

#include "collector/decode/json_pull.h"
#include "collector/net/protobuf.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <math.h>
#include <stdlib.h>

enum any_case { ANY_STRING = 1, ANY_BOOL, ANY_INT, ANY_DOUBLE, ANY_ARRAY, ANY_MAP, ANY_BYTES };

/* ---- JSON of single values --------------------------------------------------------------- */

void attribute_double_json(struct json *j, double value)
{
    if (isfinite(value))
        json_number(j, value);
    else
        json_word(j, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

/* Text that a writer fills in; len: at most. */
static void put_coded(struct json *j, const void *at, size_t len, size_t most,
                      size_t (*code)(const void *at, size_t len, char *out))
{
    struct writer text = {0};
    text.len = code(at, len, (char *)writer_reserve(&text, most + 1));
    json_text(j, (struct tsdb_text){(const char *)text.at, text.len});
    writer_release(&text);
}

void attribute_base64_json(struct json *j, const void *at, size_t len)
{
    put_coded(j, at, len, BASE64_BYTES(len), base64_encode);
}

void attribute_hex_json(struct json *j, const void *at, size_t len)
{
    put_coded(j, at, len, 2 * len, hex_encode);
}

void attribute_i64_json(struct json *j, int64_t value)
{
    char text[24];
    size_t n = i64_format(value, text);
    json_text(j, (struct tsdb_text){text, n});
}

void attribute_u64_json(struct json *j, uint64_t value)
{
    char text[24];
    if (value <= INT64_MAX) {
        attribute_i64_json(j, (int64_t)value);
        return;
    }
    size_t n = i64_format((int64_t)(value / 10), text);
    text[n++] = (char)('0' + value % 10);
    json_text(j, (struct tsdb_text){text, n});
}

/* ---- numbers inside JSON text -------------------------------------------------------------- */

struct number {
    bool is_double;
    int64_t integer;
    double real;
};

static struct number number_of(struct tsdb_text text)
{
    struct number n = {0};
    bool is_negative = text.at[0] == '-';
    uint64_t v = 0, most = (uint64_t)INT64_MAX + is_negative;
    for (size_t i = is_negative; i < text.len && !n.is_double; i++) {
        uint64_t digit = (uint64_t)(text.at[i] - '0'); /* wraps for what is none */
        n.is_double = digit > 9 || v > (most - digit) / 10;
        v = v * 10 + digit;
    }
    n.integer = is_negative ? (int64_t)(0 - v) : (int64_t)v;
    if (n.is_double && !double_parse(text, &n.real))
        n.real = 0; /* the grammar was checked */
    return n;
}

/* ---- JSON text as JSON of OTLP --------------------------------------------------------------- */

static bool text_to_json(struct json *out, struct json_pull *in, enum json_token token);

static bool string_to_json(struct json *out, struct tsdb_text text)
{
    struct writer plain = {0};
    bool is_text = json_unescape(text, writer_reserve(&plain, text.len + 1), &plain.len);
    if (is_text)
        json_text(out, (struct tsdb_text){(const char *)plain.at, plain.len});
    writer_release(&plain);
    return is_text;
}

static bool list_to_json(struct json *out, struct json_pull *in)
{
    enum json_token token;
    json_key(out, "arrayValue");
    json_object(out);
    json_key(out, "values");
    json_array(out);
    while ((token = json_next(in)) != JSON_END_ARRAY)
        if (!text_to_json(out, in, token))
            return false;
    json_end_array(out);
    json_end_object(out);
    return true;
}

static bool map_to_json(struct json *out, struct json_pull *in)
{
    json_key(out, "kvlistValue");
    json_object(out);
    json_key(out, "values");
    json_array(out);
    while (json_next(in) == JSON_KEY) {
        json_object(out);
        json_key(out, "key");
        if (!string_to_json(out, in->text))
            return false;
        json_key(out, "value");
        if (!text_to_json(out, in, json_next(in)))
            return false;
        json_end_object(out);
    }
    json_end_array(out);
    json_end_object(out);
    return !in->r.fault;
}

static void number_to_json(struct json *out, struct tsdb_text text)
{
    struct number n = number_of(text);
    json_key(out, n.is_double ? "doubleValue" : "intValue");
    if (n.is_double)
        attribute_double_json(out, n.real);
    else
        attribute_i64_json(out, n.integer);
}

static bool text_to_json(struct json *out, struct json_pull *in, enum json_token token)
{
    bool is_valid = true;
    json_object(out);
    switch (token) {
    case JSON_STRING:
        json_key(out, "stringValue");
        is_valid = string_to_json(out, in->text);
        break;
    case JSON_NUMBER: number_to_json(out, in->text); break;
    case JSON_TRUE:
    case JSON_FALSE:
        json_key(out, "boolValue");
        json_bool(out, token == JSON_TRUE);
        break;
    case JSON_NULL: break;
    case JSON_BEGIN_ARRAY: is_valid = list_to_json(out, in); break;
    case JSON_BEGIN_OBJECT: is_valid = map_to_json(out, in); break;
    case JSON_END:
    case JSON_KEY:
    case JSON_END_ARRAY:
    case JSON_END_OBJECT:
    case JSON_FAULT: is_valid = false; break;
    }
    json_end_object(out);
    return is_valid;
}

/* ---- JSON text as a message ----------------------------------------------------------------- */

static bool text_to_protobuf(struct writer *out, struct json_pull *in, enum json_token token);

static bool string_to_protobuf(struct writer *out, unsigned number, struct tsdb_text text)
{
    size_t at = protobuf_begin(out, number), len = 0;
    bool is_text = json_unescape(text, writer_reserve(out, text.len + 1), &len);
    out->len += is_text ? len : 0;
    protobuf_end(out, at);
    return is_text;
}

static bool list_to_protobuf(struct writer *out, struct json_pull *in)
{
    enum json_token token;
    size_t list = protobuf_begin(out, ANY_ARRAY);
    while ((token = json_next(in)) != JSON_END_ARRAY) {
        size_t value = protobuf_begin(out, 1);
        if (!text_to_protobuf(out, in, token))
            return false;
        protobuf_end(out, value);
    }
    protobuf_end(out, list);
    return true;
}

static bool map_to_protobuf(struct writer *out, struct json_pull *in)
{
    size_t list = protobuf_begin(out, ANY_MAP);
    while (json_next(in) == JSON_KEY) {
        size_t pair = protobuf_begin(out, 1);
        if (!string_to_protobuf(out, 1, in->text))
            return false;
        size_t value = protobuf_begin(out, 2);
        if (!text_to_protobuf(out, in, json_next(in)))
            return false;
        protobuf_end(out, value);
        protobuf_end(out, pair);
    }
    protobuf_end(out, list);
    return !in->r.fault;
}

static bool text_to_protobuf(struct writer *out, struct json_pull *in, enum json_token token)
{
    struct number n;
    switch (token) {
    case JSON_STRING: return string_to_protobuf(out, ANY_STRING, in->text);
    case JSON_NUMBER:
        n = number_of(in->text);
        if (n.is_double)
            protobuf_double_set(out, ANY_DOUBLE, n.real);
        else
            protobuf_u64_set(out, ANY_INT, (uint64_t)n.integer);
        return true;
    case JSON_TRUE:
    case JSON_FALSE: protobuf_u64_set(out, ANY_BOOL, token == JSON_TRUE); return true;
    case JSON_NULL: return true;
    case JSON_BEGIN_ARRAY: return list_to_protobuf(out, in);
    case JSON_BEGIN_OBJECT: return map_to_protobuf(out, in);
    case JSON_END:
    case JSON_KEY:
    case JSON_END_ARRAY:
    case JSON_END_OBJECT:
    case JSON_FAULT: break;
    }
    return false;
}

/* ---- fields of the engine ------------------------------------------------------------------- */

static struct bytes bytes_of(struct tsdb_text text)
{
    return (struct bytes){(const uint8_t *)text.at, text.len};
}

/* Whole before a byte of it is written: half a value cannot be taken back. */
static void json_field_json(struct json *j, struct tsdb_text text)
{
    struct json value;
    struct json_pull in;
    json_init(&value, 0, NULL, NULL);
    json_pull_init(&in, bytes_of(text));
    if (text_to_json(&value, &in, json_next(&in)) && json_next(&in) == JSON_END) {
        json_raw(j, writer_bytes(&value.out));
    } else {
        json_object(j);
        json_key(j, "stringValue");
        json_text(j, text);
        json_end_object(j);
    }
    json_release(&value);
}

static void json_field_protobuf(struct writer *w, struct tsdb_text text)
{
    struct json_pull in;
    size_t from = w->len;
    json_pull_init(&in, bytes_of(text));
    if (text_to_protobuf(w, &in, json_next(&in)) && json_next(&in) == JSON_END)
        return;
    w->len = from;
    protobuf_bytes_set(w, ANY_STRING, text.at, text.len);
}

void attribute_value_json(struct json *j, const struct tsdb_field *f)
{
    static const char *const keys[TSDB_FIELD_TYPE_COUNT] = {
        "stringValue", "intValue", "doubleValue", "boolValue", "bytesValue", "stringValue"};
    if (f->type == TSDB_FIELD_JSON) {
        json_field_json(j, f->text);
        return;
    }
    json_object(j);
    json_key(j, keys[f->type]);
    switch ((enum tsdb_field_type)f->type) {
    case TSDB_FIELD_STRING: json_text(j, f->text); break;
    case TSDB_FIELD_INT: attribute_i64_json(j, f->integer); break;
    case TSDB_FIELD_DOUBLE: attribute_double_json(j, f->real); break;
    case TSDB_FIELD_BOOL: json_bool(j, f->integer != 0); break;
    case TSDB_FIELD_BYTES: attribute_base64_json(j, f->text.at, f->text.len); break;
    case TSDB_FIELD_ID: attribute_hex_json(j, f->text.at, f->text.len); break;
    case TSDB_FIELD_JSON:
    case TSDB_FIELD_TYPE_COUNT: UNREACHABLE();
    }
    json_end_object(j);
}

void attribute_value_protobuf(struct writer *w, const struct tsdb_field *f)
{
    size_t at;
    switch ((enum tsdb_field_type)f->type) {
    case TSDB_FIELD_STRING: protobuf_bytes_set(w, ANY_STRING, f->text.at, f->text.len); return;
    case TSDB_FIELD_INT: protobuf_u64_set(w, ANY_INT, (uint64_t)f->integer); return;
    case TSDB_FIELD_DOUBLE: protobuf_double_set(w, ANY_DOUBLE, f->real); return;
    case TSDB_FIELD_BOOL: protobuf_u64_set(w, ANY_BOOL, f->integer != 0); return;
    case TSDB_FIELD_BYTES: protobuf_bytes_set(w, ANY_BYTES, f->text.at, f->text.len); return;
    case TSDB_FIELD_ID:
        at = protobuf_begin(w, ANY_STRING);
        w->len +=
            hex_encode(f->text.at, f->text.len, (char *)writer_reserve(w, 2 * f->text.len + 1));
        protobuf_end(w, at);
        return;
    case TSDB_FIELD_JSON: json_field_protobuf(w, f->text); return;
    case TSDB_FIELD_TYPE_COUNT: break;
    }
    UNREACHABLE();
}

void attributes_json(struct json *j, const char *key, struct tsdb_fields fields)
{
    if (fields.count == 0)
        return;
    json_key(j, key);
    json_array(j);
    for (uint32_t i = 0; i < fields.count; i++) {
        json_object(j);
        json_key(j, "key");
        json_text(j, fields.at[i].name);
        json_key(j, "value");
        attribute_value_json(j, &fields.at[i]);
        json_end_object(j);
    }
    json_end_array(j);
}

void attributes_protobuf(struct writer *w, unsigned number, struct tsdb_fields fields)
{
    for (uint32_t i = 0; i < fields.count; i++) {
        size_t pair = protobuf_begin(w, number);
        protobuf_text(w, 1, fields.at[i].name);
        size_t value = protobuf_begin(w, 2);
        attribute_value_protobuf(w, &fields.at[i]);
        protobuf_end(w, value);
        protobuf_end(w, pair);
    }
}
