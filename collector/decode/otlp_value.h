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

struct otlp_json_options {
    unsigned depth;
    size_t bytes_max;
    bool marks_doubles; /* a whole double is written 1.0, so that it reads back as one */
};
/* The same with map keys in the order they were sent. */
enum tsdb_status otlp_value_json(struct bytes in, const struct otlp_json_options *options,
                                 struct arena *arena, struct tsdb_text *out);

/* Which member of AnyValue is set: its field number. */
enum otlp_any_case {
    OTLP_ANY_NOTHING = 0,
    OTLP_ANY_STRING,
    OTLP_ANY_BOOL,
    OTLP_ANY_INT,
    OTLP_ANY_DOUBLE,
    OTLP_ANY_ARRAY,
    OTLP_ANY_MAP,
    OTLP_ANY_BYTES,
};

struct otlp_any {
    enum otlp_any_case is;
    struct bytes bytes; /* string, array, map, bytes */
    uint64_t bits;      /* bool, int, double */
};

enum tsdb_status otlp_any_parse(struct bytes in, struct otlp_any *out);

/* The bytes of a singular message field `number` of message `in`; several of them are one
 * message, as protobuf merges: their bytes one after the other, in the arena. */
enum tsdb_status otlp_message_merge(struct bytes in, uint32_t number, struct arena *arena,
                                    struct bytes *out);

/* One KeyValue. */
enum tsdb_status otlp_attribute_parse(struct bytes in, struct tsdb_text *key, struct bytes *value);

#endif
