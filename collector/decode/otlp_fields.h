/* otlp_fields.h - OTLP attributes as typed fields.
 *
 *   string STRING, int INT, double DOUBLE, bool BOOL, bytes BYTES, array JSON text,
 *   map its members under NAME.KEY (an empty one JSON {}), nothing STRING ""
 *
 * Maps nested deeper than DECODE_DEPTH_MAX, JSON text beyond TSDB_LOG_LINE_MAX and names
 * that are not UTF-8 are TSDB_EINVAL: the record they belong to cannot be taken.
 */
#ifndef COLLECTOR_DECODE_OTLP_FIELDS_H
#define COLLECTOR_DECODE_OTLP_FIELDS_H

#include "collector/decode/log_fields.h"

/* `in` is one KeyValue.  TSDB_OK, TSDB_ECORRUPT, TSDB_EINVAL; too many fields and a full
 * arena are the fields' sticky fault. */
enum tsdb_status otlp_field_put(struct log_fields *f, struct bytes in);
/* A value under a name that is known. */
enum tsdb_status otlp_field_value(struct log_fields *f, struct tsdb_text name, struct bytes value,
                                  unsigned depth);

#endif
