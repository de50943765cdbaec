/* json_pull.h - JSON from outside, token by token (RFC 8259), in constant memory.
 *
 * Strict: no comments, no trailing commas, one value, whitespace around it; UTF-8
 * is checked where strings are unescaped.  Nesting deeper than JSON_DEPTH_MAX is a
 * fault; faults are sticky.  No allocation, no recursion.
 *
 *   json_next -> BEGIN_OBJECT KEY value KEY value ... END_OBJECT, and so on
 */
#ifndef COLLECTOR_DECODE_JSON_PULL_H
#define COLLECTOR_DECODE_JSON_PULL_H

#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

enum { JSON_DEPTH_MAX = 128 };

enum json_token {
    JSON_END = 0, /* after the one value */
    JSON_BEGIN_OBJECT,
    JSON_END_OBJECT,
    JSON_BEGIN_ARRAY,
    JSON_END_ARRAY,
    JSON_KEY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
    JSON_FAULT,
};

struct json_pull {
    struct reader r;
    struct tsdb_text text; /* of KEY, STRING (between the quotes, still escaped), NUMBER */
    bool is_escaped;       /* text holds a backslash */
    uint8_t expect;        /* private */
    uint32_t depth;
    uint8_t nest[JSON_DEPTH_MAX / 8]; /* bit set: object */
};

void json_pull_init(struct json_pull *j, struct bytes in);
enum json_token json_next(struct json_pull *j);
/* Passes over the value whose first token is `first`; false on a fault. */
bool json_skip(struct json_pull *j, enum json_token first);

/* Unescapes; out holds at least text.len bytes.  False: a bad escape, a lone
 * surrogate, a control character, not UTF-8. */
bool json_unescape(struct tsdb_text text, uint8_t *out, size_t *len);

#endif
