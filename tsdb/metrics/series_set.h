/* series_set.h - what a snapshot is made of; select.c fills it, exemplars.c reads it.
 *
 * A series is a run of places: where each source has it, in the order in which the
 * sources were written. */
#ifndef TSDB_METRICS_SERIES_SET_H
#define TSDB_METRICS_SERIES_SET_H

#include "tsdb/metrics/metrics.h"

enum { SET_ARENA_BYTES_MAX = 1 << 30 };
#define SOURCE_HEAD UINT32_MAX

/* A series as one source has it.  Sorted by hash, then source, the head last. */
struct place {
    struct tsdb_hash hash;
    uint32_t source; /* index into the block list, or SOURCE_HEAD */
    uint32_t id;     /* ordinal or ref */
};

struct series_set {
    struct series_set *next, *prev; /* of the open ones; guarded by metrics.sets */
    uint64_t sequence;
    struct metrics *m;
    struct block_list *blocks; /* referenced */
    struct tombstones *tombstones;
    int64_t start, end;
    struct place *places; /* owned */
    uint32_t place_count, place_cap;
    uint32_t *first; /* owned: series -> its first place; one more marks the end */
    uint32_t count;
    struct tsdb_labels *labels; /* owned; .at NULL: not asked for yet */
    struct label_cache *caches; /* owned; one a block */
    struct arena arena;
    struct budget *budget;
    uint64_t charged;
    bool is_partial, is_short, has_tenant; /* has_tenant: not the default one */
};

#endif
