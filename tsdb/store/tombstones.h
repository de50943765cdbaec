/* tombstones.h - deletions: which series or streams of a signal have lost which times.
 *
 * A deletion seals first, so that all it means is in segments with lower ids than its own; what
 * comes later is not hidden, whatever its time.  It is an entry of the manifest, whose payload is
 *
 *   metrics        svarint start, svarint end, uvarint n, n of: u8 matcher kind, sized name,
 *                  sized value
 *   other signals  0x80 0x00 u8 signal, then the same: two bytes that begin no varint
 *
 * with the tenant's matcher among the n.  Whether `end` belongs to the range is the signal's
 * business (metrics: yes; logs: no).
 *
 * struct tombstones is immutable and shared by reference.
 */
#ifndef TSDB_STORE_TOMBSTONES_H
#define TSDB_STORE_TOMBSTONES_H

#include "tsdb/store/matcher.h"
#include "tsdb/store/store.h"

struct tombstone {
    uint64_t id;
    int64_t start, end;
    struct matcher *matchers; /* owned */
    uint32_t matcher_count;
    char *text; /* owned: what the matchers' texts point into */
};

struct tombstones {
    _Atomic uint32_t refs;
    uint32_t count;
    struct tombstone at[];
};

/* Those of the signal that the manifest has now, with one reference. */
TSDB_NODISCARD enum tsdb_status tombstones_load(struct store *s, enum store_signal signal,
                                                struct tombstones **out, struct tsdb_error *err);
struct tombstones *tombstones_ref(struct tombstones *t);
void tombstones_unref(struct tombstones *t); /* NULL is a no-op */

/* What is deleted: the tenant's matcher is added here. */
struct deletion {
    enum store_signal signal;
    const char *tenant;
    const struct matcher *matchers;
    uint32_t matcher_count;
    int64_t start, end;
};
/* Seals, then enters the deletion.  store.tend held until everybody sees it: a merge in
 * between would make a segment with a higher id, and what was deleted would be back. */
TSDB_NODISCARD enum tsdb_status tombstone_add(struct store *s, const struct deletion *deletion,
                                              struct tsdb_error *err);
/* Those under which no segment lies any more; is_needed says which do.  store.tend held; true
 * in *did: there were some, load again. */
TSDB_NODISCARD enum tsdb_status tombstones_forget(struct store *s, const struct tombstones *t,
                                                  bool (*is_needed)(void *arg,
                                                                    const struct tombstone *t),
                                                  void *arg, bool *did, struct tsdb_error *err);

#endif
