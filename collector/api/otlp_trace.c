#include "collector/api/otlp_trace.h"

#include "collector/api/attribute.h"
#include "collector/net/protobuf.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

/* The spans of each source, in their order: lists through the spans' indexes. */
struct by_source {
    uint32_t *first, *next; /* owned; index + 1, 0: none */
};

static struct by_source by_source_of(const struct tsdb_trace *t)
{
    struct by_source b = {MEM_ARRAY(uint32_t, t->source_count), MEM_ARRAY(uint32_t, t->span_count)};
    for (uint32_t i = t->span_count; i-- > 0;) {
        ASSERT(t->spans[i].source < t->source_count);
        b.next[i] = b.first[t->spans[i].source];
        b.first[t->spans[i].source] = i + 1;
    }
    return b;
}

static void by_source_release(struct by_source *b)
{
    mem_free(b->first);
    mem_free(b->next);
}

static bool is_zero(const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] != 0)
            return false;
    return true;
}

/* ---- JSON --------------------------------------------------------------------------------- */

static void put_id(struct json *j, const char *key, const uint8_t *at, size_t len,
                   enum otlp_dialect dialect)
{
    json_key(j, key);
    if (dialect == OTLP_JSON)
        attribute_hex_json(j, at, len);
    else
        attribute_base64_json(j, at, len);
}

static void put_text(struct json *j, const char *key, struct tsdb_text text)
{
    if (text.len == 0)
        return;
    json_key(j, key);
    json_text(j, text);
}

static void put_count(struct json *j, const char *key, uint32_t count)
{
    if (count == 0)
        return;
    json_key(j, key);
    json_u64(j, count);
}

static void put_time(struct json *j, const char *key, int64_t ns)
{
    json_key(j, key);
    attribute_i64_json(j, ns);
}

static void put_fields(struct json *j, struct tsdb_fields fields)
{
    attributes_json(j, "attributes", fields);
    put_count(j, "droppedAttributesCount", fields.dropped);
}

static void put_enum(struct json *j, const char *key, unsigned value, enum otlp_dialect dialect,
                     const char *const *names, size_t count)
{
    if (value == 0)
        return;
    json_key(j, key);
    if (dialect == OTLP_PLAIN_JSON && value < count)
        json_word(j, names[value]);
    else
        json_u64(j, value);
}

static void put_status(struct json *j, const struct tsdb_span *s, enum otlp_dialect dialect)
{
    static const char *const names[] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"};
    json_key(j, "status");
    json_object(j);
    put_text(j, "message", s->status_message);
    put_enum(j, "code", s->status, dialect, names, sizeof names / sizeof names[0]);
    json_end_object(j);
}

static void put_events(struct json *j, const struct tsdb_span *s)
{
    if (s->event_count == 0)
        return;
    json_key(j, "events");
    json_array(j);
    for (uint32_t i = 0; i < s->event_count; i++) {
        const struct tsdb_span_event *e = &s->events[i];
        json_object(j);
        put_time(j, "timeUnixNano", e->ts);
        put_text(j, "name", e->name);
        put_fields(j, e->attributes);
        json_end_object(j);
    }
    json_end_array(j);
}

static void put_links(struct json *j, const struct tsdb_span *s, enum otlp_dialect dialect)
{
    if (s->link_count == 0)
        return;
    json_key(j, "links");
    json_array(j);
    for (uint32_t i = 0; i < s->link_count; i++) {
        const struct tsdb_span_link *l = &s->links[i];
        json_object(j);
        put_id(j, "traceId", l->trace_id.at, sizeof l->trace_id.at, dialect);
        put_id(j, "spanId", l->span_id.at, sizeof l->span_id.at, dialect);
        put_text(j, "traceState", l->trace_state);
        put_fields(j, l->attributes);
        put_count(j, "flags", l->flags);
        json_end_object(j);
    }
    json_end_array(j);
}

static void put_span(struct json *j, const struct tsdb_span *s, enum otlp_dialect dialect)
{
    static const char *const kinds[] = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL",
                                        "SPAN_KIND_SERVER",      "SPAN_KIND_CLIENT",
                                        "SPAN_KIND_PRODUCER",    "SPAN_KIND_CONSUMER"};
    json_object(j);
    put_id(j, "traceId", s->trace_id.at, sizeof s->trace_id.at, dialect);
    put_id(j, "spanId", s->span_id.at, sizeof s->span_id.at, dialect);
    put_text(j, "traceState", s->trace_state);
    if (!is_zero(s->parent_id.at, sizeof s->parent_id.at))
        put_id(j, "parentSpanId", s->parent_id.at, sizeof s->parent_id.at, dialect);
    put_count(j, "flags", s->flags);
    put_text(j, "name", s->name);
    put_enum(j, "kind", s->kind, dialect, kinds, sizeof kinds / sizeof kinds[0]);
    put_time(j, "startTimeUnixNano", s->start);
    put_time(j, "endTimeUnixNano", s->end);
    put_fields(j, s->attributes);
    put_events(j, s);
    put_count(j, "droppedEventsCount", s->dropped_events);
    put_links(j, s, dialect);
    put_count(j, "droppedLinksCount", s->dropped_links);
    put_status(j, s, dialect);
    json_end_object(j);
}

static void put_source(struct json *j, const struct tsdb_span_source *source)
{
    json_key(j, "resource");
    json_object(j);
    put_fields(j, source->resource);
    json_end_object(j);
    put_text(j, "schemaUrl", source->resource_schema_url);
    json_key(j, "scopeSpans");
    json_array(j);
    json_object(j);
    json_key(j, "scope");
    json_object(j);
    put_text(j, "name", source->scope_name);
    put_text(j, "version", source->scope_version);
    put_fields(j, source->scope);
    json_end_object(j);
    put_text(j, "schemaUrl", source->scope_schema_url);
}

void otlp_trace_json(struct json *j, const struct tsdb_trace *trace, enum otlp_dialect dialect)
{
    struct by_source b = by_source_of(trace);
    for (uint32_t k = 0; k < trace->source_count; k++) {
        if (b.first[k] == 0)
            continue;
        json_object(j);
        put_source(j, &trace->sources[k]);
        json_key(j, "spans");
        json_array(j);
        for (uint32_t i = b.first[k]; i > 0; i = b.next[i - 1])
            put_span(j, &trace->spans[i - 1], dialect);
        json_end_array(j);
        json_end_object(j);
        json_end_array(j);
        json_end_object(j);
    }
    by_source_release(&b);
}

/* ---- protocol buffers ------------------------------------------------------------------------ */

static void write_fields(struct writer *w, unsigned number, struct tsdb_fields fields)
{
    attributes_protobuf(w, number, fields);
    protobuf_u64(w, number + 1, fields.dropped); /* in every message the next */
}

static void write_event(struct writer *w, const struct tsdb_span_event *e)
{
    size_t at = protobuf_begin(w, 11);
    protobuf_fixed64(w, 1, (uint64_t)e->ts);
    protobuf_text(w, 2, e->name);
    write_fields(w, 3, e->attributes);
    protobuf_end(w, at);
}

static void write_link(struct writer *w, const struct tsdb_span_link *l)
{
    size_t at = protobuf_begin(w, 13);
    protobuf_bytes(w, 1, l->trace_id.at, sizeof l->trace_id.at);
    protobuf_bytes(w, 2, l->span_id.at, sizeof l->span_id.at);
    protobuf_text(w, 3, l->trace_state);
    write_fields(w, 4, l->attributes);
    protobuf_fixed32(w, 6, l->flags);
    protobuf_end(w, at);
}

static void write_span(struct writer *w, const struct tsdb_span *s)
{
    size_t at = protobuf_begin(w, 2);
    protobuf_bytes(w, 1, s->trace_id.at, sizeof s->trace_id.at);
    protobuf_bytes(w, 2, s->span_id.at, sizeof s->span_id.at);
    protobuf_text(w, 3, s->trace_state);
    if (!is_zero(s->parent_id.at, sizeof s->parent_id.at))
        protobuf_bytes(w, 4, s->parent_id.at, sizeof s->parent_id.at);
    protobuf_text(w, 5, s->name);
    protobuf_u64(w, 6, s->kind);
    protobuf_fixed64(w, 7, (uint64_t)s->start);
    protobuf_fixed64(w, 8, (uint64_t)s->end);
    write_fields(w, 9, s->attributes);
    for (uint32_t i = 0; i < s->event_count; i++)
        write_event(w, &s->events[i]);
    protobuf_u64(w, 12, s->dropped_events);
    for (uint32_t i = 0; i < s->link_count; i++)
        write_link(w, &s->links[i]);
    protobuf_u64(w, 14, s->dropped_links);
    size_t status = protobuf_begin(w, 15);
    protobuf_text(w, 2, s->status_message);
    protobuf_u64(w, 3, s->status);
    protobuf_end(w, status);
    protobuf_fixed32(w, 16, s->flags);
    protobuf_end(w, at);
}

static void write_scope(struct writer *w, const struct tsdb_span_source *source)
{
    size_t at = protobuf_begin(w, 1);
    protobuf_text(w, 1, source->scope_name);
    protobuf_text(w, 2, source->scope_version);
    write_fields(w, 3, source->scope);
    protobuf_end(w, at);
}

void otlp_trace_protobuf(struct writer *w, unsigned number, const struct tsdb_trace *trace)
{
    struct by_source b = by_source_of(trace);
    for (uint32_t k = 0; k < trace->source_count; k++) {
        const struct tsdb_span_source *source = &trace->sources[k];
        if (b.first[k] == 0)
            continue;
        size_t all = protobuf_begin(w, number);
        size_t resource = protobuf_begin(w, 1);
        write_fields(w, 1, source->resource);
        protobuf_end(w, resource);
        size_t spans = protobuf_begin(w, 2);
        write_scope(w, source);
        for (uint32_t i = b.first[k]; i > 0; i = b.next[i - 1])
            write_span(w, &trace->spans[i - 1]);
        protobuf_text(w, 3, source->scope_schema_url);
        protobuf_end(w, spans);
        protobuf_text(w, 3, source->resource_schema_url);
        protobuf_end(w, all);
    }
    by_source_release(&b);
}
