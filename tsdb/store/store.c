#include "tsdb/store/store.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STORE_SHARDS = 8 };

void store_event(struct store *s, enum tsdb_event_kind kind, const char *fmt, ...)
{
    if (!s->on_event)
        return;
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    s->on_event(s->arg, &(struct tsdb_event){kind, text});
}

void store_path(const struct store *s, const char *name, char out[STORE_PATH_MAX])
{
    int n = snprintf(out, STORE_PATH_MAX, "%s/%s", s->dir, name);
    ASSERT(n > 0 && n < STORE_PATH_MAX);
}

void store_segment_path(const struct store *s, uint64_t id, enum store_signal signal,
                        char out[STORE_PATH_MAX])
{
    char name[SEGMENT_NAME_MAX];
    segment_name_format(name, id, signal);
    store_path(s, name, out);
}

static void journal_event(void *arg, const char *text, bool is_degraded)
{
    store_event(arg, is_degraded ? TSDB_EVENT_DEGRADED : TSDB_EVENT_RECOVERED, "%s", text);
}

static void journal_advanced(void *arg)
{
    struct store *s = arg;
    if (s->on_synced)
        s->on_synced(s->arg);
}

static enum tsdb_status take_lock(struct store *s, struct tsdb_error *err)
{
    char path[STORE_PATH_MAX];
    store_path(s, "LOCK", path);
    enum tsdb_status st = fs_open(s->fs, path, FS_WRITE | FS_CREATE, &s->lock, err);
    if (st == TSDB_OK)
        st = fs_lock(s->lock, err);
    if (st == TSDB_EINVAL)
        return tsdb_fail(err, TSDB_EINVAL,
                         "%s: in use by another process; stop it or choose another data folder",
                         s->dir);
    return st;
}

static enum tsdb_status open_manifest(struct store *s, struct tsdb_error *err)
{
    struct manifest_facts facts = {.created = clock_wall_ns(s->clock), .shards = STORE_SHARDS};
    random_secret(&facts.store_id, sizeof facts.store_id);
    random_secret(&facts.seed, sizeof facts.seed);
    return manifest_open(s->fs, s->dir, s->is_read_only ? NULL : &facts, &s->manifest, err);
}

/* What a crash left half made: .tmp files and segments no edit names. */
static bool remove_orphan(void *arg, const char *name)
{
    struct store *s = arg;
    uint64_t id;
    enum store_signal signal;
    size_t len = strlen(name);
    bool is_tmp = len > 4 && strcmp(name + len - 4, ".tmp") == 0 && strncmp(name, "seg-", 4) == 0;
    bool is_orphan =
        segment_name_parse(name, &id, &signal) && manifest_find(s->manifest, id) == NULL;
    if (is_tmp || is_orphan) {
        char path[STORE_PATH_MAX];
        store_path(s, name, path);
        (void)fs_unlink(s->fs, path, NULL); /* tried again at the next start */
    }
    return true;
}

/* Makes the folder, and its name durable: all else lies in it. */
static enum tsdb_status make_folder(struct store *s, struct tsdb_error *err)
{
    enum tsdb_status st = fs_mkdir(s->fs, s->dir, err);
    if (st != TSDB_OK)
        return st;
    char *parent = mem_text(s->dir, strlen(s->dir));
    size_t len = strlen(parent);
    while (len > 1 && parent[len - 1] == '/')
        parent[--len] = '\0';
    char *slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = '\0';
    st = fs_sync_dir(s->fs, slash ? parent : ".", err);
    mem_free(parent);
    return st;
}

static enum tsdb_status open_writable(struct store *s, const struct tsdb_options *options,
                                      struct tsdb_error *err)
{
    enum tsdb_status st = make_folder(s, err);
    if (st == TSDB_OK)
        st = take_lock(s, err);
    if (st == TSDB_OK)
        st = open_manifest(s, err);
    if (st != TSDB_OK)
        return st;
    st = fs_list(s->fs, s->dir, remove_orphan, s, err);
    if (st != TSDB_OK)
        return st;
    char path[STORE_PATH_MAX];
    store_path(s, "journal", path);
    struct journal_options journal = {
        .fs = s->fs,
        .clock = s->clock,
        .dir = path,
        .sync = options->sync,
        .has_no_threads = options->has_no_threads,
        .on_synced = journal_advanced,
        .on_event = journal_event,
        .arg = s,
    };
    return journal_open(&journal, manifest_floor(s->manifest), &s->journal, err);
}

enum tsdb_status store_open(const struct tsdb_options *options, struct store *s,
                            struct tsdb_error *err)
{
    *s = (struct store){
        .fs = options->fs ? options->fs : fs_posix(),
        .clock = options->clock ? options->clock : clock_real(),
        .dir = mem_text(options->dir, strlen(options->dir)),
        .is_read_only = options->is_read_only,
        .has_no_threads = options->has_no_threads,
        .on_event = options->on_event,
        .on_synced = options->on_synced,
        .arg = options->arg,
    };
    if (s->is_read_only)
        s->fs = fs_frozen_init(&s->frozen, s->fs);
    mutex_init(&s->manifest_lock);
    mutex_init(&s->tend);
    rwlock_init(&s->gate);
    budget_init(&s->budget, options->limits.memory_bytes, NULL);
    enum tsdb_status st = s->is_read_only ? open_manifest(s, err) : open_writable(s, options, err);
    if (st != TSDB_OK) {
        store_close(s);
        return st;
    }
    store_watch_disk(s);
    return TSDB_OK;
}

void store_close(struct store *s)
{
    if (!s->dir)
        return;
    journal_close(s->journal);
    manifest_close(s->manifest);
    fs_close(s->lock);
    mutex_release(&s->manifest_lock);
    mutex_release(&s->tend);
    rwlock_release(&s->gate);
    mem_free(s->dir);
    s->dir = NULL;
}

uint64_t store_take_id(struct store *s)
{
    mutex_lock(&s->manifest_lock);
    uint64_t id = manifest_take_id(s->manifest);
    mutex_unlock(&s->manifest_lock);
    return id;
}

enum tsdb_status store_apply(struct store *s, const struct manifest_edit *edit,
                             struct tsdb_error *err)
{
    mutex_lock(&s->manifest_lock);
    enum tsdb_status st = manifest_apply(s->manifest, edit, err);
    s->is_unsettled = s->is_unsettled || (st != TSDB_OK && st != TSDB_EINVAL);
    mutex_unlock(&s->manifest_lock);
    return st;
}

enum tsdb_status store_settle(struct store *s, struct tsdb_error *err)
{
    const struct manifest_edit nothing = {0};
    enum tsdb_status st = TSDB_OK;
    mutex_lock(&s->manifest_lock);
    if (s->is_unsettled)
        st = manifest_apply(s->manifest, &nothing, err);
    if (s->is_unsettled && st == TSDB_OK)
        st = fs_list(s->fs, s->dir, remove_orphan, s, err);
    s->is_unsettled = s->is_unsettled && st != TSDB_OK;
    mutex_unlock(&s->manifest_lock);
    return st;
}

void store_quarantine(struct store *s, const struct manifest_segment *entry, const char *why)
{
    char name[SEGMENT_NAME_MAX];
    segment_name_format(name, entry->id, (enum store_signal)entry->signal);
    store_event(s, TSDB_EVENT_QUARANTINE, "segment=%s why=\"%s\"", name, why);
    if (s->is_read_only)
        return;
    struct tsdb_error err;
    char text[400];
    (void)snprintf(text, sizeof text, "range=%lld..%lld %s\n", (long long)entry->ts_min,
                   (long long)entry->ts_max, why);
    if (segment_quarantine(s->fs, s->dir, name, text, &err) != TSDB_OK) {
        store_event(s, TSDB_EVENT_QUARANTINE, "segment=%s stays in place: %s", name, err.msg);
        return;
    }
    struct manifest_edit edit = {.removed = &entry->id, .removed_count = 1};
    if (store_apply(s, &edit, &err) != TSDB_OK)
        store_event(s, TSDB_EVENT_QUARANTINE, "segment=%s stays listed: %s", name, err.msg);
}

void store_watch_disk(struct store *s)
{
    uint64_t free_bytes;
    if (fs_free_bytes(s->fs, s->dir, &free_bytes, NULL) != TSDB_OK)
        return;
    atomic_store(&s->disk_free_bytes, free_bytes);
    bool is_full = free_bytes < STORE_DISK_RESERVE_BYTES;
    if (is_full == atomic_exchange(&s->is_disk_full, is_full))
        return;
    if (is_full)
        store_event(s, TSDB_EVENT_DEGRADED, "disk almost full: %llu bytes free in %s, want %u",
                    (unsigned long long)free_bytes, s->dir, (unsigned)STORE_DISK_RESERVE_BYTES);
    else
        store_event(s, TSDB_EVENT_RECOVERED, "disk has room again: %llu bytes free",
                    (unsigned long long)free_bytes);
}

static bool is_plain_name(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
              *c == '-' || *c == '_'))
            return false;
    return name[0] != '\0' && strlen(name) <= 64;
}

static enum tsdb_status link_segments(struct store *s, const char *dir,
                                      const struct manifest_segment *segments, size_t count,
                                      struct tsdb_error *err)
{
    enum tsdb_status st = TSDB_OK;
    for (size_t i = 0; i < count && st == TSDB_OK; i++) {
        char from[STORE_PATH_MAX], to[STORE_PATH_MAX], name[SEGMENT_NAME_MAX];
        store_segment_path(s, segments[i].id, (enum store_signal)segments[i].signal, from);
        segment_name_format(name, segments[i].id, (enum store_signal)segments[i].signal);
        if (snprintf(to, sizeof to, "%s/%s", dir, name) >= (int)sizeof to)
            return tsdb_fail(err, TSDB_EINVAL, "%s: path too long", dir);
        st = fs_link(s->fs, from, to, err);
    }
    return st == TSDB_OK ? fs_sync_dir(s->fs, dir, err) : st;
}

/* One edit names all segments: until then the copy is an empty store. */
static enum tsdb_status snapshot_to(struct store *s, const char *dir, struct tsdb_error *err)
{
    size_t count, dead_count;
    const struct manifest_segment *segments = manifest_segments(s->manifest, &count);
    const struct manifest_tombstone *dead = manifest_tombstones(s->manifest, &dead_count);
    struct manifest *copy;
    enum tsdb_status st = manifest_open(s->fs, dir, manifest_facts(s->manifest), &copy, err);
    if (st != TSDB_OK)
        return st;
    st = link_segments(s, dir, segments, count, err);
    struct manifest_edit edit = {.added = segments,
                                 .added_count = count,
                                 .tombstones_added = dead,
                                 .tombstones_added_count = dead_count};
    if (st == TSDB_OK)
        st = manifest_apply(copy, &edit, err);
    manifest_close(copy);
    return st;
}

static bool note_name(void *arg, const char *name)
{
    (void)name;
    *(bool *)arg = true;
    return false;
}

struct folder {
    struct fs *fs;
    const char *dir;
};

static bool remove_name(void *arg, const char *name)
{
    const struct folder *f = arg;
    char path[STORE_PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", f->dir, name) < (int)sizeof path)
        (void)fs_unlink(f->fs, path, NULL); /* the snapshot's fault is what is answered */
    return true;
}

enum tsdb_status store_snapshot(struct store *s, const char *name, struct tsdb_error *err)
{
    if (!is_plain_name(name))
        return tsdb_fail(err, TSDB_EINVAL,
                         "snapshot name \"%s\": want 1 to 64 letters, digits, - or _", name);
    char parent[STORE_PATH_MAX], dir[STORE_PATH_MAX + 80];
    store_path(s, "snapshots", parent);
    (void)snprintf(dir, sizeof dir, "%s/%s", parent, name);
    enum tsdb_status st = fs_mkdir(s->fs, parent, err);
    if (st == TSDB_OK)
        st = fs_mkdir(s->fs, dir, err);
    bool is_taken = false;
    if (st == TSDB_OK)
        st = fs_list(s->fs, dir, note_name, &is_taken, err);
    if (st == TSDB_OK && is_taken)
        st = tsdb_fail(err, TSDB_EINVAL, "snapshot %s: is there already", name);
    if (st != TSDB_OK)
        return st;
    mutex_lock(&s->manifest_lock);
    st = snapshot_to(s, dir, err);
    mutex_unlock(&s->manifest_lock);
    struct folder folder = {s->fs, dir};
    if (st == TSDB_OK)
        st = fs_sync_dir(s->fs, parent, err);
    else /* links would keep deleted segments on the disk */
        (void)fs_list(s->fs, dir, remove_name, &folder, NULL);
    return st;
}

enum tsdb_status store_check_writable(const struct store *s, struct tsdb_error *err)
{
    if (s->is_read_only)
        return tsdb_fail(err, TSDB_EINVAL, "the store is open for reading only");
    if (atomic_load_explicit(&s->is_disk_full, memory_order_relaxed))
        return tsdb_fail(err, TSDB_EIO, "disk almost full: free some space or lower the retention");
    uint64_t used = budget_used(&s->budget);
    uint64_t limit = atomic_load_explicit(&s->budget.limit, memory_order_relaxed);
    if (used > limit)
        return tsdb_fail(err, TSDB_ELIMIT, "memory budget: %llu bytes used, limit %llu",
                         (unsigned long long)used, (unsigned long long)limit);
    return TSDB_OK;
}
