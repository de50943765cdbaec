#include "tsdb/traces/head.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

/* ---- batches ----------------------------------------------------------------------- */

enum tsdb_status span_batch_new(struct budget *budget, struct bytes payload,
                                struct span_batch **out)
{
    uint64_t bytes = sizeof **out + payload.len;
    if (!budget_charge(budget, bytes)) {
        mem_free((uint8_t *)(uintptr_t)payload.at);
        return TSDB_ELIMIT;
    }
    struct span_batch *b = MEM_NEW(struct span_batch);
    *b = (struct span_batch){.charged = bytes,
                             .ts_min = INT64_MAX,
                             .ts_max = INT64_MIN,
                             .budget = budget,
                             .payload = payload};
    atomic_init(&b->refs, 1);
    *out = b;
    return TSDB_OK;
}

void span_batch_ref(struct span_batch *b)
{
    uint32_t was = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    ASSERT(was > 0);
}

void span_batch_unref(struct span_batch *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    budget_release(b->budget, b->charged);
    mem_free((uint8_t *)(uintptr_t)b->payload.at);
    mem_free(b);
}

/* ---- hot groups --------------------------------------------------------------------- */

/* Gives unused room back. */
static void fit(struct writer *w)
{
    if (w->cap - w->len > w->cap / 8) {
        w->at = mem_grow(w->at, w->len ? w->len : 1, 1);
        w->cap = w->len ? w->len : 1;
    }
}

static enum tsdb_status open_table(struct group_strings *s, struct group **out, uint64_t *charged,
                                   struct tsdb_error *err)
{
    fit(&s->head);
    fit(&s->filter);
    fit(&s->data);
    *charged += s->head.cap + s->filter.cap + s->data.cap;
    struct group_bytes bytes = {writer_bytes(&s->head), writer_bytes(&s->filter),
                                writer_bytes(&s->data)};
    return group_open(bytes, out, err);
}

enum tsdb_status hot_spans_new(struct budget *budget, struct made_part *made, uint32_t generation,
                               struct hot_spans **out, struct tsdb_error *err)
{
    struct group *groups[SPAN_TABLES] = {0};
    uint64_t charged = sizeof **out + made->spans.hash_count * sizeof *made->spans.hashes;
    enum tsdb_status st = TSDB_OK;
    for (int i = 0; i < SPAN_TABLES && st == TSDB_OK; i++)
        if (made->spans.tables[i].head.len > 0)
            st = open_table(&made->spans.tables[i], &groups[i], &charged, err);
    if (st != TSDB_OK) {
        for (int i = 0; i < SPAN_TABLES; i++)
            group_free(groups[i]);
        return st;
    }
    struct hot_spans *g = MEM_NEW(struct hot_spans);
    atomic_init(&g->refs, 1);
    g->generation = generation;
    g->budget = budget;
    g->charged = charged;
    memcpy(g->groups, groups, sizeof groups);
    g->made = *made;
    *made = (struct made_part){0};
    budget_force(budget, charged);
    *out = g;
    return TSDB_OK;
}

void hot_spans_ref(struct hot_spans *g)
{
    uint32_t was = atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
    ASSERT(was > 0);
}

void hot_spans_unref(struct hot_spans *g)
{
    if (!g || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1)
        return;
    budget_release(g->budget, g->charged);
    for (int i = 0; i < SPAN_TABLES; i++)
        group_free(g->groups[i]);
    made_part_release(&g->made);
    mem_free(g);
}

struct span_tables hot_spans_tables(const struct hot_spans *g)
{
    struct span_tables tables;
    for (int i = 0; i < SPAN_TABLES; i++)
        tables.at[i] = g->groups[i];
    return tables;
}

bool hot_spans_may_have(const struct hot_spans *g, uint32_t hash)
{
    const uint32_t *at = g->made.spans.hashes;
    uint32_t low = 0, high = g->made.spans.hash_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (at[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->made.spans.hash_count && at[low] == hash;
}

void hot_list_push(struct hot_list *list, struct hot_spans *g)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 16;
        list->at = mem_grow(list->at, list->cap, sizeof(struct hot_spans *));
    }
    list->at[list->count++] = g;
}

void hot_list_release(struct hot_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        hot_spans_unref(list->at[i]);
    mem_free(list->at);
    *list = (struct hot_list){0};
}

void open_spans_unref(struct open_spans *o)
{
    if (!o || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
        return;
    hot_list_release(&o->groups);
    mem_free(o);
}

/* ---- the head ------------------------------------------------------------------------ */

void trace_head_init(struct trace_head *h, struct budget *parent)
{
    *h = (struct trace_head){0};
    budget_init(&h->budget, UINT64_MAX, parent);
    mutex_init(&h->tenants_lock);
    mutex_init(&h->grouping);
    (void)trace_head_admits(h, (struct tsdb_text){"", 0});
}

void trace_head_release(struct trace_head *h)
{
    trace_head_drop_open(h, h->open_count);
    hot_list_release(&h->hot);
    open_spans_unref(h->cached);
    for (uint32_t i = 0; i < h->tenant_count; i++)
        mem_free(h->tenants[i]);
    mem_free(h->tenants);
    mem_free(h->open);
    mutex_release(&h->tenants_lock);
    mutex_release(&h->grouping);
}

bool trace_head_admits(struct trace_head *h, struct tsdb_text tenant)
{
    bool is_known = false;
    mutex_lock(&h->tenants_lock);
    for (uint32_t i = 0; i < h->tenant_count && !is_known; i++)
        is_known = text_equal(text_of(h->tenants[i]), tenant);
    bool is_let_in = is_known || h->tenant_count < SPAN_TENANTS_MAX;
    if (is_let_in && !is_known) {
        h->tenants = mem_grow(h->tenants, (size_t)h->tenant_count + 1, sizeof *h->tenants);
        h->tenants[h->tenant_count++] = mem_text(tenant.at, tenant.len);
    }
    mutex_unlock(&h->tenants_lock);
    return is_let_in;
}

/* ---- spans --------------------------------------------------------------------------- */

void trace_head_push(struct trace_head *h, struct span_batch *b)
{
    if (h->open_count == h->open_cap) {
        h->open_cap = h->open_cap ? h->open_cap * 2 : 256;
        h->open = mem_grow(h->open, h->open_cap, sizeof(struct span_batch *));
    }
    h->open[h->open_count++] = b;
    h->open_spans += b->span_count;
    h->open_weight += b->weight;
    h->spans += b->span_count;
}

void trace_head_drop_open(struct trace_head *h, uint32_t n)
{
    ASSERT(n <= h->open_count);
    for (uint32_t i = 0; i < n; i++) {
        h->open_spans -= h->open[i]->span_count;
        h->open_weight -= h->open[i]->weight;
        span_batch_unref(h->open[i]);
    }
    h->open_count -= n;
    h->open_first += n;
    if (h->open_count > 0 && n > 0)
        memmove(h->open, h->open + n, h->open_count * sizeof(struct span_batch *));
}

void trace_head_drop_before(struct trace_head *h, uint32_t generation)
{
    uint32_t n = 0, kept = 0;
    while (n < h->open_count && h->open[n]->generation < generation)
        n++;
    trace_head_drop_open(h, n);
    for (uint32_t i = 0; i < h->hot.count; i++) {
        if (h->hot.at[i]->generation < generation)
            hot_spans_unref(h->hot.at[i]);
        else
            h->hot.at[kept++] = h->hot.at[i];
    }
    h->hot.count = kept;
    if (h->cached && h->cached->end <= h->open_first) {
        open_spans_unref(h->cached);
        h->cached = NULL;
    }
}
