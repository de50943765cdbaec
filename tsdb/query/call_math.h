/* call_math.h - functions of one number at a time: abs, clamp, hour, sin, and of
 * one histogram at a time: histogram_count, histogram_avg, ...
 *
 * Rows pass through; points of the other kind go; so does the name.  Date
 * functions read seconds since the epoch as UTC, and without an argument look at
 * the step's own time.
 */
#ifndef TSDB_QUERY_CALL_MATH_H
#define TSDB_QUERY_CALL_MATH_H

#include "tsdb/query/eval.h"

TSDB_NODISCARD enum tsdb_status call_math_new(struct eval *ev, const struct expr *e,
                                              const struct grid *grid, struct op **out,
                                              struct tsdb_error *err);

/* NaN when either is, unless the other is the infinity that decides. */
double lesser_of(double a, double b);
double greater_of(double a, double b);

#endif
