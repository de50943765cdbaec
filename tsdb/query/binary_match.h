/* binary_match.h - vector op vector: on, ignoring, group_left, group_right.
 *
 * One side is the "one" side (the right one, or with group_right the left): its
 * rows are read first and kept, by the key of their matching labels.  The rows
 * of the "many" side then pass through, each combined with the rows that share
 * its key.  At no step may two rows of the one side share a key; without group_x
 * no two of the many side either.
 *
 *   result labels   many's, less the name where it goes; one to one: only those
 *                   of on, or all but those of ignoring; group_x (l): l from one
 *
 * Where every row of the many side gives its own labels (no on or ignoring that
 * takes some away, nothing included, names that do not matter), a result is
 * handed on at once.  Otherwise results with the same labels become one row,
 * which is only whole at the end.
 */
#ifndef TSDB_QUERY_BINARY_MATCH_H
#define TSDB_QUERY_BINARY_MATCH_H

#include "tsdb/query/eval.h"

TSDB_NODISCARD enum tsdb_status match_new(struct eval *ev, const struct expr *e,
                                          const struct grid *grid, struct op **out,
                                          struct tsdb_error *err);

#endif
