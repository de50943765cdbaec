/* merge.h - blocks into one: what merging and expiring share. */
#ifndef TSDB_LOGS_MERGE_H
#define TSDB_LOGS_MERGE_H

#include "tsdb/logs/engine.h"

enum { MERGE_INPUTS_MAX = 256 };

struct merge_choice {
    struct block *inputs[MERGE_INPUTS_MAX]; /* borrowed; by order */
    uint32_t count;
    uint8_t level; /* of the output */
};

/* Writes the inputs as one block without what is hidden, and puts it in their place.  An
 * input that does not decode is set aside.  store.tend held. */
TSDB_NODISCARD enum tsdb_status logs_merge_blocks(struct logs *l, const struct merge_choice *choice,
                                                  bool *did, struct tsdb_error *err);
/* The present, but no later than the newest record: a clock that jumps ahead must not
 * delete what it thinks is old. */
int64_t logs_reached(struct logs *l, const struct block_list *list);

#endif
