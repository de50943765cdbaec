/* span_test.h - a field expression made ready to be asked of spans: what stands between the
 * braces of { ... }.
 *
 *   struct traceql_field -> struct span_test -> span_test_passes   a span at a time
 *                                            -> part_mask.h        a part at a time
 *
 * A node knows what is below it: events, links, fields that only a whole trace can tell.
 * A source answers the value of a field: of a trace that was read whole (trace_view.h), or
 * of a row of columns (span_part.h).  Events and links: a comparison is true when it is for
 * any of the span's events (both sides the same event).
 *
 * A tree lies in the query's arena and borrows from struct traceql.  Immutable; any thread.
 */
#ifndef TSDB_TRACEQL_SPAN_TEST_H
#define TSDB_TRACEQL_SPAN_TEST_H

#include "tsdb/traceql/span_value.h"

struct span_test {
    uint8_t kind;             /* enum traceql_field_kind */
    uint8_t op;               /* BINARY: enum traceql_op */
    bool is_comparison;       /* BINARY: EQ to NOT_MATCH */
    bool is_typed;            /* an attribute compared with a literal */
    bool has_event, has_link; /* a field below is of events, of links */
    bool has_trace;           /* ... is one that only a whole trace answers */
    bool has_field;           /* ... there is one at all */
    const struct span_test *left, *right;
    struct span_value literal; /* STATIC */
    uint32_t slot;             /* REF: index into the query's refs */
    const struct traceql_ref *ref;
    const struct regex *regex;
};

/* Columns cannot tell. */
bool traceql_ref_is_trace(const struct traceql_ref *ref);
/* The row of events or links that a field is of; ANY: of neither. */
enum tsdb_trace_place traceql_ref_child(const struct traceql_ref *ref);

/* TSDB_ELIMIT: the arena is full. */
TSDB_NODISCARD enum tsdb_status span_test_new(const struct traceql *q,
                                              const struct traceql_field *field,
                                              struct arena *arena, const struct span_test **out,
                                              struct tsdb_error *err);

/* Where values come from.  Owner: one thread.  Values are borrowed until the source moves
 * on; `child` says which event or link. */
struct span_source {
    struct span_value (*get)(void *arg, uint32_t slot, const struct traceql_ref *ref,
                             uint32_t child);
    /* How many events, or links, the span has. */
    uint32_t (*children)(void *arg, enum tsdb_trace_place place);
    void *arg;
};

/* The value of any expression; of events and links the first that is not NIL. */
struct span_value span_test_value(const struct span_test *t, const struct span_source *source);
/* The expression is true of the span. */
bool span_test_passes(const struct span_test *t, const struct span_source *source);

#endif
