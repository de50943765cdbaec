/* head.h - the spans that are in no segment yet.
 *
 *   open batches, oldest first --grouping--> hot groups
 *
 * An open batch is its journal payload as it was appended.  A hot group has the spans of many
 * batches as columns, and the sorted hashes of its traces.  Both carry the generation in
 * which they came; sealing turns the generation, writes what is of those before and drops it.
 *
 * For readers, groups are made of what is open, too, and kept: of what came since the last
 * reader one more, until there are OPEN_GROUPS_MAX.
 *
 * Locks: `grouping` guards the making of groups, `tenants_lock` the tenants.  The lists of
 * batches and groups are guarded by the shelf's lock; generation by the store's gate.
 * Shared by reference: batches and groups are immutable once they are in a list.
 */
#ifndef TSDB_TRACES_HEAD_H
#define TSDB_TRACES_HEAD_H

#include "tsdb/base/budget.h"
#include "tsdb/base/reader.h"
#include "tsdb/base/thread.h"
#include "tsdb/traces/part_builder.h"

enum { SPAN_TENANTS_MAX = 1024, OPEN_GROUPS_MAX = 16 };

struct span_batch {
    _Atomic uint32_t refs;
    uint32_t generation, span_count;
    uint64_t position; /* in the journal */
    uint64_t charged, weight;
    int64_t ts_min, ts_max; /* of starts */
    struct budget *budget;
    struct bytes payload; /* owned */
};

/* Takes the payload over (mem.h), in any case.  TSDB_ELIMIT: the budget is spent. */
TSDB_NODISCARD enum tsdb_status span_batch_new(struct budget *budget, struct bytes payload,
                                               struct span_batch **out);
void span_batch_ref(struct span_batch *b);
void span_batch_unref(struct span_batch *b); /* NULL is a no-op */

struct hot_spans {
    _Atomic uint32_t refs;
    uint32_t generation;
    uint64_t charged;
    struct budget *budget;
    struct group *groups[SPAN_TABLES]; /* owned; over made.spans.tables */
    struct made_part made;
};

/* Takes made's parts over; charges the budget, past its limit if need be: the batches' memory
 * is given back soon. */
TSDB_NODISCARD enum tsdb_status hot_spans_new(struct budget *budget, struct made_part *made,
                                              uint32_t generation, struct hot_spans **out,
                                              struct tsdb_error *err);
void hot_spans_ref(struct hot_spans *g);
void hot_spans_unref(struct hot_spans *g); /* NULL is a no-op */
struct span_tables hot_spans_tables(const struct hot_spans *g);
bool hot_spans_may_have(const struct hot_spans *g, uint32_t hash);

struct hot_list {
    struct hot_spans **at; /* owned, each referenced; oldest first */
    uint32_t count, cap;
};
void hot_list_push(struct hot_list *list, struct hot_spans *g); /* takes the reference over */
void hot_list_release(struct hot_list *list);

/* Groups of the batches [first, end) of the sequence. */
struct open_spans {
    _Atomic uint32_t refs;
    uint64_t first, end;
    struct hot_list groups;
};
void open_spans_unref(struct open_spans *o); /* NULL is a no-op */

struct trace_head {
    struct budget budget; /* child of the engine's */
    struct mutex tenants_lock;
    char **tenants; /* owned; [0] is "" */
    uint32_t tenant_count;

    uint32_t generation;
    struct mutex grouping;

    struct span_batch **open; /* owned, each referenced; in order of arrival */
    uint32_t open_count, open_cap;
    uint64_t open_spans, open_weight, open_first; /* open_first: sequence of open[0] */
    struct hot_list hot;
    struct open_spans *cached; /* referenced; may be NULL or out of date */
    uint64_t spans;            /* ever appended */
};

void trace_head_init(struct trace_head *h, struct budget *parent);
void trace_head_release(struct trace_head *h);
/* False: too many tenants.  Any thread. */
bool trace_head_admits(struct trace_head *h, struct tsdb_text tenant);

/* ---- spans: the shelf's lock held -------------------------------------------------- */

void trace_head_push(struct trace_head *h, struct span_batch *b); /* takes the reference over */
/* The first n open batches leave. */
void trace_head_drop_open(struct trace_head *h, uint32_t n);
/* What is of generations before this one leaves. */
void trace_head_drop_before(struct trace_head *h, uint32_t generation);

#endif
