#include "tsdb/logql/range_op.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"
#include "tsdb/logql/range_keys.h"
#include "tsdb/logql/range_quantile.h"
#include "tsdb/logql/range_series.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/window.h"

#include <stdlib.h>
#include <string.h>

enum { RANGE_WORKERS_MAX = 8 };

struct log_range_op;

/* One thread's share of the parts, with tables of its own. */
struct range_worker {
    struct log_range_op *op;
    struct eval ev; /* a copy of the query's, with arenas of its own */
    struct scan_worker *scan;
    struct range_table table;
    struct range_keys keys;
    struct thread thread;
    enum tsdb_status status;
    struct tsdb_error err;
    /* The steps of the row before: they hold up to `until`. */
    int64_t from, until;
    uint32_t first, last;
    bool has_any;
    /* Unwrapped values that lie in a column of numbers. */
    const int64_t *ints;
    const double *doubles;
    const uint64_t *presence;
};

struct log_range_op {
    struct op op;
    const struct log_range *node;
    struct range_env *env;
    struct log_scan scan;
    struct unwrap *unwrap;
    struct range_worker *workers; /* owned */
    uint32_t worker_count;
    _Atomic uint32_t next_part;
    struct range_table table; /* of the answer */
    struct row row;
    int64_t *ends; /* of the windows, one a step */
    struct window *windows;
    uint32_t given;
    bool is_run;
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

static void steps_of(struct range_worker *w, int64_t ts)
{
    if (ts >= w->from && ts <= w->until)
        return;
    range_steps(&w->table, ts, &w->first, &w->last, &w->has_any, &w->until);
    w->from = ts;
}

static enum tsdb_status put_sample(struct range_worker *w, uint32_t index, int64_t ts, double value,
                                   struct tsdb_error *err)
{
    struct range_series *s = &w->table.at[index];
    samples_put(&s->samples, ts, value);
    if (s->samples.count % 1024 == 0 && samples_is_over(&s->samples))
        return eval_full(&w->ev, err);
    return TSDB_OK;
}

static void count_row(struct range_worker *w, uint32_t index, int64_t ts, size_t bytes)
{
    struct range_series *s = &w->table.at[index];
    steps_of(w, ts);
    if (!w->has_any)
        return;
    s->counts[w->first]++;
    s->counts[w->last + 1]--;
    if (s->sums) {
        s->sums[w->first] += (int64_t)bytes;
        s->sums[w->last + 1] -= (int64_t)bytes;
    }
}

/* A row that has been through the stages: its value and series. */
static enum tsdb_status take_row(struct range_worker *w, uint32_t row, int64_t ts,
                                 struct tsdb_error *err)
{
    uint32_t index;
    double value = 0;
    struct pipeline_run *run = scan_run(w->scan);
    if (w->op->unwrap) {
        bool is_error = false;
        enum tsdb_status st = pipeline_unwrap(run, w->op->unwrap, &value, &is_error, err);
        if (st != TSDB_OK)
            return st == TSDB_END ? TSDB_OK : st;
    }
    struct tsdb_text what = pipeline_label(run, text_of("__error__"));
    if (what.len > 0)
        return tsdb_fail(err, TSDB_EINVAL,
                         "pipeline error: '%.*s'. Use a label filter to intentionally skip this "
                         "error. (e.g | __error__!=\"%.*s\")",
                         (int)what.len, what.at, (int)what.len, what.at);
    enum tsdb_status st = range_keys_row(&w->keys, w->scan, row, &index, err);
    if (st != TSDB_OK)
        return st;
    if (w->table.has_samples)
        return put_sample(w, index, ts, value, err);
    count_row(w, index, ts, pipeline_line(run).len);
    return TSDB_OK;
}

/* The unwrapped label is one column of numbers, taken as it is. */
static bool find_numbers(struct range_worker *w)
{
    const struct log_range *node = w->op->node;
    const struct scan_source *source = scan_source(w->scan, node->unwrap);
    w->ints = NULL;
    w->doubles = NULL;
    if (node->convert != UNWRAP_NUMBER || node->after_count > 0 || source->column_count != 1 ||
        label_is_made(node->unwrap) || scan_is_stream_name(w->scan, node->unwrap))
        return false;
    uint32_t column = source->columns[0];
    const struct column_info *info = group_column(scan_rows(w->scan)->part->group, column);
    struct group_reader *reader = scan_reader(w->scan);
    struct tsdb_error err;
    if (group_presence(reader, column, &w->presence, &err) != TSDB_OK)
        return false;
    if (info->kind == COLUMN_INT && info->tag == TSDB_FIELD_INT)
        return group_ints(reader, column, &w->ints, &err) == TSDB_OK;
    return info->kind == COLUMN_DOUBLE &&
           group_doubles(reader, column, &w->doubles, &err) == TSDB_OK;
}

/* A row whose series and value are found without running the stages. */
static enum tsdb_status take_direct(struct range_worker *w, uint32_t row, int64_t ts,
                                    struct tsdb_error *err)
{
    uint32_t index;
    bool has_value = w->ints || w->doubles;
    if (has_value && w->presence && !(w->presence[row / 64] >> row % 64 & 1))
        return TSDB_OK;
    enum tsdb_status st = range_keys_row(&w->keys, w->scan, row, &index, err);
    if (st != TSDB_OK)
        return st;
    if (has_value)
        return put_sample(w, index, ts, w->ints ? (double)w->ints[row] : w->doubles[row], err);
    count_row(w, index, ts, 0);
    return TSDB_OK;
}

/* Adds `rows` rows at once, all at times that count for the same steps as ts. */
static void count_rows(struct range_worker *w, uint32_t index, int64_t ts, uint32_t rows)
{
    struct range_series *s = &w->table.at[index];
    steps_of(w, ts);
    if (!w->has_any)
        return;
    s->counts[w->first] += rows;
    s->counts[w->last + 1] -= rows;
}

/* A part that is counted by its header alone: no stage, no deletion, series told apart by
 * labels of streams, every run inside the range and of the same steps from end to end.
 * TSDB_ENOTFOUND: it is not such a part, or one run is not; nothing was counted then. */
static enum tsdb_status take_headers(struct range_worker *w, uint32_t number,
                                     struct tsdb_error *err)
{
    const struct log_scan *scan = &w->op->scan;
    const struct logs_part *part = logs_set_part(scan->set, number);
    if (scan->expr->stage_count > 0 || part->hidden_count > 0 || w->op->unwrap ||
        w->table.has_sums || !range_keys_of_streams(&w->keys, w->scan, number))
        return TSDB_ENOTFOUND;
    w->from = INT64_MAX;
    w->until = INT64_MIN;
    for (uint32_t i = 0; i < part->run_count; i++) {
        const struct logs_run *run = &part->runs[i];
        if (run->ts_min < scan->start || run->ts_max >= scan->end)
            return TSDB_ENOTFOUND;
        steps_of(w, run->ts_min);
        if (run->ts_max > w->until)
            return TSDB_ENOTFOUND;
    }
    uint64_t rows = 0;
    for (uint32_t i = 0; i < part->run_count; i++) {
        uint32_t index;
        enum tsdb_status st = range_keys_stream(&w->keys, part->runs[i].stream, &index, err);
        if (st != TSDB_OK)
            return st;
        count_rows(w, index, part->runs[i].ts_min, part->runs[i].rows);
        rows += part->runs[i].rows;
    }
    (void)atomic_fetch_add(&scan->room->counts.records, rows);
    (void)atomic_fetch_add(&scan->room->counts.groups, 1);
    return TSDB_OK;
}

static enum tsdb_status take_part(struct range_worker *w, struct tsdb_error *err)
{
    const struct scan_rows *rows = scan_rows(w->scan);
    bool is_direct = range_keys_part(&w->keys, w->scan) && rows->is_settled && !w->table.has_sums;
    if (w->op->unwrap)
        is_direct = is_direct && find_numbers(w);
    w->until = INT64_MIN;
    w->from = INT64_MAX;
    uint32_t seen = 0;
    for (uint32_t word = 0; word < (rows->rows + 63) / 64; word++) {
        for (uint64_t bits = rows->mask[word]; bits; bits &= bits - 1) {
            uint32_t row = word * 64 + (uint32_t)__builtin_ctzll(bits);
            enum tsdb_status st;
            if (is_direct) {
                st = take_direct(w, row, rows->ts[row], err);
            } else {
                st = scan_row(w->scan, row, err);
                if (st == TSDB_OK)
                    st = take_row(w, row, rows->ts[row], err);
            }
            if (st == TSDB_END)
                st = TSDB_OK;
            if (st == TSDB_OK && ++seen % 4096 == 0)
                st = log_room_poll(&w->op->env->room, err);
            if (st != TSDB_OK)
                return st;
        }
    }
    return TSDB_OK;
}

/* ---- workers ------------------------------------------------------------------------------ */

/* Parts until there are none left, or another worker has failed. */
static void *work(void *arg)
{
    struct range_worker *w = arg;
    uint32_t parts = logs_set_parts(w->op->scan.set);
    while (w->status == TSDB_OK) {
        uint32_t part = atomic_fetch_add(&w->op->next_part, 1);
        if (part >= parts)
            break;
        enum tsdb_status st = take_headers(w, part, &w->err);
        if (st == TSDB_ENOTFOUND) {
            st = scan_part(w->scan, part, &w->err);
            if (st == TSDB_OK)
                st = take_part(w, &w->err);
        }
        if (st != TSDB_OK && st != TSDB_END) {
            w->status = st;
            atomic_store(&w->op->next_part, parts);
        }
    }
    return NULL;
}

static void worker_open(struct log_range_op *r, struct range_worker *w)
{
    struct eval *ev = r->op.ev;
    w->op = r;
    w->ev.budget = ev->budget;
    w->ev.bytes_max = ev->bytes_max;
    w->ev.clock = ev->clock;
    arena_init(&w->ev.arena, SIZE_MAX, ev->budget);
    arena_init(&w->ev.scratch, SIZE_MAX, ev->budget);
    w->scan = scan_worker_new(&r->scan);
    w->table = r->table;
    w->table.ev = &w->ev;
    range_keys_plan(&w->keys, r->node, r->env, &w->table);
}

static void worker_close(struct range_worker *w)
{
    range_table_release(&w->table);
    range_keys_release(&w->keys);
    scan_worker_free(w->scan);
    arena_release(&w->ev.arena);
    arena_release(&w->ev.scratch);
    writer_release(&w->ev.key_text);
}

/* The scan is worth a second thread when there are several groups to read. */
static uint32_t workers_for(const struct log_range_op *r)
{
    uint32_t parts = logs_set_parts(r->scan.set), cores = thread_cores();
    uint32_t most = cores < RANGE_WORKERS_MAX ? cores : RANGE_WORKERS_MAX;
    if (r->env->is_single || parts < 4)
        return 1;
    return parts / 2 < most ? parts / 2 : most;
}

static enum tsdb_status run(struct log_range_op *r, struct tsdb_error *err)
{
    r->is_run = true;
    r->worker_count = workers_for(r);
    r->workers = MEM_ARRAY(struct range_worker, r->worker_count);
    for (uint32_t i = 0; i < r->worker_count; i++)
        worker_open(r, &r->workers[i]);
    for (uint32_t i = 1; i < r->worker_count; i++)
        thread_start(&r->workers[i].thread, "andon-scan", work, &r->workers[i]);
    (void)work(&r->workers[0]);
    for (uint32_t i = 1; i < r->worker_count; i++)
        thread_join(&r->workers[i].thread);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < r->worker_count && st == TSDB_OK; i++) {
        st = r->workers[i].status;
        if (st != TSDB_OK)
            *err = r->workers[i].err;
        else
            st = range_table_add(&r->table, &r->workers[i].table, err);
    }
    for (uint32_t i = 0; i < r->worker_count; i++)
        worker_close(&r->workers[i]);
    mem_free(r->workers);
    r->workers = NULL;
    range_table_settle(&r->table);
    for (uint32_t i = 0; i < r->table.count; i++)
        r->op.ev->samples += r->table.at[i].samples.count;
    r->op.ev->series += r->table.count;
    return st;
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
    if (steps == 1 && r->node->op == RANGE_QUANTILE) { /* all are in the one window */
        r->row.kinds[0] = s->samples.count ? POINT_FLOAT : POINT_NONE;
        if (s->samples.count)
            r->row.values[0] =
                range_quantile(s->samples.values, s->samples.count, r->node->parameter);
        return TSDB_OK;
    }
    sort_samples(&s->samples);
    uint32_t from = 0, to = 0;
    for (uint32_t i = 0; i < steps; i++) {
        for (; to < s->samples.count && s->samples.ts[to] <= r->ends[i]; to++)
            ;
        for (; from < to && s->samples.ts[from] <= r->ends[i] - r->node->range; from++)
            ;
        r->windows[i] = (struct window){from, to};
    }
    if (r->node->op == RANGE_QUANTILE && range_quantile_pays(r->windows, steps, s->samples.count)) {
        range_quantiles(&s->samples, r->windows, steps, r->node->parameter, &r->row);
        return TSDB_OK;
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
    unwrap_free(r->unwrap);
    log_scan_close(&r->scan);
}

/* ---- opening ----------------------------------------------------------------------------- */

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

/* What the parsers need not look for: all but the labels that rows are told apart by.  Where
 * nothing tells them apart everything is parsed: a line that is not JSON fails the query. */
static bool want_few(struct log_range_op *r)
{
    struct range_keys keys;
    range_keys_plan(&keys, r->node, r->env, &r->table);
    if (keys.is_without || keys.names.count == 0 || r->node->after_count > 0)
        return true;
    struct tsdb_text *names =
        ARENA_ARRAY(&r->op.ev->arena, struct tsdb_text, (size_t)keys.names.count + 1);
    if (!names)
        return false;
    uint32_t n = keys.names.count;
    memcpy(names, keys.names.at, n * sizeof *names);
    if (keys.unwrap.len > 0)
        names[n++] = keys.unwrap;
    pipeline_want(r->scan.pipeline, names, n);
    return true;
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
    enum tsdb_status st = open_scan(r, err);
    if (st == TSDB_OK && !want_few(r))
        st = eval_full(ev, err);
    if (st != TSDB_OK) {
        close_op(&r->op);
        return st;
    }
    *out = &r->op;
    return TSDB_OK;
}
