/* stage_logfmt.h - | logfmt [--strict] [--keep-empty], | logfmt a="key", b.
 *
 *   level=info msg="it's \"done\"" bare dur=1.5s       separated by blanks and controls
 *
 * As Loki: a pair that does not read is left out (--strict: the reading ends there, and
 * __error__ = LogfmtParserErr); bare keys and empty values only count with --keep-empty; of
 * a key that comes twice the first counts (of one asked for by name, the last).
 */
#ifndef TSDB_LOGQL_STAGE_LOGFMT_H
#define TSDB_LOGQL_STAGE_LOGFMT_H

#include "tsdb/logql/ast.h"
#include "tsdb/logql/compiler.h"
#include "tsdb/logql/pass.h"

struct logfmt_stage {
    bool is_strict, keeps_empty;
    const struct stage_extract *extracts; /* path: the key; NULL: everything */
    uint32_t count;
};

TSDB_NODISCARD enum tsdb_status stage_logfmt_compile(struct compiler *c, const struct stage *s,
                                                     struct logfmt_stage *out);
void stage_logfmt_run(const struct logfmt_stage *s, struct pass *p);

#endif
