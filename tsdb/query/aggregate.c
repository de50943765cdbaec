#include "tsdb/query/aggregate.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/aggregate_k.h"
#include "tsdb/query/aggregate_values.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/eval_table.h"
#include "tsdb/query/histogram_math.h"

#include <string.h>

enum { SAW_FLOAT = 1, SAW_HISTOGRAM = 2, SAW_INCOMPATIBLE = 4, IS_MEAN = 8 };

/* The arrays that an operation does not use stay NULL. */
struct group {
    struct tsdb_labels labels;
    uint8_t *flags;
    double *high, *low, *count;
    struct histogram_sum **sums; /* NULL until there is a histogram */
    struct row_table rows;       /* quantile */
};

struct aggregation {
    struct op op;
    enum aggregate_op kind;
    const double *parameter; /* quantile; one value a step */
    struct key_map keys;
    struct group *groups;
    uint32_t group_count, group_cap, given;
    struct row row;
    double *values; /* of one quantile */
    uint32_t values_cap;
    bool is_full;
};

static void note_ignored(const struct aggregation *a)
{
    annotations_add(&a->op.ev->annotations, ANNOTATION_INFO, a->op.expr->aggregate.expr->begin,
                    "ignored histogram in %s aggregation", aggregate_op_name(a->kind));
}

/* ---- floats ------------------------------------------------------------------- */

static void add_sum(struct group *g, const struct row *row, uint32_t steps)
{
    uint8_t other = 0;
    for (uint32_t i = 0; i < steps; i++)
        other |= row->kinds[i] ^ POINT_FLOAT;
    if (other == 0) { /* no gaps: without branches, so that the compiler can widen it */
        for (uint32_t i = 0; i < steps; i++) {
            struct pair p = pair_add((struct pair){g->high[i], g->low[i]}, row->values[i]);
            g->high[i] = p.high;
            g->low[i] = p.low;
            g->flags[i] |= SAW_FLOAT;
        }
        return;
    }
    for (uint32_t i = 0; i < steps; i++) {
        if (row->kinds[i] != POINT_FLOAT)
            continue;
        struct pair p = pair_add((struct pair){g->high[i], g->low[i]}, row->values[i]);
        g->high[i] = p.high;
        g->low[i] = p.low;
        g->flags[i] |= SAW_FLOAT;
    }
}

/* Sums as long as that does not overflow, then carries on with the mean. */
static void add_avg(struct group *g, const struct row *row, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        if (row->kinds[i] != POINT_FLOAT)
            continue;
        double v = row->values[i], n = ++g->count[i];
        struct pair p = {g->high[i], g->low[i]};
        bool is_first = !(g->flags[i] & SAW_FLOAT);
        if (!(g->flags[i] & IS_MEAN)) {
            struct pair sum = pair_add(p, v);
            if (isinf(sum.high) && !is_first) {
                g->flags[i] |= IS_MEAN;
                p = (struct pair){p.high / (n - 1), p.low / (n - 1)};
            } else {
                p = sum;
            }
        }
        if (g->flags[i] & IS_MEAN) {
            double q = (n - 1) / n;
            p = pair_add((struct pair){q * p.high, q * p.low}, v / n);
        }
        g->high[i] = p.high;
        g->low[i] = p.low;
        g->flags[i] |= SAW_FLOAT;
    }
}

static void add_extreme(struct group *g, const struct row *row, uint32_t steps, bool is_max)
{
    for (uint32_t i = 0; i < steps; i++) {
        if (row->kinds[i] != POINT_FLOAT)
            continue;
        double v = row->values[i], best = g->high[i];
        bool is_better = is_max ? best < v : best > v;
        if (!(g->flags[i] & SAW_FLOAT) || is_better || isnan(best))
            g->high[i] = v;
        g->flags[i] |= SAW_FLOAT;
    }
}

/* Welford: high is the mean, low the sum of squared distances from it. */
static void add_spread(struct group *g, const struct row *row, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        if (row->kinds[i] != POINT_FLOAT)
            continue;
        double v = row->values[i], n = ++g->count[i];
        if (n == 1) {
            g->high[i] = v;
            g->low[i] = isfinite(v) ? 0 : (double)NAN;
        } else {
            double distance = v - g->high[i];
            g->high[i] += distance / n;
            g->low[i] += distance * (v - g->high[i]);
        }
        g->flags[i] |= SAW_FLOAT;
    }
}

static void add_count(struct group *g, const struct row *row, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        if (row->kinds[i] == POINT_NONE)
            continue;
        g->flags[i] |= row->kinds[i] == POINT_FLOAT ? SAW_FLOAT : SAW_HISTOGRAM;
        g->count[i]++;
    }
}

/* ---- histograms --------------------------------------------------------------- */

static bool would_overflow(const struct histogram_sum *s, const struct tsdb_histogram *h)
{
    return isinf(s->sum.high + h->sum) || isinf(s->count.high + h->count) ||
           isinf(s->zero.high + h->zero_count);
}

/* The mean goes on being a mean: q of what it was, and the n-th part of h. */
static enum histogram_fault add_to_mean(struct group *g, uint32_t i, const struct tsdb_histogram *h)
{
    double n = g->count[i];
    struct histogram_sum *s = g->sums[i];
    if (!(g->flags[i] & IS_MEAN))
        histogram_sum_divide(s, n - 1);
    g->flags[i] |= IS_MEAN;
    uint8_t hint = s->hint;
    histogram_sum_multiply(s, (n - 1) / n);
    s->hint = hint;
    const struct tsdb_histogram *part = histogram_divided(h, n, s->arena);
    return part ? histogram_sum_add(s, part, false) : HISTOGRAM_FULL;
}

static enum tsdb_status first_histogram(struct aggregation *a, struct group *g, uint32_t i,
                                        const struct tsdb_histogram *h, struct tsdb_error *err)
{
    struct eval *ev = a->op.ev;
    if (!g->sums)
        g->sums = ARENA_ARRAY(&ev->arena, struct histogram_sum *, a->op.grid.count);
    struct histogram_sum *s = g->sums ? ARENA_ARRAY(&ev->arena, struct histogram_sum, 1) : NULL;
    /* The custom bounds are borrowed: they must outlive the row. */
    if (!s || !histogram_sum_init(s, &ev->arena, &ev->scratch, h))
        return eval_full(ev, err);
    if (h->custom_count > 0) {
        double *bounds = ARENA_ARRAY(&ev->arena, double, h->custom_count);
        if (!bounds)
            return eval_full(ev, err);
        memcpy(bounds, h->custom, h->custom_count * sizeof *bounds);
        s->custom = bounds;
    }
    g->sums[i] = s;
    return TSDB_OK;
}

static enum tsdb_status add_histogram(struct aggregation *a, struct group *g, uint32_t i,
                                      const struct row *row, struct tsdb_error *err)
{
    const struct tsdb_histogram *h = row->histograms[i];
    bool is_avg = a->kind == AGGREGATE_AVG;
    g->flags[i] |= SAW_HISTOGRAM;
    if (is_avg)
        g->count[i]++;
    if ((g->flags[i] & SAW_FLOAT) || (g->flags[i] & SAW_INCOMPATIBLE))
        return TSDB_OK; /* there will be no answer */
    if (!g->sums || !g->sums[i])
        return first_histogram(a, g, i, h, err);
    struct histogram_sum *s = g->sums[i];
    enum histogram_fault fault;
    if (is_avg && ((g->flags[i] & IS_MEAN) || would_overflow(s, h)))
        fault = add_to_mean(g, i, h);
    else
        fault = histogram_sum_add(s, h, false);
    if (fault == HISTOGRAM_FULL)
        return eval_full(a->op.ev, err);
    uint32_t begin = a->op.expr->aggregate.expr->begin;
    if (fault == HISTOGRAM_INCOMPATIBLE) {
        g->flags[i] |= SAW_INCOMPATIBLE;
        annotations_named(&a->op.ev->annotations, ANNOTATION_WARNING, begin,
                          "vector contains a mix of histograms with exponential and custom "
                          "buckets schemas for metric name",
                          label_get(row->labels, label_name_text));
    } else if (s->is_reconciled) {
        annotations_add(&a->op.ev->annotations, ANNOTATION_INFO, begin,
                        "mismatched custom buckets were reconciled during aggregation");
    }
    return TSDB_OK;
}

/* The histograms of a row, for the operations that want them. */
static enum tsdb_status add_histograms(struct aggregation *a, struct group *g,
                                       const struct row *row, struct tsdb_error *err)
{
    enum tsdb_status st = TSDB_OK;
    bool is_wanted = a->kind == AGGREGATE_SUM || a->kind == AGGREGATE_AVG;
    for (uint32_t i = 0; i < a->op.grid.count && st == TSDB_OK; i++) {
        if (row->kinds[i] != POINT_HISTOGRAM)
            continue;
        if (is_wanted)
            st = add_histogram(a, g, i, row, err);
        else
            note_ignored(a);
    }
    return st;
}

/* ---- groups ------------------------------------------------------------------- */

static bool wants_count(enum aggregate_op kind)
{
    return kind == AGGREGATE_AVG || kind == AGGREGATE_COUNT || kind == AGGREGATE_GROUP ||
           kind == AGGREGATE_STDDEV || kind == AGGREGATE_STDVAR;
}

static bool group_init(struct aggregation *a, struct group *g, struct tsdb_labels labels)
{
    const struct expr_aggregate *e = &a->op.expr->aggregate;
    struct arena *arena = &a->op.ev->arena;
    uint32_t steps = a->op.grid.count;
    *g = (struct group){.flags = ARENA_ARRAY(arena, uint8_t, steps)};
    if (a->kind != AGGREGATE_QUANTILE) {
        g->high = ARENA_ARRAY(arena, double, steps);
        g->low = ARENA_ARRAY(arena, double, steps);
        g->count = wants_count(a->kind) ? ARENA_ARRAY(arena, double, steps) : NULL;
        if (!g->high || !g->low || (wants_count(a->kind) && !g->count))
            return false;
        for (uint32_t i = 0; i < steps; i++)
            g->high[i] = -0.0; /* which added to -0 leaves it */
    }
    return g->flags && labels_group(arena, labels, &e->names, e->is_without, &g->labels);
}

static struct group *group_of(struct aggregation *a, struct tsdb_labels labels)
{
    struct eval *ev = a->op.ev;
    const struct expr_aggregate *e = &a->op.expr->aggregate;
    struct tsdb_hash key = labels_key_of(&a->op.ev->key_text, labels, &e->names, e->is_without);
    uint32_t at = key_map_put(ev, &a->keys, key);
    if (at == KEY_FULL)
        return NULL;
    if (at < a->group_count)
        return &a->groups[at];
    struct group *groups =
        array_room(&ev->arena, a->groups, a->group_count, &a->group_cap, sizeof *groups);
    if (!groups || !group_init(a, &groups[at], labels))
        return NULL;
    a->groups = groups;
    a->group_count++;
    return &groups[at];
}

static enum tsdb_status add_row(struct aggregation *a, const struct row *row,
                                struct tsdb_error *err)
{
    uint32_t steps = a->op.grid.count;
    struct group *g = group_of(a, row->labels);
    if (!g)
        return eval_full(a->op.ev, err);
    switch (a->kind) {
    case AGGREGATE_SUM: add_sum(g, row, steps); break;
    case AGGREGATE_AVG: add_avg(g, row, steps); break;
    case AGGREGATE_MIN: add_extreme(g, row, steps, false); break;
    case AGGREGATE_MAX: add_extreme(g, row, steps, true); break;
    case AGGREGATE_STDDEV:
    case AGGREGATE_STDVAR: add_spread(g, row, steps); break;
    case AGGREGATE_COUNT:
    case AGGREGATE_GROUP: add_count(g, row, steps); return TSDB_OK;
    case AGGREGATE_QUANTILE:
        for (uint32_t i = 0; i < steps; i++)
            g->flags[i] |= row->kinds[i] == POINT_FLOAT ? SAW_FLOAT : 0;
        if (!row_table_append(a->op.ev, &g->rows, row, steps))
            return eval_full(a->op.ev, err);
        break;
    case AGGREGATE_TOPK:
    case AGGREGATE_BOTTOMK:
    case AGGREGATE_COUNT_VALUES:
    case AGGREGATE_LIMITK:
    case AGGREGATE_LIMIT_RATIO: UNREACHABLE();
    }
    return row->histograms ? add_histograms(a, g, row, err) : TSDB_OK;
}

/* ---- results ------------------------------------------------------------------ */

static enum tsdb_status quantile_at(struct aggregation *a, const struct group *g, uint32_t i,
                                    double *out, struct tsdb_error *err)
{
    if (a->values_cap < g->rows.count) {
        a->values = ARENA_ARRAY(&a->op.ev->arena, double, g->rows.count);
        if (!a->values)
            return eval_full(a->op.ev, err);
        a->values_cap = g->rows.count;
    }
    uint32_t n = 0;
    for (uint32_t r = 0; r < g->rows.count; r++)
        if (g->rows.rows[r].kinds[i] == POINT_FLOAT)
            a->values[n++] = g->rows.rows[r].values[i];
    *out = quantile_of(a->parameter[i], a->values, n);
    return eval_poll(a->op.ev, n, err);
}

static double float_at(const struct aggregation *a, const struct group *g, uint32_t i)
{
    struct pair p = g->high ? (struct pair){g->high[i], g->low[i]} : (struct pair){0, 0};
    switch (a->kind) {
    case AGGREGATE_SUM: return pair_value(p);
    case AGGREGATE_AVG:
        if ((g->flags[i] & IS_MEAN) || !isfinite(p.high))
            return pair_value(p);
        return p.high / g->count[i] + p.low / g->count[i];
    case AGGREGATE_MIN:
    case AGGREGATE_MAX: return p.high;
    case AGGREGATE_COUNT: return g->count[i];
    case AGGREGATE_GROUP: return 1;
    case AGGREGATE_STDDEV: return sqrt(p.low / g->count[i]);
    case AGGREGATE_STDVAR: return p.low / g->count[i];
    case AGGREGATE_QUANTILE:
    case AGGREGATE_TOPK:
    case AGGREGATE_BOTTOMK:
    case AGGREGATE_COUNT_VALUES:
    case AGGREGATE_LIMITK:
    case AGGREGATE_LIMIT_RATIO: break;
    }
    UNREACHABLE();
}

static enum tsdb_status histogram_at(struct aggregation *a, struct group *g, uint32_t i,
                                     struct tsdb_error *err)
{
    struct eval *ev = a->op.ev;
    uint32_t begin = a->op.expr->aggregate.expr->begin;
    if (g->flags[i] & SAW_FLOAT) {
        annotations_add(&ev->annotations, ANNOTATION_WARNING, begin,
                        "encountered a mix of histograms and floats for aggregation");
        return TSDB_OK;
    }
    if (g->flags[i] & SAW_INCOMPATIBLE)
        return TSDB_OK;
    struct histogram_sum *s = g->sums[i];
    if (a->kind == AGGREGATE_AVG && !(g->flags[i] & IS_MEAN))
        histogram_sum_divide(s, g->count[i]);
    if (s->has_reset && s->has_no_reset)
        annotations_add(&ev->annotations, ANNOTATION_WARNING, begin,
                        "conflicting counter resets during histogram aggregation");
    const struct tsdb_histogram *h = histogram_sum_take(s);
    if (!h || !row_add_histograms(ev, &a->row, a->op.grid.count))
        return eval_full(ev, err);
    a->row.kinds[i] = POINT_HISTOGRAM;
    a->row.histograms[i] = h;
    return TSDB_OK;
}

static enum tsdb_status result(struct aggregation *a, struct group *g, struct tsdb_error *err)
{
    enum tsdb_status st = TSDB_OK;
    bool adds_histograms = a->kind == AGGREGATE_SUM || a->kind == AGGREGATE_AVG;
    for (uint32_t i = 0; i < a->op.grid.count && st == TSDB_OK; i++) {
        a->row.kinds[i] = POINT_NONE;
        if (g->flags[i] == 0)
            continue;
        if (adds_histograms && (g->flags[i] & SAW_HISTOGRAM)) {
            st = histogram_at(a, g, i, err);
            continue;
        }
        a->row.kinds[i] = POINT_FLOAT;
        if (a->kind == AGGREGATE_QUANTILE)
            st = quantile_at(a, g, i, &a->row.values[i], err);
        else
            a->row.values[i] = float_at(a, g, i);
    }
    a->row.labels = g->labels;
    return st;
}

static enum tsdb_status fill(struct aggregation *a, struct tsdb_error *err)
{
    enum tsdb_status st;
    struct row *row;
    while ((st = op_next(a->op.children[0], &row, err)) == TSDB_OK) {
        st = add_row(a, row, err);
        if (st == TSDB_OK)
            st = eval_poll(a->op.ev, a->op.grid.count, err);
        if (st != TSDB_OK)
            return st;
    }
    a->is_full = true;
    return st == TSDB_END ? TSDB_OK : st;
}

static enum tsdb_status aggregate_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct aggregation *a = (struct aggregation *)op;
    enum tsdb_status st = a->is_full ? TSDB_OK : fill(a, err);
    while (st == TSDB_OK && a->given < a->group_count) {
        st = result(a, &a->groups[a->given++], err);
        if (st != TSDB_OK || row_is_empty(&a->row, op->grid.count))
            continue;
        *out = &a->row;
        return TSDB_OK;
    }
    return st == TSDB_OK ? TSDB_END : st;
}

/* ---- the operator ------------------------------------------------------------- */

static enum tsdb_status take_quantile(struct aggregation *a, struct tsdb_error *err)
{
    const struct expr *parameter = a->op.expr->aggregate.parameter;
    enum tsdb_status st = scalar_values(a->op.ev, parameter, &a->op.grid, &a->parameter, err);
    for (uint32_t i = 0; st == TSDB_OK && i < a->op.grid.count; i++) {
        double q = a->parameter[i];
        if (isnan(q) || q < 0 || q > 1)
            annotations_add(&a->op.ev->annotations, ANNOTATION_WARNING, parameter->begin,
                            "quantile value should be between 0 and 1, got %s",
                            annotation_number(q).at);
    }
    return st;
}

static bool groups_by_name(const struct expr_names *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (text_equal(names->at[i], label_name_text))
            return true;
    return false;
}

enum tsdb_status aggregate_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                               struct op **out, struct tsdb_error *err)
{
    enum aggregate_op kind = e->aggregate.op;
    if (kind == AGGREGATE_COUNT_VALUES)
        return aggregate_values_new(ev, e, grid, out, err);
    if (kind == AGGREGATE_TOPK || kind == AGGREGATE_BOTTOMK || kind == AGGREGATE_LIMITK ||
        kind == AGGREGATE_LIMIT_RATIO)
        return aggregate_k_new(ev, e, grid, out, err);
    struct aggregation *a = OP_NEW(struct aggregation, ev, e, grid);
    if (!a || !row_init(ev, &a->row, grid->count, false))
        return eval_full(ev, err);
    a->kind = kind;
    enum tsdb_status st = TSDB_OK;
    if (kind == AGGREGATE_QUANTILE)
        st = take_quantile(a, err);
    if (st == TSDB_OK)
        st = op_new(ev, e->aggregate.expr, grid, &a->op.children[0], err);
    if (st != TSDB_OK)
        return st;
    a->op.next = aggregate_next;
    a->op.is_name_fixed = e->aggregate.is_without || !groups_by_name(&e->aggregate.names);
    *out = &a->op;
    return TSDB_OK;
}
