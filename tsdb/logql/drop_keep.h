/* drop_keep.h - | drop a, b="x"   | keep c, d=~"y".
 *
 * A name, or a name whose value must match.  keep never drops the error labels; drop __error__
 * forgets the error.  Immutable after drop_keep_compile.
 */
#ifndef TSDB_LOGQL_DROP_KEEP_H
#define TSDB_LOGQL_DROP_KEEP_H

#include "tsdb/logql/ast.h"
#include "tsdb/logql/compiler.h"
#include "tsdb/logql/pass.h"

struct name_test {
    bool has_matcher;
    struct matcher matcher; /* the name always */
};

struct name_tests {
    const struct name_test *at;
    uint32_t count;
};

TSDB_NODISCARD enum tsdb_status drop_keep_compile(struct compiler *c, const struct stage *s,
                                                  struct name_tests *out);
void drop_run(const struct name_tests *tests, struct pass *p);
void keep_run(const struct name_tests *tests, struct pass *p);

#endif
