#include "tsdb/metrics/metrics.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"

#include <string.h>

/* ---- lists of blocks -------------------------------------------------------------- */

static struct block_list *list_new(uint32_t count)
{
    struct block_list *list = mem_array(1, sizeof *list + (size_t)count * sizeof(struct block *));
    atomic_init(&list->refs, 1);
    return list;
}

struct block_list *block_list_ref(struct metrics *m)
{
    mutex_lock(&m->lists);
    struct block_list *list = m->blocks;
    (void)atomic_fetch_add_explicit(&list->refs, 1, memory_order_relaxed);
    mutex_unlock(&m->lists);
    return list;
}

void block_list_unref(struct block_list *list)
{
    if (!list || atomic_fetch_sub_explicit(&list->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < list->count; i++)
        block_unref(list->blocks[i]);
    mem_free(list);
}

static void list_insert(struct block_list *list, struct block *b)
{
    uint32_t at = list->count++;
    for (; at > 0 && list->blocks[at - 1]->order > b->order; at--)
        list->blocks[at] = list->blocks[at - 1];
    list->blocks[at] = b;
}

static bool is_among(uint64_t id, const uint64_t *ids, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

void block_list_forget(struct metrics *m, uint64_t id)
{
    mutex_lock(&m->lists);
    struct block_list *old = m->blocks;
    struct block_list *list = list_new(old->count);
    for (uint32_t i = 0; i < old->count; i++) {
        if (old->blocks[i]->entry.id == id)
            continue;
        block_ref(old->blocks[i]);
        list->blocks[list->count++] = old->blocks[i];
    }
    m->blocks = list;
    mutex_unlock(&m->lists);
    block_list_unref(old);
}

void block_list_swap(struct metrics *m, struct block *const *added, uint32_t added_count,
                     const uint64_t *removed, uint32_t removed_count)
{
    mutex_lock(&m->lists);
    struct block_list *old = m->blocks;
    struct block_list *list = list_new(old->count + added_count);
    for (uint32_t i = 0; i < old->count; i++) {
        if (is_among(old->blocks[i]->entry.id, removed, removed_count)) {
            segment_retire(old->blocks[i]->segment);
            continue;
        }
        block_ref(old->blocks[i]);
        list->blocks[list->count++] = old->blocks[i];
    }
    for (uint32_t i = 0; i < added_count; i++)
        list_insert(list, added[i]);
    m->blocks = list;
    mutex_unlock(&m->lists);
    block_list_unref(old);
}

/* ---- opening ---------------------------------------------------------------------- */

/* Opens the block; one that is damaged is set aside, one that is gone is told of.  Any
 * other fault is the machine's (descriptors, memory, a newer version): nothing is
 * changed for it. */
static enum tsdb_status open_block(struct metrics *m, const struct manifest_segment *entry,
                                   struct block_list *list, struct tsdb_error *err)
{
    char path[STORE_PATH_MAX];
    store_segment_path(m->store, entry->id, STORE_METRICS, path);
    struct tsdb_error fault = {0};
    struct block *block;
    enum tsdb_status st = block_open(m->store->fs, path, entry, &block, &fault);
    if (st == TSDB_OK) {
        list_insert(list, block);
    } else if (st == TSDB_ECORRUPT || st == TSDB_ENOTFOUND) {
        damage_note(&m->damage, entry);
        store_quarantine(m->store, entry, fault.msg);
        st = TSDB_OK;
    } else if (err) {
        *err = fault;
    }
    return st;
}

static enum tsdb_status open_blocks(struct metrics *m, struct tsdb_error *err)
{
    size_t count;
    const struct manifest_segment *listed = manifest_segments(m->store->manifest, &count);
    struct manifest_segment *entries = MEM_ARRAY(struct manifest_segment, count);
    if (count)
        memcpy(entries, listed, count * sizeof *entries);
    m->blocks = list_new((uint32_t)count);
    enum tsdb_status st = TSDB_OK;
    for (size_t i = 0; i < count && st == TSDB_OK; i++)
        if (entries[i].signal == STORE_METRICS)
            st = open_block(m, &entries[i], m->blocks, err);
    for (uint32_t i = 0; i < m->blocks->count; i++) {
        int64_t newest = m->blocks->blocks[i]->entry.ts_max;
        if (newest > m->head.stored_ts_max)
            m->head.stored_ts_max = newest;
    }
    mem_free(entries);
    return st;
}

enum tsdb_status metrics_open(struct store *store, const struct tsdb_options *options,
                              struct metrics **out, struct tsdb_error *err)
{
    struct metrics *m = MEM_NEW(struct metrics);
    m->store = store;
    m->merge_bytes_max = (size_t)256 << 20;
    head_init(&m->head, manifest_facts(store->manifest)->seed, &store->budget);
    catalog_init(&m->catalog, &store->budget);
    mutex_init(&m->lists);
    mutex_init(&m->sets);
    mutex_init(&m->config);
    cond_init(&m->set_closed);
    metrics_configure(m, options);
    metrics_add_sealer(m);
    damage_init(&m->damage);
    damage_load(&m->damage, store, STORE_METRICS);
    enum tsdb_status st = open_blocks(m, err);
    if (st == TSDB_OK)
        st = metrics_tombstones_load(m, err);
    if (st == TSDB_OK && !store->is_read_only)
        st = metrics_replay(m, err);
    if (st != TSDB_OK) {
        metrics_close(m);
        return st;
    }
    *out = m;
    return TSDB_OK;
}

void metrics_close(struct metrics *m)
{
    if (!m)
        return;
    ASSERT(m->open_sets == NULL);
    block_list_unref(m->blocks);
    tombstones_unref(m->tombstones);
    damage_release(&m->damage);
    catalog_release(&m->catalog);
    head_release(&m->head);
    tenant_limits_release(&m->tenant_limits);
    mutex_release(&m->lists);
    mutex_release(&m->sets);
    mutex_release(&m->config);
    cond_release(&m->set_closed);
    mem_free(m);
}

void metrics_configure(struct metrics *m, const struct tsdb_options *options)
{
    struct tenant_limits own, old;
    tenant_limits_init(&own, options->tenant_limits, options->tenant_limits_count);
    mutex_lock(&m->config);
    old = m->tenant_limits;
    m->tenant_limits = own;
    m->limits = options->limits;
    m->retention = options->retention;
    mutex_unlock(&m->config);
    tenant_limits_release(&old);
    atomic_store(&m->store->budget.limit, options->limits.memory_bytes);
}

/* ---- figures ---------------------------------------------------------------------- */

static void head_stats(struct metrics *m, struct tsdb_stats *out)
{
    struct head *h = &m->head;
    out->head_ts_min = INT64_MAX;
    out->head_ts_max = INT64_MIN;
    for (int i = 0; i < SHARDS; i++) {
        struct shard *s = &h->shards[i];
        mutex_lock(&s->lock);
        out->samples_appended += s->samples;
        out->samples_duplicate += s->duplicates;
        out->head_bytes += s->hot_bytes;
        if (s->ts_min < out->head_ts_min)
            out->head_ts_min = s->ts_min;
        if (s->ts_max > out->head_ts_max)
            out->head_ts_max = s->ts_max;
        mutex_unlock(&s->lock);
    }
    out->series_active = head_series_count(h);
    rwlock_read(&h->index);
    out->series_created = h->created;
    out->label_pairs = head_index_pairs(h->labels);
    rwlock_unlock(&h->index);
}

void metrics_stats(struct metrics *m, struct tsdb_stats *out)
{
    head_stats(m, out);
    struct block_list *list = block_list_ref(m);
    out->segments = list->count;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct block *b = list->blocks[i];
        out->segment_bytes += b->entry.bytes;
        out->segment_samples += b->entry.samples;
        out->segment_chunk_bytes += b->series.len + b->times.len;
        out->segment_index_bytes += b->entry.bytes - b->series.len - b->times.len;
    }
    block_list_unref(list);
    struct tombstones *t = metrics_tombstones_ref(m);
    out->tombstones = t->count;
    tombstones_unref(t);
    out->exemplars = catalog_exemplar_count(&m->catalog);
    out->quarantined = damage_count(&m->damage);
    out->seals = atomic_load(&m->store->seals);
    out->merges = atomic_load(&m->merges);
    out->expired = atomic_load(&m->expired);
    out->seal_ns_total = atomic_load(&m->store->seal_ns);
    out->merge_ns_total = atomic_load(&m->merge_ns);
    out->replay_ns = atomic_load(&m->replay_ns);
}
