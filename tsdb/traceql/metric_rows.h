/* metric_rows.h - series of a metric query, step by step, and what is done to whole series.
 *
 *   function -> rows -> > 5, topk(3), * 100, a / b -> rows
 *
 * NaN: no point.  Everything lies in the query's arena.
 */
#ifndef TSDB_TRACEQL_METRIC_ROWS_H
#define TSDB_TRACEQL_METRIC_ROWS_H

#include "tsdb/traceql/metric_series.h"

struct metric_label {
    struct tsdb_text name;
    struct span_value value;
};

struct metric_row {
    struct metric_label *labels; /* sorted by name */
    uint32_t label_count;
    double *values; /* one a step */
    struct tsdb_trace_exemplar *exemplars;
    uint32_t exemplar_count;
};

struct metric_rows {
    struct metric_row *at;
    uint32_t count, cap;
};

/* A row at the end, without labels (room for `labels` of them) and points; NULL: the arena
 * is full. */
struct metric_row *metric_rows_add(struct metric_rows *rows, uint32_t labels, uint32_t steps,
                                   struct arena *arena);
void metric_row_label(struct metric_row *row, struct tsdb_text name, struct span_value value);
/* By labels; rows without a point are dropped. */
void metric_rows_settle(struct metric_rows *rows, uint32_t steps);

/* Points that do not compare so become none. */
void metric_rows_filter(struct metric_rows *rows, uint32_t steps, enum traceql_op op, double value);
void metric_rows_scale(struct metric_rows *rows, uint32_t steps, enum traceql_op op, double value,
                       bool is_value_left);
/* At each step the `count` greatest, or least; of equal ones those whose labels come first. */
void metric_rows_top(struct metric_rows *rows, uint32_t steps, uint32_t count, bool is_bottom);
/* Rows of the same labels (the name aside), step by step; one row without labels goes with
 * every row of the other side.  False: the arena is full. */
bool metric_rows_join(const struct metric_rows *left, const struct metric_rows *right,
                      enum traceql_op op, uint32_t steps, struct arena *arena,
                      struct metric_rows *out);

#endif
