/* binary_set.h - and, or, unless.
 *
 * Rows are matched by the key of their matching labels, steps one by one:
 *   a and b      points of a where some row of b with the key has a point
 *   a unless b   points of a where none has
 *   a or b       points of a, and those of b where no row of a has one
 *
 * and, unless: of the right side only the presence is kept, a byte for each key
 * and step; the left side passes through.  or keeps both sides' rows, because
 * rows with the same labels on both sides become one.
 */
#ifndef TSDB_QUERY_BINARY_SET_H
#define TSDB_QUERY_BINARY_SET_H

#include "tsdb/query/eval.h"

TSDB_NODISCARD enum tsdb_status set_new(struct eval *ev, const struct expr *e,
                                        const struct grid *grid, struct op **out,
                                        struct tsdb_error *err);

#endif
