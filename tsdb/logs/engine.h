/* engine.h - what the parts of the log engine share.
 *
 * A snapshot is taken under the shelf's lock in one step: open batches, hot groups, blocks and
 * tombstones.  A seal's rows move from the head into blocks in one such step too, so a
 * snapshot has every record once.  Readers hold references; nothing waits for them.
 */
#ifndef TSDB_LOGS_ENGINE_H
#define TSDB_LOGS_ENGINE_H

#include "tsdb/logs/block.h"
#include "tsdb/logs/head.h"
#include "tsdb/logs/logs.h"
#include "tsdb/store/sealing.h"
#include "tsdb/store/shelf.h"
#include "tsdb/store/tenant.h"
#include "tsdb/store/tenant_limits.h"
#include "tsdb/store/tombstones.h"

/* How long streams are kept: the first rule that matches counts. */
struct rule {
    char *tenant;             /* owned */
    struct matcher *matchers; /* owned */
    uint32_t matcher_count;
    int64_t period; /* 0 or less: for ever */
};

struct rules { /* immutable; shared by reference */
    _Atomic uint32_t refs;
    uint32_t count;
    struct arena arena; /* the matchers' texts */
    struct rule at[];
};

struct logs_seal;

struct logs {
    struct store *store; /* borrowed */
    logs_selector_fn *selector;
    struct head head;
    struct shelf shelf;            /* its lock guards the next and the head's rows, too */
    struct tombstones *tombstones; /* referenced */
    struct logs_seal *seal;        /* owned: between turn and publish; guarded by store.tend */
    struct mutex config;           /* guards the next four */
    struct tsdb_limits limits;
    struct tenant_limits tenant_limits;
    int64_t retention;
    struct rules *rules;  /* referenced */
    struct mutex tailing; /* guards the list of tails and what waits in them */
    struct logs_tail *tails;
    _Atomic uint32_t tail_count;
    _Atomic uint64_t tail_sequence;
    _Atomic int64_t replay_ns;
};

/* ---- deletion and rules (tombstone.c, rules.c) --------------------------------------- */

struct tombstones *logs_tombstones_ref(struct logs *l);
TSDB_NODISCARD enum tsdb_status logs_tombstones_load(struct logs *l, struct tsdb_error *err);
/* As far as times tell. */
bool log_tombstone_touches(const struct tombstone *t, const struct block *b);
/* Drops those under which no block lies any more.  store.tend held. */
TSDB_NODISCARD enum tsdb_status logs_forget_tombstones(struct logs *l, struct tsdb_error *err);

/* TSDB_EINVAL: a selector does not parse; *out has the others then, too. */
TSDB_NODISCARD enum tsdb_status rules_new(const struct tsdb_options *options,
                                          logs_selector_fn *selector, struct rules **out,
                                          struct tsdb_error *err);
struct rules *logs_rules_ref(struct logs *l);
void rules_unref(struct rules *r);
/* Records of the stream before this time have ended; INT64_MIN: none has.  labels with the
 * tenant. */
int64_t rules_end(const struct rules *r, struct tsdb_labels labels, int64_t now);

/* ---- appending (append.c), grouping (open_rows.c) --------------------------------------- */

/* The streams of the batch found or made, whatever the limits say; what it holds goes into
 * the head (replay). */
TSDB_NODISCARD enum tsdb_status logs_restore(struct logs *l, uint64_t position,
                                             struct bytes payload);
/* The oldest open batches of one generation become hot groups; *did: there were some.  Only
 * those of generations before the given one. */
TSDB_NODISCARD enum tsdb_status logs_group_open(struct logs *l, uint32_t before_generation,
                                                bool *did, struct tsdb_error *err);
/* Makes the cached groups of what is open now. */
TSDB_NODISCARD enum tsdb_status logs_cache_open(struct logs *l, struct tsdb_error *err);

/* ---- sealing (seal.c), following (tail.c) ------------------------------------------------ */

void logs_add_sealer(struct logs *l);

/* A batch came into the head. */
void logs_tails_push(struct logs *l, struct log_batch *batch);

#endif
