/* engine.h - what the parts of the trace engine share.
 *
 * A snapshot is taken under the shelf's lock in one step: open batches, hot groups and blocks.
 * A seal's spans move from the head into blocks in one such step too, so a snapshot has every
 * span once.  Readers hold references; nothing waits for them.
 *
 * Locks, in this order: store.tend (sealing, merging), the store's gate, head.grouping (one
 * maker of groups at a time); leaves: head.tenants_lock, shelf.lock, config.
 */
#ifndef TSDB_TRACES_ENGINE_H
#define TSDB_TRACES_ENGINE_H

#include "tsdb/store/shelf.h"
#include "tsdb/store/store.h"
#include "tsdb/store/tenant_limits.h"
#include "tsdb/traces/block.h"
#include "tsdb/traces/head.h"
#include "tsdb/traces/traces.h"

enum {
    TRACES_RECORD = 32, /* journal record type: one batch (span_record.h) */
    /* Of one batch in the journal, and in the clear; more answers TSDB_EINVAL.  Any one
     * span fits. */
    TRACES_BATCH_BYTES_MAX = 16 << 20,
    TRACES_BATCH_WEIGHT_MAX = PART_WEIGHT_MAX / 2,
    /* What is open before the background makes a group of it; before appending does so itself it
     * is twice as much. */
    TRACES_GROUP_SPANS = 32768,
    TRACES_GROUP_WEIGHT = PART_WEIGHT_MAX / 2,
};

struct traces_seal;

struct traces {
    struct store *store; /* borrowed */
    struct trace_head head;
    struct shelf shelf;
    struct traces_seal *seal; /* owned: between turn and publish; guarded by store.tend */
    struct mutex config;      /* guards the next three */
    struct tsdb_limits limits;
    struct tenant_limits tenant_limits;
    int64_t retention;
    _Atomic int64_t replay_ns;
};

/* ---- appending (append.c), replay (replay.c), grouping (open_spans.c) ----------------- */

/* What the batch holds goes into the head, whatever the limits say.  TSDB_ECORRUPT. */
TSDB_NODISCARD enum tsdb_status traces_restore(struct traces *t, uint64_t position,
                                               struct bytes payload);
TSDB_NODISCARD enum tsdb_status traces_replay(struct traces *t, struct tsdb_error *err);

/* The oldest open batches of one generation become hot groups; *did: there were some.  Only
 * those of generations before the given one. */
TSDB_NODISCARD enum tsdb_status traces_group_open(struct traces *t, uint32_t before_generation,
                                                  bool *did, struct tsdb_error *err);
/* Makes the cached groups of what is open now. */
TSDB_NODISCARD enum tsdb_status traces_cache_open(struct traces *t, struct tsdb_error *err);

/* ---- sealing (seal.c) ----------------------------------------------------------------- */

void traces_add_sealer(struct traces *t);
/* A part that was made, as a writer of blocks takes it. */
struct trace_group_parts made_part_parts(const struct made_part *made);

/* ---- selecting (select.c) ------------------------------------------------------------- */

/* Only the parts that may have the trace, out of the segments that have spans in the range. */
TSDB_NODISCARD enum tsdb_status traces_select_trace(struct traces *t,
                                                    const struct traces_selection *selection,
                                                    const struct tsdb_trace_id *id,
                                                    struct budget *budget, struct traces_set **out,
                                                    struct tsdb_error *err);
const char *traces_set_tenant(const struct traces_set *set);

#endif
