/* metric_compare.h - compare({ selection }): what the spans of a selection have that others have
 * not.
 *
 *   every attribute of span, resource and scope, name, status, statusMessage and kind
 *     -> each value: spans of the selection and spans outside it (the baseline), by step
 *     -> the most frequent `top` values of each, and the totals
 *
 *   {__meta_type="baseline", resource.service.name="web"}      likewise selection
 *   {__meta_type="baseline_total", resource.service.name=nil}  all that have the attribute
 *
 * Columns are counted value by value; a value that few spans have costs some 20 bytes a
 * step it occurs at.  Spans of pipelines with relations are counted one by one.  Attributes
 * of events and links, durations and ids are left out.
 */
#ifndef TSDB_TRACEQL_METRIC_COMPARE_H
#define TSDB_TRACEQL_METRIC_COMPARE_H

#include "tsdb/traceql/metric_scan.h"

TSDB_NODISCARD enum tsdb_status metric_compare_run(const struct metric_plan *plan,
                                                   struct metric_rows *out, struct tsdb_error *err);

#endif
