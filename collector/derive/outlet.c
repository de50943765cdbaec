#include "collector/derive/outlet.h"

#include "collector/self/counters.h"
#include "collector/self/log.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <string.h>

enum {
    SET_EXEMPLARS_MAX = SET_LATENCIES_MAX * LATENCY_EXEMPLARS_MAX,
    FAMILIES_MAX = SET_KIND_COUNT * (SET_COUNTERS_MAX + SET_LATENCIES_MAX),
    LABELS_MAX = SET_LABELS_MAX + 2, /* the name, le */
};
_Static_assert((int)SET_SERIES_MAX <= (int)OUTLET_POINTS, "a set fits");

/* What ends a series, as Prometheus writes it. */
static double stale_marker(void)
{
    static const uint64_t bits = UINT64_C(0x7ff0000000000002);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Of which series a point is. */
struct outlet_origin {
    const struct derived_set *set; /* borrowed */
    uint32_t series;
};

struct outlet_exemplar_texts {
    char trace_id[2 * TSDB_TRACE_ID_BYTES], span_id[2 * TSDB_SPAN_ID_BYTES];
    struct tsdb_label labels[2];
};

struct outlet {
    struct tsdb *db; /* borrowed */
    const char *tenant;
    int64_t ts;
    uint32_t count, exemplar_count, metadata_count;
    struct tsdb_point points[OUTLET_POINTS];
    int64_t starts[OUTLET_POINTS];
    struct outlet_origin origins[OUTLET_POINTS];
    struct tsdb_exemplar exemplars[OUTLET_EXEMPLARS];
    struct outlet_exemplar_texts exemplar_texts[OUTLET_EXEMPLARS];
    struct tsdb_metadata metadata[FAMILIES_MAX];
    struct tsdb_label labels[LABELS_MAX]; /* of the point that was asked for last */
    struct series_name name;
    struct tsdb_hash series[SET_KIND_COUNT][SET_SERIES_MAX]; /* of their names and bounds */
};

static void put_family(struct outlet *o, const struct derived_family *f)
{
    for (uint32_t i = 0; i < o->metadata_count; i++)
        if (text_equal(o->metadata[i].family, text_of(f->name)))
            return;
    o->metadata[o->metadata_count++] =
        (struct tsdb_metadata){text_of(f->name), text_of(f->help), {"", 0}, f->type};
}

struct outlet *outlet_new(struct tsdb *db)
{
    struct outlet *o = MEM_NEW(struct outlet);
    uint64_t seed = tsdb_seed(db);
    o->db = db;
    for (unsigned kind = 0; kind < SET_KIND_COUNT; kind++) {
        const struct set_shape *shape = &set_shapes[kind];
        ASSERT(set_series_count(kind) <= SET_SERIES_MAX);
        for (uint32_t i = 0; i < set_series_count(kind); i++) {
            series_name_format(kind, i, &o->name);
            o->series[kind][i] = hash_combine(hash128(seed, o->name.name, o->name.name_len),
                                              hash128(seed, o->name.bound, o->name.bound_len));
        }
        for (unsigned i = 0; i < shape->counter_count; i++)
            put_family(o, &shape->counters[i]);
        for (unsigned i = 0; i < shape->latency_count; i++)
            put_family(o, &shape->latencies[i]);
    }
    return o;
}

void outlet_free(struct outlet *o)
{
    mem_free(o);
}

/* ---- filling ------------------------------------------------------------------------------ */

void outlet_begin(struct outlet *o, const char *tenant, int64_t ts)
{
    ASSERT(o->count == 0);
    o->tenant = tenant;
    o->ts = ts;
}

bool outlet_has_room(const struct outlet *o)
{
    return o->count + SET_SERIES_MAX <= OUTLET_POINTS &&
           o->exemplar_count + SET_EXEMPLARS_MAX <= OUTLET_EXEMPLARS;
}

static void put_point(struct outlet *o, const struct derived_set *s, uint32_t series, double value)
{
    o->points[o->count] = (struct tsdb_point){
        .key = hash_combine(s->identity, o->series[s->kind][series]), .ts = o->ts, .value = value};
    o->origins[o->count] = (struct outlet_origin){s, series};
    o->starts[o->count++] = 0;
}

static struct tsdb_label hex_label(const char *name, const uint8_t *id, size_t len, char *out)
{
    return (struct tsdb_label){text_of(name), {out, hex_encode(id, len, out)}};
}

static void put_exemplar(struct outlet *o, uint32_t point, const struct latency_exemplar *e)
{
    struct outlet_exemplar_texts *texts = &o->exemplar_texts[o->exemplar_count];
    texts->labels[0] = hex_label("span_id", e->mark.span_id.at, TSDB_SPAN_ID_BYTES, texts->span_id);
    texts->labels[1] =
        hex_label("trace_id", e->mark.trace_id.at, TSDB_TRACE_ID_BYTES, texts->trace_id);
    o->exemplars[o->exemplar_count++] =
        (struct tsdb_exemplar){point, e->mark.ts, e->value, {texts->labels, 2}};
}

void outlet_put(struct outlet *o, struct derived_set *s)
{
    const struct set_shape *shape = &set_shapes[s->kind];
    uint32_t first = o->count, series = set_series_count(s->kind);
    double values[SET_SERIES_MAX];
    ASSERT(outlet_has_room(o));
    derived_set_values(s, values);
    for (uint32_t i = 0; i < series; i++) {
        put_point(o, s, i, values[i]);
        if (s->kind != SET_TARGET)
            o->starts[first + i] = s->start_ns;
    }
    for (unsigned l = 0; l < shape->latency_count; l++) {
        struct latency *latency = &s->latencies[l];
        for (unsigned i = 0; i < latency->exemplar_count; i++) {
            const struct latency_exemplar *e = &latency->exemplars[i];
            put_exemplar(o, first + derived_set_bucket_series(s->kind, l, e->bucket), e);
        }
        latency->exemplar_count = 0;
        latency->marked = 0;
    }
}

void outlet_end(struct outlet *o, const struct derived_set *s)
{
    ASSERT(outlet_has_room(o));
    for (uint32_t i = 0; i < set_series_count(s->kind); i++)
        put_point(o, s, i, stale_marker());
}

/* ---- appending ------------------------------------------------------------------------------ */

static enum tsdb_status labels_of(void *arg, uint32_t index, struct tsdb_labels *out)
{
    struct outlet *o = arg;
    const struct outlet_origin *origin = &o->origins[index];
    uint32_t n = 0;
    series_name_format(origin->set->kind, origin->series, &o->name);
    o->labels[n++] = (struct tsdb_label){{"__name__", 8}, {o->name.name, o->name.name_len}};
    for (uint32_t i = 0; i < origin->set->label_count; i++)
        o->labels[n++] = origin->set->labels[i];
    if (o->name.bound_len > 0)
        o->labels[n++] = (struct tsdb_label){{"le", 2}, {o->name.bound, o->name.bound_len}};
    *out = (struct tsdb_labels){o->labels, n};
    return TSDB_OK;
}

void outlet_send(struct outlet *o)
{
    struct tsdb_batch batch = {.tenant = o->tenant,
                               .points = o->points,
                               .point_count = o->count,
                               .starts = o->starts,
                               .exemplars = o->exemplars,
                               .exemplar_count = o->exemplar_count,
                               .metadata = o->metadata,
                               .metadata_count = o->metadata_count,
                               .labels = labels_of,
                               .arg = o};
    struct tsdb_appended out = {0};
    struct tsdb_error err = {0};
    uint32_t count = o->count;
    o->count = o->exemplar_count = 0;
    if (count == 0)
        return;
    counters_add(ITEMS_RECEIVED, AT(SIGNAL_METRICS, DOOR_SPAN_METRICS), count);
    enum tsdb_status st = tsdb_append(o->db, &batch, &out, NULL, &err);
    if (st != TSDB_OK) {
        enum reason why = st == TSDB_ELIMIT ? REASON_OVERLOADED : REASON_UNWRITABLE;
        counters_add(ITEMS_REJECTED, AT(SIGNAL_METRICS, DOOR_SPAN_METRICS, why), count);
        log_warn("derive", "metrics of spans are not stored points=%u: %s", count, err.msg);
        return;
    }
    counters_add(ITEMS_ACCEPTED, AT(SIGNAL_METRICS, DOOR_SPAN_METRICS),
                 out.counts[TSDB_ACCEPTED] + out.counts[TSDB_DUPLICATE]);
    counters_add(START_ZEROS, AT(DOOR_SPAN_METRICS), out.zeros);
    for (unsigned v = TSDB_CONFLICT; v < TSDB_VERDICT_COUNT; v++)
        if (out.counts[v] > 0)
            counters_add(ITEMS_REJECTED, AT(SIGNAL_METRICS, DOOR_SPAN_METRICS, v), out.counts[v]);
}
