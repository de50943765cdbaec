/* fs_sim.h - files in memory that lose power, fill up and fail.
 *
 * Every file keeps the bytes that survive a power cut and the list of writes
 * that nobody has synced; every name (a folder entry) likewise.  A crash
 * builds one of the states that a real disk may be found in:
 *
 *     mode                unsynced writes            unsynced names
 *     FS_SIM_LOSE_ALL     gone                       gone
 *     FS_SIM_KEEP_ALL     there                      there
 *     FS_SIM_KEEP_SOME    a random subset            a random subset
 *     FS_SIM_TORN         random 512-byte sectors    a random subset
 *     FS_SIM_LOSE_NAMES   there                      a random subset
 *     FS_SIM_LOSE_DATA    gone, some sizes stay      there
 *
 * A subset may hold a later write without an earlier one (reordering); where
 * a lost write had grown the file and a later one is there, zeros fill the gap.
 * Name operations on one name keep their order, others do not.  fs_sync never
 * makes a name durable, fs_sync_dir never makes bytes durable.
 *
 * A failed sync behaves as Linux does: the unsynced writes become clean, stay
 * readable until the crash, and no later sync makes them durable.
 *
 * "Operation" here means one that changes something: open that creates or
 * truncates, pwrite, sync, rename, link, unlink, mkdir, sync_dir.  They are
 * counted, and a test can stop the power before any of them:
 *
 *     fs_sim_power_off_after(sim, n);  ... run; every call fails from then on
 *     fs_sim_crash(sim, mode, random); ... power is back; open again
 *
 * Handles from before a crash fail every call and can only be closed.
 *
 * Threads: one mutex around everything.  Owner: the test.  Limits: one flat
 * machine; folders must be made before they are used and cannot be renamed;
 * one path leads to a file ("./a" is "a", but "a//b" is not "a/b").
 * A map is a copy of the file as it was.
 */
#ifndef TSDB_BASE_FS_SIM_H
#define TSDB_BASE_FS_SIM_H

#include "tsdb/base/fs.h"
#include "tsdb/base/random.h"

struct fs_sim;

enum fs_sim_mode {
    FS_SIM_LOSE_ALL,
    FS_SIM_KEEP_ALL,
    FS_SIM_KEEP_SOME,
    FS_SIM_TORN,
    FS_SIM_LOSE_NAMES,
    FS_SIM_LOSE_DATA,
    FS_SIM_MODE_COUNT,
};

enum fs_sim_op {
    FS_SIM_CREATE, /* open that creates or truncates */
    FS_SIM_WRITE,
    FS_SIM_SYNC,
    FS_SIM_RENAME,
    FS_SIM_LINK,
    FS_SIM_UNLINK,
    FS_SIM_MKDIR,
    FS_SIM_SYNC_DIR,
    FS_SIM_ANY_CHANGE, /* in fs_sim_fail: any of the above */
    FS_SIM_OPEN,       /* open that changes nothing */
    FS_SIM_READ,
    FS_SIM_OTHER, /* size, map, list, lock, free_bytes */
    FS_SIM_ANY,   /* in fs_sim_fail: anything at all */
};

enum fs_sim_how {
    FS_SIM_ONCE,
    FS_SIM_FOR_EVER, /* from the nth call on */
    FS_SIM_SHORT,    /* once, half done: a write's first half is there; a sync
                        made every other write durable and dropped the rest */
};

struct fs_sim *fs_sim_new(void);
void fs_sim_free(struct fs_sim *sim); /* every handle must be closed */
/* A deep copy of the files without handles, faults and counters. */
struct fs_sim *fs_sim_clone(const struct fs_sim *sim);
struct fs *fs_sim_fs(struct fs_sim *sim);

/* The nth (from 1) matching call from now on fails with os_errno. */
void fs_sim_fail(struct fs_sim *sim, enum fs_sim_op op, uint64_t nth, int os_errno,
                 enum fs_sim_how how);
/* Forgets every fault; calls that failed so far. */
void fs_sim_heal(struct fs_sim *sim);
uint64_t fs_sim_faults(struct fs_sim *sim);
/* Bytes that all files together may hold, ENOSPC beyond (the part that fits is
 * written); UINT64_MAX: no bound. */
void fs_sim_set_space(struct fs_sim *sim, uint64_t bytes);
uint64_t fs_sim_used(struct fs_sim *sim);

/* Operations so far. */
uint64_t fs_sim_ops(struct fs_sim *sim);
/* After n more operations every call fails with EIO and changes nothing. */
void fs_sim_power_off_after(struct fs_sim *sim, uint64_t n);
void fs_sim_crash(struct fs_sim *sim, enum fs_sim_mode mode, struct random *random);

/* Called before each operation, the simulation's lock held: it may call
 * fs_sim_clone and nothing else of this file.  NULL: none. */
typedef void fs_sim_watch_fn(void *arg, struct fs_sim *sim, enum fs_sim_op op, const char *path);
void fs_sim_watch(struct fs_sim *sim, fs_sim_watch_fn *fn, void *arg);

/* Damage, for tests; the file must exist and hold the byte.  Durable at once. */
void fs_sim_flip(struct fs_sim *sim, const char *path, uint64_t off, uint8_t mask);
void fs_sim_truncate(struct fs_sim *sim, const char *path, uint64_t bytes);
/* Replaces or creates the whole file. */
void fs_sim_put(struct fs_sim *sim, const char *path, struct bytes content);
/* The file as readers see it; borrowed until the next change.  {NULL, 0}: not there. */
struct bytes fs_sim_get(struct fs_sim *sim, const char *path);
/* A hash of every durable name and byte: two equal stores answer the same. */
uint64_t fs_sim_digest(struct fs_sim *sim);

#endif
