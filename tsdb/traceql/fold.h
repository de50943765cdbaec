/* fold.h - what operators make of statics, computed once when a query is read.
 *
 * Two INT give an INT (which wraps; division is whole), other numbers a FLOAT; equality and
 * order of whole numbers are exact.  Texts are compared bytewise.
 * Precondition: the operator takes both (value.h).
 */
#ifndef TSDB_TRACEQL_FOLD_H
#define TSDB_TRACEQL_FOLD_H

#include "tsdb/base/regex.h"
#include "tsdb/traceql/value.h"

/* left op right; regex: of the right operand of MATCH and NOT_MATCH.  NULL, or why there is
 * no answer: an int divided by 0, or what is not finite. */
const char *fold_binary(enum traceql_op op, const struct traceql_value *left,
                        const struct traceql_value *right, const struct regex *regex,
                        struct traceql_value *out);
/* -value, of a number. */
struct traceql_value fold_negate(const struct traceql_value *value);

#endif
