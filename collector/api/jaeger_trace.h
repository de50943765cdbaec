/* jaeger_trace.h - a trace of the engine as Jaeger's query API (version 1) shows it.
 *
 *   {"traceID","spans":[{"traceID","spanID","flags","operationName","references":[],
 *    "startTime":us,"duration":us,"tags":[],"logs":[],"processID":"p1","warnings":null}],
 *    "processes":{"p1":{"serviceName","tags":[]}},"warnings":null}
 *
 * What OTLP has and Jaeger's model has not becomes tags, as OpenTelemetry says:
 *
 *   kind        span.kind                 status ERROR  otel.status_code, error=true
 *   status OK   otel.status_code          its message   otel.status_description
 *   scope       otel.scope.name, .version trace state   w3c.tracestate
 *   parent      CHILD_OF                  links         FOLLOWS_FROM (or CHILD_OF, where an
 *   events      logs, the name as field                 attribute opentracing.ref_type says so)
 *               "event"
 *
 * Integers beyond 2^53 are texts, for JavaScript's sake; arrays and maps are JSON text.
 * (https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/jaeger, and Jaeger's own
 * model of its UI.)  Pure.
 */
#ifndef COLLECTOR_API_JAEGER_TRACE_H
#define COLLECTOR_API_JAEGER_TRACE_H

#include "collector/api/json.h"
#include "tsdb/tsdb.h"

/* A source without the attribute service.name. */
#define JAEGER_NO_SERVICE "OTLPResourceNoServiceName"

void jaeger_trace_json(struct json *j, const struct tsdb_trace *trace);
/* The service of a source. */
struct tsdb_text jaeger_service(const struct tsdb_span_source *source);
/* "server" and the like; NULL: there is no word for it. */
const char *jaeger_kind(unsigned kind);

#endif
