/* head_index.h - the index of the series that are being written now.
 *
 *   label pair --slots--> pair id --+--> struct pair: name id, the refs that
 *   (seeded hash)                   |    have it (ref_list), value text
 *                                   |
 *   name id --> text, pair ids of its values, series that have it
 *   ref     --> page of 256 refs --> pair ids as varints
 *
 * Sizes: a series with ten labels is 4 bytes of offset, some 21 of pair ids and
 * ten postings of one to three bytes; a pair is 32 bytes and its text, a slot
 * and a pointer.  Adding hashes each value once, probes the table once and
 * touches one struct a label; the loads of all labels are in flight together.
 *
 * Refs are the caller's: any 32-bit numbers, cheapest when they ascend and are
 * dense (a page of 256 refs costs 1 KiB whatever it holds).
 *
 * Not thread-safe: the owner guards it with a reader-writer lock.  add and
 * remove need to be alone; everything else only reads and may run in parallel.
 * Texts do not move: a view that head_index_labels gave stays valid until its
 * series is removed, lock or no lock.
 *
 * Limits: LABELS_MAX labels a series, names and values of 65,535 bytes.
 * Budget: charged before an add takes memory; a growing table may pass the limit
 * by one growth step.
 */
#ifndef TSDB_STORE_HEAD_INDEX_H
#define TSDB_STORE_HEAD_INDEX_H

#include "tsdb/store/select.h"

struct budget;
struct head_index;

enum { HEAD_TEXT_BYTES_MAX = 65535 };

/* The seed is secret, so that no sender can aim collisions.  budget may be NULL. */
struct head_index *head_index_new(uint64_t seed, struct budget *budget);
void head_index_free(struct head_index *ix);

/* labels canonical.  TSDB_ELIMIT: the budget is spent, nothing was added.
 * TSDB_EINVAL: the ref is in use, or a limit is passed. */
TSDB_NODISCARD enum tsdb_status head_index_add(struct head_index *ix, uint32_t ref,
                                               struct tsdb_labels labels);
/* Drops the series (refs that are not there are passed over) with the pairs and
 * names that nothing else uses.  Costs in the order of the postings of every
 * label that a dead series had: give it many at once.  dead sorted. */
void head_index_remove(struct head_index *ix, const struct ordinals *dead);

bool head_index_has(const struct head_index *ix, uint32_t ref);
uint32_t head_index_label_count(const struct head_index *ix, uint32_t ref);
/* The labels of a series, sorted by name; none for a ref that is not there.  See
 * above for how long the views last. */
void head_index_labels(const struct head_index *ix, uint32_t ref, struct tsdb_label out[LABELS_MAX],
                       uint32_t *count);

/* Refs ascending; replaces the contents of out. */
TSDB_NODISCARD enum tsdb_status head_index_select(const struct head_index *ix,
                                                  const struct matcher *m, uint32_t count,
                                                  struct ordinals *out, struct tsdb_error *err);

/* Sorted; false from fn stops.  The _of forms look at a set of refs only. */
void head_index_names(const struct head_index *ix, tsdb_text_fn *fn, void *arg);
void head_index_values(const struct head_index *ix, struct tsdb_text name, tsdb_text_fn *fn,
                       void *arg);
void head_index_names_of(const struct head_index *ix, const struct ordinals *refs, tsdb_text_fn *fn,
                         void *arg);
void head_index_values_of(const struct head_index *ix, struct tsdb_text name,
                          const struct ordinals *refs, tsdb_text_fn *fn, void *arg);
/* Every label pair with how many series have it; in no order.  The _of form reads the
 * label record of each ref. */
void head_index_stats(const struct head_index *ix, select_stat_fn *fn, void *arg);
void head_index_stats_of(const struct head_index *ix, const struct ordinals *refs,
                         select_stat_fn *fn, void *arg);

uint32_t head_index_series(const struct head_index *ix);
uint32_t head_index_pairs(const struct head_index *ix);
/* Everything it holds, as the allocator counts it. */
uint64_t head_index_bytes(const struct head_index *ix);

/* How select.h, and the builder of label_index.h, look into it. */
struct select_index head_index_face(const struct head_index *ix);

#endif
