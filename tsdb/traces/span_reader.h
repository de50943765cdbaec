/* span_reader.h - one part's rows made spans again.
 *
 * A span is put together from all columns of its row.  While few are asked for, only the parts
 * of the columns that have their rows are decoded (a trace's rows lie together); many make
 * columns whole.  What is decoded is kept until the reader is turned.
 *
 * Reading trusts no byte: what does not fit (a row that is not there, an id of the wrong
 * length, an attribute of the wrong kind) is TSDB_ECORRUPT; past the budget or the arena it
 * is TSDB_ELIMIT.
 *
 * Owner: one thread.  Texts are borrowed from the reader, which stays on its part until it
 * is turned; arrays lie in the arena.
 */
#ifndef TSDB_TRACES_SPAN_READER_H
#define TSDB_TRACES_SPAN_READER_H

#include "tsdb/base/arena.h"
#include "tsdb/base/budget.h"
#include "tsdb/traces/span_group.h"

struct span_reader;
struct span_reader *span_reader_new(struct budget *budget); /* budget may be NULL */
void span_reader_free(struct span_reader *r);               /* NULL is a no-op */
/* Turns to the part (NULL: to none); what it gave out before ends. */
void span_reader_open(struct span_reader *r, const struct span_tables *tables);
/* The rows [*first, *first + *count) of the trace; TSDB_ENOTFOUND. */
TSDB_NODISCARD enum tsdb_status span_reader_find(struct span_reader *r,
                                                 const struct tsdb_trace_id *id, uint32_t *first,
                                                 uint32_t *count, struct tsdb_error *err);
/* First rows of all traces, and the number of them; with `rows` behind the last. */
TSDB_NODISCARD enum tsdb_status span_reader_traces(struct span_reader *r, const uint32_t **firsts,
                                                   uint32_t *count, struct tsdb_error *err);
/* Starts (ns since the epoch) of all rows. */
TSDB_NODISCARD enum tsdb_status span_reader_starts(struct span_reader *r, const int64_t **starts,
                                                   struct tsdb_error *err);
/* The span of the row; source is its row in the part's sources. */
TSDB_NODISCARD enum tsdb_status span_reader_span(struct span_reader *r, uint32_t row,
                                                 struct arena *arena, struct tsdb_span *out,
                                                 struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status
span_reader_source(struct span_reader *r, uint32_t source, struct arena *arena,
                   struct tsdb_span_source *out, struct tsdb_text *tenant, struct tsdb_error *err);
/* The reader of one of the four tables, for whole columns; NULL: no such table. */
struct group_reader *span_reader_table(struct span_reader *r, enum span_table table);

#endif
