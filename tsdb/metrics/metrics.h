/* metrics.h - the metrics engine of one store.
 *
 *   append:  batch -> head (refs) -> journal record -> head (hot blocks)
 *   seal:    hot blocks of the generations before -> blocks (segments) -> manifest
 *   merge:   blocks of a window -> one block
 *   select:  head + blocks -> series_set (select.h)
 *
 * Opened by the facade over a struct store.  Locks, in this order: store.tend (sealing,
 * merging, deleting: one at a time), the store's gate, head.index, shard; lists
 * and sets are leaves.
 */
#ifndef TSDB_METRICS_METRICS_H
#define TSDB_METRICS_METRICS_H

#include "tsdb/metrics/block.h"
#include "tsdb/metrics/catalog.h"
#include "tsdb/metrics/head.h"
#include "tsdb/metrics/select.h"
#include "tsdb/store/damage.h"
#include "tsdb/store/store.h"
#include "tsdb/store/tenant_limits.h"
#include "tsdb/store/tombstones.h"

/* The blocks at one moment, what was written first in front.  Shared by reference. */
struct block_list {
    _Atomic uint32_t refs;
    uint32_t count;
    struct block *blocks[]; /* each referenced */
};

struct seal; /* seal.c */

struct metrics {
    struct store *store; /* borrowed */
    struct head head;
    struct catalog catalog;        /* metadata and exemplars */
    struct seal *seal;             /* owned: between turn and publish; guarded by store.tend */
    struct mutex lists;            /* guards the next four */
    struct block_list *blocks;     /* referenced */
    struct tombstones *tombstones; /* referenced */
    struct damage damage;
    struct mutex sets; /* guards the next four */
    struct cond set_closed;
    struct series_set *open_sets;
    uint64_t set_sequence;
    struct mutex config; /* guards the next four */
    struct tsdb_limits limits;
    struct tenant_limits tenant_limits;
    int64_t retention;
    size_t merge_bytes_max; /* of one series' histograms in memory at once; fixed */
    _Atomic uint64_t merges, expired, samples_merged;
    _Atomic int64_t merge_ns, replay_ns;
};

TSDB_NODISCARD enum tsdb_status metrics_open(struct store *store,
                                             const struct tsdb_options *options,
                                             struct metrics **out, struct tsdb_error *err);
void metrics_close(struct metrics *m);
void metrics_configure(struct metrics *m, const struct tsdb_options *options);

/* tsdb_append. */
TSDB_NODISCARD enum tsdb_status metrics_append(struct metrics *m, const struct tsdb_batch *batch,
                                               struct tsdb_appended *out, uint8_t *verdicts,
                                               struct tsdb_error *err);

/* Reads the journal back into the head (replay.c). */
TSDB_NODISCARD enum tsdb_status metrics_replay(struct metrics *m, struct tsdb_error *err);

/* The part of metrics in store_seal (seal.c). */
void metrics_add_sealer(struct metrics *m);
/* One due merge; *did says whether there was one.  is_forced: also windows that
 * would wait for company (merge.c). */
TSDB_NODISCARD enum tsdb_status metrics_merge(struct metrics *m, bool is_forced, bool *did,
                                              struct tsdb_error *err);
/* Drops blocks beyond the retention by time. */
TSDB_NODISCARD enum tsdb_status metrics_expire(struct metrics *m, struct tsdb_error *err);

/* Checks the block with the lowest id above `after`, every byte; a damaged one is
 * set aside.  Returns its id, or 0 when there was none (begin again) (scrub.c). */
uint64_t metrics_scrub(struct metrics *m, uint64_t after);
/* tsdb_verify (scrub.c). */
TSDB_NODISCARD enum tsdb_status metrics_verify(struct fs *fs, const char *dir,
                                               void (*report)(void *arg, const char *line),
                                               void *arg, struct tsdb_error *err);

/* Deletion (tombstone.c): seals, then hides.  metrics_forget_tombstones drops those
 * under which no block lies any more. */
TSDB_NODISCARD enum tsdb_status metrics_delete(struct metrics *m,
                                               const struct metrics_selection *selection,
                                               struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status metrics_forget_tombstones(struct metrics *m,
                                                          struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status metrics_tombstones_load(struct metrics *m, struct tsdb_error *err);
/* Cuts what is deleted of a block's samples; labels with the tenant's, in any order. */
void tombstones_apply(const struct tombstones *t, uint64_t block_id, struct tsdb_labels labels,
                      struct samples *s);
/* Whether it hides something in the block, as far as times tell. */
bool tombstone_touches(const struct tombstone *t, const struct block *b);
struct tombstones *metrics_tombstones_ref(struct metrics *m);

/* The current blocks, referenced. */
struct block_list *block_list_ref(struct metrics *m);
void block_list_unref(struct block_list *list);
/* Swaps blocks in and out, and their files out; takes over the references of added. */
void block_list_swap(struct metrics *m, struct block *const *added, uint32_t added_count,
                     const uint64_t *removed, uint32_t removed_count);
/* Takes a block out of the list without touching its file (it was quarantined). */
void block_list_forget(struct metrics *m, uint64_t id);

/* Waits until the series sets that are open now are closed (select.c). */
void series_sets_wait(struct metrics *m);

/* Names and values (lookup.c); selections NULL: all series of the tenant. */
struct lookup {
    const char *tenant;
    const struct metrics_selection *selections;
    uint32_t selection_count;
    int64_t start, end;
};
TSDB_NODISCARD enum tsdb_status metrics_label_names(struct metrics *m, const struct lookup *lookup,
                                                    tsdb_text_fn *fn, void *arg,
                                                    struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status metrics_label_values(struct metrics *m, struct tsdb_text name,
                                                     const struct lookup *lookup, tsdb_text_fn *fn,
                                                     void *arg, struct tsdb_error *err);
/* tsdb_cardinality. */
void metrics_cardinality(struct metrics *m, const char *tenant, tsdb_cardinality_fn *fn, void *arg);

void metrics_stats(struct metrics *m, struct tsdb_stats *out);

#endif
