/* wire_bytes.h - how many bytes a span has as an OTLP protobuf message.
 *
 * What traces_spanmetrics_size_total counts: the length of opentelemetry.proto.trace.v1.Span
 * (https://github.com/open-telemetry/opentelemetry-proto) as an encoder would write it, whatever
 * the span came in as.  Exact but for arrays and maps among attributes, which count as the JSON
 * text that they are kept as.
 * Pure.
 */
#ifndef COLLECTOR_DERIVE_WIRE_BYTES_H
#define COLLECTOR_DERIVE_WIRE_BYTES_H

#include "tsdb/tsdb.h"

uint64_t span_wire_bytes(const struct tsdb_span *span);

#endif
