/* part_traces.h - the traces of one part that a pipeline may match.
 *
 *   masks of the filters -> traces with a row that passes any
 *     all of the trace is in the part:   its columns answer the whole pipeline
 *     other parts may have more of it, or a span id is there twice:  it must be read whole
 *
 * Owner: one thread, over the part at hand (span_part_read). */
#ifndef TSDB_TRACEQL_PART_TRACES_H
#define TSDB_TRACEQL_PART_TRACES_H

#include "tsdb/traceql/span_sets.h"

struct part_traces {
    const struct sets_plan *plan;
    struct traces_set *set;
    struct span_part *part;
    uint64_t *masks[SPAN_LEAVES_MAX]; /* owned, of the leaves; those there are */
    uint64_t *any;                    /* owned: their union */
    struct arena scratch;             /* of one trace */
};

struct part_trace {
    struct tsdb_trace_id id;
    int64_t newest; /* start of the newest row that passes a filter */
    /* What it matches, borrowed until the next; NULL: it must be read whole. */
    struct trace_view *view;
    const struct span_set *sets;
    uint32_t set_count;
};

typedef enum tsdb_status part_trace_fn(void *arg, const struct part_trace *trace,
                                       struct tsdb_error *err);

/* The plan, the set and the part outlive it. */
void part_traces_init(struct part_traces *t, const struct sets_plan *plan, struct traces_set *set,
                      struct span_part *part, struct budget *budget);
void part_traces_release(struct part_traces *t);
/* False: no trace of the part matches, told without reading data. */
bool part_traces_may(struct part_traces *t);
/* Calls fn with each, in the order of the rows.  has_sets: sets are wanted of those that
 * columns answer; else only where that tells whether they match.  What went wrong with a
 * column is in part->fault. */
TSDB_NODISCARD enum tsdb_status part_traces_each(struct part_traces *t, bool has_sets,
                                                 part_trace_fn *fn, void *arg,
                                                 struct tsdb_error *err);

#endif
