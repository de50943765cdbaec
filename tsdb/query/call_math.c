#include "tsdb/query/call_math.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/civil.h"
#include "tsdb/query/call.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/histogram_math_rank.h"

#include <math.h>
#include <string.h>
#include <time.h>

double lesser_of(double a, double b)
{
    if (a == -HUGE_VAL || b == -HUGE_VAL)
        return -HUGE_VAL;
    return isnan(a) || isnan(b) ? (double)NAN : fmin(a, b);
}

double greater_of(double a, double b)
{
    if (a == HUGE_VAL || b == HUGE_VAL)
        return HUGE_VAL;
    return isnan(a) || isnan(b) ? (double)NAN : fmax(a, b);
}

/* ---- numbers ------------------------------------------------------------------ */

static double rad(double v)
{
    return v * M_PI / 180;
}

static double deg(double v)
{
    return v * 180 / M_PI;
}

static double sgn(double v)
{
    if (v == 0 || isnan(v))
        return v;
    return v < 0 ? -1 : 1;
}

enum date_part { YEAR, MONTH, DAY_OF_MONTH, DAY_OF_WEEK, DAY_OF_YEAR, DAYS_IN_MONTH, HOUR, MINUTE };

static double date_part(double seconds, enum date_part part)
{
    struct tm tm;
    if (isnan(seconds) || fabs(seconds) > 1e15)
        return (double)NAN;
    time_t t = (time_t)seconds;
    if (!gmtime_r(&t, &tm))
        return (double)NAN;
    switch (part) {
    case YEAR: return tm.tm_year + 1900;
    case MONTH: return tm.tm_mon + 1;
    case DAY_OF_MONTH: return tm.tm_mday;
    case DAY_OF_WEEK: return tm.tm_wday;
    case DAY_OF_YEAR: return tm.tm_yday + 1;
    case DAYS_IN_MONTH: return civil_month_days(tm.tm_year + 1900, (unsigned)tm.tm_mon + 1);
    case HOUR: return tm.tm_hour;
    case MINUTE: return tm.tm_min;
    }
    UNREACHABLE();
}

static double year(double v)
{
    return date_part(v, YEAR);
}

static double month(double v)
{
    return date_part(v, MONTH);
}

static double day_of_month(double v)
{
    return date_part(v, DAY_OF_MONTH);
}

static double day_of_week(double v)
{
    return date_part(v, DAY_OF_WEEK);
}

static double day_of_year(double v)
{
    return date_part(v, DAY_OF_YEAR);
}

static double month_days(double v)
{
    return date_part(v, DAYS_IN_MONTH);
}

static double hour(double v)
{
    return date_part(v, HOUR);
}

static double minute(double v)
{
    return date_part(v, MINUTE);
}

static double (*const numbers[FUNCTION_COUNT])(double) = {
    [FUNCTION_ABS] = fabs,
    [FUNCTION_ACOS] = acos,
    [FUNCTION_ACOSH] = acosh,
    [FUNCTION_ASIN] = asin,
    [FUNCTION_ASINH] = asinh,
    [FUNCTION_ATAN] = atan,
    [FUNCTION_ATANH] = atanh,
    [FUNCTION_CEIL] = ceil,
    [FUNCTION_COS] = cos,
    [FUNCTION_COSH] = cosh,
    [FUNCTION_DAY_OF_MONTH] = day_of_month,
    [FUNCTION_DAY_OF_WEEK] = day_of_week,
    [FUNCTION_DAY_OF_YEAR] = day_of_year,
    [FUNCTION_DAYS_IN_MONTH] = month_days,
    [FUNCTION_DEG] = deg,
    [FUNCTION_EXP] = exp,
    [FUNCTION_FLOOR] = floor,
    [FUNCTION_HOUR] = hour,
    [FUNCTION_LN] = log,
    [FUNCTION_LOG10] = log10,
    [FUNCTION_LOG2] = log2,
    [FUNCTION_MINUTE] = minute,
    [FUNCTION_MONTH] = month,
    [FUNCTION_RAD] = rad,
    [FUNCTION_SGN] = sgn,
    [FUNCTION_SIN] = sin,
    [FUNCTION_SINH] = sinh,
    [FUNCTION_SQRT] = sqrt,
    [FUNCTION_TAN] = tan,
    [FUNCTION_TANH] = tanh,
    [FUNCTION_YEAR] = year,
};

/* ---- rows --------------------------------------------------------------------- */

struct math_op {
    struct op op;
    enum function_id id;
    const double *parameters[2]; /* round: to; clamp: least, greatest; NULL: not given */
    struct row now;              /* of a date function without an argument */
    bool is_given;
};

static void apply_number(const struct math_op *m, struct row *row)
{
    double (*fn)(double) = numbers[m->id];
    for (uint32_t i = 0; i < m->op.grid.count; i++) {
        if (row->kinds[i] == POINT_FLOAT)
            row->values[i] = fn(row->values[i]);
        else
            row->kinds[i] = POINT_NONE;
    }
}

static void apply_round(const struct math_op *m, struct row *row)
{
    for (uint32_t i = 0; i < m->op.grid.count; i++) {
        /* The inverse loses less than the division would. */
        double inverse = 1 / (m->parameters[0] ? m->parameters[0][i] : 1);
        row->values[i] = floor(row->values[i] * inverse + 0.5) / inverse;
        if (row->kinds[i] == POINT_HISTOGRAM)
            row->kinds[i] = POINT_NONE;
    }
}

static void apply_clamp(const struct math_op *m, struct row *row)
{
    for (uint32_t i = 0; i < m->op.grid.count; i++) {
        double least = m->id == FUNCTION_CLAMP_MAX ? -HUGE_VAL : m->parameters[0][i];
        double greatest = HUGE_VAL;
        if (m->id == FUNCTION_CLAMP)
            greatest = m->parameters[1][i];
        else if (m->id == FUNCTION_CLAMP_MAX)
            greatest = m->parameters[0][i];
        if (row->kinds[i] == POINT_HISTOGRAM || greatest < least)
            row->kinds[i] = POINT_NONE;
        row->values[i] = greater_of(least, lesser_of(greatest, row->values[i]));
    }
}

static bool histogram_number(const struct math_op *m, const struct tsdb_histogram *h, double *out)
{
    switch ((int)m->id) {
    case FUNCTION_HISTOGRAM_COUNT: *out = h->count; return true;
    case FUNCTION_HISTOGRAM_SUM: *out = h->sum; return true;
    case FUNCTION_HISTOGRAM_AVG: *out = h->sum / h->count; return true;
    case FUNCTION_HISTOGRAM_STDVAR: return histogram_variance(h, &m->op.ev->scratch, out);
    case FUNCTION_HISTOGRAM_STDDEV:
        if (!histogram_variance(h, &m->op.ev->scratch, out))
            return false;
        *out = sqrt(*out);
        return true;
    default: UNREACHABLE();
    }
}

static bool apply_histogram(const struct math_op *m, struct row *row)
{
    for (uint32_t i = 0; i < m->op.grid.count; i++) {
        bool is_histogram = row->kinds[i] == POINT_HISTOGRAM;
        row->kinds[i] = is_histogram ? POINT_FLOAT : POINT_NONE;
        if (is_histogram && !histogram_number(m, row->histograms[i], &row->values[i]))
            return false;
    }
    return true;
}

static bool apply(const struct math_op *m, struct row *row)
{
    switch ((int)m->id) {
    case FUNCTION_ROUND: apply_round(m, row); return true;
    case FUNCTION_CLAMP:
    case FUNCTION_CLAMP_MAX:
    case FUNCTION_CLAMP_MIN: apply_clamp(m, row); return true;
    case FUNCTION_HISTOGRAM_COUNT:
    case FUNCTION_HISTOGRAM_SUM:
    case FUNCTION_HISTOGRAM_AVG:
    case FUNCTION_HISTOGRAM_STDDEV:
    case FUNCTION_HISTOGRAM_STDVAR: return apply_histogram(m, row);
    default: apply_number(m, row); return true;
    }
}

/* The next row of the argument, or of the times of the steps. */
static enum tsdb_status take(struct math_op *m, struct row **out, struct tsdb_error *err)
{
    if (m->op.children[0])
        return op_next(m->op.children[0], out, err);
    if (m->is_given || m->op.grid.count == 0)
        return TSDB_END;
    m->is_given = true;
    for (uint32_t i = 0; i < m->op.grid.count; i++) {
        m->now.kinds[i] = POINT_FLOAT;
        m->now.values[i] = floor(seconds_of(grid_at(&m->op.grid, i)));
    }
    *out = &m->now;
    return TSDB_OK;
}

static enum tsdb_status math_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct math_op *m = (struct math_op *)op;
    for (;;) {
        enum tsdb_status st = take(m, out, err);
        if (st == TSDB_OK)
            st = eval_poll(op->ev, op->grid.count, err);
        if (st != TSDB_OK)
            return st;
        if (!apply(m, *out))
            return eval_full(op->ev, err);
        if (row_is_empty(*out, op->grid.count))
            continue;
        if (!labels_drop_name(&op->ev->arena, (*out)->labels, &(*out)->labels))
            return eval_full(op->ev, err);
        return TSDB_OK;
    }
}

static enum tsdb_status take_arguments(struct math_op *m, struct tsdb_error *err)
{
    const struct expr_call *call = &m->op.expr->call;
    struct eval *ev = m->op.ev;
    ASSERT(call->count <= 3);
    for (uint32_t i = 1; i < call->count; i++) {
        enum tsdb_status st =
            scalar_values(ev, call->arguments[i], &m->op.grid, &m->parameters[i - 1], err);
        if (st != TSDB_OK)
            return st;
    }
    if (call->count > 0)
        return op_new(ev, call->arguments[0], &m->op.grid, &m->op.children[0], err);
    return row_init(ev, &m->now, m->op.grid.count, false) ? TSDB_OK : eval_full(ev, err);
}

enum tsdb_status call_math_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                               struct op **out, struct tsdb_error *err)
{
    struct math_op *m = OP_NEW(struct math_op, ev, e, grid);
    if (!m)
        return eval_full(ev, err);
    m->id = e->call.function->id;
    enum tsdb_status st = take_arguments(m, err);
    if (st != TSDB_OK)
        return st;
    m->op.next = math_next;
    m->op.is_name_fixed = true;
    if (!m->op.children[0] || m->op.children[0]->is_name_fixed) {
        *out = &m->op;
        return TSDB_OK;
    }
    return merge_new(&m->op, false, out, err);
}
