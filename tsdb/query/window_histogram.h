/* window_histogram.h - range functions over a series with native histograms.
 *
 * A series may hold floats and histograms in any order.  Windows of floats alone
 * are left to window.h; this looks at the windows in which there is a histogram:
 *
 *   rate, increase, delta, sum, avg     histograms alone: a histogram; a mix:
 *                                       nothing, and a warning
 *   irate, idelta                       the same of the last two samples
 *   count, present, first, last, changes, resets   of both
 *   all others                          of the floats, and an info
 */
#ifndef TSDB_QUERY_WINDOW_HISTOGRAM_H
#define TSDB_QUERY_WINDOW_HISTOGRAM_H

#include "tsdb/query/window.h"

struct mixed_job {
    struct eval *ev;
    const struct expr *call;   /* annotations are about its first argument */
    struct tsdb_text name;     /* of the metric */
    const struct samples *all; /* no stale markers */
    struct window_job *job;    /* windows into `all`; values and count are replaced */
    window_fn *fn;
    struct arena *arena; /* of the results and of what is needed on the way */
    struct row *row;     /* with room for histograms */
};

TSDB_NODISCARD enum tsdb_status window_mixed(const struct mixed_job *m, struct tsdb_error *err);

#endif
