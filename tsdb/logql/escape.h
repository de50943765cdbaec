/* escape.h - strings of log lines: where they end, and what their escapes stand for.
 *
 *   "a \"word\"\u00e9"      \" \\ \/ \b \f \n \r \t \uXXXX, surrogates in pairs
 *
 * JSON and logfmt differ in two things: logfmt also has \', and takes half a pair for U+FFFD,
 * where JSON has a fault.  Pure.
 */
#ifndef TSDB_LOGQL_ESCAPE_H
#define TSDB_LOGQL_ESCAPE_H

#include "tsdb/tsdb.h"

enum escape_form { ESCAPE_JSON, ESCAPE_LOGFMT };

struct quoted_span {
    struct tsdb_text raw;      /* between the quotes */
    bool has_escape, has_high; /* a backslash; a byte above 0x7f */
};

/* `at` is behind the opening quote; false: no closing quote before `end`. */
bool quoted_span_read(const char *at, const char *end, struct quoted_span *out);

/* out has raw.len bytes.  SIZE_MAX: an escape that is none. */
size_t escape_read(struct tsdb_text raw, enum escape_form form, char *out);

#endif
