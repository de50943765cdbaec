/* manifest_state.h - what the edits of a manifest add up to.
 *
 * Segments and tombstones, each sorted by id, the journal's floor, the next id.
 * An edit is checked before it is applied; applying cannot fail.  An edit is
 * refused when it removes what is not there, adds an id that is there after its
 * removals, or moves the floor back.
 * Pure but for its allocations.  Owner: one manifest.
 */
#ifndef TSDB_STORE_MANIFEST_STATE_H
#define TSDB_STORE_MANIFEST_STATE_H

#include "tsdb/store/manifest.h"

struct manifest_state {
    struct manifest_segment *segments; /* owned; sorted by id */
    size_t segment_count;
    struct manifest_tombstone *tombstones; /* owned, payloads too; sorted by id */
    size_t tombstone_count;
    uint64_t floor;
    uint64_t next_id; /* above every id that was ever applied */
};

void manifest_state_release(struct manifest_state *s);
/* TSDB_EINVAL. */
TSDB_NODISCARD enum tsdb_status manifest_state_check(const struct manifest_state *s,
                                                     const struct manifest_edit *edit,
                                                     struct tsdb_error *err);
/* The edit has passed the check. */
void manifest_state_apply(struct manifest_state *s, const struct manifest_edit *edit);
const struct manifest_segment *manifest_state_find(const struct manifest_state *s, uint64_t id);

#endif
