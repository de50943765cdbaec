/* line_pattern.h - patterns with gaps: "<ip> - <_> [<ts>]".
 *
 *   as a line filter  |> "<_> took <_>ms"    literal pieces in order, gaps never empty, only
 *                                            unnamed captures, "" matches the empty line
 *   as a parser       | pattern "<ip> <_>"   at least one named capture; texts between the
 *                                            pieces; what is missing ends the walk
 *
 * A capture is "<" [a-zA-Z_][a-zA-Z0-9_]* ">"; anything else is literal.  Two captures may not
 * touch.  Source: https://grafana.com/docs/loki/latest/query/log_queries/#pattern.
 * Immutable after line_pattern_compile; pieces and names are borrowed from the text.
 */
#ifndef TSDB_LOGQL_LINE_PATTERN_H
#define TSDB_LOGQL_LINE_PATTERN_H

#include "tsdb/logql/compiler.h"
#include "tsdb/logql/needle.h"

enum { LINE_PATTERN_PARTS_MAX = 1024 };

struct line_pattern_part {
    bool is_capture;
    struct tsdb_text name; /* empty: "<_>" */
    struct needle literal;
};

struct line_pattern {
    const struct line_pattern_part *parts;
    uint32_t count, names;
};

/* TSDB_EINVAL in Loki's words. */
TSDB_NODISCARD enum tsdb_status line_pattern_compile(struct compiler *c, struct tsdb_text text,
                                                     bool is_filter, struct line_pattern *out);
/* As a filter. */
bool line_pattern_test(const struct line_pattern *p, struct tsdb_text line);
/* As a parser: values[i] is what the i-th named capture holds; returns how many there are. */
uint32_t line_pattern_capture(const struct line_pattern *p, struct tsdb_text line,
                              struct tsdb_text *values);

#endif
