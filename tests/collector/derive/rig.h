/* rig.h - spans put together by hand, and a store that remembers each sample as text.
 *
 * Defines the tsdb_* functions that the room calls, so that the linker takes none of the
 * real ones.  Spans are put into `rig` and go to span_metrics_observe as one batch:
 *
 *   uint32_t shop = rig_source("shop", NULL, NULL);
 *   rig_span(shop, TSDB_KIND_SERVER, "GET /", 10 * NS_PER_MS);
 *   rig_observe(sm, "");
 */
#ifndef TESTS_COLLECTOR_DERIVE_RIG_H
#define TESTS_COLLECTOR_DERIVE_RIG_H

#include "collector/derive/span_metrics.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW (INT64_C(1767225600) * NS_PER_S)

/* ---- the store ----------------------------------------------------------------------------- */

enum { KEPT_MAX = 20000, SERIES_TEXT_MAX = 2048 };

struct kept_sample {
    char *series; /* name{a="b",...}, in the order in which labels come: sorted after the name */
    char tenant[32];
    struct tsdb_hash key;
    int64_t ts, start;
    double value;
    char exemplar[128]; /* "trace_id span_id value"; "": none */
};

struct tsdb {
    enum tsdb_status status; /* of append */
    uint32_t appends, count, exemplars, metadata;
    struct kept_sample kept[KEPT_MAX];
};

static struct tsdb rig_db;

uint64_t tsdb_seed(const struct tsdb *db)
{
    (void)db;
    return 42;
}

static char *series_text(struct tsdb_labels labels)
{
    char text[SERIES_TEXT_MAX];
    size_t n = 0;
    for (uint32_t i = 0; i < labels.count; i++) {
        const struct tsdb_label *l = &labels.at[i];
        if (i == 0)
            n = (size_t)snprintf(text, sizeof text, "%.*s", (int)l->value.len, l->value.at);
        else
            n += (size_t)snprintf(text + n, sizeof text - n, "%c%.*s=\"%.*s\"", i > 1 ? ',' : '{',
                                  (int)l->name.len, l->name.at, (int)l->value.len, l->value.at);
        cr_assert_lt(n, sizeof text - 2);
    }
    (void)snprintf(text + n, sizeof text - n, "%s", labels.count > 1 ? "}" : "");
    return strdup(text);
}

enum tsdb_status tsdb_append(struct tsdb *db, const struct tsdb_batch *batch,
                             struct tsdb_appended *out, uint8_t *verdicts, struct tsdb_error *err)
{
    (void)verdicts;
    if (db->status != TSDB_OK)
        return tsdb_fail(err, db->status, "engine: told to fail");
    *out = (struct tsdb_appended){.position = ++db->appends};
    for (uint32_t i = 0; i < batch->point_count; i++) {
        struct tsdb_labels labels;
        cr_assert_lt(db->count, KEPT_MAX);
        cr_assert_eq(batch->labels(batch->arg, i, &labels), TSDB_OK);
        struct kept_sample *k = &db->kept[db->count++];
        free(k->series);
        *k = (struct kept_sample){.series = series_text(labels),
                                  .key = batch->points[i].key,
                                  .ts = batch->points[i].ts,
                                  .start = batch->starts[i],
                                  .value = batch->points[i].value};
        (void)snprintf(k->tenant, sizeof k->tenant, "%s", batch->tenant);
        out->counts[TSDB_ACCEPTED]++;
    }
    struct kept_sample *first = &db->kept[db->count - batch->point_count];
    for (uint32_t i = 0; i < batch->exemplar_count; i++) {
        const struct tsdb_exemplar *e = &batch->exemplars[i];
        const struct tsdb_label *l = e->labels.at;
        cr_assert_eq(e->labels.count, 2);
        cr_assert(text_equal(l[0].name, text_of("span_id")));
        cr_assert(text_equal(l[1].name, text_of("trace_id")));
        cr_assert_eq(first[e->point].exemplar[0], '\0', "one exemplar a series");
        (void)snprintf(first[e->point].exemplar, sizeof first->exemplar, "%.*s %.*s %g",
                       (int)l[1].value.len, l[1].value.at, (int)l[0].value.len, l[0].value.at,
                       e->value);
    }
    db->exemplars += batch->exemplar_count;
    db->metadata += batch->metadata_count;
    return TSDB_OK;
}

/* Forgets the samples, so that the next flush stands alone. */
static inline void store_forget(void)
{
    rig_db.count = rig_db.exemplars = 0;
}

/* The sample of the series; NULL: none; more than one is a failure. */
static inline const struct kept_sample *store_find(const char *tenant, const char *series)
{
    const struct kept_sample *found = NULL;
    for (uint32_t i = 0; i < rig_db.count; i++) {
        const struct kept_sample *k = &rig_db.kept[i];
        if (strcmp(k->series, series) != 0 || strcmp(k->tenant, tenant) != 0)
            continue;
        cr_assert_null(found, "%s: twice", series);
        found = k;
    }
    return found;
}

static inline void store_dump(void)
{
    for (uint32_t i = 0; i < rig_db.count; i++)
        fprintf(stderr, "%s %s %.17g\n", rig_db.kept[i].tenant, rig_db.kept[i].series,
                rig_db.kept[i].value);
}

static inline double store_value(const char *series)
{
    const struct kept_sample *k = store_find("", series);
    if (!k)
        store_dump();
    cr_assert_not_null(k, "%s: not there", series);
    return k->value;
}

/* How many series begin with the text. */
static inline uint32_t store_count(const char *prefix)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < rig_db.count; i++)
        n += strncmp(rig_db.kept[i].series, prefix, strlen(prefix)) == 0;
    return n;
}

/* ---- spans ----------------------------------------------------------------------------------- */

enum { RIG_SPANS = 2048, RIG_SOURCES = 64, RIG_FIELDS = 24 };

struct rig {
    struct tsdb_span spans[RIG_SPANS];
    struct tsdb_field fields[RIG_SPANS][RIG_FIELDS];
    struct tsdb_span_source sources[RIG_SOURCES];
    struct tsdb_field resources[RIG_SOURCES][RIG_FIELDS];
    uint32_t span_count, source_count;
    uint64_t next_id;
    const uint8_t *verdicts;
    struct clock_sim clock;
};

static struct rig rig;

static inline struct tsdb_field field_text(const char *name, const char *value)
{
    return (struct tsdb_field){
        .name = text_of(name), .type = TSDB_FIELD_STRING, .text = text_of(value)};
}

static inline struct tsdb_field field_int(const char *name, int64_t value)
{
    return (struct tsdb_field){.name = text_of(name), .type = TSDB_FIELD_INT, .integer = value};
}

static inline void rig_resource(uint32_t source, struct tsdb_field f)
{
    struct tsdb_fields *to = &rig.sources[source].resource;
    cr_assert_lt(to->count, RIG_FIELDS);
    rig.resources[source][to->count++] = f;
    to->at = rig.resources[source];
}

/* NULL: without that attribute. */
static inline uint32_t rig_source(const char *name, const char *space, const char *instance)
{
    uint32_t i = rig.source_count++;
    cr_assert_lt(i, RIG_SOURCES);
    rig.sources[i] = (struct tsdb_span_source){0};
    if (name)
        rig_resource(i, field_text("service.name", name));
    if (space)
        rig_resource(i, field_text("service.namespace", space));
    if (instance)
        rig_resource(i, field_text("service.instance.id", instance));
    return i;
}

static inline struct tsdb_span_id span_id(uint64_t n)
{
    struct tsdb_span_id id;
    for (int i = 0; i < TSDB_SPAN_ID_BYTES; i++)
        id.at[i] = (uint8_t)(n >> (8 * (TSDB_SPAN_ID_BYTES - 1 - i)));
    return id;
}

/* Of trace 1, with an id of its own and no parent; the caller may change it until rig_observe. */
static inline struct tsdb_span *rig_span(uint32_t source, uint8_t kind, const char *name,
                                         int64_t duration)
{
    uint32_t i = rig.span_count++;
    cr_assert_lt(i, RIG_SPANS);
    rig.spans[i] = (struct tsdb_span){.source = source,
                                      .kind = kind,
                                      .name = text_of(name),
                                      .span_id = span_id(++rig.next_id),
                                      .start = NOW,
                                      .end = NOW + duration};
    rig.spans[i].trace_id.at[TSDB_TRACE_ID_BYTES - 1] = 1;
    return &rig.spans[i];
}

static inline void rig_attribute(struct tsdb_span *s, struct tsdb_field f)
{
    struct tsdb_field *to = rig.fields[s - rig.spans];
    cr_assert_lt(s->attributes.count, RIG_FIELDS);
    to[s->attributes.count++] = f;
    s->attributes.at = to;
}

/* Hands over what was put, and forgets it. */
static inline void rig_observe(struct span_metrics *sm, const char *tenant)
{
    const struct tsdb_span_batch batch = {.tenant = tenant,
                                          .sources = rig.sources,
                                          .spans = rig.spans,
                                          .source_count = rig.source_count,
                                          .span_count = rig.span_count};
    span_metrics_observe(sm, &batch, rig.verdicts);
    rig.span_count = rig.source_count = 0;
    rig.verdicts = NULL;
}

/* ---- one that derives ---------------------------------------------------------------------------
 */

static struct span_metrics_options rig_options;
static struct budget rig_budget;
static struct span_metrics *sm;

static inline void rig_init(void)
{
    clock_sim_init(&rig.clock, NOW);
    budget_init(&rig_budget, 64 << 20, NULL);
    span_metrics_options_init(&rig_options);
    rig_options.db = &rig_db;
    rig_options.budget = &rig_budget;
    rig_options.clock = &rig.clock.clock;
}

static inline void rig_open(void)
{
    rig_init();
    sm = span_metrics_new(&rig_options);
}

/* With rig_options as they are now. */
static inline void rig_reopen(void)
{
    span_metrics_free(sm);
    sm = span_metrics_new(&rig_options);
}

static inline void rig_close(void)
{
    span_metrics_free(sm);
    sm = NULL;
    for (uint32_t i = 0; i < KEPT_MAX; i++)
        free(rig_db.kept[i].series);
    cr_assert_eq(budget_used(&rig_budget), 0, "%llu bytes are not given back",
                 (unsigned long long)budget_used(&rig_budget));
}

/* The totals, a second later, alone in the store. */
static inline void rig_flush(void)
{
    clock_sim_advance(&rig.clock, NS_PER_S);
    store_forget();
    span_metrics_flush(sm);
}

#endif
