/* value.h - types, values and operators of TraceQL: what may stand beside what.
 *
 * Numbers (INT, FLOAT, DURATION) go together, any other type with itself only.
 */
#ifndef TSDB_TRACEQL_VALUE_H
#define TSDB_TRACEQL_VALUE_H

#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum traceql_type {
    TRACEQL_NIL = 0, /* of a value: there is none */
    TRACEQL_ANY,     /* of an expression only: what the attribute holds */
    TRACEQL_INT,
    TRACEQL_FLOAT,
    TRACEQL_STRING,
    TRACEQL_BOOL,
    TRACEQL_DURATION, /* ns */
    TRACEQL_STATUS,   /* enum tsdb_span_status */
    TRACEQL_KIND,     /* enum tsdb_span_kind */
};

struct traceql_value {
    enum traceql_type type;
    union {
        int64_t integer; /* INT, BOOL (0 or 1), DURATION, STATUS, KIND */
        double number;   /* FLOAT */
        struct tsdb_text text;
    };
};

enum traceql_op {
    TRACEQL_OR,
    TRACEQL_AND,
    TRACEQL_EQ,
    TRACEQL_NE,
    TRACEQL_LT,
    TRACEQL_LE,
    TRACEQL_GT,
    TRACEQL_GE,
    TRACEQL_MATCH,     /* =~, anchored at both ends */
    TRACEQL_NOT_MATCH, /* !~ */
    TRACEQL_ADD,
    TRACEQL_SUB,
    TRACEQL_MUL,
    TRACEQL_DIV,
    TRACEQL_MOD,
    TRACEQL_POW,
};

/* "int", "status". */
const char *traceql_type_name(enum traceql_type type);
const char *traceql_op_name(enum traceql_op op);

static inline bool traceql_type_is_number(enum traceql_type type)
{
    return type == TRACEQL_INT || type == TRACEQL_FLOAT || type == TRACEQL_DURATION;
}

static inline bool traceql_op_is_arithmetic(enum traceql_op op)
{
    return op >= TRACEQL_ADD;
}

/* May these two stand on either side of an operator, and may this one?  ANY goes with all. */
bool traceql_types_match(enum traceql_type left, enum traceql_type right);
bool traceql_op_takes(enum traceql_op op, enum traceql_type type);

/* As it stands in a query, and reads back. */
void traceql_value_format(const struct traceql_value *value, struct writer *out);

#endif
