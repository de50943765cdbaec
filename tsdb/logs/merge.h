/* merge.h - blocks into one: what merging and expiring share. */
#ifndef TSDB_LOGS_MERGE_H
#define TSDB_LOGS_MERGE_H

#include "tsdb/logs/engine.h"
#include "tsdb/store/merging.h"

/* Writes the inputs as one block without what is hidden, and puts it in their place
 * (merge_run).  store.tend held. */
TSDB_NODISCARD enum tsdb_status logs_merge_blocks(struct logs *l, const struct merge_choice *choice,
                                                  bool *did, struct tsdb_error *err);

#endif
