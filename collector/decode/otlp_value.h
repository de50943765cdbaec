/* otlp_value.h - an attribute value (AnyValue) as label text.
 *
 * string: itself; bool: true/false; int: decimal; double: shortest that reads
 * back (an exponent below 1e-6 and from 1e21 on, as JSON writers do); array and
 * map: JSON, map keys sorted, so that a set has one text; bytes: base64
 * (RFC 4648 section 4); nothing: "".
 * Nesting beyond `depth` and text beyond OTLP_VALUE_MAX are TSDB_EINVAL.
 */
#ifndef COLLECTOR_DECODE_OTLP_VALUE_H
#define COLLECTOR_DECODE_OTLP_VALUE_H

#include "tsdb/base/arena.h"
#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

enum { OTLP_VALUE_MAX = 65536 }; /* bytes of text; the engine's own limit is lower */

/* `in` is one encoded AnyValue.  Borrowed from `in` or the arena.  TSDB_ECORRUPT:
 * not a message; TSDB_ELIMIT: the arena is full. */
enum tsdb_status otlp_value_text(struct bytes in, unsigned depth, struct arena *arena,
                                 struct tsdb_text *out);

/* One KeyValue. */
enum tsdb_status otlp_attribute_parse(struct bytes in, struct tsdb_text *key, struct bytes *value);

#endif
