/* span_sets.h - a pipeline over one trace: from its spans to the sets of spans that remain.
 *
 *   all spans in range, as one set
 *     -> { }  && || > >> < << ~ ...   each set gives at most one, or none
 *     -> by(x)                        each set gives one for each value
 *     -> count() > 2                  sets that fail are dropped
 *     -> coalesce()                   all sets become one
 *
 * && needs spans on both sides and gives those of both, || those of either; relations give
 * the spans of the right side that have what they ask for on the left, negated ones those
 * that have not, union ones the spans of both sides that are in such a pair.  Parents are
 * known by their links, so a trace whose root has not come yet has children all the same.
 *
 * Before a trace is read, the filters' masks say what it has spans for: span_sets_may.
 *
 * A plan lies in the query's arena; immutable, any thread.
 */
#ifndef TSDB_TRACEQL_SPAN_SETS_H
#define TSDB_TRACEQL_SPAN_SETS_H

#include "tsdb/traceql/trace_view.h"

enum { SPAN_LEAVES_MAX = 32 }; /* filters that are told apart; those beyond let all pass */

struct sets_pipeline;

struct sets_plan {
    const struct sets_pipeline *pipeline;
    const struct span_test *leaves[SPAN_LEAVES_MAX]; /* filters of { } */
    uint32_t leaf_count;
    /* One filter and nothing else but select(): a span passes by itself. */
    const struct span_test *only;
};

TSDB_NODISCARD enum tsdb_status sets_plan_init(struct sets_plan *plan, const struct traceql *q,
                                               const struct traceql_pipeline *pipeline,
                                               struct arena *arena, struct tsdb_error *err);
/* Bit i: some span of the trace passes leaf i.  False: the trace gives no set. */
bool sets_plan_may(const struct sets_plan *plan, uint32_t leaves);

/* What a set was made by: by(x), count(), ... */
struct set_attribute {
    struct tsdb_text label;
    struct span_value value;
};

struct span_set {
    const uint32_t *spans; /* of the trace, ascending */
    uint32_t count;
    const struct set_attribute *attributes;
    uint32_t attribute_count;
};

/* The sets lie in the arena; none: the trace does not match.  TSDB_EEXEC: a relation
 * between sets that were grouped.  TSDB_ELIMIT. */
TSDB_NODISCARD enum tsdb_status sets_plan_run(const struct sets_plan *plan, struct trace_view *view,
                                              struct arena *arena, const struct span_set **out,
                                              uint32_t *count, struct tsdb_error *err);

#endif
