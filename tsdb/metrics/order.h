/* order.h - the one order of series: metric name, then the other labels, then `le`
 * by its number.  Series of one metric are neighbours, and so are the buckets of
 * one classic histogram. */
#ifndef TSDB_METRICS_ORDER_H
#define TSDB_METRICS_ORDER_H

#include "tsdb/tsdb.h"

/* <0, 0, >0; 0 only for equal label sets.  Both canonical. */
int series_order(struct tsdb_labels a, struct tsdb_labels b);

#endif
