/* log_json.h - the members of a JSON object as fields.
 *
 *   {"a":{"b":1,"c":[1, 2]},"d":"x"}  ->  a.b INT 1, a.c JSON [1,2], d STRING x
 *
 * Whole numbers that fit are INT, other numbers DOUBLE, numbers that a double cannot
 * hold JSON; true and false BOOL; null is absence; arrays, empty objects and objects
 * nested deeper than DECODE_DEPTH_MAX are JSON text without white space.
 */
#ifndef COLLECTOR_DECODE_LOG_JSON_H
#define COLLECTOR_DECODE_LOG_JSON_H

#include "collector/decode/json_pull.h"
#include "collector/decode/log_fields.h"

/* BEGIN_OBJECT was just read; reads to its end.  TSDB_ECORRUPT: not JSON, or a text in
 * it is not UTF-8; else the fields' status. */
enum tsdb_status log_json_fields(struct json_pull *j, struct log_fields *f);

/* One value, whose first token was just read. */
enum tsdb_status log_json_value(struct json_pull *j, enum json_token token, struct log_fields *f,
                                struct tsdb_text name);

/* The string or key just read, unescaped into the arena when need be.  TSDB_ECORRUPT:
 * not UTF-8 or a bad escape. */
enum tsdb_status log_json_text(const struct json_pull *j, struct arena *arena,
                               struct tsdb_text *out);

#endif
