/* call_info.h - info(v [, {matchers}]): labels of info metrics on v's rows.
 *
 * An info metric (target_info, or what the matchers name) has a series with the
 * value 1 whose labels tell about a target.  It belongs to the rows of v that
 * have the same instance and job; of several series of one info metric the one
 * with the newest sample counts.  Its other labels, or those that the matchers
 * name, are added where v has none of that name.  Rows that are info metrics
 * themselves stay as they are; rows without any info series too, unless a
 * matcher wants a label to be there.
 *
 * The info series are looked up when the first selector of v looks.
 * Prometheus 3: https://prometheus.io/docs/prometheus/latest/querying/functions/#info
 */
#ifndef TSDB_QUERY_CALL_INFO_H
#define TSDB_QUERY_CALL_INFO_H

#include "tsdb/query/eval.h"

TSDB_NODISCARD enum tsdb_status call_info_new(struct eval *ev, const struct expr *e,
                                              const struct grid *grid, struct op **out,
                                              struct tsdb_error *err);

#endif
