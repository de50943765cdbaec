/* quote.h - text in quotes, as PromQL reads and Prometheus prints it.
 *
 * Reading: "..." and '...' with the escapes \a \b \f \n \r \t \v \\ \", \ooo
 * (three octal digits), \xhh (a byte), \uhhhh and \Uhhhhhhhh (a code point);
 * `...` as it stands.  Escaped bytes need not be UTF-8.
 * Printing: double quotes; what is not printable is escaped, a byte that is no
 * UTF-8 as \xhh.  Printable is what Unicode calls letter, mark, number,
 * punctuation, symbol or the plain space, by a coarse table of the ranges that
 * are not (controls, formats, other spaces, private use): unassigned code
 * points count as printable.  Either way quote and unquote are inverse.
 */
#ifndef TSDB_QUERY_QUOTE_H
#define TSDB_QUERY_QUOTE_H

#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum { RUNE_ERROR = 0xfffd };

/* The code point at t.at[at], and its bytes; RUNE_ERROR and 1 where they are
 * no UTF-8.  at < t.len. */
uint32_t rune_at(struct tsdb_text t, size_t at, uint32_t *width);

void quote_put(struct writer *out, struct tsdb_text t);

/* out holds at most t.len bytes; t is a literal with its quotes, known to be
 * well-formed (the lexer's).  Returns how many were written. */
size_t quote_read(struct tsdb_text t, char *out);

/* For messages: the quoted text, cut after `most` code points. */
struct quoted {
    char at[212];
};
struct quoted quoted_text(struct tsdb_text t, size_t most);
/* A code point in single quotes: 'x'. */
struct quoted quoted_rune(uint32_t rune);

/* [a-zA-Z_][a-zA-Z0-9_]*: needs no quotes as a label name. */
bool name_is_plain(struct tsdb_text name);
/* The name, in quotes unless it is plain. */
void name_put(struct writer *out, struct tsdb_text name);

#endif
