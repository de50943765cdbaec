/* span_builder.h - spans in any order into one span group (span_group.h).
 *
 *   span_builder_source   a (tenant, resource, scope), found again when it is equal
 *   span_builder_span     its source is what span_builder_source answered
 *   span_builder_finish   sorts, resolves parents, writes the tables; empties the builder
 *
 * Texts and arrays of what is put in are borrowed until finish.  Owner: one thread.
 */
#ifndef TSDB_TRACES_SPAN_BUILDER_H
#define TSDB_TRACES_SPAN_BUILDER_H

#include "tsdb/traces/span_group.h"

struct span_builder;

struct span_builder *span_builder_new(struct budget *budget); /* budget may be NULL */
void span_builder_free(struct span_builder *b);               /* NULL is a no-op */
/* UINT32_MAX: GROUP_ROWS_MAX of them are there. */
uint32_t span_builder_source(struct span_builder *b, struct tsdb_text tenant,
                             const struct tsdb_span_source *source);
/* False: the group is full (spans, events, links, columns or texts): finish first. */
bool span_builder_span(struct span_builder *b, const struct tsdb_span *span);
uint32_t span_builder_spans(const struct span_builder *b);

struct made_spans {
    struct group_strings tables[SPAN_TABLES]; /* owned; empty where there are no rows */
    uint32_t *hashes;                         /* owned: of the trace ids, ascending, each once */
    uint32_t hash_count, rows;
    int64_t ts_min, ts_max; /* starts, inclusive */
};
void made_spans_release(struct made_spans *m);
/* TSDB_ELIMIT: the budget is spent; the spans are still there. */
TSDB_NODISCARD enum tsdb_status span_builder_finish(struct span_builder *b, enum group_form form,
                                                    struct made_spans *out, struct tsdb_error *err);

/* What the indices hold of a trace id: the low half of its XXH3-64. */
uint32_t span_trace_hash(const struct tsdb_trace_id *id);

#endif
