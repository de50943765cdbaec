/* label_filter.h - | level="error" and duration > 250ms or ip("10.0.0.0/8").
 *
 * As Loki: a string test takes a missing label for the empty text; every other test refuses an
 * entry without the label.  A value that is no number, duration or size sets
 * __error__ = LabelFilterErr (unless there is an error already) and lets the entry pass.  An
 * address test lets entries with an error pass.
 * Immutable after label_filter_compile.  Limit: LABEL_FILTER_DEPTH_MAX levels.
 */
#ifndef TSDB_LOGQL_LABEL_FILTER_H
#define TSDB_LOGQL_LABEL_FILTER_H

#include "tsdb/logql/address.h"
#include "tsdb/logql/compiler.h"
#include "tsdb/logql/pass.h"

enum { LABEL_FILTER_DEPTH_MAX = EXPR_HEIGHT_MAX };

struct label_check {
    enum label_test test;
    const struct label_check *left, *right;
    struct matcher matcher;       /* the name in every leaf */
    struct address_set addresses; /* LABEL_IP */
    enum binary_op compare;
    double number; /* LABEL_NUMBER, LABEL_BYTES */
    int64_t ns;    /* LABEL_DURATION */
};

/* TSDB_EINVAL, TSDB_ELIMIT: with the error set. */
TSDB_NODISCARD enum tsdb_status label_filter_compile(struct compiler *c,
                                                     const struct label_filter *f,
                                                     const struct label_check **out);
bool label_filter_test(const struct label_check *check, struct pass *p);

#endif
