/* duration.h - spans of time as PromQL writes them.
 *
 * Text: "1h30m", units y w d h m s ms, each at most once and in that order;
 * a year is 365 days, a week 7.  In memory: int64 nanoseconds.
 * Source of form and messages: Prometheus' configuration and query documents
 * (https://prometheus.io/docs/prometheus/latest/querying/basics/#float-literals-and-time-durations).
 */
#ifndef TSDB_QUERY_DURATION_H
#define TSDB_QUERY_DURATION_H

#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

/* What is no whole number of milliseconds is written in seconds, "0.0005",
 * which every place that takes a duration also reads.  ns >= 0. */
void duration_format(int64_t ns, struct writer *out);

/* The whole text; "0" needs no unit.  TSDB_EINVAL: the fault, without position. */
TSDB_NODISCARD enum tsdb_status duration_parse(struct tsdb_text text, int64_t *ns,
                                               struct tsdb_error *err);

/* Nearest nanosecond; false when it does not fit (or is NaN). */
bool duration_of_seconds(double seconds, int64_t *ns);

#endif
