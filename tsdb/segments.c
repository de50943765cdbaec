/* segments.c - the facade's view of the segments of all signals: listing, checking, and
 * retention by size. */
#include "tsdb/db.h"

static uint64_t total_bytes(struct store *s, struct manifest_segment *oldest)
{
    uint64_t bytes = 0;
    size_t count;
    mutex_lock(&s->manifest_lock);
    const struct manifest_segment *at = manifest_segments(s->manifest, &count);
    for (size_t i = 0; i < count; i++) {
        bytes += at[i].bytes;
        if (i == 0 || at[i].ts_max < oldest->ts_max)
            *oldest = at[i];
    }
    mutex_unlock(&s->manifest_lock);
    return bytes;
}

static enum tsdb_status drop(struct tsdb *db, const struct manifest_segment *segment,
                             struct tsdb_error *err)
{
    struct manifest_edit edit = {.removed = &segment->id, .removed_count = 1};
    enum tsdb_status st = store_apply(&db->store, &edit, err);
    if (st != TSDB_OK)
        return st;
    if (segment->signal == STORE_LOGS) {
        logs_forget_segment(db->logs, segment->id);
        return TSDB_OK;
    }
    if (segment->signal == STORE_TRACES) {
        traces_forget_segment(db->traces, segment->id);
        return TSDB_OK;
    }
    block_list_swap(db->metrics, NULL, 0, &segment->id, 1);
    (void)atomic_fetch_add(&db->metrics->expired, 1);
    return TSDB_OK;
}

enum tsdb_status db_expire_by_size(struct tsdb *db, struct tsdb_error *err)
{
    uint64_t most = atomic_load(&db->retention_bytes);
    enum tsdb_status st = TSDB_OK;
    if (most == 0)
        return st;
    mutex_lock(&db->store.tend);
    struct manifest_segment oldest = {0};
    while (st == TSDB_OK && total_bytes(&db->store, &oldest) > most)
        st = drop(db, &oldest, err);
    mutex_unlock(&db->store.tend);
    return st;
}

static bool tell_metrics(struct tsdb *db, tsdb_segment_fn *fn, void *arg)
{
    struct block_list *list = block_list_ref(db->metrics);
    bool is_wanted = true;
    for (uint32_t i = 0; i < list->count && is_wanted; i++) {
        const struct block *b = list->blocks[i];
        char name[SEGMENT_NAME_MAX];
        segment_name_format(name, b->entry.id, STORE_METRICS);
        struct tsdb_segment_info info = {
            .name = name,
            .signal = "metrics",
            .level = b->entry.level,
            .ts_min = b->entry.ts_min,
            .ts_max = b->entry.ts_max,
            .bytes = b->entry.bytes,
            .series = b->entry.series,
            .samples = b->entry.samples,
            .chunk_bytes = b->series.len + b->times.len,
            .index_bytes = b->entry.bytes - b->series.len - b->times.len,
        };
        is_wanted = fn(arg, &info);
    }
    block_list_unref(list);
    return is_wanted;
}

/* The signal's segment with the lowest id above `after`; false: there is none. */
static bool next_of(struct store *s, enum store_signal signal, uint64_t after,
                    struct manifest_segment *out)
{
    size_t count;
    bool is_there = false;
    mutex_lock(&s->manifest_lock);
    const struct manifest_segment *at = manifest_segments(s->manifest, &count);
    for (size_t i = 0; i < count && !is_there; i++) {
        is_there = at[i].signal == signal && at[i].id > after;
        if (is_there)
            *out = at[i];
    }
    mutex_unlock(&s->manifest_lock);
    return is_there;
}

struct telling {
    struct tsdb *db;
    tsdb_segment_fn *fn;
    void *arg;
};

/* As the manifest has them; false: no more is wanted. */
static bool tell_listed(const struct telling *t, enum store_signal signal, const char *name_of)
{
    struct manifest_segment entry = {0};
    bool is_wanted = true;
    while (is_wanted && next_of(&t->db->store, signal, entry.id, &entry)) {
        char name[SEGMENT_NAME_MAX];
        segment_name_format(name, entry.id, signal);
        struct tsdb_segment_info info = {.name = name,
                                         .signal = name_of,
                                         .level = entry.level,
                                         .ts_min = entry.ts_min,
                                         .ts_max = entry.ts_max,
                                         .bytes = entry.bytes,
                                         .series = entry.series,
                                         .samples = entry.samples};
        is_wanted = t->fn(t->arg, &info);
    }
    return is_wanted;
}

void tsdb_segments(struct tsdb *db, tsdb_segment_fn *fn, void *arg)
{
    struct telling t = {db, fn, arg};
    if (tell_metrics(db, fn, arg) && tell_listed(&t, STORE_LOGS, "logs"))
        (void)tell_listed(&t, STORE_TRACES, "traces"); /* nothing comes after */
}

enum tsdb_status tsdb_verify(struct fs *fs, const char *dir,
                             void (*report)(void *arg, const char *line), void *arg,
                             struct tsdb_error *err)
{
    static enum tsdb_status (*const verify[])(
        struct fs * fs, const char *dir, void (*report)(void *arg, const char *line), void *arg,
        struct tsdb_error *err) = {metrics_verify, logs_verify, traces_verify};
    enum tsdb_status st = TSDB_OK;
    fs = fs ? fs : fs_posix();
    for (size_t i = 0; i < sizeof verify / sizeof verify[0]; i++) {
        struct tsdb_error fault = {0};
        enum tsdb_status one = verify[i](fs, dir, report, arg, &fault);
        if (st != TSDB_OK || one == TSDB_OK)
            continue; /* the first fault is told */
        st = one;
        if (err)
            *err = fault;
    }
    return st;
}
