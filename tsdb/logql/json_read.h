/* json_read.h - a bounded reader over one line of JSON, token by token; no tree.
 *
 * As lenient as the parser that Loki uses: a number is anything that begins like one, what
 * follows the outermost bracket is not looked at, a comma may stand before a bracket, and a
 * block that is skipped only needs its brackets to pair.  Strings are views between their
 * quotes.  Pure; no recursion, so depth is the caller's to count.
 */
#ifndef TSDB_LOGQL_JSON_READ_H
#define TSDB_LOGQL_JSON_READ_H

#include "tsdb/logql/escape.h"

enum { JSON_READ_DEPTH_MAX = 128 }; /* for those who descend */

enum json_kind {
    JSON_FAULT,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE_FALSE,
    JSON_NULL,
    JSON_OBJECT, /* at its brace; json_skip or json_enter */
    JSON_ARRAY,
};

struct json_reader {
    const char *at, *end;
    const char *fault; /* a literal: why, once something was JSON_FAULT or false */
};

static inline struct json_reader json_reader_over(struct tsdb_text text)
{
    return (struct json_reader){.at = text.at, .end = text.at + text.len};
}

/* The next byte that is no white space, without taking it; '\0' at the end. */
char json_peek_far(struct json_reader *r);
static inline char json_peek(struct json_reader *r)
{
    return r->at < r->end && (unsigned char)*r->at > ' ' ? *r->at : json_peek_far(r);
}
/* Takes '{' or '['. */
bool json_enter(struct json_reader *r, char bracket);
/* Before a member or element: true, and the closing bracket taken, when there is none. */
bool json_is_closed(struct json_reader *r, char bracket);
/* Behind one: the comma (true), or nothing before the closing bracket; else a fault. */
bool json_comma(struct json_reader *r, char bracket);
/* A member's name and colon. */
bool line_json_key(struct json_reader *r, struct quoted_span *key);
/* A scalar is taken: its text in span->raw.  Objects and arrays are not. */
enum json_kind line_json_value(struct json_reader *r, struct quoted_span *span);
/* A block at its bracket, as it stands. */
bool line_json_skip(struct json_reader *r, struct tsdb_text *block);

#endif
