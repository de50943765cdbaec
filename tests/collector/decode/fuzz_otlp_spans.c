/* OTLP traces against protobuf-c: what it accepts is accepted, and a message that it packs
 * is read as the tree it was packed from says. */
#include "collector/decode/otlp_spans.h"
#include "proto/otlp_trace.pb-c.h"
#include "tests/collector/decode/oracle.h"

#include "tests/collector/decode/collect_spans.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* ---- building ----------------------------------------------------------------------- */

static Otlp__KeyValue **build_attributes(struct entropy *e, size_t *count, int depth);

static Otlp__AnyValue *build_value(struct entropy *e, int depth)
{
    static uint8_t raw[] = {0, 0xff, 'x'};
    Otlp__AnyValue *v = ORACLE_NEW(Otlp__AnyValue);
    otlp__any_value__init(v);
    v->value_case = (Otlp__AnyValue__ValueCase)entropy_below(e, depth > 0 ? 8 : 5);
    switch ((int)v->value_case) {
    case OTLP__ANY_VALUE__VALUE_STRING_VALUE: v->string_value = entropy_text(e); break;
    case OTLP__ANY_VALUE__VALUE_BOOL_VALUE: v->bool_value = entropy_u8(e) & 1; break;
    case OTLP__ANY_VALUE__VALUE_INT_VALUE: v->int_value = (int64_t)entropy_u64(e); break;
    case OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE: v->double_value = entropy_double(e); break;
    case OTLP__ANY_VALUE__VALUE_BYTES_VALUE:
        v->bytes_value = (ProtobufCBinaryData){entropy_below(e, 4), raw};
        break;
    case OTLP__ANY_VALUE__VALUE_ARRAY_VALUE:
        v->array_value = ORACLE_NEW(Otlp__ArrayValue);
        otlp__array_value__init(v->array_value);
        v->array_value->n_values = entropy_below(e, 3);
        v->array_value->values = ORACLE_ARRAY(Otlp__AnyValue *, 3);
        for (size_t i = 0; i < v->array_value->n_values; i++)
            v->array_value->values[i] = build_value(e, depth - 1);
        break;
    case OTLP__ANY_VALUE__VALUE_KVLIST_VALUE:
        v->kvlist_value = ORACLE_NEW(Otlp__KeyValueList);
        otlp__key_value_list__init(v->kvlist_value);
        v->kvlist_value->values = build_attributes(e, &v->kvlist_value->n_values, depth - 1);
        break;
    default: break;
    }
    return v;
}

static Otlp__KeyValue **build_attributes(struct entropy *e, size_t *count, int depth)
{
    *count = entropy_below(e, 4);
    Otlp__KeyValue **list = ORACLE_ARRAY(Otlp__KeyValue *, *count);
    for (size_t i = 0; i < *count; i++) {
        list[i] = ORACLE_NEW(Otlp__KeyValue);
        otlp__key_value__init(list[i]);
        list[i]->key = entropy_text(e);
        list[i]->value = entropy_u8(e) == 9 ? NULL : build_value(e, depth);
    }
    return list;
}

/* Nearly always of the right length, and never all zero then. */
static ProtobufCBinaryData build_id(struct entropy *e, size_t len, bool is_optional)
{
    uint8_t pick = entropy_u8(e);
    uint8_t *at = ORACLE_ARRAY(uint8_t, 20);
    at[0] = pick != 7;
    at[len - 1] = pick & 3;
    if (is_optional && pick % 4 == 0)
        len = 0;
    return (ProtobufCBinaryData){pick == 9 ? len + 1 : pick == 11 && len > 0 ? len - 1 : len, at};
}

static Otlp__Span__Event *build_event(struct entropy *e)
{
    Otlp__Span__Event *v = ORACLE_NEW(Otlp__Span__Event);
    otlp__span__event__init(v);
    v->time_unix_nano = entropy_u64(e);
    v->name = entropy_text(e);
    v->attributes = build_attributes(e, &v->n_attributes, 1);
    v->dropped_attributes_count = (uint32_t)entropy_below(e, 3);
    return v;
}

static Otlp__Span__Link *build_link(struct entropy *e)
{
    Otlp__Span__Link *v = ORACLE_NEW(Otlp__Span__Link);
    otlp__span__link__init(v);
    v->trace_id = build_id(e, 16, true);
    v->span_id = build_id(e, 8, true);
    v->trace_state = entropy_text(e);
    v->attributes = build_attributes(e, &v->n_attributes, 1);
    v->dropped_attributes_count = (uint32_t)entropy_below(e, 3);
    v->flags = (uint32_t)entropy_u64(e);
    return v;
}

static Otlp__Span *build_span(struct entropy *e)
{
    Otlp__Span *s = ORACLE_NEW(Otlp__Span);
    otlp__span__init(s);
    s->trace_id = build_id(e, 16, false);
    s->span_id = build_id(e, 8, false);
    s->parent_span_id = build_id(e, 8, true);
    s->trace_state = entropy_text(e);
    s->name = entropy_text(e);
    s->kind = (Otlp__Span__SpanKind)entropy_below(e, 7);
    s->start_time_unix_nano = entropy_u64(e);
    s->end_time_unix_nano = entropy_u64(e);
    s->attributes = build_attributes(e, &s->n_attributes, 3);
    s->dropped_attributes_count = (uint32_t)entropy_u64(e);
    s->n_events = entropy_below(e, 3);
    s->events = ORACLE_ARRAY(Otlp__Span__Event *, 3);
    for (size_t i = 0; i < s->n_events; i++)
        s->events[i] = build_event(e);
    s->dropped_events_count = (uint32_t)entropy_below(e, 3);
    s->n_links = entropy_below(e, 3);
    s->links = ORACLE_ARRAY(Otlp__Span__Link *, 3);
    for (size_t i = 0; i < s->n_links; i++)
        s->links[i] = build_link(e);
    s->dropped_links_count = (uint32_t)entropy_below(e, 3);
    s->flags = (uint32_t)entropy_u64(e);
    if (entropy_u8(e) & 1) {
        s->status = ORACLE_NEW(Otlp__Status);
        otlp__status__init(s->status);
        s->status->message = entropy_text(e);
        s->status->code = (Otlp__Status__StatusCode)entropy_u64(e);
    }
    return s;
}

static Otlp__ScopeSpans *build_scope(struct entropy *e)
{
    Otlp__ScopeSpans *out = ORACLE_NEW(Otlp__ScopeSpans);
    otlp__scope_spans__init(out);
    if (entropy_u8(e) & 1) {
        out->scope = ORACLE_NEW(Otlp__InstrumentationScope);
        otlp__instrumentation_scope__init(out->scope);
        out->scope->name = entropy_text(e);
        out->scope->version = entropy_text(e);
        out->scope->attributes = build_attributes(e, &out->scope->n_attributes, 1);
        out->scope->dropped_attributes_count = (uint32_t)entropy_below(e, 2);
    }
    out->schema_url = entropy_text(e);
    out->n_spans = entropy_below(e, 3);
    out->spans = ORACLE_ARRAY(Otlp__Span *, 3);
    for (size_t i = 0; i < out->n_spans; i++)
        out->spans[i] = build_span(e);
    return out;
}

static struct bytes pack(const Otlp__ExportTraceServiceRequest *request)
{
    size_t len = otlp__export_trace_service_request__get_packed_size(request);
    uint8_t *at = ORACLE_ARRAY(uint8_t, len + 1);
    otlp__export_trace_service_request__pack(request, at);
    return (struct bytes){at, len};
}

static struct bytes build(struct entropy *e)
{
    Otlp__ExportTraceServiceRequest request = OTLP__EXPORT_TRACE_SERVICE_REQUEST__INIT;
    request.n_resource_spans = 1 + entropy_below(e, 3);
    request.resource_spans = ORACLE_ARRAY(Otlp__ResourceSpans *, request.n_resource_spans);
    for (size_t i = 0; i < request.n_resource_spans; i++) {
        Otlp__ResourceSpans *rs = request.resource_spans[i] = ORACLE_NEW(Otlp__ResourceSpans);
        otlp__resource_spans__init(rs);
        if (entropy_u8(e) & 1) {
            rs->resource = ORACLE_NEW(Otlp__Resource);
            otlp__resource__init(rs->resource);
            rs->resource->attributes = build_attributes(e, &rs->resource->n_attributes, 2);
            rs->resource->dropped_attributes_count = (uint32_t)entropy_below(e, 2);
        }
        rs->schema_url = entropy_text(e);
        rs->n_scope_spans = 1 + entropy_below(e, 2);
        rs->scope_spans = ORACLE_ARRAY(Otlp__ScopeSpans *, 2);
        for (size_t k = 0; k < rs->n_scope_spans; k++)
            rs->scope_spans[k] = build_scope(e);
    }
    struct bytes out = pack(&request);
    oracle_damage(e, (uint8_t *)(uintptr_t)out.at, out.len);
    return out;
}

/* ---- what the tree says, as spans ------------------------------------------------------ */

static void json_double(struct writer *w, double v)
{
    char digits[DOUBLE_TEXT_MAX];
    bool is_plain = v == 0 || (fabs(v) >= 1e-6 && fabs(v) < 1e21);
    size_t n = isfinite(v) && is_plain ? double_format(v, digits) : double_format_g(v, digits);
    writer_text(w, isfinite(v) ? "" : "\"");
    writer_put(w, digits, n);
    if (isfinite(v) && !memchr(digits, '.', n) && !memchr(digits, 'e', n))
        writer_text(w, ".0");
    writer_text(w, isfinite(v) ? "" : "\"");
}

static void json_text(struct writer *w, const char *t)
{
    writer_u8(w, '"');
    for (; *t; t++) {
        if (*t == '"' || *t == '\\')
            writer_format(w, "\\%c", *t);
        else if (*t == '\n' || *t == '\r' || *t == '\t')
            writer_format(w, "\\%c", *t == '\n' ? 'n' : *t == '\r' ? 'r' : 't');
        else if ((uint8_t)*t < 0x20)
            writer_format(w, "\\u%04x", (uint8_t)*t);
        else
            writer_u8(w, (uint8_t)*t);
    }
    writer_u8(w, '"');
}

static void json_value(struct writer *w, const Otlp__AnyValue *v)
{
    char base64[BASE64_BYTES(ORACLE_BYTES_MAX)];
    switch (v ? (int)v->value_case : 0) {
    case OTLP__ANY_VALUE__VALUE_STRING_VALUE: json_text(w, v->string_value); break;
    case OTLP__ANY_VALUE__VALUE_BOOL_VALUE: writer_text(w, v->bool_value ? "true" : "false"); break;
    case OTLP__ANY_VALUE__VALUE_INT_VALUE: writer_format(w, "%lld", (long long)v->int_value); break;
    case OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE: json_double(w, v->double_value); break;
    case OTLP__ANY_VALUE__VALUE_BYTES_VALUE:
        writer_u8(w, '"');
        writer_put(w, base64, base64_encode(v->bytes_value.data, v->bytes_value.len, base64));
        writer_u8(w, '"');
        break;
    case OTLP__ANY_VALUE__VALUE_ARRAY_VALUE:
        writer_u8(w, '[');
        for (size_t i = 0; i < v->array_value->n_values; i++) {
            writer_text(w, i > 0 ? "," : "");
            json_value(w, v->array_value->values[i]);
        }
        writer_u8(w, ']');
        break;
    case OTLP__ANY_VALUE__VALUE_KVLIST_VALUE:
        writer_u8(w, '{');
        for (size_t i = 0; i < v->kvlist_value->n_values; i++) {
            writer_text(w, i > 0 ? "," : "");
            json_text(w, v->kvlist_value->values[i]->key);
            writer_u8(w, ':');
            json_value(w, v->kvlist_value->values[i]->value);
        }
        writer_u8(w, '}');
        break;
    default: writer_text(w, "null");
    }
}

static struct tsdb_field field_of(const Otlp__KeyValue *kv)
{
    const Otlp__AnyValue *v = kv->value;
    struct tsdb_field f = {.name = text_of(kv->key), .type = TSDB_FIELD_STRING};
    f.text = text_of("");
    switch (v ? (int)v->value_case : 0) {
    case OTLP__ANY_VALUE__VALUE_STRING_VALUE: f.text = text_of(v->string_value); break;
    case OTLP__ANY_VALUE__VALUE_BOOL_VALUE:
        f.type = TSDB_FIELD_BOOL;
        f.integer = v->bool_value != 0;
        break;
    case OTLP__ANY_VALUE__VALUE_INT_VALUE:
        f.type = TSDB_FIELD_INT;
        f.integer = v->int_value;
        break;
    case OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE:
        f.type = TSDB_FIELD_DOUBLE;
        f.real = v->double_value;
        break;
    case OTLP__ANY_VALUE__VALUE_BYTES_VALUE:
        f.type = TSDB_FIELD_BYTES;
        f.text = (struct tsdb_text){(const char *)v->bytes_value.data, v->bytes_value.len};
        break;
    case OTLP__ANY_VALUE__VALUE_ARRAY_VALUE:
    case OTLP__ANY_VALUE__VALUE_KVLIST_VALUE: {
        struct writer w = {0};
        f.type = TSDB_FIELD_JSON;
        json_value(&w, v);
        char *at = ORACLE_ARRAY(char, w.len + 1);
        memcpy(at, w.at, w.len);
        f.text = (struct tsdb_text){at, w.len};
        writer_release(&w);
        break;
    }
    default: break;
    }
    return f;
}

static struct tsdb_fields fields_of(Otlp__KeyValue *const *list, size_t count, uint32_t dropped)
{
    struct tsdb_field *at = ORACLE_ARRAY(struct tsdb_field, count);
    struct tsdb_fields out = {at, 0, dropped};
    for (size_t i = 0; i < count; i++)
        if (*list[i]->key)
            at[out.count++] = field_of(list[i]);
    return out;
}

static int64_t ns_of(uint64_t v)
{
    return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static void copy_id(ProtobufCBinaryData from, uint8_t *to, size_t len)
{
    if (from.len == len)
        memcpy(to, from.data, len);
}

static struct tsdb_span_event event_of(const Otlp__Span__Event *v)
{
    return (struct tsdb_span_event){
        .ts = ns_of(v->time_unix_nano),
        .name = text_of(v->name),
        .attributes = fields_of(v->attributes, v->n_attributes, v->dropped_attributes_count)};
}

static struct tsdb_span_link link_of(const Otlp__Span__Link *v)
{
    struct tsdb_span_link out = {
        .trace_state = text_of(v->trace_state),
        .attributes = fields_of(v->attributes, v->n_attributes, v->dropped_attributes_count),
        .flags = v->flags};
    copy_id(v->trace_id, out.trace_id.at, 16);
    copy_id(v->span_id, out.span_id.at, 8);
    return out;
}

static uint8_t small(uint32_t v)
{
    return v < 256 ? (uint8_t)v : 0;
}

static void put_span(struct collect *out, const struct tsdb_span_source *source,
                     const Otlp__Span *v)
{
    struct tsdb_span_event *events = ORACLE_ARRAY(struct tsdb_span_event, v->n_events);
    struct tsdb_span_link *links = ORACLE_ARRAY(struct tsdb_span_link, v->n_links);
    for (size_t i = 0; i < v->n_events; i++)
        events[i] = event_of(v->events[i]);
    for (size_t i = 0; i < v->n_links; i++)
        links[i] = link_of(v->links[i]);
    struct tsdb_span s = {
        .flags = v->flags,
        .start = ns_of(v->start_time_unix_nano),
        .end = ns_of(v->end_time_unix_nano),
        .kind = small((uint32_t)v->kind),
        .status = v->status ? small((uint32_t)v->status->code) : 0,
        .name = text_of(v->name),
        .status_message = text_of(v->status ? v->status->message : ""),
        .trace_state = text_of(v->trace_state),
        .attributes = fields_of(v->attributes, v->n_attributes, v->dropped_attributes_count),
        .events = events,
        .links = links,
        .event_count = (uint32_t)v->n_events,
        .link_count = (uint32_t)v->n_links,
        .dropped_events = v->dropped_events_count,
        .dropped_links = v->dropped_links_count,
    };
    copy_id(v->trace_id, s.trace_id.at, 16);
    copy_id(v->span_id, s.span_id.at, 8);
    copy_id(v->parent_span_id, s.parent_id.at, 8);
    collect_span(out, source, &s);
}

static bool is_id(ProtobufCBinaryData id, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < id.len; i++)
        any |= id.data[i];
    return id.len == len && any;
}

/* Whether the decoder takes it, but for its attributes. */
static bool is_taken(const Otlp__Span *v)
{
    bool ok = is_id(v->trace_id, 16) && is_id(v->span_id, 8) &&
              (v->parent_span_id.len == 0 || v->parent_span_id.len == 8);
    for (size_t i = 0; i < v->n_links; i++)
        ok &= (v->links[i]->trace_id.len == 0 || v->links[i]->trace_id.len == 16) &&
              (v->links[i]->span_id.len == 0 || v->links[i]->span_id.len == 8);
    return ok;
}

static uint64_t put_request(struct collect *out, const Otlp__ExportTraceServiceRequest *r)
{
    uint64_t refused = 0;
    for (size_t i = 0; i < r->n_resource_spans; i++)
        for (size_t k = 0; k < r->resource_spans[i]->n_scope_spans; k++) {
            const Otlp__ResourceSpans *rs = r->resource_spans[i];
            const Otlp__ScopeSpans *ss = rs->scope_spans[k];
            struct tsdb_span_source source = {.scope_name = text_of(""),
                                              .scope_version = text_of(""),
                                              .resource_schema_url = text_of(rs->schema_url),
                                              .scope_schema_url = text_of(ss->schema_url)};
            if (rs->resource)
                source.resource = fields_of(rs->resource->attributes, rs->resource->n_attributes,
                                            rs->resource->dropped_attributes_count);
            if (ss->scope) {
                source.scope = fields_of(ss->scope->attributes, ss->scope->n_attributes,
                                         ss->scope->dropped_attributes_count);
                source.scope_name = text_of(ss->scope->name);
                source.scope_version = text_of(ss->scope->version);
            }
            for (size_t n = 0; n < ss->n_spans; n++) {
                if (is_taken(ss->spans[n]))
                    put_span(out, &source, ss->spans[n]);
                else
                    refused++;
            }
        }
    return refused;
}

/* ---- both -------------------------------------------------------------------------------- */

static enum tsdb_status decode(struct bytes in, struct collect_spans *got,
                               struct decode_tally *tally)
{
    struct arena arena;
    arena_init(&arena, (size_t)64 << 20, NULL);
    struct decode_span_task task = collect_span_task(got, &arena);
    enum tsdb_status st = otlp_spans_decode(&task, in, tally, NULL);
    collect_spans_check(got, tally, st);
    arena_release(&arena);
    return st;
}

static void check(struct bytes in)
{
    struct collect_spans *raw = collect_spans_new(), *got = collect_spans_new();
    struct collect *want = collect_new();
    struct decode_tally tally;
    enum tsdb_status st = decode(in, raw, &tally);
    Otlp__ExportTraceServiceRequest *r =
        oracle_may_see(in) ? otlp__export_trace_service_request__unpack(NULL, in.len, in.at) : NULL;
    if (r) {
        struct bytes packed = pack(r);
        /* protobuf-c takes a bool of any wire type; what it would pack itself, never */
        ASSERT(st == TSDB_OK || packed.len != in.len || memcmp(packed.at, in.at, in.len) != 0);
        ASSERT(decode(packed, got, &tally) == TSDB_OK);
        uint64_t refused = put_request(want, r);
        /* more are refused for keys that are not UTF-8, which are not looked at here */
        ASSERT(tally_rejected(&tally) >= refused);
        if (tally_rejected(&tally) == refused && !got->base.has_nul)
            oracle_compare(&got->base, want);
        otlp__export_trace_service_request__free_unpacked(r, NULL);
    }
    collect_spans_free(raw);
    collect_spans_free(got);
    collect_free(want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct entropy e = {data, len};
    if (len == 0)
        return 0;
    arena_reset(oracle_arena());
    if (entropy_u8(&e) & 1)
        check(build(&e));
    else
        check((struct bytes){e.at, e.len});
    return 0;
}
