/* select_op.h - series of the store, or of a subquery, and what a vector
 * selector makes of them.
 *
 * A source hands out one series at a time as samples: those that a SELECTOR, a
 * MATRIX or a SUBQUERY can look at from any step of a grid.
 *
 *   SELECTOR, MATRIX   metrics_select over [first time - range + 1, last time]
 *   SUBQUERY           the rows of the inner expression over its own grid
 *
 * The inner grid of a subquery is Prometheus': multiples of its step, from the
 * first after (first time - range) to the last time.  Its points become samples;
 * reset hints of its histograms become unknown, because samples in between may
 * be missing or repeated.
 *
 * The instant selector answers at each step the newest sample in
 * (time - lookback, time], unless that is a stale marker.
 */
#ifndef TSDB_QUERY_SELECT_OP_H
#define TSDB_QUERY_SELECT_OP_H

#include "tsdb/query/eval.h"

struct source;

/* Half-open: samples from..to of a series lie in a step's window. */
struct window {
    uint32_t from, to;
};

TSDB_NODISCARD enum tsdb_status source_new(struct eval *ev, const struct expr *e,
                                           const struct grid *grid, struct source **out,
                                           struct tsdb_error *err);
/* TSDB_END after the last.  *samples lives until the next call and may be
 * overwritten; stale markers are in it. */
TSDB_NODISCARD enum tsdb_status source_next(struct source *s, struct tsdb_labels *labels,
                                            struct samples **samples, struct tsdb_error *err);
/* All series have the same name, or none. */
bool source_is_name_fixed(const struct source *s);
/* The same, in the order of their labels; only of a SELECTOR or MATRIX. */
TSDB_NODISCARD enum tsdb_status source_sort(struct source *s, struct tsdb_error *err);
/* NULL is a no-op. */
void source_close(struct source *s);

/* The range of a MATRIX or SUBQUERY; when it looks. */
int64_t range_of(const struct expr *e);
const struct expr_time *range_time(const struct expr *e);

/* The grid of a subquery's inner expression.  TSDB_ELIMIT: too many steps. */
TSDB_NODISCARD enum tsdb_status subquery_grid(const struct eval *ev, const struct expr *e,
                                              const struct grid *outer, struct grid *out,
                                              struct tsdb_error *err);

/* windows[i]: the samples in (t - range, t] for the time t of step i. */
void windows_of(const struct eval *ev, const struct samples *s, const struct expr *e,
                const struct grid *grid, struct window *windows);
/* Takes stale markers out. */
void samples_drop_stale(struct samples *s);

/* An instant selector; is_timestamp: the values are the samples' times in seconds,
 * also where there is a histogram. */
TSDB_NODISCARD enum tsdb_status select_new(struct eval *ev, const struct expr *e,
                                           const struct grid *grid, bool is_timestamp,
                                           struct op **out, struct tsdb_error *err);

#endif
