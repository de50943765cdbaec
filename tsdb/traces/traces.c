#include "tsdb/traces/traces.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/traces/engine.h"

void traces_configure(struct traces *t, const struct tsdb_options *options)
{
    struct tenant_limits own;
    tenant_limits_init(&own, options->tenant_limits, options->tenant_limits_count);
    mutex_lock(&t->config);
    struct tenant_limits old = t->tenant_limits;
    t->limits = options->limits;
    t->retention = options->retention;
    t->tenant_limits = own;
    mutex_unlock(&t->config);
    tenant_limits_release(&old);
}

enum tsdb_status traces_open(struct store *store, const struct tsdb_options *options,
                             struct traces **out, struct tsdb_error *err)
{
    struct traces *t = MEM_NEW(struct traces);
    t->store = store;
    trace_head_init(&t->head, &store->budget);
    shelf_init(&t->shelf, store, &trace_shelf_kind);
    mutex_init(&t->config);
    traces_configure(t, options);
    enum tsdb_status st = shelf_open(&t->shelf, err);
    if (st == TSDB_OK && !store->is_read_only)
        st = traces_replay(t, err);
    if (st != TSDB_OK) {
        traces_close(t);
        return st;
    }
    if (!store->is_read_only)
        traces_add_sealer(t);
    *out = t;
    return TSDB_OK;
}

void traces_close(struct traces *t)
{
    if (!t)
        return;
    ASSERT(t->seal == NULL);
    shelf_release(&t->shelf);
    tenant_limits_release(&t->tenant_limits);
    trace_head_release(&t->head);
    mutex_release(&t->config);
    mem_free(t);
}

/* ---- tending ---------------------------------------------------------------------- */

enum tsdb_status traces_expire(struct traces *t, struct tsdb_error *err)
{
    mutex_lock(&t->config);
    int64_t retention = t->retention;
    mutex_unlock(&t->config);
    mutex_lock(&t->store->tend);
    enum tsdb_status st = shelf_expire(&t->shelf, retention, err);
    mutex_unlock(&t->store->tend);
    return st;
}

uint64_t traces_scrub(struct traces *t, uint64_t after)
{
    return shelf_scrub(&t->shelf, after);
}

enum tsdb_status traces_verify(struct fs *fs, const char *dir,
                               void (*report)(void *arg, const char *line), void *arg,
                               struct tsdb_error *err)
{
    return shelf_verify(&trace_shelf_kind, fs, dir, report, arg, err);
}

void traces_forget_segment(struct traces *t, uint64_t id)
{
    shelf_forget(&t->shelf, id);
}

uint64_t traces_head_bytes(struct traces *t)
{
    return budget_used(&t->head.budget);
}

void traces_stats(struct traces *t, struct tsdb_stats *out)
{
    mutex_lock(&t->shelf.lock);
    out->trace_spans = t->head.spans;
    mutex_unlock(&t->shelf.lock);
    struct shelf_figures segments;
    shelf_figures(&t->shelf, out, &segments);
    out->trace_segments = segments.count;
    out->trace_segment_bytes = segments.bytes;
    out->trace_segment_spans = segments.rows;
    out->trace_head_bytes = traces_head_bytes(t);
    out->replay_ns += atomic_load(&t->replay_ns);
}
