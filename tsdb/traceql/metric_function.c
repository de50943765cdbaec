#include "tsdb/traceql/metric_function.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include "tsdb/traceql/metric_compare.h"
#include "tsdb/traceql/metric_scan.h"

#include <math.h>
#include <string.h>

/* ---- values ---------------------------------------------------------------------------------- */

static bool in_seconds(const struct traceql_function *f, const struct traceql_ref *ref)
{
    return ref->intrinsic == INTRINSIC_DURATION || f->kind == TRACEQL_QUANTILE_OVER_TIME;
}

double metric_function_number(const struct traceql_function *f, const struct traceql_ref *ref,
                              const struct span_value *v)
{
    double number = span_value_number(v);
    return v->type == TRACEQL_DURATION && in_seconds(f, ref) ? number / 1e9 : number;
}

struct span_value metric_function_bucket(const struct span_value *v)
{
    double number = span_value_number(v), unit = v->type == TRACEQL_DURATION ? 1e9 : 1;
    int exponent;
    bool is_whole = v->type != TRACEQL_FLOAT;
    if (!(number > 0) || isinf(number) || (is_whole && number < 2))
        return span_nil();
    double mantissa = frexp(number, &exponent); /* [0.5, 1) */
    return span_double(ldexp(1, mantissa == 0.5 ? exponent - 1 : exponent) / unit);
}

/* ---- the plan -------------------------------------------------------------------------------- */

static enum metric_kept kept_by(enum traceql_function_kind kind)
{
    switch (kind) {
    case TRACEQL_AVG_OVER_TIME:
    case TRACEQL_SUM_OVER_TIME: return KEPT_SUMS;
    case TRACEQL_MIN_OVER_TIME: return KEPT_LEAST;
    case TRACEQL_MAX_OVER_TIME: return KEPT_MOST;
    case TRACEQL_QUANTILE_OVER_TIME: return KEPT_DIGESTS;
    case TRACEQL_RATE:
    case TRACEQL_COUNT_OVER_TIME:
    case TRACEQL_HISTOGRAM_OVER_TIME:
    case TRACEQL_COMPARE: break;
    }
    return KEPT_COUNTS;
}

static enum tsdb_status plan_init(struct metric_plan *plan, const struct metric_query *query,
                                  const struct traceql_metric *m, struct tsdb_error *err)
{
    const struct traceql_function *f = &m->function;
    *plan = (struct metric_plan){
        .query = query,
        .f = f,
        .kept = kept_by(f->kind),
        .has_bucket = f->kind == TRACEQL_HISTOGRAM_OVER_TIME,
        .has_value = kept_by(f->kind) != KEPT_COUNTS,
    };
    plan->label_count = f->by.count + plan->has_bucket;
    plan->start = query->grid.from < INT64_MAX ? query->grid.from + 1 : INT64_MAX;
    plan->end = query->grid.to < INT64_MAX ? query->grid.to + 1 : INT64_MAX;
    enum tsdb_status st = sets_plan_init(&plan->sets, query->q, m->pipeline, query->arena, err);
    plan->is_columns = plan->sets.only != NULL;
    for (uint32_t i = 0; i < f->by.count; i++)
        plan->is_columns = plan->is_columns && !traceql_ref_is_trace(&query->q->refs[f->by.at[i]]);
    if ((plan->has_value || plan->has_bucket) && traceql_ref_is_trace(&query->q->refs[f->ref]))
        plan->is_columns = false;
    return st;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static struct tsdb_text label_name(const struct metric_query *query, uint32_t slot)
{
    struct writer text = {0};
    traceql_ref_format(&query->q->refs[slot], &text);
    char *kept = ARENA_ARRAY(query->arena, char, text.len + 1);
    if (kept)
        memcpy(kept, text.at, text.len);
    struct tsdb_text out = {kept, kept ? text.len : 0};
    writer_release(&text);
    return out;
}

static bool keep_value(struct arena *arena, struct span_value *v)
{
    if (v->type != TRACEQL_STRING && v->type != SPAN_LIST)
        return true;
    char *text = ARENA_ARRAY(arena, char, v->text.len + 1);
    if (text && v->text.len > 0)
        memcpy(text, v->text.at, v->text.len);
    v->text.at = text;
    return text != NULL;
}

/* Labels as Tempo gives them: what a span lacks is left out, unless nothing is left; without
 * by() the function's name. */
static bool put_labels(const struct metric_plan *plan, const struct metric_series *s,
                       struct metric_row *row)
{
    const struct metric_query *query = plan->query;
    const struct traceql_refs *by = &plan->f->by;
    for (uint32_t i = 0; i < by->count; i++) {
        struct span_value v = s->labels[i];
        if (v.type == TRACEQL_NIL)
            continue;
        struct tsdb_text name = label_name(query, by->at[i]);
        if (!name.at || !keep_value(query->arena, &v))
            return false;
        metric_row_label(row, name, v);
    }
    if (plan->has_bucket)
        metric_row_label(row, text_of("__bucket"), s->labels[by->count]);
    if (row->label_count > 0 || plan->f->kind == TRACEQL_QUANTILE_OVER_TIME)
        return true;
    if (by->count == 0) {
        metric_row_label(row, text_of("__name__"),
                         span_string(text_of(traceql_function_name(plan->f->kind))));
        return true;
    }
    struct tsdb_text name = label_name(query, by->at[0]);
    if (name.at)
        metric_row_label(row, name, span_nil());
    return name.at != NULL;
}

static double value_at(const struct metric_plan *plan, const struct metric_series *s, uint32_t step)
{
    double count = s->counts ? (double)s->counts[step] : 0;
    switch (plan->f->kind) {
    case TRACEQL_RATE: return count / ((double)plan->query->grid.step / 1e9);
    case TRACEQL_COUNT_OVER_TIME:
    case TRACEQL_HISTOGRAM_OVER_TIME: return count;
    case TRACEQL_MIN_OVER_TIME:
    case TRACEQL_MAX_OVER_TIME: return s->values[step];
    case TRACEQL_SUM_OVER_TIME: return count > 0 ? s->values[step] + s->rests[step] : (double)NAN;
    case TRACEQL_AVG_OVER_TIME:
        return count > 0 ? (s->values[step] + s->rests[step]) / count : (double)NAN;
    case TRACEQL_QUANTILE_OVER_TIME:
    case TRACEQL_COMPARE: break;
    }
    return (double)NAN;
}

/* The quantile whose value lies nearest; of equal ones the first. */
static uint32_t nearest(const struct metric_plan *plan, struct metric_series *s, double value,
                        uint32_t step)
{
    uint32_t best = 0;
    double least = (double)INFINITY;
    for (uint32_t i = 0; i < plan->f->quantile_count; i++) {
        double apart =
            fabs(metric_digest_quantile(&s->digests[step], plan->f->quantiles[i]) - value);
        if (apart < least) {
            least = apart;
            best = i;
        }
    }
    return best;
}

static bool put_exemplars(const struct metric_sums *sums, uint32_t series, uint32_t quantile,
                          struct metric_row *row)
{
    const struct metric_query *query = sums->plan->query;
    bool is_quantile = sums->plan->f->kind == TRACEQL_QUANTILE_OVER_TIME;
    if (query->exemplars == 0)
        return true;
    row->exemplars = ARENA_ARRAY(query->arena, struct tsdb_trace_exemplar, query->exemplars);
    if (!row->exemplars)
        return false;
    for (uint32_t i = 0; i < query->exemplars; i++) {
        const struct metric_exemplar *e = &sums->exemplars[i];
        if (!e->is_set || e->series != series)
            continue;
        if (is_quantile && nearest(sums->plan, &sums->table.series[series], e->at.value,
                                   metric_grid_step(&query->grid, e->at.ts)) != quantile)
            continue;
        row->exemplars[row->exemplar_count++] = e->at;
    }
    return true;
}

static bool put_row(const struct metric_sums *sums, uint32_t series, uint32_t quantile,
                    struct metric_rows *out)
{
    const struct metric_plan *plan = sums->plan;
    struct metric_series *s = &sums->table.series[series];
    uint32_t steps = plan->query->grid.count;
    struct metric_row *row = metric_rows_add(out, plan->label_count + 2, steps, plan->query->arena);
    if (!row || !put_labels(plan, s, row))
        return false;
    bool is_quantile = plan->f->kind == TRACEQL_QUANTILE_OVER_TIME;
    double q = is_quantile ? plan->f->quantiles[quantile] : 0;
    if (is_quantile)
        metric_row_label(row, text_of("p"), span_double(q));
    for (uint32_t i = 0; i < steps; i++)
        row->values[i] =
            is_quantile ? metric_digest_quantile(&s->digests[i], q) : value_at(plan, s, i);
    return put_exemplars(sums, series, quantile, row);
}

static enum tsdb_status put_rows(const struct metric_sums *sums, struct metric_rows *out,
                                 struct tsdb_error *err)
{
    const struct metric_plan *plan = sums->plan;
    bool is_quantile = plan->f->kind == TRACEQL_QUANTILE_OVER_TIME;
    uint32_t rows = is_quantile ? plan->f->quantile_count : 1;
    for (uint32_t i = 0; i < sums->table.count; i++)
        for (uint32_t k = 0; k < rows; k++)
            if (!put_row(sums, i, k, out))
                return trace_room_full(plan->query->room, err);
    metric_rows_settle(out, plan->query->grid.count);
    return TSDB_OK;
}

/* ---- running --------------------------------------------------------------------------------- */

static enum tsdb_status run(struct metric_plan *plan, struct metric_rows *out,
                            struct tsdb_error *err)
{
    const struct metric_query *query = plan->query;
    struct traces_set *set;
    struct metric_sums sums;
    enum tsdb_status st = trace_room_select(query->room, plan->start, plan->end, &set, err);
    if (st != TSDB_OK)
        return st;
    metric_sums_init(&sums, plan);
    uint32_t none;
    if (plan->label_count == 0 && plan->kept != KEPT_DIGESTS) /* counts nothing, too */
        st = metric_table_put(&sums.table, NULL, &none, err);
    if (st == TSDB_OK)
        st = metric_scan(&sums, set, err);
    if (traces_set_is_partial(set))
        atomic_store(&query->room->counts.is_partial, true);
    traces_set_close(set);
    if (st == TSDB_OK)
        st = put_rows(&sums, out, err);
    metric_sums_release(&sums);
    return st;
}

enum tsdb_status metric_function_run(const struct metric_query *query,
                                     const struct traceql_metric *m, struct metric_rows *out,
                                     struct tsdb_error *err)
{
    struct metric_plan plan;
    enum tsdb_status st = plan_init(&plan, query, m, err);
    if (st != TSDB_OK)
        return st;
    if (m->function.kind == TRACEQL_COMPARE)
        return metric_compare_run(&plan, out, err);
    return run(&plan, out, err);
}
