/* stage_regexp.h - | regexp "(?P<method>\w+) (?P<path>\S+)": named groups become labels.
 *
 * The leftmost match counts; a group that took no part sets an empty value; a line without a
 * match is left as it is.  At least one named group; "(?<name>" is read as "(?P<name>".
 */
#ifndef TSDB_LOGQL_STAGE_REGEXP_H
#define TSDB_LOGQL_STAGE_REGEXP_H

#include "tsdb/logql/compiler.h"
#include "tsdb/logql/pass.h"

struct regexp_stage {
    const struct regex *regex;
    uint32_t groups; /* named or not, without the whole */
};

TSDB_NODISCARD enum tsdb_status stage_regexp_compile(struct compiler *c, struct tsdb_text text,
                                                     struct regexp_stage *out);
void stage_regexp_run(const struct regexp_stage *s, struct pass *p);

#endif
