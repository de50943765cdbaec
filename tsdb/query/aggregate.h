/* aggregate.h - sum by (job) (x) and its kin.
 *
 * The key of a group is the hash of the labels that it keeps, computed once per
 * input row; after that a row is added to its group's arrays, one accumulator a
 * step:
 *
 *                 step   0     1     2    ...
 *   group {job=a} high  [ ]   [ ]   [ ]        sum, least, greatest, mean, ...
 *                 low   [ ]   [ ]   [ ]        what rounding took, or M2
 *                 count [ ]   [ ]   [ ]        avg, count, stddev, stdvar
 *                 flags [ ]   [ ]   [ ]        what was seen
 *                 sums  [ ]   [ ]   [ ]        of histograms, where there are any
 *
 * quantile keeps its rows.  topk, bottomk, limitk and limit_ratio are
 * aggregate_k.h's, count_values is aggregate_values.h's.
 *
 * Mixed floats and histograms, schemas that do not fit and the like: as in
 * Prometheus 3, with its annotations.
 */
#ifndef TSDB_QUERY_AGGREGATE_H
#define TSDB_QUERY_AGGREGATE_H

#include "tsdb/query/eval.h"

/* Any AGGREGATE. */
TSDB_NODISCARD enum tsdb_status aggregate_new(struct eval *ev, const struct expr *e,
                                              const struct grid *grid, struct op **out,
                                              struct tsdb_error *err);

#endif
