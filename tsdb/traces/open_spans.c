/* Groups of open batches: those that stay (hot groups), and those that readers use until the
 * batches leave (the cached ones).  One maker at a time, `grouping`; the batches are referenced
 * while it works, and leave the list of open ones in the step in which their groups enter
 * the other. */
#include "tsdb/traces/engine.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/traces/span_record.h"

/* Batches in hand, and what is made of them. */
struct grouping {
    struct traces *t;
    struct span_batch **batches; /* owned, each referenced */
    uint32_t count;
    uint64_t first; /* in the sequence */
    struct open_spans *made;
};

static enum tsdb_status keep(void *arg, struct made_part *made, struct tsdb_error *err)
{
    struct grouping *g = arg;
    struct hot_spans *hot;
    enum tsdb_status st =
        hot_spans_new(&g->t->head.budget, made, g->batches[0]->generation, &hot, err);
    if (st == TSDB_OK)
        hot_list_push(&g->made->groups, hot);
    return st;
}

/* Takes references on `count` batches from the one at `from`.  The shelf's lock is held. */
static void take(struct grouping *g, uint32_t from, uint32_t count)
{
    struct trace_head *h = &g->t->head;
    g->batches = MEM_ARRAY(struct span_batch *, count);
    g->count = count;
    g->first = h->open_first + from;
    for (uint32_t i = 0; i < count; i++) {
        g->batches[i] = h->open[from + i];
        span_batch_ref(g->batches[i]);
    }
}

static enum tsdb_status put_batch(struct part_builder *b, const struct span_batch *from,
                                  struct part_input *in, struct arena *arena,
                                  struct tsdb_error *err)
{
    struct tsdb_span_batch batch;
    enum tsdb_status st = span_record_read(from->payload, arena, &batch, err);
    part_input_init(in, st == TSDB_OK ? batch.source_count : 0);
    if (st != TSDB_OK)
        return st;
    in->sources = batch.sources;
    in->tenant = text_of(batch.tenant);
    for (uint32_t i = 0; i < batch.span_count && st == TSDB_OK; i++)
        st = part_builder_put(b, in, &batch.spans[i], err);
    return st;
}

static enum tsdb_status make(struct grouping *g, struct tsdb_error *err)
{
    struct part_builder b;
    struct arena arena;
    g->made = MEM_NEW(struct open_spans);
    atomic_init(&g->made->refs, 1);
    g->made->first = g->first;
    g->made->end = g->first + g->count;
    part_builder_init(&b, GROUP_HOT, keep, g);
    arena_init(&arena, SIZE_MAX, NULL);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < g->count && st == TSDB_OK; i++) {
        struct part_input in;
        st = put_batch(&b, g->batches[i], &in, &arena, err);
        part_input_release(&in);
    }
    if (st == TSDB_OK)
        st = part_builder_finish(&b, err);
    part_builder_release(&b);
    arena_release(&arena);
    return st;
}

static void end(struct grouping *g)
{
    for (uint32_t i = 0; i < g->count; i++)
        span_batch_unref(g->batches[i]);
    mem_free(g->batches);
    open_spans_unref(g->made);
}

/* ---- hot groups ------------------------------------------------------------------------ */

/* How many of the oldest batches make the next groups: of one generation. */
static uint32_t next_count(const struct trace_head *h, uint32_t before_generation)
{
    uint32_t n = 0;
    uint64_t spans = 0, weight = 0;
    while (n < h->open_count && spans < GROUP_ROWS_MAX && weight < TRACES_GROUP_WEIGHT &&
           h->open[n]->generation == h->open[0]->generation &&
           h->open[n]->generation < before_generation) {
        spans += h->open[n]->span_count;
        weight += h->open[n++]->weight;
    }
    return n;
}

enum tsdb_status traces_group_open(struct traces *t, uint32_t before_generation, bool *did,
                                   struct tsdb_error *err)
{
    struct trace_head *h = &t->head;
    struct grouping g = {.t = t};
    *did = false;
    mutex_lock(&h->grouping);
    mutex_lock(&t->shelf.lock);
    uint32_t n = next_count(h, before_generation);
    if (n > 0)
        take(&g, 0, n);
    mutex_unlock(&t->shelf.lock);
    enum tsdb_status st = n > 0 ? make(&g, err) : TSDB_OK;
    if (n > 0 && st == TSDB_OK) {
        mutex_lock(&t->shelf.lock);
        /* A seal may have taken them out meanwhile: then they are in a block. */
        if (h->open_first == g.first) {
            for (uint32_t i = 0; i < g.made->groups.count; i++) {
                hot_spans_ref(g.made->groups.at[i]);
                hot_list_push(&h->hot, g.made->groups.at[i]);
            }
            trace_head_drop_open(h, n);
        }
        mutex_unlock(&t->shelf.lock);
        *did = true;
    }
    mutex_unlock(&h->grouping);
    end(&g);
    return st;
}

bool traces_group_step(struct traces *t)
{
    mutex_lock(&t->shelf.lock);
    bool is_due =
        t->head.open_spans >= TRACES_GROUP_SPANS || t->head.open_weight >= TRACES_GROUP_WEIGHT;
    mutex_unlock(&t->shelf.lock);
    bool did = false;
    return is_due && traces_group_open(t, UINT32_MAX, &did, NULL) == TSDB_OK && did;
}

/* ---- cached groups ----------------------------------------------------------------------- */

/* The first open batch that the cached groups do not have; 0: they are to be made anew. */
static uint32_t first_missing(const struct trace_head *h)
{
    const struct open_spans *cached = h->cached;
    bool is_usable =
        cached && cached->first == h->open_first && cached->groups.count < OPEN_GROUPS_MAX;
    return is_usable ? (uint32_t)(cached->end - h->open_first) : 0;
}

/* The cached groups and those that were made of what came since, as one list. */
static void join_cached(struct grouping *g, const struct open_spans *cached)
{
    struct hot_list all = {0};
    for (uint32_t i = 0; i < cached->groups.count; i++) {
        hot_spans_ref(cached->groups.at[i]);
        hot_list_push(&all, cached->groups.at[i]);
    }
    for (uint32_t i = 0; i < g->made->groups.count; i++)
        hot_list_push(&all, g->made->groups.at[i]);
    mem_free(g->made->groups.at);
    g->made->groups = all;
    g->made->first = cached->first;
}

enum tsdb_status traces_cache_open(struct traces *t, struct tsdb_error *err)
{
    struct trace_head *h = &t->head;
    struct grouping g = {.t = t};
    mutex_lock(&h->grouping);
    mutex_lock(&t->shelf.lock);
    uint32_t from = first_missing(h);
    bool is_fresh = h->cached && h->cached->first == h->open_first &&
                    h->cached->end == h->open_first + h->open_count;
    if (!is_fresh)
        take(&g, from, h->open_count - from);
    mutex_unlock(&t->shelf.lock);
    enum tsdb_status st = g.count > 0 ? make(&g, err) : TSDB_OK;
    if (st == TSDB_OK && g.made) {
        mutex_lock(&t->shelf.lock);
        struct open_spans *old = h->cached;
        /* `grouping` is held: only a seal can have taken it away. */
        if (from == 0 || (old && old->end == g.first)) {
            if (from > 0)
                join_cached(&g, old);
            h->cached = g.made;
            g.made = old;
        }
        mutex_unlock(&t->shelf.lock);
    }
    mutex_unlock(&h->grouping);
    end(&g);
    return st;
}
