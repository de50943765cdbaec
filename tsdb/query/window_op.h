/* window_op.h - calls of range functions: rate(x[5m]), max_over_time(y[1h:1m]).
 *
 * Reads the source (select_op.h) series by series, drops stale markers, finds
 * every step's window and lets window.h, or window_histogram.h, fill a row.
 * absent_over_time answers one row: 1 where no series has a sample.
 */
#ifndef TSDB_QUERY_WINDOW_OP_H
#define TSDB_QUERY_WINDOW_OP_H

#include "tsdb/query/eval.h"

/* e: a CALL of a function that takes a range. */
TSDB_NODISCARD enum tsdb_status window_new(struct eval *ev, const struct expr *e,
                                           const struct grid *grid, struct op **out,
                                           struct tsdb_error *err);

/* The labels of absent() and absent_over_time(): those that the selector names
 * once and by equality. */
TSDB_NODISCARD enum tsdb_status absent_labels(struct eval *ev, const struct expr *argument,
                                              struct tsdb_labels *out, struct tsdb_error *err);

#endif
