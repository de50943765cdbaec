/* hides.h - what deletions and stream rules hide of a block, by stream.
 *
 * The matchers are asked of the block's label index once, so that looking at a run costs a
 * few comparisons.  Empty (hides_is_empty) for nearly every block.
 * Owner: the caller; hides_release.
 */
#ifndef TSDB_LOGS_HIDES_H
#define TSDB_LOGS_HIDES_H

#include "tsdb/logs/engine.h"

struct hidden_range {
    int64_t start, end; /* [start, end) */
    struct ordinals streams;
};

struct hides {
    struct hidden_range *ranges; /* owned */
    uint32_t count;
};

TSDB_NODISCARD enum tsdb_status hides_load(const struct block *b, const struct tombstones *t,
                                           const struct rules *rules, int64_t now,
                                           struct hides *out, struct tsdb_error *err);
void hides_release(struct hides *h);
static inline bool hides_is_empty(const struct hides *h)
{
    return h->count == 0;
}

/* Range i hides something of the run. */
bool hides_touch(const struct hides *h, uint32_t i, const struct group_run *run);
/* Everything is hidden by one of the ranges. */
bool hides_all(const struct hides *h, const struct group_run *run);
/* About how many of the run's rows are hidden: as if they came evenly. */
uint64_t hides_rows(const struct hides *h, const struct group_run *run);

#endif
