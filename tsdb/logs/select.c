/* A snapshot of the parts that matchers and times choose.
 *
 * Head: under the lock of the streams, so that refs mean the streams they meant when the
 * rows came; labels are copied.  Blocks: by their label index; streams of several
 * blocks are one by their hash. */
#include "tsdb/logs/engine.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <stdlib.h>

enum { SET_ARENA_BYTES_MAX = 1 << 30 };
#define NOT_CHOSEN UINT32_MAX
#define NOT_MET (UINT32_MAX - 1) /* chosen, but no run of it was seen yet */

struct set_stream {
    struct tsdb_hash hash;
    struct logs_stream stream;
    int64_t ended;     /* records before this time have ended by a rule */
    uint64_t *deleted; /* bit t: tombstone t matches it */
};

struct set_part {
    struct logs_part part;
    struct block *block; /* NULL: of the head */
    uint32_t group;
    _Atomic bool is_touched;
};

struct logs_set {
    struct logs *l;
    struct shelf_list *blocks; /* referenced */
    struct tombstones *tombstones;
    struct rules *rules;
    struct hot_group **hot; /* owned, each referenced */
    uint32_t hot_count;
    struct set_stream *streams; /* owned */
    uint32_t stream_count, stream_cap;
    struct slots by_hash;
    struct set_part *parts; /* owned */
    uint32_t part_count, part_cap;
    struct group_run *runs; /* owned: of the group at hand */
    uint32_t run_cap;
    struct arena arena;
    struct budget *budget;
    uint64_t charged;
    int64_t start, end, now;
    _Atomic bool is_partial;
};

/* Where runs come from, and what their stream numbers mean. */
struct source {
    struct block *block;       /* NULL: the head */
    uint32_t *numbers;         /* owned: of each stream: the set's number, or one of the above */
    struct label_cache *cache; /* of the block */
    uint32_t count;
};

/* ---- memory --------------------------------------------------------------------------- */

static enum tsdb_status is_short(const struct logs_set *set, struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_ELIMIT, "query memory: %u streams in %u groups do not fit",
                     set->stream_count, set->part_count);
}

static bool charge(struct logs_set *set, uint64_t bytes)
{
    if (set->budget && !budget_charge(set->budget, bytes))
        return false;
    set->charged += set->budget ? bytes : 0;
    return true;
}

/* A bigger array, charged; NULL: it does not fit. */
static void *grow(struct logs_set *set, void *at, uint32_t *cap, uint32_t want, size_t size)
{
    uint32_t next = *cap ? *cap : 16;
    while (next < want)
        next *= 2;
    if (next == *cap)
        return at;
    if (!charge(set, (uint64_t)(next - *cap) * size))
        return NULL;
    *cap = next;
    return mem_grow(at, next, size);
}

static struct tsdb_text copy_text(struct arena *a, struct tsdb_text t)
{
    char *at = ARENA_ARRAY(a, char, t.len + 1);
    if (!at)
        return (struct tsdb_text){0};
    if (t.len)
        memcpy(at, t.at, t.len);
    return (struct tsdb_text){at, t.len};
}

/* ---- streams -------------------------------------------------------------------------- */

static uint32_t find_stream(const struct logs_set *set, struct tsdb_hash hash)
{
    uint32_t at = (uint32_t)hash.lo, id;
    while ((id = slots_probe(&set->by_hash, (uint32_t)hash.lo, &at)) != SLOTS_NONE)
        if (hash_equal(set->streams[id].hash, hash))
            return id;
    return NOT_CHOSEN;
}

/* The tombstones that match the stream; false: no memory. */
static bool note_deletions(struct logs_set *set, struct tsdb_labels labels, struct set_stream *s)
{
    const struct tombstones *t = set->tombstones;
    if (t->count == 0)
        return true;
    s->deleted = ARENA_ARRAY(&set->arena, uint64_t, (t->count + 63) / 64);
    if (!s->deleted)
        return false;
    for (uint32_t i = 0; i < t->count; i++)
        if (matchers_test(t->at[i].matchers, t->at[i].matcher_count, labels))
            s->deleted[i / 64] |= (uint64_t)1 << i % 64;
    return true;
}

/* labels: everything, with texts that last as long as the set. */
static enum tsdb_status add_stream(struct logs_set *set, struct tsdb_hash hash,
                                   struct tsdb_labels labels, uint32_t *number,
                                   struct tsdb_error *err)
{
    struct stream_parts parts;
    stream_split(labels, &parts);
    struct set_stream s = {.hash = hash, .ended = rules_end(set->rules, labels, set->now)};
    struct tsdb_label *kept = ARENA_ARRAY(&set->arena, struct tsdb_label, parts.label_count);
    struct tsdb_field *fields = ARENA_ARRAY(&set->arena, struct tsdb_field, parts.attribute_count);
    if (!kept || !fields || !note_deletions(set, labels, &s))
        return is_short(set, err);
    memcpy(kept, parts.labels, parts.label_count * sizeof *kept);
    memcpy(fields, parts.attributes, parts.attribute_count * sizeof *fields);
    s.stream = (struct logs_stream){{kept, parts.label_count}, fields, parts.attribute_count};
    void *at = grow(set, set->streams, &set->stream_cap, set->stream_count + 1, sizeof s);
    if (!at)
        return is_short(set, err);
    set->streams = at;
    slots_put(&set->by_hash, (uint32_t)hash.lo, set->stream_count);
    *number = set->stream_count;
    set->streams[set->stream_count++] = s;
    return TSDB_OK;
}

/* `streams` is held. */
static enum tsdb_status head_stream_of(struct logs_set *set, uint32_t ref, uint32_t *number,
                                       struct tsdb_error *err)
{
    const struct head *h = &set->l->head;
    struct tsdb_label labels[LABELS_MAX];
    uint32_t count;
    *number = find_stream(set, h->at[ref].hash);
    if (*number != NOT_CHOSEN)
        return TSDB_OK;
    head_index_labels(h->labels, ref, labels, &count);
    for (uint32_t i = 0; i < count; i++) {
        labels[i].name = copy_text(&set->arena, labels[i].name);
        labels[i].value = copy_text(&set->arena, labels[i].value);
        if (!labels[i].name.at || !labels[i].value.at)
            return is_short(set, err);
    }
    return add_stream(set, h->at[ref].hash, (struct tsdb_labels){labels, count}, number, err);
}

static enum tsdb_status block_stream_of(struct logs_set *set, const struct source *from,
                                        uint32_t ordinal, uint32_t *number, struct tsdb_error *err)
{
    struct tsdb_hash hash = log_block_hash(from->block, ordinal);
    struct tsdb_labels labels;
    *number = find_stream(set, hash);
    if (*number != NOT_CHOSEN)
        return TSDB_OK;
    enum tsdb_status st =
        label_index_labels(from->block->labels, ordinal, &set->arena, from->cache, &labels, err);
    return st == TSDB_OK ? add_stream(set, hash, labels, number, err) : st;
}

/* The set's number of a run's stream, or NOT_CHOSEN. */
static enum tsdb_status number_of(struct logs_set *set, struct source *from, uint32_t stream,
                                  uint32_t *out, struct tsdb_error *err)
{
    enum tsdb_status st = TSDB_OK;
    if (stream >= from->count) { /* of the head: it is newer than the selection */
        *out = NOT_CHOSEN;
        return st;
    }
    if (from->numbers[stream] == NOT_MET)
        st = from->block ? block_stream_of(set, from, stream, &from->numbers[stream], err)
                         : head_stream_of(set, stream, &from->numbers[stream], err);
    *out = from->numbers[stream];
    return st;
}

/* ---- parts ---------------------------------------------------------------------------- */

/* One part in the making. */
struct making {
    struct logs_set *set;
    struct logs_run *runs; /* in the arena; room for all */
    struct logs_hidden *hidden;
    uint32_t run_count, hidden_count, hidden_cap;
    uint64_t block_id; /* UINT64_MAX: the head, which no tombstone hides */
};

/* Adds a hidden range; false: no memory. */
static bool hide(struct making *m, int64_t start, int64_t end)
{
    if (m->hidden_count == m->hidden_cap) {
        uint32_t cap = m->hidden_cap ? m->hidden_cap * 2 : 16;
        struct logs_hidden *at = ARENA_ARRAY(&m->set->arena, struct logs_hidden, cap);
        if (!at)
            return false;
        if (m->hidden_count)
            memcpy(at, m->hidden, m->hidden_count * sizeof *at);
        m->hidden = at;
        m->hidden_cap = cap;
    }
    m->hidden[m->hidden_count++] = (struct logs_hidden){m->run_count, start, end};
    return true;
}

/* Whether something of the run is left; what is hidden of it is noted. */
static enum tsdb_status hide_parts(struct making *m, const struct group_run *run,
                                   const struct set_stream *s, bool *is_left,
                                   struct tsdb_error *err)
{
    const struct tombstones *t = m->set->tombstones;
    uint32_t before = m->hidden_count;
    *is_left = run->ts_max >= s->ended;
    if (*is_left && run->ts_min < s->ended && !hide(m, INT64_MIN, s->ended))
        return is_short(m->set, err);
    for (uint32_t i = 0; i < t->count && *is_left; i++) {
        const struct tombstone *d = &t->at[i];
        if (m->block_id >= d->id || run->ts_max < d->start || run->ts_min >= d->end ||
            !(s->deleted[i / 64] >> i % 64 & 1))
            continue;
        *is_left = run->ts_min < d->start || run->ts_max >= d->end;
        if (!hide(m, d->start, d->end))
            return is_short(m->set, err);
    }
    if (!*is_left)
        m->hidden_count = before;
    return TSDB_OK;
}

static enum tsdb_status add_run(struct making *m, struct source *from, const struct group_run *run,
                                struct tsdb_error *err)
{
    struct logs_set *set = m->set;
    uint32_t number;
    bool is_left;
    if (run->ts_max < set->start || run->ts_min >= set->end)
        return TSDB_OK;
    enum tsdb_status st = number_of(set, from, run->stream, &number, err);
    if (st != TSDB_OK || number == NOT_CHOSEN)
        return st;
    st = hide_parts(m, run, &set->streams[number], &is_left, err);
    if (st == TSDB_OK && is_left)
        m->runs[m->run_count++] = (struct logs_run){.stream = number,
                                                    .first = run->first,
                                                    .rows = run->rows,
                                                    .ts_min = run->ts_min,
                                                    .ts_max = run->ts_max,
                                                    .line_bytes = run->line_bytes};
    return st;
}

/* What a group is, before its runs are looked at. */
struct candidate {
    const struct group *group; /* NULL: of a block, not opened yet */
    uint32_t index, run_count;
    const struct group_run *runs;
};

static enum tsdb_status put_part(struct logs_set *set, const struct making *m, struct source *from,
                                 const struct candidate *c, struct tsdb_error *err)
{
    struct set_part p = {.block = from->block, .group = c->index, .is_touched = !from->block};
    p.part = (struct logs_part){.group = c->group,
                                .runs = m->runs,
                                .hidden = m->hidden,
                                .run_count = m->run_count,
                                .hidden_count = m->hidden_count,
                                .ts_min = INT64_MAX,
                                .ts_max = INT64_MIN};
    for (uint32_t i = 0; i < m->run_count; i++) {
        const struct logs_run *run = &m->runs[i];
        p.part.ts_min = run->ts_min < p.part.ts_min ? run->ts_min : p.part.ts_min;
        p.part.ts_max = run->ts_max > p.part.ts_max ? run->ts_max : p.part.ts_max;
    }
    if (from->block) {
        enum tsdb_status st = log_block_group_open(from->block, c->index, &p.part.group, err);
        if (st != TSDB_OK)
            return st;
    }
    void *at = grow(set, set->parts, &set->part_cap, set->part_count + 1, sizeof p);
    if (!at)
        return is_short(set, err);
    set->parts = at;
    set->parts[set->part_count++] = p;
    return TSDB_OK;
}

static enum tsdb_status add_group(struct logs_set *set, struct source *from,
                                  const struct candidate *c, struct tsdb_error *err)
{
    struct making m = {.set = set,
                       .block_id = from->block ? from->block->shelved.entry.id : UINT64_MAX};
    m.runs = ARENA_ARRAY(&set->arena, struct logs_run, c->run_count);
    if (!m.runs)
        return is_short(set, err);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < c->run_count && st == TSDB_OK; i++)
        st = add_run(&m, from, &c->runs[i], err);
    return st == TSDB_OK && m.run_count > 0 ? put_part(set, &m, from, c, err) : st;
}

static void number_all(struct source *from, uint32_t count, const struct ordinals *chosen)
{
    from->count = count;
    from->numbers = mem_alloc((size_t)count * sizeof *from->numbers + 1);
    memset(from->numbers, 0xff, (size_t)count * sizeof *from->numbers);
    for (uint32_t i = 0; i < chosen->count; i++)
        from->numbers[chosen->at[i]] = NOT_MET;
}

/* ---- head ----------------------------------------------------------------------------- */

static void take_hot(struct logs_set *set, struct hot_group *const *at, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        hot_group_ref(at[i]);
        set->hot[set->hot_count++] = at[i];
    }
}

static bool has_open(const struct logs_set *set, const struct head *h)
{
    for (uint32_t i = 0; i < h->open_count; i++)
        if (h->open[i]->ts_max >= set->start && h->open[i]->ts_min < set->end)
            return true;
    return false;
}

/* Everything at one moment; false: rows up to *want (0: all that are open) are in no group
 * yet.  `lists` held. */
static bool take_all(struct logs_set *set, uint64_t *want)
{
    struct logs *l = set->l;
    struct head *h = &l->head;
    bool needs_open = has_open(set, h);
    const struct open_groups *cached = h->cached;
    if (*want == 0)
        *want = h->open_first + h->open_count;
    if (needs_open && (!cached || cached->first != h->open_first || cached->end < *want))
        return false;
    uint32_t open = needs_open ? cached->count : 0;
    set->hot = MEM_ARRAY(struct hot_group *, h->hot_count + open);
    take_hot(set, h->hot, h->hot_count);
    if (needs_open)
        take_hot(set, cached->at, open);
    set->blocks = l->shelf.list;
    set->tombstones = l->tombstones;
    (void)atomic_fetch_add_explicit(&set->blocks->refs, 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&set->tombstones->refs, 1, memory_order_relaxed);
    return true;
}

/* The hot groups' parts.  `streams` held. */
static enum tsdb_status find_in_head(struct logs_set *set, const struct matcher *m, uint32_t count,
                                     struct tsdb_error *err)
{
    struct head *h = &set->l->head;
    struct ordinals chosen = {0};
    struct source from = {0};
    enum tsdb_status st = head_index_select(h->labels, m, count, &chosen, err);
    if (st == TSDB_OK)
        number_all(&from, h->count, &chosen);
    for (uint32_t i = 0; i < set->hot_count && st == TSDB_OK; i++) {
        const struct made_group *g = &set->hot[i]->made;
        struct candidate c = {set->hot[i]->group, i, g->run_count, g->runs};
        if (g->ts_max >= set->start && g->ts_min < set->end)
            st = add_group(set, &from, &c, err);
    }
    mem_free(from.numbers);
    ordinals_release(&chosen);
    return st;
}

static enum tsdb_status snapshot(struct logs_set *set, const struct matcher *m, uint32_t count,
                                 struct tsdb_error *err)
{
    struct logs *l = set->l;
    uint64_t want = 0;
    for (;;) {
        rwlock_read(&l->head.streams);
        mutex_lock(&l->shelf.lock);
        bool has_all = take_all(set, &want);
        mutex_unlock(&l->shelf.lock);
        enum tsdb_status st = has_all ? find_in_head(set, m, count, err) : TSDB_OK;
        rwlock_unlock(&l->head.streams);
        if (!has_all)
            st = logs_cache_open(l, err);
        if (has_all || st != TSDB_OK)
            return st;
    }
}

/* ---- blocks --------------------------------------------------------------------------- */

static enum tsdb_status add_block_group(struct logs_set *set, struct source *from, uint32_t index,
                                        struct tsdb_error *err)
{
    const struct block_group *g = &from->block->groups[index];
    if (g->ts_max < set->start || g->ts_min >= set->end)
        return TSDB_OK;
    void *at = grow(set, set->runs, &set->run_cap, g->run_count, sizeof *set->runs);
    if (!at)
        return is_short(set, err);
    set->runs = at;
    enum tsdb_status st = log_block_runs(from->block, index, set->runs, err);
    struct candidate c = {NULL, index, g->run_count, set->runs};
    return st == TSDB_OK ? add_group(set, from, &c, err) : st;
}

static enum tsdb_status find_in_block(struct logs_set *set, struct block *b,
                                      const struct matcher *m, uint32_t count,
                                      struct tsdb_error *err)
{
    struct ordinals chosen = {0};
    struct label_cache cache = {0};
    struct source from = {.block = b, .cache = &cache};
    enum tsdb_status st = label_index_select(b->labels, m, count, &chosen, err);
    if (st == TSDB_OK && chosen.count > 0) {
        number_all(&from, b->stream_count, &chosen);
        for (uint32_t i = 0; i < b->group_count && st == TSDB_OK; i++)
            st = add_block_group(set, &from, i, err);
    }
    mem_free(from.numbers);
    label_cache_release(&cache);
    ordinals_release(&chosen);
    return st;
}

static enum tsdb_status find_in_blocks(struct logs_set *set, const struct matcher *m,
                                       uint32_t count, struct tsdb_error *err)
{
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < set->blocks->count && st == TSDB_OK; i++) {
        struct block *b = log_block_of(set->blocks->at[i]);
        const struct manifest_segment *entry = &b->shelved.entry;
        if (entry->ts_max < set->start || entry->ts_min >= set->end)
            continue;
        uint32_t before = set->part_count;
        struct tsdb_error fault = {0};
        st = find_in_block(set, b, m, count, &fault);
        if (st == TSDB_ECORRUPT) {
            set->part_count = before;
            set->is_partial = true;
            shelf_set_aside(&set->l->shelf, entry, fault.msg);
            st = TSDB_OK;
        } else if (st != TSDB_OK && err) {
            *err = fault;
        }
    }
    return st;
}

/* ---- the set -------------------------------------------------------------------------- */

static int by_newest(const void *a, const void *b)
{
    const struct set_part *x = a, *y = b;
    return (x->part.ts_max < y->part.ts_max) - (x->part.ts_max > y->part.ts_max);
}

enum tsdb_status logs_select(struct logs *l, const struct logs_selection *selection,
                             struct budget *budget, struct logs_set **out, struct tsdb_error *err)
{
    struct logs_set *set = MEM_NEW(struct logs_set);
    set->l = l;
    set->start = selection->start;
    set->end = selection->end;
    set->budget = budget;
    set->now = clock_wall_ns(l->store->clock);
    set->rules = logs_rules_ref(l);
    arena_init(&set->arena, SET_ARENA_BYTES_MAX, budget);
    uint32_t count;
    struct matcher *m = matchers_with_tenant(selection->tenant, selection->matchers,
                                             selection->matcher_count, &count);
    enum tsdb_status st = snapshot(set, m, count, err);
    if (st == TSDB_OK)
        st = find_in_blocks(set, m, count, err);
    mem_free(m);
    if (st != TSDB_OK) {
        logs_set_close(set);
        return st;
    }
    if (set->part_count > 0)
        qsort(set->parts, set->part_count, sizeof *set->parts, by_newest);
    *out = set;
    return TSDB_OK;
}

void logs_set_close(struct logs_set *set)
{
    if (!set)
        return;
    for (uint32_t i = 0; i < set->hot_count; i++)
        hot_group_unref(set->hot[i]);
    shelf_list_unref(set->blocks);
    tombstones_unref(set->tombstones);
    rules_unref(set->rules);
    slots_release(&set->by_hash);
    mem_free(set->hot);
    mem_free(set->streams);
    mem_free(set->parts);
    mem_free(set->runs);
    arena_release(&set->arena);
    if (set->budget)
        budget_release(set->budget, set->charged);
    mem_free(set);
}

uint32_t logs_set_parts(const struct logs_set *set)
{
    return set->part_count;
}

const struct logs_part *logs_set_part(const struct logs_set *set, uint32_t part)
{
    ASSERT(part < set->part_count);
    return &set->parts[part].part;
}

enum tsdb_status logs_set_touch(struct logs_set *set, uint32_t part, struct tsdb_error *err)
{
    ASSERT(part < set->part_count);
    struct set_part *p = &set->parts[part];
    if (atomic_load_explicit(&p->is_touched, memory_order_relaxed)) /* pages are bytes of a map */
        return TSDB_OK;
    struct tsdb_error fault = {0};
    enum tsdb_status st = log_block_touch(p->block, p->group, &fault);
    if (st == TSDB_ECORRUPT)
        logs_set_damaged(set, part, fault.msg);
    if (st != TSDB_OK && err)
        *err = fault;
    atomic_store_explicit(&p->is_touched, st == TSDB_OK, memory_order_relaxed);
    return st;
}

void logs_set_damaged(struct logs_set *set, uint32_t part, const char *why)
{
    set->is_partial = true;
    if (set->parts[part].block)
        shelf_set_aside(&set->l->shelf, &set->parts[part].block->shelved.entry, why);
}

uint32_t logs_set_streams(const struct logs_set *set)
{
    return set->stream_count;
}

const struct logs_stream *logs_set_stream(const struct logs_set *set, uint32_t stream)
{
    ASSERT(stream < set->stream_count);
    return &set->streams[stream].stream;
}

bool logs_set_is_partial(const struct logs_set *set)
{
    return set->is_partial || damage_is_in(&set->l->shelf.damage, set->start, set->end - 1);
}
