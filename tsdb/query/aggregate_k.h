/* aggregate_k.h - topk, bottomk, limitk and limit_ratio: some of the input rows.
 *
 * topk and bottomk keep a heap of k values for each group and step, the one to
 * go first on top; NaN goes before all others.  limitk keeps the first k,
 * limit_ratio those whose labels hash into the ratio (a negative ratio: into
 * what the positive one leaves out).
 *
 * Over one step the answer comes group by group in order of value; over more
 * steps, in order of the input.  k and the ratio may change from step to step.
 */
#ifndef TSDB_QUERY_AGGREGATE_K_H
#define TSDB_QUERY_AGGREGATE_K_H

#include "tsdb/query/eval.h"

TSDB_NODISCARD enum tsdb_status aggregate_k_new(struct eval *ev, const struct expr *e,
                                                const struct grid *grid, struct op **out,
                                                struct tsdb_error *err);

#endif
