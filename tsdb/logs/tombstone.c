/* Deleted records (store/tombstones.h). */
#include "tsdb/logs/engine.h"

struct tombstones *logs_tombstones_ref(struct logs *l)
{
    mutex_lock(&l->shelf.lock);
    struct tombstones *t = tombstones_ref(l->tombstones);
    mutex_unlock(&l->shelf.lock);
    return t;
}

enum tsdb_status logs_tombstones_load(struct logs *l, struct tsdb_error *err)
{
    struct tombstones *t;
    enum tsdb_status st = tombstones_load(l->store, STORE_LOGS, &t, err);
    if (st != TSDB_OK)
        return st;
    mutex_lock(&l->shelf.lock);
    struct tombstones *old = l->tombstones;
    l->tombstones = t;
    mutex_unlock(&l->shelf.lock);
    tombstones_unref(old);
    return TSDB_OK;
}

enum tsdb_status logs_delete(struct logs *l, const struct logs_selection *selection,
                             struct tsdb_error *err)
{
    struct deletion deletion = {STORE_LOGS,          selection->tenant,
                                selection->matchers, selection->matcher_count,
                                selection->start,    selection->end};
    mutex_lock(&l->store->tend);
    enum tsdb_status st = tombstone_add(l->store, &deletion, err);
    if (st == TSDB_OK)
        st = logs_tombstones_load(l, err);
    mutex_unlock(&l->store->tend);
    return st;
}

bool log_tombstone_touches(const struct tombstone *t, const struct block *b)
{
    return b->shelved.entry.id < t->id && b->shelved.entry.ts_min < t->end &&
           b->shelved.entry.ts_max >= t->start;
}

static bool is_needed(void *arg, const struct tombstone *t)
{
    const struct shelf_list *list = arg;
    for (uint32_t i = 0; i < list->count; i++)
        if (log_tombstone_touches(t, log_block_of(list->at[i])))
            return true;
    return false;
}

enum tsdb_status logs_forget_tombstones(struct logs *l, struct tsdb_error *err)
{
    struct shelf_list *list = shelf_ref(&l->shelf);
    struct tombstones *t = logs_tombstones_ref(l);
    bool did;
    enum tsdb_status st = tombstones_forget(l->store, t, is_needed, list, &did, err);
    if (did)
        st = logs_tombstones_load(l, err);
    tombstones_unref(t);
    shelf_list_unref(list);
    return st;
}
