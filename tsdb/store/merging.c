#include "tsdb/store/merging.h"

#include "tsdb/base/mem.h"
#include "tsdb/store/store.h"
#include "tsdb/store/window.h"

enum {
    FRESH_MIN = 8,
    LATE_SHARE = 8,
    BYTES_MAX = 512 << 20, /* of the inputs: heads and filters wait in memory */
    GRACE_MINUTES = 5,
};

/* ---- choosing ---------------------------------------------------------------------------- */

static bool is_due(const struct merge_choice *c, bool has_ended, bool is_forced)
{
    uint32_t fresh = 0, small = 0;
    uint64_t small_bytes = 0, large_bytes = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct manifest_segment *e = &c->inputs[i]->entry;
        fresh += e->level == 0;
        small += e->level < MERGE_LEVEL_WHOLE;
        small_bytes += e->level < MERGE_LEVEL_WHOLE ? e->bytes : 0;
        large_bytes += e->level < MERGE_LEVEL_WHOLE ? 0 : e->bytes;
    }
    if (c->count < 2 || small == 0)
        return false;
    if (is_forced)
        return true;
    if (!has_ended)
        return fresh >= FRESH_MIN;
    return small == c->count || small >= FRESH_MIN || small_bytes >= large_bytes / LATE_SHARE;
}

/* windows: of each segment of the list. */
static void gather(const struct shelf_list *list, const struct time_window *windows,
                   struct time_window w, struct merge_choice *out)
{
    uint64_t bytes = 0, groups = 0;
    out->count = 0;
    for (uint32_t i = 0; i < list->count && out->count < MERGE_INPUTS_MAX; i++) {
        struct shelved *b = list->at[i];
        if (windows[i].start != w.start || windows[i].end != w.end ||
            bytes + b->entry.bytes > BYTES_MAX || groups + b->groups > MERGE_GROUPS_MAX)
            continue;
        bytes += b->entry.bytes;
        groups += b->groups;
        out->inputs[out->count++] = b;
    }
}

bool merge_choose(const struct shelf_list *list, int64_t now, bool is_forced,
                  struct merge_choice *out)
{
    struct time_window *windows = MEM_ARRAY(struct time_window, list->count);
    bool is_found = false;
    for (uint32_t i = 0; i < list->count; i++)
        windows[i] = segment_window_over(list->at[i]->entry.ts_min, list->at[i]->entry.ts_max);
    for (uint32_t i = 0; i < list->count && !is_found; i++) {
        bool has_ended = windows[i].end < now - GRACE_MINUTES * NS_PER_MINUTE;
        gather(list, windows, windows[i], out);
        out->level = has_ended || is_forced ? MERGE_LEVEL_WHOLE : MERGE_LEVEL_TIDY;
        is_found = is_due(out, has_ended, is_forced);
    }
    mem_free(windows);
    return is_found;
}

/* ---- running ----------------------------------------------------------------------------- */

/* Room for the output beside its inputs, and the reserve. */
static bool has_room(const struct store *store, const struct merge_choice *c)
{
    uint64_t want = STORE_DISK_RESERVE_BYTES;
    for (uint32_t i = 0; i < c->count; i++)
        want += c->inputs[i]->entry.bytes;
    return atomic_load(&store->disk_free_bytes) > want;
}

/* made may be NULL. */
static enum tsdb_status replace(struct shelf *s, const struct merge_choice *c, struct shelved *made,
                                struct tsdb_error *err)
{
    uint64_t removed[MERGE_INPUTS_MAX];
    for (uint32_t i = 0; i < c->count; i++)
        removed[i] = c->inputs[i]->entry.id;
    struct manifest_edit edit = {.added = made ? &made->entry : NULL,
                                 .added_count = made ? 1 : 0,
                                 .removed = removed,
                                 .removed_count = c->count};
    enum tsdb_status st = store_apply(s->store, &edit, err);
    if (st != TSDB_OK) {
        if (made && st == TSDB_EINVAL) /* nothing was written */
            segment_retire(made->segment);
        shelved_unref(made);
        return st;
    }
    mutex_lock(&s->lock);
    struct shelf_list *old = shelf_swap(s, &made, made ? 1 : 0, removed, c->count);
    mutex_unlock(&s->lock);
    shelf_list_unref(old);
    return TSDB_OK;
}

static enum tsdb_status set_damage_aside(struct shelf *s, const struct merge_choice *c,
                                         enum tsdb_status st)
{
    if (st != TSDB_ECORRUPT)
        return st;
    for (uint32_t i = 0; i < c->count; i++) {
        struct tsdb_error err = {0};
        if (s->kind->verify(c->inputs[i], &err) == TSDB_OK)
            continue;
        shelf_set_aside(s, &c->inputs[i]->entry, err.msg);
        st = TSDB_OK;
    }
    return st;
}

enum tsdb_status merge_run(struct shelf *s, const struct merge_choice *choice, merge_write_fn *fn,
                           void *arg, bool *did, struct tsdb_error *err)
{
    struct tsdb_error fault = {0};
    *did = false;
    if (!has_room(s->store, choice))
        return TSDB_OK;
    struct shelf_list *list = shelf_ref(s); /* keeps the inputs */
    struct shelved *made = NULL;
    enum tsdb_status st = store_settle(s->store, &fault);
    if (st == TSDB_OK) {
        uint64_t id = store_take_id(s->store);
        char path[STORE_PATH_MAX];
        store_segment_path(s->store, id, s->kind->signal, path);
        st = fn(arg, choice, id, path, &made, &fault);
    }
    if (st == TSDB_OK)
        st = replace(s, choice, made, &fault);
    *did = st == TSDB_OK;
    if (*did)
        (void)atomic_fetch_add(&s->merges, 1);
    st = set_damage_aside(s, choice, st);
    shelf_list_unref(list);
    if (st != TSDB_OK && err)
        *err = fault;
    return st;
}

enum tsdb_status merge_one(struct shelf *s, bool is_forced, merge_write_fn *fn, void *arg,
                           bool *did, struct tsdb_error *err)
{
    *did = false;
    struct merge_choice *choice = MEM_NEW(struct merge_choice);
    int64_t began = clock_mono_ns(s->store->clock);
    struct shelf_list *list = shelf_ref(s);
    enum tsdb_status st = TSDB_OK;
    if (merge_choose(list, clock_wall_ns(s->store->clock), is_forced, choice))
        st = merge_run(s, choice, fn, arg, did, err);
    shelf_list_unref(list);
    (void)atomic_fetch_add(&s->merge_ns, clock_mono_ns(s->store->clock) - began);
    mem_free(choice);
    return st;
}
