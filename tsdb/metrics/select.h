/* select.h - series and their samples as one query sees them.
 *
 * metrics_select takes a snapshot: the series that match now, in the head and
 * in the segments, each series once.  Samples are read series by series, when
 * asked for, merged from every place that holds some; where two places hold the
 * same time, the one written first wins.  Deleted ranges are left out.
 *
 * Owner: one caller at a time.  A set keeps its segments open, and the engine
 * from dropping the head blocks that it may still read; close it soon.
 */
#ifndef TSDB_METRICS_SELECT_H
#define TSDB_METRICS_SELECT_H

#include "tsdb/base/arena.h"
#include "tsdb/store/matcher.h"
#include "tsdb/tsdb.h"

struct metrics;
struct series_set;

struct metrics_selection {
    const char *tenant; /* NULL or "": the default tenant */
    const struct matcher *matchers;
    uint32_t matcher_count;
    int64_t start, end;    /* inclusive */
    uint64_t series_max;   /* 0: no limit; more answers TSDB_ELIMIT */
    struct budget *budget; /* charged for the set; NULL: none */
};

/* One series' samples, time-sorted, each time once.  Reused from series to
 * series; owner: the caller. */
struct samples {
    int64_t *ts;
    double *values;
    const struct tsdb_histogram **histograms; /* NULL: all floats; else per sample, NULL = float */
    uint32_t count, cap;
    struct arena arena; /* of the histograms; reset for each series */
    uint64_t charged;   /* to the arena's budget, for the arrays */
};

void samples_init(struct samples *s, struct budget *budget);
void samples_release(struct samples *s);

TSDB_NODISCARD enum tsdb_status metrics_select(struct metrics *m,
                                               const struct metrics_selection *selection,
                                               struct series_set **out, struct tsdb_error *err);
uint32_t series_set_count(const struct series_set *set);
/* Canonical, without the tenant's label; valid until the set closes. */
struct tsdb_labels series_set_labels(struct series_set *set, uint32_t i);
/* Labels did not fit the memory and were answered empty; samples answer TSDB_ELIMIT then. */
bool series_set_is_short(const struct series_set *set);
/* Replaces out's content with the samples in [start, end] of series i, stale
 * markers included. */
TSDB_NODISCARD enum tsdb_status series_set_samples(struct series_set *set, uint32_t i,
                                                   struct samples *out, struct tsdb_error *err);
/* The exemplars in [start, end], by series, then time, each once. */
TSDB_NODISCARD enum tsdb_status series_set_exemplars(struct series_set *set, tsdb_exemplar_fn *fn,
                                                     void *arg, struct tsdb_error *err);
/* A damaged segment had to be left out. */
bool series_set_is_partial(const struct series_set *set);
void series_set_close(struct series_set *set);

#endif
