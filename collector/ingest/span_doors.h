/* span_doors.h - the routes of spans that are not OTLP's.
 *
 * arg of every handler is the struct reception.
 */
#ifndef COLLECTOR_INGEST_SPAN_DOORS_H
#define COLLECTOR_INGEST_SPAN_DOORS_H

#include "collector/net/exchange.h"

/* POST /api/v2/spans: Zipkin v2, as JSON; 202 once it is kept. */
void span_door_zipkin(void *arg, struct exchange *x);

#endif
