#include "tsdb/traceql/metric_compare.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"
#include "tsdb/traceql/compare_table.h"
#include "tsdb/traceql/part_keys.h"
#include "tsdb/traceql/part_traces.h"
#include "tsdb/traceql/trace_candidates.h"

#include <stdlib.h>
#include <string.h>

enum { COMPARE_WORKERS_MAX = 64 };

struct compare_job {
    const struct metric_plan *plan;
    const struct span_test *selection;
    struct traces_set *set;
    bool is_columns;
    _Atomic uint32_t next_part;
};

struct compare_worker {
    struct compare_job *job;
    struct compare_table table;
    struct span_part *part;
    struct part_keys keys;
    uint64_t *mask, *selected; /* owned, PART_WORDS */
    uint32_t *steps;           /* owned, GROUP_ROWS_MAX */
    uint32_t *values;          /* owned: by key; UINT32_MAX: not looked up yet */
    uint32_t value_room;
    struct thread thread;
    enum tsdb_status status;
    struct tsdb_error err;
};

/* The selection may be narrowed to starts in (start, end]. */
static bool is_selected_time(const struct traceql_function *f, int64_t ts)
{
    return (f->start == 0 && f->end == 0) || (ts > f->start && ts <= f->end);
}

/* ---- columns --------------------------------------------------------------------------------- */

/* Counts the rows of the mask by their keys. */
static bool count_keys(struct compare_worker *w, const struct traceql_ref *ref)
{
    uint32_t attribute = compare_table_attribute(&w->table, ref);
    if (attribute == UINT32_MAX)
        return false;
    if (w->keys.count > w->value_room) {
        w->values = mem_grow(w->values, w->keys.count, sizeof *w->values);
        w->value_room = w->keys.count;
    }
    memset(w->values, 0xff, w->keys.count * sizeof *w->values);
    PART_MASK_EACH(w->part, w->mask, row)
    {
        uint32_t id = w->keys.ids[row];
        if (w->keys.values[id].type == TRACEQL_NIL)
            continue;
        if (w->values[id] == UINT32_MAX)
            w->values[id] = compare_table_value(&w->table, attribute, &w->keys.values[id]);
        bool is_selected = w->selected[row / 64] >> row % 64 & 1;
        if (w->values[id] == UINT32_MAX ||
            !compare_table_count(&w->table, w->values[id],
                                 is_selected ? COMPARE_SELECTION : COMPARE_BASELINE, w->steps[row],
                                 1))
            return false;
    }
    return true;
}

/* Every attribute of one table, name by name: columns of one name are one attribute. */
static bool count_table(struct compare_worker *w, enum span_table table)
{
    const struct group *g = w->part->part->tables.at[table];
    struct traceql_ref last = {.place = TSDB_PLACE_ANY};
    for (uint32_t i = 0; g && i < group_columns(g) && w->part->fault == TSDB_OK; i++) {
        const struct column_info *info = group_column(g, i);
        enum tsdb_trace_place place = (enum tsdb_trace_place)(info->tag >> 4);
        if (place != TSDB_PLACE_SPAN && place != TSDB_PLACE_RESOURCE && place != TSDB_PLACE_SCOPE)
            continue;
        struct traceql_ref ref = {.place = place, .name = info->name};
        if (ref.place == last.place && text_equal(ref.name, last.name))
            continue;
        last = ref;
        if (!part_keys_ref(&w->keys, w->part, &ref, w->mask) || !count_keys(w, &ref))
            return false;
    }
    return true;
}

static bool count_intrinsics(struct compare_worker *w)
{
    static const enum traceql_intrinsic of[] = {INTRINSIC_NAME, INTRINSIC_STATUS,
                                                INTRINSIC_STATUS_MESSAGE, INTRINSIC_KIND};
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        struct traceql_ref ref = {.place = TSDB_PLACE_INTRINSIC, .intrinsic = of[i]};
        if (!part_keys_ref(&w->keys, w->part, &ref, w->mask) || !count_keys(w, &ref))
            return false;
    }
    return true;
}

static enum tsdb_status take_part(struct compare_worker *w, struct tsdb_error *err)
{
    const struct metric_plan *plan = w->job->plan;
    bool is_exact;
    part_mask(w->part, plan->sets.only, w->part->rows_in, w->mask, &is_exact);
    part_mask(w->part, w->job->selection, w->mask, w->selected, &is_exact);
    const int64_t *starts = span_part_starts(w->part);
    PART_MASK_EACH(w->part, w->mask, row)
    {
        if (!starts)
            break;
        w->steps[row] = metric_grid_step(&plan->query->grid, starts[row]);
        if (!is_selected_time(plan->f, starts[row]))
            w->selected[row / 64] &= ~(UINT64_C(1) << row % 64);
    }
    enum tsdb_status st = span_part_check(w->part, err);
    if (st != TSDB_OK)
        return st;
    bool has_room = count_intrinsics(w) && count_table(w, SPAN_TABLE_SPANS) &&
                    count_table(w, SPAN_TABLE_SOURCES);
    return has_room ? TSDB_OK : trace_room_full(plan->query->room, err);
}

static enum tsdb_status look_at(struct compare_worker *w, uint32_t number, struct tsdb_error *err)
{
    struct trace_room *room = w->job->plan->query->room;
    enum tsdb_status st = trace_room_poll(room, err);
    if (st != TSDB_OK)
        return st;
    span_part_open(w->part, number);
    bool may = part_mask_may(w->part, w->job->plan->sets.only);
    st = may ? span_part_read(w->part, err) : TSDB_END;
    if (st == TSDB_OK)
        st = take_part(w, err);
    if (st == TSDB_OK)
        st = span_part_check(w->part, err);
    trace_room_count(room, w->part, !may);
    return st == TSDB_END ? TSDB_OK : st;
}

static void *work(void *arg)
{
    struct compare_worker *w = arg;
    uint32_t parts = traces_set_parts(w->job->set);
    while (w->status == TSDB_OK) {
        uint32_t part = atomic_fetch_add(&w->job->next_part, 1);
        if (part >= parts)
            break;
        w->status = look_at(w, part, &w->err);
        if (w->status != TSDB_OK)
            atomic_store(&w->job->next_part, parts);
    }
    return NULL;
}

static void worker_init(struct compare_worker *w, struct compare_job *job)
{
    const struct metric_plan *plan = job->plan;
    struct budget *budget = plan->query->room->budget;
    w->job = job;
    compare_table_init(&w->table, plan->query->grid.count, budget);
    part_keys_init(&w->keys, budget);
    w->part = span_part_new(job->set, plan->query->q, plan->start, plan->end, budget);
    w->mask = MEM_ARRAY(uint64_t, PART_WORDS);
    w->selected = MEM_ARRAY(uint64_t, PART_WORDS);
    w->steps = MEM_ARRAY(uint32_t, GROUP_ROWS_MAX);
}

static void worker_release(struct compare_worker *w)
{
    compare_table_release(&w->table);
    part_keys_release(&w->keys);
    span_part_free(w->part);
    mem_free(w->mask);
    mem_free(w->selected);
    mem_free(w->steps);
    mem_free(w->values);
}

static enum tsdb_status scan(struct compare_job *job, struct compare_table *table,
                             struct tsdb_error *err)
{
    struct trace_room *room = job->plan->query->room;
    uint32_t parts = traces_set_parts(job->set), count = thread_cores();
    if (count > COMPARE_WORKERS_MAX)
        count = COMPARE_WORKERS_MAX;
    count = room->is_single || parts < 2 ? 1 : parts < count ? parts : count;
    struct compare_worker *workers = MEM_ARRAY(struct compare_worker, count);
    for (uint32_t i = 0; i < count; i++)
        worker_init(&workers[i], job);
    for (uint32_t i = 1; i < count; i++)
        thread_start(&workers[i].thread, "andon-scan", work, &workers[i]);
    (void)work(&workers[0]);
    for (uint32_t i = 1; i < count; i++)
        thread_join(&workers[i].thread);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < count && st == TSDB_OK; i++) {
        st = workers[i].status;
        if (st != TSDB_OK)
            *err = workers[i].err;
        else if (!compare_table_add(table, &workers[i].table))
            st = trace_room_full(room, err);
    }
    for (uint32_t i = 0; i < count; i++)
        worker_release(&workers[i]);
    mem_free(workers);
    return st;
}

/* ---- spans of traces that were read whole ---------------------------------------------------- */

struct compare_walk {
    const struct compare_job *job;
    struct compare_table *table;
    struct arena arenas[2]; /* of one trace, of one span */
};

static bool count_value(struct compare_table *t, const struct traceql_ref *ref,
                        const struct span_value *v, enum compare_side side, uint32_t step)
{
    uint32_t attribute = compare_table_attribute(t, ref);
    uint32_t value = attribute == UINT32_MAX ? UINT32_MAX : compare_table_value(t, attribute, v);
    return value != UINT32_MAX && compare_table_count(t, value, side, step, 1);
}

/* Of several values under one name the first type counts, as everywhere. */
static bool is_first(const struct tsdb_fields *fields, uint32_t i)
{
    for (uint32_t k = 0; k < fields->count; k++)
        if (fields->at[k].type < fields->at[i].type &&
            text_equal(fields->at[k].name, fields->at[i].name))
            return false;
    return true;
}

static bool count_fields(struct compare_walk *w, enum tsdb_trace_place place,
                         const struct tsdb_fields *fields, enum compare_side side, uint32_t step)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        struct traceql_ref ref = {.place = place, .name = fields->at[i].name};
        struct span_value v = span_value_of(&fields->at[i], &w->arenas[1]);
        if (is_first(fields, i) && !count_value(w->table, &ref, &v, side, step))
            return false;
    }
    return true;
}

static enum tsdb_status count_span(struct compare_walk *w, struct trace_view *view, uint32_t index,
                                   struct tsdb_error *err)
{
    const struct metric_plan *plan = w->job->plan;
    const struct tsdb_span *s = &view->trace->spans[index];
    const struct tsdb_span_source *from = &view->trace->sources[s->source];
    struct span_source source = trace_view_source(view);
    view->span = index;
    arena_reset(&w->arenas[1]);
    bool is_selected =
        is_selected_time(plan->f, s->start) && span_test_passes(w->job->selection, &source);
    enum compare_side side = is_selected ? COMPARE_SELECTION : COMPARE_BASELINE;
    uint32_t step = metric_grid_step(&plan->query->grid, s->start);
    const struct {
        enum traceql_intrinsic intrinsic;
        struct span_value value;
    } of[] = {
        {INTRINSIC_NAME, span_string(s->name)},
        {INTRINSIC_STATUS, {.type = TRACEQL_STATUS, .integer = s->status}},
        {INTRINSIC_STATUS_MESSAGE, span_string(s->status_message)},
        {INTRINSIC_KIND, {.type = TRACEQL_KIND, .integer = s->kind}},
    };
    bool has_room = true;
    for (size_t i = 0; i < sizeof of / sizeof of[0] && has_room; i++) {
        struct traceql_ref ref = {.place = TSDB_PLACE_INTRINSIC, .intrinsic = of[i].intrinsic};
        has_room = count_value(w->table, &ref, &of[i].value, side, step);
    }
    has_room = has_room && count_fields(w, TSDB_PLACE_SPAN, &s->attributes, side, step) &&
               count_fields(w, TSDB_PLACE_RESOURCE, &from->resource, side, step) &&
               count_fields(w, TSDB_PLACE_SCOPE, &from->scope, side, step);
    return has_room ? TSDB_OK : trace_room_full(plan->query->room, err);
}

static enum tsdb_status count_trace(struct compare_walk *w, const struct tsdb_trace_id *id,
                                    struct tsdb_error *err)
{
    const struct metric_plan *plan = w->job->plan;
    struct tsdb_trace *trace;
    struct trace_view view;
    const struct span_set *sets;
    uint32_t count = 0;
    enum tsdb_status st = trace_room_poll(plan->query->room, err);
    if (st == TSDB_OK)
        st = trace_room_read(plan->query->room, w->job->set, id, &trace, err);
    if (st != TSDB_OK)
        return st == TSDB_ENOTFOUND ? TSDB_OK : st;
    arena_reset(&w->arenas[0]);
    st = trace_view_init(&view, trace, plan->start, plan->end, w->arenas, err);
    if (st == TSDB_OK)
        st = sets_plan_run(&plan->sets, &view, &w->arenas[0], &sets, &count, err);
    for (uint32_t i = 0; i < count && st == TSDB_OK; i++)
        for (uint32_t k = 0; k < sets[i].count && st == TSDB_OK; k++)
            st = count_span(w, &view, sets[i].spans[k], err);
    traces_trace_free(trace);
    return st;
}

static enum tsdb_status walk(struct compare_job *job, struct compare_table *table,
                             struct tsdb_error *err)
{
    const struct metric_plan *plan = job->plan;
    struct trace_room *room = plan->query->room;
    struct compare_walk w = {.job = job, .table = table};
    arena_init(&w.arenas[0], SIZE_MAX, room->budget);
    arena_init(&w.arenas[1], SIZE_MAX, room->budget);
    struct trace_candidates *c =
        trace_candidates_new(room, plan->query->q, &plan->sets, job->set, plan->start, plan->end);
    enum tsdb_status st = TSDB_OK;
    while (st == TSDB_OK) {
        struct tsdb_trace_id id;
        st = trace_candidates_next(c, &id, err);
        if (st == TSDB_OK)
            st = count_trace(&w, &id, err);
    }
    trace_candidates_free(c);
    arena_release(&w.arenas[0]);
    arena_release(&w.arenas[1]);
    return st == TSDB_END ? TSDB_OK : st;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const char *const kinds[COMPARE_SIDES][2] = {{"baseline", "baseline_total"},
                                                    {"selection", "selection_total"}};

static struct metric_row *put_row(const struct metric_query *query, const char *kind,
                                  const struct traceql_ref *ref, struct span_value value,
                                  struct metric_rows *out)
{
    struct metric_row *row = metric_rows_add(out, 2, query->grid.count, query->arena);
    struct writer text = {0};
    traceql_ref_format(ref, &text);
    char *name = ARENA_ARRAY(query->arena, char, text.len + 1);
    char *kept = ARENA_ARRAY(
        query->arena, char,
        value.type == TRACEQL_STRING || value.type == SPAN_LIST ? value.text.len + 1 : 1);
    if (row && name && kept) {
        memcpy(name, text.at, text.len);
        if (value.type == TRACEQL_STRING || value.type == SPAN_LIST) {
            if (value.text.len > 0)
                memcpy(kept, value.text.at, value.text.len);
            value.text.at = kept;
        }
        metric_row_label(row, text_of("__meta_type"), span_string(text_of(kind)));
        metric_row_label(row, (struct tsdb_text){name, text.len}, value);
        for (uint32_t i = 0; i < query->grid.count; i++)
            row->values[i] = 0;
    }
    writer_release(&text);
    return name && kept ? row : NULL;
}

struct ranked {
    uint32_t attribute;
    uint64_t total;
    const struct compare_value *value;
};

/* By attribute, the most frequent first; of equal ones by value. */
static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->attribute != y->attribute)
        return x->attribute < y->attribute ? -1 : 1;
    if (x->total != y->total)
        return x->total > y->total ? -1 : 1;
    int sign = span_value_order(&x->value->value, &y->value->value);
    return sign ? sign
                : (x->value->value.type > y->value->value.type) -
                      (x->value->value.type < y->value->value.type);
}

static bool put_values(const struct metric_plan *plan, const struct compare_table *t,
                       enum compare_side side, struct metric_rows *out)
{
    struct ranked *ranked = MEM_ARRAY(struct ranked, (size_t)t->count + 1);
    uint32_t count = 0, rank = 0;
    for (uint32_t i = 0; i < t->count; i++)
        if (t->values[i].totals[side] > 0)
            ranked[count++] =
                (struct ranked){t->values[i].attribute, t->values[i].totals[side], &t->values[i]};
    if (count > 1)
        qsort(ranked, count, sizeof *ranked, by_rank);
    bool has_room = true;
    for (uint32_t i = 0; i < count && has_room; i++) {
        rank = i > 0 && ranked[i].attribute == ranked[i - 1].attribute ? rank + 1 : 0;
        if (rank >= plan->f->top)
            continue;
        const struct compare_value *v = ranked[i].value;
        struct metric_row *row =
            put_row(plan->query, kinds[side][0], &t->attributes[v->attribute].ref, v->value, out);
        has_room = row != NULL;
        for (uint32_t k = 0; row && k < v->count; k++)
            row->values[v->counts[k].step] = (double)v->counts[k].spans[side];
    }
    mem_free(ranked);
    return has_room;
}

static bool put_totals(const struct metric_plan *plan, const struct compare_table *t,
                       enum compare_side side, struct metric_rows *out)
{
    for (uint32_t i = 0; i < t->attribute_count; i++) {
        uint64_t total = 0;
        for (uint32_t k = 0; k < t->steps; k++)
            total += t->attributes[i].totals[side][k];
        if (total == 0)
            continue;
        struct metric_row *row =
            put_row(plan->query, kinds[side][1], &t->attributes[i].ref, span_nil(), out);
        if (!row)
            return false;
        for (uint32_t k = 0; k < t->steps; k++)
            row->values[k] = (double)t->attributes[i].totals[side][k];
    }
    return true;
}

enum tsdb_status metric_compare_run(const struct metric_plan *plan, struct metric_rows *out,
                                    struct tsdb_error *err)
{
    const struct metric_query *query = plan->query;
    struct compare_job job = {.plan = plan};
    struct compare_table table;
    enum tsdb_status st =
        span_test_new(query->q, plan->f->selection, query->arena, &job.selection, err);
    if (st == TSDB_OK)
        st = trace_room_select(query->room, plan->start, plan->end, &job.set, err);
    if (st != TSDB_OK)
        return st;
    compare_table_init(&table, query->grid.count, query->room->budget);
    job.is_columns = plan->is_columns && !job.selection->has_trace;
    st = job.is_columns ? scan(&job, &table, err) : walk(&job, &table, err);
    for (int side = 0; side < COMPARE_SIDES && st == TSDB_OK; side++)
        if (!put_values(plan, &table, (enum compare_side)side, out) ||
            !put_totals(plan, &table, (enum compare_side)side, out))
            st = trace_room_full(query->room, err);
    if (traces_set_is_partial(job.set))
        atomic_store(&query->room->counts.is_partial, true);
    compare_table_release(&table);
    traces_set_close(job.set);
    if (st == TSDB_OK)
        metric_rows_settle(out, query->grid.count);
    return st;
}
