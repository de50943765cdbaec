/* range_quantile.h - quantiles of large windows that hardly overlap.
 *
 * The sliding window of query/window.h keeps its values sorted: right where windows share
 * most of theirs, quadratic where one window has a million.  Here each window is copied and
 * partitioned (Hoare's selection): linear in its size.  Results are those of PromQL's
 * quantile_over_time. */
#ifndef TSDB_LOGQL_RANGE_QUANTILE_H
#define TSDB_LOGQL_RANGE_QUANTILE_H

#include "tsdb/query/eval.h"
#include "tsdb/query/select_op.h"

/* Whether the windows together are little more than the samples. */
bool range_quantile_pays(const struct window *windows, uint32_t steps, uint32_t samples);
/* Fills the row's kinds and values. */
void range_quantiles(const struct samples *s, const struct window *windows, uint32_t steps,
                     double q, struct row *row);
/* Of n > 0 values, which are reordered. */
double range_quantile(double *values, uint32_t n, double q);

#endif
