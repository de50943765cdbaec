/* zipkin.h - Zipkin v2 JSON, a list of spans, to spans: OpenTelemetry's mapping to Zipkin
 * (specification, "SDK exporters", Zipkin) run backwards.
 *
 *   traceId, id, parentId   hex, shorter ones padded; a parent that is the span itself is none
 *   kind                    CLIENT, SERVER, PRODUCER, CONSUMER; none: INTERNAL; others: 0
 *   timestamp, duration     microseconds, also with a fraction; no timestamp: that of the
 *                           first annotation
 *   localEndpoint           serviceName: service.name of the resource; ipv4, else ipv6, and
 *                           port: net.host.ip, net.host.port (INT)
 *   remoteEndpoint          peer.service, net.peer.ip, net.peer.port (INT), where no tag has
 *                           that name
 *   annotations             events; a value "NAME": {...} is a name and attributes
 *   tags                    attributes, STRING, but for those of the table below
 *   shared, debug           zipkin.shared, zipkin.debug: BOOL true
 *
 *   error                   status ERROR; its text, other than "true", the message.  "false",
 *                           and one beside otel.status_code OK, stay tags
 *   otel.status_code        OK, ERROR; and otel.status_description
 *   otel.scope.name, otel.scope.version, and their old names otel.library.*: the scope
 *   otel.dropped_attributes_count, otel.dropped_events_count, otel.dropped_links_count
 *   w3c.tracestate          trace state
 *
 * A span is refused for its ids, a time that is none, or a member of another type than it
 * should have; what is not JSON, or no list, is refused whole.  Unknown members are ignored.
 */
#ifndef COLLECTOR_DECODE_ZIPKIN_H
#define COLLECTOR_DECODE_ZIPKIN_H

#include "collector/decode/span_sink.h"

/* An item is an element of the list. */
enum tsdb_status zipkin_decode(const struct decode_span_task *task, struct bytes in,
                               struct decode_tally *tally, struct tsdb_error *err);

#endif
