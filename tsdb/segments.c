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

/* The segment of logs with the lowest id above `after`; false: there is none. */
static bool next_logs(struct store *s, uint64_t after, struct manifest_segment *out)
{
    size_t count;
    bool is_there = false;
    mutex_lock(&s->manifest_lock);
    const struct manifest_segment *at = manifest_segments(s->manifest, &count);
    for (size_t i = 0; i < count && !is_there; i++) {
        is_there = at[i].signal == STORE_LOGS && at[i].id > after;
        if (is_there)
            *out = at[i];
    }
    mutex_unlock(&s->manifest_lock);
    return is_there;
}

void tsdb_segments(struct tsdb *db, tsdb_segment_fn *fn, void *arg)
{
    bool is_wanted = tell_metrics(db, fn, arg);
    struct manifest_segment entry = {0};
    while (is_wanted && next_logs(&db->store, entry.id, &entry)) {
        char name[SEGMENT_NAME_MAX];
        segment_name_format(name, entry.id, STORE_LOGS);
        struct tsdb_segment_info info = {.name = name,
                                         .signal = "logs",
                                         .level = entry.level,
                                         .ts_min = entry.ts_min,
                                         .ts_max = entry.ts_max,
                                         .bytes = entry.bytes,
                                         .series = entry.series,
                                         .samples = entry.samples};
        is_wanted = fn(arg, &info);
    }
}

enum tsdb_status tsdb_verify(struct fs *fs, const char *dir,
                             void (*report)(void *arg, const char *line), void *arg,
                             struct tsdb_error *err)
{
    fs = fs ? fs : fs_posix();
    struct tsdb_error second;
    enum tsdb_status st = metrics_verify(fs, dir, report, arg, err);
    enum tsdb_status logs = logs_verify(fs, dir, report, arg, &second);
    if (st == TSDB_OK && logs != TSDB_OK && err)
        *err = second;
    return st == TSDB_OK ? logs : st;
}
