/* otlp_spans.h - OTLP traces (ExportTraceServiceRequest) to spans.
 *
 *   resource, scope -> source   parsed once a batch, however many ResourceSpans repeat their
 *                               bytes; with their schema URLs and dropped counts
 *   span            -> span     everything as it was sent; attributes, also of events and
 *                               links: otlp_fields.h
 *   times           unsigned, clamped to int64 ns
 *   kind, code      numbers beyond 255 are 0
 *   a parent        8 bytes, or none; ids of links are 16 and 8 bytes, or none
 *
 * A span is refused (DECODE_BAD_RECORD) for its ids, for attributes that cannot be taken or
 * are more than TSDB_SPAN_FIELDS_MAX, also those of its events, links, resource or scope, and
 * for more than TSDB_SPAN_CHILDREN_MAX events or links.  Of a repeated (name, type) the
 * engine keeps the first.
 * (Fields: proto/otlp_trace.proto.)  JSON comes through otlp_json.h.
 */
#ifndef COLLECTOR_DECODE_OTLP_SPANS_H
#define COLLECTOR_DECODE_OTLP_SPANS_H

#include "collector/decode/span_sink.h"

/* An item is a Span. */
enum tsdb_status otlp_spans_decode(const struct decode_span_task *task, struct bytes in,
                                   struct decode_tally *tally, struct tsdb_error *err);

#endif
