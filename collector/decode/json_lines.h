/* json_lines.h - JSON objects, one a line (NDJSON), or an array of them.
 *
 * Which fields are the time, the message and the stream is the options'; log_object.h
 * says what becomes of each object.  Empty lines are passed over.  A line that is no
 * object is refused (the message has its number), the others are kept; in an array, what
 * comes after a fault cannot be found, so the request does not decode.
 */
#ifndef COLLECTOR_DECODE_JSON_LINES_H
#define COLLECTOR_DECODE_JSON_LINES_H

#include "collector/decode/log_object.h"

/* Fields in order of preference.  Defaults (count 0): times _time @timestamp timestamp
 * time ts; messages _msg message msg log body; no stream fields. */
struct json_lines_options {
    struct log_object_names names;
};

/* An item is a line, or an element of the array. */
enum tsdb_status json_lines_decode(const struct decode_log_task *task,
                                   const struct json_lines_options *options, struct bytes in,
                                   struct decode_tally *tally, struct tsdb_error *err);

#endif
