#include "tsdb/traceql/trace_query.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/query.h"
#include "tsdb/traceql/metric_function.h"
#include "tsdb/traceql/trace_search.h"

#include <math.h>
#include <string.h>

enum { EXEMPLARS_HINTED = 100 };

struct trace_query {
    struct budget budget;
    struct arena arena; /* the tree, plans and rows */
    struct traceql parsed;
    struct trace_room room;
    struct trace_search *search; /* NULL: a metric query */
    struct metric_query metric;
    struct metric_rows rows;
    uint32_t given; /* rows */
    bool is_run, is_instant;
    struct arena answer; /* of the row that was handed out last */
    _Atomic bool is_canceled;
    int64_t exec_ns;
};

/* ---- opening --------------------------------------------------------------------------------- */

static enum tsdb_status room_init(struct trace_query *q, const struct trace_store *store,
                                  const struct tsdb_trace_options *options, struct tsdb_error *err)
{
    struct tsdb_text tenant = text_of(options->tenant ? options->tenant : "");
    char *kept = ARENA_ARRAY(&q->arena, char, tenant.len + 1);
    int64_t may_take = options->deadline > 0 ? options->deadline : QUERY_DEADLINE_NS;
    q->room = (struct trace_room){
        .traces = store->traces,
        .clock = store->clock,
        .budget = &q->budget,
        .tenant = kept,
        .bytes_max = options->bytes_max ? options->bytes_max : QUERY_BYTES_MAX,
        .series_max = options->series_max ? options->series_max : TRACEQL_SERIES_MAX,
        .is_canceled = &q->is_canceled,
        .is_single = store->is_single,
    };
    if (__builtin_add_overflow(clock_mono_ns(store->clock), may_take, &q->room.deadline))
        q->room.deadline = INT64_MAX;
    if (!kept)
        return trace_room_full(&q->room, err);
    memcpy(kept, tenant.at, tenant.len);
    return TSDB_OK;
}

/* with(exemplars=...): how many, or whether. */
static uint32_t exemplars_of(const struct traceql *q, uint32_t asked)
{
    const struct traceql_value *count = traceql_hint_find(q, "exemplars", TRACEQL_INT);
    const struct traceql_value *is_on = traceql_hint_find(q, "exemplars", TRACEQL_BOOL);
    int64_t n = asked;
    if (count)
        n = count->integer;
    else if (is_on)
        n = is_on->integer == 0 ? 0 : asked > 0 ? asked : EXEMPLARS_HINTED;
    return n < 0 ? 0 : n > TRACEQL_EXEMPLARS_MAX ? TRACEQL_EXEMPLARS_MAX : (uint32_t)n;
}

static enum tsdb_status open_parsed(struct trace_query *q, const struct tsdb_trace_options *options,
                                    struct tsdb_error *err)
{
    if (q->parsed.pipeline)
        return trace_search_new(&q->room, &q->parsed, options, &q->search, err);
    q->is_instant = options->step == 0;
    q->metric = (struct metric_query){.room = &q->room, .q = &q->parsed, .arena = &q->arena};
    enum tsdb_status st =
        metric_grid_init(&q->metric.grid, options->start, options->end, options->step, err);
    if (st == TSDB_OK && q->metric.grid.to > q->metric.grid.from)
        q->metric.exemplars = exemplars_of(&q->parsed, options->exemplars);
    return st;
}

enum tsdb_status trace_query_open(const struct trace_store *store, struct tsdb_text text,
                                  const struct tsdb_trace_options *options,
                                  struct trace_query **out, struct tsdb_error *err)
{
    struct trace_query *q = MEM_NEW(struct trace_query);
    budget_init(&q->budget, options->bytes_max ? options->bytes_max : QUERY_BYTES_MAX,
                store->budget);
    arena_init(&q->arena, SIZE_MAX, &q->budget);
    arena_init(&q->answer, SIZE_MAX, &q->budget);
    enum tsdb_status st = room_init(q, store, options, err);
    if (st == TSDB_OK)
        st = traceql_parse(text, &q->arena, &q->parsed, err);
    if (st == TSDB_OK)
        st = open_parsed(q, options, err);
    if (st != TSDB_OK) {
        trace_query_close(q);
        return st;
    }
    *out = q;
    return TSDB_OK;
}

void trace_query_close(struct trace_query *q)
{
    if (!q)
        return;
    trace_search_free(q->search);
    traceql_release(&q->parsed);
    arena_release(&q->answer);
    arena_release(&q->arena);
    mem_free(q);
}

/* ---- metric queries -------------------------------------------------------------------------- */

static enum tsdb_status run_metric(struct trace_query *q, const struct traceql_metric *m,
                                   struct metric_rows *out, struct tsdb_error *err)
{
    uint32_t steps = q->metric.grid.count;
    struct metric_rows left = {0}, right = {0};
    if (m->kind == METRIC_FUNCTION)
        return metric_function_run(&q->metric, m, out, err);
    enum tsdb_status st = run_metric(q, m->left, &left, err);
    if (st == TSDB_OK && m->kind == METRIC_BINARY)
        st = run_metric(q, m->right, &right, err);
    if (st != TSDB_OK)
        return st;
    switch (m->kind) {
    case METRIC_BINARY:
        return metric_rows_join(&left, &right, m->op, steps, &q->arena, out)
                   ? TSDB_OK
                   : trace_room_full(&q->room, err);
    case METRIC_SCALE: metric_rows_scale(&left, steps, m->op, m->value, m->is_value_left); break;
    case METRIC_FILTER: metric_rows_filter(&left, steps, m->op, m->value); break;
    case METRIC_TOPK:
    case METRIC_BOTTOMK: metric_rows_top(&left, steps, m->count, m->kind == METRIC_BOTTOMK); break;
    case METRIC_FUNCTION: break;
    }
    *out = left;
    return TSDB_OK;
}

static uint8_t type_of(const struct span_value *v)
{
    switch (v->type) {
    case TRACEQL_INT: return TSDB_FIELD_INT;
    case TRACEQL_FLOAT: return TSDB_FIELD_DOUBLE;
    case TRACEQL_BOOL: return TSDB_FIELD_BOOL;
    case SPAN_LIST: return TSDB_FIELD_JSON;
    default: return TSDB_FIELD_STRING;
    }
}

static bool put_labels(struct trace_query *q, const struct metric_row *row, struct tsdb_labels *out,
                       const uint8_t **types)
{
    struct tsdb_label *labels =
        ARENA_ARRAY(&q->answer, struct tsdb_label, (size_t)row->label_count + 1);
    uint8_t *kinds = ARENA_ARRAY(&q->answer, uint8_t, (size_t)row->label_count + 1);
    struct writer text = {0};
    bool is_ok = labels && kinds;
    for (uint32_t i = 0; i < row->label_count && is_ok; i++) {
        writer_reset(&text);
        span_value_put(&row->labels[i].value, &text);
        labels[i].name = row->labels[i].name;
        labels[i].value =
            text_keep(&q->answer, (struct tsdb_text){(const char *)text.at, text.len});
        kinds[i] = type_of(&row->labels[i].value);
        is_ok = labels[i].value.at != NULL;
    }
    writer_release(&text);
    *out = (struct tsdb_labels){labels, row->label_count};
    *types = kinds;
    return is_ok;
}

static enum tsdb_status give_row(struct trace_query *q, const struct metric_row *row,
                                 struct tsdb_result *out, const uint8_t **types,
                                 struct tsdb_error *err)
{
    uint32_t steps = q->metric.grid.count;
    arena_reset(&q->answer);
    int64_t *ts = ARENA_ARRAY(&q->answer, int64_t, steps);
    double *values = ARENA_ARRAY(&q->answer, double, steps);
    *out = (struct tsdb_result){.ts = ts, .values = values};
    if (!ts || !values || !put_labels(q, row, &out->labels, types))
        return trace_room_full(&q->room, err);
    for (uint32_t i = 0; i < steps; i++) {
        if (isnan(row->values[i]))
            continue;
        ts[out->count] = metric_grid_at(&q->metric.grid, i);
        values[out->count++] = row->values[i];
    }
    return TSDB_OK;
}

/* ---- handing out ----------------------------------------------------------------------------- */

enum tsdb_value_kind trace_query_kind(const struct trace_query *q)
{
    if (q->search)
        return TSDB_TRACES;
    return q->is_instant ? TSDB_VECTOR : TSDB_MATRIX;
}

enum tsdb_status trace_query_trace(struct trace_query *q, struct tsdb_found_trace *out,
                                   struct tsdb_error *err)
{
    if (!q->search)
        return tsdb_fail(err, TSDB_EINVAL, "a metric query finds no traces");
    int64_t began = clock_mono_ns(q->room.clock);
    enum tsdb_status st = trace_search_next(q->search, out, err);
    q->exec_ns += clock_mono_ns(q->room.clock) - began;
    return st;
}

enum tsdb_status trace_query_next(struct trace_query *q, struct tsdb_result *out,
                                  const uint8_t **label_types, struct tsdb_error *err)
{
    if (q->search)
        return tsdb_fail(err, TSDB_EINVAL, "a search has no series of samples");
    int64_t began = clock_mono_ns(q->room.clock);
    enum tsdb_status st = TSDB_OK;
    if (!q->is_run) {
        q->is_run = true;
        st = run_metric(q, q->parsed.metric, &q->rows, err);
        if (st != TSDB_OK)
            q->rows.count = 0;
    }
    if (st == TSDB_OK)
        st = q->given < q->rows.count ? give_row(q, &q->rows.at[q->given++], out, label_types, err)
                                      : TSDB_END;
    q->exec_ns += clock_mono_ns(q->room.clock) - began;
    return st;
}

uint32_t trace_query_exemplars(const struct trace_query *q, const struct tsdb_trace_exemplar **out)
{
    if (q->search || q->given == 0 || q->given > q->rows.count)
        return 0;
    *out = q->rows.at[q->given - 1].exemplars;
    return q->rows.at[q->given - 1].exemplar_count;
}

void trace_query_cancel(struct trace_query *q)
{
    atomic_store_explicit(&q->is_canceled, true, memory_order_relaxed);
}

void trace_query_stats(const struct trace_query *q, struct tsdb_trace_stats *out)
{
    const struct trace_counts *c = &q->room.counts;
    *out = (struct tsdb_trace_stats){.groups = atomic_load(&c->groups),
                                     .groups_skipped = atomic_load(&c->groups_skipped),
                                     .spans = atomic_load(&c->spans),
                                     .spans_read = atomic_load(&c->spans_read),
                                     .traces = atomic_load(&c->traces),
                                     .bytes = atomic_load(&c->bytes),
                                     .exec_ns = q->exec_ns,
                                     .is_partial = atomic_load(&c->is_partial)};
}
