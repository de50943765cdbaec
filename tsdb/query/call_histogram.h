/* call_histogram.h - histogram_quantile, histogram_quantiles, histogram_fraction.
 *
 * Native histograms are ranked point by point as they pass.  Rows with a label
 * le are buckets of classic histograms: they are kept, by the key of their other
 * labels, and ranked when all are read.  Where a series has both at a step, it
 * gets no answer, and a warning.
 */
#ifndef TSDB_QUERY_CALL_HISTOGRAM_H
#define TSDB_QUERY_CALL_HISTOGRAM_H

#include "tsdb/query/eval.h"

TSDB_NODISCARD enum tsdb_status call_rank_new(struct eval *ev, const struct expr *e,
                                              const struct grid *grid, struct op **out,
                                              struct tsdb_error *err);

#endif
