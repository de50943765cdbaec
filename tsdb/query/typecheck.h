/* typecheck.h - which type an expression has, and whether its parts fit.
 *
 *   scalar, string          literals
 *   vector                  one value a series and moment
 *   matrix                  a window of samples a series and moment
 *
 * The parser settles each node once its children are known; the check walks
 * the whole tree after the text has been read, so that a syntax error further
 * on is reported before a type error.  Order and texts are those of Prometheus.
 */
#ifndef TSDB_QUERY_TYPECHECK_H
#define TSDB_QUERY_TYPECHECK_H

#include "tsdb/query/ast.h"

/* Sets type and is_invariant from the children, and the cardinality of set
 * operators; forgets on () without labels where no vectors are matched. */
void node_settle(struct expr *e);

TSDB_NODISCARD enum tsdb_status typecheck(const struct expr *e, struct tsdb_text source,
                                          struct tsdb_error *err);

/* Does some matcher of the EXPR_SELECTOR refuse the empty text?  Without one it
 * would select everything. */
bool selector_is_selective(const struct expr *e);

#endif
