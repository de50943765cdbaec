#include "tsdb/query/query.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/eval_table.h"
#include "tsdb/query/select_op.h"

#include <stdlib.h>
#include <string.h>

struct query {
    struct eval ev;
    struct budget budget;
    struct tsdb_text text;   /* in the arena */
    const struct expr *expr; /* without brackets around it */
    enum tsdb_value_kind kind;
    struct op *op;
    struct source *source; /* of a range selector, read series by series */
    struct grid grid;      /* of the rows: of the query, or of a subquery */
    struct row_table rows;
    const struct row **order;
    uint32_t given;
    int64_t *ts; /* of one result */
    double *values;
    const struct tsdb_histogram **histograms;
    bool is_instant, is_run;
    int64_t plan_ns, exec_ns;
};

/* ---- opening ------------------------------------------------------------------ */

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
    return value ? value : fallback;
}

static enum tsdb_status take_times(struct query *q, const struct tsdb_query_options *options,
                                   struct tsdb_error *err)
{
    struct grid *grid = &q->ev.grid;
    *grid = (struct grid){.start = options->start, .step = options->step};
    q->ev.end = options->end;
    q->is_instant = options->step == 0;
    if (options->step < 0 || (q->is_instant && options->start != options->end))
        return tsdb_fail(err, TSDB_EINVAL, "zero or negative query resolution step");
    if (options->end < options->start)
        return tsdb_fail(err, TSDB_EINVAL, "end timestamp must not be before start time");
    uint64_t steps = 0;
    if (!q->is_instant)
        steps = ((uint64_t)options->end - (uint64_t)options->start) / (uint64_t)options->step;
    if (steps >= q->ev.samples_max || steps >= UINT32_MAX)
        return tsdb_fail(err, TSDB_ELIMIT, "query has more steps than samples_max of %llu",
                         (unsigned long long)q->ev.samples_max);
    grid->count = (uint32_t)steps + 1;
    q->grid = *grid;
    return TSDB_OK;
}

static enum tsdb_status take_kind(struct query *q, struct tsdb_error *err)
{
    enum expr_type type = q->expr->type;
    if (q->is_instant) {
        q->kind = type == TYPE_SCALAR   ? TSDB_SCALAR
                  : type == TYPE_STRING ? TSDB_STRING
                  : type == TYPE_MATRIX ? TSDB_MATRIX
                                        : TSDB_VECTOR;
        return TSDB_OK;
    }
    q->kind = TSDB_MATRIX;
    if (type == TYPE_SCALAR || type == TYPE_VECTOR)
        return TSDB_OK;
    return tsdb_fail(err, TSDB_EINVAL,
                     "invalid expression type \"%s\" for range query, must be Scalar or instant "
                     "Vector",
                     expr_type_name(type));
}

static void take_options(struct query *q, const struct query_store *store,
                         const struct tsdb_query_options *options)
{
    struct eval *ev = &q->ev;
    ev->metrics = store->metrics;
    ev->clock = store->clock;
    ev->budget = &q->budget;
    ev->lookback = options->lookback > 0 ? options->lookback : QUERY_LOOKBACK_NS;
    ev->samples_max = or_default(options->samples_max, QUERY_SAMPLES_MAX);
    ev->series_max = or_default(options->series_max, QUERY_SERIES_MAX);
    ev->bytes_max = or_default(options->bytes_max, QUERY_BYTES_MAX);
    int64_t may_take = options->deadline > 0 ? options->deadline : QUERY_DEADLINE_NS;
    if (__builtin_add_overflow(clock_mono_ns(ev->clock), may_take, &ev->deadline))
        ev->deadline = INT64_MAX;
    budget_init(&q->budget, ev->bytes_max, store->budget);
    arena_init(&ev->arena, SIZE_MAX, &q->budget);
    arena_init(&ev->scratch, SIZE_MAX, &q->budget);
}

static enum tsdb_status parse_promql(void *foreign, struct tsdb_text text, struct arena *arena,
                                     struct expr **out, struct tsdb_error *err)
{
    (void)foreign;
    return promql_parse(text, arena, out, err);
}

static enum tsdb_status parse(struct query *q, const struct query_language *language,
                              struct tsdb_text text, const char *tenant, struct tsdb_error *err)
{
    struct eval *ev = &q->ev;
    q->text = text_keep(&ev->arena, text);
    struct tsdb_text name = {tenant ? tenant : "", tenant ? strlen(tenant) : 0};
    ev->tenant = text_keep(&ev->arena, name).at;
    if (!q->text.at || !ev->tenant)
        return eval_full(ev, err);
    annotations_init(&ev->annotations, &ev->arena, q->text);
    struct expr *e = NULL;
    ev->foreign = language->foreign;
    if (language->begin)
        language->begin(language->foreign, ev);
    enum tsdb_status st = language->parse(language->foreign, q->text, &ev->arena, &e, err);
    if (st == TSDB_OK)
        q->expr = expr_unwrap(e);
    return st;
}

enum tsdb_status query_open(const struct query_store *store, struct tsdb_text text,
                            const struct tsdb_query_options *options, struct query **out,
                            struct tsdb_error *err)
{
    static const struct query_language promql = {.parse = parse_promql};
    return query_open_in(store, &promql, text, options, out, err);
}

enum tsdb_status query_open_in(const struct query_store *store,
                               const struct query_language *language, struct tsdb_text text,
                               const struct tsdb_query_options *options, struct query **out,
                               struct tsdb_error *err)
{
    int64_t began = clock_mono_ns(store->clock);
    struct query *q = MEM_NEW(struct query);
    take_options(q, store, options);
    enum tsdb_status st = parse(q, language, text, options->tenant, err);
    if (st == TSDB_OK)
        st = take_times(q, options, err);
    if (st == TSDB_OK)
        st = take_kind(q, err);
    q->plan_ns = clock_mono_ns(store->clock) - began;
    if (st == TSDB_OK)
        *out = q;
    else
        query_close(q);
    return st;
}

void query_close(struct query *q)
{
    if (!q)
        return;
    op_close(q->op);
    source_close(q->source);
    arena_release(&q->ev.arena);
    arena_release(&q->ev.scratch);
    writer_release(&q->ev.key_text);
    mem_free(q);
}

/* ---- running ------------------------------------------------------------------ */

static int compare_rows(const void *a, const void *b)
{
    const struct row *const *x = a, *const *y = b;
    return labels_compare((*x)->labels, (*y)->labels);
}

static bool make_buffers(struct query *q, uint32_t points)
{
    struct arena *arena = &q->ev.arena;
    q->ts = ARENA_ARRAY(arena, int64_t, points);
    q->values = ARENA_ARRAY(arena, double, points);
    q->histograms = ARENA_ARRAY(arena, const struct tsdb_histogram *, points);
    return q->ts && q->values && q->histograms;
}

static enum tsdb_status collect(struct query *q, const struct expr *e, struct tsdb_error *err)
{
    struct eval *ev = &q->ev;
    enum tsdb_status st = op_new(ev, e, &q->grid, &q->op, err);
    struct row *row;
    while (st == TSDB_OK && (st = op_next(q->op, &row, err)) == TSDB_OK) {
        if (!row_table_append(ev, &q->rows, row, q->grid.count))
            st = eval_full(ev, err);
        else
            st = eval_poll(ev, q->grid.count, err);
    }
    if (st != TSDB_END)
        return st;
    q->order = ARENA_ARRAY(&ev->arena, const struct row *, q->rows.count);
    if (!q->order || !make_buffers(q, q->grid.count))
        return eval_full(ev, err);
    for (uint32_t i = 0; i < q->rows.count; i++)
        q->order[i] = &q->rows.rows[i];
    if (q->kind == TSDB_MATRIX && q->rows.count > 1)
        qsort(q->order, q->rows.count, sizeof(const struct row *), compare_rows);
    return TSDB_OK;
}

static enum tsdb_status run(struct query *q, struct tsdb_error *err)
{
    q->is_run = true;
    switch (q->expr->kind) {
    case EXPR_STRING: return TSDB_OK;
    case EXPR_MATRIX: {
        enum tsdb_status st = source_new(&q->ev, q->expr, &q->grid, &q->source, err);
        return st == TSDB_OK ? source_sort(q->source, err) : st;
    }
    case EXPR_SUBQUERY: {
        struct grid inner;
        enum tsdb_status st = subquery_grid(&q->ev, q->expr, &q->ev.grid, &inner, err);
        q->grid = inner;
        return st == TSDB_OK ? collect(q, q->expr->subquery.expr, err) : st;
    }
    case EXPR_NUMBER:
    case EXPR_SELECTOR:
    case EXPR_UNARY:
    case EXPR_PAREN:
    case EXPR_BINARY:
    case EXPR_AGGREGATE:
    case EXPR_CALL:
    case EXPR_FOREIGN: break;
    }
    return collect(q, q->expr, err);
}

/* ---- handing out -------------------------------------------------------------- */

static enum tsdb_status give_string(struct query *q, struct tsdb_result *out)
{
    if (q->given++ > 0)
        return TSDB_END;
    *out = (struct tsdb_result){.count = 1, .ts = &q->ev.grid.start, .string = q->expr->string};
    return TSDB_OK;
}

static enum tsdb_status give_row(struct query *q, struct tsdb_result *out)
{
    if (q->given == q->rows.count)
        return TSDB_END;
    const struct row *row = q->order[q->given++];
    uint32_t n = 0;
    bool has_histograms = false;
    for (uint32_t i = 0; i < q->grid.count; i++) {
        if (row->kinds[i] == POINT_NONE)
            continue;
        bool is_histogram = row->kinds[i] == POINT_HISTOGRAM;
        q->ts[n] = grid_at(&q->grid, i);
        q->values[n] = is_histogram ? 0 : row->values[i];
        q->histograms[n] = is_histogram ? row->histograms[i] : NULL;
        has_histograms = has_histograms || is_histogram;
        n++;
    }
    *out = (struct tsdb_result){.labels = row->labels,
                                .count = n,
                                .ts = q->ts,
                                .values = q->values,
                                .histograms = has_histograms ? q->histograms : NULL};
    return TSDB_OK;
}

static enum tsdb_status give_series(struct query *q, struct tsdb_result *out,
                                    struct tsdb_error *err)
{
    for (;;) {
        struct tsdb_labels labels;
        struct samples *s;
        enum tsdb_status st = source_next(q->source, &labels, &s, err);
        if (st != TSDB_OK)
            return st;
        samples_drop_stale(s);
        if (s->count == 0)
            continue;
        *out = (struct tsdb_result){.labels = labels,
                                    .count = s->count,
                                    .ts = s->ts,
                                    .values = s->values,
                                    .histograms = s->histograms};
        return TSDB_OK;
    }
}

enum tsdb_status query_next(struct query *q, struct tsdb_result *out, struct tsdb_error *err)
{
    int64_t began = clock_mono_ns(q->ev.clock);
    enum tsdb_status st = q->is_run ? TSDB_OK : run(q, err);
    if (st == TSDB_OK && q->kind == TSDB_STRING)
        st = give_string(q, out);
    else if (st == TSDB_OK && q->source)
        st = give_series(q, out, err);
    else if (st == TSDB_OK)
        st = give_row(q, out);
    q->exec_ns += clock_mono_ns(q->ev.clock) - began;
    return st;
}

/* ---- asking ------------------------------------------------------------------- */

enum tsdb_value_kind query_kind(const struct query *q)
{
    return q->kind;
}

void query_cancel(struct query *q)
{
    atomic_store_explicit(&q->ev.is_canceled, true, memory_order_relaxed);
}

const char *query_warning(const struct query *q, uint32_t index)
{
    return annotations_get(&q->ev.annotations, ANNOTATION_WARNING, index);
}

const char *query_info(const struct query *q, uint32_t index)
{
    return annotations_get(&q->ev.annotations, ANNOTATION_INFO, index);
}

void query_stats(const struct query *q, struct tsdb_query_stats *out)
{
    uint64_t used = budget_used(&q->budget);
    *out = (struct tsdb_query_stats){
        .series = q->ev.series,
        .samples = q->ev.samples,
        .samples_peak = q->ev.samples_peak,
        .bytes_peak = used > q->ev.bytes_peak ? used : q->ev.bytes_peak,
        .plan_ns = q->plan_ns,
        .exec_ns = q->exec_ns,
        .is_partial = q->ev.is_partial,
    };
}
