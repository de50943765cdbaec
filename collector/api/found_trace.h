/* found_trace.h - a trace that a search found, as Tempo's TraceSearchMetadata.
 *
 *   traceID 1, rootServiceName 2, rootTraceName 3, startTimeUnixNano 4, durationMs 5,
 *   spanSets 7 { spans 1 { spanID 1, name 2, startTimeUnixNano 3, durationNanos 4,
 *                          attributes 5 }, matched 2, attributes 3 },
 *   serviceStats 8 { key 1, value 2 { spanCount 1, errorCount 2 } }
 *
 * Readers of the JSON refuse members that they do not know; and `spanSet` (6, deprecated)
 * would hide the sets from them: neither is written.  Pure.
 */
#ifndef COLLECTOR_API_FOUND_TRACE_H
#define COLLECTOR_API_FOUND_TRACE_H

#include "collector/api/json.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

void found_trace_json(struct json *j, const struct tsdb_found_trace *t);
/* The fields of the message, without tag and length. */
void found_trace_protobuf(struct writer *w, const struct tsdb_found_trace *t);

#endif
