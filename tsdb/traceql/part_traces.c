#include "tsdb/traceql/part_traces.h"

#include "tsdb/base/mem.h"
#include "tsdb/traceql/part_mask.h"

#include <string.h>

void part_traces_init(struct part_traces *t, const struct sets_plan *plan, struct traces_set *set,
                      struct span_part *part, struct budget *budget)
{
    *t = (struct part_traces){.plan = plan, .set = set, .part = part};
    t->any = MEM_ARRAY(uint64_t, PART_WORDS);
    for (uint32_t i = 0; i < plan->leaf_count; i++)
        t->masks[i] = MEM_ARRAY(uint64_t, PART_WORDS);
    arena_init(&t->scratch, SIZE_MAX, budget);
}

void part_traces_release(struct part_traces *t)
{
    for (uint32_t i = 0; t->plan && i < t->plan->leaf_count; i++)
        mem_free(t->masks[i]);
    mem_free(t->any);
    arena_release(&t->scratch);
    *t = (struct part_traces){0};
}

bool part_traces_may(struct part_traces *t)
{
    if (sets_plan_may(t->plan, 0))
        return true;
    for (uint32_t i = 0; i < t->plan->leaf_count; i++)
        if (part_mask_may(t->part, t->plan->leaves[i]))
            return true;
    return false;
}

/* Rows of each leaf, and of any. */
static void find_rows(struct part_traces *t)
{
    struct span_part *p = t->part;
    uint32_t words = (p->rows[SPAN_TABLE_SPANS] + 63) / 64;
    if (sets_plan_may(t->plan, 0)) { /* nothing is needed: any trace may match */
        memcpy(t->any, p->rows_in, words * sizeof *t->any);
        for (uint32_t i = 0; i < t->plan->leaf_count; i++)
            memset(t->masks[i], 0, words * sizeof *t->any);
        return;
    }
    memset(t->any, 0, words * sizeof *t->any);
    for (uint32_t i = 0; i < t->plan->leaf_count; i++) {
        bool is_exact;
        part_mask(p, t->plan->leaves[i], p->rows_in, t->masks[i], &is_exact);
        for (uint32_t w = 0; w < words; w++)
            t->any[w] |= t->masks[i][w];
    }
}

static bool count_part(void *arg, uint32_t part)
{
    uint32_t *count = arg;
    (void)part;
    return ++*count < 2;
}

static bool is_alone(struct part_traces *t, const struct tsdb_trace_id *id)
{
    uint32_t parts = 0;
    traces_set_find(t->set, id, count_part, &parts);
    return parts < 2;
}

/* The rows [first, end) of a trace, of which some pass the leaves. */
struct found {
    uint32_t first, end, leaves;
    int64_t newest;
};

struct visit {
    struct part_traces *t;
    bool has_sets;
    part_trace_fn *fn;
    void *arg;
    struct tsdb_error *err;
};

static enum tsdb_status visit_trace(struct visit *v, const struct found *f)
{
    struct part_traces *t = v->t;
    struct part_trace trace = {.newest = f->newest};
    struct trace_view view;
    if (!span_part_trace_id(t->part, f->first, &trace.id))
        return TSDB_OK;
    bool may = sets_plan_may(t->plan, f->leaves), is_sure = t->plan->only && !v->has_sets;
    if (is_sure || !is_alone(t, &trace.id))
        return v->fn(v->arg, &trace, v->err);
    if (!may)
        return TSDB_OK;
    arena_reset(&t->scratch);
    enum tsdb_status st =
        trace_view_of_part(&view, t->part, f->first, f->end - f->first, &t->scratch, v->err);
    if (st == TSDB_END)
        return t->part->fault == TSDB_OK ? v->fn(v->arg, &trace, v->err) : TSDB_OK;
    if (st == TSDB_OK)
        st = sets_plan_run(t->plan, &view, &t->scratch, &trace.sets, &trace.set_count, v->err);
    if (st != TSDB_OK || trace.set_count == 0 || t->part->fault != TSDB_OK)
        return st;
    trace.view = &view;
    return v->fn(v->arg, &trace, v->err);
}

/* Adds a row to what was found of its trace. */
static void find_row(const struct part_traces *t, struct found *f, uint32_t row, int64_t start)
{
    f->newest = start > f->newest ? start : f->newest;
    for (uint32_t i = 0; i < t->plan->leaf_count; i++)
        f->leaves |= (uint32_t)(t->masks[i][row / 64] >> row % 64 & 1) << i;
}

enum tsdb_status part_traces_each(struct part_traces *t, bool has_sets, part_trace_fn *fn,
                                  void *arg, struct tsdb_error *err)
{
    struct visit v = {t, has_sets, fn, arg, err};
    uint32_t count, trace = 0;
    find_rows(t);
    const uint32_t *firsts = span_part_traces(t->part, &count);
    const int64_t *starts = span_part_starts(t->part);
    enum tsdb_status st = TSDB_OK;
    if (!firsts || !starts || count == 0)
        return TSDB_OK;
    struct found f = {.newest = INT64_MIN}; /* end 0: of no trace */
    PART_MASK_EACH(t->part, t->any, row)
    {
        if (row >= f.end) {
            if (f.end > 0)
                st = visit_trace(&v, &f);
            if (st != TSDB_OK)
                return st;
            while (row >= firsts[trace + 1])
                trace++;
            f = (struct found){firsts[trace], firsts[trace + 1], 0, INT64_MIN};
        }
        find_row(t, &f, row, starts[row]);
    }
    return f.end > 0 ? visit_trace(&v, &f) : TSDB_OK;
}
