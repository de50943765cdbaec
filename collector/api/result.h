/* result.h - what a metric query answers, as both Prometheus' and Loki's API write it.
 *
 *   vector  {"metric":{...},"value":[time,"value"]}
 *   matrix  {"metric":{...},"values":[[time,"value"],...],"histograms":[...]}
 *   scalar  [time,"value"]
 *
 * Private to the room.
 */
#ifndef COLLECTOR_API_RESULT_H
#define COLLECTOR_API_RESULT_H

#include "collector/api/json.h"

/* [time, value] of one point: all there is to a scalar. */
void result_point(struct json *j, const struct tsdb_result *s, uint32_t i);
void result_string(struct json *j, const struct tsdb_result *s);
/* An item of "result".  kind: TSDB_VECTOR or TSDB_MATRIX. */
void result_series(struct json *j, enum tsdb_value_kind kind, const struct tsdb_result *s);

#endif
