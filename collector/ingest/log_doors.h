/* log_doors.h - the routes of logs: OTLP's, Loki's, JSON lines, and _bulk.
 *
 * arg of every handler is the struct reception.
 */
#ifndef COLLECTOR_INGEST_LOG_DOORS_H
#define COLLECTOR_INGEST_LOG_DOORS_H

#include "collector/net/exchange.h"

/* POST /loki/api/v1/push: JSON, or protobuf that is snappy whether or not it says so. */
void log_door_loki(void *arg, struct exchange *x);
/* POST /api/v1/import/jsonl?_time_field=&_msg_field=&_stream_fields=, each a list of names
 * separated by commas. */
void log_door_json_lines(void *arg, struct exchange *x);
/* Everything of the family (elastic.h). */
void log_door_elastic(void *arg, struct exchange *x);

#endif
