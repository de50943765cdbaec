#include "collector/derive/derived_set.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <stdlib.h>
#include <string.h>

#define EDGE_FAMILIES                                                                              \
    .counters = {{"traces_service_graph_request_total", "Requests between two services.",          \
                  TSDB_METRIC_COUNTER},                                                            \
                 {"traces_service_graph_request_failed_total",                                     \
                  "Requests between two services of which a side failed.", TSDB_METRIC_COUNTER}},  \
    .latencies = {{"traces_service_graph_request_server_seconds",                                  \
                   "Duration of requests as the server saw it.", TSDB_METRIC_HISTOGRAM},           \
                  {"traces_service_graph_request_client_seconds",                                  \
                   "Duration of requests as the client saw it.", TSDB_METRIC_HISTOGRAM},           \
                  {"traces_service_graph_request_messaging_system_seconds",                        \
                   "From the end of producing to the start of consuming.",                         \
                   TSDB_METRIC_HISTOGRAM}},                                                        \
    .counter_count = 2, .bucket_count = 9, .unit_ns = 100000000

const struct set_shape set_shapes[SET_KIND_COUNT] = {
    [SET_SPANS] =
        {
            .counters = {{"traces_spanmetrics_calls_total", "Spans.", TSDB_METRIC_COUNTER},
                         {"traces_spanmetrics_size_total", "Bytes of spans, as OTLP writes them.",
                          TSDB_METRIC_COUNTER}},
            .latencies = {{"traces_spanmetrics_latency", "Duration of spans, in seconds.",
                           TSDB_METRIC_HISTOGRAM}},
            .counter_count = 2,
            .latency_count = 1,
            .bucket_count = 15,
            .unit_ns = 2000000,
        },
    [SET_EDGES] = {EDGE_FAMILIES, .latency_count = 2},
    [SET_MESSAGING_EDGES] = {EDGE_FAMILIES, .latency_count = 3},
    [SET_TARGET] =
        {
            .counters = {{"traces_target_info", "Attributes of the resource that spans come from.",
                          TSDB_METRIC_GAUGE}},
            .counter_count = 1,
        },
};

/* ---- life -------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return text_compare(((const struct tsdb_label *)a)->name, ((const struct tsdb_label *)b)->name);
}

static struct tsdb_text copy_text(char **to, struct tsdb_text text)
{
    struct tsdb_text copy = {*to, text.len};
    memcpy(*to, text.at, text.len);
    *to += text.len;
    return copy;
}

static struct tsdb_hash identity_of(const struct derived_set *s, uint64_t seed)
{
    static const char room[] = "derived";
    struct tsdb_hash h = hash128(seed, room, sizeof room);
    for (uint32_t i = 0; i < s->label_count; i++) {
        const struct tsdb_label *l = &s->labels[i];
        h = hash_combine(h, hash128(seed, l->name.at, l->name.len));
        h = hash_combine(h, hash128(seed, l->value.at, l->value.len));
    }
    return h;
}

struct derived_set *derived_set_new(enum set_kind kind, struct tsdb_labels labels, uint64_t seed,
                                    struct budget *budget)
{
    size_t off =
        sizeof(struct derived_set) + set_shapes[kind].latency_count * sizeof(struct latency);
    size_t bytes = off + labels.count * sizeof(struct tsdb_label);
    ASSERT(labels.count <= SET_LABELS_MAX);
    for (uint32_t i = 0; i < labels.count; i++)
        bytes += labels.at[i].name.len + labels.at[i].value.len;
    if (budget && !budget_charge(budget, bytes))
        return NULL;
    uint8_t *block = mem_array(bytes, 1);
    struct derived_set *s = (struct derived_set *)(void *)block;
    s->kind = kind;
    s->bytes = bytes;
    s->labels = (struct tsdb_label *)(void *)(block + off);
    char *texts = (char *)(s->labels + labels.count);
    for (uint32_t i = 0; i < labels.count; i++) {
        const struct tsdb_label *l = &labels.at[i];
        if (l->value.len > 0)
            s->labels[s->label_count++] =
                (struct tsdb_label){copy_text(&texts, l->name), copy_text(&texts, l->value)};
    }
    qsort(s->labels, s->label_count, sizeof *s->labels, by_name);
    s->identity = identity_of(s, seed);
    return s;
}

void derived_set_free(struct derived_set *s, struct budget *budget)
{
    if (!s)
        return;
    if (budget)
        budget_release(budget, s->bytes);
    mem_free(s);
}

/* ---- counting ------------------------------------------------------------------------------ */

void latency_mark(struct latency *l, unsigned bucket, double seconds, const struct span_mark *mark)
{
    struct latency_exemplar *e = NULL;
    l->marked |= (uint16_t)(1u << bucket);
    if (l->exemplar_count < LATENCY_EXEMPLARS_MAX)
        e = &l->exemplars[l->exemplar_count++];
    else
        for (unsigned i = 0; i < LATENCY_EXEMPLARS_MAX; i++)
            if (l->exemplars[i].bucket < bucket && (!e || l->exemplars[i].bucket < e->bucket))
                e = &l->exemplars[i];
    if (e)
        *e = (struct latency_exemplar){*mark, seconds, (uint8_t)bucket};
}

/* ---- series --------------------------------------------------------------------------------- */

/* Where in its histogram a series lies: below bucket_count a bucket, then sum, count. */
struct series_place {
    unsigned latency, part;
};

static struct series_place place_of(const struct set_shape *shape, uint32_t series)
{
    unsigned parts = shape->bucket_count + 2u, at = series - shape->counter_count;
    ASSERT(at < shape->latency_count * parts);
    return (struct series_place){at / parts, at % parts};
}

void derived_set_values(const struct derived_set *s, double out[SET_SERIES_MAX])
{
    const struct set_shape *shape = &set_shapes[s->kind];
    uint32_t n = 0;
    for (unsigned i = 0; i < shape->counter_count; i++)
        out[n++] = s->counters[i];
    for (unsigned i = 0; i < shape->latency_count; i++) {
        const struct latency *l = &s->latencies[i];
        uint64_t total = 0;
        for (unsigned bucket = 0; bucket < shape->bucket_count; bucket++) {
            total += l->buckets[bucket];
            out[n++] = (double)total;
        }
        out[n++] = l->sum;
        out[n++] = (double)total;
    }
    ASSERT(n == set_series_count(s->kind));
}

uint32_t derived_set_bucket_series(enum set_kind kind, unsigned latency, unsigned bucket)
{
    const struct set_shape *shape = &set_shapes[kind];
    return shape->counter_count + latency * (shape->bucket_count + 2u) + bucket;
}

static uint8_t put_name(char *out, const char *name, const char *suffix)
{
    size_t len = strlen(name), more = strlen(suffix);
    ASSERT(len + more < SERIES_NAME_MAX);
    memcpy(out, name, len);
    memcpy(out + len, suffix, more + 1);
    return (uint8_t)(len + more);
}

void series_name_format(enum set_kind kind, uint32_t series, struct series_name *out)
{
    const struct set_shape *shape = &set_shapes[kind];
    *out = (struct series_name){0};
    if (series < shape->counter_count) {
        out->name_len = put_name(out->name, shape->counters[series].name, "");
        return;
    }
    struct series_place at = place_of(shape, series);
    const char *family = shape->latencies[at.latency].name;
    if (at.part >= shape->bucket_count) {
        out->name_len =
            put_name(out->name, family, at.part == shape->bucket_count ? "_sum" : "_count");
        return;
    }
    out->name_len = put_name(out->name, family, "_bucket");
    char digits[DOUBLE_TEXT_MAX];
    size_t len = 4;
    memcpy(digits, "+Inf", len);
    if (at.part + 1u < shape->bucket_count)
        len = double_format((double)(shape->unit_ns << at.part) / 1e9, digits);
    ASSERT(len < SERIES_BOUND_MAX);
    memcpy(out->bound, digits, len);
    out->bound_len = (uint8_t)len;
}
