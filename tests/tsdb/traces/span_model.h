/* span_model.h - random spans of every odd kind, kept plainly, and whether spans are the same.
 *
 * Ids come from small pools, so that traces have many spans, span ids repeat, parents are
 * there, missing, later, in other traces or the span itself.
 */
#ifndef TESTS_TSDB_TRACES_SPAN_MODEL_H
#define TESTS_TSDB_TRACES_SPAN_MODEL_H

#include "tsdb/base/arena.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"
#include "tsdb/columns/field_kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL_SOURCES = 12, MODEL_TENANTS = 3 };

struct span_model {
    struct arena arena;
    struct random random;
    struct tsdb_span_source sources[MODEL_SOURCES];
    struct tsdb_span *spans; /* in the arena */
    uint32_t count;
    uint32_t trace_ids, span_ids; /* sizes of the pools */
    uint64_t events, links, repeats, wide;
};

static inline uint64_t span_model_seed(void)
{
    const char *env = getenv("TEST_SEED");
    return env ? strtoull(env, NULL, 0) : 20261124;
}

static inline uint64_t below(struct span_model *m, uint64_t bound)
{
    return random_below(&m->random, bound);
}

static inline struct tsdb_text model_copy(struct span_model *m, const char *at, size_t len)
{
    char *copy = ARENA_ARRAY(&m->arena, char, len + 1);
    ASSERT(copy);
    memcpy(copy, at, len);
    return (struct tsdb_text){copy, len};
}

static inline struct tsdb_text model_text(struct span_model *m)
{
    char text[600];
    size_t len = 0;
    switch (below(m, 8)) {
    case 0: return (struct tsdb_text){"", 0};
    case 1: return (struct tsdb_text){NULL, 0};
    case 2:
        for (len = 0; len < 16; len++)
            text[len] = (char)random_next(&m->random);
        break;
    case 3: len = (size_t)snprintf(text, sizeof text, "%d", (int)below(m, 100000)); break;
    case 4:
        for (len = 0; len < below(m, sizeof text); len++)
            text[len] = (char)('a' + below(m, 26));
        break;
    default: len = (size_t)snprintf(text, sizeof text, "value %d\n", (int)below(m, 30));
    }
    return model_copy(m, text, len);
}

static inline struct tsdb_text model_name(struct span_model *m, uint64_t pool)
{
    char text[40];
    int n = snprintf(text, sizeof text, "%s.name.%u", below(m, 40) ? "http" : "\xc3\xa4",
                     (unsigned)below(m, pool));
    return model_copy(m, text, (size_t)n);
}

static inline struct tsdb_field model_field(struct span_model *m, uint64_t pool)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MAX, 0, -1, 1};
    struct tsdb_field f = {.name = model_name(m, pool),
                           .type = (uint8_t)below(m, TSDB_FIELD_TYPE_COUNT)};
    switch (f.type) {
    case TSDB_FIELD_INT:
        f.integer = below(m, 3) ? (int64_t)below(m, 600) : edges[below(m, 5)];
        break;
    case TSDB_FIELD_BOOL: f.integer = (int64_t)below(m, 2); break;
    case TSDB_FIELD_DOUBLE: {
        uint64_t bits = random_next(&m->random);
        bits |= below(m, 4) ? 0 : UINT64_C(0x7ff) << 52; /* NaNs of all payloads, infinities */
        memcpy(&f.real, &bits, sizeof f.real);
        break;
    }
    default: f.text = model_text(m);
    }
    return f;
}

static inline struct tsdb_fields model_fields(struct span_model *m, uint32_t n)
{
    struct tsdb_field *fields = ARENA_ARRAY(&m->arena, struct tsdb_field, n + 1);
    ASSERT(fields);
    uint64_t pool = n > 20 ? 3 * n : 25;
    for (uint32_t i = 0; i < n; i++)
        fields[i] = model_field(m, pool);
    return (struct tsdb_fields){fields, n, below(m, 5) ? 0 : (uint32_t)below(m, UINT32_MAX)};
}

static inline void model_id(struct span_model *m, uint8_t *to, size_t n, uint64_t number)
{
    memset(to, 0, n);
    if (number % 3) /* 64-bit trace ids begin with zeros */
        memset(to, (int)(number * 37 % 256), n / 2);
    to[n - 1] = (uint8_t)(1 + number % 255);
    to[n - 2] = (uint8_t)(number / 255);
    (void)m;
}

static inline void model_events(struct span_model *m, struct tsdb_span *s)
{
    uint32_t n = below(m, 4) ? 0 : (uint32_t)below(m, 5);
    struct tsdb_span_event *events = ARENA_ARRAY(&m->arena, struct tsdb_span_event, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        events[i].ts = s->start + (int64_t)below(m, 2000) - 1000; /* also before the start */
        events[i].name = model_text(m);
        events[i].attributes = model_fields(m, (uint32_t)below(m, 4));
    }
    s->events = events;
    s->event_count = n;
    m->events += n;
}

static inline void model_links(struct span_model *m, struct tsdb_span *s)
{
    uint32_t n = below(m, 8) ? 0 : (uint32_t)below(m, 4);
    struct tsdb_span_link *links = ARENA_ARRAY(&m->arena, struct tsdb_span_link, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        model_id(m, links[i].trace_id.at, sizeof links[i].trace_id.at, below(m, 1000));
        model_id(m, links[i].span_id.at, sizeof links[i].span_id.at, below(m, 1000));
        links[i].trace_state = model_text(m);
        links[i].flags = (uint32_t)below(m, 3);
        links[i].attributes = model_fields(m, (uint32_t)below(m, 4));
    }
    s->links = links;
    s->link_count = n;
    m->links += n;
}

static inline struct tsdb_span model_span(struct span_model *m)
{
    struct tsdb_span s = {.source = (uint32_t)below(m, MODEL_SOURCES)};
    uint64_t id = below(m, m->span_ids), parent = below(m, m->span_ids + m->span_ids / 4 + 1);
    model_id(m, s.trace_id.at, sizeof s.trace_id.at,
             below(m, 3) ? below(m, m->trace_ids) : below(m, m->trace_ids / 20 + 1));
    model_id(m, s.span_id.at, sizeof s.span_id.at, id);
    if (below(m, 4))
        model_id(m, s.parent_id.at, sizeof s.parent_id.at, below(m, 20) ? parent : id);
    s.start = INT64_C(1790000000000000000) + (int64_t)below(m, 50000);
    if (below(m, 50) == 0)
        s.start = below(m, 2) ? INT64_MIN + (int64_t)below(m, 3) : INT64_MAX;
    s.end = (int64_t)((uint64_t)s.start + below(m, 1000000) - (below(m, 10) ? 0 : 500000));
    s.kind = (uint8_t)(below(m, 20) ? below(m, 6) : below(m, 256));
    s.status = (uint8_t)(below(m, 20) ? below(m, 3) : below(m, 256));
    s.flags = below(m, 2) ? 0x101 : (uint32_t)random_next(&m->random);
    s.name = model_text(m);
    s.status_message = below(m, 5) ? (struct tsdb_text){0} : model_text(m);
    s.trace_state = below(m, 5) ? (struct tsdb_text){0} : model_text(m);
    bool is_wide = below(m, 1000) == 0;
    m->wide += is_wide;
    s.attributes = model_fields(m, is_wide ? 1000 : (uint32_t)below(m, 20));
    s.dropped_events = below(m, 9) ? 0 : (uint32_t)below(m, UINT32_MAX);
    s.dropped_links = below(m, 9) ? 0 : (uint32_t)below(m, 5);
    model_events(m, &s);
    model_links(m, &s);
    return s;
}

/* Sources may be equal, and may be nothing. */
static inline void span_model_init(struct span_model *m, uint64_t seed, uint32_t count)
{
    memset(m, 0, sizeof *m);
    arena_init(&m->arena, (size_t)1 << 30, NULL);
    random_init(&m->random, seed);
    m->count = count;
    m->trace_ids = 1 + (uint32_t)below(m, count / 4 + 2);
    m->span_ids = 1 + (uint32_t)below(m, 200);
    for (uint32_t i = 0; i < MODEL_SOURCES; i++) {
        if (i == 0)
            continue;
        m->sources[i] = (struct tsdb_span_source){
            .resource = model_fields(m, (uint32_t)below(m, 6)),
            .scope = model_fields(m, (uint32_t)below(m, 3)),
            .scope_name = model_text(m),
            .scope_version = model_text(m),
            .resource_schema_url = model_text(m),
            .scope_schema_url = model_text(m),
        };
        if (i == 5)
            m->sources[i] = m->sources[4];
    }
    m->spans = ARENA_ARRAY(&m->arena, struct tsdb_span, count + 1);
    ASSERT(m->spans);
    for (uint32_t i = 0; i < count; i++)
        m->spans[i] = model_span(m);
}

static inline void span_model_release(struct span_model *m)
{
    arena_release(&m->arena);
}

static inline struct tsdb_text model_tenant(uint32_t source)
{
    static const char *const tenants[MODEL_TENANTS] = {"", "blue", "green"};
    return text_of(tenants[source % MODEL_TENANTS]);
}

/* ---- comparing; each answers what differs, or NULL -------------------------------------- */

static inline bool fields_match(const struct tsdb_field *a, const struct tsdb_field *b)
{
    if (field_kind(a->type) == COLUMN_TEXT)
        return text_equal(a->text, b->text);
    return a->integer == b->integer; /* doubles by their bits */
}

static inline const struct tsdb_field *first_named(const struct tsdb_fields *f,
                                                   const struct tsdb_field *like)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (f->at[i].type == like->type && text_equal(f->at[i].name, like->name))
            return &f->at[i];
    return NULL;
}

static inline uint32_t distinct_fields(const struct tsdb_fields *f)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->count; i++)
        n += first_named(f, &f->at[i]) == &f->at[i];
    return n;
}

/* As sets, of each (name, type) the first. */
static inline bool fields_same(const struct tsdb_fields *want, const struct tsdb_fields *got)
{
    for (uint32_t i = 0; i < want->count; i++) {
        const struct tsdb_field *f = &want->at[i], *same = first_named(got, f);
        if (first_named(want, f) == f && (!same || !fields_match(f, same)))
            return false;
    }
    return distinct_fields(want) == distinct_fields(got) && want->dropped == got->dropped;
}

static inline const char *sources_differ(const struct tsdb_span_source *a,
                                         const struct tsdb_span_source *b)
{
    if (!fields_same(&a->resource, &b->resource))
        return "resource";
    if (!fields_same(&a->scope, &b->scope))
        return "scope";
    return text_equal(a->scope_name, b->scope_name) &&
                   text_equal(a->scope_version, b->scope_version) &&
                   text_equal(a->resource_schema_url, b->resource_schema_url) &&
                   text_equal(a->scope_schema_url, b->scope_schema_url)
               ? NULL
               : "texts of a source";
}

static inline const char *children_differ(const struct tsdb_span *a, const struct tsdb_span *b)
{
    if (a->event_count != b->event_count || a->link_count != b->link_count)
        return "count of events or links";
    for (uint32_t i = 0; i < a->event_count; i++)
        if (a->events[i].ts != b->events[i].ts ||
            !text_equal(a->events[i].name, b->events[i].name) ||
            !fields_same(&a->events[i].attributes, &b->events[i].attributes))
            return "an event";
    for (uint32_t i = 0; i < a->link_count; i++) {
        const struct tsdb_span_link *x = &a->links[i], *y = &b->links[i];
        if (memcmp(&x->trace_id, &y->trace_id, sizeof x->trace_id) != 0 ||
            memcmp(&x->span_id, &y->span_id, sizeof x->span_id) != 0 || x->flags != y->flags ||
            !text_equal(x->trace_state, y->trace_state) ||
            !fields_same(&x->attributes, &y->attributes))
            return "a link";
    }
    return NULL;
}

/* All but their sources. */
static inline const char *spans_differ(const struct tsdb_span *a, const struct tsdb_span *b)
{
    if (memcmp(&a->trace_id, &b->trace_id, sizeof a->trace_id) != 0)
        return "trace id";
    if (memcmp(&a->span_id, &b->span_id, sizeof a->span_id) != 0)
        return "span id";
    if (memcmp(&a->parent_id, &b->parent_id, sizeof a->parent_id) != 0)
        return "parent id";
    if (a->start != b->start || a->end != b->end)
        return "times";
    if (a->kind != b->kind || a->status != b->status || a->flags != b->flags)
        return "kind, status or flags";
    if (a->dropped_events != b->dropped_events || a->dropped_links != b->dropped_links)
        return "dropped events or links";
    if (!text_equal(a->name, b->name) || !text_equal(a->status_message, b->status_message) ||
        !text_equal(a->trace_state, b->trace_state))
        return "name, message or state";
    if (!fields_same(&a->attributes, &b->attributes))
        return "attributes";
    return children_differ(a, b);
}

#endif
