#include "tsdb/logs/logs.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/logs/engine.h"

/* ---- lists of blocks -------------------------------------------------------------- */

static struct block_list *list_new(uint32_t count)
{
    struct block_list *list = mem_array(1, sizeof *list + (size_t)count * sizeof(struct block *));
    atomic_init(&list->refs, 1);
    return list;
}

struct block_list *logs_blocks_ref(struct logs *l)
{
    mutex_lock(&l->lists);
    struct block_list *list = l->blocks;
    (void)atomic_fetch_add_explicit(&list->refs, 1, memory_order_relaxed);
    mutex_unlock(&l->lists);
    return list;
}

void log_block_list_unref(struct block_list *list)
{
    if (!list || atomic_fetch_sub_explicit(&list->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < list->count; i++)
        log_block_unref(list->blocks[i]);
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

/* Puts the next list in place; `lists` held.  The old one is returned. */
static struct block_list *replace(struct logs *l, struct block *const *added, uint32_t added_count,
                                  const uint64_t *removed, uint32_t removed_count, bool is_retired)
{
    struct block_list *old = l->blocks, *list = list_new(old->count + added_count);
    for (uint32_t i = 0; i < old->count; i++) {
        struct block *b = old->blocks[i];
        if (is_among(b->entry.id, removed, removed_count)) {
            if (is_retired)
                segment_retire(b->segment);
            continue;
        }
        log_block_ref(b);
        list->blocks[list->count++] = b;
    }
    for (uint32_t i = 0; i < added_count; i++)
        list_insert(list, added[i]);
    l->blocks = list;
    return old;
}

struct block_list *logs_blocks_swap(struct logs *l, struct block *const *added,
                                    uint32_t added_count, const uint64_t *removed,
                                    uint32_t removed_count)
{
    return replace(l, added, added_count, removed, removed_count, true);
}

void logs_block_forget(struct logs *l, uint64_t id)
{
    mutex_lock(&l->lists);
    struct block_list *old = replace(l, NULL, 0, &id, 1, false);
    mutex_unlock(&l->lists);
    log_block_list_unref(old);
}

void logs_forget_segment(struct logs *l, uint64_t id)
{
    mutex_lock(&l->lists);
    struct block_list *old = replace(l, NULL, 0, &id, 1, true);
    mutex_unlock(&l->lists);
    log_block_list_unref(old);
}

void logs_set_aside(struct logs *l, const struct manifest_segment *entry, const char *why)
{
    mutex_lock(&l->lists);
    bool is_listed = false;
    for (uint32_t i = 0; i < l->blocks->count; i++)
        is_listed = is_listed || l->blocks->blocks[i]->entry.id == entry->id;
    struct block_list *old = is_listed ? replace(l, NULL, 0, &entry->id, 1, false) : NULL;
    mutex_unlock(&l->lists);
    if (!is_listed)
        return;
    const struct manifest_segment kept = *entry; /* the block may be this list's last */
    log_block_list_unref(old);
    damage_note(&l->damage, &kept);
    store_quarantine(l->store, &kept, why);
}

/* ---- opening ---------------------------------------------------------------------- */

/* Opens the block; one that is damaged is set aside, one that is gone is told of.  Any
 * other fault is the machine's: nothing is changed for it. */
static enum tsdb_status open_block(struct logs *l, const struct manifest_segment *entry,
                                   struct tsdb_error *err)
{
    char path[STORE_PATH_MAX];
    store_segment_path(l->store, entry->id, STORE_LOGS, path);
    struct tsdb_error fault = {0};
    struct block *block;
    enum tsdb_status st = log_block_open(l->store->fs, path, entry, &block, &fault);
    if (st == TSDB_OK) {
        list_insert(l->blocks, block);
    } else if (st == TSDB_ECORRUPT || st == TSDB_ENOTFOUND) {
        damage_note(&l->damage, entry);
        store_quarantine(l->store, entry, fault.msg);
        st = TSDB_OK;
    } else if (err) {
        *err = fault;
    }
    return st;
}

static enum tsdb_status open_blocks(struct logs *l, struct tsdb_error *err)
{
    size_t count;
    const struct manifest_segment *listed = manifest_segments(l->store->manifest, &count);
    struct manifest_segment *entries = MEM_ARRAY(struct manifest_segment, count);
    if (count)
        memcpy(entries, listed, count * sizeof *entries);
    l->blocks = list_new((uint32_t)count);
    enum tsdb_status st = TSDB_OK;
    for (size_t i = 0; i < count && st == TSDB_OK; i++)
        if (entries[i].signal == STORE_LOGS)
            st = open_block(l, &entries[i], err);
    mem_free(entries);
    return st;
}

/* Takes the rules over. */
static void configure(struct logs *l, const struct tsdb_options *options, struct rules *rules)
{
    struct tenant_limits own;
    tenant_limits_init(&own, options->tenant_limits, options->tenant_limits_count);
    mutex_lock(&l->config);
    struct tenant_limits old = l->tenant_limits;
    struct rules *old_rules = l->rules;
    l->limits = options->limits;
    l->retention = options->retention;
    l->tenant_limits = own;
    l->rules = rules;
    mutex_unlock(&l->config);
    tenant_limits_release(&old);
    rules_unref(old_rules);
}

void logs_configure(struct logs *l, const struct tsdb_options *options)
{
    struct rules *rules;
    struct tsdb_error err = {0};
    if (rules_new(options, l->selector, &rules, &err) != TSDB_OK)
        store_event(l->store, TSDB_EVENT_BACKGROUND, "log_retention=left_out why=\"%s\"", err.msg);
    configure(l, options, rules);
}

enum tsdb_status logs_open(struct store *store, const struct tsdb_options *options,
                           logs_selector_fn *selector, struct logs **out, struct tsdb_error *err)
{
    struct logs *l = MEM_NEW(struct logs);
    struct rules *rules;
    l->store = store;
    l->selector = selector;
    log_head_init(&l->head, manifest_facts(store->manifest)->seed, &store->budget);
    mutex_init(&l->lists);
    mutex_init(&l->config);
    mutex_init(&l->tailing);
    enum tsdb_status st = rules_new(options, selector, &rules, err);
    configure(l, options, rules);
    damage_init(&l->damage);
    damage_load(&l->damage, store, STORE_LOGS);
    if (st == TSDB_OK)
        st = open_blocks(l, err);
    if (st == TSDB_OK)
        st = logs_tombstones_load(l, err);
    if (st == TSDB_OK && !store->is_read_only)
        st = logs_replay(l, err);
    if (st != TSDB_OK) {
        logs_close(l);
        return st;
    }
    if (!store->is_read_only)
        logs_add_sealer(l);
    *out = l;
    return TSDB_OK;
}

void logs_close(struct logs *l)
{
    if (!l)
        return;
    ASSERT(l->tails == NULL && l->seal == NULL);
    log_block_list_unref(l->blocks);
    tombstones_unref(l->tombstones);
    rules_unref(l->rules);
    tenant_limits_release(&l->tenant_limits);
    damage_release(&l->damage);
    log_head_release(&l->head);
    mutex_release(&l->lists);
    mutex_release(&l->config);
    mutex_release(&l->tailing);
    mem_free(l);
}

/* ---- figures ---------------------------------------------------------------------- */

uint64_t logs_head_bytes(struct logs *l)
{
    return budget_used(&l->head.budget);
}

void logs_stats(struct logs *l, struct tsdb_stats *out)
{
    struct head *h = &l->head;
    rwlock_read(&h->streams);
    out->log_streams = h->live;
    rwlock_unlock(&h->streams);
    mutex_lock(&l->lists);
    out->log_records = h->records;
    out->tombstones += l->tombstones->count;
    mutex_unlock(&l->lists);
    struct block_list *list = logs_blocks_ref(l);
    out->log_segments = list->count;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct block *b = list->blocks[i];
        out->log_segment_bytes += b->entry.bytes;
        out->log_segment_records += b->entry.samples;
    }
    log_block_list_unref(list);
    out->log_head_bytes = logs_head_bytes(l);
    out->quarantined += damage_count(&l->damage);
    out->merges += atomic_load(&l->merges);
    out->expired += atomic_load(&l->expired);
    out->merge_ns_total += atomic_load(&l->merge_ns);
    out->replay_ns += atomic_load(&l->replay_ns);
}
