#include "collector/decode/otlp_context.h"
#include "collector/decode/otlp_value.h"
#include "tsdb/base/text.h"

#include <stdlib.h>

enum { EXEMPLAR_CHARS_MAX = 128 }; /* OpenMetrics 1.0, "Exemplars" */

/* The labels of one series while they are gathered. */
struct label_set {
    const struct otlp_walk *walk;
    struct arena *arena;
    struct tsdb_label *at;
    uint32_t count;
};

enum put_mode {
    PUT_JOIN,      /* old;new */
    PUT_KEEP,      /* the old one stays */
    PUT_OVERWRITE, /* the new one wins */
};

/* Names of resource attributes that job and instance are made of. */
static const char *const identifying[] = {"service.namespace", "service.name",
                                          "service.instance.id"};

static enum tsdb_status label_join(struct label_set *set, struct tsdb_text *value,
                                   struct tsdb_text more)
{
    char *at = ARENA_ARRAY(set->arena, char, value->len + more.len + 1);
    if (!at)
        return TSDB_ELIMIT;
    if (value->len)
        memcpy(at, value->at, value->len);
    at[value->len] = ';';
    if (more.len)
        memcpy(at + value->len + 1, more.at, more.len);
    *value = (struct tsdb_text){at, value->len + more.len + 1};
    return TSDB_OK;
}

static enum tsdb_status label_put(struct label_set *set, struct tsdb_text name,
                                  struct tsdb_text value, enum put_mode mode)
{
    for (uint32_t i = 0; i < set->count; i++) {
        struct tsdb_label *l = &set->at[i];
        if (!text_equal(l->name, name))
            continue;
        if (mode == PUT_JOIN)
            return label_join(set, &l->value, value);
        if (mode == PUT_OVERWRITE)
            l->value = value;
        return TSDB_OK;
    }
    if (set->count < DECODE_LABELS_MAX) /* the engine's limit refuses it long before */
        set->at[set->count++] = (struct tsdb_label){name, value};
    return TSDB_OK;
}

/* Puts an attribute under its translated name, after `prefix`. */
static enum tsdb_status attribute_put(struct label_set *set, const char *prefix,
                                      const struct tsdb_label *attribute, enum put_mode mode)
{
    struct tsdb_text key = attribute->name;
    size_t more = strlen(prefix);
    if (more > 0) {
        char *at = ARENA_ARRAY(set->arena, char, more + key.len);
        if (!at)
            return TSDB_ELIMIT;
        memcpy(at, prefix, more);
        if (key.len)
            memcpy(at + more, key.at, key.len);
        key = (struct tsdb_text){at, more + key.len};
    }
    struct tsdb_text name = otlp_label_name(set->walk->options->strategy, key, set->arena);
    if (!name.at)
        return TSDB_ELIMIT;
    return label_put(set, name, attribute->value, mode);
}

static int label_order(const void *a, const void *b)
{
    const struct tsdb_label *x = a, *y = b;
    int order = text_compare(x->name, y->name);
    if (order == 0) /* the sort must not depend on qsort */
        order = (x->name.at > y->name.at) - (x->name.at < y->name.at);
    return order;
}

/* The attributes in fields `number` of a message, as text. */
static enum tsdb_status attributes_parse(struct bytes in, uint32_t number, struct arena *arena,
                                         struct tsdb_labels *out)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    uint32_t count = 0, have = 0;
    while (pull_next(&p, &f))
        count += f.number == number && count < DECODE_LABELS_MAX;
    struct tsdb_label *labels = ARENA_ARRAY(arena, struct tsdb_label, count);
    if (!labels)
        return TSDB_ELIMIT;
    enum tsdb_status st = TSDB_OK;
    p = pull_over(in);
    while (st == TSDB_OK && have < count && pull_next(&p, &f)) {
        if (f.number != number)
            continue;
        struct bytes value;
        struct tsdb_label *l = &labels[have++];
        st = otlp_attribute_parse(pull_bytes(&p, &f), &l->name, &value);
        if (st == TSDB_OK)
            st = otlp_value_text(value, DECODE_DEPTH_MAX, arena, &l->value);
    }
    *out = (struct tsdb_labels){labels, have};
    return st == TSDB_OK && p.r.fault ? TSDB_ECORRUPT : st;
}

/* The same, sorted by attribute key: keys that become one name join in this order. */
static enum tsdb_status attributes_put(struct label_set *set, struct bytes in, uint32_t number,
                                       const char *prefix, enum put_mode mode)
{
    struct tsdb_labels found;
    enum tsdb_status st = attributes_parse(in, number, set->arena, &found);
    if (st != TSDB_OK || found.count == 0)
        return st;
    struct tsdb_label *sorted = ARENA_ARRAY(set->arena, struct tsdb_label, found.count);
    if (!sorted)
        return TSDB_ELIMIT;
    memcpy(sorted, found.at, found.count * sizeof *sorted);
    qsort(sorted, found.count, sizeof *sorted, label_order);
    for (uint32_t i = 0; st == TSDB_OK && i < found.count; i++)
        st = attribute_put(set, prefix, &sorted[i], mode);
    return st;
}

static bool is_identifying(struct tsdb_text key)
{
    for (size_t i = 0; i < sizeof identifying / sizeof identifying[0]; i++)
        if (text_equal(key, text_of(identifying[i])))
            return true;
    return false;
}

static struct tsdb_text find(struct tsdb_labels labels, const char *name)
{
    for (uint32_t i = 0; i < labels.count; i++)
        if (text_equal(labels.at[i].name, text_of(name)))
            return labels.at[i].value;
    return (struct tsdb_text){"", 0};
}

enum tsdb_status otlp_resource_resolve(struct otlp_resource *resource, struct arena *arena)
{
    struct tsdb_labels found;
    if (resource->is_resolved)
        return TSDB_OK;
    enum tsdb_status st = attributes_parse(resource->raw, 1, arena, &found);
    if (st != TSDB_OK)
        return st;
    struct tsdb_text space = find(found, identifying[0]);
    resource->job = find(found, identifying[1]);
    resource->instance = find(found, identifying[2]);
    for (uint32_t i = 0; i < found.count; i++)
        resource->has_other |= !is_identifying(found.at[i].name);
    if (resource->job.len > 0 && space.len > 0) {
        size_t len = space.len + 1 + resource->job.len;
        char *at = ARENA_ARRAY(arena, char, len);
        if (!at)
            return TSDB_ELIMIT;
        memcpy(at, space.at, space.len);
        at[space.len] = '/';
        memcpy(at + space.len + 1, resource->job.at, resource->job.len);
        resource->job = (struct tsdb_text){at, len};
    }
    resource->is_resolved = true;
    return TSDB_OK;
}

enum tsdb_status otlp_family(const struct otlp_walk *walk, struct otlp_metric *metric)
{
    if (metric->family.at)
        return TSDB_OK;
    enum otlp_type type = OTLP_OTHER;
    if (metric->kind == OTLP_KIND_GAUGE)
        type = OTLP_GAUGE;
    else if (metric->kind == OTLP_KIND_SUM && metric->is_monotonic)
        type = OTLP_COUNTER;
    struct tsdb_text name = otlp_metric_name(walk->options->strategy, metric->name, metric->unit,
                                             type, walk->task->arena);
    metric->family = name;
    return name.at ? TSDB_OK : TSDB_ELIMIT;
}

static bool is_promoted(const struct otlp_options *options, struct tsdb_text key)
{
    if (options->promotes_all)
        return !is_identifying(key);
    for (uint32_t i = 0; i < options->promoted_count; i++)
        if (text_equal(key, options->promoted[i]))
            return true;
    return false;
}

static enum tsdb_status promoted_put(struct label_set *set, const struct otlp_resource *resource)
{
    const struct otlp_options *options = set->walk->options;
    struct tsdb_labels found;
    if (!options->promotes_all && options->promoted_count == 0)
        return TSDB_OK;
    enum tsdb_status st = attributes_parse(resource->raw, 1, set->arena, &found);
    for (uint32_t i = 0; st == TSDB_OK && i < found.count; i++)
        if (is_promoted(options, found.at[i].name))
            st = attribute_put(set, "", &found.at[i], PUT_KEEP);
    return st;
}

static enum tsdb_status scope_put(struct label_set *set, const struct otlp_scope *scope)
{
    if (set->walk->options->has_no_scope_labels)
        return TSDB_OK;
    struct pull p = pull_over(scope->raw);
    struct pull_field f;
    struct tsdb_text name = {"", 0}, version = {"", 0};
    while (pull_next(&p, &f)) {
        if (f.number == 1)
            name = pull_text(&p, &f);
        else if (f.number == 2)
            version = pull_text(&p, &f);
    }
    if (!pull_done(&p))
        return TSDB_ECORRUPT;
    const struct tsdb_label own[] = {
        {text_of("otel_scope_name"), name},
        {text_of("otel_scope_version"), version},
        {text_of("otel_scope_schema_url"), scope->schema_url},
    };
    enum tsdb_status st = attributes_put(set, scope->raw, 3, "otel_scope_", PUT_OVERWRITE);
    for (size_t i = 0; st == TSDB_OK && i < sizeof own / sizeof own[0]; i++)
        if (own[i].value.len > 0)
            st = label_put(set, own[i].name, own[i].value, PUT_OVERWRITE);
    return st;
}

static enum tsdb_status identity_put(struct label_set *set, struct otlp_resource *resource)
{
    enum tsdb_status st = otlp_resource_resolve(resource, set->walk->task->arena);
    if (st == TSDB_OK && resource->job.len > 0)
        st = label_put(set, text_of("job"), resource->job, PUT_OVERWRITE);
    if (st == TSDB_OK && resource->instance.len > 0)
        st = label_put(set, text_of("instance"), resource->instance, PUT_OVERWRITE);
    return st;
}

static enum tsdb_status target_info(struct label_set *set, struct otlp_resource *resource)
{
    struct tsdb_labels found;
    enum tsdb_status st = attributes_parse(resource->raw, 1, set->arena, &found);
    bool keeps = set->walk->options->keeps_identifying;
    for (uint32_t i = 0; st == TSDB_OK && i < found.count; i++)
        if (keeps || !is_identifying(found.at[i].name))
            st = attribute_put(set, "", &found.at[i], PUT_JOIN);
    if (st == TSDB_OK)
        st = identity_put(set, resource);
    if (st == TSDB_OK)
        st = label_put(set, text_of("__name__"), text_of("target_info"), PUT_OVERWRITE);
    return st;
}

/* le or quantile, and the name with its suffix. */
static enum tsdb_status part_put(struct label_set *set, const struct stage_source *source,
                                 struct tsdb_text family)
{
    static const char *const suffixes[] = {"", "_bucket", "_sum", "_count", ""};
    size_t more = strlen(suffixes[source->part]);
    char *name = ARENA_ARRAY(set->arena, char, family.len + more + 1);
    char *number = ARENA_ARRAY(set->arena, char, DOUBLE_TEXT_MAX);
    if (!name || !number)
        return TSDB_ELIMIT;
    if (family.len)
        memcpy(name, family.at, family.len);
    memcpy(name + family.len, suffixes[source->part], more);
    struct tsdb_text full = {name, family.len + more};
    enum tsdb_status st = label_put(set, text_of("__name__"), full, PUT_OVERWRITE);
    if (st != TSDB_OK || (source->part != OTLP_BUCKET && source->part != OTLP_QUANTILE))
        return st;
    double bound;
    memcpy(&bound, &source->bits, sizeof bound);
    struct tsdb_text text = {number, double_format(bound, number)};
    return label_put(set, text_of(source->part == OTLP_BUCKET ? "le" : "quantile"), text,
                     PUT_OVERWRITE);
}

enum tsdb_status otlp_labels(void *arg, const struct stage_source *source, struct arena *names,
                             struct tsdb_labels *out)
{
    struct label_set set = {.walk = arg, .arena = names};
    set.at = ARENA_ARRAY(names, struct tsdb_label, DECODE_LABELS_MAX);
    if (!set.at)
        return TSDB_ELIMIT;
    enum tsdb_status st;
    if (source->part == OTLP_TARGET_INFO) {
        /* contexts are const where points name them; resolving fills them in */
        struct otlp_resource *resource = (struct otlp_resource *)(uintptr_t)source->context;
        st = target_info(&set, resource);
    } else {
        struct otlp_metric *metric = (struct otlp_metric *)(uintptr_t)source->context;
        st = otlp_family(set.walk, metric);
        if (st == TSDB_OK)
            st = attributes_put(&set, source->raw, otlp_point_fields(metric->kind)->attributes, "",
                                PUT_JOIN);
        if (st == TSDB_OK)
            st = promoted_put(&set, metric->scope->resource);
        if (st == TSDB_OK)
            st = scope_put(&set, metric->scope);
        if (st == TSDB_OK)
            st = identity_put(&set, metric->scope->resource);
        if (st == TSDB_OK)
            st = part_put(&set, source, metric->family);
    }
    *out = (struct tsdb_labels){set.at, set.count};
    return st;
}

/* ---- exemplars -------------------------------------------------------------------- */

static struct tsdb_text hex_text(struct bytes in, struct arena *arena)
{
    char *at = ARENA_ARRAY(arena, char, 2 * in.len + 1);
    return (struct tsdb_text){at, at ? hex_encode(in.at, in.len, at) : 0};
}

static bool is_zero(struct bytes in)
{
    for (size_t i = 0; i < in.len; i++)
        if (in.at[i] != 0)
            return false;
    return true;
}

static size_t characters(struct tsdb_text t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.len; i++)
        n += ((unsigned char)t.at[i] & 0xc0) != 0x80;
    return n;
}

static enum tsdb_status id_put(struct label_set *set, const char *name, struct bytes id)
{
    if (id.len > 64 || is_zero(id))
        return TSDB_OK;
    struct tsdb_text text = hex_text(id, set->arena);
    return text.at ? label_put(set, text_of(name), text, PUT_OVERWRITE) : TSDB_ELIMIT;
}

enum tsdb_status otlp_exemplar_labels(const struct otlp_walk *walk, struct bytes in,
                                      struct arena *arena, struct tsdb_labels *out)
{
    struct bytes span = {0}, trace = {0};
    struct pull p = pull_over(in);
    struct pull_field f;
    while (pull_next(&p, &f)) {
        if (f.number == 4)
            span = pull_bytes(&p, &f);
        else if (f.number == 5)
            trace = pull_bytes(&p, &f);
    }
    struct tsdb_labels filtered;
    enum tsdb_status st = pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
    if (st == TSDB_OK)
        st = attributes_parse(in, 7, arena, &filtered);
    if (st != TSDB_OK)
        return st;
    struct label_set set = {.walk = walk, .arena = arena};
    set.at = ARENA_ARRAY(arena, struct tsdb_label, filtered.count + 2);
    if (!set.at)
        return TSDB_ELIMIT;
    st = id_put(&set, "trace_id", trace);
    if (st == TSDB_OK)
        st = id_put(&set, "span_id", span);
    size_t length = 0;
    for (uint32_t i = 0; i < set.count; i++)
        length += characters(set.at[i].name) + characters(set.at[i].value);
    for (uint32_t i = 0; i < filtered.count; i++)
        length += characters(filtered.at[i].name) + characters(filtered.at[i].value);
    for (uint32_t i = 0; st == TSDB_OK && length <= EXEMPLAR_CHARS_MAX && i < filtered.count; i++)
        st = attribute_put(&set, "", &filtered.at[i], PUT_KEEP);
    *out = (struct tsdb_labels){set.at, set.count};
    return st;
}
