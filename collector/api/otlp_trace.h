/* otlp_trace.h - a trace of the engine as OTLP's TracesData, in JSON and protocol buffers.
 *
 *   ResourceSpans { resource, ScopeSpans { scope, spans } }    one a source of the trace
 *
 * JSON has two dialects: OTLP's own (ids in hex, enumerations as numbers), and that of
 * the plain JSON mapping of protocol buffers, in which Tempo answers (ids in base64,
 * enumerations by name).
 * (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding)
 * Pure.
 */
#ifndef COLLECTOR_API_OTLP_TRACE_H
#define COLLECTOR_API_OTLP_TRACE_H

#include "collector/api/json.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum otlp_dialect { OTLP_JSON, OTLP_PLAIN_JSON };

/* Items of an array of ResourceSpans. */
void otlp_trace_json(struct json *j, const struct tsdb_trace *trace, enum otlp_dialect dialect);
/* ResourceSpans, each as field `number`. */
void otlp_trace_protobuf(struct writer *w, unsigned number, const struct tsdb_trace *trace);

#endif
