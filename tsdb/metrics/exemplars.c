#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/metrics/series_set.h"

#include <stdlib.h>
#include <string.h>

/* From a source's id to the series of the set. */
struct owner {
    uint32_t id, series;
};

struct found {
    uint32_t series;
    struct tsdb_exemplar exemplar; /* labels in the set's arena */
};

struct gather {
    struct series_set *set;
    struct owner *owners; /* owned; of one source, sorted by id */
    uint32_t owner_count;
    struct found *found; /* owned */
    uint32_t count, cap;
    bool is_full;
};

static int by_id(const void *a, const void *b)
{
    const struct owner *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static void load_owners(struct gather *g, uint32_t source)
{
    const struct series_set *set = g->set;
    g->owner_count = 0;
    for (uint32_t i = 0; i < set->count; i++)
        for (uint32_t p = set->first[i]; p < set->first[i + 1]; p++)
            if (set->places[p].source == source)
                g->owners[g->owner_count++] = (struct owner){set->places[p].id, i};
    qsort(g->owners, g->owner_count, sizeof *g->owners, by_id);
}

static struct tsdb_text keep_text(struct gather *g, struct tsdb_text t)
{
    char *at = ARENA_ARRAY(&g->set->arena, char, t.len + 1);
    if (!at) {
        g->is_full = true;
        return (struct tsdb_text){"", 0};
    }
    if (t.len)
        memcpy(at, t.at, t.len);
    return (struct tsdb_text){at, t.len};
}

/* Keeps the exemplar when its series and time are asked for. */
static void keep(void *arg, uint32_t id, const struct tsdb_exemplar *e)
{
    struct gather *g = arg;
    const struct owner key = {.id = id};
    if (e->ts < g->set->start || e->ts > g->set->end || g->is_full)
        return;
    const struct owner *owner = bsearch(&key, g->owners, g->owner_count, sizeof *g->owners, by_id);
    if (!owner)
        return;
    struct tsdb_label *labels = ARENA_ARRAY(&g->set->arena, struct tsdb_label, e->labels.count);
    if (!labels) {
        g->is_full = true;
        return;
    }
    for (uint32_t i = 0; i < e->labels.count; i++)
        labels[i] = (struct tsdb_label){keep_text(g, e->labels.at[i].name),
                                        keep_text(g, e->labels.at[i].value)};
    if (g->count == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 64;
        g->found = mem_grow(g->found, g->cap, sizeof *g->found);
    }
    g->found[g->count++] =
        (struct found){owner->series, {0, e->ts, e->value, {labels, e->labels.count}}};
}

static void keep_held(void *arg, const struct held_exemplar *held)
{
    struct tsdb_label labels[RECORD_LABELS_MAX];
    struct tsdb_exemplar e = {.ts = held->ts, .value = held->value};
    struct bytes encoded = {held->labels, held->labels_len};
    if (record_labels_decode(encoded, labels, &e.labels.count) != TSDB_OK)
        return;
    e.labels.at = labels;
    keep(arg, held->ref, &e);
}

static int by_series_then_time(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->series != y->series)
        return x->series < y->series ? -1 : 1;
    return (x->exemplar.ts > y->exemplar.ts) - (x->exemplar.ts < y->exemplar.ts);
}

static bool is_repeat(const struct found *a, const struct found *b)
{
    return a->series == b->series && a->exemplar.ts == b->exemplar.ts &&
           memcmp(&a->exemplar.value, &b->exemplar.value, sizeof a->exemplar.value) == 0;
}

enum tsdb_status series_set_exemplars(struct series_set *set, tsdb_exemplar_fn *fn, void *arg,
                                      struct tsdb_error *err)
{
    struct gather g = {.set = set, .owners = MEM_ARRAY(struct owner, set->place_count)};
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < set->blocks->count && st == TSDB_OK; i++) {
        load_owners(&g, i);
        if (g.owner_count > 0)
            st = block_exemplars(set->blocks->blocks[i], keep, &g, err);
    }
    load_owners(&g, SOURCE_HEAD);
    if (st == TSDB_OK && g.owner_count > 0)
        catalog_exemplars_each(&set->m->catalog, keep_held, &g);
    if (st == TSDB_OK && g.is_full)
        st = tsdb_fail(err, TSDB_ELIMIT, "query memory: the exemplars do not fit");
    if (g.count)
        qsort(g.found, g.count, sizeof *g.found, by_series_then_time);
    for (uint32_t i = 0; i < g.count && st == TSDB_OK; i++)
        if (i == 0 || !is_repeat(&g.found[i - 1], &g.found[i]))
            if (!fn(arg, series_set_labels(set, g.found[i].series), &g.found[i].exemplar))
                break;
    mem_free(g.owners);
    mem_free(g.found);
    return st;
}
