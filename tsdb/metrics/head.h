/* head.h - the active series and the samples that are in no segment yet.
 *
 *   key --alias_table--> ref --shard, page--> struct series --> hot blocks
 *   matchers --head_index--> refs
 *
 * A ref is (index within the shard) * SHARDS + shard.  Samples carry the
 * generation in which they came; sealing turns the generation, writes the
 * blocks of the one before into segments and drops them.
 *
 * Locks, in this order: the store's gate (readers: appends; writer: turning the generation),
 * index (aliases, head_index, pages, tenants), shard (series and their blocks).
 * A page never moves once it is there, so a series pointer taken under the
 * index lock stays good while its shard's lock is held.
 */
#ifndef TSDB_METRICS_HEAD_H
#define TSDB_METRICS_HEAD_H

#include "tsdb/base/budget.h"
#include "tsdb/base/thread.h"
#include "tsdb/metrics/alias.h"
#include "tsdb/metrics/hot.h"
#include "tsdb/metrics/record.h"
#include "tsdb/store/head_index.h"
#include "tsdb/store/tenant.h"
#include "tsdb/tsdb.h"

enum { SHARD_BITS = 3, SHARDS = 1 << SHARD_BITS, SERIES_PAGE = 1024, HEAD_TENANTS_MAX = 1024 };

/* One cache line: pages come aligned to at least that from the allocator. */
struct series {
    struct tsdb_hash hash; /* canonical, tenant included */
    struct hot *hot;       /* newest first; owned */
    struct hot_tail tail;
    int64_t newest;      /* no sample is stored after it; INT64_MIN: there is none */
    uint16_t generation; /* of the last append */
    uint16_t tenant;     /* index into head.tenants */
    bool is_live;        /* false: the slot is free, or hidden and free soon */
} __attribute__((aligned(16)));

/* Guarded by: lock; the page table also grows only under the index lock. */
struct shard {
    struct mutex lock;
    struct series **pages; /* owned, of SERIES_PAGE */
    uint32_t page_count, count;
    uint32_t *free; /* owned stack of free indexes */
    uint32_t free_count, free_cap;
    uint64_t hot_bytes, samples, duplicates;
    int64_t ts_min, ts_max; /* of what this generation took */
} __attribute__((aligned(64)));

struct tenant {
    char *name; /* owned; [0] is "" */
    uint64_t series;
    bool has_churned;
    double churn_tokens; /* new series it may make; see append.c */
    int64_t churn_mono_ns;
};

struct head {
    uint64_t seed;
    struct budget budget; /* child of the engine's */
    struct rwlock index;
    struct alias_table aliases;
    struct head_index *labels; /* owned */
    struct shard shards[SHARDS];
    uint16_t generation;    /* guarded by the store's gate */
    struct tenant *tenants; /* owned; guarded by index */
    uint32_t tenant_count;
    uint64_t created; /* guarded by index */
    uint64_t index_charged;
    int64_t stored_ts_max; /* of the segments at the start: newest of restored series */
};

void head_init(struct head *h, uint64_t seed, struct budget *parent);
void head_release(struct head *h);

static inline struct series *head_series(struct head *h, uint32_t ref)
{
    uint32_t index = ref >> SHARD_BITS;
    return &h->shards[ref & (SHARDS - 1)].pages[index / SERIES_PAGE][index % SERIES_PAGE];
}

/* Labels made canonical: sorted, without empty values, checked against the
 * limits; tenant (not "") is added as TENANT_LABEL.  `out` has room for
 * RECORD_LABELS_MAX.  Anything but TSDB_ACCEPTED says what is wrong. */
enum tsdb_verdict head_canonical(const struct tsdb_limits *limits, const char *tenant,
                                 struct tsdb_labels in, struct tsdb_label *out, uint32_t *count);

/* A free ref for a new series with that hash.  Index lock held for writing. */
uint32_t head_reserve(struct head *h, struct tsdb_hash hash);
/* Makes the reserved ref a series.  TSDB_ELIMIT: the budget is full, the ref is
 * free again.  Index lock held for writing. */
enum tsdb_status head_create(struct head *h, uint32_t ref, struct tsdb_hash hash, uint16_t tenant,
                             struct tsdb_labels labels);
/* Gives a reserved ref back. */
void head_unreserve(struct head *h, uint32_t ref);
/* Replay: a series that already has a ref. */
enum tsdb_status head_restore(struct head *h, uint32_t ref, struct tsdb_labels labels);

/* The tenant's index, made on first use; HEAD_TENANTS_MAX when there are too
 * many.  Index lock held for writing. */
uint32_t head_tenant(struct head *h, const char *name);

/* One sample into its series.  The shard's lock is held. */
enum tsdb_verdict head_apply(struct head *h, uint32_t ref, int64_t ts, uint64_t bits);
enum tsdb_verdict head_apply_histogram(struct head *h, uint32_t ref, int64_t ts,
                                       struct bytes encoded, double sum);

/* Appends to `out` the series' samples as they came: all, or only those of
 * generations before the current one; blocks that lie outside [start, end] may be
 * left out.  Takes the shard's lock. */
enum head_part { HEAD_WHOLE, HEAD_SEALED };
enum tsdb_status head_samples(struct head *h, uint32_t ref, enum head_part part, int64_t start,
                              int64_t end, struct samples *out);

/* The next generation begins.  The gate is held for writing. */
void head_turn(struct head *h);
/* Drops the blocks of all generations before the current one. */
void head_drop(struct head *h);
/* Hides series that hold no block, took nothing in this generation nor in the one
 * before, and whose last sample is older than `ts`: nothing finds them any more, and
 * their labels are a new series.  The gate is held for writing, since an append keeps
 * refs; before head_drop, since a sample above the journal's floor may name a ref only
 * while the series holds a block. */
void head_hide_idle(struct head *h, int64_t ts, struct ordinals *hidden);
/* Frees them, refs and texts, once no series set from before is open. */
void head_forget(struct head *h, struct ordinals *hidden);
/* Calls fn for each live series; the index lock is held for reading meanwhile.
 * fn returns false to stop. */
typedef bool head_series_fn(void *arg, uint32_t ref);
void head_each(struct head *h, head_series_fn *fn, void *arg);

uint64_t head_hot_bytes(struct head *h);
uint64_t head_series_count(struct head *h);

#endif
