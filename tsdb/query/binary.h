/* binary.h - arithmetic, comparison and set operators.
 *
 *   scalar op scalar    one row
 *   vector op scalar    row by row, in place
 *   vector op vector    binary_match.h; and, or, unless: binary_set.h
 *
 * This file knows what an operator does to two points.  Floats go through loops
 * over whole rows; where a row has histograms, point by point.  What does not
 * combine gives no point, and an annotation.
 */
#ifndef TSDB_QUERY_BINARY_H
#define TSDB_QUERY_BINARY_H

#include "tsdb/query/eval.h"

/* Any BINARY. */
TSDB_NODISCARD enum tsdb_status binary_new(struct eval *ev, const struct expr *e,
                                           const struct grid *grid, struct op **out,
                                           struct tsdb_error *err);
/* A minus sign before a vector or a scalar. */
TSDB_NODISCARD enum tsdb_status negate_new(struct eval *ev, const struct expr *e,
                                           const struct grid *grid, struct op **out,
                                           struct tsdb_error *err);

/* Arithmetic changes what a value means, so the name goes; comparison does not. */
bool binary_op_drops_name(enum binary_op op);

/* One operator over two rows, point by point.  Results go to `to`, which may be
 * either side; its kinds say where there is one. */
struct binary_rows {
    struct eval *ev;
    const struct expr *e;
    struct arena *arena; /* of new histograms */
    const struct row *left, *right;
    struct row *to;
    bool is_right_kept; /* comparisons hand on the right side's point */
};
TSDB_NODISCARD enum tsdb_status binary_rows_apply(const struct binary_rows *b, uint32_t steps,
                                                  struct tsdb_error *err);

#endif
