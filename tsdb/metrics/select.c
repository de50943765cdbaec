#include "tsdb/metrics/select.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/metrics/metrics.h"
#include "tsdb/metrics/samples.h"
#include "tsdb/metrics/series_set.h"

#include <stdlib.h>
#include <string.h>

/* ---- open sets -------------------------------------------------------------------- */

static void register_set(struct metrics *m, struct series_set *set)
{
    mutex_lock(&m->sets);
    set->sequence = m->set_sequence++;
    set->next = m->open_sets;
    if (m->open_sets)
        m->open_sets->prev = set;
    m->open_sets = set;
    mutex_unlock(&m->sets);
}

static void unregister_set(struct metrics *m, struct series_set *set)
{
    mutex_lock(&m->sets);
    if (set->prev)
        set->prev->next = set->next;
    else
        m->open_sets = set->next;
    if (set->next)
        set->next->prev = set->prev;
    cond_broadcast(&m->set_closed);
    mutex_unlock(&m->sets);
}

static bool is_older_open(const struct metrics *m, uint64_t sequence)
{
    for (const struct series_set *s = m->open_sets; s; s = s->next)
        if (s->sequence < sequence)
            return true;
    return false;
}

void series_sets_wait(struct metrics *m)
{
    mutex_lock(&m->sets);
    uint64_t now = m->set_sequence;
    while (is_older_open(m, now))
        cond_wait(&m->set_closed, &m->sets);
    mutex_unlock(&m->sets);
}

/* ---- finding ------------------------------------------------------------------------ */

static enum tsdb_status charge(struct series_set *set, uint64_t bytes, struct tsdb_error *err)
{
    if (set->budget && !budget_charge(set->budget, bytes))
        return tsdb_fail(err, TSDB_ELIMIT, "query memory: %u series do not fit", set->place_count);
    set->charged += set->budget ? bytes : 0;
    return TSDB_OK;
}

/* Room for n more places. */
static enum tsdb_status places_reserve(struct series_set *set, uint32_t n, struct tsdb_error *err)
{
    uint64_t cap = set->place_cap ? set->place_cap : 64;
    while (cap - set->place_count < n)
        cap *= 2;
    if (cap > UINT32_MAX / 2)
        return tsdb_fail(err, TSDB_ELIMIT, "query touches more than %u series", UINT32_MAX / 2);
    if (cap == set->place_cap)
        return TSDB_OK;
    enum tsdb_status st = charge(set, (cap - set->place_cap) * sizeof *set->places, err);
    if (st != TSDB_OK)
        return st;
    set->places = mem_grow(set->places, cap, sizeof *set->places);
    set->place_cap = (uint32_t)cap;
    return TSDB_OK;
}

static enum tsdb_status too_many(uint64_t series, const struct metrics_selection *sel,
                                 struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_ELIMIT, "query touches %llu series, limit series_max is %llu",
                     (unsigned long long)series, (unsigned long long)sel->series_max);
}

/* One source has so many series. */
static enum tsdb_status make_room(struct series_set *set, const struct metrics_selection *sel,
                                  uint32_t n, struct tsdb_error *err)
{
    if (sel->series_max && n > sel->series_max)
        return too_many(n, sel, err);
    return places_reserve(set, n, err);
}

static enum tsdb_status find_in_block(struct series_set *set, uint32_t source,
                                      const struct metrics_selection *sel, struct ordinals *found,
                                      struct tsdb_error *err)
{
    const struct block *b = set->blocks->blocks[source];
    enum tsdb_status st =
        label_index_select(b->labels, sel->matchers, sel->matcher_count, found, err);
    if (st == TSDB_OK)
        st = make_room(set, sel, found->count, err);
    for (uint32_t i = 0; i < found->count && st == TSDB_OK; i++) {
        struct place *at = &set->places[set->place_count++];
        *at = (struct place){.source = source, .id = found->at[i]};
        st = block_hash(b, found->at[i], &at->hash, err);
    }
    return st;
}

static enum tsdb_status find_in_head(struct series_set *set, const struct metrics_selection *sel,
                                     struct ordinals *found, struct tsdb_error *err)
{
    struct head *h = &set->m->head;
    rwlock_read(&h->index);
    enum tsdb_status st =
        head_index_select(h->labels, sel->matchers, sel->matcher_count, found, err);
    if (st == TSDB_OK)
        st = make_room(set, sel, found->count, err);
    for (uint32_t i = 0; i < found->count && st == TSDB_OK; i++) {
        const struct series *s = head_series(h, found->at[i]);
        if (s->is_live)
            set->places[set->place_count++] = (struct place){s->hash, SOURCE_HEAD, found->at[i]};
    }
    rwlock_unlock(&h->index);
    return st;
}

/* A block that turns out damaged is set aside; the answer is partial. */
static void set_aside(struct series_set *set, uint32_t source, const char *why)
{
    struct metrics *m = set->m;
    const struct manifest_segment entry = set->blocks->blocks[source]->entry;
    set->is_partial = true;
    mutex_lock(&m->lists);
    bool is_listed = false;
    for (uint32_t i = 0; i < m->blocks->count; i++)
        is_listed = is_listed || m->blocks->blocks[i]->entry.id == entry.id;
    mutex_unlock(&m->lists);
    if (!is_listed)
        return;
    damage_note(&m->damage, &entry);
    store_quarantine(m->store, &entry, why);
    block_list_forget(m, entry.id);
}

static enum tsdb_status find(struct series_set *set, const struct metrics_selection *asked,
                             struct tsdb_error *err)
{
    struct metrics_selection own = *asked, *sel = &own;
    struct matcher *matchers = matchers_with_tenant(asked->tenant, asked->matchers,
                                                    asked->matcher_count, &own.matcher_count);
    own.matchers = matchers;
    struct ordinals found = {0};
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < set->blocks->count && st == TSDB_OK; i++) {
        const struct block *b = set->blocks->blocks[i];
        if (b->entry.ts_max < sel->start || b->entry.ts_min > sel->end)
            continue;
        uint32_t before = set->place_count;
        struct tsdb_error fault = {0};
        st = find_in_block(set, i, sel, &found, &fault);
        if (st == TSDB_ECORRUPT) {
            set->place_count = before;
            set_aside(set, i, fault.msg);
            st = TSDB_OK;
        } else if (st != TSDB_OK && err) {
            *err = fault;
        }
    }
    if (st == TSDB_OK)
        st = find_in_head(set, sel, &found, err);
    ordinals_release(&found);
    mem_free(matchers);
    return st;
}

static int by_hash_then_source(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->hash.lo != y->hash.lo)
        return x->hash.lo < y->hash.lo ? -1 : 1;
    if (x->hash.hi != y->hash.hi)
        return x->hash.hi < y->hash.hi ? -1 : 1;
    return (x->source > y->source) - (x->source < y->source);
}

/* Groups the places by series. */
static enum tsdb_status group(struct series_set *set, const struct metrics_selection *sel,
                              struct tsdb_error *err)
{
    bool is_one_source = true;
    for (uint32_t i = 1; i < set->place_count && is_one_source; i++)
        is_one_source = set->places[i].source == set->places[0].source;
    if (!is_one_source)
        qsort(set->places, set->place_count, sizeof *set->places, by_hash_then_source);
    set->first = MEM_ARRAY(uint32_t, (size_t)set->place_count + 1);
    for (uint32_t i = 0; i < set->place_count; i++)
        if (i == 0 ||
            memcmp(&set->places[i].hash, &set->places[i - 1].hash, sizeof set->places[i].hash) != 0)
            set->first[set->count++] = i;
    set->first[set->count] = set->place_count;
    if (sel->series_max && set->count > sel->series_max)
        return too_many(set->count, sel, err);
    enum tsdb_status st =
        charge(set, (uint64_t)set->count * (sizeof *set->labels + sizeof *set->first), err);
    if (st != TSDB_OK)
        return st;
    set->labels = MEM_ARRAY(struct tsdb_labels, set->count);
    return TSDB_OK;
}

enum tsdb_status metrics_select(struct metrics *m, const struct metrics_selection *selection,
                                struct series_set **out, struct tsdb_error *err)
{
    struct series_set *set = MEM_NEW(struct series_set);
    set->m = m;
    set->start = selection->start;
    set->end = selection->end;
    set->has_tenant = selection->tenant && selection->tenant[0];
    set->budget = selection->budget;
    arena_init(&set->arena, SET_ARENA_BYTES_MAX, selection->budget);
    register_set(m, set);
    set->tombstones = metrics_tombstones_ref(m); /* first: they are forgotten after merges */
    set->blocks = block_list_ref(m);
    set->caches = MEM_ARRAY(struct label_cache, set->blocks->count);
    enum tsdb_status st = find(set, selection, err);
    if (st == TSDB_OK)
        st = group(set, selection, err);
    if (st != TSDB_OK) {
        series_set_close(set);
        return st;
    }
    *out = set;
    return TSDB_OK;
}

void series_set_close(struct series_set *set)
{
    if (!set)
        return;
    unregister_set(set->m, set);
    for (uint32_t i = 0; i < set->blocks->count; i++)
        label_cache_release(&set->caches[i]);
    block_list_unref(set->blocks);
    tombstones_unref(set->tombstones);
    mem_free(set->places);
    mem_free(set->first);
    mem_free(set->labels);
    mem_free(set->caches);
    arena_release(&set->arena);
    if (set->budget)
        budget_release(set->budget, set->charged);
    mem_free(set);
}

bool series_set_is_short(const struct series_set *set)
{
    return set->is_short;
}

uint32_t series_set_count(const struct series_set *set)
{
    return set->count;
}

bool series_set_is_partial(const struct series_set *set)
{
    return set->is_partial || damage_is_in(&set->m->damage, set->start, set->end);
}

/* ---- labels ------------------------------------------------------------------------- */

/* Labels from one place, with the tenant's; in the arena. */
static enum tsdb_status read_labels(struct series_set *set, const struct place *p,
                                    struct tsdb_labels *out)
{
    if (p->source != SOURCE_HEAD)
        return label_index_labels(set->blocks->blocks[p->source]->labels, p->id, &set->arena,
                                  &set->caches[p->source], out, NULL);
    struct head *h = &set->m->head;
    struct tsdb_label labels[LABELS_MAX];
    uint32_t count;
    rwlock_read(&h->index);
    head_index_labels(h->labels, p->id, labels, &count);
    rwlock_unlock(&h->index);
    struct tsdb_label *copy = ARENA_ARRAY(&set->arena, struct tsdb_label, count);
    if (!copy)
        return TSDB_ELIMIT;
    memcpy(copy, labels, count * sizeof *copy);
    *out = (struct tsdb_labels){copy, count};
    return TSDB_OK;
}

/* Leaves the tenant's label out of the count: it stays behind the others, where
 * with_tenant_label finds it. */
static struct tsdb_labels without_tenant(struct series_set *set, struct tsdb_labels in)
{
    for (uint32_t i = 0; i < in.count; i++) {
        if (!text_equal(in.at[i].name, text_of(TENANT_LABEL)))
            continue;
        struct tsdb_label *copy = ARENA_ARRAY(&set->arena, struct tsdb_label, in.count);
        if (!copy)
            return (struct tsdb_labels){0};
        memcpy(copy, in.at, i * sizeof *copy);
        memcpy(copy + i, in.at + i + 1, (in.count - i - 1) * sizeof *copy);
        copy[in.count - 1] = in.at[i];
        return (struct tsdb_labels){copy, in.count - 1};
    }
    return in;
}

static struct tsdb_labels with_tenant_label(struct series_set *set, uint32_t i)
{
    struct tsdb_labels labels = series_set_labels(set, i);
    if (set->has_tenant && labels.count > 0)
        labels.count++;
    return labels;
}

struct tsdb_labels series_set_labels(struct series_set *set, uint32_t i)
{
    static const struct tsdb_label none;
    ASSERT(i < set->count);
    if (set->labels[i].at)
        return set->labels[i];
    struct tsdb_labels labels = {0};
    enum tsdb_status st = TSDB_ECORRUPT;
    for (uint32_t p = set->first[i]; p < set->first[i + 1] && st == TSDB_ECORRUPT; p++)
        st = read_labels(set, &set->places[p], &labels);
    if (st == TSDB_OK)
        labels = without_tenant(set, labels);
    if (st == TSDB_ECORRUPT)
        set->is_partial = true;
    else if (labels.at == NULL)
        set->is_short = true;
    if (st != TSDB_OK || labels.at == NULL)
        labels = (struct tsdb_labels){&none, 0};
    return set->labels[i] = labels;
}

/* ---- samples ------------------------------------------------------------------------- */

static enum tsdb_status read_place(struct series_set *set, uint32_t i, const struct place *p,
                                   struct samples *out, struct tsdb_error *err)
{
    if (p->source == SOURCE_HEAD) {
        enum tsdb_status st =
            head_samples(&set->m->head, p->id, HEAD_WHOLE, set->start, set->end, out);
        return st == TSDB_OK ? st : tsdb_fail(err, st, "query memory: a series does not fit");
    }
    const struct block *b = set->blocks->blocks[p->source];
    struct tsdb_error fault = {0};
    uint32_t before = out->count;
    enum tsdb_status st = block_samples(b, p->id, set->start, set->end, out, &fault);
    if (st == TSDB_ECORRUPT) {
        out->count = before;
        set_aside(set, p->source, fault.msg);
        return TSDB_OK;
    }
    if (st != TSDB_OK && err)
        *err = fault;
    if (st != TSDB_OK || set->tombstones->count == 0)
        return st;
    struct samples tail = *out; /* the samples that came just now */
    tail.ts += before;
    tail.values += before;
    tail.histograms = out->histograms ? out->histograms + before : NULL;
    tail.count -= before;
    tombstones_apply(set->tombstones, b->entry.id, with_tenant_label(set, i), &tail);
    out->count = before + tail.count;
    return TSDB_OK;
}

enum tsdb_status series_set_samples(struct series_set *set, uint32_t i, struct samples *out,
                                    struct tsdb_error *err)
{
    ASSERT(i < set->count);
    samples_reset(out);
    if (set->is_short)
        return tsdb_fail(err, TSDB_ELIMIT, "query memory: the series' labels do not fit");
    for (uint32_t p = set->first[i]; p < set->first[i + 1]; p++) {
        enum tsdb_status st = read_place(set, i, &set->places[p], out, err);
        if (st != TSDB_OK)
            return st;
        if (samples_is_over(out))
            return tsdb_fail(err, TSDB_ELIMIT, "query memory: %u samples of a series do not fit",
                             out->count);
    }
    (void)samples_order(out, set->start, set->end);
    return TSDB_OK;
}
