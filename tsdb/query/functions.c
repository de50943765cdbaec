#include "tsdb/query/functions.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <assert.h>

/* Arguments: scalar, vector, matrix, string (text). */
#define S TYPE_SCALAR
#define V TYPE_VECTOR
#define M TYPE_MATRIX
#define T TYPE_STRING

#define ROW(id, name, result, variadic, count, ...)                                                \
    [FUNCTION_##id] = {name, FUNCTION_##id, {__VA_ARGS__}, result, count, variadic, false}
#define EXPERIMENTAL(id, name, result, variadic, count, ...)                                       \
    [FUNCTION_##id] = {name, FUNCTION_##id, {__VA_ARGS__}, result, count, variadic, true}

static const struct function functions[] = {
    ROW(ABS, "abs", V, 0, 1, V),
    ROW(ABSENT, "absent", V, 0, 1, V),
    ROW(ABSENT_OVER_TIME, "absent_over_time", V, 0, 1, M),
    ROW(ACOS, "acos", V, 0, 1, V),
    ROW(ACOSH, "acosh", V, 0, 1, V),
    ROW(ASIN, "asin", V, 0, 1, V),
    ROW(ASINH, "asinh", V, 0, 1, V),
    ROW(ATAN, "atan", V, 0, 1, V),
    ROW(ATANH, "atanh", V, 0, 1, V),
    ROW(AVG_OVER_TIME, "avg_over_time", V, 0, 1, M),
    ROW(CEIL, "ceil", V, 0, 1, V),
    ROW(CHANGES, "changes", V, 0, 1, M),
    ROW(CLAMP, "clamp", V, 0, 3, V, S, S),
    ROW(CLAMP_MAX, "clamp_max", V, 0, 2, V, S),
    ROW(CLAMP_MIN, "clamp_min", V, 0, 2, V, S),
    ROW(COS, "cos", V, 0, 1, V),
    ROW(COSH, "cosh", V, 0, 1, V),
    ROW(COUNT_OVER_TIME, "count_over_time", V, 0, 1, M),
    ROW(DAY_OF_MONTH, "day_of_month", V, 1, 1, V),
    ROW(DAY_OF_WEEK, "day_of_week", V, 1, 1, V),
    ROW(DAY_OF_YEAR, "day_of_year", V, 1, 1, V),
    ROW(DAYS_IN_MONTH, "days_in_month", V, 1, 1, V),
    ROW(DEG, "deg", V, 0, 1, V),
    ROW(DELTA, "delta", V, 0, 1, M),
    ROW(DERIV, "deriv", V, 0, 1, M),
    EXPERIMENTAL(DOUBLE_EXPONENTIAL_SMOOTHING, "double_exponential_smoothing", V, 0, 3, M, S, S),
    EXPERIMENTAL(END, "end", S, 0, 0, S),
    ROW(EXP, "exp", V, 0, 1, V),
    ROW(FIRST_OVER_TIME, "first_over_time", V, 0, 1, M),
    ROW(FLOOR, "floor", V, 0, 1, V),
    ROW(HISTOGRAM_AVG, "histogram_avg", V, 0, 1, V),
    ROW(HISTOGRAM_COUNT, "histogram_count", V, 0, 1, V),
    ROW(HISTOGRAM_FRACTION, "histogram_fraction", V, 0, 3, S, S, V),
    ROW(HISTOGRAM_QUANTILE, "histogram_quantile", V, 0, 2, S, V),
    EXPERIMENTAL(HISTOGRAM_QUANTILES, "histogram_quantiles", V, 9, 4, V, T, S, S),
    ROW(HISTOGRAM_STDDEV, "histogram_stddev", V, 0, 1, V),
    ROW(HISTOGRAM_STDVAR, "histogram_stdvar", V, 0, 1, V),
    ROW(HISTOGRAM_SUM, "histogram_sum", V, 0, 1, V),
    ROW(HOUR, "hour", V, 1, 1, V),
    ROW(IDELTA, "idelta", V, 0, 1, M),
    ROW(INCREASE, "increase", V, 0, 1, M),
    EXPERIMENTAL(INFO, "info", V, 1, 2, V, V),
    ROW(IRATE, "irate", V, 0, 1, M),
    ROW(LABEL_JOIN, "label_join", V, -1, 4, V, T, T, T),
    ROW(LABEL_REPLACE, "label_replace", V, 0, 5, V, T, T, T, T),
    ROW(LAST_OVER_TIME, "last_over_time", V, 0, 1, M),
    ROW(LN, "ln", V, 0, 1, V),
    ROW(LOG10, "log10", V, 0, 1, V),
    ROW(LOG2, "log2", V, 0, 1, V),
    EXPERIMENTAL(MAD_OVER_TIME, "mad_over_time", V, 0, 1, M),
    EXPERIMENTAL(MAX_OF, "max_of", S, 0, 2, S, S),
    ROW(MAX_OVER_TIME, "max_over_time", V, 0, 1, M),
    EXPERIMENTAL(MIN_OF, "min_of", S, 0, 2, S, S),
    ROW(MIN_OVER_TIME, "min_over_time", V, 0, 1, M),
    ROW(MINUTE, "minute", V, 1, 1, V),
    ROW(MONTH, "month", V, 1, 1, V),
    ROW(PI, "pi", S, 0, 0, S),
    ROW(PREDICT_LINEAR, "predict_linear", V, 0, 2, M, S),
    ROW(PRESENT_OVER_TIME, "present_over_time", V, 0, 1, M),
    ROW(QUANTILE_OVER_TIME, "quantile_over_time", V, 0, 2, S, M),
    ROW(RAD, "rad", V, 0, 1, V),
    EXPERIMENTAL(RANGE, "range", S, 0, 0, S),
    ROW(RATE, "rate", V, 0, 1, M),
    ROW(RESETS, "resets", V, 0, 1, M),
    ROW(ROUND, "round", V, 1, 2, V, S),
    ROW(SCALAR, "scalar", S, 0, 1, V),
    ROW(SGN, "sgn", V, 0, 1, V),
    ROW(SIN, "sin", V, 0, 1, V),
    ROW(SINH, "sinh", V, 0, 1, V),
    ROW(SORT, "sort", V, 0, 1, V),
    EXPERIMENTAL(SORT_BY_LABEL, "sort_by_label", V, -1, 2, V, T),
    EXPERIMENTAL(SORT_BY_LABEL_DESC, "sort_by_label_desc", V, -1, 2, V, T),
    ROW(SORT_DESC, "sort_desc", V, 0, 1, V),
    ROW(SQRT, "sqrt", V, 0, 1, V),
    EXPERIMENTAL(START, "start", S, 0, 0, S),
    ROW(STDDEV_OVER_TIME, "stddev_over_time", V, 0, 1, M),
    ROW(STDVAR_OVER_TIME, "stdvar_over_time", V, 0, 1, M),
    EXPERIMENTAL(STEP, "step", S, 0, 0, S),
    ROW(SUM_OVER_TIME, "sum_over_time", V, 0, 1, M),
    ROW(TAN, "tan", V, 0, 1, V),
    ROW(TANH, "tanh", V, 0, 1, V),
    ROW(TIME, "time", S, 0, 0, S),
    ROW(TIMESTAMP, "timestamp", V, 0, 1, V),
    EXPERIMENTAL(TS_OF_FIRST_OVER_TIME, "ts_of_first_over_time", V, 0, 1, M),
    EXPERIMENTAL(TS_OF_LAST_OVER_TIME, "ts_of_last_over_time", V, 0, 1, M),
    EXPERIMENTAL(TS_OF_MAX_OVER_TIME, "ts_of_max_over_time", V, 0, 1, M),
    EXPERIMENTAL(TS_OF_MIN_OVER_TIME, "ts_of_min_over_time", V, 0, 1, M),
    ROW(VECTOR, "vector", V, 0, 1, S),
    ROW(YEAR, "year", V, 1, 1, V),
};

static_assert(sizeof functions / sizeof functions[0] == FUNCTION_COUNT, "a row for each");

/* Linear: an expression names few functions. */
const struct function *function_find(struct tsdb_text name)
{
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        if (text_equal(name, text_of(functions[i].name)))
            return &functions[i];
    return NULL;
}

const struct function *function_get(enum function_id id)
{
    ASSERT(id < FUNCTION_COUNT);
    return &functions[id];
}

enum expr_type function_argument_type(const struct function *f, uint32_t index)
{
    ASSERT(f->argument_count > 0);
    return f->arguments[index < f->argument_count ? index : f->argument_count - 1u];
}

const char *expr_type_name(enum expr_type type)
{
    switch (type) {
    case TYPE_SCALAR: return "scalar";
    case TYPE_VECTOR: return "instant vector";
    case TYPE_MATRIX: return "range vector";
    case TYPE_STRING: return "string";
    }
    UNREACHABLE();
}
