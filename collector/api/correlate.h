/* correlate.h - from any signal to the other two.
 *
 *   GET /api/v1/correlate?trace_id=HEX[&span_id=HEX]        by a trace, or a span of it
 *   GET /api/v1/correlate?service=NAME[&time=T]             by a resource, around a time (now)
 *       window=1m   how far before and after is looked
 *       limit=50    of each: traces, lines, series, exemplars
 *
 *   {"status":"success","data":{
 *     "range":{"start","end"},          seconds
 *     "services":[...],                 of the trace, the span, or the one that was asked for
 *     "traces":[...],                   as a search of Tempo's API lists them
 *     "logs":{"query","streams":[...]}, LogQL, and its streams as Loki's API shows them
 *     "metrics":{"queries":[...],"series":[...]},     selectors of PromQL, labels
 *     "exemplars":[{"seriesLabels","labels","value","timestamp"}]}}     with the trace's id
 *
 * A trace that is not here (yet) has no services; its logs are looked for all the same, in
 * the window around `time`.  A metric's exemplar and a line of a log have the trace_id that
 * leads here.
 *
 * Series are found by service_name (OTLP logs' and metrics' promoted name), service (metrics
 * made of spans) and job (NAME or NAMESPACE/NAME, as OTLP's resources are kept).
 *
 * Private to the room.  Owner: the worker of the request.
 */
#ifndef COLLECTOR_API_CORRELATE_H
#define COLLECTOR_API_CORRELATE_H

#include "collector/net/exchange.h"

exchange_handler_fn handle_correlate;

#endif
