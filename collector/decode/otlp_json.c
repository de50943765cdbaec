#include "collector/decode/otlp_json.h"

#include "collector/decode/json_pull.h"
#include "collector/decode/pull.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

#include <math.h>

enum { MESSAGES_MAX = 64, LENGTH_BYTES = 5, NAME_MAX = 64 };

enum kind {
    KIND_MESSAGE,
    KIND_STRING,
    KIND_BASE64,
    KIND_HEX,
    KIND_DOUBLE,
    KIND_FIXED64,
    KIND_SFIXED64,
    KIND_INT64,
    KIND_UINT64,
    KIND_UINT32,
    KIND_FIXED32,
    KIND_SINT32,
    KIND_BOOL,
    KIND_TEMPORALITY,
    KIND_SEVERITY,
    KIND_SPAN_KIND,
    KIND_STATUS_CODE,
};

enum message {
    M_REQUEST, /* metrics */
    M_LOGS_REQUEST,
    M_RESOURCE_LOGS,
    M_SCOPE_LOGS,
    M_LOG_RECORD,
    M_TRACE_REQUEST,
    M_RESOURCE_SPANS,
    M_SCOPE_SPANS,
    M_SPAN,
    M_EVENT,
    M_LINK,
    M_STATUS,
    M_RESOURCE_METRICS,
    M_SCOPE_METRICS,
    M_RESOURCE,
    M_SCOPE,
    M_METRIC,
    M_POINTS_NUMBER, /* Gauge and Sum */
    M_POINTS_CLASSIC,
    M_POINTS_EXPONENTIAL,
    M_POINTS_SUMMARY,
    M_NUMBER,
    M_CLASSIC,
    M_EXPONENTIAL,
    M_BUCKETS,
    M_SUMMARY,
    M_QUANTILE,
    M_EXEMPLAR,
    M_KEY_VALUE,
    M_ANY,
    M_ARRAY,
    M_MAP,
    M_COUNT,
};

struct field {
    const char *name; /* lowerCamelCase */
    uint8_t number, kind;
    bool is_repeated;
    uint8_t message; /* of KIND_MESSAGE */
};

/* Names and numbers: proto/otlp.proto, proto/otlp_metrics.proto, proto/otlp_logs.proto,
 * proto/otlp_trace.proto. */
static const struct field fields[M_COUNT][16] = {
    [M_REQUEST] = {{"resourceMetrics", 1, KIND_MESSAGE, true, M_RESOURCE_METRICS}},
    [M_LOGS_REQUEST] = {{"resourceLogs", 1, KIND_MESSAGE, true, M_RESOURCE_LOGS}},
    [M_RESOURCE_LOGS] = {{"resource", 1, KIND_MESSAGE, false, M_RESOURCE},
                         {"scopeLogs", 2, KIND_MESSAGE, true, M_SCOPE_LOGS},
                         {"schemaUrl", 3, KIND_STRING, false, 0}},
    [M_SCOPE_LOGS] = {{"scope", 1, KIND_MESSAGE, false, M_SCOPE},
                      {"logRecords", 2, KIND_MESSAGE, true, M_LOG_RECORD},
                      {"schemaUrl", 3, KIND_STRING, false, 0}},
    [M_LOG_RECORD] = {{"timeUnixNano", 1, KIND_FIXED64, false, 0},
                      {"severityNumber", 2, KIND_SEVERITY, false, 0},
                      {"severityText", 3, KIND_STRING, false, 0},
                      {"body", 5, KIND_MESSAGE, false, M_ANY},
                      {"attributes", 6, KIND_MESSAGE, true, M_KEY_VALUE},
                      {"droppedAttributesCount", 7, KIND_UINT32, false, 0},
                      {"flags", 8, KIND_FIXED32, false, 0},
                      {"traceId", 9, KIND_HEX, false, 0},
                      {"spanId", 10, KIND_HEX, false, 0},
                      {"observedTimeUnixNano", 11, KIND_FIXED64, false, 0},
                      {"eventName", 12, KIND_STRING, false, 0}},
    [M_TRACE_REQUEST] = {{"resourceSpans", 1, KIND_MESSAGE, true, M_RESOURCE_SPANS}},
    [M_RESOURCE_SPANS] = {{"resource", 1, KIND_MESSAGE, false, M_RESOURCE},
                          {"scopeSpans", 2, KIND_MESSAGE, true, M_SCOPE_SPANS},
                          {"schemaUrl", 3, KIND_STRING, false, 0}},
    [M_SCOPE_SPANS] = {{"scope", 1, KIND_MESSAGE, false, M_SCOPE},
                       {"spans", 2, KIND_MESSAGE, true, M_SPAN},
                       {"schemaUrl", 3, KIND_STRING, false, 0}},
    [M_SPAN] = {{"traceId", 1, KIND_HEX, false, 0},
                {"spanId", 2, KIND_HEX, false, 0},
                {"traceState", 3, KIND_STRING, false, 0},
                {"parentSpanId", 4, KIND_HEX, false, 0},
                {"name", 5, KIND_STRING, false, 0},
                {"kind", 6, KIND_SPAN_KIND, false, 0},
                {"startTimeUnixNano", 7, KIND_FIXED64, false, 0},
                {"endTimeUnixNano", 8, KIND_FIXED64, false, 0},
                {"attributes", 9, KIND_MESSAGE, true, M_KEY_VALUE},
                {"droppedAttributesCount", 10, KIND_UINT32, false, 0},
                {"events", 11, KIND_MESSAGE, true, M_EVENT},
                {"droppedEventsCount", 12, KIND_UINT32, false, 0},
                {"links", 13, KIND_MESSAGE, true, M_LINK},
                {"droppedLinksCount", 14, KIND_UINT32, false, 0},
                {"status", 15, KIND_MESSAGE, false, M_STATUS},
                {"flags", 16, KIND_FIXED32, false, 0}},
    [M_EVENT] = {{"timeUnixNano", 1, KIND_FIXED64, false, 0},
                 {"name", 2, KIND_STRING, false, 0},
                 {"attributes", 3, KIND_MESSAGE, true, M_KEY_VALUE},
                 {"droppedAttributesCount", 4, KIND_UINT32, false, 0}},
    [M_LINK] = {{"traceId", 1, KIND_HEX, false, 0},
                {"spanId", 2, KIND_HEX, false, 0},
                {"traceState", 3, KIND_STRING, false, 0},
                {"attributes", 4, KIND_MESSAGE, true, M_KEY_VALUE},
                {"droppedAttributesCount", 5, KIND_UINT32, false, 0},
                {"flags", 6, KIND_FIXED32, false, 0}},
    [M_STATUS] = {{"message", 2, KIND_STRING, false, 0}, {"code", 3, KIND_STATUS_CODE, false, 0}},
    [M_RESOURCE_METRICS] = {{"resource", 1, KIND_MESSAGE, false, M_RESOURCE},
                            {"scopeMetrics", 2, KIND_MESSAGE, true, M_SCOPE_METRICS},
                            {"schemaUrl", 3, KIND_STRING, false, 0}},
    [M_SCOPE_METRICS] = {{"scope", 1, KIND_MESSAGE, false, M_SCOPE},
                         {"metrics", 2, KIND_MESSAGE, true, M_METRIC},
                         {"schemaUrl", 3, KIND_STRING, false, 0}},
    [M_RESOURCE] = {{"attributes", 1, KIND_MESSAGE, true, M_KEY_VALUE},
                    {"droppedAttributesCount", 2, KIND_UINT32, false, 0}},
    [M_SCOPE] = {{"name", 1, KIND_STRING, false, 0},
                 {"version", 2, KIND_STRING, false, 0},
                 {"attributes", 3, KIND_MESSAGE, true, M_KEY_VALUE},
                 {"droppedAttributesCount", 4, KIND_UINT32, false, 0}},
    [M_METRIC] = {{"name", 1, KIND_STRING, false, 0},
                  {"description", 2, KIND_STRING, false, 0},
                  {"unit", 3, KIND_STRING, false, 0},
                  {"gauge", 5, KIND_MESSAGE, false, M_POINTS_NUMBER},
                  {"sum", 7, KIND_MESSAGE, false, M_POINTS_NUMBER},
                  {"histogram", 9, KIND_MESSAGE, false, M_POINTS_CLASSIC},
                  {"exponentialHistogram", 10, KIND_MESSAGE, false, M_POINTS_EXPONENTIAL},
                  {"summary", 11, KIND_MESSAGE, false, M_POINTS_SUMMARY}},
    [M_POINTS_NUMBER] = {{"dataPoints", 1, KIND_MESSAGE, true, M_NUMBER},
                         {"aggregationTemporality", 2, KIND_TEMPORALITY, false, 0},
                         {"isMonotonic", 3, KIND_BOOL, false, 0}},
    [M_POINTS_CLASSIC] = {{"dataPoints", 1, KIND_MESSAGE, true, M_CLASSIC},
                          {"aggregationTemporality", 2, KIND_TEMPORALITY, false, 0}},
    [M_POINTS_EXPONENTIAL] = {{"dataPoints", 1, KIND_MESSAGE, true, M_EXPONENTIAL},
                              {"aggregationTemporality", 2, KIND_TEMPORALITY, false, 0}},
    [M_POINTS_SUMMARY] = {{"dataPoints", 1, KIND_MESSAGE, true, M_SUMMARY}},
    [M_NUMBER] = {{"attributes", 7, KIND_MESSAGE, true, M_KEY_VALUE},
                  {"startTimeUnixNano", 2, KIND_FIXED64, false, 0},
                  {"timeUnixNano", 3, KIND_FIXED64, false, 0},
                  {"asDouble", 4, KIND_DOUBLE, false, 0},
                  {"asInt", 6, KIND_SFIXED64, false, 0},
                  {"exemplars", 5, KIND_MESSAGE, true, M_EXEMPLAR},
                  {"flags", 8, KIND_UINT32, false, 0}},
    [M_CLASSIC] = {{"attributes", 9, KIND_MESSAGE, true, M_KEY_VALUE},
                   {"startTimeUnixNano", 2, KIND_FIXED64, false, 0},
                   {"timeUnixNano", 3, KIND_FIXED64, false, 0},
                   {"count", 4, KIND_FIXED64, false, 0},
                   {"sum", 5, KIND_DOUBLE, false, 0},
                   {"bucketCounts", 6, KIND_FIXED64, true, 0},
                   {"explicitBounds", 7, KIND_DOUBLE, true, 0},
                   {"exemplars", 8, KIND_MESSAGE, true, M_EXEMPLAR},
                   {"flags", 10, KIND_UINT32, false, 0},
                   {"min", 11, KIND_DOUBLE, false, 0},
                   {"max", 12, KIND_DOUBLE, false, 0}},
    [M_EXPONENTIAL] = {{"attributes", 1, KIND_MESSAGE, true, M_KEY_VALUE},
                       {"startTimeUnixNano", 2, KIND_FIXED64, false, 0},
                       {"timeUnixNano", 3, KIND_FIXED64, false, 0},
                       {"count", 4, KIND_FIXED64, false, 0},
                       {"sum", 5, KIND_DOUBLE, false, 0},
                       {"scale", 6, KIND_SINT32, false, 0},
                       {"zeroCount", 7, KIND_FIXED64, false, 0},
                       {"positive", 8, KIND_MESSAGE, false, M_BUCKETS},
                       {"negative", 9, KIND_MESSAGE, false, M_BUCKETS},
                       {"flags", 10, KIND_UINT32, false, 0},
                       {"exemplars", 11, KIND_MESSAGE, true, M_EXEMPLAR},
                       {"min", 12, KIND_DOUBLE, false, 0},
                       {"max", 13, KIND_DOUBLE, false, 0},
                       {"zeroThreshold", 14, KIND_DOUBLE, false, 0}},
    [M_BUCKETS] = {{"offset", 1, KIND_SINT32, false, 0}, {"bucketCounts", 2, KIND_UINT64, true, 0}},
    [M_SUMMARY] = {{"attributes", 7, KIND_MESSAGE, true, M_KEY_VALUE},
                   {"startTimeUnixNano", 2, KIND_FIXED64, false, 0},
                   {"timeUnixNano", 3, KIND_FIXED64, false, 0},
                   {"count", 4, KIND_FIXED64, false, 0},
                   {"sum", 5, KIND_DOUBLE, false, 0},
                   {"quantileValues", 6, KIND_MESSAGE, true, M_QUANTILE},
                   {"flags", 8, KIND_UINT32, false, 0}},
    [M_QUANTILE] = {{"quantile", 1, KIND_DOUBLE, false, 0}, {"value", 2, KIND_DOUBLE, false, 0}},
    [M_EXEMPLAR] = {{"filteredAttributes", 7, KIND_MESSAGE, true, M_KEY_VALUE},
                    {"timeUnixNano", 2, KIND_FIXED64, false, 0},
                    {"asDouble", 3, KIND_DOUBLE, false, 0},
                    {"asInt", 6, KIND_SFIXED64, false, 0},
                    {"spanId", 4, KIND_HEX, false, 0},
                    {"traceId", 5, KIND_HEX, false, 0}},
    [M_KEY_VALUE] = {{"key", 1, KIND_STRING, false, 0}, {"value", 2, KIND_MESSAGE, false, M_ANY}},
    [M_ANY] = {{"stringValue", 1, KIND_STRING, false, 0},
               {"boolValue", 2, KIND_BOOL, false, 0},
               {"intValue", 3, KIND_INT64, false, 0},
               {"doubleValue", 4, KIND_DOUBLE, false, 0},
               {"arrayValue", 5, KIND_MESSAGE, false, M_ARRAY},
               {"kvlistValue", 6, KIND_MESSAGE, false, M_MAP},
               {"bytesValue", 7, KIND_BASE64, false, 0}},
    [M_ARRAY] = {{"values", 1, KIND_MESSAGE, true, M_ANY}},
    [M_MAP] = {{"values", 1, KIND_MESSAGE, true, M_KEY_VALUE}},
};

/* One open message. */
struct frame {
    enum message message;
    size_t length_off;         /* where its length goes; SIZE_MAX: the request itself */
    const struct field *array; /* whose items are being read, or NULL */
};

struct walk {
    struct json_pull json;
    struct payload *out;
    struct frame stack[MESSAGES_MAX];
    uint32_t depth;
    enum tsdb_status status;
};

static bool stop(struct walk *w, enum tsdb_status status)
{
    if (w->status == TSDB_OK)
        w->status = status;
    return false;
}

/* Room for n more bytes, or NULL. */
static inline uint8_t *reserve(struct walk *w, size_t n)
{
    if (n <= w->out->cap - w->out->len)
        return w->out->at + w->out->len;
    enum tsdb_status st = payload_grow(w->out, n);
    if (st == TSDB_OK && w->out->cap - w->out->len < n)
        st = TSDB_EINVAL;
    if (st != TSDB_OK) {
        (void)stop(w, st);
        return NULL;
    }
    return w->out->at + w->out->len;
}

static bool put(struct walk *w, const void *at, size_t n)
{
    uint8_t *to = n ? reserve(w, n) : NULL;
    if (n == 0)
        return true;
    if (!to)
        return false;
    memcpy(to, at, n);
    w->out->len += n;
    return true;
}

static bool put_varint(struct walk *w, uint64_t v)
{
    uint8_t coded[10];
    return put(w, coded, uvarint_encode(v, coded));
}

static bool put_tag(struct walk *w, const struct field *f, enum pull_wire wire)
{
    return put_varint(w, (uint64_t)f->number << 3 | wire);
}

/* A length of exactly LENGTH_BYTES bytes: longer than need be, which protobuf allows. */
static void length_write(uint8_t *at, size_t len)
{
    for (int i = 0; i < LENGTH_BYTES - 1; i++)
        at[i] = (uint8_t)(len >> (7 * i) | 0x80);
    at[LENGTH_BYTES - 1] = (uint8_t)(len >> 28 & 15);
}

static bool message_begin(struct walk *w, const struct field *f)
{
    static const uint8_t zeroes[LENGTH_BYTES];
    if (w->depth == MESSAGES_MAX)
        return stop(w, TSDB_ECORRUPT);
    if (!put_tag(w, f, PULL_SIZED))
        return false;
    size_t off = w->out->len;
    if (!put(w, zeroes, sizeof zeroes))
        return false;
    w->stack[w->depth++] = (struct frame){(enum message)f->message, off, NULL};
    return true;
}

static void message_end(struct walk *w)
{
    const struct frame *top = &w->stack[--w->depth];
    if (top->length_off != SIZE_MAX)
        length_write(w->out->at + top->length_off, w->out->len - top->length_off - LENGTH_BYTES);
}

/* ---- scalars --------------------------------------------------------------------------- */

static bool digits_parse(struct tsdb_text t, bool *is_negative, uint64_t *out)
{
    size_t i = t.len > 0 && (t.at[0] == '-' || t.at[0] == '+');
    *is_negative = i > 0 && t.at[0] == '-';
    *out = 0;
    if (i == t.len)
        return false;
    for (; i < t.len; i++) {
        if (t.at[i] < '0' || t.at[i] > '9' || __builtin_mul_overflow(*out, 10u, out) ||
            __builtin_add_overflow(*out, (uint64_t)(t.at[i] - '0'), out))
            return false;
    }
    return true;
}

/* Only what JSON itself calls a number, so that "0x1" and "nan" are none. */
static bool number_parse(struct tsdb_text t, double *out)
{
    for (size_t i = 0; i < t.len; i++)
        if (!((t.at[i] >= '0' && t.at[i] <= '9') || strchr("+-.eE", t.at[i])) || !t.at[i])
            return false;
    return double_parse(t, out);
}

/* Whole numbers, also as 1e3 or 5.0; two's complement. */
static bool integer_parse(struct tsdb_text t, bool is_signed, uint64_t *out)
{
    bool is_negative;
    double v;
    if (digits_parse(t, &is_negative, out)) {
        uint64_t most = is_signed ? (uint64_t)INT64_MAX + is_negative : UINT64_MAX;
        if (*out > most || (is_negative && !is_signed && *out > 0))
            return false;
        if (is_negative)
            *out = 0 - *out;
        return true;
    }
    if (!number_parse(t, &v) || !isfinite(v) || v != floor(v) || fabs(v) >= 0x1p63)
        return false;
    if (v < 0 && !is_signed)
        return false;
    *out = (uint64_t)(int64_t)v;
    return true;
}

static bool double_value(struct walk *w, enum json_token token, double *out)
{
    struct tsdb_text t = w->json.text;
    if (token == JSON_STRING && text_equal(t, text_of("NaN")))
        *out = (double)NAN;
    else if (token == JSON_STRING && text_equal(t, text_of("Infinity")))
        *out = (double)INFINITY;
    else if (token == JSON_STRING && text_equal(t, text_of("-Infinity")))
        *out = (double)-INFINITY;
    else
        return number_parse(t, out);
    return true;
}

static bool put_string(struct walk *w, const struct field *f)
{
    struct tsdb_text t = w->json.text;
    uint8_t length[LENGTH_BYTES] = {0};
    if (!put_tag(w, f, PULL_SIZED))
        return false;
    size_t off = w->out->len, n = 0;
    if (!put(w, length, sizeof length))
        return false;
    uint8_t *to = reserve(w, t.len + 1);
    if (!to)
        return false;
    if (w->json.is_escaped ? !json_unescape(t, to, &n) : !utf8_check(t.at, t.len))
        return stop(w, TSDB_ECORRUPT);
    if (!w->json.is_escaped) {
        memcpy(to, t.at, t.len);
        n = t.len;
    }
    w->out->len += n;
    length_write(w->out->at + off, n);
    return true;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/* RFC 4648, either alphabet, padding optional. */
static bool base64_parse(struct tsdb_text t, uint8_t *out, size_t *len)
{
    uint32_t bits = 0, have = 0;
    size_t n = 0;
    while (t.len > 0 && t.at[t.len - 1] == '=')
        t.len--;
    if (t.len % 4 == 1)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        int digit = base64_digit(t.at[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (uint8_t)(bits >> have);
        }
    }
    *len = n;
    return true;
}

static bool hex_parse(struct tsdb_text t, uint8_t *out, size_t *len)
{
    if (t.len % 2 != 0)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        char c = (char)(t.at[i] >= 'A' && t.at[i] <= 'F' ? t.at[i] + 32 : t.at[i]);
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        out[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
    }
    *len = t.len / 2;
    return true;
}

static bool put_binary(struct walk *w, const struct field *f)
{
    uint8_t length[LENGTH_BYTES] = {0};
    struct tsdb_text t = w->json.text;
    size_t n = 0;
    if (w->json.is_escaped) /* "\/" is the one escape base64 could have; nobody writes it */
        return stop(w, TSDB_ECORRUPT);
    if (!put_tag(w, f, PULL_SIZED))
        return false;
    size_t off = w->out->len;
    if (!put(w, length, sizeof length))
        return false;
    uint8_t *to = reserve(w, t.len + 1);
    if (!to)
        return false;
    if (!(f->kind == KIND_HEX ? hex_parse(t, to, &n) : base64_parse(t, to, &n)))
        return stop(w, TSDB_ECORRUPT);
    w->out->len += n;
    length_write(w->out->at + off, n);
    return true;
}

static bool put_integer(struct walk *w, const struct field *f)
{
    bool is_signed = f->kind == KIND_INT64 || f->kind == KIND_SFIXED64 || f->kind == KIND_SINT32;
    uint64_t v;
    if (!integer_parse(w->json.text, is_signed, &v))
        return stop(w, TSDB_ECORRUPT);
    if (f->kind == KIND_FIXED64 || f->kind == KIND_SFIXED64)
        return put_tag(w, f, PULL_FIXED64) && put(w, &v, sizeof v);
    int64_t s = (int64_t)v;
    if (((f->kind == KIND_UINT32 || f->kind == KIND_FIXED32) && v > UINT32_MAX) ||
        (f->kind == KIND_SINT32 && (s < INT32_MIN || s > INT32_MAX)))
        return stop(w, TSDB_ECORRUPT);
    if (f->kind == KIND_FIXED32)
        return put_tag(w, f, PULL_FIXED32) && put(w, &v, sizeof(uint32_t));
    return put_tag(w, f, PULL_VARINT) && put_varint(w, f->kind == KIND_SINT32 ? zigzag(s) : v);
}

/* A number, as such or as text; false: a name. */
static bool is_number(const struct walk *w, enum json_token token)
{
    return token == JSON_NUMBER || (w->json.text.len > 0 && w->json.text.at[0] <= '9');
}

static bool put_temporality(struct walk *w, const struct field *f, enum json_token token)
{
    static const char *const names[] = {"AGGREGATION_TEMPORALITY_UNSPECIFIED",
                                        "AGGREGATION_TEMPORALITY_DELTA",
                                        "AGGREGATION_TEMPORALITY_CUMULATIVE"};
    uint64_t v = 0;
    if (is_number(w, token)) {
        if (!integer_parse(w->json.text, false, &v))
            return stop(w, TSDB_ECORRUPT);
    } else {
        while (v < 3 && !text_equal(w->json.text, text_of(names[v])))
            v++;
    }
    return put_tag(w, f, PULL_VARINT) && put_varint(w, v);
}

/* The value is that of the name in the list; other names are faults. */
static bool put_named(struct walk *w, const struct field *f, enum json_token token,
                      const char *const *names, uint64_t count)
{
    uint64_t v = 0;
    if (is_number(w, token)) {
        if (!integer_parse(w->json.text, false, &v) || v > INT32_MAX)
            return stop(w, TSDB_ECORRUPT);
    } else {
        while (v < count && !text_equal(w->json.text, text_of(names[v])))
            v++;
        if (v == count)
            return stop(w, TSDB_ECORRUPT);
    }
    return put_tag(w, f, PULL_VARINT) && put_varint(w, v);
}

static bool put_span_kind(struct walk *w, const struct field *f, enum json_token token)
{
    static const char *const names[] = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL",
                                        "SPAN_KIND_SERVER",      "SPAN_KIND_CLIENT",
                                        "SPAN_KIND_PRODUCER",    "SPAN_KIND_CONSUMER"};
    return put_named(w, f, token, names, sizeof names / sizeof names[0]);
}

static bool put_status_code(struct walk *w, const struct field *f, enum json_token token)
{
    static const char *const names[] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"};
    return put_named(w, f, token, names, sizeof names / sizeof names[0]);
}

/* SEVERITY_NUMBER_INFO is 9, SEVERITY_NUMBER_INFO2 10; false: no such name. */
static bool severity_parse(struct tsdb_text name, uint64_t *out)
{
    static const char *const names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
    static const char prefix[] = "SEVERITY_NUMBER_";
    size_t skip = sizeof prefix - 1;
    if (name.len <= skip || memcmp(name.at, prefix, skip) != 0)
        return false;
    struct tsdb_text rest = {name.at + skip, name.len - skip};
    char last = rest.at[rest.len - 1];
    uint64_t more = last >= '2' && last <= '4' ? (uint64_t)(last - '1') : 0;
    rest.len -= more > 0;
    for (uint64_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        *out = 4 * i + 1 + more;
        if (text_equal(rest, text_of(names[i])))
            return true;
    }
    *out = 0;
    return text_equal(rest, text_of("UNSPECIFIED"));
}

static bool put_severity(struct walk *w, const struct field *f, enum json_token token)
{
    uint64_t v = 0;
    if (is_number(w, token) ? !integer_parse(w->json.text, false, &v) || v > INT32_MAX
                            : !severity_parse(w->json.text, &v))
        return stop(w, TSDB_ECORRUPT);
    return put_tag(w, f, PULL_VARINT) && put_varint(w, v);
}

static bool put_bool(struct walk *w, const struct field *f, enum json_token token)
{
    if (token != JSON_TRUE && token != JSON_FALSE)
        return stop(w, TSDB_ECORRUPT);
    return put_tag(w, f, PULL_VARINT) && put_varint(w, token == JSON_TRUE);
}

static bool put_double(struct walk *w, const struct field *f, enum json_token token)
{
    double v;
    if (!double_value(w, token, &v))
        return stop(w, TSDB_ECORRUPT);
    return put_tag(w, f, PULL_FIXED64) && put(w, &v, sizeof v);
}

static bool put_value(struct walk *w, const struct field *f, enum json_token token)
{
    if (token == JSON_NULL)
        return true;
    if (f->kind == KIND_MESSAGE)
        return token == JSON_BEGIN_OBJECT ? message_begin(w, f) : stop(w, TSDB_ECORRUPT);
    if (f->kind == KIND_BOOL)
        return put_bool(w, f, token);
    bool is_text = f->kind == KIND_STRING || f->kind == KIND_BASE64 || f->kind == KIND_HEX;
    if (token != JSON_STRING && (is_text || token != JSON_NUMBER))
        return stop(w, TSDB_ECORRUPT);
    switch ((enum kind)f->kind) {
    case KIND_STRING: return put_string(w, f);
    case KIND_BASE64:
    case KIND_HEX: return put_binary(w, f);
    case KIND_DOUBLE: return put_double(w, f, token);
    case KIND_TEMPORALITY: return put_temporality(w, f, token);
    case KIND_SEVERITY: return put_severity(w, f, token);
    case KIND_SPAN_KIND: return put_span_kind(w, f, token);
    case KIND_STATUS_CODE: return put_status_code(w, f, token);
    case KIND_FIXED64:
    case KIND_SFIXED64:
    case KIND_INT64:
    case KIND_UINT64:
    case KIND_UINT32:
    case KIND_FIXED32:
    case KIND_SINT32: return put_integer(w, f);
    case KIND_MESSAGE:
    case KIND_BOOL: break;
    }
    return stop(w, TSDB_ECORRUPT);
}

/* ---- the walk ----------------------------------------------------------------------------- */

/* lowerCamelCase, or the same words with underscores. */
static bool name_matches(struct tsdb_text key, const char *camel)
{
    size_t i = 0;
    for (; i < key.len && *camel; i++, camel++) {
        char c = key.at[i];
        if (c == '_' && i + 1 < key.len) {
            c = key.at[++i];
            if (c < 'a' || c > 'z')
                return false;
            c = (char)(c - 32);
        }
        if (c != *camel)
            return false;
    }
    return i == key.len && !*camel;
}

static const struct field *find_field(enum message message, struct tsdb_text key)
{
    for (const struct field *f = fields[message]; f < fields[message] + 16 && f->name; f++)
        if (name_matches(key, f->name))
            return f;
    return NULL;
}

/* A key was read: its value, or the beginning of its items. */
static bool take_field(struct walk *w, struct frame *top)
{
    const struct field *f = w->json.is_escaped ? NULL : find_field(top->message, w->json.text);
    enum json_token token = json_next(&w->json);
    if (!f || token == JSON_NULL)
        return json_skip(&w->json, token) || stop(w, TSDB_ECORRUPT);
    if (!f->is_repeated)
        return put_value(w, f, token);
    if (token != JSON_BEGIN_ARRAY)
        return stop(w, TSDB_ECORRUPT);
    top->array = f;
    return true;
}

static bool step(struct walk *w)
{
    struct frame *top = &w->stack[w->depth - 1];
    enum json_token token = json_next(&w->json);
    if (token == JSON_FAULT || token == JSON_END)
        return stop(w, TSDB_ECORRUPT);
    if (top->array) {
        if (token != JSON_END_ARRAY)
            return put_value(w, top->array, token);
        top->array = NULL;
        return true;
    }
    if (token == JSON_KEY)
        return take_field(w, top);
    message_end(w);
    return true;
}

static enum tsdb_status to_wire(struct bytes in, enum message request, struct payload *out,
                                struct tsdb_error *err)
{
    struct walk w = {.out = out};
    json_pull_init(&w.json, in);
    bool goes = json_next(&w.json) == JSON_BEGIN_OBJECT || stop(&w, TSDB_ECORRUPT);
    w.stack[w.depth++] = (struct frame){request, SIZE_MAX, NULL};
    while (goes && w.depth > 0)
        goes = step(&w);
    if (goes && json_next(&w.json) != JSON_END)
        (void)stop(&w, TSDB_ECORRUPT);
    if (w.status == TSDB_ECORRUPT)
        return tsdb_fail(err, w.status, "OTLP/JSON: does not decode at byte %zu",
                         (size_t)(w.json.r.rest.at - in.at));
    if (w.status == TSDB_EINVAL)
        return tsdb_fail(err, w.status, "OTLP/JSON: more than %zu bytes", out->limit);
    if (w.status != TSDB_OK)
        return tsdb_fail(err, w.status, "OTLP/JSON: no memory left for it");
    return TSDB_OK;
}

enum tsdb_status otlp_json_to_wire(struct bytes in, struct payload *out, struct tsdb_error *err)
{
    return to_wire(in, M_REQUEST, out, err);
}

enum tsdb_status otlp_json_logs_to_wire(struct bytes in, struct payload *out,
                                        struct tsdb_error *err)
{
    return to_wire(in, M_LOGS_REQUEST, out, err);
}

enum tsdb_status otlp_json_trace_to_wire(struct bytes in, struct payload *out,
                                         struct tsdb_error *err)
{
    return to_wire(in, M_TRACE_REQUEST, out, err);
}
