/* functions.h - what the functions and aggregations of PromQL are called and take.
 *
 * One table row a function: name, argument types, how many of the last type may
 * follow, result type, whether Prometheus 3 keeps it behind a feature flag
 * (we always allow those).  Names, types and arities are those of Prometheus 3
 * (https://prometheus.io/docs/prometheus/latest/querying/functions/).  The table
 * is constant; this file knows nothing of evaluation.
 *
 * variadic: 0 - exactly argument_count arguments; n > 0 - the last type may be
 * left out or given up to n times; -1 - left out or given any number of times.
 */
#ifndef TSDB_QUERY_FUNCTIONS_H
#define TSDB_QUERY_FUNCTIONS_H

#include "tsdb/tsdb.h"

enum expr_type { TYPE_SCALAR, TYPE_VECTOR, TYPE_MATRIX, TYPE_STRING };

/* In order of name, as the table is. */
enum function_id {
    FUNCTION_ABS,
    FUNCTION_ABSENT,
    FUNCTION_ABSENT_OVER_TIME,
    FUNCTION_ACOS,
    FUNCTION_ACOSH,
    FUNCTION_ASIN,
    FUNCTION_ASINH,
    FUNCTION_ATAN,
    FUNCTION_ATANH,
    FUNCTION_AVG_OVER_TIME,
    FUNCTION_CEIL,
    FUNCTION_CHANGES,
    FUNCTION_CLAMP,
    FUNCTION_CLAMP_MAX,
    FUNCTION_CLAMP_MIN,
    FUNCTION_COS,
    FUNCTION_COSH,
    FUNCTION_COUNT_OVER_TIME,
    FUNCTION_DAY_OF_MONTH,
    FUNCTION_DAY_OF_WEEK,
    FUNCTION_DAY_OF_YEAR,
    FUNCTION_DAYS_IN_MONTH,
    FUNCTION_DEG,
    FUNCTION_DELTA,
    FUNCTION_DERIV,
    FUNCTION_DOUBLE_EXPONENTIAL_SMOOTHING,
    FUNCTION_END, /* end(): the query's end, in seconds */
    FUNCTION_EXP,
    FUNCTION_FIRST_OVER_TIME,
    FUNCTION_FLOOR,
    FUNCTION_HISTOGRAM_AVG,
    FUNCTION_HISTOGRAM_COUNT,
    FUNCTION_HISTOGRAM_FRACTION,
    FUNCTION_HISTOGRAM_QUANTILE,
    FUNCTION_HISTOGRAM_QUANTILES, /* (vector, label name, quantile, ...) */
    FUNCTION_HISTOGRAM_STDDEV,
    FUNCTION_HISTOGRAM_STDVAR,
    FUNCTION_HISTOGRAM_SUM,
    FUNCTION_HOUR,
    FUNCTION_IDELTA,
    FUNCTION_INCREASE,
    FUNCTION_INFO,
    FUNCTION_IRATE,
    FUNCTION_LABEL_JOIN,
    FUNCTION_LABEL_REPLACE,
    FUNCTION_LAST_OVER_TIME,
    FUNCTION_LN,
    FUNCTION_LOG10,
    FUNCTION_LOG2,
    FUNCTION_MAD_OVER_TIME,
    FUNCTION_MAX_OF, /* max_of(scalar, scalar) */
    FUNCTION_MAX_OVER_TIME,
    FUNCTION_MIN_OF,
    FUNCTION_MIN_OVER_TIME,
    FUNCTION_MINUTE,
    FUNCTION_MONTH,
    FUNCTION_PI,
    FUNCTION_PREDICT_LINEAR,
    FUNCTION_PRESENT_OVER_TIME,
    FUNCTION_QUANTILE_OVER_TIME,
    FUNCTION_RAD,
    FUNCTION_RANGE, /* range(): end - start of the query, in seconds */
    FUNCTION_RATE,
    FUNCTION_RESETS,
    FUNCTION_ROUND,
    FUNCTION_SCALAR,
    FUNCTION_SGN,
    FUNCTION_SIN,
    FUNCTION_SINH,
    FUNCTION_SORT,
    FUNCTION_SORT_BY_LABEL,
    FUNCTION_SORT_BY_LABEL_DESC,
    FUNCTION_SORT_DESC,
    FUNCTION_SQRT,
    FUNCTION_START,
    FUNCTION_STDDEV_OVER_TIME,
    FUNCTION_STDVAR_OVER_TIME,
    FUNCTION_STEP, /* step(): the query's step, in seconds */
    FUNCTION_SUM_OVER_TIME,
    FUNCTION_TAN,
    FUNCTION_TANH,
    FUNCTION_TIME,
    FUNCTION_TIMESTAMP,
    FUNCTION_TS_OF_FIRST_OVER_TIME,
    FUNCTION_TS_OF_LAST_OVER_TIME,
    FUNCTION_TS_OF_MAX_OVER_TIME,
    FUNCTION_TS_OF_MIN_OVER_TIME,
    FUNCTION_VECTOR,
    FUNCTION_YEAR,
    FUNCTION_COUNT, /* how many there are */
};

enum { FUNCTION_ARGUMENTS = 5 };

struct function {
    const char *name;
    enum function_id id;
    enum expr_type arguments[FUNCTION_ARGUMENTS];
    enum expr_type result;
    uint8_t argument_count; /* of arguments[] */
    int8_t variadic;
    bool is_experimental;
};

/* NULL when there is none of that name; names are case-sensitive. */
const struct function *function_find(struct tsdb_text name);
const struct function *function_get(enum function_id id);
/* The type that argument `index` must have. */
enum expr_type function_argument_type(const struct function *f, uint32_t index);

/* How messages call a type: "instant vector". */
const char *expr_type_name(enum expr_type type);

#endif
