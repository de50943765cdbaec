/* otlp_logs.h - OTLP logs (ExportLogsServiceRequest) to records, as Loki makes them.
 *
 *   resource -> stream   labels: Loki's default index labels, names made into label
 *                        names (service.name -> service_name); the other attributes
 *                        become the stream's attributes, with their types
 *   record   -> fields   its attributes, then observed_timestamp (INT ns, when it is
 *                        set and is not the time), severity_number (INT), severity_text,
 *                        dropped_attributes_count, flags (INT, not zero), trace_id,
 *                        span_id (ID, not all zero), event_name, detected_level; then the
 *                        scope's: attributes under their own names, scope_name,
 *                        scope_version, scope_dropped_attributes_count; then resource
 *                        attributes longer than DECODE_STREAM_VALUE_MAX
 *   body     -> line     string or bytes as they are; other kinds compact JSON
 *   time                 time_unix_nano, else observed_time_unix_nano, else now
 *
 * Maps are flattened, keys joined by '.'; arrays are JSON text.  Of equal field names
 * the engine keeps the first, so a record's own win.
 * A resource is decoded once a batch, however many ResourceLogs repeat its bytes.
 * (Fields: proto/otlp_logs.proto.)  JSON comes through otlp_json.h.
 */
#ifndef COLLECTOR_DECODE_OTLP_LOGS_H
#define COLLECTOR_DECODE_OTLP_LOGS_H

#include "collector/decode/log_sink.h"

/* An item is a LogRecord. */
enum tsdb_status otlp_logs_decode(const struct decode_log_task *task, struct bytes in,
                                  struct decode_tally *tally, struct tsdb_error *err);

#endif
