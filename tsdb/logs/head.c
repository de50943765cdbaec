#include "tsdb/logs/head.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/writer.h"

/* ---- batches ----------------------------------------------------------------------- */

enum tsdb_status log_batch_new(struct budget *budget, struct bytes payload, struct log_batch **out)
{
    struct batch_tables tables;
    enum tsdb_status st = batch_tables_decode(payload, &tables);
    uint8_t *owned = (uint8_t *)(uintptr_t)payload.at;
    if (st != TSDB_OK) {
        mem_free(owned);
        return st;
    }
    uint64_t bytes = sizeof **out + (uint64_t)tables.row_count * sizeof(struct batch_row) +
                     payload.len + tables.name_count * sizeof *tables.names;
    if (!budget_charge(budget, bytes)) {
        batch_tables_release(&tables);
        mem_free(owned);
        return TSDB_ELIMIT;
    }
    struct log_batch *b = mem_alloc(sizeof *b + tables.row_count * sizeof b->rows[0]);
    *b = (struct log_batch){.row_count = tables.row_count,
                            .charged = bytes,
                            .ts_min = INT64_MAX,
                            .ts_max = INT64_MIN,
                            .budget = budget,
                            .payload = owned,
                            .tables = tables};
    atomic_init(&b->refs, 1);
    *out = b;
    return TSDB_OK;
}

void log_batch_ref(struct log_batch *b)
{
    uint32_t was = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    ASSERT(was > 0);
}

void log_batch_unref(struct log_batch *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    budget_release(b->budget, b->charged);
    batch_tables_release(&b->tables);
    mem_free(b->payload);
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

enum tsdb_status hot_group_new(struct budget *budget, struct made_group *made, uint32_t generation,
                               struct hot_group **out, struct tsdb_error *err)
{
    fit(&made->strings.head);
    fit(&made->strings.filter);
    fit(&made->strings.data);
    struct group_bytes bytes = {writer_bytes(&made->strings.head),
                                writer_bytes(&made->strings.filter),
                                writer_bytes(&made->strings.data)};
    struct group *group;
    enum tsdb_status st = group_open(bytes, &group, err);
    if (st != TSDB_OK)
        return st;
    struct hot_group *g = MEM_NEW(struct hot_group);
    atomic_init(&g->refs, 1);
    g->generation = generation;
    g->budget = budget;
    g->group = group;
    g->made = *made;
    *made = (struct made_group){0};
    g->charged = sizeof *g + bytes.head.len + bytes.filter.len + bytes.data.len +
                 g->made.run_count * sizeof *g->made.runs;
    budget_force(budget, g->charged);
    *out = g;
    return TSDB_OK;
}

void hot_group_ref(struct hot_group *g)
{
    uint32_t was = atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
    ASSERT(was > 0);
}

void hot_group_unref(struct hot_group *g)
{
    if (!g || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1)
        return;
    budget_release(g->budget, g->charged);
    group_free(g->group);
    made_group_release(&g->made);
    mem_free(g);
}

void open_groups_unref(struct open_groups *g)
{
    if (!g || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < g->count; i++)
        hot_group_unref(g->at[i]);
    mem_free(g->at);
    mem_free(g);
}

/* ---- streams ------------------------------------------------------------------------ */

void log_head_init(struct head *h, uint64_t seed, struct budget *parent)
{
    *h = (struct head){.seed = seed};
    budget_init(&h->budget, UINT64_MAX, parent);
    rwlock_init(&h->streams);
    mutex_init(&h->grouping);
    h->labels = head_index_new(seed, &h->budget);
    (void)log_head_tenant_put(h, "");
}

void log_head_release(struct head *h)
{
    log_head_drop_open(h, h->open_count);
    for (uint32_t i = 0; i < h->hot_count; i++)
        hot_group_unref(h->hot[i]);
    open_groups_unref(h->cached);
    head_index_free(h->labels);
    slots_release(&h->by_hash);
    ordinals_release(&h->free);
    for (uint32_t i = 0; i < h->tenant_count; i++)
        mem_free(h->tenants[i].name);
    mem_free(h->tenants);
    mem_free(h->at);
    mem_free(h->open);
    mem_free(h->hot);
    budget_release(&h->budget, h->charged);
    rwlock_release(&h->streams);
    mutex_release(&h->grouping);
}

uint32_t log_head_find(const struct head *h, struct tsdb_hash hash)
{
    uint32_t at = (uint32_t)hash.lo, ref;
    while ((ref = slots_probe(&h->by_hash, (uint32_t)hash.lo, &at)) != SLOTS_NONE)
        if (hash_equal(h->at[ref].hash, hash))
            return ref;
    return HEAD_NONE;
}

static void charge_tables(struct head *h)
{
    uint64_t bytes = slots_bytes(&h->by_hash) + (uint64_t)h->cap * sizeof *h->at;
    if (bytes > h->charged)
        budget_force(&h->budget, bytes - h->charged);
    else
        budget_release(&h->budget, h->charged - bytes);
    h->charged = bytes;
}

uint32_t log_head_add(struct head *h, struct tsdb_hash hash, uint16_t tenant,
                      struct tsdb_labels labels)
{
    bool is_reused = h->free.count > 0;
    uint32_t ref = is_reused ? h->free.at[h->free.count - 1] : h->count;
    if (ref == HEAD_NONE || head_index_add(h->labels, ref, labels) != TSDB_OK)
        return HEAD_NONE;
    if (is_reused) {
        h->free.count--;
    } else if (h->count++ == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 256;
        h->at = mem_grow(h->at, h->cap, sizeof *h->at);
    }
    struct head_stream *s = &h->at[ref];
    *s = (struct head_stream){.hash = hash, .tenant = tenant, .is_live = true};
    slots_put(&h->by_hash, (uint32_t)hash.lo, ref);
    h->tenants[tenant].streams++;
    h->live++;
    h->created++;
    charge_tables(h);
    return ref;
}

uint32_t log_head_tenant_put(struct head *h, const char *name)
{
    for (uint32_t i = 0; i < h->tenant_count; i++)
        if (strcmp(h->tenants[i].name, name) == 0)
            return i;
    if (h->tenant_count == HEAD_TENANTS_MAX)
        return HEAD_TENANTS_MAX;
    h->tenants = mem_grow(h->tenants, (size_t)h->tenant_count + 1, sizeof *h->tenants);
    h->tenants[h->tenant_count] = (struct head_tenant){.name = mem_text(name, strlen(name))};
    return h->tenant_count++;
}

void log_head_forget_idle(struct head *h, int64_t since_mono_ns)
{
    struct ordinals dead = {0};
    rwlock_write(&h->streams);
    for (uint32_t ref = 0; ref < h->count; ref++) {
        struct head_stream *s = &h->at[ref];
        if (!s->is_live || s->generation >= h->generation || s->touched_ns >= since_mono_ns)
            continue;
        slots_remove(&h->by_hash, (uint32_t)s->hash.lo, ref);
        h->tenants[s->tenant].streams--;
        h->live--;
        s->is_live = false;
        ordinals_append(&dead, ref);
    }
    if (dead.count > 0)
        head_index_remove(h->labels, &dead);
    for (uint32_t i = dead.count; i-- > 0;)
        ordinals_append(&h->free, dead.at[i]);
    rwlock_unlock(&h->streams);
    ordinals_release(&dead);
}

/* ---- rows --------------------------------------------------------------------------- */

void log_head_push(struct head *h, struct log_batch *b)
{
    if (h->open_count == h->open_cap) {
        h->open_cap = h->open_cap ? h->open_cap * 2 : 256;
        h->open = mem_grow(h->open, h->open_cap, sizeof(struct log_batch *));
    }
    h->open[h->open_count++] = b;
    h->open_rows += b->row_count;
    h->records += b->row_count;
}

void log_head_push_hot(struct head *h, struct hot_group *g)
{
    if (h->hot_count == h->hot_cap) {
        h->hot_cap = h->hot_cap ? h->hot_cap * 2 : 64;
        h->hot = mem_grow(h->hot, h->hot_cap, sizeof(struct hot_group *));
    }
    h->hot[h->hot_count++] = g;
}

void log_head_drop_open(struct head *h, uint32_t n)
{
    ASSERT(n <= h->open_count);
    for (uint32_t i = 0; i < n; i++) {
        h->open_rows -= h->open[i]->row_count;
        log_batch_unref(h->open[i]);
    }
    h->open_count -= n;
    h->open_first += n;
    if (h->open_count > 0)
        memmove(h->open, h->open + n, h->open_count * sizeof(struct log_batch *));
}

void log_head_drop_before(struct head *h, uint32_t generation)
{
    uint32_t n = 0, kept = 0;
    while (n < h->open_count && h->open[n]->generation < generation)
        n++;
    log_head_drop_open(h, n);
    for (uint32_t i = 0; i < h->hot_count; i++) {
        if (h->hot[i]->generation < generation)
            hot_group_unref(h->hot[i]);
        else
            h->hot[kept++] = h->hot[i];
    }
    h->hot_count = kept;
    if (h->cached && h->cached->end <= h->open_first) {
        open_groups_unref(h->cached);
        h->cached = NULL;
    }
}
