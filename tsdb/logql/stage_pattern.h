/* stage_pattern.h - | pattern "<ip> - <_> [<ts>] <rest>": line_pattern.h as a parser. */
#ifndef TSDB_LOGQL_STAGE_PATTERN_H
#define TSDB_LOGQL_STAGE_PATTERN_H

#include "tsdb/logql/line_pattern.h"
#include "tsdb/logql/pass.h"

TSDB_NODISCARD enum tsdb_status stage_pattern_compile(struct compiler *c, struct tsdb_text text,
                                                      struct line_pattern *out);
void stage_pattern_run(const struct line_pattern *pattern, struct pass *p);

#endif
