/* unwrap.h - | unwrap x, | unwrap duration(x) | x > 5: a label's value as a sample.
 *
 * No label, or an empty one: no sample.  A value that is no number, duration or size: 0, and
 * __error__ = SampleExtractionErr, which the filters behind unwrap may refuse.
 * unwrap_new and unwrap_free are in pipeline.h.  Immutable after unwrap_new.
 */
#ifndef TSDB_LOGQL_UNWRAP_H
#define TSDB_LOGQL_UNWRAP_H

#include "tsdb/logql/pass.h"

/* False: no sample.  *is_error: __error__ is set now. */
bool unwrap_value(const struct unwrap *u, struct pass *p, double *value, bool *is_error);

#endif
