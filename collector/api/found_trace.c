#include "collector/api/found_trace.h"

#include "collector/api/attribute.h"
#include "collector/net/protobuf.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"

static uint32_t duration_ms(const struct tsdb_found_trace *t)
{
    int64_t ms = t->duration / NS_PER_MS;
    return ms < 0 ? 0 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static uint64_t duration_ns(const struct tsdb_found_span *s)
{
    return s->duration > 0 ? (uint64_t)s->duration : 0;
}

/* ---- JSON --------------------------------------------------------------------------------- */

static void put_span(struct json *j, const struct tsdb_found_span *s)
{
    json_object(j);
    json_key(j, "spanID");
    attribute_hex_json(j, s->id.at, sizeof s->id.at);
    json_key(j, "name");
    json_text(j, s->name);
    json_key(j, "startTimeUnixNano");
    attribute_i64_json(j, s->start);
    json_key(j, "durationNanos");
    attribute_u64_json(j, duration_ns(s));
    attributes_json(j, "attributes", s->attributes);
    json_end_object(j);
}

static void put_set(struct json *j, const struct tsdb_span_set *set)
{
    json_object(j);
    json_key(j, "spans");
    json_array(j);
    for (uint32_t i = 0; i < set->span_count; i++)
        put_span(j, &set->spans[i]);
    json_end_array(j);
    json_key(j, "matched");
    json_u64(j, set->matched);
    attributes_json(j, "attributes", set->attributes);
    json_end_object(j);
}

static void put_services(struct json *j, const struct tsdb_found_trace *t)
{
    json_key(j, "serviceStats");
    json_object(j);
    for (uint32_t i = 0; i < t->service_count; i++) {
        json_key_text(j, t->services[i].service);
        json_object(j);
        json_key(j, "spanCount");
        json_u64(j, t->services[i].spans);
        if (t->services[i].errors > 0) {
            json_key(j, "errorCount");
            json_u64(j, t->services[i].errors);
        }
        json_end_object(j);
    }
    json_end_object(j);
}

void found_trace_json(struct json *j, const struct tsdb_found_trace *t)
{
    json_object(j);
    json_key(j, "traceID");
    attribute_hex_json(j, t->id.at, sizeof t->id.at);
    json_key(j, "rootServiceName");
    json_text(j, t->root_service);
    json_key(j, "rootTraceName");
    json_text(j, t->root_name);
    json_key(j, "startTimeUnixNano");
    attribute_i64_json(j, t->start);
    json_key(j, "durationMs");
    json_u64(j, duration_ms(t));
    json_key(j, "spanSets");
    json_array(j);
    for (uint32_t i = 0; i < t->set_count; i++)
        put_set(j, &t->sets[i]);
    json_end_array(j);
    put_services(j, t);
    json_end_object(j);
}

/* ---- protocol buffers ------------------------------------------------------------------------ */

/* An id as a text of hex. */
static void write_hex(struct writer *w, unsigned number, const uint8_t *at, size_t len)
{
    size_t from = protobuf_begin(w, number);
    w->len += hex_encode(at, len, (char *)writer_reserve(w, 2 * len));
    protobuf_end(w, from);
}

static void write_set(struct writer *w, const struct tsdb_span_set *set)
{
    for (uint32_t i = 0; i < set->span_count; i++) {
        const struct tsdb_found_span *s = &set->spans[i];
        size_t span = protobuf_begin(w, 1);
        write_hex(w, 1, s->id.at, sizeof s->id.at);
        protobuf_text(w, 2, s->name);
        protobuf_u64(w, 3, (uint64_t)s->start);
        protobuf_u64(w, 4, duration_ns(s));
        attributes_protobuf(w, 5, s->attributes);
        protobuf_end(w, span);
    }
    protobuf_u64(w, 2, set->matched);
    attributes_protobuf(w, 3, set->attributes);
}

void found_trace_protobuf(struct writer *w, const struct tsdb_found_trace *t)
{
    write_hex(w, 1, t->id.at, sizeof t->id.at);
    protobuf_text(w, 2, t->root_service);
    protobuf_text(w, 3, t->root_name);
    protobuf_u64(w, 4, (uint64_t)t->start);
    protobuf_u64(w, 5, duration_ms(t));
    for (uint32_t i = 0; i < t->set_count; i++) {
        size_t set = protobuf_begin(w, 7);
        write_set(w, &t->sets[i]);
        protobuf_end(w, set);
    }
    for (uint32_t i = 0; i < t->service_count; i++) {
        size_t entry = protobuf_begin(w, 8);
        protobuf_text(w, 1, t->services[i].service);
        size_t stats = protobuf_begin(w, 2);
        protobuf_u64(w, 1, t->services[i].spans);
        protobuf_u64(w, 2, t->services[i].errors);
        protobuf_end(w, stats);
        protobuf_end(w, entry);
    }
}
