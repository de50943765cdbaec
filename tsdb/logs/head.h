/* head.h - the streams that are written to and the records that are in no segment yet.
 *
 *   canonical labels --hash--> ref --> struct head_stream
 *   matchers --head_index--> refs
 *   open batches, oldest first --grouping--> hot groups
 *
 * An open batch is its journal payload as it was appended, and per row a time, a ref
 * and an offset (16 bytes).  A hot group has the rows of many batches as columns.
 * Both carry the generation in which they came; sealing turns the generation, writes
 * what is of those before and drops it.
 *
 * A ref lives while records of its stream are in the head, and a quarter of an hour
 * longer; readers copy the labels they need.
 *
 * Locks: `streams` guards the streams, `grouping` the making of groups.  The lists of
 * batches and groups are guarded by logs.lists; generation by the store's gate.
 * Shared by reference: batches and groups are immutable once they are in a list.
 */
#ifndef TSDB_LOGS_HEAD_H
#define TSDB_LOGS_HEAD_H

#include "tsdb/base/budget.h"
#include "tsdb/base/thread.h"
#include "tsdb/logs/group_rows.h"
#include "tsdb/logs/stream_labels.h"
#include "tsdb/store/slots.h"

enum { HEAD_TENANTS_MAX = 1024 };
#define HEAD_NONE UINT32_MAX

struct log_batch {
    _Atomic uint32_t refs;
    uint32_t generation, row_count;
    uint64_t position; /* in the journal */
    uint64_t charged, line_bytes;
    int64_t ts_min, ts_max;
    struct budget *budget;
    uint8_t *payload; /* owned */
    struct batch_tables tables;
    struct batch_row rows[]; /* streams are refs */
};

/* Takes the payload over (mem.h), in any case.  TSDB_ECORRUPT: its tables do not decode;
 * TSDB_ELIMIT: the budget is spent.  rows are the caller's to fill. */
TSDB_NODISCARD enum tsdb_status log_batch_new(struct budget *budget, struct bytes payload,
                                              struct log_batch **out);
void log_batch_ref(struct log_batch *b);
void log_batch_unref(struct log_batch *b);

struct hot_group {
    _Atomic uint32_t refs;
    uint32_t generation;
    uint64_t charged;
    struct budget *budget;
    struct group *group; /* owned; over made.strings */
    struct made_group made;
};

/* Takes made's parts over; charges the budget, past its limit if need be: the rows' former
 * memory is given back soon. */
TSDB_NODISCARD enum tsdb_status hot_group_new(struct budget *budget, struct made_group *made,
                                              uint32_t generation, struct hot_group **out,
                                              struct tsdb_error *err);
void hot_group_ref(struct hot_group *g);
void hot_group_unref(struct hot_group *g);

/* Groups of all batches that were open at one moment: [first, end) of the sequence. */
struct open_groups {
    _Atomic uint32_t refs;
    uint64_t first, end;
    uint32_t count, cap;
    struct hot_group **at; /* owned, each referenced */
};
void open_groups_unref(struct open_groups *g);

struct head_stream {
    struct tsdb_hash hash;
    _Atomic int64_t touched_ns;  /* mono */
    _Atomic uint32_t generation; /* of the last append */
    uint16_t tenant;
    bool is_live;
};

struct head_tenant {
    char *name; /* owned; [0] is "" */
    uint64_t streams;
    bool has_churned;
    double churn_tokens; /* new streams it may make */
    int64_t churn_mono_ns;
};

struct head {
    uint64_t seed;
    struct budget budget;      /* child of the engine's */
    struct rwlock streams;     /* guards the next block */
    struct head_index *labels; /* owned */
    struct slots by_hash;
    struct head_stream *at; /* owned; by ref */
    uint32_t count, cap, live;
    struct ordinals free;
    struct head_tenant *tenants; /* owned */
    uint32_t tenant_count;
    uint64_t created, charged;

    uint32_t generation;
    struct mutex grouping;

    struct log_batch **open; /* owned, each referenced; in order of arrival */
    uint32_t open_count, open_cap;
    uint64_t open_rows, open_first; /* open_first: sequence of open[0] */
    struct hot_group **hot;         /* owned, each referenced; oldest first */
    uint32_t hot_count, hot_cap;
    struct open_groups *cached; /* referenced; may be NULL or out of date */
    uint64_t records;           /* ever appended */
};

void log_head_init(struct head *h, uint64_t seed, struct budget *parent);
void log_head_release(struct head *h);

/* ---- streams: `streams` held for reading, or for writing where it changes ---------- */

uint32_t log_head_find(const struct head *h, struct tsdb_hash hash);
/* Writing.  labels with the tenant.  HEAD_NONE: the budget is spent. */
uint32_t log_head_add(struct head *h, struct tsdb_hash hash, uint16_t tenant,
                      struct tsdb_labels labels);
/* Writing.  HEAD_TENANTS_MAX: too many of them. */
uint32_t log_head_tenant_put(struct head *h, const char *name);
static inline void head_touch(struct head *h, uint32_t ref, int64_t mono_ns)
{
    struct head_stream *s = &h->at[ref];
    atomic_store_explicit(&s->touched_ns, mono_ns, memory_order_relaxed);
    atomic_store_explicit(&s->generation, h->generation, memory_order_relaxed);
}
/* Takes `streams` itself; the gate is held for writing.  Forgets those of generations
 * before the current one, of which nothing is in the head any more, that were not
 * touched since. */
void log_head_forget_idle(struct head *h, int64_t since_mono_ns);

/* ---- rows: logs.lists held -------------------------------------------------------- */

void log_head_push(struct head *h, struct log_batch *b);     /* takes the reference over */
void log_head_push_hot(struct head *h, struct hot_group *g); /* likewise */
/* The first n open batches leave. */
void log_head_drop_open(struct head *h, uint32_t n);
/* What is of generations before this one leaves. */
void log_head_drop_before(struct head *h, uint32_t generation);

#endif
