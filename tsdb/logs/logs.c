#include "tsdb/logs/logs.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/logs/engine.h"

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
    shelf_init(&l->shelf, store, &log_shelf_kind);
    mutex_init(&l->config);
    mutex_init(&l->tailing);
    enum tsdb_status st = rules_new(options, selector, &rules, err);
    configure(l, options, rules);
    if (st == TSDB_OK)
        st = shelf_open(&l->shelf, err);
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
    shelf_release(&l->shelf);
    tombstones_unref(l->tombstones);
    rules_unref(l->rules);
    tenant_limits_release(&l->tenant_limits);
    log_head_release(&l->head);
    mutex_release(&l->config);
    mutex_release(&l->tailing);
    mem_free(l);
}

/* ---- tending ---------------------------------------------------------------------- */

uint64_t logs_scrub(struct logs *l, uint64_t after)
{
    return shelf_scrub(&l->shelf, after);
}

enum tsdb_status logs_verify(struct fs *fs, const char *dir,
                             void (*report)(void *arg, const char *line), void *arg,
                             struct tsdb_error *err)
{
    return shelf_verify(&log_shelf_kind, fs, dir, report, arg, err);
}

void logs_forget_segment(struct logs *l, uint64_t id)
{
    shelf_forget(&l->shelf, id);
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
    mutex_lock(&l->shelf.lock);
    out->log_records = h->records;
    out->tombstones += l->tombstones->count;
    mutex_unlock(&l->shelf.lock);
    struct shelf_figures segments;
    shelf_figures(&l->shelf, out, &segments);
    out->log_segments = segments.count;
    out->log_segment_bytes = segments.bytes;
    out->log_segment_records = segments.rows;
    out->log_head_bytes = logs_head_bytes(l);
    out->replay_ns += atomic_load(&l->replay_ns);
}
