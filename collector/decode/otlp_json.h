/* otlp_json.h - OTLP/JSON to OTLP/protobuf, so that there is one decoder.
 *
 * Walks the request with json_pull and writes the same message in wire form;
 * otlp_metrics_decode, otlp_logs_decode or otlp_spans_decode then reads that.  As OTLP
 * defines its JSON: lowerCamelCase names (the snake_case ones are taken too), unknown names
 * ignored, 64-bit numbers as strings or numbers, enums as numbers or names, bytes in
 * base64, trace and span ids in hex, doubles also "NaN", "Infinity", "-Infinity"; null is
 * absence.  Length prefixes are written five bytes wide, which protobuf permits, so nothing
 * is moved.  Nesting at most 64 messages.
 */
#ifndef COLLECTOR_DECODE_OTLP_JSON_H
#define COLLECTOR_DECODE_OTLP_JSON_H

#include "collector/decode/payload.h"

/* `out` is initialised by the caller with its limit and budget.  TSDB_ECORRUPT: not
 * this JSON; TSDB_EINVAL: larger than the limit; TSDB_ELIMIT: the budget is spent. */
enum tsdb_status otlp_json_to_wire(struct bytes in, struct payload *out, struct tsdb_error *err);
/* The same for ExportLogsServiceRequest. */
enum tsdb_status otlp_json_logs_to_wire(struct bytes in, struct payload *out,
                                        struct tsdb_error *err);
/* ... and for ExportTraceServiceRequest. */
enum tsdb_status otlp_json_trace_to_wire(struct bytes in, struct payload *out,
                                         struct tsdb_error *err);

#endif
