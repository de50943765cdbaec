/* loki_push.h - Loki's push requests, protobuf and JSON, decompressed.
 *
 *   protobuf   PushRequest { Stream { labels "{a=\"b\"}", Entry { time, line, metadata } } }
 *   JSON       {"streams":[{"stream":{"a":"b"},"values":[["ns","line",{"k":"v"}]]}]}
 *   old JSON   {"streams":[{"labels":"{a=\"b\"}","entries":[{"ts":"RFC 3339","line":""}]}]}
 *
 * Structured metadata become fields: STRING, in JSON with the type they have there.
 * service_name and detected_level are put to it, as Loki does.  Labels as text are
 * name="value" pairs in braces, values as Go writes strings ("..." or `...`); entries
 * of a stream whose labels do not parse, or has none, are refused one by one.
 * In JSON, "values" may come before "stream".  (Fields: proto/loki_push.proto.)
 */
#ifndef COLLECTOR_DECODE_LOKI_PUSH_H
#define COLLECTOR_DECODE_LOKI_PUSH_H

#include "collector/decode/log_sink.h"

/* An item is an entry. */
enum tsdb_status loki_push_decode(const struct decode_log_task *task, struct bytes in,
                                  struct decode_tally *tally, struct tsdb_error *err);
enum tsdb_status loki_push_json_decode(const struct decode_log_task *task, struct bytes in,
                                       struct decode_tally *tally, struct tsdb_error *err);

#endif
