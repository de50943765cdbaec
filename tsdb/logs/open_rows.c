/* Groups of open rows: those that stay (hot groups), and those that one reader after the other
 * uses until more rows come (the cached ones).  One maker at a time, `grouping`; the
 * rows are referenced while it works, and leave the list of open ones in the step in
 * which their groups enter the other. */
#include "tsdb/logs/engine.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"

/* Batches in hand, and what is made of them. */
struct grouping {
    struct logs *l;
    struct log_batch **batches; /* owned, each referenced */
    uint32_t count;
    uint64_t first; /* in the sequence */
    struct open_groups *made;
};

static enum tsdb_status keep(void *arg, struct made_group *made, struct tsdb_error *err)
{
    struct grouping *g = arg;
    struct open_groups *to = g->made;
    struct hot_group *hot;
    enum tsdb_status st =
        hot_group_new(&g->l->head.budget, made, g->batches[0]->generation, &hot, err);
    if (st != TSDB_OK)
        return st;
    if (to->count == to->cap) {
        to->cap = to->cap ? to->cap * 2 : 4;
        to->at = mem_grow(to->at, to->cap, sizeof(struct hot_group *));
    }
    to->at[to->count++] = hot;
    return TSDB_OK;
}

/* Takes references on the oldest batches.  `lists` held. */
static void take(struct grouping *g, uint32_t count)
{
    struct head *h = &g->l->head;
    g->batches = MEM_ARRAY(struct log_batch *, count);
    g->count = count;
    g->first = h->open_first;
    for (uint32_t i = 0; i < count; i++) {
        g->batches[i] = h->open[i];
        log_batch_ref(g->batches[i]);
    }
}

static enum tsdb_status make(struct grouping *g, enum group_filters filters, struct tsdb_error *err)
{
    g->made = MEM_NEW(struct open_groups);
    atomic_init(&g->made->refs, 1);
    g->made->first = g->first;
    g->made->end = g->first + g->count;
    struct group_builder b;
    group_builder_init(&b, GROUP_HOT, filters, keep, g);
    enum tsdb_status st = batches_group(g->batches, g->count, &b, err);
    group_builder_release(&b);
    return st;
}

static void end(struct grouping *g)
{
    for (uint32_t i = 0; i < g->count; i++)
        log_batch_unref(g->batches[i]);
    mem_free(g->batches);
    open_groups_unref(g->made);
}

/* How many of the oldest batches make the next groups: of one generation. */
static uint32_t next_count(const struct head *h, uint32_t before_generation)
{
    uint32_t n = 0;
    uint64_t rows = 0;
    while (n < h->open_count && rows < LOGS_OPEN_ROWS_MAX &&
           h->open[n]->generation == h->open[0]->generation &&
           h->open[n]->generation < before_generation)
        rows += h->open[n++]->row_count;
    return n;
}

/* Sealing takes large groups over as they are, filters too (seal.c), and makes small ones anew. */
static enum group_filters filters_for(const struct grouping *g)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < g->count; i++)
        rows += g->batches[i]->row_count;
    return rows >= GROUP_ROWS_MAX / 2 ? GROUP_FILTERED : GROUP_BARE;
}

enum tsdb_status logs_group_open(struct logs *l, uint32_t before_generation, bool *did,
                                 struct tsdb_error *err)
{
    struct head *h = &l->head;
    struct grouping g = {.l = l};
    *did = false;
    mutex_lock(&h->grouping);
    mutex_lock(&l->shelf.lock);
    uint32_t n = next_count(h, before_generation);
    if (n > 0)
        take(&g, n);
    mutex_unlock(&l->shelf.lock);
    enum tsdb_status st = n > 0 ? make(&g, filters_for(&g), err) : TSDB_OK;
    if (n > 0 && st == TSDB_OK) {
        mutex_lock(&l->shelf.lock);
        /* A seal may have taken them out meanwhile: then they are in a block. */
        if (h->open_first == g.first) {
            for (uint32_t i = 0; i < g.made->count; i++) {
                hot_group_ref(g.made->at[i]);
                log_head_push_hot(h, g.made->at[i]);
            }
            log_head_drop_open(h, n);
        }
        mutex_unlock(&l->shelf.lock);
        *did = true;
    }
    mutex_unlock(&h->grouping);
    end(&g);
    return st;
}

bool logs_group_step(struct logs *l)
{
    mutex_lock(&l->shelf.lock);
    bool is_due = l->head.open_rows >= LOGS_GROUP_ROWS;
    mutex_unlock(&l->shelf.lock);
    bool did = false;
    return is_due && logs_group_open(l, UINT32_MAX, &did, NULL) == TSDB_OK && did;
}

enum tsdb_status logs_cache_open(struct logs *l, struct tsdb_error *err)
{
    struct head *h = &l->head;
    struct grouping g = {.l = l};
    mutex_lock(&h->grouping);
    mutex_lock(&l->shelf.lock);
    const struct open_groups *cached = h->cached;
    bool is_fresh =
        cached && cached->first == h->open_first && cached->end == h->open_first + h->open_count;
    if (!is_fresh)
        take(&g, h->open_count);
    mutex_unlock(&l->shelf.lock);
    enum tsdb_status st = !is_fresh && g.count > 0 ? make(&g, GROUP_BARE, err) : TSDB_OK;
    if (st == TSDB_OK && g.made) {
        mutex_lock(&l->shelf.lock);
        struct open_groups *old = h->cached;
        h->cached = g.made;
        g.made = old;
        mutex_unlock(&l->shelf.lock);
    }
    mutex_unlock(&h->grouping);
    end(&g);
    return st;
}
