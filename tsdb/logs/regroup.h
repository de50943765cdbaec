/* regroup.h - rows of several groups into new ones: what sealing and merging do.
 *
 *   sources: groups with their runs, each run's stream renumbered by the caller
 *     -> runs of one window, sorted by stream, merged by time (row_keys_sort)
 *     -> groups of up to GROUP_ROWS_MAX rows
 *
 * Every column of every source is decoded once, and a list of its columns is made for each
 * row, so that the cost is that of the values which are there, however many columns.
 * Memory: the sources in the clear; the caller takes as many as GROUP_ROWS_MAX rows and
 * GROUP_TEXTS_MAX bytes of them at a time.
 * Owner: one thread.
 */
#ifndef TSDB_LOGS_REGROUP_H
#define TSDB_LOGS_REGROUP_H

#include "tsdb/logs/group_rows.h"

struct regroup_source {
    const struct group *group;    /* borrowed */
    const struct group_run *runs; /* borrowed: streams as the output shall number them */
    uint32_t run_count;
};

/* Rows [start, end) of a run, by time, that are left out. */
struct regroup_cut {
    uint32_t source, run;
    int64_t start, end;
};

struct regroup {
    const struct regroup_source *sources;
    uint32_t count;
    const struct regroup_cut *cuts; /* by source, then run */
    uint32_t cut_count;
    struct decoded *decoded; /* owned; by source */
    struct row_key *keys;    /* owned; room for all rows, twice */
    uint32_t row_count;      /* of all sources */
};

/* Decodes the sources.  TSDB_ECORRUPT: *bad says which one. */
TSDB_NODISCARD enum tsdb_status regroup_open(struct regroup *r,
                                             const struct regroup_source *sources, uint32_t count,
                                             uint32_t *bad, struct tsdb_error *err);
void regroup_close(struct regroup *r);
/* Times of the source's rows. */
const int64_t *regroup_times(const struct regroup *r, uint32_t source);
/* The rows whose time `has` says is in (NULL: all), less the cuts, into the builder, which is
 * finished. */
typedef bool regroup_has_fn(void *arg, int64_t ts);
TSDB_NODISCARD enum tsdb_status regroup_write(struct regroup *r, regroup_has_fn *has, void *arg,
                                              struct group_builder *b, struct tsdb_error *err);

#endif
