#include "tsdb/traceql/metric_scan.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/thread.h"
#include "tsdb/traceql/part_keys.h"
#include "tsdb/traceql/part_traces.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SCAN_WORKERS_MAX = 64, BUCKETS = 2200 };

/* ---- a worker's part ------------------------------------------------------------------------- */

struct metric_scan_job;

struct scan_worker {
    struct metric_scan_job *job;
    struct metric_sums sums;
    struct span_part *part;
    struct part_traces traces;
    struct tsdb_trace_id *whole; /* owned, charged: traces to be read whole */
    uint32_t whole_count, whole_cap;
    struct part_keys keys[TRACEQL_GROUPS_MAX + 1];
    uint64_t *mask; /* owned, PART_WORDS */
    uint32_t *ids;  /* owned, GROUP_ROWS_MAX: of the row's labels */
    uint32_t id_count;
    double *numbers;  /* owned, GROUP_ROWS_MAX: NaN: none */
    uint32_t *series; /* owned: by id; UINT32_MAX: not looked up yet */
    uint32_t series_room;
    uint32_t bucket_ids[BUCKETS];
    struct thread thread;
    enum tsdb_status status;
    struct tsdb_error err;
};

struct metric_scan_job {
    const struct metric_plan *plan;
    struct traces_set *set;
    _Atomic uint32_t next_part;
};

static void drop_row(struct scan_worker *w, uint32_t row)
{
    w->mask[row / 64] &= ~(UINT64_C(1) << row % 64);
}

/* The function's field as one column of numbers; NULL: it is not as simple as that. */
static const struct part_column *number_column(struct scan_worker *w)
{
    const struct traceql_function *f = w->job->plan->f;
    const struct traceql_ref *ref = &w->part->refs[f->ref];
    const struct bound_field *b = span_part_field(w->part, f->ref);
    if ((ref->intrinsic != INTRINSIC_NONE && ref->intrinsic != INTRINSIC_DURATION) ||
        b->second.count > 0 || b->first.count != 1 || b->first.table != SPAN_TABLE_SPANS)
        return NULL;
    uint8_t type = b->first.at[0].type;
    if (type != TSDB_FIELD_INT && type != TSDB_FIELD_DOUBLE)
        return NULL;
    const struct part_column *c =
        span_part_column(w->part, SPAN_TABLE_SPANS, b->first.at[0].column);
    return c && (c->ints || c->doubles) ? c : NULL;
}

/* Numbers of a column, at once; false: there is none such. */
static bool column_numbers(struct scan_worker *w)
{
    const struct part_column *c = number_column(w);
    const struct traceql_ref *ref = &w->part->refs[w->job->plan->f->ref];
    double unit = ref->intrinsic == INTRINSIC_DURATION ? 1e9 : 1;
    if (!c)
        return false;
    PART_MASK_EACH(w->part, w->mask, row)
    {
        w->numbers[row] = !part_column_has(c, row) ? (double)NAN
                          : c->ints                ? (double)c->ints[row] / unit
                                                   : c->doubles[row];
    }
    return true;
}

/* The field's value of a row, as the span source has it. */
static struct span_value row_value(struct scan_worker *w, uint32_t row)
{
    uint32_t slot = w->job->plan->f->ref;
    const struct traceql_ref *ref = &w->part->refs[slot];
    struct span_source source = span_part_source(w->part);
    struct span_test field = {.kind = FIELD_REF,
                              .slot = slot,
                              .ref = ref,
                              .has_event = traceql_ref_child(ref) == TSDB_PLACE_EVENT,
                              .has_link = traceql_ref_child(ref) == TSDB_PLACE_LINK};
    span_part_row(w->part, row);
    arena_reset(&w->part->values);
    return span_test_value(&field, &source);
}

/* The function's value of every row; rows without one leave the mask. */
static void find_numbers(struct scan_worker *w)
{
    const struct metric_plan *plan = w->job->plan;
    const struct traceql_ref *ref = &w->part->refs[plan->f->ref];
    if (!column_numbers(w)) {
        PART_MASK_EACH(w->part, w->mask, row)
        {
            struct span_value v = row_value(w, row);
            w->numbers[row] = metric_function_number(plan->f, ref, &v);
        }
    }
    PART_MASK_EACH(w->part, w->mask, row)
    {
        if (isnan(w->numbers[row]))
            drop_row(w, row);
    }
}

/* The key of a bucket, the same for all of its rows. */
static uint32_t bucket_id(struct scan_worker *w, struct part_keys *k, struct span_value bucket)
{
    int exponent = 0;
    (void)frexp(bucket.real, &exponent);
    uint32_t *id = &w->bucket_ids[exponent + 1080];
    if (*id == UINT32_MAX) {
        if (k->count == k->cap) {
            k->cap = k->cap ? 2 * k->cap : 64;
            k->values = mem_grow(k->values, k->cap, sizeof *k->values);
        }
        k->values[k->count] = bucket;
        *id = k->count++;
    }
    return *id;
}

/* The power of two of each row's value, as keys; rows without one leave the mask. */
static void find_buckets(struct scan_worker *w)
{
    struct part_keys *k = &w->keys[w->job->plan->label_count - 1];
    const struct part_column *c = number_column(w);
    const struct traceql_ref *ref = &w->part->refs[w->job->plan->f->ref];
    memset(w->bucket_ids, 0xff, sizeof w->bucket_ids);
    k->count = 0;
    PART_MASK_EACH(w->part, w->mask, row)
    {
        struct span_value v = span_nil();
        if (!c)
            v = row_value(w, row);
        else if (part_column_has(c, row))
            v = c->doubles                             ? span_double(c->doubles[row])
                : ref->intrinsic == INTRINSIC_DURATION ? span_duration(c->ints[row])
                                                       : span_int(c->ints[row]);
        struct span_value bucket = metric_function_bucket(&v);
        if (bucket.type == TRACEQL_NIL)
            drop_row(w, row);
        else
            k->ids[row] = bucket_id(w, k, bucket);
    }
}

/* One small number for each row that stands for all its labels. */
static enum tsdb_status find_ids(struct scan_worker *w, struct tsdb_error *err)
{
    const struct metric_plan *plan = w->job->plan;
    const struct traceql_refs *by = &plan->f->by;
    w->id_count = 1;
    for (uint32_t i = 0; i < plan->label_count; i++) {
        struct part_keys *k = &w->keys[i];
        if (i < by->count && !part_keys_field(k, w->part, by->at[i], w->mask))
            return trace_room_full(plan->query->room, err);
        if (i == 0) {
            PART_MASK_EACH(w->part, w->mask, row)
            {
                w->ids[row] = k->ids[row];
            }
            w->id_count = k->count;
        } else {
            w->id_count = part_keys_combine(k, w->part, w->mask, w->ids, w->id_count);
        }
    }
    if (w->id_count > w->series_room) {
        w->series = mem_grow(w->series, w->id_count, sizeof *w->series);
        w->series_room = w->id_count;
    }
    memset(w->series, 0xff, w->id_count * sizeof *w->series);
    return TSDB_OK;
}

static enum tsdb_status series_of(struct scan_worker *w, uint32_t row, uint32_t *out,
                                  struct tsdb_error *err)
{
    const struct metric_plan *plan = w->job->plan;
    struct span_value labels[TRACEQL_GROUPS_MAX + 1];
    uint32_t *known = &w->series[plan->label_count ? w->ids[row] : 0];
    if (*known == UINT32_MAX) {
        for (uint32_t i = 0; i < plan->label_count; i++)
            labels[i] = w->keys[i].values[w->keys[i].ids[row]];
        enum tsdb_status st = metric_table_put(&w->sums.table, labels, known, err);
        if (st != TSDB_OK)
            return st;
    }
    *out = *known;
    return TSDB_OK;
}

/* The row as an exemplar, when it is the one of its stretch. */
static void try_exemplar(struct scan_worker *w, uint32_t row, int64_t ts, uint32_t series)
{
    uint32_t slot, count;
    if (!metric_sums_wants(&w->sums, ts, &slot))
        return;
    const struct metric_plan *plan = w->job->plan;
    struct tsdb_trace_exemplar e = {.ts = ts, .value = (double)NAN};
    const uint32_t *firsts = span_part_traces(w->part, &count);
    if (!firsts || count == 0 || !span_part_span_id(w->part, row, &e.span_id))
        return;
    uint32_t from = 0, to = count;
    while (to - from > 1) {
        uint32_t mid = from + (to - from) / 2;
        if (firsts[mid] <= row)
            from = mid;
        else
            to = mid;
    }
    if (!span_part_trace_id(w->part, firsts[from], &e.trace_id))
        return;
    if (plan->has_value)
        e.value = w->numbers[row];
    metric_sums_exemplar(&w->sums, slot, series, &e);
}

static enum tsdb_status count_rows(struct scan_worker *w, struct tsdb_error *err)
{
    const struct metric_plan *plan = w->job->plan;
    const struct metric_grid *g = &plan->query->grid;
    const int64_t *starts = span_part_starts(w->part);
    struct metric_table *t = &w->sums.table;
    int64_t from = 0, until = 0; /* what `step` covers: (from, until] */
    uint32_t step = 0, series = 0;
    if (!starts)
        return TSDB_OK;
    PART_MASK_EACH(w->part, w->mask, row)
    {
        int64_t ts = starts[row];
        if (ts <= from || ts > until) {
            step = metric_grid_step(g, ts);
            from = g->from + (int64_t)step * g->step;
            until = from + g->step;
        }
        enum tsdb_status st = series_of(w, row, &series, err);
        if (st != TSDB_OK)
            return st;
        if (t->kept == KEPT_COUNTS)
            t->series[series].counts[step]++;
        else if (!metric_table_count(t, series, step, w->numbers[row]))
            return trace_room_full(plan->query->room, err);
        if (plan->query->exemplars > 0)
            try_exemplar(w, row, ts, series);
    }
    return TSDB_OK;
}

static enum tsdb_status take_part(struct scan_worker *w, struct tsdb_error *err)
{
    const struct metric_plan *plan = w->job->plan;
    bool is_exact;
    part_mask(w->part, plan->sets.only, w->part->rows_in, w->mask, &is_exact);
    if (plan->has_value)
        find_numbers(w);
    if (plan->has_bucket)
        find_buckets(w);
    if (part_mask_count(w->part, w->mask) == 0)
        return TSDB_OK;
    enum tsdb_status st = find_ids(w, err);
    if (st == TSDB_OK)
        st = span_part_check(w->part, err); /* nothing is counted of a part that is damaged */
    if (st == TSDB_OK)
        st = count_rows(w, err);
    return st;
}

/* A trace that matches, or must be read to be told. */
static enum tsdb_status take_trace(void *arg, const struct part_trace *trace,
                                   struct tsdb_error *err)
{
    struct scan_worker *w = arg;
    struct trace_room *room = w->job->plan->query->room;
    if (!trace->view) {
        if (w->whole_count == w->whole_cap) {
            uint32_t cap = w->whole_cap ? 2 * w->whole_cap : 256;
            if (!budget_charge(room->budget, (cap - w->whole_cap) * sizeof *w->whole))
                return trace_room_full(room, err);
            w->whole = mem_grow(w->whole, cap, sizeof *w->whole);
            w->whole_cap = cap;
        }
        w->whole[w->whole_count++] = trace->id;
        return TSDB_OK;
    }
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < trace->set_count && st == TSDB_OK; i++)
        for (uint32_t k = 0; k < trace->sets[i].count && st == TSDB_OK; k++)
            st = metric_sums_span(&w->sums, trace->view, trace->sets[i].spans[k], err);
    return st;
}

static enum tsdb_status look_at(struct scan_worker *w, uint32_t number, struct tsdb_error *err)
{
    const struct metric_plan *plan = w->job->plan;
    struct trace_room *room = plan->query->room;
    enum tsdb_status st = trace_room_poll(room, err);
    if (st != TSDB_OK)
        return st;
    span_part_open(w->part, number);
    bool may =
        plan->is_columns ? part_mask_may(w->part, plan->sets.only) : part_traces_may(&w->traces);
    st = may ? span_part_read(w->part, err) : TSDB_END;
    if (st == TSDB_OK)
        st = plan->is_columns ? take_part(w, err)
                              : part_traces_each(&w->traces, true, take_trace, w, err);
    if (st == TSDB_OK)
        st = span_part_check(w->part, err);
    trace_room_count(room, w->part, !may);
    return st == TSDB_END ? TSDB_OK : st;
}

/* ---- workers --------------------------------------------------------------------------------- */

/* Parts until there are none left, or another worker has failed. */
static void *work(void *arg)
{
    struct scan_worker *w = arg;
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

static void worker_init(struct scan_worker *w, struct metric_scan_job *job)
{
    const struct metric_query *query = job->plan->query;
    w->job = job;
    metric_sums_init(&w->sums, job->plan);
    w->part =
        span_part_new(job->set, query->q, job->plan->start, job->plan->end, query->room->budget);
    part_traces_init(&w->traces, &job->plan->sets, job->set, w->part, query->room->budget);
    for (uint32_t i = 0; i < job->plan->label_count; i++)
        part_keys_init(&w->keys[i], query->room->budget);
    w->mask = MEM_ARRAY(uint64_t, PART_WORDS);
    w->ids = MEM_ARRAY(uint32_t, GROUP_ROWS_MAX);
    w->numbers = MEM_ARRAY(double, GROUP_ROWS_MAX);
}

static void worker_release(struct scan_worker *w)
{
    metric_sums_release(&w->sums);
    part_traces_release(&w->traces);
    span_part_free(w->part);
    budget_release(w->job->plan->query->room->budget, w->whole_cap * sizeof *w->whole);
    mem_free(w->whole);
    for (uint32_t i = 0; i < w->job->plan->label_count; i++)
        part_keys_release(&w->keys[i]);
    mem_free(w->mask);
    mem_free(w->ids);
    mem_free(w->numbers);
    mem_free(w->series);
}

/* A second thread pays when there are several parts to read. */
static uint32_t workers_for(const struct metric_scan_job *job)
{
    uint32_t parts = traces_set_parts(job->set), cores = thread_cores();
    uint32_t most = cores < SCAN_WORKERS_MAX ? cores : SCAN_WORKERS_MAX;
    if (job->plan->query->room->is_single || parts < 2)
        return 1;
    return parts < most ? parts : most;
}

/* ---- whole traces ---------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct tsdb_trace_id));
}

static enum tsdb_status read_trace(struct metric_sums *sums, struct traces_set *set,
                                   const struct tsdb_trace_id *id, struct arena arenas[2],
                                   struct tsdb_error *err)
{
    const struct metric_plan *plan = sums->plan;
    struct tsdb_trace *trace;
    struct trace_view view;
    const struct span_set *sets;
    uint32_t count = 0;
    enum tsdb_status st = trace_room_poll(plan->query->room, err);
    if (st == TSDB_OK)
        st = trace_room_read(plan->query->room, set, id, &trace, err);
    if (st != TSDB_OK)
        return st == TSDB_ENOTFOUND ? TSDB_OK : st;
    arena_reset(&arenas[0]);
    st = trace_view_init(&view, trace, plan->start, plan->end, arenas, err);
    if (st == TSDB_OK)
        st = sets_plan_run(&plan->sets, &view, &arenas[0], &sets, &count, err);
    for (uint32_t i = 0; i < count && st == TSDB_OK; i++)
        for (uint32_t k = 0; k < sets[i].count && st == TSDB_OK; k++)
            st = metric_sums_span(sums, &view, sets[i].spans[k], err);
    traces_trace_free(trace);
    return st;
}

/* What the workers left, each trace once. */
static enum tsdb_status read_whole(struct metric_sums *sums, struct traces_set *set,
                                   struct scan_worker *workers, uint32_t worker_count,
                                   struct tsdb_error *err)
{
    struct budget *budget = sums->plan->query->room->budget;
    struct arena arenas[2];
    size_t count = 0;
    for (uint32_t i = 0; i < worker_count; i++)
        count += workers[i].whole_count;
    struct tsdb_trace_id *ids = MEM_ARRAY(struct tsdb_trace_id, count + 1);
    count = 0;
    for (uint32_t i = 0; i < worker_count; i++)
        for (uint32_t k = 0; k < workers[i].whole_count; k++)
            ids[count++] = workers[i].whole[k];
    if (count > 1)
        qsort(ids, count, sizeof *ids, by_id);
    arena_init(&arenas[0], SIZE_MAX, budget);
    arena_init(&arenas[1], SIZE_MAX, budget);
    enum tsdb_status st = TSDB_OK;
    for (size_t i = 0; i < count && st == TSDB_OK; i++)
        if (i == 0 || by_id(&ids[i - 1], &ids[i]) != 0)
            st = read_trace(sums, set, &ids[i], arenas, err);
    arena_release(&arenas[0]);
    arena_release(&arenas[1]);
    mem_free(ids);
    return st;
}

enum tsdb_status metric_scan(struct metric_sums *sums, struct traces_set *set,
                             struct tsdb_error *err)
{
    struct metric_scan_job job = {.plan = sums->plan, .set = set};
    uint32_t count = workers_for(&job);
    struct scan_worker *workers = MEM_ARRAY(struct scan_worker, count);
    for (uint32_t i = 0; i < count; i++)
        worker_init(&workers[i], &job);
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
        else
            st = metric_sums_add(sums, &workers[i].sums, err);
    }
    if (st == TSDB_OK)
        st = read_whole(sums, set, workers, count, err);
    for (uint32_t i = 0; i < count; i++)
        worker_release(&workers[i]);
    mem_free(workers);
    return st;
}
