#include "tsdb/store/journal_files.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/status.h"
#include "tsdb/base/thread.h"
#include "tsdb/store/journal_file.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SPARES_MAX = 2,            /* more are unlinked */
    STRETCH_MAX = 1024 * 1024, /* zeros written at once */
    STRETCH_MIN = 64 * 1024,   /* ... ahead of records */
};

struct journal_files {
    struct fs *fs;
    char *dir; /* owned */
    uint64_t segment_bytes;
    uint64_t salt;
    struct mutex lock;
    struct journal_file_list live;   /* guarded by: lock; by base, then sequence */
    struct journal_file_list spares; /* guarded by: lock */
    struct journal_file *filling;    /* the tender's; in no list.  Guarded by: lock (the pointer) */
    uint32_t number_max;             /* guarded by: lock */
    uint64_t sequence_max;           /* the writer's */
    struct journal_file *current;    /* the writer's; last of live, or NULL */
    uint64_t current_end;            /* the writer's: position after the last record written */
    uint64_t opened_end;             /* where it was when opened */
    uint64_t floor;                  /* as opened: what is missing below is no damage */
    _Atomic uint64_t released;
    _Atomic uint64_t end;     /* current_end, for others */
    _Atomic bool wants_spare; /* the current file has come far enough */
    _Atomic bool has_wish;    /* ... which nobody has noticed yet */
    _Atomic uint64_t disk_bytes;
    _Atomic uint64_t damaged_records, damaged_bytes, replayed_bytes, replay_bytes;
};

/* ---- lists ------------------------------------------------------------------------ */

static bool comes_before(const struct journal_file *a, const struct journal_file *b)
{
    if (a->header.base != b->header.base)
        return a->header.base < b->header.base;
    return a->header.sequence < b->header.sequence;
}

static void live_add(struct journal_files *f, struct journal_file *file)
{
    size_t at = f->live.count;
    while (at > 0 && comes_before(file, f->live.at[at - 1]))
        at--;
    journal_list_insert(&f->live, at, file);
}

/* The position where what counts of live file i ends; of the last: for ever. */
static uint64_t live_stop(const struct journal_files *f, size_t i)
{
    return i + 1 < f->live.count ? f->live.at[i + 1]->header.base : UINT64_MAX;
}

/* ---- opening ---------------------------------------------------------------------- */

/* Kept out of the way, for people: it may hold what nobody can place. */
static enum tsdb_status set_aside(struct journal_files *f, const struct journal_files_options *o,
                                  struct journal_file *file, struct tsdb_error *err)
{
    char from[JOURNAL_PATH_MAX], to[JOURNAL_PATH_MAX], text[160];
    (void)journal_file_path(f->dir, "journal", file->number, from);
    (void)journal_file_path(f->dir, "damaged", file->number, to);
    (void)snprintf(text, sizeof text,
                   "journal-%08" PRIx32 ": no header and no record can be read, set aside",
                   file->number);
    journal_file_close(file);
    enum tsdb_status st = fs_rename(f->fs, from, to, err);
    if (st == TSDB_OK && o->on_event)
        o->on_event(o->arg, text, true);
    return st;
}

static enum tsdb_status place_headless(struct journal_files *f,
                                       const struct journal_files_options *o,
                                       struct journal_file *file, struct tsdb_error *err)
{
    bool is_found = false, is_blank = false;
    enum tsdb_status st = journal_file_place(file, f->salt, &is_found, &is_blank, err);
    if (st != TSDB_OK) {
        journal_file_close(file);
        return st;
    }
    if (is_found)
        live_add(f, file);
    else if (is_blank)
        journal_list_insert(&f->spares, f->spares.count, file);
    else
        return set_aside(f, o, file, err);
    return TSDB_OK;
}

static enum tsdb_status open_all(struct journal_files *f, const struct journal_files_options *o,
                                 const struct journal_numbers *numbers, struct tsdb_error *err)
{
    struct journal_file_list headless = {0};
    enum tsdb_status st = TSDB_OK;
    for (size_t i = 0; i < numbers->count && st == TSDB_OK; i++) {
        struct journal_file *file;
        st = journal_file_open(f->fs, f->dir, numbers->at[i], &file, err);
        if (st == TSDB_OK && file->has_header)
            live_add(f, file);
        else if (st == TSDB_OK)
            journal_list_insert(&headless, headless.count, file);
    }
    if (st == TSDB_OK && f->live.count > 0)
        f->salt = f->live.at[f->live.count - 1]->header.salt;
    else if (st == TSDB_OK)
        random_secret(&f->salt, sizeof f->salt);
    /* They need the salt, so they come after the others. */
    while (st == TSDB_OK && headless.count > 0)
        st = place_headless(f, o, journal_list_take(&headless, headless.count - 1), err);
    journal_list_release(&headless);
    for (size_t i = 0; i < f->live.count; i++) {
        uint64_t sequence = f->live.at[i]->header.sequence;
        f->sequence_max = sequence > f->sequence_max ? sequence : f->sequence_max;
    }
    return st;
}

/* What a crash of the process alone left unsynced counts from now on. */
static enum tsdb_status sync_found(struct journal_files *f, struct tsdb_error *err)
{
    for (size_t i = 0; i < f->live.count; i++) {
        enum tsdb_status st = fs_sync(f->live.at[i]->file, err);
        if (st != TSDB_OK)
            return st;
    }
    char parent[JOURNAL_PATH_MAX];
    (void)snprintf(parent, sizeof parent, "%s", f->dir);
    char *slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent ? 1 : 0] = '\0';
    enum tsdb_status st = fs_sync_dir(f->fs, f->dir, err);
    return st == TSDB_OK ? fs_sync_dir(f->fs, slash ? parent : ".", err) : st;
}

/* Finds where the log ends, and whether its last file can be continued. */
static enum tsdb_status find_end(struct journal_files *f, struct tsdb_error *err)
{
    f->current = NULL;
    f->current_end = f->floor;
    if (f->live.count == 0)
        return TSDB_OK;
    struct journal_file *last = f->live.at[f->live.count - 1];
    uint64_t end;
    enum tsdb_status st = journal_file_end(last, &end, err);
    if (st != TSDB_OK)
        return st;
    if (end > f->current_end)
        f->current_end = end;
    uint64_t off = JOURNAL_DATA_OFF + (end - last->header.base);
    if (last->has_header && end == f->current_end && off < f->segment_bytes)
        f->current = last;
    return TSDB_OK;
}

enum tsdb_status journal_files_open(const struct journal_files_options *options,
                                    struct journal_files **out, struct tsdb_error *err)
{
    if (strlen(options->dir) > JOURNAL_PATH_MAX - 100)
        return tsdb_fail(err, TSDB_EINVAL, "journal: the folder's name is too long");
    if (options->floor > JOURNAL_BASE_MAX)
        return tsdb_fail(err, TSDB_EINVAL, "journal: floor %llu, want at most 2^55",
                         (unsigned long long)options->floor);
    struct journal_files *f = MEM_NEW(struct journal_files);
    f->fs = options->fs;
    f->dir = mem_text(options->dir, strlen(options->dir));
    f->segment_bytes = options->segment_bytes;
    f->floor = (options->floor + 7) & ~UINT64_C(7);
    atomic_init(&f->released, f->floor);
    mutex_init(&f->lock);
    struct journal_numbers numbers = {0};
    enum tsdb_status st = fs_mkdir(f->fs, f->dir, err);
    if (st == TSDB_OK)
        st = journal_numbers_list(f->fs, f->dir, &numbers, err);
    f->number_max = numbers.max;
    if (st == TSDB_OK)
        st = open_all(f, options, &numbers, err);
    if (st == TSDB_OK)
        st = sync_found(f, err);
    if (st == TSDB_OK)
        st = find_end(f, err);
    journal_numbers_release(&numbers);
    if (st != TSDB_OK) {
        journal_files_close(f);
        return st == TSDB_ENOTFOUND ? TSDB_EIO : st;
    }
    uint64_t bytes = 0;
    for (size_t i = 0; i < f->live.count; i++)
        bytes += f->live.at[i]->size;
    for (size_t i = 0; i < f->spares.count; i++)
        bytes += f->spares.at[i]->size;
    atomic_store(&f->disk_bytes, bytes);
    atomic_store(&f->end, f->current_end);
    f->opened_end = f->current_end;
    *out = f;
    return TSDB_OK;
}

void journal_files_close(struct journal_files *f)
{
    if (!f)
        return;
    journal_list_release(&f->live);
    journal_list_release(&f->spares);
    journal_file_close(f->filling);
    mutex_release(&f->lock);
    mem_free(f->dir);
    mem_free(f);
}

uint32_t journal_files_salt(const struct journal_files *f)
{
    return (uint32_t)f->salt;
}

uint64_t journal_files_end(const struct journal_files *f)
{
    return atomic_load(&f->end);
}

/* ---- replay ----------------------------------------------------------------------- */

struct replay {
    struct journal_files *files;
    uint64_t from;
    uint64_t expected; /* the position where the next record should begin */
    uint64_t gaps, gap_bytes;
    bool is_stopped; /* fn had enough */
    journal_record_fn *fn;
    void *arg;
};

static void replay_gap(struct replay *r, uint64_t until)
{
    if (until <= r->expected)
        return;
    r->gaps++;
    r->gap_bytes += until - r->expected;
    r->expected = until;
}

static void replay_progress(struct replay *r, uint64_t bytes)
{
    atomic_fetch_add_explicit(&r->files->replayed_bytes, bytes, memory_order_relaxed);
}

static enum tsdb_status replay_file(struct replay *r, size_t i, struct tsdb_error *err)
{
    const struct journal_file *file = r->files->live.at[i];
    uint64_t stop = live_stop(r->files, i);
    struct journal_scan scan;
    struct journal_record record;
    journal_scan_init(&scan, file->file, file->size, &file->header);
    enum tsdb_status st;
    uint64_t seen = 0;
    while ((st = journal_scan_next(&scan, &record, err)) == TSDB_OK && record.start < stop) {
        replay_progress(r, scan.off - seen);
        seen = scan.off;
        if (record.end <= r->from)
            continue;
        replay_gap(r, record.start);
        r->expected = record.end;
        st = r->fn(r->arg, record.end, record.type, record.payload);
        r->is_stopped = st != TSDB_OK;
        if (r->is_stopped)
            break;
    }
    journal_scan_release(&scan);
    replay_progress(r, file->size > seen ? file->size - seen : 0);
    if (r->is_stopped || (st != TSDB_OK && st != TSDB_END))
        return st;
    if (stop != UINT64_MAX)
        replay_gap(r, stop);
    return TSDB_OK;
}

static void store_max(_Atomic uint64_t *at, uint64_t value)
{
    uint64_t seen = atomic_load(at);
    while (value > seen && !atomic_compare_exchange_weak(at, &seen, value)) {
    }
}

enum tsdb_status journal_files_replay(struct journal_files *f, uint64_t from, journal_record_fn *fn,
                                      void *arg, struct tsdb_error *err)
{
    struct replay r = {.files = f, .from = from, .fn = fn, .arg = arg};
    r.expected = from > f->floor ? from : f->floor;
    uint64_t total = 0;
    for (size_t i = 0; i < f->live.count; i++)
        total += live_stop(f, i) > from ? f->live.at[i]->size : 0;
    atomic_fetch_add(&f->replay_bytes, total);
    enum tsdb_status st = TSDB_OK;
    for (size_t i = 0; i < f->live.count && st == TSDB_OK; i++)
        if (live_stop(f, i) > from)
            st = replay_file(&r, i, err);
    store_max(&f->damaged_records, r.gaps);
    store_max(&f->damaged_bytes, r.gap_bytes);
    return st;
}

/* ---- writing ---------------------------------------------------------------------- */

static enum tsdb_status grow(struct journal_files *f, struct journal_file *file, uint64_t len,
                             struct tsdb_error *err)
{
    uint64_t before = file->size;
    enum tsdb_status st = journal_file_grow(file, len, err);
    atomic_fetch_add(&f->disk_bytes, file->size - before);
    return st;
}

/* Whole records that fit behind `off`; one that would fill a file alone fits an
 * empty one. */
static size_t fitting(const struct journal_files *f, struct bytes records, uint64_t off)
{
    uint64_t room = off < f->segment_bytes ? f->segment_bytes - off : 0;
    if (records.len <= room)
        return records.len;
    size_t fits = 0;
    while (fits < records.len) {
        size_t size = journal_record_size(records.at + fits);
        if (fits + size > room && !(fits == 0 && off == JOURNAL_DATA_OFF))
            break;
        fits += size;
    }
    return fits;
}

/* The file has grown by records; go on growing by zeros, so that the next few
 * syncs find their blocks there.  Lack of space is no fault here. */
static enum tsdb_status stretch(struct journal_files *f, struct journal_file *file,
                                struct tsdb_error *err)
{
    uint64_t ahead = file->size / 2;
    ahead = ahead < STRETCH_MIN ? STRETCH_MIN : ahead;
    ahead = ahead > STRETCH_MAX ? STRETCH_MAX : ahead;
    uint64_t room = file->size < f->segment_bytes ? f->segment_bytes - file->size : 0;
    enum tsdb_status st = grow(f, file, ahead < room ? ahead : room, err);
    return st != TSDB_OK && journal_is_passing(err->os_errno) ? TSDB_OK : st;
}

enum tsdb_status journal_files_write(struct journal_files *f, struct bytes records,
                                     uint64_t position, size_t *taken, struct tsdb_error *err)
{
    struct journal_file *file = f->current;
    *taken = 0;
    if (!file)
        return TSDB_OK;
    ASSERT(position == f->current_end);
    uint64_t off = JOURNAL_DATA_OFF + (position - file->header.base);
    size_t fits = fitting(f, records, off);
    if (fits == 0)
        return TSDB_OK;
    enum tsdb_status st = fs_pwrite(file->file, records.at, fits, off, err);
    if (st != TSDB_OK)
        return st;
    if (off + fits > file->size) {
        atomic_fetch_add(&f->disk_bytes, off + fits - file->size);
        file->size = off + fits;
        st = stretch(f, file, err);
        if (st != TSDB_OK)
            return st;
    }
    f->current_end = position + fits;
    atomic_store(&f->end, f->current_end);
    uint64_t enough = f->segment_bytes / 8 < STRETCH_MAX ? f->segment_bytes / 8 : STRETCH_MAX;
    if (off + fits > enough && !atomic_exchange(&f->wants_spare, true))
        atomic_store(&f->has_wish, true);
    *taken = fits;
    return TSDB_OK;
}

enum tsdb_status journal_files_sync(struct journal_files *f, struct tsdb_error *err)
{
    return f->current ? fs_sync(f->current->file, err) : TSDB_OK;
}

bool journal_files_has_current(const struct journal_files *f)
{
    return f->current != NULL;
}

void journal_files_poison(struct journal_files *f)
{
    if (f->current)
        f->current->is_poisoned = true;
    f->current = NULL;
}

static bool is_filled(const struct journal_files *f, const struct journal_file *file)
{
    return file->size >= f->segment_bytes;
}

bool journal_files_take_wish(struct journal_files *f)
{
    return atomic_exchange(&f->has_wish, false);
}

bool journal_files_has_spare(struct journal_files *f)
{
    mutex_lock(&f->lock);
    bool is_there = false;
    for (size_t i = 0; i < f->spares.count; i++)
        is_there = is_there || is_filled(f, f->spares.at[i]);
    mutex_unlock(&f->lock);
    return is_there;
}

/* Closes and unlinks what holds nothing that is needed.  Should the name come
 * back, the next open finds an old live file or a spare. */
static void file_drop(struct journal_files *f, struct journal_file *file)
{
    char path[JOURNAL_PATH_MAX];
    (void)journal_file_path(f->dir, "journal", file->number, path);
    atomic_fetch_sub(&f->disk_bytes, file->size);
    journal_file_close(file);
    (void)fs_unlink(f->fs, path, NULL);
}

static enum tsdb_status file_create(struct journal_files *f, struct journal_file **out,
                                    struct tsdb_error *err)
{
    char path[JOURNAL_PATH_MAX];
    struct journal_file *file = MEM_NEW(struct journal_file);
    mutex_lock(&f->lock);
    file->number = ++f->number_max;
    mutex_unlock(&f->lock);
    (void)journal_file_path(f->dir, "journal", file->number, path);
    enum tsdb_status st =
        fs_open(f->fs, path, FS_WRITE | FS_CREATE | FS_EXCLUSIVE, &file->file, err);
    if (st == TSDB_OK)
        st = fs_sync_dir(f->fs, f->dir, err);
    if (st != TSDB_OK && file->file)
        file_drop(f, file);
    else if (st != TSDB_OK)
        journal_file_close(file);
    if (st != TSDB_OK)
        return st;
    *out = file;
    return TSDB_OK;
}

/* A file may have been begun where the log ended when power failed, and have
 * lost its header and its first record but not a later one.  Begun there again,
 * it would bring that one back, behind newer ones. */
static bool is_haunted(struct journal_files *f, const struct journal_file *file, uint64_t position)
{
    if (position != f->opened_end || !file)
        return false;
    struct journal_file guess = *file;
    guess.header = (struct journal_header){.base = position, .salt = f->salt};
    uint64_t end;
    return journal_file_end(&guess, &end, NULL) != TSDB_OK || end != position;
}

/* Takes the spare that is filled most; NULL: there is none. */
static struct journal_file *take_largest(struct journal_files *f)
{
    struct journal_file *file = NULL;
    mutex_lock(&f->lock);
    size_t best = 0;
    for (size_t i = 1; i < f->spares.count; i++)
        if (f->spares.at[i]->size > f->spares.at[best]->size)
            best = i;
    if (f->spares.count > 0)
        file = journal_list_take(&f->spares, best);
    mutex_unlock(&f->lock);
    return file;
}

static enum tsdb_status take_spare(struct journal_files *f, uint64_t position,
                                   struct journal_file **out, struct tsdb_error *err)
{
    struct journal_file *file;
    while (is_haunted(f, file = take_largest(f), position))
        file_drop(f, file);
    if (!file)
        return file_create(f, out, err);
    *out = file;
    return TSDB_OK;
}

enum tsdb_status journal_files_next(struct journal_files *f, uint64_t position,
                                    struct tsdb_error *err)
{
    uint8_t page[JOURNAL_DATA_OFF];
    struct journal_file *file = NULL;
    ASSERT(position % 8 == 0);
    enum tsdb_status st = take_spare(f, position, &file, err);
    if (st != TSDB_OK)
        return st;
    /* A number is never used twice, though this write fail: of two files with
     * one base the later one counts. */
    struct journal_header header = {++f->sequence_max, position, f->salt};
    journal_header_encode(&header, page);
    st = fs_pwrite(file->file, page, sizeof page, 0, err);
    if (st != TSDB_OK) {
        file_drop(f, file);
        return st;
    }
    if (file->size < sizeof page) {
        atomic_fetch_add(&f->disk_bytes, sizeof page - file->size);
        file->size = sizeof page;
    }
    file->header = header;
    file->has_header = true;
    mutex_lock(&f->lock);
    journal_list_insert(&f->live, f->live.count, file);
    mutex_unlock(&f->lock);
    f->current = file;
    f->current_end = position;
    atomic_store(&f->wants_spare, false);
    return TSDB_OK;
}

/* ---- tending ---------------------------------------------------------------------- */

void journal_files_release(struct journal_files *f, uint64_t position)
{
    store_max(&f->released, position);
}

/* The first live file that nobody needs, or NULL; *keep says what becomes of it. */
static struct journal_file *take_released(struct journal_files *f, bool *keep)
{
    struct journal_file *file = NULL;
    mutex_lock(&f->lock);
    if (f->live.count > 1 && live_stop(f, 0) <= atomic_load(&f->released))
        file = journal_list_take(&f->live, 0);
    if (file) {
        *keep = !file->is_poisoned && f->spares.count < SPARES_MAX;
        if (*keep)
            journal_list_insert(&f->spares, f->spares.count, file);
    } else if (f->spares.count > SPARES_MAX) {
        file = journal_list_take(&f->spares, 0);
        *keep = false;
    }
    mutex_unlock(&f->lock);
    return file;
}

/* Takes the tender's next file to fill: a short spare, or a new one when there
 * is no spare at all; none when the journal is small. */
static enum tsdb_status start_filling(struct journal_files *f, struct tsdb_error *err)
{
    if (!atomic_load(&f->wants_spare))
        return TSDB_END;
    struct journal_file *file = NULL;
    mutex_lock(&f->lock);
    size_t spares = f->spares.count;
    for (size_t i = 0; i < spares && !file; i++)
        if (!is_filled(f, f->spares.at[i]))
            file = journal_list_take(&f->spares, i);
    mutex_unlock(&f->lock);
    if (!file && spares > 0)
        return TSDB_END;
    if (!file) {
        enum tsdb_status st = file_create(f, &file, err);
        if (st != TSDB_OK)
            return st;
    }
    mutex_lock(&f->lock);
    f->filling = file;
    mutex_unlock(&f->lock);
    return TSDB_OK;
}

enum tsdb_status journal_files_tend(struct journal_files *f, struct tsdb_error *err)
{
    bool keep = false;
    struct journal_file *file = take_released(f, &keep);
    if (file && keep)
        return TSDB_OK;
    if (file) {
        file_drop(f, file);
        return TSDB_OK;
    }
    enum tsdb_status st = f->filling ? TSDB_OK : start_filling(f, err);
    if (st != TSDB_OK)
        return st;
    file = f->filling;
    uint64_t left = is_filled(f, file) ? 0 : f->segment_bytes - file->size;
    st = grow(f, file, left < STRETCH_MAX ? left : STRETCH_MAX, err);
    bool is_sound = st == TSDB_OK || journal_is_passing(err->os_errno);
    if (st == TSDB_OK) {
        st = fs_sync(file->file, err);
        is_sound = st == TSDB_OK;
    }
    if (st == TSDB_OK && !is_filled(f, file))
        return TSDB_OK;
    /* A file that failed is not touched again. */
    mutex_lock(&f->lock);
    f->filling = NULL;
    if (is_sound)
        journal_list_insert(&f->spares, f->spares.count, file);
    mutex_unlock(&f->lock);
    if (!is_sound)
        file_drop(f, file);
    return st;
}

void journal_files_stats(struct journal_files *f, struct journal_stats *out)
{
    mutex_lock(&f->lock);
    out->segments = f->live.count;
    out->spares = f->spares.count + (f->filling ? 1 : 0);
    uint64_t first = f->live.count ? f->live.at[0]->header.base : 0;
    mutex_unlock(&f->lock);
    uint64_t end = atomic_load(&f->end), released = atomic_load(&f->released);
    first = first > released ? first : released;
    out->disk_bytes = atomic_load(&f->disk_bytes);
    out->live_bytes = end > first ? end - first : 0;
    out->damaged_records = atomic_load(&f->damaged_records);
    out->damaged_bytes = atomic_load(&f->damaged_bytes);
    out->replayed_bytes = atomic_load(&f->replayed_bytes);
    out->replay_bytes = atomic_load(&f->replay_bytes);
}
