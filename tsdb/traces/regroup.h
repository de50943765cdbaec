/* regroup.h - spans of several groups into new ones: what sealing and merging do.
 *
 * Sources are read whole, in order; of equal ones the builder makes one.  Memory: the sources
 * in the clear; the caller takes as many as GROUP_ROWS_MAX spans and PART_WEIGHT_MAX of them at
 * a time.
 * Owner: one thread.
 */
#ifndef TSDB_TRACES_REGROUP_H
#define TSDB_TRACES_REGROUP_H

#include "tsdb/traces/part_builder.h"
#include "tsdb/traces/span_reader.h"

struct span_regroup {
    struct regroup_group *groups; /* owned */
    uint32_t count;
    struct arena arena;
};

/* Opens the groups, whose tables are borrowed.  TSDB_ECORRUPT. */
TSDB_NODISCARD enum tsdb_status span_regroup_open(struct span_regroup *r,
                                                  const struct span_tables *groups, uint32_t count,
                                                  struct tsdb_error *err);
void span_regroup_close(struct span_regroup *r);
/* Starts of the group's spans. */
const int64_t *span_regroup_starts(const struct span_regroup *r, uint32_t group, uint32_t *count);
/* The spans whose start `has` says is in (NULL: all) into the builder, which is finished. */
typedef bool span_regroup_fn(void *arg, int64_t start);
TSDB_NODISCARD enum tsdb_status span_regroup_write(struct span_regroup *r, span_regroup_fn *has,
                                                   void *arg, struct part_builder *b,
                                                   struct tsdb_error *err);

#endif
