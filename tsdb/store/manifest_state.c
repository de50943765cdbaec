#include "tsdb/store/manifest_state.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void manifest_state_release(struct manifest_state *s)
{
    for (size_t i = 0; i < s->tombstone_count; i++)
        mem_free((void *)(uintptr_t)s->tombstones[i].payload.at);
    mem_free(s->tombstones);
    mem_free(s->segments);
    *s = (struct manifest_state){0};
}

static int compare_ids(uint64_t x, uint64_t y)
{
    return (x > y) - (x < y);
}

static int by_id(const void *a, const void *b)
{
    return compare_ids(*(const uint64_t *)a, *(const uint64_t *)b);
}

static int by_segment_id(const void *a, const void *b)
{
    const struct manifest_segment *x = a, *y = b;
    return compare_ids(x->id, y->id);
}

static int by_tombstone_id(const void *a, const void *b)
{
    const struct manifest_tombstone *x = a, *y = b;
    return compare_ids(x->id, y->id);
}

const struct manifest_segment *manifest_state_find(const struct manifest_state *s, uint64_t id)
{
    struct manifest_segment key = {.id = id};
    if (s->segment_count == 0)
        return NULL;
    return bsearch(&key, s->segments, s->segment_count, sizeof key, by_segment_id);
}

static const struct manifest_tombstone *find_tombstone(const struct manifest_state *s, uint64_t id)
{
    struct manifest_tombstone key = {.id = id};
    if (s->tombstone_count == 0)
        return NULL;
    return bsearch(&key, s->tombstones, s->tombstone_count, sizeof key, by_tombstone_id);
}

/* A sorted copy; owned by the caller. */
static uint64_t *sorted_ids(const uint64_t *ids, size_t count)
{
    uint64_t *copy = MEM_ARRAY(uint64_t, count + 1);
    if (count) {
        memcpy(copy, ids, count * sizeof *ids);
        qsort(copy, count, sizeof *copy, by_id);
    }
    return copy;
}

static bool is_among(const uint64_t *sorted, size_t count, uint64_t id)
{
    return count > 0 && bsearch(&id, sorted, count, sizeof id, by_id) != NULL;
}

static bool has_repeated(const uint64_t *sorted, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (sorted[i] == sorted[i - 1])
            return true;
    return false;
}

/* One kind of item of an edit. */
struct change {
    const char *what;
    uint64_t *added, *removed; /* owned; sorted */
    size_t added_count, removed_count;
};

static void change_release(struct change *c)
{
    mem_free(c->added);
    mem_free(c->removed);
}

static enum tsdb_status change_check(const struct change *c, const struct manifest_state *s,
                                     bool (*is_there)(const struct manifest_state *s, uint64_t id),
                                     struct tsdb_error *err)
{
    if (has_repeated(c->removed, c->removed_count) || has_repeated(c->added, c->added_count))
        return tsdb_fail(err, TSDB_EINVAL, "manifest: edit names a %s twice", c->what);
    for (size_t i = 0; i < c->removed_count; i++)
        if (!is_there(s, c->removed[i]))
            return tsdb_fail(err, TSDB_EINVAL, "manifest: %s %" PRIu64 " is not there to remove",
                             c->what, c->removed[i]);
    for (size_t i = 0; i < c->added_count; i++)
        if (c->added[i] == UINT64_MAX ||
            (is_there(s, c->added[i]) && !is_among(c->removed, c->removed_count, c->added[i])))
            return tsdb_fail(err, TSDB_EINVAL, "manifest: %s %" PRIu64 " is there already", c->what,
                             c->added[i]);
    return TSDB_OK;
}

static bool segment_is_there(const struct manifest_state *s, uint64_t id)
{
    return manifest_state_find(s, id) != NULL;
}

static bool tombstone_is_there(const struct manifest_state *s, uint64_t id)
{
    return find_tombstone(s, id) != NULL;
}

static struct change segment_change(const struct manifest_edit *edit)
{
    struct change c = {.what = "segment", .added_count = edit->added_count};
    c.removed_count = edit->removed_count;
    c.removed = sorted_ids(edit->removed, edit->removed_count);
    c.added = MEM_ARRAY(uint64_t, edit->added_count + 1);
    for (size_t i = 0; i < edit->added_count; i++)
        c.added[i] = edit->added[i].id;
    qsort(c.added, c.added_count, sizeof *c.added, by_id);
    return c;
}

static struct change tombstone_change(const struct manifest_edit *edit)
{
    struct change c = {.what = "tombstone", .added_count = edit->tombstones_added_count};
    c.removed_count = edit->tombstones_removed_count;
    c.removed = sorted_ids(edit->tombstones_removed, edit->tombstones_removed_count);
    c.added = MEM_ARRAY(uint64_t, c.added_count + 1);
    for (size_t i = 0; i < c.added_count; i++)
        c.added[i] = edit->tombstones_added[i].id;
    qsort(c.added, c.added_count, sizeof *c.added, by_id);
    return c;
}

enum tsdb_status manifest_state_check(const struct manifest_state *s,
                                      const struct manifest_edit *edit, struct tsdb_error *err)
{
    if (edit->has_floor && edit->floor < s->floor)
        return tsdb_fail(err, TSDB_EINVAL, "manifest: floor %" PRIu64 " is below %" PRIu64,
                         edit->floor, s->floor);
    for (size_t i = 0; i < edit->added_count; i++)
        if (edit->added[i].signal >= STORE_SIGNAL_COUNT)
            return tsdb_fail(err, TSDB_EINVAL, "manifest: segment %" PRIu64 " of signal %u",
                             edit->added[i].id, edit->added[i].signal);
    for (size_t i = 0; i < edit->tombstones_added_count; i++)
        if (edit->tombstones_added[i].payload.len > MANIFEST_TOMBSTONE_MAX)
            return tsdb_fail(err, TSDB_EINVAL, "manifest: tombstone of %zu bytes, limit %d",
                             edit->tombstones_added[i].payload.len, MANIFEST_TOMBSTONE_MAX);
    struct change segments = segment_change(edit), tombstones = tombstone_change(edit);
    enum tsdb_status st = change_check(&segments, s, segment_is_there, err);
    if (st == TSDB_OK)
        st = change_check(&tombstones, s, tombstone_is_there, err);
    change_release(&segments);
    change_release(&tombstones);
    return st;
}

static void raise_next_id(struct manifest_state *s, uint64_t id)
{
    if (s->next_id <= id)
        s->next_id = id + 1;
}

static void apply_segments(struct manifest_state *s, const struct manifest_edit *edit)
{
    uint64_t *removed = sorted_ids(edit->removed, edit->removed_count);
    size_t kept = 0;
    for (size_t i = 0; i < s->segment_count; i++)
        if (!is_among(removed, edit->removed_count, s->segments[i].id))
            s->segments[kept++] = s->segments[i];
    mem_free(removed);
    s->segment_count = kept;
    if (edit->added_count == 0)
        return;
    s->segments = mem_grow(s->segments, kept + edit->added_count, sizeof *s->segments);
    for (size_t i = 0; i < edit->added_count; i++) {
        s->segments[s->segment_count++] = edit->added[i];
        raise_next_id(s, edit->added[i].id);
    }
    qsort(s->segments, s->segment_count, sizeof *s->segments, by_segment_id);
}

static void apply_tombstones(struct manifest_state *s, const struct manifest_edit *edit)
{
    uint64_t *removed = sorted_ids(edit->tombstones_removed, edit->tombstones_removed_count);
    size_t kept = 0;
    for (size_t i = 0; i < s->tombstone_count; i++) {
        if (is_among(removed, edit->tombstones_removed_count, s->tombstones[i].id))
            mem_free((void *)(uintptr_t)s->tombstones[i].payload.at);
        else
            s->tombstones[kept++] = s->tombstones[i];
    }
    mem_free(removed);
    s->tombstone_count = kept;
    if (edit->tombstones_added_count == 0)
        return;
    s->tombstones =
        mem_grow(s->tombstones, kept + edit->tombstones_added_count, sizeof *s->tombstones);
    for (size_t i = 0; i < edit->tombstones_added_count; i++) {
        struct manifest_tombstone t = edit->tombstones_added[i];
        t.payload.at = (const uint8_t *)mem_text(t.payload.len ? (const char *)t.payload.at : "",
                                                 t.payload.len);
        s->tombstones[s->tombstone_count++] = t;
        raise_next_id(s, t.id);
    }
    qsort(s->tombstones, s->tombstone_count, sizeof *s->tombstones, by_tombstone_id);
}

void manifest_state_apply(struct manifest_state *s, const struct manifest_edit *edit)
{
    apply_segments(s, edit);
    apply_tombstones(s, edit);
    if (edit->has_floor)
        s->floor = edit->floor;
}
