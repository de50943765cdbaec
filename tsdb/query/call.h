/* call.h - function calls: which operator a function becomes.
 *
 *   range functions                  window_op.h
 *   a number at a time               call_math.h
 *   sort, sort_by_label, ...         call_sort.h
 *   label_replace, label_join        call_labels.h
 *   histogram_...                    call_histogram.h
 *   info                             call_info.h
 *   scalar, vector, time, absent,    here
 *   timestamp, start, end, ...
 */
#ifndef TSDB_QUERY_CALL_H
#define TSDB_QUERY_CALL_H

#include "tsdb/query/eval.h"

/* Any CALL. */
TSDB_NODISCARD enum tsdb_status call_new(struct eval *ev, const struct expr *e,
                                         const struct grid *grid, struct op **out,
                                         struct tsdb_error *err);

/* The text of a string argument. */
struct tsdb_text call_text(const struct expr *e, uint32_t argument);
bool label_name_is_valid(struct tsdb_text name);

#endif
