/* store.h - what every signal shares: the folder, its lock, the journal, the
 * manifest, the memory budget and the gate between appending and sealing.
 *
 *   dir/LOCK  dir/MANIFEST  dir/journal/  dir/seg-*.seg  dir/quarantine/
 *
 * An append of any signal holds the gate for reading from its journal record to
 * its last change of a head; sealing holds it for writing while it notes the
 * journal's end and turns the heads' generation.  So every record up to that
 * position is in the generation that is sealed, and no later one is.
 *
 * Owner: the facade.  manifest is guarded by manifest_lock.
 */
#ifndef TSDB_STORE_STORE_H
#define TSDB_STORE_STORE_H

#include "tsdb/base/budget.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/fs_frozen.h"
#include "tsdb/base/thread.h"
#include "tsdb/store/journal.h"
#include "tsdb/store/manifest.h"
#include "tsdb/store/sealing.h"

enum { STORE_PATH_MAX = 4096 };

struct store {
    struct fs *fs;
    struct fs_frozen frozen; /* what fs is when read-only */
    struct clock *clock;
    char *dir;               /* owned */
    struct fs_file *lock;    /* NULL when read-only */
    struct journal *journal; /* NULL when read-only */
    struct manifest *manifest;
    struct mutex manifest_lock;
    struct rwlock gate;
    struct mutex tend; /* sealing, merging, deleting: one at a time, all signals; before the gate */
    struct sealer sealers[STORE_SIGNAL_COUNT];
    uint32_t sealer_count;
    _Atomic uint64_t seals;
    _Atomic int64_t seal_ns;
    struct budget budget;
    bool is_read_only, has_no_threads;
    bool is_unsettled;         /* an edit of the manifest failed: nobody knows what is on disk */
    _Atomic bool is_disk_full; /* below STORE_DISK_RESERVE_BYTES: appends are refused */
    _Atomic uint64_t disk_free_bytes;
    void (*on_event)(void *arg, const struct tsdb_event *event); /* may be NULL */
    void (*on_synced)(void *arg);                                /* may be NULL */
    void *arg;
};

enum { STORE_DISK_RESERVE_BYTES = 128 << 20 };

/* Creates or opens the folder.  TSDB_EINVAL when another process has it. */
TSDB_NODISCARD enum tsdb_status store_open(const struct tsdb_options *options, struct store *s,
                                           struct tsdb_error *err);
void store_close(struct store *s);

void store_event(struct store *s, enum tsdb_event_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* dir/name into out. */
void store_path(const struct store *s, const char *name, char out[STORE_PATH_MAX]);
void store_segment_path(const struct store *s, uint64_t id, enum store_signal signal,
                        char out[STORE_PATH_MAX]);
uint64_t store_take_id(struct store *s);
TSDB_NODISCARD enum tsdb_status store_apply(struct store *s, const struct manifest_edit *edit,
                                            struct tsdb_error *err);
/* After a failed store_apply: makes the manifest certain again and removes the segments
 * that it does not list.  No segment may be about to be listed.  Before writing new ones:
 * else a disk whose manifest cannot be written fills up with them. */
TSDB_NODISCARD enum tsdb_status store_settle(struct store *s, struct tsdb_error *err);
/* Sets a damaged segment aside and out of the manifest; its .why begins with
 * "range=MIN..MAX ", the times that it covered. */
void store_quarantine(struct store *s, const struct manifest_segment *entry, const char *why);
/* dir/snapshots/NAME: hard links of the live segments and a manifest of its own. */
TSDB_NODISCARD enum tsdb_status store_snapshot(struct store *s, const char *name,
                                               struct tsdb_error *err);
/* Whether an append may begin: TSDB_EINVAL when read-only, TSDB_EIO when the disk is almost full,
 * TSDB_ELIMIT when the memory budget is passed. */
TSDB_NODISCARD enum tsdb_status store_check_writable(const struct store *s, struct tsdb_error *err);
/* Looks at the free space; cheap, once a second is enough. */
void store_watch_disk(struct store *s);

#endif
