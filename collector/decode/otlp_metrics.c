#include "collector/decode/otlp_metrics.h"

#include "collector/decode/otlp_context.h"
#include "collector/decode/otlp_value.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/text.h"

/* Keeps OTLP keys apart from those of remote write. */
#define OTLP_SEED UINT64_C(0x6f746c70206b6579)

void otlp_seen_reset(struct otlp_seen *seen)
{
    for (size_t i = 0; i < OTLP_SEEN_SLOTS; i++)
        atomic_store_explicit(&seen->slots[i], 0, memory_order_relaxed);
}

static enum tsdb_metric_type family_type(const struct otlp_metric *metric)
{
    switch (metric->kind) {
    case OTLP_KIND_GAUGE: return TSDB_METRIC_GAUGE;
    case OTLP_KIND_SUM: return metric->is_monotonic ? TSDB_METRIC_COUNTER : TSDB_METRIC_GAUGE;
    case OTLP_KIND_HISTOGRAM:
    case OTLP_KIND_EXPONENTIAL: return TSDB_METRIC_HISTOGRAM;
    case OTLP_KIND_SUMMARY: return TSDB_METRIC_SUMMARY;
    case OTLP_KIND_NONE: break;
    }
    return TSDB_METRIC_UNKNOWN;
}

/* Hands the family's metadata over, unless it was lately. */
static enum tsdb_status put_metadata(struct otlp_walk *walk, struct otlp_metric *metric)
{
    const char *tenant = walk->task->tenant; /* each keeps its own metadata */
    uint64_t tag = hash64(walk->domain.lo, tenant, strlen(tenant));
    tag = hash64(tag, metric->name.at, metric->name.len);
    tag = hash64(tag, metric->description.at, metric->description.len);
    tag = hash64(tag + (uint64_t)metric->kind * 2 + metric->is_monotonic, metric->unit.at,
                 metric->unit.len);
    struct otlp_seen *seen = walk->options->seen;
    _Atomic uint64_t *slot = seen ? &seen->slots[tag % OTLP_SEEN_SLOTS] : NULL;
    if (slot && atomic_load_explicit(slot, memory_order_relaxed) == tag)
        return TSDB_OK;
    enum tsdb_status st = otlp_family(walk, metric);
    if (st != TSDB_OK)
        return st;
    struct tsdb_metadata m = {.family = metric->family,
                              .help = metric->description,
                              .unit = otlp_unit_name(metric->unit, walk->task->arena),
                              .type = family_type(metric)};
    if (!m.unit.at)
        return TSDB_ELIMIT;
    st = stage_metadata(&walk->stage, &m);
    if (st == TSDB_OK && slot)
        atomic_store_explicit(slot, tag, memory_order_relaxed);
    return st;
}

static enum tsdb_status put_point(struct otlp_walk *walk, const struct otlp_metric *metric,
                                  struct bytes in)
{
    switch (metric->kind) {
    case OTLP_KIND_GAUGE:
    case OTLP_KIND_SUM: return otlp_put_number(walk, metric, in);
    case OTLP_KIND_HISTOGRAM: return otlp_put_histogram(walk, metric, in);
    case OTLP_KIND_EXPONENTIAL: return otlp_put_exponential(walk, metric, in);
    case OTLP_KIND_SUMMARY: return otlp_put_summary(walk, metric, in);
    case OTLP_KIND_NONE: break;
    }
    UNREACHABLE();
}

/* Temporality and monotonicity lie after the points they are about. */
static enum tsdb_status data_scan(struct otlp_metric *metric, uint32_t *points)
{
    struct pull p = pull_over(metric->data);
    struct pull_field f;
    uint32_t temporality = OTLP_UNSPECIFIED;
    *points = 0;
    metric->is_monotonic = false;
    while (pull_next(&p, &f)) {
        if (f.number == 1) {
            *points += pull_is(&p, &f, PULL_SIZED);
        } else if (metric->kind == OTLP_KIND_GAUGE || metric->kind == OTLP_KIND_SUMMARY) {
            continue;
        } else if (f.number == 2) {
            temporality = pull_u32(&p, &f);
        } else if (f.number == 3 && metric->kind == OTLP_KIND_SUM) {
            metric->is_monotonic = pull_u64(&p, &f) != 0;
        }
    }
    bool is_known = temporality == OTLP_DELTA || temporality == OTLP_CUMULATIVE;
    metric->temporality = is_known ? (enum otlp_temporality)temporality : OTLP_UNSPECIFIED;
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

static enum tsdb_status metric_scan(struct bytes in, struct otlp_metric *metric)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    metric->name = metric->unit = metric->description = (struct tsdb_text){"", 0};
    metric->family = (struct tsdb_text){NULL, 0};
    metric->kind = OTLP_KIND_NONE;
    while (pull_next(&p, &f)) {
        switch (f.number) {
        case 1: metric->name = pull_text(&p, &f); break;
        case 2: metric->description = pull_text(&p, &f); break;
        case 3: metric->unit = pull_text(&p, &f); break;
        case OTLP_KIND_GAUGE:
        case OTLP_KIND_SUM:
        case OTLP_KIND_HISTOGRAM:
        case OTLP_KIND_EXPONENTIAL:
        case OTLP_KIND_SUMMARY: /* the last one is the one that is set */
            metric->kind = (enum otlp_kind)f.number;
            metric->data = pull_bytes(&p, &f);
            break;
        default: break;
        }
    }
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

static void metric_key(const struct otlp_walk *walk, struct otlp_metric *metric)
{
    uint64_t seed = walk->task->seed;
    struct tsdb_hash name = hash128(seed, metric->name.at, metric->name.len);
    struct tsdb_hash unit = hash128(seed, metric->unit.at, metric->unit.len);
    name.hi ^= (uint64_t)metric->kind * 2 + metric->is_monotonic;
    metric->hash = hash_combine(hash_combine(metric->scope->hash, name), unit);
}

/* NULL, or the reason why none of the metric's points can be taken. */
static const char *metric_refusal(const struct otlp_walk *walk, const struct otlp_metric *metric,
                                  enum decode_reason *reason)
{
    bool has_temporality = metric->kind != OTLP_KIND_GAUGE && metric->kind != OTLP_KIND_SUMMARY;
    *reason = DECODE_NO_NAME;
    if (!otlp_metric_is_named(walk->options->strategy, metric->name))
        return "metric without a name";
    *reason = DECODE_TEMPORALITY;
    if (has_temporality && metric->temporality == OTLP_UNSPECIFIED)
        return "aggregation temporality is neither delta nor cumulative";
    return NULL;
}

static enum tsdb_status put_points(struct otlp_walk *walk, struct otlp_metric *metric)
{
    enum decode_reason reason;
    const char *why = metric_refusal(walk, metric, &reason);
    struct pull p = pull_over(metric->data);
    struct pull_field f;
    enum tsdb_status st = why ? TSDB_OK : put_metadata(walk, metric);
    while (st == TSDB_OK && pull_next(&p, &f)) {
        if (f.number != 1)
            continue;
        struct bytes raw = pull_bytes(&p, &f);
        if (!why) {
            st = put_point(walk, metric, raw);
            continue;
        }
        st = stage_item(&walk->stage, DECODE_SAMPLE);
        if (st == TSDB_OK)
            stage_refuse(&walk->stage, reason, "%s", why);
    }
    return st;
}

/* A context of the level below; the spare one when nothing refers to it. */
struct spare {
    void *at;
    uint32_t item; /* stage.item when it was given out */
};

static void *context(struct otlp_walk *walk, struct spare *spare, size_t size)
{
    if (!spare->at || spare->item != walk->stage.item)
        spare->at = arena_get(walk->task->arena, 1, size, alignof(max_align_t));
    else
        memset(spare->at, 0, size);
    spare->item = walk->stage.item;
    return spare->at;
}

static enum tsdb_status put_metric(struct otlp_walk *walk, const struct otlp_scope *scope,
                                   struct spare *spare, struct bytes in)
{
    struct otlp_metric *metric = context(walk, spare, sizeof *metric);
    uint32_t points = 0;
    if (!metric)
        return TSDB_ELIMIT;
    enum tsdb_status st = metric_scan(in, metric);
    if (st != TSDB_OK || metric->kind == OTLP_KIND_NONE)
        return st;
    st = data_scan(metric, &points);
    if (st != TSDB_OK || points == 0)
        return st;
    metric->scope = scope;
    metric_key(walk, metric);
    return put_points(walk, metric);
}

/* Whether the bytes are a message at all: raw contexts are hashed, not parsed. */
static bool is_message(struct bytes in)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    while (pull_next(&p, &f)) {
    }
    return pull_done(&p);
}

static enum tsdb_status put_scope(struct otlp_walk *walk, struct otlp_resource *resource,
                                  struct spare *spare, struct bytes in)
{
    struct otlp_scope *scope = context(walk, spare, sizeof *scope);
    if (!scope)
        return TSDB_ELIMIT;
    enum tsdb_status st = otlp_message_merge(in, 1, walk->task->arena, &scope->raw);
    if (st == TSDB_OK && !is_message(scope->raw))
        st = TSDB_ECORRUPT;
    if (st != TSDB_OK)
        return st;
    struct pull p = pull_over(in);
    struct pull_field f;
    while (pull_next(&p, &f))
        if (f.number == 3)
            scope->schema_url = pull_text(&p, &f);
    uint64_t seed = walk->task->seed;
    scope->resource = resource;
    scope->hash = hash_combine(resource->hash, hash128(seed, scope->raw.at, scope->raw.len));
    scope->hash =
        hash_combine(scope->hash, hash128(seed, scope->schema_url.at, scope->schema_url.len));
    struct spare metrics = {0};
    p = p.r.fault ? p : pull_over(in);
    while (st == TSDB_OK && pull_next(&p, &f))
        if (f.number == 2)
            st = put_metric(walk, scope, &metrics, pull_bytes(&p, &f));
    return st == TSDB_OK && !pull_done(&p) ? TSDB_ECORRUPT : st;
}

static enum tsdb_status put_target_info(struct otlp_walk *walk, struct otlp_resource *resource)
{
    if (walk->options->has_no_target_info || resource->latest == 0)
        return TSDB_OK;
    enum tsdb_status st = otlp_resource_resolve(resource, walk->task->arena);
    if (st == TSDB_EINVAL)
        return TSDB_OK; /* an attribute nested too deep: its points say so */
    bool is_named = resource->job.len > 0 || resource->instance.len > 0;
    if (st != TSDB_OK || !is_named || !resource->has_other)
        return st;
    st = stage_room(&walk->stage, 1);
    if (st != TSDB_OK)
        return st;
    struct stage_source source = {.context = resource, .part = OTLP_TARGET_INFO};
    struct tsdb_hash key =
        hash_combine(resource->hash, (struct tsdb_hash){OTLP_TARGET_INFO, OTLP_SEED});
    uint32_t i = stage_point(&walk->stage, key, resource->latest, 1, &source);
    walk->stage.notes[i].kind = DECODE_DERIVED;
    return TSDB_OK;
}

static enum tsdb_status put_resource(struct otlp_walk *walk, struct spare *spare, struct bytes in)
{
    struct otlp_resource *resource = context(walk, spare, sizeof *resource);
    if (!resource)
        return TSDB_ELIMIT;
    enum tsdb_status st = otlp_message_merge(in, 1, walk->task->arena, &resource->raw);
    if (st == TSDB_OK && !is_message(resource->raw))
        st = TSDB_ECORRUPT;
    if (st != TSDB_OK)
        return st;
    resource->hash =
        hash_combine(walk->domain, hash128(walk->task->seed, resource->raw.at, resource->raw.len));
    struct spare scopes = {0};
    struct pull p = pull_over(in);
    struct pull_field f;
    while (st == TSDB_OK && pull_next(&p, &f)) {
        if (f.number == 2)
            st = put_scope(walk, resource, &scopes, pull_bytes(&p, &f));
        else if (f.number == 3)
            (void)pull_bytes(&p, &f);
    }
    if (st == TSDB_OK && !pull_done(&p))
        st = TSDB_ECORRUPT;
    return st == TSDB_OK ? put_target_info(walk, resource) : st;
}

/* Other options name other series, so they are part of every key. */
static struct tsdb_hash domain_of(uint64_t seed, const struct otlp_options *o)
{
    uint8_t flags[] = {(uint8_t)o->strategy, o->has_no_scope_labels, o->keeps_identifying,
                       o->promotes_all};
    struct tsdb_hash h = hash128(seed ^ OTLP_SEED, flags, sizeof flags);
    for (uint32_t i = 0; i < o->promoted_count; i++)
        h = hash_combine(h, hash128(seed, o->promoted[i].at, o->promoted[i].len));
    return h;
}

enum tsdb_status otlp_metrics_decode(const struct decode_task *task,
                                     const struct otlp_options *options, struct bytes in,
                                     struct decode_tally *tally, struct tsdb_error *err)
{
    struct otlp_walk walk = {
        .task = task, .options = options, .domain = domain_of(task->seed, options)};
    *tally = (struct decode_tally){0};
    enum tsdb_status st = stage_init(&walk.stage, task, tally, in.len);
    walk.stage.labels = otlp_labels;
    walk.stage.arg = &walk;
    struct spare resources = {0};
    struct pull p = pull_over(in);
    struct pull_field f;
    while (st == TSDB_OK && pull_next(&p, &f))
        if (f.number == 1)
            st = put_resource(&walk, &resources, pull_bytes(&p, &f));
    if (st == TSDB_OK && !pull_done(&p))
        st = TSDB_ECORRUPT;
    return stage_end(&walk.stage, st, "OTLP metrics request", err);
}
