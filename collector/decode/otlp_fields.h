/* otlp_fields.h - OTLP attributes as typed fields.
 *
 *   string STRING, int INT, double DOUBLE, bool BOOL, bytes BYTES, array JSON text,
 *   nothing STRING "", and a map
 *     of a log record: its members under NAME.KEY (an empty one JSON {})
 *     of a span:       JSON text; in it and in arrays, doubles are marked as such
 *
 * Maps nested deeper than DECODE_DEPTH_MAX, JSON text beyond TSDB_LOG_LINE_MAX and names
 * that are not UTF-8 are TSDB_EINVAL: the record or span they belong to cannot be taken.
 */
#ifndef COLLECTOR_DECODE_OTLP_FIELDS_H
#define COLLECTOR_DECODE_OTLP_FIELDS_H

#include "collector/decode/log_fields.h"

/* `in` is one KeyValue, of a record or its stream.  TSDB_OK, TSDB_ECORRUPT, TSDB_EINVAL; too many
 * fields and a full arena are the fields' sticky fault. */
enum tsdb_status otlp_field_put(struct log_fields *f, struct bytes in);
/* A value under a name that is known. */
enum tsdb_status otlp_field_value(struct log_fields *f, struct tsdb_text name, struct bytes value,
                                  unsigned depth);
/* `in` is one KeyValue, of a span or what belongs to it; answers as otlp_field_put. */
enum tsdb_status otlp_span_field_put(struct log_fields *f, struct bytes in);

#endif
