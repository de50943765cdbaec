#include "tsdb/logql/range_op.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/logql/range_keys.h"
#include "tsdb/logql/range_series.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/window.h"

#include <stdlib.h>
#include <string.h>

struct log_range_op {
    struct op op;
    const struct log_range *node;
    struct range_env *env;
    struct log_scan scan;
    struct scan_worker *worker;
    struct unwrap *unwrap;
    struct range_table table;
    struct range_keys keys;
    struct row row;
    int64_t *ends; /* of the windows, one a step */
    struct window *windows;
    uint32_t given;
    bool is_run;
    /* The steps of the row before: they hold up to `until`. */
    int64_t from, until;
    uint32_t first, last;
    bool has_any;
};

static bool adds_up(const struct log_range *node)
{
    return node->op == RANGE_COUNT || node->op == RANGE_BYTES || node->op == RANGE_BYTES_RATE ||
           (node->op == RANGE_RATE && !node->has_unwrap);
}

/* ---- planning ---------------------------------------------------------------------- */

static void plan_child(void *arg, const struct expr *e)
{
    range_env_plan(arg, e);
}

void range_env_plan(struct range_env *env, const struct expr *e)
{
    if (e->kind == EXPR_AGGREGATE && e->aggregate.op == AGGREGATE_SUM) {
        const struct expr *child = expr_unwrap(e->aggregate.expr);
        uint32_t max = sizeof env->pushes / sizeof env->pushes[0];
        if (child->kind == EXPR_FOREIGN && env->push_count < max && adds_up(child->foreign.node))
            env->pushes[env->push_count++] =
                (struct range_push){child->foreign.node, &e->aggregate};
    }
    expr_each_child(e, plan_child, env);
}

/* ---- rows of the logs ----------------------------------------------------------------- */

static void steps_of(struct log_range_op *r, int64_t ts)
{
    if (ts >= r->from && ts <= r->until)
        return;
    range_steps(&r->table, ts, &r->first, &r->last, &r->has_any, &r->until);
    r->from = ts;
}

static enum tsdb_status put_sample(struct log_range_op *r, struct range_series *s, int64_t ts,
                                   double value, struct tsdb_error *err)
{
    samples_put(&s->samples, ts, value);
    r->op.ev->samples++;
    if (samples_is_over(&s->samples))
        return eval_full(r->op.ev, err);
    return TSDB_OK;
}

static enum tsdb_status count_row(struct log_range_op *r, uint32_t index, int64_t ts, size_t bytes)
{
    struct range_series *s = &r->table.at[index];
    steps_of(r, ts);
    if (!r->has_any)
        return TSDB_OK;
    s->counts[r->first]++;
    s->counts[r->last + 1]--;
    if (s->sums) {
        s->sums[r->first] += (int64_t)bytes;
        s->sums[r->last + 1] -= (int64_t)bytes;
    }
    return TSDB_OK;
}

/* A row that has been through the stages: its value and series. */
static enum tsdb_status take_row(struct log_range_op *r, uint32_t row, int64_t ts,
                                 struct tsdb_error *err)
{
    uint32_t index;
    double value = 0;
    struct pipeline_run *run = scan_run(r->worker);
    if (r->unwrap) {
        bool is_error = false;
        enum tsdb_status st = pipeline_unwrap(run, r->unwrap, &value, &is_error, err);
        if (st != TSDB_OK)
            return st == TSDB_END ? TSDB_OK : st;
    }
    if (pipeline_label(run, text_of("__error__")).len > 0) {
        struct tsdb_text what = pipeline_label(run, text_of("__error__"));
        return tsdb_fail(err, TSDB_EINVAL,
                         "pipeline error: '%.*s'. Use a label filter to intentionally skip this "
                         "error. (e.g | __error__!=\"%.*s\")",
                         (int)what.len, what.at, (int)what.len, what.at);
    }
    enum tsdb_status st = range_keys_row(&r->keys, r->worker, row, &index, err);
    if (st != TSDB_OK)
        return st;
    if (r->table.has_samples)
        return put_sample(r, &r->table.at[index], ts, value, err);
    return count_row(r, index, ts, pipeline_line(run).len);
}

static enum tsdb_status take_part(struct log_range_op *r, struct tsdb_error *err)
{
    const struct scan_rows *rows = scan_rows(r->worker);
    bool is_direct = range_keys_part(&r->keys, r->worker) && rows->is_settled && !r->unwrap &&
                     !r->table.has_sums;
    r->until = INT64_MIN;
    r->from = INT64_MAX;
    uint32_t seen = 0;
    for (uint32_t word = 0; word < (rows->rows + 63) / 64; word++) {
        for (uint64_t bits = rows->mask[word]; bits; bits &= bits - 1) {
            uint32_t row = word * 64 + (uint32_t)__builtin_ctzll(bits), index;
            enum tsdb_status st = TSDB_OK;
            if (is_direct) {
                st = range_keys_row(&r->keys, r->worker, row, &index, err);
                if (st == TSDB_OK)
                    st = count_row(r, index, rows->ts[row], 0);
            } else {
                st = scan_row(r->worker, row, err);
                if (st == TSDB_OK)
                    st = take_row(r, row, rows->ts[row], err);
                else if (st == TSDB_END)
                    st = TSDB_OK;
            }
            if (st == TSDB_OK && ++seen % 4096 == 0)
                st = log_room_poll(&r->env->room, err);
            if (st != TSDB_OK)
                return st;
        }
    }
    return TSDB_OK;
}

static enum tsdb_status run(struct log_range_op *r, struct tsdb_error *err)
{
    r->is_run = true;
    r->worker = scan_worker_new(&r->scan);
    uint32_t parts = logs_set_parts(r->scan.set);
    for (uint32_t i = 0; i < parts; i++) {
        enum tsdb_status st = scan_part(r->worker, i, err);
        if (st == TSDB_OK)
            st = take_part(r, err);
        if (st != TSDB_OK && st != TSDB_END)
            return st;
    }
    range_table_settle(&r->table);
    r->op.ev->series += r->table.count;
    return TSDB_OK;
}

/* ---- rows of the answer ------------------------------------------------------------------ */

static void give_counts(struct log_range_op *r, const struct range_series *s)
{
    bool is_rate = r->node->op == RANGE_RATE || r->node->op == RANGE_BYTES_RATE;
    double seconds = is_rate ? (double)r->node->range / 1e9 : 1;
    for (uint32_t i = 0; i < r->op.grid.count; i++) {
        r->row.kinds[i] = s->counts[i] > 0 ? POINT_FLOAT : POINT_NONE;
        r->row.values[i] = (double)(s->sums ? s->sums[i] : s->counts[i]) / seconds;
    }
}

struct timed {
    int64_t ts;
    uint32_t order;
    double value;
};

static int by_time(const void *a, const void *b)
{
    const struct timed *x = a, *y = b;
    if (x->ts != y->ts)
        return x->ts < y->ts ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* By time; equal times stay, unlike those of a series of samples. */
static void sort_samples(struct samples *s)
{
    bool is_sorted = true;
    for (uint32_t i = 1; i < s->count && is_sorted; i++)
        is_sorted = s->ts[i - 1] <= s->ts[i];
    if (is_sorted)
        return;
    struct timed *t = MEM_ARRAY(struct timed, s->count);
    for (uint32_t i = 0; i < s->count; i++)
        t[i] = (struct timed){s->ts[i], i, s->values[i]};
    qsort(t, s->count, sizeof *t, by_time);
    for (uint32_t i = 0; i < s->count; i++) {
        s->ts[i] = t[i].ts;
        s->values[i] = t[i].value;
    }
    mem_free(t);
}

static enum function_id function_of(enum range_op op)
{
    switch (op) {
    case RANGE_RATE:
    case RANGE_SUM: return FUNCTION_SUM_OVER_TIME;
    case RANGE_RATE_COUNTER: return FUNCTION_RATE;
    case RANGE_AVG: return FUNCTION_AVG_OVER_TIME;
    case RANGE_MIN: return FUNCTION_MIN_OVER_TIME;
    case RANGE_MAX: return FUNCTION_MAX_OVER_TIME;
    case RANGE_STDVAR: return FUNCTION_STDVAR_OVER_TIME;
    case RANGE_STDDEV: return FUNCTION_STDDEV_OVER_TIME;
    case RANGE_QUANTILE: return FUNCTION_QUANTILE_OVER_TIME;
    case RANGE_FIRST: return FUNCTION_FIRST_OVER_TIME;
    case RANGE_LAST: return FUNCTION_LAST_OVER_TIME;
    case RANGE_COUNT:
    case RANGE_BYTES:
    case RANGE_BYTES_RATE:
    case RANGE_ABSENT: break;
    }
    return FUNCTION_COUNT_OVER_TIME;
}

static enum tsdb_status give_values(struct log_range_op *r, struct range_series *s,
                                    struct tsdb_error *err)
{
    struct eval *ev = r->op.ev;
    uint32_t steps = r->op.grid.count;
    sort_samples(&s->samples);
    uint32_t from = 0, to = 0;
    for (uint32_t i = 0; i < steps; i++) {
        for (; to < s->samples.count && s->samples.ts[to] <= r->ends[i]; to++)
            ;
        for (; from < to && s->samples.ts[from] <= r->ends[i] - r->node->range; from++)
            ;
        r->windows[i] = (struct window){from, to};
    }
    arena_reset(&ev->scratch);
    double *quantile = ARENA_ARRAY(&ev->scratch, double, steps);
    struct window_job job = {
        .ts = s->samples.ts,
        .values = s->samples.values,
        .count = s->samples.count,
        .steps = steps,
        .windows = r->windows,
        .ends = r->ends,
        .range = r->node->range,
        .grid = r->op.grid,
        .parameters = {quantile, NULL},
        .scratch = ARENA_ARRAY(&ev->scratch, double,
                               (size_t)WINDOW_SCRATCH_DOUBLES *(s->samples.count + 1)),
        .indices = ARENA_ARRAY(&ev->scratch, uint32_t,
                               (size_t)WINDOW_SCRATCH_INDICES * (s->samples.count + 1)),
        .out = r->row.values,
        .kinds = r->row.kinds,
    };
    if (!quantile || !job.scratch || !job.indices)
        return eval_full(ev, err);
    for (uint32_t i = 0; i < steps; i++)
        quantile[i] = r->node->parameter;
    memset(r->row.kinds, POINT_NONE, steps);
    window_function(function_of(r->node->op))(&job);
    if (r->node->op == RANGE_RATE) /* of unwrapped values: their sum per second */
        for (uint32_t i = 0; i < steps; i++)
            r->row.values[i] /= (double)r->node->range / 1e9;
    samples_release(&s->samples);
    samples_init(&s->samples, ev->budget);
    return TSDB_OK;
}

static enum tsdb_status next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct log_range_op *r = (struct log_range_op *)op;
    if (!r->is_run) {
        enum tsdb_status st = run(r, err);
        if (st != TSDB_OK)
            return st;
    }
    while (r->given < r->table.count) {
        struct range_series *s = &r->table.at[r->given++];
        enum tsdb_status st = TSDB_OK;
        if (r->table.has_samples)
            st = give_values(r, s, err);
        else
            give_counts(r, s);
        if (st == TSDB_OK)
            st = eval_poll(op->ev, op->grid.count, err);
        if (st != TSDB_OK)
            return st;
        if (row_is_empty(&r->row, op->grid.count))
            continue;
        r->row.labels = s->labels;
        *out = &r->row;
        return TSDB_OK;
    }
    return TSDB_END;
}

/* One series, 1 where no row counts; its labels are those that equal matchers name. */
static enum tsdb_status absent_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct log_range_op *r = (struct log_range_op *)op;
    if (r->is_run)
        return TSDB_END;
    enum tsdb_status st = run(r, err);
    if (st != TSDB_OK)
        return st;
    memset(r->row.kinds, POINT_FLOAT, op->grid.count);
    for (uint32_t i = 0; i < op->grid.count; i++) {
        r->row.values[i] = 1;
        for (uint32_t k = 0; k < r->table.count; k++)
            if (r->table.at[k].counts[i] > 0)
                r->row.kinds[i] = POINT_NONE;
    }
    const struct log_expr *logs = r->node->logs;
    for (uint32_t i = 0; i < logs->matcher_count; i++)
        if (logs->matchers[i].kind == EXPR_MATCH_EQUAL &&
            !labels_set(&op->ev->arena, r->row.labels, logs->matchers[i].name,
                        logs->matchers[i].value, &r->row.labels))
            return eval_full(op->ev, err);
    *out = &r->row;
    return row_is_empty(&r->row, op->grid.count) ? TSDB_END : TSDB_OK;
}

static void close_op(struct op *op)
{
    struct log_range_op *r = (struct log_range_op *)op;
    range_table_release(&r->table);
    range_keys_release(&r->keys);
    scan_worker_free(r->worker);
    unwrap_free(r->unwrap);
    log_scan_close(&r->scan);
}

/* ---- opening ----------------------------------------------------------------------------- */

static void plan_keys(struct log_range_op *r)
{
    struct range_keys *k = &r->keys;
    const struct log_range *node = r->node;
    *k = (struct range_keys){.table = &r->table, .is_without = true};
    if (node->op == RANGE_ABSENT) {
        k->is_without = false;
        return;
    }
    if (node->has_grouping) {
        k->names = node->grouping;
        k->is_without = node->is_without;
    }
    for (uint32_t i = 0; i < r->env->push_count; i++) {
        if (r->env->pushes[i].node != node || node->has_grouping)
            continue;
        k->names = r->env->pushes[i].by->names;
        k->is_without = r->env->pushes[i].by->is_without;
    }
    k->unwrap = node->has_unwrap ? node->unwrap : (struct tsdb_text){0};
}

static enum tsdb_status open_scan(struct log_range_op *r, struct tsdb_error *err)
{
    struct eval *ev = r->op.ev;
    const struct grid *grid = &r->op.grid;
    uint32_t steps = grid->count;
    r->ends = ARENA_ARRAY(&ev->arena, int64_t, steps);
    r->windows = ARENA_ARRAY(&ev->arena, struct window, steps);
    if (!r->ends || !r->windows || !row_init(ev, &r->row, steps, false))
        return eval_full(ev, err);
    for (uint32_t i = 0; i < steps; i++)
        r->ends[i] = time_sub(grid_at(grid, i), r->node->offset);
    int64_t start = steps ? time_sub(r->ends[0], r->node->range) + 1 : 0;
    int64_t end = steps ? r->ends[steps - 1] : 0;
    bool has_line = r->node->op == RANGE_BYTES || r->node->op == RANGE_BYTES_RATE;
    enum tsdb_status st = TSDB_OK;
    if (r->node->has_unwrap)
        st = unwrap_new(r->node, &r->unwrap, err);
    if (st == TSDB_OK)
        st = log_scan_open(&r->env->room, r->node->logs, start, end < INT64_MAX ? end + 1 : end,
                           has_line, &r->scan, err);
    return st;
}

enum tsdb_status range_op_open(struct eval *ev, const struct expr *e, const struct grid *grid,
                               struct op **out, struct tsdb_error *err)
{
    struct log_range_op *r = OP_NEW(struct log_range_op, ev, e, grid);
    if (!r)
        return eval_full(ev, err);
    r->node = e->foreign.node;
    r->env = ev->foreign;
    r->op.close = close_op;
    r->op.next = r->node->op == RANGE_ABSENT ? absent_next : next;
    r->op.is_name_fixed = true;
    r->table = (struct range_table){
        .ev = ev,
        .grid = *grid,
        .range = r->node->range,
        .offset = r->node->offset,
        .has_sums = r->node->op == RANGE_BYTES || r->node->op == RANGE_BYTES_RATE,
        .has_samples = !adds_up(r->node) && r->node->op != RANGE_ABSENT,
        .series_max = ev->series_max,
    };
    plan_keys(r);
    enum tsdb_status st = open_scan(r, err);
    if (st != TSDB_OK) {
        close_op(&r->op);
        return st;
    }
    *out = &r->op;
    return TSDB_OK;
}
