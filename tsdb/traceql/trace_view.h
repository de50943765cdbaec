/* trace_view.h - a trace, ready for questions: who is whose child, what the root is called.
 *
 *   of a trace that was read whole   every question
 *   of the rows of one part          when all of the trace is in it: columns answer, nothing is
 *                                    read whole; services are not counted
 *
 * Parents are found by id; of two spans of one id (a client and a server that share it)
 * the one of the other kind is the parent.  Nested set numbers are given depth first from
 * the roots, from 1 on, as Tempo gives them: a root's parent is -1, and a span that no root
 * reaches has zeros.
 *
 *   left   1  root  8
 *          2  a  5       b is below root where root.left < b.left and b.right < root.right;
 *          3  c  4       a child's parent number is its parent's left
 *          6  b  7
 *
 * Everything lies in the arena; the trace is borrowed.  Owner: one thread.
 */
#ifndef TSDB_TRACEQL_TRACE_VIEW_H
#define TSDB_TRACEQL_TRACE_VIEW_H

#include "tsdb/traceql/span_part.h"

struct trace_node {
    int32_t parent; /* index of the span, -1: none here */
    int32_t first_child, next_sibling;
    uint32_t child_count;
    uint32_t left, right;
    int64_t nested_parent;
    bool is_root;     /* has no parent id */
    bool is_in_range; /* starts in the query's range */
};

struct trace_view {
    const struct tsdb_trace *trace; /* NULL: of a part */
    struct span_part *part;
    const uint32_t *rows; /* of the part, one a span */
    struct tsdb_trace_id id;
    struct trace_node *nodes;
    uint32_t count;
    int32_t root; /* the first span without a parent id; -1: none */
    struct tsdb_text root_name, root_service;
    int64_t start, end;
    const struct tsdb_service_count *services; /* sorted by name */
    uint32_t service_count;
    struct arena *values; /* texts of the span at hand */
    uint32_t span;        /* that the source is at */
};

/* Spans count that start in [start, end).  arenas: of the trace; of the span at hand.
 * TSDB_ELIMIT: the first is full. */
TSDB_NODISCARD enum tsdb_status trace_view_init(struct trace_view *v,
                                                const struct tsdb_trace *trace, int64_t start,
                                                int64_t end, struct arena arenas[2],
                                                struct tsdb_error *err);
/* The trace whose rows are [first, first + count) of the part, which has all of it; the part's
 * rows in range count.  TSDB_END: a span id is there twice, so only the whole trace tells, or
 * the part is damaged (p->fault).  TSDB_ELIMIT. */
TSDB_NODISCARD enum tsdb_status trace_view_of_part(struct trace_view *v, struct span_part *p,
                                                   uint32_t first, uint32_t count,
                                                   struct arena *arena, struct tsdb_error *err);
/* When a span starts, and its id; of a part false when it is damaged. */
bool trace_view_span(struct trace_view *v, uint32_t span, int64_t *start, struct tsdb_span_id *id);
/* A source over the spans; view->span says which one is asked about. */
struct span_source trace_view_source(struct trace_view *v);

#endif
