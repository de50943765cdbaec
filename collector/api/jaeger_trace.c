#include "collector/api/jaeger_trace.h"

#include "collector/api/attribute.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"

#include <stdio.h>

#define EXACT_MAX (INT64_C(1) << 53) /* integers that a double holds */

static int64_t us_of(int64_t ns)
{
    return ns > 0 ? ns / NS_PER_US : 0; /* Jaeger's are unsigned */
}

static int64_t duration_us(const struct tsdb_span *s)
{
    int64_t ns;
    return __builtin_sub_overflow(s->end, s->start, &ns) ? 0 : us_of(ns);
}

static const struct tsdb_field *field_find(struct tsdb_fields fields, const char *name)
{
    struct tsdb_text want = text_of(name);
    for (uint32_t i = 0; i < fields.count; i++)
        if (text_equal(fields.at[i].name, want))
            return &fields.at[i];
    return NULL;
}

struct tsdb_text jaeger_service(const struct tsdb_span_source *source)
{
    const struct tsdb_field *f = field_find(source->resource, "service.name");
    return f && f->type == TSDB_FIELD_STRING && f->text.len > 0 ? f->text
                                                                : text_of(JAEGER_NO_SERVICE);
}

const char *jaeger_kind(unsigned kind)
{
    static const char *const names[] = {NULL,     "internal", "server",
                                        "client", "producer", "consumer"};
    return kind < sizeof names / sizeof names[0] ? names[kind] : NULL;
}

/* ---- tags --------------------------------------------------------------------------------- */

static void put_value(struct json *j, const struct tsdb_field *f)
{
    switch ((enum tsdb_field_type)f->type) {
    case TSDB_FIELD_STRING:
    case TSDB_FIELD_JSON: json_text(j, f->text); return;
    case TSDB_FIELD_INT:
        if (f->integer > -EXACT_MAX && f->integer < EXACT_MAX)
            json_i64(j, f->integer);
        else
            attribute_i64_json(j, f->integer);
        return;
    case TSDB_FIELD_DOUBLE: attribute_double_json(j, f->real); return;
    case TSDB_FIELD_BOOL: json_bool(j, f->integer != 0); return;
    case TSDB_FIELD_BYTES: attribute_base64_json(j, f->text.at, f->text.len); return;
    case TSDB_FIELD_ID: attribute_hex_json(j, f->text.at, f->text.len); return;
    case TSDB_FIELD_TYPE_COUNT: break;
    }
    UNREACHABLE();
}

static void put_tag(struct json *j, const struct tsdb_field *f)
{
    static const char *const types[TSDB_FIELD_TYPE_COUNT] = {"string", "int64",  "float64", "bool",
                                                             "binary", "string", "string"};
    json_object(j);
    json_key(j, "key");
    json_text(j, f->name);
    json_key(j, "type");
    json_word(j, types[f->type]);
    json_key(j, "value");
    put_value(j, f);
    json_end_object(j);
}

static void put_text_tag(struct json *j, const char *key, struct tsdb_text value)
{
    struct tsdb_field f = {.name = text_of(key), .type = TSDB_FIELD_STRING, .text = value};
    if (value.len > 0)
        put_tag(j, &f);
}

static void put_tags(struct json *j, struct tsdb_fields fields, const char *except)
{
    for (uint32_t i = 0; i < fields.count; i++)
        if (!except || !text_equal(fields.at[i].name, text_of(except)))
            put_tag(j, &fields.at[i]);
}

static void put_span_tags(struct json *j, const struct tsdb_span *s,
                          const struct tsdb_span_source *source)
{
    const struct tsdb_field error = {
        .name = text_of("error"), .type = TSDB_FIELD_BOOL, .integer = 1};
    const char *kind = jaeger_kind(s->kind);
    json_key(j, "tags");
    json_array(j);
    put_text_tag(j, "otel.scope.name", source->scope_name);
    put_text_tag(j, "otel.scope.version", source->scope_version);
    put_tags(j, s->attributes, NULL);
    put_text_tag(j, "span.kind", text_of(kind ? kind : ""));
    if (s->status == TSDB_STATUS_OK || s->status == TSDB_STATUS_ERROR)
        put_text_tag(j, "otel.status_code", text_of(s->status == TSDB_STATUS_OK ? "OK" : "ERROR"));
    if (s->status == TSDB_STATUS_ERROR)
        put_tag(j, &error);
    put_text_tag(j, "otel.status_description", s->status_message);
    put_text_tag(j, "w3c.tracestate", s->trace_state);
    json_end_array(j);
}

/* ---- spans -------------------------------------------------------------------------------- */

static void put_id(struct json *j, const char *key, const uint8_t *at, size_t len)
{
    json_key(j, key);
    attribute_hex_json(j, at, len);
}

static void put_reference(struct json *j, const char *type, const struct tsdb_trace_id *trace,
                          const struct tsdb_span_id *span)
{
    json_object(j);
    json_key(j, "refType");
    json_word(j, type);
    put_id(j, "traceID", trace->at, sizeof trace->at);
    put_id(j, "spanID", span->at, sizeof span->at);
    json_end_object(j);
}

static bool is_child_of(const struct tsdb_span_link *link)
{
    const struct tsdb_field *f = field_find(link->attributes, "opentracing.ref_type");
    return f && f->type == TSDB_FIELD_STRING && text_equal(f->text, text_of("child_of"));
}

static void put_references(struct json *j, const struct tsdb_span *s)
{
    static const struct tsdb_span_id none;
    json_key(j, "references");
    json_array(j);
    if (memcmp(&s->parent_id, &none, sizeof none) != 0)
        put_reference(j, "CHILD_OF", &s->trace_id, &s->parent_id);
    for (uint32_t i = 0; i < s->link_count; i++)
        put_reference(j, is_child_of(&s->links[i]) ? "CHILD_OF" : "FOLLOWS_FROM",
                      &s->links[i].trace_id, &s->links[i].span_id);
    json_end_array(j);
}

static void put_logs(struct json *j, const struct tsdb_span *s)
{
    json_key(j, "logs");
    json_array(j);
    for (uint32_t i = 0; i < s->event_count; i++) {
        const struct tsdb_span_event *e = &s->events[i];
        json_object(j);
        json_key(j, "timestamp");
        json_i64(j, us_of(e->ts));
        json_key(j, "fields");
        json_array(j);
        if (!field_find(e->attributes, "event"))
            put_text_tag(j, "event", e->name);
        put_tags(j, e->attributes, NULL);
        json_end_array(j);
        json_end_object(j);
    }
    json_end_array(j);
}

static void process_name(uint32_t source, char out[16])
{
    (void)snprintf(out, 16, "p%u", source + 1);
}

static void put_span(struct json *j, const struct tsdb_trace *t, const struct tsdb_span *s)
{
    char process[16];
    ASSERT(s->source < t->source_count);
    process_name(s->source, process);
    json_object(j);
    put_id(j, "traceID", s->trace_id.at, sizeof s->trace_id.at);
    put_id(j, "spanID", s->span_id.at, sizeof s->span_id.at);
    json_key(j, "flags");
    json_u64(j, s->flags & 0xff); /* those of W3C; the rest is OTLP's business */
    json_key(j, "operationName");
    json_text(j, s->name);
    put_references(j, s);
    json_key(j, "startTime");
    json_i64(j, us_of(s->start));
    json_key(j, "duration");
    json_i64(j, duration_us(s));
    put_span_tags(j, s, &t->sources[s->source]);
    put_logs(j, s);
    json_key(j, "processID");
    json_word(j, process);
    json_key(j, "warnings");
    json_null(j);
    json_end_object(j);
}

static void put_processes(struct json *j, const struct tsdb_trace *t)
{
    json_key(j, "processes");
    json_object(j);
    for (uint32_t i = 0; i < t->source_count; i++) {
        char process[16];
        process_name(i, process);
        json_key(j, process);
        json_object(j);
        json_key(j, "serviceName");
        json_text(j, jaeger_service(&t->sources[i]));
        json_key(j, "tags");
        json_array(j);
        put_tags(j, t->sources[i].resource, "service.name");
        json_end_array(j);
        json_end_object(j);
    }
    json_end_object(j);
}

void jaeger_trace_json(struct json *j, const struct tsdb_trace *trace)
{
    json_object(j);
    put_id(j, "traceID", trace->id.at, sizeof trace->id.at);
    json_key(j, "spans");
    json_array(j);
    for (uint32_t i = 0; i < trace->span_count; i++)
        put_span(j, trace, &trace->spans[i]);
    json_end_array(j);
    put_processes(j, trace);
    json_key(j, "warnings");
    if (trace->is_partial) {
        json_array(j);
        json_word(j, "the trace is not complete: it is too large, or a part is damaged");
        json_end_array(j);
    } else {
        json_null(j);
    }
    json_end_object(j);
}
