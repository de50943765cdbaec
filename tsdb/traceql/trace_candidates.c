#include "tsdb/traceql/trace_candidates.h"

#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/traceql/part_mask.h"

#include <string.h>

/* A trace, and the newest start of its spans that a filter lets pass. */
struct candidate {
    int64_t key;
    struct tsdb_trace_id id;
};

struct trace_candidates {
    struct trace_room *room;
    const struct sets_plan *plan;
    struct traces_set *set;
    struct span_part *part;
    uint32_t next_part;
    struct candidate *heap; /* owned, charged; the newest in front */
    size_t count, cap;
    struct tsdb_trace_id *seen; /* owned, charged; open addressing, none is all zero */
    size_t seen_count, seen_cap;
    size_t charged;
    uint64_t *masks[SPAN_LEAVES_MAX]; /* owned, of the leaves; those there are */
    uint64_t *any;                    /* owned: their union */
};

struct trace_candidates *trace_candidates_new(struct trace_room *room, const struct traceql *q,
                                              const struct sets_plan *plan, struct traces_set *set,
                                              int64_t start, int64_t end)
{
    struct trace_candidates *c = MEM_NEW(struct trace_candidates);
    c->room = room;
    c->plan = plan;
    c->set = set;
    c->part = span_part_new(set, q, start, end, room->budget);
    c->any = MEM_ARRAY(uint64_t, PART_WORDS);
    for (uint32_t i = 0; i < plan->leaf_count; i++)
        c->masks[i] = MEM_ARRAY(uint64_t, PART_WORDS);
    return c;
}

void trace_candidates_free(struct trace_candidates *c)
{
    if (!c)
        return;
    span_part_free(c->part);
    for (uint32_t i = 0; i < c->plan->leaf_count; i++)
        mem_free(c->masks[i]);
    mem_free(c->any);
    mem_free(c->heap);
    mem_free(c->seen);
    budget_release(c->room->budget, c->charged);
    mem_free(c);
}

/* ---- the heap and the set ------------------------------------------------------------------ */

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

/* Rows of each leaf, and of any; false: there are none. */
static bool find_rows(struct trace_candidates *c)
{
    struct span_part *p = c->part;
    const struct sets_plan *plan = c->plan;
    uint32_t words = (p->rows[SPAN_TABLE_SPANS] + 63) / 64;
    if (sets_plan_may(plan, 0)) { /* nothing is needed: any trace may match */
        memcpy(c->any, p->rows_in, words * sizeof *c->any);
        for (uint32_t i = 0; i < plan->leaf_count; i++)
            memset(c->masks[i], 0, words * sizeof *c->any);
        return true;
    }
    memset(c->any, 0, words * sizeof *c->any);
    for (uint32_t i = 0; i < plan->leaf_count; i++) {
        bool is_exact;
        part_mask(p, plan->leaves[i], p->rows_in, c->masks[i], &is_exact);
        for (uint32_t w = 0; w < words; w++)
            c->any[w] |= c->masks[i][w];
    }
    return part_mask_count(p, c->any) > 0;
}

static bool count_part(void *arg, uint32_t part)
{
    uint32_t *count = arg;
    (void)part;
    return ++*count < 2;
}

/* The trace of rows that pass, as a candidate, unless they are not enough and all there is. */
static enum tsdb_status add_trace(struct trace_candidates *c, uint32_t first, uint32_t leaves,
                                  int64_t key, struct tsdb_error *err)
{
    struct candidate found = {.key = key};
    if (!span_part_trace_id(c->part, first, &found.id))
        return TSDB_OK;
    if (!sets_plan_may(c->plan, leaves)) {
        uint32_t parts = 0;
        traces_set_find(c->set, &found.id, count_part, &parts);
        if (parts < 2)
            return TSDB_OK;
    }
    return push(c, &found, err);
}

static enum tsdb_status add_traces(struct trace_candidates *c, struct tsdb_error *err)
{
    uint32_t count, trace = 0, leaves = 0;
    struct span_part *p = c->part;
    const uint32_t *firsts = span_part_traces(p, &count);
    const int64_t *starts = span_part_starts(p);
    if (!firsts || !starts || count == 0)
        return TSDB_OK;
    int64_t key = INT64_MIN;
    bool has_any = false;
    enum tsdb_status st = TSDB_OK;
    PART_MASK_EACH(p, c->any, row)
    {
        if (row >= firsts[trace + 1]) {
            if (has_any)
                st = add_trace(c, firsts[trace], leaves, key, err);
            if (st != TSDB_OK)
                return st;
            while (row >= firsts[trace + 1])
                trace++;
            leaves = 0;
            key = INT64_MIN;
        }
        has_any = true;
        key = starts[row] > key ? starts[row] : key;
        for (uint32_t i = 0; i < c->plan->leaf_count; i++)
            leaves |= (uint32_t)(c->masks[i][row / 64] >> row % 64 & 1) << i;
    }
    return has_any ? add_trace(c, firsts[trace], leaves, key, err) : TSDB_OK;
}

static bool part_may(struct trace_candidates *c)
{
    if (sets_plan_may(c->plan, 0))
        return true;
    for (uint32_t i = 0; i < c->plan->leaf_count; i++)
        if (part_mask_may(c->part, c->plan->leaves[i]))
            return true;
    return false;
}

static enum tsdb_status look_at(struct trace_candidates *c, uint32_t number, struct tsdb_error *err)
{
    enum tsdb_status st = trace_room_poll(c->room, err);
    if (st != TSDB_OK)
        return st;
    span_part_open(c->part, number);
    bool may = part_may(c);
    st = may ? span_part_read(c->part, err) : TSDB_END;
    if (st == TSDB_OK) {
        if (find_rows(c))
            st = add_traces(c, err);
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
