/* range_op.h - range aggregations over logs as an operator of PromQL's evaluator.
 *
 *   scan -> rows that pass -> series of each row -> points at the steps it counts for
 *
 * A row at time ts counts at every step t with t - offset - range < ts <= t - offset.  What
 * adds up (entries, bytes) is added to the difference of two steps, so a row costs the same
 * however many windows it is in; unwrapped values are kept, (time, value) a row, and the
 * window functions of PromQL run over them.
 *
 * A series is the labels that the aggregation above asks for where it adds up
 * (sum by (x) (rate(...))): `push` names it; else all labels after the stages.  Where the
 * stages leave labels alone and they lie in streams and dictionary columns, the series is
 * found by codes, without a text.
 *
 * Labels of rows: memory of the query; its budget is charged, series_max holds.
 */
#ifndef TSDB_LOGQL_RANGE_OP_H
#define TSDB_LOGQL_RANGE_OP_H

#include "tsdb/logql/scan.h"
#include "tsdb/query/eval.h"

/* What EXPR_FOREIGN nodes of a query work with: eval.foreign. */
struct range_env {
    struct log_room room;
    /* sum by/without of a range aggregation that adds up: what it is grouped by. */
    struct range_push {
        const void *node; /* struct log_range */
        const struct expr_aggregate *by;
    } pushes[32];
    uint32_t push_count;
    bool is_single; /* no threads: simulation */
};

/* The `open` of EXPR_FOREIGN. */
TSDB_NODISCARD enum tsdb_status range_op_open(struct eval *ev, const struct expr *e,
                                              const struct grid *grid, struct op **out,
                                              struct tsdb_error *err);
/* Finds the pushes of a tree. */
void range_env_plan(struct range_env *env, const struct expr *e);

#endif
