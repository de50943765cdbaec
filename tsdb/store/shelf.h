/* shelf.h - the opened segments of one signal.
 *
 *   shelf -> list (immutable, shared by reference) -> struct shelved, which a signal's
 *            block begins with; what was written first in front
 *
 * Readers take the list and go on with it while others put the next one in place; a segment's
 * file goes with the last list that has it.  `lock` guards which list is the latest, and may
 * guard more of its owner's: what leaves a head in the step in which its segment comes in.
 *
 * A damaged segment is set aside, once: out of the list, into quarantine/, and its times are
 * noted (damage.h), so that answers from there say partial.
 *
 * Lists are changed with store.tend held, but for damage.
 */
#ifndef TSDB_STORE_SHELF_H
#define TSDB_STORE_SHELF_H

#include "tsdb/store/damage.h"
#include "tsdb/store/manifest.h"

struct store;

/* A segment that is open.  Immutable once it is in a list. */
struct shelved {
    _Atomic uint32_t refs;
    uint32_t groups; /* row groups: merges keep to a limit of them */
    struct manifest_segment entry;
    uint64_t order;                      /* the lowest segment id that its rows came in with */
    struct segment *segment;             /* owned */
    void (*free)(struct shelved *block); /* the last reference is gone; not the segment's */
};
void shelved_init(struct shelved *b, const struct manifest_segment *entry, struct segment *segment,
                  void (*free)(struct shelved *block));
void shelved_ref(struct shelved *b);
void shelved_unref(struct shelved *b); /* NULL is a no-op */

struct shelf_list {
    _Atomic uint32_t refs;
    uint32_t count;
    struct shelved *at[]; /* each referenced */
};
void shelf_list_unref(struct shelf_list *list); /* NULL is a no-op */

/* What a signal's segments are. */
struct shelf_kind {
    enum store_signal signal;
    const char *name;
    /* TSDB_ECORRUPT, TSDB_ENOTFOUND: it is damaged, or gone. */
    enum tsdb_status (*open)(struct fs *fs, const char *path, const struct manifest_segment *entry,
                             struct shelved **out, struct tsdb_error *err);
    /* Checks and decodes everything. */
    enum tsdb_status (*verify)(struct shelved *block, struct tsdb_error *err);
};

struct shelf {
    struct store *store; /* borrowed */
    const struct shelf_kind *kind;
    struct mutex lock;
    struct shelf_list *list; /* referenced; guarded by lock */
    struct damage damage;
    _Atomic uint64_t merges, expired;
    _Atomic int64_t merge_ns;
};

void shelf_init(struct shelf *s, struct store *store, const struct shelf_kind *kind);
/* Opens what the manifest lists.  What is damaged is set aside; any other fault is the
 * machine's: nothing is changed for it. */
TSDB_NODISCARD enum tsdb_status shelf_open(struct shelf *s, struct tsdb_error *err);
void shelf_release(struct shelf *s);

struct shelf_list *shelf_ref(struct shelf *s);
/* The next list: without removed (their files go too), with added, whose references it takes
 * over.  `lock` held; the old list is returned, to be unreferenced without it. */
struct shelf_list *shelf_swap(struct shelf *s, struct shelved *const *added, uint32_t added_count,
                              const uint64_t *removed, uint32_t removed_count);
/* Takes the segment out of the list and its file out of the folder (retention by size); the
 * manifest's edit is the caller's.  Takes `lock`. */
void shelf_forget(struct shelf *s, uint64_t id);
/* It is damaged.  Takes `lock`. */
void shelf_set_aside(struct shelf *s, const struct manifest_segment *entry, const char *why);

/* The present, but no later than the newest row: a clock that jumps ahead must not delete what
 * it thinks is old. */
int64_t shelf_reached(const struct shelf *s, const struct shelf_list *list);
/* Drops segments that are wholly older than the retention (0: none is).  store.tend held. */
TSDB_NODISCARD enum tsdb_status shelf_expire(struct shelf *s, int64_t retention,
                                             struct tsdb_error *err);
/* Checks every byte of the segment with the lowest id above `after`, and answers that id; 0:
 * there was none. */
uint64_t shelf_scrub(struct shelf *s, uint64_t after);
/* The signal's part of tsdb_verify. */
TSDB_NODISCARD enum tsdb_status shelf_verify(const struct shelf_kind *kind, struct fs *fs,
                                             const char *dir,
                                             void (*report)(void *arg, const char *line), void *arg,
                                             struct tsdb_error *err);

struct shelf_figures {
    uint64_t count, bytes, rows; /* of the segments in the list */
};
/* Adds what the signals have in common to *out. */
void shelf_figures(struct shelf *s, struct tsdb_stats *out, struct shelf_figures *segments);

#endif
