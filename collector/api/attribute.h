/* attribute.h - attributes as OTLP writes them, in JSON and in protocol buffers.
 *
 *   field of the engine      AnyValue            JSON
 *   STRING                   string_value 1      {"stringValue":"a"}
 *   BOOL                     bool_value 2        {"boolValue":true}
 *   INT                      int_value 3         {"intValue":"5"}
 *   DOUBLE                   double_value 4      {"doubleValue":1.5}, or "NaN" "Infinity"
 * "-Infinity" JSON, an array           array_value 5       {"arrayValue":{"values":[...]}} JSON, an
 * object          kvlist_value 6      {"kvlistValue":{"values":[{"key","value"}...]}} BYTES
 * bytes_value 7       {"bytesValue":"base64"} ID                       string_value, as hex
 *
 * Inside JSON text a number with a point or an exponent is a double, any other an
 * integer; null is a value with nothing in it.  Text that is no JSON is a string.
 * (opentelemetry-proto, common/v1/common.proto; the JSON mapping of protocol buffers)
 * Pure.
 */
#ifndef COLLECTOR_API_ATTRIBUTE_H
#define COLLECTOR_API_ATTRIBUTE_H

#include "collector/api/json.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

/* One AnyValue, as an object of JSON. */
void attribute_value_json(struct json *j, const struct tsdb_field *f);
/* Its fields, without a tag and a length. */
void attribute_value_protobuf(struct writer *w, const struct tsdb_field *f);

/* "KEY":[{"key":...,"value":...},...]; nothing when there are none. */
void attributes_json(struct json *j, const char *key, struct tsdb_fields fields);
/* A KeyValue each, as field `number`. */
void attributes_protobuf(struct writer *w, unsigned number, struct tsdb_fields fields);

/* A number as JSON has it: with what JSON has no number for as a string. */
void attribute_double_json(struct json *j, double value);
/* Bytes as text. */
void attribute_base64_json(struct json *j, const void *at, size_t len);
void attribute_hex_json(struct json *j, const void *at, size_t len);
/* An integer as a string of decimal digits. */
void attribute_i64_json(struct json *j, int64_t value);
void attribute_u64_json(struct json *j, uint64_t value);

#endif
