/* span_relation.h - which spans of a trace stand to others as a relation asks.
 *
 *   left > right     right is a child of a span on the left; <, >>, <<, ~ likewise
 *   left !> right    right is a child of none of them
 *   left &> right    spans of either side that are in such a pair
 *
 * O(spans) each, along the links to parents.  Spans are bits, span i in word i / 64. */
#ifndef TSDB_TRACEQL_SPAN_RELATION_H
#define TSDB_TRACEQL_SPAN_RELATION_H

#include "tsdb/traceql/trace_view.h"

bool span_relation_is_negated(enum traceql_relation relation);
/* Not of RELATION_AND and RELATION_OR.  out is zeroed.  False: the arena is full. */
bool span_relation(const struct trace_view *v, enum traceql_relation relation, const uint64_t *left,
                   const uint64_t *right, uint64_t *out, struct arena *arena);

#endif
