#include "tsdb/traceql/metric_scan.h"

#include "tsdb/base/mem.h"

#include <math.h>
#include <string.h>

void metric_sums_init(struct metric_sums *s, const struct metric_plan *plan)
{
    *s = (struct metric_sums){.plan = plan};
    metric_table_init(&s->table, plan->query->room, plan->kept, plan->label_count,
                      plan->query->grid.count);
    s->exemplars = MEM_ARRAY(struct metric_exemplar, (size_t)plan->query->exemplars + 1);
}

void metric_sums_release(struct metric_sums *s)
{
    metric_table_release(&s->table);
    mem_free(s->exemplars);
    s->exemplars = NULL;
}

static uint64_t hash_of_start(int64_t ts)
{
    uint64_t h = (uint64_t)ts * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    return h ^ h >> 32;
}

bool metric_sums_wants(const struct metric_sums *s, int64_t ts, uint32_t *slot)
{
    const struct metric_grid *g = &s->plan->query->grid;
    uint32_t count = s->plan->query->exemplars;
    if (count == 0)
        return false;
    uint64_t width = ((uint64_t)g->to - (uint64_t)g->from - 1) / count + 1;
    *slot = (uint32_t)(((uint64_t)ts - (uint64_t)g->from - 1) / width);
    const struct metric_exemplar *e = &s->exemplars[*slot];
    return !e->is_set || hash_of_start(ts) <= e->hash;
}

static bool is_before(const struct metric_exemplar *a, const struct metric_exemplar *b)
{
    if (a->hash != b->hash)
        return a->hash < b->hash;
    int sign = memcmp(&a->at.trace_id, &b->at.trace_id, sizeof a->at.trace_id);
    return sign ? sign < 0 : memcmp(&a->at.span_id, &b->at.span_id, sizeof a->at.span_id) < 0;
}

void metric_sums_exemplar(struct metric_sums *s, uint32_t slot, uint32_t series,
                          const struct tsdb_trace_exemplar *in)
{
    struct metric_exemplar e = {true, hash_of_start(in->ts), series, *in};
    if (!s->exemplars[slot].is_set || is_before(&e, &s->exemplars[slot]))
        s->exemplars[slot] = e;
}

enum tsdb_status metric_sums_add(struct metric_sums *to, const struct metric_sums *from,
                                 struct tsdb_error *err)
{
    enum tsdb_status st = metric_table_add(&to->table, &from->table, err);
    for (uint32_t i = 0; i < to->plan->query->exemplars && st == TSDB_OK; i++) {
        const struct metric_exemplar *e = &from->exemplars[i];
        uint32_t series;
        if (!e->is_set)
            continue;
        st = metric_table_put(&to->table, from->table.series[e->series].labels, &series, err);
        if (st == TSDB_OK)
            metric_sums_exemplar(to, i, series, &e->at);
    }
    return st;
}

/* ---- a span of a trace ----------------------------------------------------------------------- */

static struct span_value value_of(struct trace_view *view, const struct traceql *q, uint32_t slot)
{
    const struct traceql_ref *ref = &q->refs[slot];
    struct span_source source = trace_view_source(view);
    struct span_test field = {.kind = FIELD_REF,
                              .slot = slot,
                              .ref = ref,
                              .has_event = traceql_ref_child(ref) == TSDB_PLACE_EVENT,
                              .has_link = traceql_ref_child(ref) == TSDB_PLACE_LINK};
    return span_test_value(&field, &source);
}

enum tsdb_status metric_sums_span(struct metric_sums *s, struct trace_view *view, uint32_t span,
                                  struct tsdb_error *err)
{
    const struct metric_plan *plan = s->plan;
    const struct traceql *q = plan->query->q;
    struct span_value labels[TRACEQL_GROUPS_MAX + 1];
    struct tsdb_trace_exemplar e = {.value = (double)NAN, .trace_id = view->id};
    double number = (double)NAN;
    uint32_t series, slot;
    view->span = span;
    arena_reset(view->values);
    if (plan->has_value || plan->has_bucket) {
        struct span_value v = value_of(view, q, plan->f->ref);
        number = metric_function_number(plan->f, &q->refs[plan->f->ref], &v);
        if (plan->has_bucket)
            labels[plan->label_count - 1] = metric_function_bucket(&v);
        if (plan->has_bucket ? labels[plan->label_count - 1].type == TRACEQL_NIL : isnan(number))
            return TSDB_OK;
    }
    for (uint32_t i = 0; i < plan->f->by.count; i++)
        labels[i] = value_of(view, q, plan->f->by.at[i]);
    if (!trace_view_span(view, span, &e.ts, &e.span_id))
        return TSDB_OK;
    enum tsdb_status st = metric_table_put(&s->table, labels, &series, err);
    if (st != TSDB_OK)
        return st;
    if (!metric_table_count(&s->table, series, metric_grid_step(&plan->query->grid, e.ts), number))
        return trace_room_full(plan->query->room, err);
    if (plan->has_value)
        e.value = number;
    if (metric_sums_wants(s, e.ts, &slot))
        metric_sums_exemplar(s, slot, series, &e);
    return TSDB_OK;
}
