#include "tsdb/store/journal.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/crc32c.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/thread.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/journal_file.h"
#include "tsdb/store/journal_files.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SYNC_TIMES = 512 };

static const uint64_t SEGMENT_BYTES = UINT64_C(64) * 1024 * 1024;
static const uint64_t SEGMENT_BYTES_SIMULATED = UINT64_C(1024) * 1024; /* kept in memory there */
static const uint64_t PENDING_BYTES_MAX = UINT64_C(64) * 1024 * 1024;
static const uint64_t SEGMENT_BYTES_MIN = UINT64_C(2) * JOURNAL_DATA_OFF;
static const int64_t RETRY_NS = 100 * NS_PER_MS; /* after lack of space */
static const int64_t TEND_RETRY_NS = NS_PER_S;

enum state {
    STATE_WRITABLE,
    STATE_FULL, /* what was taken waits for space */
    STATE_DEAD, /* until the next open */
};

struct journal {
    struct clock *clock;
    enum tsdb_sync sync;
    int64_t sync_interval_ns;
    uint64_t pending_bytes_max;
    bool has_no_threads;
    void (*on_synced)(void *arg);
    void (*on_event)(void *arg, const char *text, bool is_degraded);
    void *arg;
    struct journal_files *files; /* owned */
    uint32_t salt;

    struct mutex lock;
    struct cond work;              /* for the committer */
    struct cond done;              /* for journal_sync */
    struct cond tend;              /* for the tender */
    struct writer active;          /* guarded by: lock; records after the flight's */
    uint64_t flight_bytes;         /* guarded by: lock; of the flight, not durable */
    int64_t active_since;          /* guarded by: lock; monotonic, of the first record */
    int64_t flight_since;          /* guarded by: lock; likewise */
    uint64_t sync_wanted;          /* guarded by: lock; durable should reach it */
    uint64_t failed_commits;       /* guarded by: lock */
    struct tsdb_error fault;       /* guarded by: lock; the last one */
    int64_t sync_ns[SYNC_TIMES];   /* guarded by: lock; a ring */
    uint64_t syncs, sync_failures; /* guarded by: lock */
    bool is_committer_waiting, is_stopping, wants_tending; /* guarded by: lock */

    /* The committer's: what was taken from `active` and is not durable. */
    struct writer flight;
    uint64_t flight_base;
    size_t flight_durable, flight_written; /* prefixes of the flight */
    int64_t synced_at;                     /* monotonic; INTERVAL counts from here */
    uint32_t faults;                       /* so far; the second one is the last */

    /* Atomic: published after what they count, so acquire and release. */
    _Atomic uint64_t end, synced, durable;
    _Atomic uint8_t state; /* enum state */

    bool has_started;
    struct thread committer, tender;
};

static void *committer_run(void *arg);
static void *tender_run(void *arg);

/* ---- opening and closing --------------------------------------------------------- */

enum tsdb_status journal_open(const struct journal_options *options, uint64_t floor,
                              struct journal **out, struct tsdb_error *err)
{
    struct journal *j = MEM_NEW(struct journal);
    uint64_t simulated = options->has_no_threads ? SEGMENT_BYTES_SIMULATED : SEGMENT_BYTES;
    uint64_t bytes = options->segment_bytes ? options->segment_bytes : simulated;
    struct journal_files_options files = {
        .fs = options->fs,
        .dir = options->dir,
        .segment_bytes = bytes > SEGMENT_BYTES_MIN ? bytes : SEGMENT_BYTES_MIN,
        .floor = floor,
        .on_event = options->on_event,
        .arg = options->arg,
    };
    enum tsdb_status st = journal_files_open(&files, &j->files, err);
    if (st != TSDB_OK) {
        mem_free(j);
        return st;
    }
    j->clock = options->clock ? options->clock : clock_real();
    j->sync = options->sync;
    j->sync_interval_ns = options->sync_interval_ns ? options->sync_interval_ns : NS_PER_S;
    j->pending_bytes_max =
        options->pending_bytes_max ? options->pending_bytes_max : PENDING_BYTES_MAX;
    j->has_no_threads = options->has_no_threads;
    j->on_synced = options->on_synced;
    j->on_event = options->on_event;
    j->arg = options->arg;
    j->salt = journal_files_salt(j->files);
    j->flight_base = journal_files_end(j->files);
    j->synced_at = clock_mono_ns(j->clock);
    atomic_init(&j->end, j->flight_base);
    atomic_init(&j->synced, j->flight_base);
    atomic_init(&j->durable, j->flight_base);
    atomic_init(&j->state, STATE_WRITABLE);
    mutex_init(&j->lock);
    cond_init(&j->work);
    cond_init(&j->done);
    cond_init(&j->tend);
    *out = j;
    return TSDB_OK;
}

/* Threads start with the first append: replay has the files for itself. */
static void start_threads(struct journal *j)
{
    if (j->has_no_threads || j->has_started)
        return;
    j->has_started = true;
    thread_start(&j->committer, "journal", committer_run, j);
    thread_start(&j->tender, "journal-tend", tender_run, j);
}

static bool commit_step(struct journal *j);

void journal_close(struct journal *j)
{
    if (!j)
        return;
    mutex_lock(&j->lock);
    j->sync_wanted = atomic_load(&j->end);
    j->is_stopping = true;
    cond_signal(&j->work);
    cond_signal(&j->tend);
    mutex_unlock(&j->lock);
    if (j->has_started) {
        thread_join(&j->committer);
        thread_join(&j->tender);
    } else {
        while (commit_step(j)) {
        }
    }
    journal_files_close(j->files);
    writer_release(&j->active);
    writer_release(&j->flight);
    cond_release(&j->work);
    cond_release(&j->done);
    cond_release(&j->tend);
    mutex_release(&j->lock);
    mem_free(j);
}

enum tsdb_status journal_replay(struct journal *j, uint64_t from, journal_record_fn *fn, void *arg,
                                struct tsdb_error *err)
{
    return journal_files_replay(j->files, from, fn, arg, err);
}

/* ---- appending -------------------------------------------------------------------- */

static uint8_t state_of(const struct journal *j)
{
    return atomic_load_explicit(&j->state, memory_order_acquire);
}

uint64_t journal_end(const struct journal *j)
{
    return atomic_load_explicit(&j->end, memory_order_acquire);
}

uint64_t journal_synced(const struct journal *j)
{
    return atomic_load_explicit(&j->synced, memory_order_acquire);
}

bool journal_is_writable(const struct journal *j)
{
    return state_of(j) == STATE_WRITABLE;
}

/* With the lock held. */
static enum tsdb_status check_room(struct journal *j, size_t need, struct tsdb_error *err)
{
    if (state_of(j) != STATE_WRITABLE) {
        if (err)
            *err = j->fault;
        return TSDB_EIO;
    }
    uint64_t pending = j->active.len + j->flight_bytes;
    if (pending > 0 && pending + need > j->pending_bytes_max)
        return tsdb_fail(err, TSDB_ELIMIT, "journal: %llu bytes wait for the disk, limit %llu",
                         (unsigned long long)pending, (unsigned long long)j->pending_bytes_max);
    return TSDB_OK;
}

enum tsdb_status journal_append(struct journal *j, uint8_t type, const struct bytes *parts,
                                size_t count, uint64_t *position, struct tsdb_error *err)
{
    size_t len = 0;
    uint32_t crc = j->salt;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > JOURNAL_RECORD_MAX - len)
            return tsdb_fail(err, TSDB_EINVAL, "journal: record of more than %d bytes",
                             (int)JOURNAL_RECORD_MAX);
        len += parts[i].len;
        crc = crc32c(crc, parts[i].at, parts[i].len);
    }
    size_t need = journal_record_bytes(len);
    mutex_lock(&j->lock);
    enum tsdb_status st = check_room(j, need, err);
    if (st != TSDB_OK) {
        mutex_unlock(&j->lock);
        return st;
    }
    if (j->active.len == 0)
        j->active_since = clock_mono_ns(j->clock);
    uint64_t start = atomic_load_explicit(&j->end, memory_order_relaxed);
    uint8_t *at = writer_reserve(&j->active, need);
    journal_record_header_encode(crc, type, (uint32_t)len, start, at);
    at += JOURNAL_RECORD_HEADER_BYTES;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len)
            memcpy(at, parts[i].at, parts[i].len);
        at += parts[i].len;
    }
    memset(at, 0, need - JOURNAL_RECORD_HEADER_BYTES - len);
    j->active.len += need;
    atomic_store_explicit(&j->end, start + need, memory_order_release);
    if (!j->has_started)
        start_threads(j);
    if (j->is_committer_waiting)
        cond_signal(&j->work);
    mutex_unlock(&j->lock);
    *position = start + need;
    return TSDB_OK;
}

/* ---- committing -------------------------------------------------------------------- */

static void tell(struct journal *j, bool is_degraded, const char *what, const char *why)
{
    char text[320];
    (void)snprintf(text, sizeof text, "journal: %s%s%s", what, why[0] ? ": " : "", why);
    if (j->on_event)
        j->on_event(j->arg, text, is_degraded);
}

/* Moves what was appended behind what is in flight. */
static void take_active(struct journal *j)
{
    mutex_lock(&j->lock);
    if (j->active.len > 0 && j->flight.len == 0) {
        struct writer empty = j->flight;
        j->flight = j->active;
        j->active = empty;
        j->flight_since = j->active_since;
    } else {
        writer_put(&j->flight, j->active.at, j->active.len);
    }
    writer_reset(&j->active);
    j->flight_bytes = j->flight.len - j->flight_durable;
    mutex_unlock(&j->lock);
}

static enum tsdb_status sync_current(struct journal *j, struct tsdb_error *err)
{
    int64_t begun = clock_mono_ns(j->clock);
    enum tsdb_status st = journal_files_sync(j->files, err);
    mutex_lock(&j->lock);
    j->sync_ns[j->syncs++ % SYNC_TIMES] = clock_mono_ns(j->clock) - begun;
    mutex_unlock(&j->lock);
    if (st == TSDB_OK)
        j->flight_durable = j->flight_written;
    return st;
}

/* How an attempt to write or sync ended. */
enum attempt {
    ATTEMPT_OK,
    ATTEMPT_FULL,  /* as good as not begun; may be repeated */
    ATTEMPT_FAULT, /* the file cannot be trusted any more */
};

static enum attempt attempt_of(enum tsdb_status st, const struct tsdb_error *err)
{
    if (st == TSDB_OK)
        return ATTEMPT_OK;
    return journal_is_passing(err->os_errno) ? ATTEMPT_FULL : ATTEMPT_FAULT;
}

/* A full file is synced before the next one begins: only the current file ever
 * holds what is not durable. */
static enum attempt next_file(struct journal *j, struct tsdb_error *err)
{
    if (journal_files_has_current(j->files) && sync_current(j, err) != TSDB_OK)
        return ATTEMPT_FAULT;
    enum tsdb_status st = journal_files_next(j->files, j->flight_base + j->flight_written, err);
    mutex_lock(&j->lock);
    j->wants_tending = true;
    cond_signal(&j->tend);
    mutex_unlock(&j->lock);
    return attempt_of(st, err);
}

static enum attempt write_flight(struct journal *j, struct tsdb_error *err)
{
    while (j->flight_written < j->flight.len) {
        struct bytes rest = {j->flight.at + j->flight_written, j->flight.len - j->flight_written};
        size_t taken = 0;
        enum tsdb_status st =
            journal_files_write(j->files, rest, j->flight_base + j->flight_written, &taken, err);
        j->flight_written += taken;
        enum attempt attempt = attempt_of(st, err);
        bool can_move = attempt == ATTEMPT_FULL && journal_files_has_spare(j->files);
        if ((attempt == ATTEMPT_OK && taken == 0) || can_move)
            attempt = next_file(j, err);
        if (attempt != ATTEMPT_OK)
            return attempt;
    }
    return ATTEMPT_OK;
}

static enum attempt write_and_sync(struct journal *j, bool wants_sync, struct tsdb_error *err)
{
    enum attempt attempt = write_flight(j, err);
    if (attempt == ATTEMPT_OK && wants_sync && sync_current(j, err) != TSDB_OK)
        return ATTEMPT_FAULT;
    return attempt;
}

/* After the first fault all that is not durable goes to a new file, and is
 * synced.  What is not in memory any more (OS) cannot be mended. */
static enum attempt commit_flight(struct journal *j, bool *wants_sync, struct tsdb_error *err)
{
    enum attempt attempt = write_and_sync(j, *wants_sync, err);
    while (attempt == ATTEMPT_FAULT) {
        journal_files_poison(j->files);
        j->flight_written = j->flight_durable;
        mutex_lock(&j->lock);
        j->fault = *err;
        j->sync_failures++;
        mutex_unlock(&j->lock);
        bool is_last = ++j->faults > 1 || atomic_load(&j->durable) < j->flight_base;
        atomic_store(&j->state, is_last ? STATE_DEAD : STATE_FULL);
        tell(j, true, is_last ? "read-only until restart" : "fault, going on in a new file",
             err->msg);
        if (is_last)
            return attempt;
        *wants_sync = true;
        attempt = write_and_sync(j, true, err);
    }
    return attempt;
}

static bool is_sync_due(struct journal *j)
{
    mutex_lock(&j->lock);
    bool is_wanted = j->sync_wanted > atomic_load(&j->durable);
    mutex_unlock(&j->lock);
    if (j->sync == TSDB_SYNC_ALWAYS)
        return true;
    if (j->sync == TSDB_SYNC_OS)
        return is_wanted;
    return is_wanted || j->flight.len > j->pending_bytes_max / 2 ||
           clock_mono_ns(j->clock) - j->synced_at >= j->sync_interval_ns;
}

/* The flight was written, and synced when `is_synced`. */
static void publish(struct journal *j, bool is_synced)
{
    uint64_t end = j->flight_base + j->flight_written;
    bool has_moved = end > journal_synced(j);
    bool is_back = state_of(j) != STATE_WRITABLE;
    bool wants_tending = journal_files_take_wish(j->files);
    if (is_synced)
        j->synced_at = clock_mono_ns(j->clock);
    if (is_synced || j->sync == TSDB_SYNC_OS) {
        writer_reset(&j->flight);
        j->flight_base = end;
        j->flight_durable = j->flight_written = 0;
    }
    mutex_lock(&j->lock);
    j->flight_bytes = j->flight.len;
    if (is_synced)
        atomic_store_explicit(&j->durable, end, memory_order_release);
    atomic_store_explicit(&j->synced, end, memory_order_release);
    atomic_store_explicit(&j->state, STATE_WRITABLE, memory_order_release);
    cond_broadcast(&j->done);
    if (wants_tending) {
        j->wants_tending = true;
        cond_signal(&j->tend);
    }
    mutex_unlock(&j->lock);
    if (is_back)
        tell(j, false, "writable again", "");
    if ((has_moved || is_back) && j->on_synced)
        j->on_synced(j->arg);
}

static void fail_commit(struct journal *j, enum attempt attempt, const struct tsdb_error *err)
{
    bool was_writable = state_of(j) == STATE_WRITABLE;
    mutex_lock(&j->lock);
    j->fault = *err;
    j->failed_commits++;
    if (attempt == ATTEMPT_FULL)
        atomic_store(&j->state, STATE_FULL);
    j->flight_bytes = j->flight.len - j->flight_durable;
    cond_broadcast(&j->done);
    mutex_unlock(&j->lock);
    if (was_writable && attempt == ATTEMPT_FULL)
        tell(j, true, "cannot be written now", err->msg);
    if (j->on_synced)
        j->on_synced(j->arg);
}

/* Writes what is pending, and syncs it when that is due.  False: nothing to do,
 * or it failed. */
static bool commit_step(struct journal *j)
{
    if (state_of(j) == STATE_DEAD)
        return false;
    take_active(j);
    bool wants_sync = is_sync_due(j) || state_of(j) == STATE_FULL;
    bool has_unwritten = j->flight_written < j->flight.len;
    bool has_unsynced = atomic_load(&j->durable) < j->flight_base + j->flight.len;
    if (!has_unwritten && !(wants_sync && has_unsynced))
        return false;
    struct tsdb_error err = {0};
    enum attempt attempt = commit_flight(j, &wants_sync, &err);
    if (attempt != ATTEMPT_OK) {
        fail_commit(j, attempt, &err);
        return false;
    }
    publish(j, wants_sync);
    return true;
}

/* ---- waiting ------------------------------------------------------------------------ */

enum tsdb_status journal_sync(struct journal *j, struct tsdb_error *err)
{
    mutex_lock(&j->lock);
    uint64_t target = atomic_load(&j->end);
    uint64_t failed = j->failed_commits;
    if (target > j->sync_wanted)
        j->sync_wanted = target;
    cond_signal(&j->work);
    while (atomic_load(&j->durable) < target && j->failed_commits == failed &&
           state_of(j) != STATE_DEAD) {
        if (!j->has_no_threads) {
            cond_wait(&j->done, &j->lock);
            continue;
        }
        mutex_unlock(&j->lock);
        (void)commit_step(j); /* it moves `durable` or counts a failure */
        mutex_lock(&j->lock);
    }
    bool is_durable = atomic_load(&j->durable) >= target;
    if (!is_durable && err)
        *err = j->fault;
    mutex_unlock(&j->lock);
    return is_durable ? TSDB_OK : TSDB_EIO;
}

/* How long the committer may sleep, with the lock held: 0: not at all; -1: until
 * it is woken. */
static int64_t committer_wait_ns(struct journal *j)
{
    uint8_t state = state_of(j);
    if (state == STATE_DEAD)
        return -1;
    if (state == STATE_FULL)
        return RETRY_NS;
    if (j->active.len > 0 || j->sync_wanted > atomic_load(&j->durable))
        return 0;
    if (j->sync != TSDB_SYNC_INTERVAL || j->flight.len == 0)
        return -1;
    int64_t left = j->synced_at + j->sync_interval_ns - clock_mono_ns(j->clock);
    return left > 0 ? left : 0;
}

static void *committer_run(void *arg)
{
    struct journal *j = arg;
    mutex_lock(&j->lock);
    for (;;) {
        int64_t wait = committer_wait_ns(j);
        if (j->is_stopping && wait != 0)
            break;
        if (wait != 0) {
            j->is_committer_waiting = true;
            if (wait < 0)
                cond_wait(&j->work, &j->lock);
            else
                (void)cond_wait_for(&j->work, &j->lock, wait);
            j->is_committer_waiting = false;
            if (wait < 0)
                continue;
        }
        mutex_unlock(&j->lock);
        (void)commit_step(j);
        mutex_lock(&j->lock);
    }
    mutex_unlock(&j->lock);
    return NULL;
}

/* ---- tending ------------------------------------------------------------------------ */

static void *tender_run(void *arg)
{
    struct journal *j = arg;
    thread_yield_to_others();
    mutex_lock(&j->lock);
    while (!j->is_stopping) {
        mutex_unlock(&j->lock);
        struct tsdb_error err;
        enum tsdb_status st = journal_files_tend(j->files, &err);
        mutex_lock(&j->lock);
        if (st == TSDB_OK || j->is_stopping)
            continue;
        if (st == TSDB_END && !j->wants_tending)
            cond_wait(&j->tend, &j->lock);
        else if (st != TSDB_END)
            (void)cond_wait_for(&j->tend, &j->lock, TEND_RETRY_NS);
        j->wants_tending = false;
    }
    mutex_unlock(&j->lock);
    return NULL;
}

void journal_release_below(struct journal *j, uint64_t position)
{
    journal_files_release(j->files, position);
    mutex_lock(&j->lock);
    j->wants_tending = true;
    cond_signal(&j->tend);
    mutex_unlock(&j->lock);
}

bool journal_step(struct journal *j)
{
    ASSERT(j->has_no_threads);
    struct tsdb_error err;
    return commit_step(j) || journal_files_tend(j->files, &err) == TSDB_OK;
}

/* ---- figures ------------------------------------------------------------------------ */

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void journal_stats(struct journal *j, struct journal_stats *out)
{
    int64_t times[SYNC_TIMES];
    *out = (struct journal_stats){0};
    journal_files_stats(j->files, out);
    mutex_lock(&j->lock);
    memcpy(times, j->sync_ns, sizeof times);
    out->syncs = j->syncs;
    out->sync_failures = j->sync_failures;
    out->pending_bytes = j->active.len + j->flight_bytes;
    if (j->flight_bytes > 0)
        out->oldest_unsynced_ns = clock_mono_ns(j->clock) - j->flight_since;
    else if (j->active.len > 0)
        out->oldest_unsynced_ns = clock_mono_ns(j->clock) - j->active_since;
    mutex_unlock(&j->lock);
    if (out->syncs == 0)
        return;
    size_t count = out->syncs < SYNC_TIMES ? (size_t)out->syncs : SYNC_TIMES;
    out->sync_ns_last = times[(out->syncs - 1) % SYNC_TIMES];
    qsort(times, count, sizeof *times, by_time);
    out->sync_ns_p99 = times[count - 1 - count / 100];
}
