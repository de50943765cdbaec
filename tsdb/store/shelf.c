#include "tsdb/store/shelf.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/fs_frozen.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/store/store.h"

#include <stdio.h>

enum { EXPIRED_MAX = 256 }; /* in one edit */

/* ---- segments and lists ---------------------------------------------------------------- */

void shelved_init(struct shelved *b, const struct manifest_segment *entry, struct segment *segment,
                  void (*free)(struct shelved *block))
{
    *b = (struct shelved){.entry = *entry, .segment = segment, .free = free};
    atomic_init(&b->refs, 1);
}

void shelved_ref(struct shelved *b)
{
    uint32_t was = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    ASSERT(was > 0);
}

void shelved_unref(struct shelved *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    segment_unref(b->segment);
    b->free(b);
}

static struct shelf_list *list_new(uint32_t count)
{
    struct shelf_list *list = mem_array(1, sizeof *list + (size_t)count * sizeof list->at[0]);
    atomic_init(&list->refs, 1);
    return list;
}

void shelf_list_unref(struct shelf_list *list)
{
    if (!list || atomic_fetch_sub_explicit(&list->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < list->count; i++)
        shelved_unref(list->at[i]);
    mem_free(list);
}

static void list_insert(struct shelf_list *list, struct shelved *b)
{
    uint32_t at = list->count++;
    for (; at > 0 && list->at[at - 1]->order > b->order; at--)
        list->at[at] = list->at[at - 1];
    list->at[at] = b;
}

static bool is_among(uint64_t id, const uint64_t *ids, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

struct shelf_list *shelf_ref(struct shelf *s)
{
    mutex_lock(&s->lock);
    struct shelf_list *list = s->list;
    (void)atomic_fetch_add_explicit(&list->refs, 1, memory_order_relaxed);
    mutex_unlock(&s->lock);
    return list;
}

/* Puts the next list in place; `lock` held.  The old one is returned. */
static struct shelf_list *replace(struct shelf *s, struct shelved *const *added,
                                  uint32_t added_count, const uint64_t *removed,
                                  uint32_t removed_count)
{
    struct shelf_list *old = s->list, *list = list_new(old->count + added_count);
    for (uint32_t i = 0; i < old->count; i++) {
        if (is_among(old->at[i]->entry.id, removed, removed_count))
            continue;
        shelved_ref(old->at[i]);
        list->at[list->count++] = old->at[i];
    }
    for (uint32_t i = 0; i < added_count; i++)
        list_insert(list, added[i]);
    s->list = list;
    return old;
}

struct shelf_list *shelf_swap(struct shelf *s, struct shelved *const *added, uint32_t added_count,
                              const uint64_t *removed, uint32_t removed_count)
{
    for (uint32_t i = 0; i < s->list->count; i++)
        if (is_among(s->list->at[i]->entry.id, removed, removed_count))
            segment_retire(s->list->at[i]->segment);
    return replace(s, added, added_count, removed, removed_count);
}

void shelf_forget(struct shelf *s, uint64_t id)
{
    mutex_lock(&s->lock);
    struct shelf_list *old = shelf_swap(s, NULL, 0, &id, 1);
    mutex_unlock(&s->lock);
    shelf_list_unref(old);
    (void)atomic_fetch_add(&s->expired, 1);
}

void shelf_set_aside(struct shelf *s, const struct manifest_segment *entry, const char *why)
{
    mutex_lock(&s->lock);
    bool is_listed = false;
    for (uint32_t i = 0; i < s->list->count; i++)
        is_listed = is_listed || s->list->at[i]->entry.id == entry->id;
    struct shelf_list *old = is_listed ? replace(s, NULL, 0, &entry->id, 1) : NULL;
    mutex_unlock(&s->lock);
    if (!is_listed)
        return;
    const struct manifest_segment kept = *entry; /* the block may be this list's last */
    shelf_list_unref(old);
    damage_note(&s->damage, &kept);
    store_quarantine(s->store, &kept, why);
}

/* ---- opening ---------------------------------------------------------------------------- */

void shelf_init(struct shelf *s, struct store *store, const struct shelf_kind *kind)
{
    *s = (struct shelf){.store = store, .kind = kind, .list = list_new(0)};
    mutex_init(&s->lock);
    damage_init(&s->damage);
}

void shelf_release(struct shelf *s)
{
    shelf_list_unref(s->list);
    damage_release(&s->damage);
    mutex_release(&s->lock);
}

static enum tsdb_status open_one(struct shelf *s, const struct manifest_segment *entry,
                                 struct tsdb_error *err)
{
    char path[STORE_PATH_MAX];
    store_segment_path(s->store, entry->id, s->kind->signal, path);
    struct tsdb_error fault = {0};
    struct shelved *block;
    enum tsdb_status st = s->kind->open(s->store->fs, path, entry, &block, &fault);
    if (st == TSDB_OK) {
        list_insert(s->list, block);
    } else if (st == TSDB_ECORRUPT || st == TSDB_ENOTFOUND) {
        damage_note(&s->damage, entry);
        store_quarantine(s->store, entry, fault.msg);
        st = TSDB_OK;
    } else if (err) {
        *err = fault;
    }
    return st;
}

enum tsdb_status shelf_open(struct shelf *s, struct tsdb_error *err)
{
    size_t count;
    const struct manifest_segment *listed = manifest_segments(s->store->manifest, &count);
    struct manifest_segment *entries = MEM_ARRAY(struct manifest_segment, count);
    if (count)
        memcpy(entries, listed, count * sizeof *entries);
    shelf_list_unref(s->list);
    s->list = list_new((uint32_t)count);
    damage_load(&s->damage, s->store, s->kind->signal);
    enum tsdb_status st = TSDB_OK;
    for (size_t i = 0; i < count && st == TSDB_OK; i++)
        if (entries[i].signal == s->kind->signal)
            st = open_one(s, &entries[i], err);
    mem_free(entries);
    return st;
}

/* ---- retention --------------------------------------------------------------------------- */

int64_t shelf_reached(const struct shelf *s, const struct shelf_list *list)
{
    int64_t now = clock_wall_ns(s->store->clock), newest = INT64_MIN;
    for (uint32_t i = 0; i < list->count; i++)
        if (list->at[i]->entry.ts_max > newest)
            newest = list->at[i]->entry.ts_max;
    return newest < now ? newest : now;
}

enum tsdb_status shelf_expire(struct shelf *s, int64_t retention, struct tsdb_error *err)
{
    struct shelf_list *list = shelf_ref(s);
    int64_t now = shelf_reached(s, list);
    uint64_t ids[EXPIRED_MAX];
    uint32_t n = 0;
    bool keeps_all = retention <= 0 || now < INT64_MIN + retention;
    for (uint32_t i = 0; i < list->count && n < EXPIRED_MAX && !keeps_all; i++)
        if (list->at[i]->entry.ts_max < now - retention)
            ids[n++] = list->at[i]->entry.id;
    shelf_list_unref(list);
    struct manifest_edit edit = {.removed = ids, .removed_count = n};
    enum tsdb_status st = n > 0 ? store_apply(s->store, &edit, err) : TSDB_OK;
    if (st != TSDB_OK || n == 0)
        return st;
    mutex_lock(&s->lock);
    struct shelf_list *old = shelf_swap(s, NULL, 0, ids, n);
    mutex_unlock(&s->lock);
    shelf_list_unref(old);
    (void)atomic_fetch_add(&s->expired, n);
    return TSDB_OK;
}

/* ---- checking ---------------------------------------------------------------------------- */

/* The one with the lowest id above `after`, referenced; NULL when there is none. */
static struct shelved *next_after(struct shelf *s, uint64_t after)
{
    struct shelf_list *list = shelf_ref(s);
    struct shelved *next = NULL;
    for (uint32_t i = 0; i < list->count; i++) {
        struct shelved *b = list->at[i];
        if (b->entry.id > after && (!next || b->entry.id < next->entry.id))
            next = b;
    }
    if (next)
        shelved_ref(next);
    shelf_list_unref(list);
    return next;
}

uint64_t shelf_scrub(struct shelf *s, uint64_t after)
{
    struct shelved *b = next_after(s, after);
    if (!b)
        return 0;
    uint64_t id = b->entry.id;
    struct tsdb_error err = {0};
    if (segment_verify_all(b->segment, &err) != TSDB_OK)
        shelf_set_aside(s, &b->entry, err.msg);
    shelved_unref(b);
    return id;
}

struct verify {
    const struct shelf_kind *kind;
    struct fs *fs;
    const char *dir;
    void (*report)(void *arg, const char *line);
    void *arg;
    uint64_t faults, blocks;
};

static void verify_one(struct verify *v, const struct manifest_segment *entry)
{
    char name[SEGMENT_NAME_MAX], path[STORE_PATH_MAX], line[800];
    segment_name_format(name, entry->id, v->kind->signal);
    if (snprintf(path, sizeof path, "%s/%s", v->dir, name) >= (int)sizeof path)
        return;
    struct shelved *b = NULL;
    struct tsdb_error err = {0};
    v->blocks++;
    enum tsdb_status st = v->kind->open(v->fs, path, entry, &b, &err);
    if (st == TSDB_OK)
        st = v->kind->verify(b, &err);
    shelved_unref(b);
    if (st == TSDB_OK)
        return;
    (void)snprintf(line, sizeof line, "%s: %s", name, err.msg);
    v->report(v->arg, line);
    v->faults++;
}

enum tsdb_status shelf_verify(const struct shelf_kind *kind, struct fs *fs, const char *dir,
                              void (*report)(void *arg, const char *line), void *arg,
                              struct tsdb_error *err)
{
    struct manifest *manifest;
    struct fs_frozen frozen; /* opening a manifest also mends it */
    fs = fs_frozen_init(&frozen, fs);
    enum tsdb_status st = manifest_open(fs, dir, NULL, &manifest, err);
    if (st != TSDB_OK)
        return st;
    struct verify v = {.kind = kind, .fs = fs, .dir = dir, .report = report, .arg = arg};
    size_t count;
    const struct manifest_segment *segments = manifest_segments(manifest, &count);
    for (size_t i = 0; i < count; i++)
        if (segments[i].signal == kind->signal)
            verify_one(&v, &segments[i]);
    manifest_close(manifest);
    if (v.faults > 0)
        return tsdb_fail(err, TSDB_ECORRUPT, "%s: %llu faults in %llu segments of %s", dir,
                         (unsigned long long)v.faults, (unsigned long long)v.blocks, kind->name);
    return TSDB_OK;
}

void shelf_figures(struct shelf *s, struct tsdb_stats *out, struct shelf_figures *segments)
{
    struct shelf_list *list = shelf_ref(s);
    *segments = (struct shelf_figures){.count = list->count};
    for (uint32_t i = 0; i < list->count; i++) {
        segments->bytes += list->at[i]->entry.bytes;
        segments->rows += list->at[i]->entry.samples;
    }
    shelf_list_unref(list);
    out->quarantined += damage_count(&s->damage);
    out->merges += atomic_load(&s->merges);
    out->expired += atomic_load(&s->expired);
    out->merge_ns_total += atomic_load(&s->merge_ns);
}
