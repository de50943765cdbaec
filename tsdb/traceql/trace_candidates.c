#include "tsdb/traceql/trace_candidates.h"

#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/traceql/part_traces.h"

#include <string.h>

/* A trace, and the newest start of its spans that a filter lets pass. */
struct candidate {
    int64_t key;
    struct tsdb_trace_id id;
};

struct trace_candidates {
    struct trace_room *room;
    struct traces_set *set;
    struct span_part *part;
    uint32_t next_part;
    struct candidate *heap; /* owned, charged; the newest in front */
    size_t count, cap;
    struct tsdb_trace_id *seen; /* owned, charged; open addressing, none is all zero */
    size_t seen_count, seen_cap;
    size_t charged;
    struct part_traces traces; /* of the part at hand */
};

struct trace_candidates *trace_candidates_new(struct trace_room *room, const struct traceql *q,
                                              const struct sets_plan *plan, struct traces_set *set,
                                              int64_t start, int64_t end)
{
    struct trace_candidates *c = MEM_NEW(struct trace_candidates);
    c->room = room;
    c->set = set;
    c->part = span_part_new(set, q, start, end, room->budget);
    part_traces_init(&c->traces, plan, set, c->part, room->budget);
    return c;
}

void trace_candidates_free(struct trace_candidates *c)
{
    if (!c)
        return;
    part_traces_release(&c->traces);
    span_part_free(c->part);
    mem_free(c->heap);
    mem_free(c->seen);
    budget_release(c->room->budget, c->charged);
    mem_free(c);
}

/* ---- the heap and the set -------------------------------------------------------------------- */

static bool is_newer(const struct candidate *a, const struct candidate *b)
{
    return a->key != b->key ? a->key > b->key : memcmp(&a->id, &b->id, sizeof a->id) < 0;
}

static bool charge(struct trace_candidates *c, size_t bytes)
{
    if (!budget_charge(c->room->budget, bytes))
        return false;
    c->charged += bytes;
    return true;
}

static enum tsdb_status push(struct trace_candidates *c, const struct candidate *in,
                             struct tsdb_error *err)
{
    if (c->count == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 256;
        if (!charge(c, (cap - c->cap) * sizeof *c->heap))
            return trace_room_full(c->room, err);
        c->heap = mem_grow(c->heap, cap, sizeof *c->heap);
        c->cap = cap;
    }
    size_t i = c->count++;
    for (; i > 0 && is_newer(in, &c->heap[(i - 1) / 2]); i = (i - 1) / 2)
        c->heap[i] = c->heap[(i - 1) / 2];
    c->heap[i] = *in;
    return TSDB_OK;
}

static struct candidate pop(struct trace_candidates *c)
{
    struct candidate top = c->heap[0], last = c->heap[--c->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < c->count && is_newer(&c->heap[child + 1], &c->heap[child]))
            child++;
        if (child >= c->count || !is_newer(&c->heap[child], &last))
            break;
        c->heap[i] = c->heap[child];
        i = child;
    }
    c->heap[i] = last;
    return top;
}

static size_t seen_slot(const struct tsdb_trace_id *at, size_t cap, const struct tsdb_trace_id *id)
{
    static const struct tsdb_trace_id none;
    size_t slot = hash64(0, id, sizeof *id) & (cap - 1);
    while (memcmp(&at[slot], &none, sizeof none) != 0 && memcmp(&at[slot], id, sizeof *id) != 0)
        slot = (slot + 1) & (cap - 1);
    return slot;
}

/* *is_new: the trace had not been handed out. */
static enum tsdb_status see(struct trace_candidates *c, const struct tsdb_trace_id *id,
                            bool *is_new, struct tsdb_error *err)
{
    static const struct tsdb_trace_id none;
    if (2 * c->seen_count >= c->seen_cap) {
        size_t cap = c->seen_cap ? 2 * c->seen_cap : 256;
        if (!charge(c, (cap - c->seen_cap) * sizeof *c->seen))
            return trace_room_full(c->room, err);
        struct tsdb_trace_id *at = MEM_ARRAY(struct tsdb_trace_id, cap);
        for (size_t i = 0; i < c->seen_cap; i++)
            if (memcmp(&c->seen[i], &none, sizeof none) != 0)
                at[seen_slot(at, cap, &c->seen[i])] = c->seen[i];
        mem_free(c->seen);
        c->seen = at;
        c->seen_cap = cap;
    }
    size_t slot = seen_slot(c->seen, c->seen_cap, id);
    *is_new = memcmp(&c->seen[slot], &none, sizeof none) == 0;
    c->seen_count += *is_new;
    c->seen[slot] = *id;
    return TSDB_OK;
}

/* ---- one part -------------------------------------------------------------------------------- */

static enum tsdb_status add_trace(void *arg, const struct part_trace *trace, struct tsdb_error *err)
{
    struct candidate found = {trace->newest, trace->id};
    return push(arg, &found, err);
}

static enum tsdb_status look_at(struct trace_candidates *c, uint32_t number, struct tsdb_error *err)
{
    enum tsdb_status st = trace_room_poll(c->room, err);
    if (st != TSDB_OK)
        return st;
    span_part_open(c->part, number);
    bool may = part_traces_may(&c->traces);
    st = may ? span_part_read(c->part, err) : TSDB_END;
    if (st == TSDB_OK) {
        st = part_traces_each(&c->traces, false, add_trace, c, err);
        if (st == TSDB_OK)
            st = span_part_check(c->part, err);
    }
    trace_room_count(c->room, c->part, !may);
    return st == TSDB_END ? TSDB_OK : st;
}

enum tsdb_status trace_candidates_next(struct trace_candidates *c, struct tsdb_trace_id *out,
                                       struct tsdb_error *err)
{
    uint32_t parts = traces_set_parts(c->set);
    bool is_new = false;
    while (!is_new) {
        while (c->next_part < parts &&
               (c->count == 0 || c->heap[0].key <= traces_set_part(c->set, c->next_part)->ts_max)) {
            enum tsdb_status st = look_at(c, c->next_part++, err);
            if (st != TSDB_OK)
                return st;
        }
        if (c->count == 0)
            return TSDB_END;
        struct candidate next = pop(c);
        enum tsdb_status st = see(c, &next.id, &is_new, err);
        if (st != TSDB_OK)
            return st;
        *out = next.id;
    }
    return TSDB_OK;
}
