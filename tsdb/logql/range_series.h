/* range_series.h - the accumulators of one range aggregation, by series.
 *
 * `counts` and `sums` hold differences between neighbouring steps until range_series_settle
 * adds them up.  Values of unwrapped rows are kept as samples.  Everything lies in the
 * query's arena, except the samples, which are charged to its budget.
 */
#ifndef TSDB_LOGQL_RANGE_SERIES_H
#define TSDB_LOGQL_RANGE_SERIES_H

#include "tsdb/metrics/samples.h"
#include "tsdb/query/eval_table.h"

struct range_series {
    struct tsdb_labels labels;
    int64_t *counts; /* steps + 1 */
    int64_t *sums;   /* the same, of bytes; NULL when nobody asks */
    struct samples samples;
};

struct range_table {
    struct eval *ev;
    struct key_map map;
    struct range_series *at;
    uint32_t count, cap;
    struct grid grid;
    int64_t range, offset;
    bool has_sums, has_samples;
    uint64_t series_max;
};

/* The series of these labels, made (texts copied) when it is new.  TSDB_ELIMIT: memory, or
 * series_max. */
TSDB_NODISCARD enum tsdb_status range_table_put(struct range_table *t, struct tsdb_labels labels,
                                                uint32_t *index, struct tsdb_error *err);
/* The steps at which a time counts: first..last, none when first > last.  *until: up to
 * this time (inclusive), from ts on, the answer is the same. */
void range_steps(const struct range_table *t, int64_t ts, uint32_t *first, uint32_t *last,
                 bool *has_any, int64_t *until);
/* Takes over what another table of the same shape holds, before either is settled. */
TSDB_NODISCARD enum tsdb_status range_table_add(struct range_table *to, struct range_table *from,
                                                struct tsdb_error *err);
/* Differences become values, series come in order of labels; no more may be put. */
void range_table_settle(struct range_table *t);
void range_table_release(struct range_table *t);

#endif
