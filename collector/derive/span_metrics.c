#include "collector/derive/span_metrics.h"

#include "collector/derive/derived_table.h"
#include "collector/derive/origin.h"
#include "collector/derive/outlet.h"
#include "collector/derive/service_graph.h"
#include "collector/derive/wire_bytes.h"
#include "collector/self/counters.h"
#include "collector/self/log.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"

#include <string.h>

enum {
    ARENA_BYTES = 8 << 20,  /* scratch of one batch */
    EXPIRE_PER_CHUNK = 256, /* requests ended with the lock held */
    SETS_PER_LOCK = 32,     /* ... and sets copied */
    SETS_ENDED_MAX = 1024,  /* taken out, and not yet stored */
};
_Static_assert((int)SPAN_METRICS_DIMENSIONS_MAX == (int)DIMENSIONS_MAX, "as the face says");

struct span_metrics {
    struct tsdb *db;
    struct budget *budget;
    struct clock *clock;
    struct dimensions dimensions; /* immutable */
    uint64_t seed;
    struct outlet *outlet;      /* the ticking thread's */
    int64_t due;                /* monotonic; the ticking thread's */
    uint64_t folded;            /* told of in the log; the ticking thread's */
    struct derived_set **ended; /* SETS_ENDED_MAX; the ticking thread's */
    struct mutex lock;          /* guards what follows */
    struct span_metrics_settings settings;
    struct derived_table table;
    struct service_graph graph;
};

/* A batch on its way. */
struct observation {
    struct span_metrics *sm;
    const struct tsdb_span_batch *batch;
    struct derived_tenant *tenant;
    struct arena arena;
    struct origin **origins; /* by source; the arena's, NULL until a span has it */
    int64_t now, wall;
    uint64_t folded, invalid;
};

/* Spans that are counted together, and what can be known of them without the lock. */
struct chunk {
    const struct tsdb_span *spans[SPAN_METRICS_CHUNK];
    struct origin *origins[SPAN_METRICS_CHUNK];
    bool is_first[SPAN_METRICS_CHUNK]; /* of its source in the batch */
    struct tsdb_hash keys[SPAN_METRICS_CHUNK];
    uint64_t bytes[SPAN_METRICS_CHUNK];
    uint32_t count;
};

/* ---- labels -------------------------------------------------------------------------------- */

static const char *const kind_names[] = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL",
                                         "SPAN_KIND_SERVER",      "SPAN_KIND_CLIENT",
                                         "SPAN_KIND_PRODUCER",    "SPAN_KIND_CONSUMER"};
static const char *const status_names[] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK",
                                           "STATUS_CODE_ERROR"};

/* Numbers that OTLP does not have are the first. */
static unsigned kind_of(const struct tsdb_span *s)
{
    return s->kind <= TSDB_KIND_CONSUMER ? s->kind : TSDB_KIND_UNSPECIFIED;
}

static unsigned status_of(const struct tsdb_span *s)
{
    return s->status <= TSDB_STATUS_ERROR ? s->status : TSDB_STATUS_UNSET;
}

static bool are_utf8(struct tsdb_labels labels)
{
    for (uint32_t i = 0; i < labels.count; i++)
        if (!utf8_check(labels.at[i].name.at, labels.at[i].name.len) ||
            !utf8_check(labels.at[i].value.at, labels.at[i].value.len))
            return false;
    return true;
}

/* What the key of a span's set is a hash of, in the order of span_key. */
static struct tsdb_labels span_labels(struct observation *o, const struct tsdb_span *span,
                                      const struct origin *origin, struct tsdb_label *out)
{
    const struct dimensions *d = &o->sm->dimensions;
    struct tsdb_text values[DIMENSIONS_MAX];
    uint32_t n = 0;
    out[n++] = (struct tsdb_label){text_of("service"), origin->service};
    out[n++] = (struct tsdb_label){text_of("span_name"), label_text_cut(span->name, SET_TEXT_MAX)};
    out[n++] = (struct tsdb_label){text_of("span_kind"), text_of(kind_names[kind_of(span)])};
    out[n++] = (struct tsdb_label){text_of("status_code"), text_of(status_names[status_of(span)])};
    out[n++] = (struct tsdb_label){text_of("job"), origin_job(origin, &o->arena)};
    out[n++] = (struct tsdb_label){text_of("instance"), origin->instance};
    memcpy(values, origin->dimensions, sizeof values);
    dimensions_find(d, &span->attributes, &o->arena, values);
    for (uint32_t i = 0; i < d->count; i++)
        if (values[i].at)
            out[n++] = (struct tsdb_label){d->at[i].label, values[i]};
    return (struct tsdb_labels){out, n};
}

static struct tsdb_hash span_key(struct observation *o, const struct tsdb_span *span,
                                 const struct origin *origin)
{
    const struct span_metrics *sm = o->sm;
    struct tsdb_text name = label_text_cut(span->name, SET_TEXT_MAX);
    struct tsdb_hash key = hash128(sm->seed, name.at, name.len);
    key.hi ^= (uint64_t)kind_of(span) << 8 | status_of(span);
    key = hash_combine(origin->identity, key);
    if (sm->dimensions.count == 0)
        return key;
    struct tsdb_text values[DIMENSIONS_MAX];
    memcpy(values, origin->dimensions, sizeof values);
    dimensions_find(&sm->dimensions, &span->attributes, &o->arena, values);
    for (uint32_t i = 0; i < sm->dimensions.count; i++)
        if (values[i].at)
            key = hash_combine(key, hash128(sm->seed + 1 + i, values[i].at, values[i].len));
    return key;
}

/* ---- sets ------------------------------------------------------------------------------------ */

/* The overflow set; NULL, and the span is counted as folded all the same, when not even that
 * can be paid. */
static struct derived_set *overflow_set(struct observation *o, enum set_kind kind)
{
    o->folded++;
    return derived_table_overflow(&o->sm->table, o->tenant, kind, o->wall);
}

/* A set that does not exist yet; NULL: it cannot. */
static struct derived_set *set_make(struct observation *o, enum set_kind kind, struct tsdb_hash key,
                                    struct tsdb_labels labels)
{
    if (!are_utf8(labels)) {
        o->invalid++;
        return NULL;
    }
    const struct set_birth birth = {
        .kind = kind, .key = key, .labels = labels, .start_ns = o->wall};
    struct derived_set *s = derived_table_add(&o->sm->table, o->tenant, &birth);
    return s || kind == SET_TARGET ? s : overflow_set(o, kind);
}

static struct derived_set *span_set(struct observation *o, const struct tsdb_span *span,
                                    const struct origin *origin, struct tsdb_hash key)
{
    struct tsdb_label labels[SET_LABELS_MAX];
    struct derived_set *s = derived_tenant_find(o->tenant, key);
    if (s)
        return s;
    if (derived_table_is_full(&o->sm->table, o->tenant, SET_SPANS))
        return overflow_set(o, SET_SPANS);
    return set_make(o, SET_SPANS, key, span_labels(o, span, origin, labels));
}

/* traces_target_info, once a batch and resource. */
static void see_target(struct observation *o, const struct origin *origin,
                       const struct tsdb_fields *resource)
{
    struct tsdb_label labels[SET_LABELS_MAX];
    struct derived_set *s = derived_tenant_find(o->tenant, origin->target);
    if (!s && derived_table_is_full(&o->sm->table, o->tenant, SET_TARGET)) {
        o->tenant->folded++;
        o->folded++;
        return;
    }
    if (!s)
        s = set_make(o, SET_TARGET, origin->target,
                     origin_target_labels(origin, resource, &o->arena, labels));
    if (!s)
        return;
    s->counters[0] = 1;
    s->seen_ns = o->now;
}

static void count_span(struct observation *o, const struct chunk *c, uint32_t i)
{
    const struct tsdb_span *span = c->spans[i];
    struct derived_set *s = span_set(o, span, c->origins[i], c->keys[i]);
    if (!s)
        return;
    const struct span_mark mark = {span->trace_id, span->span_id, o->wall};
    s->counters[0] += 1;
    s->counters[1] += (double)c->bytes[i];
    s->seen_ns = o->now;
    latency_add(&s->latencies[0], &set_shapes[SET_SPANS], span_duration(span), &mark);
}

static struct derived_set *edge_set(struct observation *o, const struct service_edge *edge)
{
    enum set_kind kind = edge->type == EDGE_MESSAGING ? SET_MESSAGING_EDGES : SET_EDGES;
    uint64_t seed = o->sm->seed;
    struct tsdb_hash key =
        hash_combine(hash128(seed, edge->client.at, edge->client.len),
                     hash128(seed + edge->type + 1, edge->server.at, edge->server.len));
    struct derived_set *s = derived_tenant_find(o->tenant, key);
    if (s)
        return s;
    if (derived_table_is_full(&o->sm->table, o->tenant, kind))
        return overflow_set(o, kind);
    const struct tsdb_label labels[] = {
        {text_of("client"), edge->client},
        {text_of("server"), edge->server},
        {text_of("connection_type"), text_of(edge_type_names[edge->type])}};
    return set_make(o, kind, key, (struct tsdb_labels){labels, 3});
}

/* A service_edge_fn; arg is the observation under way. */
static void on_edge(void *arg, const struct service_edge *edge)
{
    struct observation *o = arg;
    if (!o->sm->settings.is_on)
        return;
    o->tenant = edge->tenant;
    struct derived_set *s = edge_set(o, edge);
    if (!s)
        return;
    const struct set_shape *shape = &set_shapes[s->kind];
    const struct span_mark mark = {edge->trace_id, edge->span_id, o->wall};
    const int64_t ns[SET_LATENCIES_MAX] = {edge->server_ns, edge->client_ns, edge->messaging_ns};
    s->counters[0] += 1;
    s->counters[1] += edge->is_failed;
    s->seen_ns = o->now;
    for (unsigned i = 0; i < SET_LATENCIES_MAX && i < shape->latency_count; i++)
        if (ns[i] >= 0)
            latency_add(&s->latencies[i], shape, ns[i], &mark);
}

/* ---- observing ------------------------------------------------------------------------------- */

/* The origin of the span, resolved when a span first has it; NULL: no memory. */
static struct origin *origin_get(struct observation *o, uint32_t source, bool *is_fresh)
{
    ASSERT(source < o->batch->source_count);
    struct origin *origin = o->origins[source];
    *is_fresh = false;
    if (origin)
        return origin;
    origin = ARENA_ARRAY(&o->arena, struct origin, 1);
    if (!origin)
        return NULL;
    origin_resolve(origin, &o->batch->sources[source].resource, &o->sm->dimensions, o->sm->seed,
                   &o->arena);
    o->origins[source] = origin;
    *is_fresh = true;
    return origin;
}

/* Those of the spans from *next on that fit and were accepted. */
static void chunk_fill(struct chunk *c, struct observation *o, const uint8_t *verdicts,
                       uint32_t *next)
{
    const struct tsdb_span_batch *batch = o->batch;
    c->count = 0;
    for (; *next < batch->span_count && c->count < SPAN_METRICS_CHUNK; (*next)++) {
        const struct tsdb_span *span = &batch->spans[*next];
        bool is_fresh;
        if (verdicts && verdicts[*next] != TSDB_ACCEPTED && verdicts[*next] != TSDB_DUPLICATE)
            continue;
        struct origin *origin = origin_get(o, span->source, &is_fresh);
        if (!origin) {
            o->folded++;
            continue;
        }
        c->spans[c->count] = span;
        c->origins[c->count] = origin;
        c->is_first[c->count] = is_fresh;
        c->keys[c->count] = span_key(o, span, origin);
        c->bytes[c->count++] = span_wire_bytes(span);
    }
}

static void chunk_count(const struct chunk *c, struct observation *o)
{
    struct span_metrics *sm = o->sm;
    struct derived_tenant *tenant = o->tenant;
    for (uint32_t i = 0; i < c->count; i++)
        key_table_prefetch(&tenant->keys, c->keys[i]);
    for (uint32_t i = 0; i < c->count; i++) {
        const struct tsdb_span *span = c->spans[i];
        const struct origin *origin = c->origins[i];
        o->tenant = tenant; /* edges may have been another's */
        if (c->is_first[i] && origin->has_target)
            see_target(o, origin, &o->batch->sources[span->source].resource);
        count_span(o, c, i);
        if (span->kind < TSDB_KIND_SERVER || origin->service.len == 0)
            continue;
        const struct graph_span in = {.tenant = tenant,
                                      .tenant_id = (uint64_t)(uintptr_t)tenant,
                                      .service = origin->service,
                                      .span = span,
                                      .now = o->now};
        service_graph_add(&sm->graph, &in);
    }
    service_graph_expire(&sm->graph, o->now, EXPIRE_PER_CHUNK);
    o->tenant = tenant;
}

static void observation_begin(struct observation *o, struct span_metrics *sm)
{
    *o = (struct observation){
        .sm = sm, .now = clock_mono_ns(sm->clock), .wall = clock_wall_ns(sm->clock)};
    arena_init(&o->arena, ARENA_BYTES, sm->budget);
}

static void observation_end(struct observation *o)
{
    if (o->folded > 0)
        counters_add(SPAN_METRICS_FOLDED, NOWHERE, (int64_t)o->folded);
    if (o->invalid > 0)
        counters_add(SPAN_METRICS_INVALID, NOWHERE, (int64_t)o->invalid);
    arena_release(&o->arena);
}

/* False: nothing is to be counted. */
static bool observation_admit(struct observation *o)
{
    struct span_metrics *sm = o->sm;
    mutex_lock(&sm->lock);
    bool is_on = sm->settings.is_on;
    if (is_on)
        o->tenant = derived_table_tenant(&sm->table, o->batch->tenant);
    mutex_unlock(&sm->lock);
    if (is_on)
        o->origins = ARENA_ARRAY(&o->arena, struct origin *, o->batch->source_count);
    if (is_on && (!o->tenant || !o->origins))
        o->folded += o->batch->span_count;
    return is_on && o->tenant && o->origins;
}

void span_metrics_observe(struct span_metrics *sm, const struct tsdb_span_batch *batch,
                          const uint8_t *verdicts)
{
    struct observation o;
    struct chunk chunk;
    uint32_t next = 0;
    observation_begin(&o, sm);
    o.batch = batch;
    bool is_wanted = observation_admit(&o);
    while (is_wanted && next < batch->span_count) {
        chunk_fill(&chunk, &o, verdicts, &next);
        mutex_lock(&sm->lock);
        sm->graph.arg = &o;
        chunk_count(&chunk, &o);
        mutex_unlock(&sm->lock);
        counters_add(SPAN_METRICS_SPANS, NOWHERE, chunk.count);
    }
    observation_end(&o);
}

/* ---- storing --------------------------------------------------------------------------------- */

/* Copies sets of the tenant from *next on to the outlet; those that are idle are ended, taken
 * out and counted in *ended.  False: there are no more. */
static bool copy_some(struct span_metrics *sm, struct derived_tenant *tenant, uint32_t *next,
                      int64_t now, uint32_t *ended)
{
    mutex_lock(&sm->lock);
    for (uint32_t n = 0; n < SETS_PER_LOCK && *next < tenant->set_count; n++) {
        struct derived_set *s = tenant->sets[*next];
        if (!outlet_has_room(sm->outlet) || *ended == SETS_ENDED_MAX)
            break;
        if (sm->settings.is_on && now - s->seen_ns < SPAN_METRICS_IDLE) {
            outlet_put(sm->outlet, s);
            (*next)++;
            continue;
        }
        outlet_end(sm->outlet, s);
        derived_tenant_take(tenant, s);
        sm->ended[(*ended)++] = s;
    }
    bool is_more = *next < tenant->set_count;
    mutex_unlock(&sm->lock);
    return is_more;
}

static void send(struct span_metrics *sm, uint32_t *ended)
{
    outlet_send(sm->outlet);
    for (uint32_t i = 0; i < *ended; i++)
        derived_set_free(sm->ended[i], sm->budget);
    *ended = 0;
}

static void flush_tenant(struct span_metrics *sm, struct derived_tenant *tenant, int64_t wall)
{
    int64_t now = clock_mono_ns(sm->clock);
    uint32_t next = 0, ended = 0;
    bool is_more = true;
    outlet_begin(sm->outlet, tenant->name, wall);
    while (is_more) {
        is_more = copy_some(sm, tenant, &next, now, &ended);
        if (!outlet_has_room(sm->outlet) || ended == SETS_ENDED_MAX)
            send(sm, &ended);
    }
    send(sm, &ended);
}

void span_metrics_flush(struct span_metrics *sm)
{
    int64_t wall = clock_wall_ns(sm->clock);
    uint64_t folded = 0;
    mutex_lock(&sm->lock);
    uint32_t count = sm->table.tenant_count;
    mutex_unlock(&sm->lock);
    for (uint32_t i = 0; i < count; i++) {
        mutex_lock(&sm->lock);
        struct derived_tenant *tenant = sm->table.tenants[i]; /* the array may grow */
        folded += tenant->folded;
        mutex_unlock(&sm->lock);
        flush_tenant(sm, tenant, wall);
    }
    if (folded > sm->folded)
        log_warn("derive", "span_metrics_series_max or memory is reached: folded=%llu",
                 (unsigned long long)(folded - sm->folded));
    sm->folded = folded;
}

void span_metrics_tick(struct span_metrics *sm)
{
    struct observation o;
    uint32_t ended = EXPIRE_PER_CHUNK;
    observation_begin(&o, sm);
    while (ended == EXPIRE_PER_CHUNK) {
        mutex_lock(&sm->lock);
        sm->graph.arg = &o;
        ended = service_graph_expire(&sm->graph, o.now, EXPIRE_PER_CHUNK);
        mutex_unlock(&sm->lock);
    }
    observation_end(&o);
    mutex_lock(&sm->lock);
    int64_t interval = sm->settings.interval;
    mutex_unlock(&sm->lock);
    if (o.now < sm->due && sm->due - o.now <= interval)
        return;
    sm->due = o.now + interval;
    span_metrics_flush(sm);
}

/* ---- life -------------------------------------------------------------------------------------
 */

void span_metrics_options_init(struct span_metrics_options *options)
{
    *options = (struct span_metrics_options){.clock = clock_real(),
                                             .settings = {.is_on = true,
                                                          .interval = 15 * NS_PER_S,
                                                          .series_max = 200000,
                                                          .graph_wait = 10 * NS_PER_S,
                                                          .graph_items_max = 10000}};
}

void span_metrics_configure(struct span_metrics *sm, const struct span_metrics_settings *settings)
{
    ASSERT(settings->interval > 0);
    mutex_lock(&sm->lock);
    sm->settings = *settings;
    sm->table.series_max = settings->series_max;
    sm->graph.wait_ns = settings->graph_wait;
    sm->graph.items_max = settings->graph_items_max;
    mutex_unlock(&sm->lock);
}

struct span_metrics *span_metrics_new(const struct span_metrics_options *options)
{
    struct span_metrics *sm = MEM_NEW(struct span_metrics);
    ASSERT(options->db);
    ASSERT(options->dimension_count <= DIMENSIONS_MAX);
    sm->db = options->db;
    sm->budget = options->budget;
    sm->clock = options->clock ? options->clock : clock_real();
    sm->seed = tsdb_seed(options->db);
    sm->outlet = outlet_new(options->db);
    sm->ended = MEM_ARRAY(struct derived_set *, SETS_ENDED_MAX);
    sm->due = clock_mono_ns(sm->clock) + options->settings.interval;
    mutex_init(&sm->lock);
    dimensions_init(&sm->dimensions, options->dimensions, options->dimension_count);
    derived_table_init(&sm->table, sm->seed, options->settings.series_max, sm->budget);
    service_graph_init(&sm->graph, sm->seed, sm->budget);
    sm->graph.on_edge = on_edge;
    span_metrics_configure(sm, &options->settings);
    return sm;
}

void span_metrics_free(struct span_metrics *sm)
{
    if (!sm)
        return;
    service_graph_release(&sm->graph);
    derived_table_release(&sm->table);
    dimensions_release(&sm->dimensions);
    outlet_free(sm->outlet);
    mutex_release(&sm->lock);
    mem_free(sm->ended);
    mem_free(sm);
}

void span_metrics_collect(void *arg)
{
    struct span_metrics *sm = arg;
    mutex_lock(&sm->lock);
    uint64_t series = derived_table_series(&sm->table);
    uint32_t waiting = service_graph_waiting(&sm->graph);
    mutex_unlock(&sm->lock);
    counters_set(SPAN_METRICS_SERIES, NOWHERE, (int64_t)series);
    counters_set(GRAPH_WAITING, NOWHERE, waiting);
}
