/* A snapshot of the parts that a time range and a tenant choose.
 *
 * Parts are numbered as they were met: blocks by order, groups as they lie there, hot groups,
 * then what is open; so a lower id came earlier.  Whose a part is, is told by the head and the
 * filter of its sources, which stays on the safe side. */
#include "tsdb/traces/engine.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <stdlib.h>

#define NO_PART UINT32_MAX

struct set_part {
    struct traces_part part;
    struct trace_block *block;   /* NULL: of the head */
    const struct hot_spans *hot; /* NULL: of a block */
    uint32_t in_block, group;    /* in_block: of the set's */
    _Atomic bool is_touched;
};

/* A block that has parts in the set. */
struct set_block {
    struct trace_block *block;
    uint32_t *parts; /* owned: by group; NO_PART: not in the set */
};

struct traces_set {
    struct traces *t;
    struct shelf_list *blocks; /* referenced */
    struct hot_list hot;
    struct set_part *parts; /* owned */
    uint32_t part_count, part_cap;
    struct set_block *in_blocks; /* owned */
    uint32_t block_count, block_cap;
    char *tenant; /* owned */
    struct budget *budget;
    uint64_t charged;
    int64_t start, end;
    _Atomic bool is_partial;
};

/* What is looked for. */
struct search {
    struct traces_set *set;
    const struct tsdb_trace_id *id; /* NULL: everything */
    uint32_t hash;
    bool takes_whole_segments; /* of one that has spans in the range: every group */
};

/* ---- memory --------------------------------------------------------------------------- */

static enum tsdb_status charge(struct traces_set *set, uint64_t bytes, struct tsdb_error *err)
{
    if (set->budget && !budget_charge(set->budget, bytes))
        return tsdb_fail(err, TSDB_ELIMIT, "query memory: %u groups of spans do not fit",
                         set->part_count);
    set->charged += set->budget ? bytes : 0;
    return TSDB_OK;
}

static enum tsdb_status add_part(struct traces_set *set, const struct set_part *p,
                                 struct tsdb_error *err)
{
    if (set->part_count == set->part_cap) {
        uint32_t cap = set->part_cap ? set->part_cap * 2 : 16;
        enum tsdb_status st = charge(set, (uint64_t)(cap - set->part_cap) * sizeof *p, err);
        if (st != TSDB_OK)
            return st;
        set->parts = mem_grow(set->parts, cap, sizeof *p);
        set->part_cap = cap;
    }
    struct set_part *to = &set->parts[set->part_count];
    memcpy(to, p, sizeof *to);
    to->part.id = set->part_count++;
    return TSDB_OK;
}

/* The block of the parts that were added last. */
static enum tsdb_status add_block(struct traces_set *set, struct trace_block *block,
                                  struct tsdb_error *err)
{
    enum tsdb_status st = charge(set, block->group_count * sizeof(uint32_t), err);
    if (st != TSDB_OK)
        return st;
    if (set->block_count == set->block_cap) {
        set->block_cap = set->block_cap ? set->block_cap * 2 : 16;
        set->in_blocks = mem_grow(set->in_blocks, set->block_cap, sizeof *set->in_blocks);
    }
    struct set_block *b = &set->in_blocks[set->block_count++];
    *b = (struct set_block){block, MEM_ARRAY(uint32_t, block->group_count)};
    memset(b->parts, 0xff, block->group_count * sizeof *b->parts);
    return TSDB_OK;
}

/* ---- tenants --------------------------------------------------------------------------- */

static uint32_t tenant_column(const struct group *sources)
{
    return group_find(sources, text_of(SPAN_COLUMN_TENANT), SPAN_TAG_INTRINSIC);
}

/* Whether some source may be the tenant's. */
static bool may_be_tenants(const struct traces_set *set, const struct span_tables *tables)
{
    const struct group *sources = tables->at[SPAN_TABLE_SOURCES];
    uint32_t column = tenant_column(sources);
    if (column == UINT32_MAX)
        return set->tenant[0] == '\0';
    if (set->tenant[0] == '\0')
        return group_column(sources, column)->present < group_rows(sources);
    return group_may_have(sources, column, text_of(set->tenant));
}

/* ---- head ------------------------------------------------------------------------------ */

static bool is_in(const struct traces_set *set, int64_t ts_min, int64_t ts_max)
{
    return ts_max >= set->start && ts_min < set->end;
}

static void take_hot(struct traces_set *set, const struct hot_list *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        hot_spans_ref(from->at[i]);
        hot_list_push(&set->hot, from->at[i]);
    }
}

static bool has_open(const struct search *s, const struct trace_head *h)
{
    for (uint32_t i = 0; i < h->open_count; i++)
        if (s->takes_whole_segments || is_in(s->set, h->open[i]->ts_min, h->open[i]->ts_max))
            return true;
    return false;
}

/* Everything at one moment; false: batches up to *want (0: all that are open) are in no group
 * yet.  The shelf's lock is held. */
static bool take_all(struct search *s, uint64_t *want)
{
    struct traces *t = s->set->t;
    struct trace_head *h = &t->head;
    bool needs_open = has_open(s, h);
    const struct open_spans *cached = h->cached;
    if (*want == 0)
        *want = h->open_first + h->open_count;
    if (needs_open && (!cached || cached->first != h->open_first || cached->end < *want))
        return false;
    take_hot(s->set, &h->hot);
    if (needs_open)
        take_hot(s->set, &cached->groups);
    s->set->blocks = t->shelf.list;
    (void)atomic_fetch_add_explicit(&s->set->blocks->refs, 1, memory_order_relaxed);
    return true;
}

static enum tsdb_status snapshot(struct search *s, struct tsdb_error *err)
{
    uint64_t want = 0;
    for (;;) {
        mutex_lock(&s->set->t->shelf.lock);
        bool has_all = take_all(s, &want);
        mutex_unlock(&s->set->t->shelf.lock);
        if (has_all)
            return TSDB_OK;
        enum tsdb_status st = traces_cache_open(s->set->t, err);
        if (st != TSDB_OK)
            return st;
    }
}

/* The head counts as one segment. */
static bool is_head_in(const struct traces_set *set)
{
    for (uint32_t i = 0; i < set->hot.count; i++)
        if (is_in(set, set->hot.at[i]->made.spans.ts_min, set->hot.at[i]->made.spans.ts_max))
            return true;
    return false;
}

static enum tsdb_status find_in_head(const struct search *s, struct tsdb_error *err)
{
    struct traces_set *set = s->set;
    enum tsdb_status st = TSDB_OK;
    bool takes_all = s->takes_whole_segments && is_head_in(set);
    for (uint32_t i = 0; i < set->hot.count && st == TSDB_OK; i++) {
        const struct hot_spans *hot = set->hot.at[i];
        const struct made_spans *made = &hot->made.spans;
        struct set_part p = {.hot = hot, .is_touched = true};
        p.part = (struct traces_part){.tables = hot_spans_tables(hot),
                                      .ts_min = made->ts_min,
                                      .ts_max = made->ts_max,
                                      .rows = made->rows};
        if (!takes_all && !is_in(set, made->ts_min, made->ts_max))
            continue;
        if ((s->id && !hot_spans_may_have(hot, s->hash)) || !may_be_tenants(set, &p.part.tables))
            continue;
        st = add_part(set, &p, err);
    }
    return st;
}

/* ---- blocks ---------------------------------------------------------------------------- */

/* One block that is looked through. */
struct block_search {
    const struct search *s;
    struct trace_block *block;
    enum tsdb_status st;
    struct tsdb_error *err;
};

static bool add_group(void *arg, uint32_t group)
{
    struct block_search *b = arg;
    struct traces_set *set = b->s->set;
    const struct trace_group *g = &b->block->groups[group];
    struct set_part p = {.block = b->block, .in_block = set->block_count, .group = group};
    p.part = (struct traces_part){.ts_min = g->ts_min, .ts_max = g->ts_max, .rows = g->rows};
    if (!b->s->takes_whole_segments && !is_in(set, g->ts_min, g->ts_max))
        return true;
    b->st = trace_block_group_open(b->block, group, &p.part.tables, b->err);
    if (b->st == TSDB_OK && may_be_tenants(set, &p.part.tables))
        b->st = add_part(set, &p, b->err);
    return b->st == TSDB_OK;
}

static enum tsdb_status find_in_block(const struct search *s, struct trace_block *block,
                                      struct tsdb_error *err)
{
    struct block_search b = {s, block, TSDB_OK, err};
    if (s->id) {
        enum tsdb_status st = trace_block_find(block, s->hash, add_group, &b, err);
        return st == TSDB_OK ? b.st : st;
    }
    for (uint32_t i = 0; i < block->group_count && add_group(&b, i); i++)
        ;
    return b.st;
}

static enum tsdb_status find_in_blocks(const struct search *s, struct tsdb_error *err)
{
    struct traces_set *set = s->set;
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < set->blocks->count && st == TSDB_OK; i++) {
        struct trace_block *b = trace_block_of(set->blocks->at[i]);
        const struct manifest_segment *entry = &b->shelved.entry;
        uint32_t before = set->part_count;
        struct tsdb_error fault = {0};
        if (!is_in(set, entry->ts_min, entry->ts_max))
            continue;
        st = find_in_block(s, b, &fault);
        if (st == TSDB_OK && set->part_count > before)
            st = add_block(set, b, &fault);
        if (st == TSDB_ECORRUPT) {
            set->part_count = before;
            set->is_partial = true;
            shelf_set_aside(&set->t->shelf, entry, fault.msg);
            st = TSDB_OK;
        } else if (st != TSDB_OK && err) {
            *err = fault;
        }
    }
    return st;
}

/* ---- the set --------------------------------------------------------------------------- */

static int by_newest(const void *a, const void *b)
{
    const struct set_part *x = a, *y = b;
    if (x->part.ts_max != y->part.ts_max)
        return x->part.ts_max < y->part.ts_max ? 1 : -1;
    return (x->part.id < y->part.id) - (x->part.id > y->part.id);
}

/* From groups to parts, once these have their places. */
static void number_parts(struct traces_set *set)
{
    for (uint32_t i = 0; i < set->part_count; i++) {
        const struct set_part *p = &set->parts[i];
        if (p->block)
            set->in_blocks[p->in_block].parts[p->group] = i;
    }
}

static enum tsdb_status run(struct search *s, const struct traces_selection *selection,
                            struct traces_set **out, struct tsdb_error *err)
{
    struct traces_set *set = s->set;
    const char *tenant = selection->tenant ? selection->tenant : "";
    set->tenant = mem_text(tenant, strlen(tenant));
    set->start = selection->start;
    set->end = selection->end;
    enum tsdb_status st = snapshot(s, err);
    if (st == TSDB_OK)
        st = find_in_blocks(s, err);
    if (st == TSDB_OK)
        st = find_in_head(s, err);
    if (st != TSDB_OK) {
        traces_set_close(set);
        return st;
    }
    if (set->part_count > 0)
        qsort(set->parts, set->part_count, sizeof *set->parts, by_newest);
    number_parts(set);
    *out = set;
    return TSDB_OK;
}

static struct traces_set *set_new(struct traces *t, struct budget *budget)
{
    struct traces_set *set = MEM_NEW(struct traces_set);
    set->t = t;
    set->budget = budget;
    return set;
}

enum tsdb_status traces_select(struct traces *t, const struct traces_selection *selection,
                               struct budget *budget, struct traces_set **out,
                               struct tsdb_error *err)
{
    struct search s = {.set = set_new(t, budget)};
    return run(&s, selection, out, err);
}

enum tsdb_status traces_select_trace(struct traces *t, const struct traces_selection *selection,
                                     const struct tsdb_trace_id *id, struct budget *budget,
                                     struct traces_set **out, struct tsdb_error *err)
{
    struct search s = {.set = set_new(t, budget),
                       .id = id,
                       .hash = span_trace_hash(id),
                       .takes_whole_segments = true};
    return run(&s, selection, out, err);
}

void traces_set_close(struct traces_set *set)
{
    if (!set)
        return;
    hot_list_release(&set->hot);
    shelf_list_unref(set->blocks);
    for (uint32_t i = 0; i < set->block_count; i++)
        mem_free(set->in_blocks[i].parts);
    mem_free(set->in_blocks);
    mem_free(set->parts);
    mem_free(set->tenant);
    if (set->budget)
        budget_release(set->budget, set->charged);
    mem_free(set);
}

uint32_t traces_set_parts(const struct traces_set *set)
{
    return set->part_count;
}

const struct traces_part *traces_set_part(const struct traces_set *set, uint32_t part)
{
    ASSERT(part < set->part_count);
    return &set->parts[part].part;
}

const char *traces_set_tenant(const struct traces_set *set)
{
    return set->tenant;
}

enum tsdb_status traces_set_touch(struct traces_set *set, uint32_t part, struct tsdb_error *err)
{
    ASSERT(part < set->part_count);
    struct set_part *p = &set->parts[part];
    if (atomic_load_explicit(&p->is_touched, memory_order_relaxed)) /* pages are bytes of a map */
        return TSDB_OK;
    struct tsdb_error fault = {0};
    enum tsdb_status st = trace_block_touch(p->block, p->group, &fault);
    if (st == TSDB_ECORRUPT)
        traces_set_damaged(set, part, fault.msg);
    if (st != TSDB_OK && err)
        *err = fault;
    atomic_store_explicit(&p->is_touched, st == TSDB_OK, memory_order_relaxed);
    return st;
}

static void set_damaged(struct traces_set *set, struct trace_block *block, const char *why)
{
    set->is_partial = true;
    shelf_set_aside(&set->t->shelf, &block->shelved.entry, why);
}

void traces_set_damaged(struct traces_set *set, uint32_t part, const char *why)
{
    ASSERT(part < set->part_count);
    set->is_partial = true;
    if (set->parts[part].block)
        set_damaged(set, set->parts[part].block, why);
}

bool traces_set_is_partial(const struct traces_set *set)
{
    int64_t last = set->end == INT64_MIN ? set->end : set->end - 1;
    return set->is_partial || damage_is_in(&set->t->shelf.damage, set->start, last);
}

/* ---- one part's tenants ------------------------------------------------------------------ */

enum tsdb_status traces_part_sources(struct traces_set *set, uint32_t part,
                                     struct group_reader *sources, uint64_t *bits, bool *all,
                                     struct tsdb_error *err)
{
    const struct group *g = traces_set_part(set, part)->tables.at[SPAN_TABLE_SOURCES];
    uint32_t column = tenant_column(g), rows = group_rows(g), mine = 0;
    *all = column == UINT32_MAX && set->tenant[0] == '\0';
    if (*all)
        return TSDB_OK;
    const struct tsdb_text *texts = NULL; /* of a source without: empty, the default tenant */
    enum tsdb_status st =
        column == UINT32_MAX ? TSDB_OK : group_texts(sources, column, &texts, err);
    if (st != TSDB_OK)
        return st;
    for (uint32_t i = 0; i < rows && texts; i++)
        mine += text_equal(texts[i], text_of(set->tenant));
    *all = mine == rows;
    if (*all)
        return TSDB_OK;
    memset(bits, 0, (rows + 63) / 64 * sizeof *bits);
    for (uint32_t i = 0; i < rows && texts; i++)
        if (text_equal(texts[i], text_of(set->tenant)))
            bits[i / 64] |= (uint64_t)1 << i % 64;
    return TSDB_OK;
}

/* ---- one trace's parts ------------------------------------------------------------------- */

struct finding {
    const struct set_block *in;
    traces_part_fn *fn;
    void *arg;
    bool is_wanted; /* fn says to go on */
};

static bool on_group(void *arg, uint32_t group)
{
    struct finding *f = arg;
    if (f->in->parts[group] != NO_PART)
        f->is_wanted = f->fn(f->arg, f->in->parts[group]);
    return f->is_wanted;
}

void traces_set_find(struct traces_set *set, const struct tsdb_trace_id *id, traces_part_fn *fn,
                     void *arg)
{
    uint32_t hash = span_trace_hash(id);
    struct finding f = {.fn = fn, .arg = arg, .is_wanted = true};
    for (uint32_t i = 0; i < set->block_count && f.is_wanted; i++) {
        struct tsdb_error err = {0};
        f.in = &set->in_blocks[i];
        if (trace_block_find(f.in->block, hash, on_group, &f, &err) != TSDB_OK)
            set_damaged(set, f.in->block, err.msg);
    }
    for (uint32_t i = 0; i < set->part_count && f.is_wanted; i++)
        if (set->parts[i].hot && hot_spans_may_have(set->parts[i].hot, hash))
            f.is_wanted = fn(arg, i);
}
