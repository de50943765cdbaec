/* Deleted series (store/tombstones.h). */
#include "tsdb/metrics/metrics.h"

struct tombstones *metrics_tombstones_ref(struct metrics *m)
{
    mutex_lock(&m->lists);
    struct tombstones *t = tombstones_ref(m->tombstones);
    mutex_unlock(&m->lists);
    return t;
}

void tombstones_apply(const struct tombstones *t, uint64_t block_id, struct tsdb_labels labels,
                      struct samples *s)
{
    for (uint32_t i = 0; i < t->count && s->count > 0; i++)
        if (block_id < t->at[i].id &&
            matchers_test(t->at[i].matchers, t->at[i].matcher_count, labels))
            samples_cut(s, t->at[i].start, t->at[i].end);
}

enum tsdb_status metrics_tombstones_load(struct metrics *m, struct tsdb_error *err)
{
    struct tombstones *t;
    enum tsdb_status st = tombstones_load(m->store, STORE_METRICS, &t, err);
    if (st != TSDB_OK)
        return st;
    mutex_lock(&m->lists);
    struct tombstones *old = m->tombstones;
    m->tombstones = t;
    mutex_unlock(&m->lists);
    tombstones_unref(old);
    return TSDB_OK;
}

enum tsdb_status metrics_delete(struct metrics *m, const struct metrics_selection *selection,
                                struct tsdb_error *err)
{
    struct deletion deletion = {STORE_METRICS,       selection->tenant,
                                selection->matchers, selection->matcher_count,
                                selection->start,    selection->end};
    mutex_lock(&m->store->tend);
    enum tsdb_status st = tombstone_add(m->store, &deletion, err);
    if (st == TSDB_OK)
        st = metrics_tombstones_load(m, err);
    mutex_unlock(&m->store->tend);
    return st;
}

bool tombstone_touches(const struct tombstone *t, const struct block *b)
{
    return b->entry.id < t->id && b->entry.ts_min <= t->end && b->entry.ts_max >= t->start;
}

static bool is_needed(void *arg, const struct tombstone *t)
{
    const struct block_list *list = arg;
    for (uint32_t i = 0; i < list->count; i++)
        if (tombstone_touches(t, list->blocks[i]))
            return true;
    return false;
}

enum tsdb_status metrics_forget_tombstones(struct metrics *m, struct tsdb_error *err)
{
    mutex_lock(&m->store->tend);
    struct block_list *list = block_list_ref(m);
    struct tombstones *t = metrics_tombstones_ref(m);
    bool did;
    enum tsdb_status st = tombstones_forget(m->store, t, is_needed, list, &did, err);
    if (did)
        st = metrics_tombstones_load(m, err);
    tombstones_unref(t);
    block_list_unref(list);
    mutex_unlock(&m->store->tend);
    return st;
}
