/* span_value.h - one value of a span as TraceQL sees it, and what operators do to two.
 *
 *   attribute   STRING, INT, FLOAT, BOOL as they are; arrays are LIST (their JSON text);
 *               bytes are their base64 as STRING
 *   intrinsics  DURATION (ns), STATUS, KIND besides
 *
 * Comparing values of types that do not go together is false, for `!=` too, and so is any
 * comparison with NIL (a field that is not there).  INT, FLOAT and DURATION go together.
 * A list compares as any of its elements does.
 *
 * Texts are borrowed.  Pure.  Source of meaning: Tempo's TraceQL documentation
 * (https://grafana.com/docs/tempo/latest/traceql/construct-traceql-queries/).
 */
#ifndef TSDB_TRACEQL_SPAN_VALUE_H
#define TSDB_TRACEQL_SPAN_VALUE_H

#include "tsdb/base/arena.h"
#include "tsdb/base/hash.h"
#include "tsdb/traceql/ast.h"

enum { SPAN_LIST = TRACEQL_KIND + 1 }; /* a type besides those of the language */

struct span_value {
    uint8_t type; /* enum traceql_type, but ANY; or SPAN_LIST */
    union {
        struct tsdb_text text; /* STRING, LIST */
        int64_t integer;       /* INT, BOOL, DURATION, STATUS, KIND */
        double real;           /* FLOAT */
    };
};

static inline struct span_value span_nil(void)
{
    return (struct span_value){.type = TRACEQL_NIL};
}
static inline struct span_value span_int(int64_t v)
{
    return (struct span_value){.type = TRACEQL_INT, .integer = v};
}
static inline struct span_value span_double(double v)
{
    return (struct span_value){.type = TRACEQL_FLOAT, .real = v};
}
static inline struct span_value span_bool(bool v)
{
    return (struct span_value){.type = TRACEQL_BOOL, .integer = v};
}
static inline struct span_value span_string(struct tsdb_text v)
{
    return (struct span_value){.type = TRACEQL_STRING, .text = v};
}
static inline struct span_value span_duration(int64_t ns)
{
    return (struct span_value){.type = TRACEQL_DURATION, .integer = ns};
}

static inline struct span_value span_static(const struct traceql_value *v)
{
    if (v->type == TRACEQL_STRING)
        return span_string(v->text);
    if (v->type == TRACEQL_FLOAT)
        return span_double(v->number);
    return (struct span_value){.type = (uint8_t)v->type, .integer = v->integer};
}

static inline bool span_value_is_number(const struct span_value *v)
{
    return v->type == TRACEQL_INT || v->type == TRACEQL_FLOAT || v->type == TRACEQL_DURATION;
}
static inline bool span_value_is_true(const struct span_value *v)
{
    return v->type == TRACEQL_BOOL && v->integer != 0;
}
/* NaN when it is no number; durations in ns. */
double span_value_number(const struct span_value *v);

/* What an attribute is worth.  Bytes become text in the arena (NIL when that is full). */
struct span_value span_value_of(const struct tsdb_field *field, struct arena *arena);

/* re: compiled from b, for TRACEQL_MATCH and TRACEQL_NOT_MATCH.  is_typed: an int is no double and
 * a double no int (an attribute next to a literal). */
bool span_value_compare(enum traceql_op op, const struct span_value *a, const struct span_value *b,
                        const struct regex *re, bool is_typed);
/* NIL where the operands are no numbers, and for a division of ints by 0. */
struct span_value span_value_math(enum traceql_op op, const struct span_value *a,
                                  const struct span_value *b);
struct span_value span_value_negate(const struct span_value *v);

/* The same type and value. */
bool span_value_same(const struct span_value *a, const struct span_value *b);
uint64_t span_value_hash(const struct span_value *v, uint64_t seed);
/* A total order: numbers by value, others by type, then value. */
int span_value_order(const struct span_value *a, const struct span_value *b);

/* As answers show it: "error", "server", "1.5s", "nil"; lists and strings as they are. */
void span_value_put(const struct span_value *v, struct writer *out);
/* The same as an attribute; texts that had to be made lie in the arena.  False: it is full. */
bool span_value_field(const struct span_value *v, struct tsdb_text name, struct arena *arena,
                      struct tsdb_field *out);
const char *span_status_name(int64_t status);
const char *span_kind_name(int64_t kind);

/* Elements of a list, one by one: false at the end (or where the text is no list).  Strings
 * with escapes are made in `scratch`, which holds the last one. */
struct span_list {
    const char *at, *end;
};
struct span_list span_list_over(struct tsdb_text json);
bool span_list_next(struct span_list *list, struct writer *scratch, struct span_value *out);

#endif
