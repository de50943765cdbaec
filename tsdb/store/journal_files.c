#include "tsdb/store/journal_files.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/status.h"
#include "tsdb/base/thread.h"
#include "tsdb/store/journal_record.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SPARES_MAX = 2,            /* more are unlinked */
    STRETCH_MAX = 1024 * 1024, /* zeros written at once */
    STRETCH_MIN = 64 * 1024,   /* ... ahead of records */
    PATH_MAX_BYTES = 4096,
};

static const char NAME_FORMAT[] = "journal-%08" PRIx32;

/* One file, live or spare.  Owner: whichever list holds it, or the tender. */
struct log_file {
    struct fs_file *file;         /* owned */
    uint32_t number;              /* in its name */
    uint64_t size;                /* bytes of the file */
    struct journal_header header; /* live only */
    bool has_header;              /* live: the file's first page is sound */
    bool is_poisoned;
};

struct file_list {
    struct log_file **at; /* owned, as are the files */
    size_t count, cap;
};

struct journal_files {
    struct fs *fs;
    char *dir; /* owned */
    uint64_t segment_bytes;
    uint64_t salt;
    struct mutex lock;
    struct file_list live;    /* guarded by: lock; by base, then sequence */
    struct file_list spares;  /* guarded by: lock */
    struct log_file *filling; /* the tender's; in no list.  Guarded by: lock (the pointer) */
    uint32_t number_max;      /* guarded by: lock */
    uint64_t sequence_max;    /* the writer's */
    struct log_file *current; /* the writer's; last of live, or NULL */
    uint64_t current_end;     /* the writer's: position after the last record written */
    uint64_t floor;           /* as opened: what is missing below is no damage */
    _Atomic uint64_t released;
    _Atomic uint64_t end;     /* current_end, for others */
    _Atomic bool wants_spare; /* the current file has come far enough */
    _Atomic bool has_wish;    /* ... which nobody has noticed yet */
    _Atomic uint64_t disk_bytes;
    _Atomic uint64_t damaged_records, damaged_bytes, replayed_bytes, replay_bytes;
};

/* ---- lists ------------------------------------------------------------------------ */

static void list_insert(struct file_list *list, size_t at, struct log_file *file)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 16;
        list->at = mem_grow(list->at, list->cap, sizeof(struct log_file *));
    }
    memmove(list->at + at + 1, list->at + at, (list->count - at) * sizeof(struct log_file *));
    list->at[at] = file;
    list->count++;
}

static struct log_file *list_take(struct file_list *list, size_t at)
{
    ASSERT(at < list->count);
    struct log_file *file = list->at[at];
    list->count--;
    memmove(list->at + at, list->at + at + 1, (list->count - at) * sizeof(struct log_file *));
    return file;
}

static void file_close(struct log_file *file)
{
    if (!file)
        return;
    fs_close(file->file);
    mem_free(file);
}

static void list_release(struct file_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        file_close(list->at[i]);
    mem_free(list->at);
}

static bool comes_before(const struct log_file *a, const struct log_file *b)
{
    if (a->header.base != b->header.base)
        return a->header.base < b->header.base;
    return a->header.sequence < b->header.sequence;
}

static void live_add(struct journal_files *f, struct log_file *file)
{
    size_t at = f->live.count;
    while (at > 0 && comes_before(file, f->live.at[at - 1]))
        at--;
    list_insert(&f->live, at, file);
}

/* The position where what counts of live file i ends; of the last: for ever. */
static uint64_t live_stop(const struct journal_files *f, size_t i)
{
    return i + 1 < f->live.count ? f->live.at[i + 1]->header.base : UINT64_MAX;
}

static const char *file_path(const struct journal_files *f, uint32_t number,
                             char out[PATH_MAX_BYTES])
{
    int n = snprintf(out, PATH_MAX_BYTES, "%s/", f->dir);
    ASSERT(n > 0 && n < PATH_MAX_BYTES - 32);
    (void)snprintf(out + n, (size_t)(PATH_MAX_BYTES - n), NAME_FORMAT, number);
    return out;
}

/* ---- opening ---------------------------------------------------------------------- */

struct found {
    uint32_t *numbers; /* owned */
    size_t count, cap;
    uint32_t number_max; /* of the files set aside too: their names stay theirs */
};

/* "PREFIX" and eight lower-case hexadecimal digits. */
static bool name_parse(const char *name, const char *prefix, uint32_t *number)
{
    size_t len = strlen(prefix);
    if (strncmp(name, prefix, len) != 0 || strlen(name) != len + 8 ||
        strspn(name + len, "0123456789abcdef") != 8)
        return false;
    *number = (uint32_t)strtoul(name + len, NULL, 16);
    return true;
}

static bool found_add(void *arg, const char *name)
{
    struct found *found = arg;
    uint32_t number;
    bool is_journal = name_parse(name, "journal-", &number);
    if (!is_journal && !name_parse(name, "damaged-", &number))
        return true;
    found->number_max = number > found->number_max ? number : found->number_max;
    if (!is_journal)
        return true;
    if (found->count == found->cap) {
        found->cap = found->cap ? found->cap * 2 : 16;
        found->numbers = mem_grow(found->numbers, found->cap, sizeof *found->numbers);
    }
    found->numbers[found->count++] = number;
    return true;
}

/* A file whose first page is lost may still show where it belongs: by its first
 * record.  Needs the salt, so it comes after the others. */
static enum tsdb_status base_from_record(const struct journal_files *f, struct log_file *file,
                                         bool *is_found, struct tsdb_error *err)
{
    uint8_t head[JOURNAL_RECORD_HEADER_BYTES];
    *is_found = false;
    if (file->size < JOURNAL_DATA_OFF + sizeof head)
        return TSDB_OK;
    enum tsdb_status st = fs_pread(file->file, head, sizeof head, JOURNAL_DATA_OFF, err);
    if (st != TSDB_OK)
        return st;
    struct reader r = reader_over((struct bytes){head + 8, 8});
    uint64_t base = reader_le64(&r) & JOURNAL_POSITION_MASK;
    struct journal_header guess = {.base = base & ~UINT64_C(7), .salt = f->salt};
    struct journal_scan scan;
    struct journal_record record;
    /* Up to the end of that one record: a scan would look at all the file. */
    r = reader_over((struct bytes){head + 4, 4});
    uint64_t end = JOURNAL_DATA_OFF + sizeof head + reader_le32(&r);
    journal_scan_init(&scan, file->file, end < file->size ? end : file->size, &guess);
    st = journal_scan_next(&scan, &record, err);
    journal_scan_release(&scan);
    if (st == TSDB_OK && record.start == base) {
        file->header = guess;
        *is_found = true;
    }
    return st == TSDB_END ? TSDB_OK : st;
}

static bool is_zero(struct bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.at[i] != 0)
            return false;
    return true;
}

/* Kept out of the way, for people: it may hold what nobody can place. */
static enum tsdb_status set_aside(struct journal_files *f, const struct journal_files_options *o,
                                  struct log_file *file, struct tsdb_error *err)
{
    char from[PATH_MAX_BYTES], to[PATH_MAX_BYTES], text[160];
    (void)file_path(f, file->number, from);
    (void)snprintf(to, sizeof to, "%.4000s/damaged-%08" PRIx32, f->dir, file->number);
    (void)snprintf(text, sizeof text,
                   "journal-%08" PRIx32 ": no header and no record can be read, set aside",
                   file->number);
    file_close(file);
    enum tsdb_status st = fs_rename(f->fs, from, to, err);
    if (st == TSDB_OK && o->on_event)
        o->on_event(o->arg, text, true);
    return st;
}

static enum tsdb_status place_headless(struct journal_files *f,
                                       const struct journal_files_options *o, struct log_file *file,
                                       struct tsdb_error *err)
{
    uint8_t page[JOURNAL_DATA_OFF];
    struct bytes head = {page, file->size < sizeof page ? (size_t)file->size : sizeof page};
    bool is_live = false;
    enum tsdb_status st = fs_pread(file->file, page, head.len, 0, err);
    if (st == TSDB_OK)
        st = base_from_record(f, file, &is_live, err);
    if (st != TSDB_OK) {
        file_close(file);
        return st;
    }
    if (is_live)
        live_add(f, file);
    else if (is_zero(head))
        list_insert(&f->spares, f->spares.count, file);
    else
        return set_aside(f, o, file, err);
    return TSDB_OK;
}

/* On TSDB_OK the file is in `live`, or in `headless` to be looked at again. */
static enum tsdb_status open_one(struct journal_files *f, uint32_t number,
                                 struct file_list *headless, struct tsdb_error *err)
{
    char path[PATH_MAX_BYTES];
    uint8_t page[JOURNAL_DATA_OFF];
    struct log_file *file = MEM_NEW(struct log_file);
    file->number = number;
    enum tsdb_status st = fs_open(f->fs, file_path(f, number, path), FS_WRITE, &file->file, err);
    if (st == TSDB_OK)
        st = fs_size(file->file, &file->size, err);
    size_t len = file->size < sizeof page ? (size_t)file->size : sizeof page;
    if (st == TSDB_OK)
        st = fs_pread(file->file, page, len, 0, err);
    if (st != TSDB_OK)
        goto fail;
    st = journal_header_decode((struct bytes){page, len}, &file->header);
    if (st == TSDB_EINVAL) {
        st = tsdb_fail(err, TSDB_EINVAL, "%s: written by a newer version", path);
        goto fail;
    }
    file->has_header = st == TSDB_OK;
    if (file->has_header)
        live_add(f, file);
    else
        list_insert(headless, headless->count, file);
    return TSDB_OK;
fail:
    file_close(file);
    return st == TSDB_ENOTFOUND ? TSDB_EIO : st;
}

static enum tsdb_status open_all(struct journal_files *f, const struct journal_files_options *o,
                                 const struct found *found, struct tsdb_error *err)
{
    struct file_list headless = {0};
    enum tsdb_status st = TSDB_OK;
    f->number_max = found->number_max;
    for (size_t i = 0; i < found->count && st == TSDB_OK; i++)
        st = open_one(f, found->numbers[i], &headless, err);
    if (st == TSDB_OK && f->live.count > 0)
        f->salt = f->live.at[f->live.count - 1]->header.salt;
    else if (st == TSDB_OK)
        random_secret(&f->salt, sizeof f->salt);
    while (st == TSDB_OK && headless.count > 0)
        st = place_headless(f, o, list_take(&headless, headless.count - 1), err);
    list_release(&headless);
    for (size_t i = 0; i < f->live.count; i++) {
        struct log_file *file = f->live.at[i];
        if (file->header.sequence > f->sequence_max)
            f->sequence_max = file->header.sequence;
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
    char parent[PATH_MAX_BYTES];
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
    f->current_end = f->floor;
    if (f->live.count == 0)
        return TSDB_OK;
    struct log_file *last = f->live.at[f->live.count - 1];
    uint64_t end = last->header.base;
    struct journal_scan scan;
    struct journal_record record;
    journal_scan_init(&scan, last->file, last->size, &last->header);
    enum tsdb_status st;
    while ((st = journal_scan_next(&scan, &record, err)) == TSDB_OK)
        end = record.end;
    journal_scan_release(&scan);
    if (st != TSDB_END)
        return st;
    if (end > f->current_end)
        f->current_end = end;
    bool is_at_end = end == f->current_end;
    uint64_t off = JOURNAL_DATA_OFF + (end - last->header.base);
    if (last->has_header && is_at_end && off < f->segment_bytes)
        f->current = last;
    return TSDB_OK;
}

enum tsdb_status journal_files_open(const struct journal_files_options *options,
                                    struct journal_files **out, struct tsdb_error *err)
{
    if (strlen(options->dir) > PATH_MAX_BYTES - 100)
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
    struct found found = {0};
    enum tsdb_status st = fs_mkdir(f->fs, f->dir, err);
    if (st == TSDB_OK)
        st = fs_list(f->fs, f->dir, found_add, &found, err);
    if (st == TSDB_OK)
        st = open_all(f, options, &found, err);
    if (st == TSDB_OK)
        st = sync_found(f, err);
    if (st == TSDB_OK)
        st = find_end(f, err);
    mem_free(found.numbers);
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
    *out = f;
    return TSDB_OK;
}

void journal_files_close(struct journal_files *f)
{
    if (!f)
        return;
    list_release(&f->live);
    list_release(&f->spares);
    file_close(f->filling);
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
    const struct log_file *file = r->files->live.at[i];
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

static enum tsdb_status write_zeros(struct journal_files *f, struct log_file *file, uint64_t len,
                                    struct tsdb_error *err)
{
    static const uint8_t zeros[STRETCH_MIN];
    while (len > 0) {
        size_t piece = len < sizeof zeros ? (size_t)len : sizeof zeros;
        enum tsdb_status st = fs_pwrite(file->file, zeros, piece, file->size, err);
        if (st != TSDB_OK)
            return st;
        file->size += piece;
        atomic_fetch_add(&f->disk_bytes, piece);
        len -= piece;
    }
    return TSDB_OK;
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
static void stretch(struct journal_files *f, struct log_file *file)
{
    uint64_t ahead = file->size / 2;
    ahead = ahead < STRETCH_MIN ? STRETCH_MIN : ahead;
    ahead = ahead > STRETCH_MAX ? STRETCH_MAX : ahead;
    uint64_t room = file->size < f->segment_bytes ? f->segment_bytes - file->size : 0;
    (void)write_zeros(f, file, ahead < room ? ahead : room, NULL);
}

enum tsdb_status journal_files_write(struct journal_files *f, struct bytes records,
                                     uint64_t position, size_t *taken, struct tsdb_error *err)
{
    struct log_file *file = f->current;
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
        stretch(f, file);
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

static bool is_filled(const struct journal_files *f, const struct log_file *file)
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
static void file_drop(struct journal_files *f, struct log_file *file)
{
    char path[PATH_MAX_BYTES];
    (void)file_path(f, file->number, path);
    atomic_fetch_sub(&f->disk_bytes, file->size);
    file_close(file);
    (void)fs_unlink(f->fs, path, NULL);
}

static enum tsdb_status file_create(struct journal_files *f, struct log_file **out,
                                    struct tsdb_error *err)
{
    char path[PATH_MAX_BYTES];
    struct log_file *file = MEM_NEW(struct log_file);
    mutex_lock(&f->lock);
    file->number = ++f->number_max;
    mutex_unlock(&f->lock);
    (void)file_path(f, file->number, path);
    enum tsdb_status st =
        fs_open(f->fs, path, FS_WRITE | FS_CREATE | FS_EXCLUSIVE, &file->file, err);
    if (st == TSDB_OK)
        st = fs_sync_dir(f->fs, f->dir, err);
    if (st != TSDB_OK && file->file)
        file_drop(f, file);
    else if (st != TSDB_OK)
        file_close(file);
    if (st != TSDB_OK)
        return st;
    *out = file;
    return TSDB_OK;
}

/* A filled spare, else any, else a new file. */
static enum tsdb_status take_spare(struct journal_files *f, struct log_file **out,
                                   struct tsdb_error *err)
{
    struct log_file *file = NULL;
    mutex_lock(&f->lock);
    size_t best = 0;
    for (size_t i = 1; i < f->spares.count; i++)
        if (f->spares.at[i]->size > f->spares.at[best]->size)
            best = i;
    if (f->spares.count > 0)
        file = list_take(&f->spares, best);
    mutex_unlock(&f->lock);
    if (!file)
        return file_create(f, out, err);
    *out = file;
    return TSDB_OK;
}

enum tsdb_status journal_files_next(struct journal_files *f, uint64_t position,
                                    struct tsdb_error *err)
{
    uint8_t page[JOURNAL_DATA_OFF];
    struct log_file *file = NULL;
    ASSERT(position % 8 == 0);
    enum tsdb_status st = take_spare(f, &file, err);
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
    list_insert(&f->live, f->live.count, file);
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
static struct log_file *take_released(struct journal_files *f, bool *keep)
{
    struct log_file *file = NULL;
    mutex_lock(&f->lock);
    if (f->live.count > 1 && live_stop(f, 0) <= atomic_load(&f->released))
        file = list_take(&f->live, 0);
    if (file) {
        *keep = !file->is_poisoned && f->spares.count < SPARES_MAX;
        if (*keep)
            list_insert(&f->spares, f->spares.count, file);
    } else if (f->spares.count > SPARES_MAX) {
        file = list_take(&f->spares, 0);
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
    struct log_file *file = NULL;
    mutex_lock(&f->lock);
    size_t spares = f->spares.count;
    for (size_t i = 0; i < spares && !file; i++)
        if (!is_filled(f, f->spares.at[i]))
            file = list_take(&f->spares, i);
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
    struct log_file *file = take_released(f, &keep);
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
    st = write_zeros(f, file, left < STRETCH_MAX ? left : STRETCH_MAX, err);
    if (st == TSDB_OK)
        st = fs_sync(file->file, err);
    if (st == TSDB_OK && !is_filled(f, file))
        return TSDB_OK;
    mutex_lock(&f->lock);
    f->filling = NULL;
    list_insert(&f->spares, f->spares.count, file);
    mutex_unlock(&f->lock);
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
