/* aggregate_values.h - count_values("label", x): a series for each value met.
 *
 * The value becomes the text of the label, then the grouping is as in any
 * aggregation, with the label among those kept.
 */
#ifndef TSDB_QUERY_AGGREGATE_VALUES_H
#define TSDB_QUERY_AGGREGATE_VALUES_H

#include "tsdb/query/eval.h"

TSDB_NODISCARD enum tsdb_status aggregate_values_new(struct eval *ev, const struct expr *e,
                                                     const struct grid *grid, struct op **out,
                                                     struct tsdb_error *err);

#endif
