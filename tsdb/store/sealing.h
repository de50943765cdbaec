/* sealing.h - one seal of all signals: what the heads hold becomes segments.
 *
 *   1 turn     gate closed: the journal's end P is noted, every head turns its generation
 *   2 write    every signal writes its segments aside and makes the journal hold whatever
 *              records after P need (definitions), synced
 *   3 commit   one manifest edit: all segments, and the floor P
 *   4 publish  readers see the segments; heads drop what was turned; the journal is
 *              recycled up to P
 *
 * One edit for all signals, because they share the journal and so the floor.  A crash
 * before 3 leaves orphans that the next start removes, and the journal; a failure anywhere
 * leaves everything in the heads, and the next seal takes it.
 *
 * Owner: the store; sealers are added while it is being opened and taken out by closing.
 */
#ifndef TSDB_STORE_SEALING_H
#define TSDB_STORE_SEALING_H

#include "tsdb/store/manifest.h"

struct store;

struct seal_edit {
    struct manifest_segment *entries; /* owned by store_seal */
    size_t count, cap;
};
void seal_edit_add(struct seal_edit *edit, const struct manifest_segment *entry);

/* One signal's part.  turn is called with the gate held for writing and followed by write,
 * then by publish or by abandon, also when another signal's write failed first. */
struct sealer {
    void *arg;
    void (*turn)(void *arg);
    enum tsdb_status (*write)(void *arg, struct seal_edit *edit, struct tsdb_error *err);
    void (*publish)(void *arg);
    /* may_be_listed: the edit was tried and nobody knows what is on disk: the files stay. */
    void (*abandon)(void *arg, bool may_be_listed);
};

void store_add_sealer(struct store *s, const struct sealer *sealer);
/* Returns when everything appended before the call is in segments. */
TSDB_NODISCARD enum tsdb_status store_seal(struct store *s, struct tsdb_error *err);
/* The same with store.tend held. */
TSDB_NODISCARD enum tsdb_status store_seal_locked(struct store *s, struct tsdb_error *err);

#endif
