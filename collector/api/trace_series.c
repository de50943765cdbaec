#include "collector/api/trace_series.h"

#include "collector/api/attribute.h"
#include "collector/net/protobuf.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"

enum { IDS = 2 };

/* Labels are text; as a value of the attribute's type.  What does not parse stays text. */
static struct tsdb_field label_field(const struct trace_series *s, uint32_t i)
{
    const struct tsdb_label *label = &s->result.labels.at[i];
    struct tsdb_field f = {.name = label->name, .type = TSDB_FIELD_STRING, .text = label->value};
    unsigned type = s->label_types ? s->label_types[i] : TSDB_FIELD_STRING;
    double real;
    char again[24];
    bool is_number =
        (type == TSDB_FIELD_DOUBLE || type == TSDB_FIELD_INT) && double_parse(label->value, &real);
    if (type == TSDB_FIELD_BOOL) {
        f.type = TSDB_FIELD_BOOL;
        f.integer = text_equal(label->value, text_of("true"));
    } else if (is_number && type == TSDB_FIELD_DOUBLE) {
        f.type = TSDB_FIELD_DOUBLE;
        f.real = real;
    } else if (is_number) {
        uint64_t v = 0;
        bool is_negative = label->value.at[0] == '-';
        for (size_t k = is_negative; k < label->value.len; k++)
            v = v * 10 + (uint64_t)(label->value.at[k] - '0'); /* wraps; checked below */
        int64_t integer = (int64_t)(is_negative ? 0 - v : v);
        size_t n = i64_format(integer, again);
        if (text_equal((struct tsdb_text){again, n}, label->value)) {
            f.type = TSDB_FIELD_INT;
            f.integer = integer;
        }
    }
    return f;
}

static int64_t ms_of(int64_t ns)
{
    return ns / NS_PER_MS - (ns % NS_PER_MS < 0);
}

static void exemplar_ids(const struct tsdb_trace_exemplar *e, struct tsdb_field out[IDS])
{
    out[0] = (struct tsdb_field){.name = text_of("trace:id"),
                                 .type = TSDB_FIELD_ID,
                                 .text = {(const char *)e->trace_id.at, sizeof e->trace_id.at}};
    out[1] = (struct tsdb_field){.name = text_of("span:id"),
                                 .type = TSDB_FIELD_ID,
                                 .text = {(const char *)e->span_id.at, sizeof e->span_id.at}};
}

/* ---- JSON --------------------------------------------------------------------------------- */

static void put_labels(struct json *j, const struct trace_series *s)
{
    json_key(j, "labels");
    json_array(j);
    for (uint32_t i = 0; i < s->result.labels.count; i++) {
        struct tsdb_field f = label_field(s, i);
        json_object(j);
        json_key(j, "key");
        json_text(j, f.name);
        json_key(j, "value");
        attribute_value_json(j, &f);
        json_end_object(j);
    }
    json_end_array(j);
}

static void put_point(struct json *j, int64_t ts, double value)
{
    json_key(j, "timestampMs");
    attribute_i64_json(j, ms_of(ts));
    json_key(j, "value");
    attribute_double_json(j, value);
}

static void put_samples(struct json *j, const struct tsdb_result *r)
{
    json_key(j, "samples");
    json_array(j);
    for (uint32_t i = 0; i < r->count; i++) {
        json_object(j);
        put_point(j, r->ts[i], r->values[i]);
        json_end_object(j);
    }
    json_end_array(j);
}

static void put_exemplars(struct json *j, const struct trace_series *s)
{
    struct tsdb_field ids[IDS];
    if (s->exemplar_count == 0)
        return;
    json_key(j, "exemplars");
    json_array(j);
    for (uint32_t i = 0; i < s->exemplar_count; i++) {
        exemplar_ids(&s->exemplars[i], ids);
        json_object(j);
        attributes_json(j, "labels", (struct tsdb_fields){ids, IDS, 0});
        put_point(j, s->exemplars[i].ts, s->exemplars[i].value);
        json_end_object(j);
    }
    json_end_array(j);
}

void trace_series_json(struct json *j, const struct trace_series *s)
{
    json_object(j);
    put_labels(j, s);
    if (s->is_instant) {
        json_key(j, "value");
        attribute_double_json(j, s->result.count ? s->result.values[s->result.count - 1] : 0);
    } else {
        put_samples(j, &s->result);
        put_exemplars(j, s);
    }
    json_end_object(j);
}

/* ---- protocol buffers ------------------------------------------------------------------------ */

static void write_exemplar(struct writer *w, const struct tsdb_trace_exemplar *e)
{
    struct tsdb_field ids[IDS];
    exemplar_ids(e, ids);
    size_t at = protobuf_begin(w, 4);
    attributes_protobuf(w, 1, (struct tsdb_fields){ids, IDS, 0});
    protobuf_double_set(w, 2, e->value);
    protobuf_u64(w, 3, (uint64_t)ms_of(e->ts));
    protobuf_end(w, at);
}

void trace_series_protobuf(struct writer *w, const struct trace_series *s)
{
    const struct tsdb_result *r = &s->result;
    for (uint32_t i = 0; i < r->labels.count; i++) {
        struct tsdb_field f = label_field(s, i);
        attributes_protobuf(w, 1, (struct tsdb_fields){&f, 1, 0});
    }
    if (s->is_instant) {
        protobuf_double_set(w, 2, r->count ? r->values[r->count - 1] : 0);
        return;
    }
    for (uint32_t i = 0; i < r->count; i++) {
        size_t at = protobuf_begin(w, 2);
        protobuf_double_set(w, 1, r->values[i]);
        protobuf_u64(w, 2, (uint64_t)ms_of(r->ts[i]));
        protobuf_end(w, at);
    }
    for (uint32_t i = 0; i < s->exemplar_count; i++)
        write_exemplar(w, &s->exemplars[i]);
}
