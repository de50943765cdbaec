/* journal.h - the one append-only log that every signal is acknowledged from.
 *
 * A record is appended to memory, answered with a position, and durable once
 * journal_synced() has reached that position.  One thread writes: it takes all
 * that was appended meanwhile, writes it with one call and syncs it with one
 * (group commit), so the price of a sync is shared by everyone who waited.
 *
 * Positions count the bytes of records, 8-byte aligned, from 0, and never
 * repeat or go back, across restarts and recycling too.  The position of a
 * record is that of its END: "synced >= position" reads "durable", "floor =
 * position" reads "this record and all before it are no longer needed".
 *
 * On disk: files of `segment_bytes`, described in journal_record.h.  A segment
 * wholly below the released position is written again, from its start, as a
 * later one: blocks that were written before are synced in 0.2 ms, fresh ones
 * in 4-8 ms.  One spare segment is filled with zeros ahead by a second thread.
 * Files keep their names when they are recycled; the header inside says which
 * part of the log a file holds, so no rename can be lost between the two.
 *
 * Failures.  Nothing is acknowledged that is not on disk as the mode says.
 *   no space        not writable, appends answer TSDB_EIO; what was taken stays
 *                   in memory and is written when there is space; no restart
 *   first fault     the segment is never written nor synced again; what was not
 *                   acknowledged is written from memory to a new segment and
 *                   synced, then the journal is writable again
 *   second fault    (in the life of this handle) read-only until the next open
 * Damage found by reading loses the damaged record, never those behind it.
 * Empty, short, all-zero and foreign files never stop the opening.
 *
 * Modes: ALWAYS syncs before a position counts; INTERVAL and OS count a
 * position once written; INTERVAL syncs every sync_interval_ns and keeps the
 * bytes in memory until then, so that a failed sync can be mended; OS never syncs
 * (journal_sync does, in every mode).
 *
 * Memory: at most pending_bytes_max twice, charged by nobody else.  Threads:
 * every function from any thread, except open, replay and close.  Callbacks
 * come from the writing thread (or journal_step) with no lock held.
 * Limits: a record holds at most JOURNAL_RECORD_MAX bytes, positions end at
 * 2^56.  The folder belongs to one journal at a time; its owner holds a lock.
 */
#ifndef TSDB_STORE_JOURNAL_H
#define TSDB_STORE_JOURNAL_H

#include "tsdb/base/clock.h"
#include "tsdb/base/fs.h"
#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

enum { JOURNAL_RECORD_MAX = 32 * 1024 * 1024 }; /* payload bytes of one record */

struct journal;

struct journal_options {
    struct fs *fs;
    struct clock *clock; /* NULL: the real one */
    const char *dir;     /* made when it is not there; its parent must be */
    enum tsdb_sync sync;
    int64_t sync_interval_ns;   /* INTERVAL only; 0: one second */
    uint64_t segment_bytes;     /* 0: 64 MiB, or 1 MiB with has_no_threads */
    uint64_t pending_bytes_max; /* appended and not yet durable; 0: 64 MiB */
    bool has_no_threads;        /* the caller drives journal_step() */
    /* A position was passed, or the journal became (un)writable.  May be NULL. */
    void (*on_synced)(void *arg);
    /* One line for the operator.  May be NULL. */
    void (*on_event)(void *arg, const char *text, bool is_degraded);
    void *arg;
};

/* floor: records up to this position are no longer needed.  Positions go on
 * from whichever is higher, the floor or the end of what is found.  TSDB_EIO:
 * files cannot be read; nothing was changed.  TSDB_EINVAL: written by a newer
 * version. */
TSDB_NODISCARD enum tsdb_status journal_open(const struct journal_options *options, uint64_t floor,
                                             struct journal **out, struct tsdb_error *err);

/* position: the record's end.  Anything but TSDB_OK stops the replay and is
 * what it answers.  The payload is borrowed for the call. */
typedef enum tsdb_status journal_record_fn(void *arg, uint64_t position, uint8_t type,
                                           struct bytes payload);

/* Every record whose position is > from, in order.  Before the first append and
 * release; any number of times, and from several threads at once. */
TSDB_NODISCARD enum tsdb_status journal_replay(struct journal *j, uint64_t from,
                                               journal_record_fn *fn, void *arg,
                                               struct tsdb_error *err);

/* Copies the parts, one record; type > 0.  TSDB_ELIMIT: too much is pending,
 * nothing was taken, retry later.  TSDB_EIO: not writable.  TSDB_EINVAL: longer
 * than JOURNAL_RECORD_MAX. */
TSDB_NODISCARD enum tsdb_status journal_append(struct journal *j, uint8_t type,
                                               const struct bytes *parts, size_t count,
                                               uint64_t *position, struct tsdb_error *err);

uint64_t journal_end(const struct journal *j); /* the position of the last append */
uint64_t journal_synced(const struct journal *j);
bool journal_is_writable(const struct journal *j);

/* Returns when all that was appended before the call is on disk, in every mode;
 * TSDB_EIO when it cannot be now. */
TSDB_NODISCARD enum tsdb_status journal_sync(struct journal *j, struct tsdb_error *err);

/* Records up to this position are no longer needed (the owner has made that
 * durable elsewhere before); segments wholly below are recycled soon. */
void journal_release_below(struct journal *j, uint64_t position);

/* has_no_threads: one bounded piece of work: commit what is pending, else tend
 * the files.  False: there was nothing to do, or it failed; do not spin. */
bool journal_step(struct journal *j);

struct journal_stats {
    uint64_t disk_bytes;    /* of all files, spares too */
    uint64_t live_bytes;    /* of records that are not released */
    uint64_t pending_bytes; /* appended and not yet durable */
    uint64_t segments, spares;
    uint64_t syncs, sync_failures;     /* failures: of writes and syncs of records */
    int64_t sync_ns_last, sync_ns_p99; /* p99 of the last 512 */
    int64_t oldest_unsynced_ns;        /* age of the oldest record that is not durable; 0: none */
    /* Found by replay: gaps with at least one lost record each, and their size. */
    uint64_t damaged_records, damaged_bytes;
    uint64_t replayed_bytes, replay_bytes; /* progress of the last replay */
};
void journal_stats(struct journal *j, struct journal_stats *out);

/* Syncs what is pending when that is possible, stops the threads.
 * journal_close(NULL) is a no-op. */
void journal_close(struct journal *j);

#endif
