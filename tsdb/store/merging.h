/* merging.h - which segments of logs or traces become one, and how that is made sure of.
 *
 * A window (a day; 30 days for what does not lie within one) is due when it has ended and
 * holds two segments; one that was merged before is merged again for late rows only when
 * there are enough of them (an eighth, or eight segments).  A day that is still open is
 * tidied when eight fresh segments lie in it.
 *
 * The output goes aside, is verified by its writer, and replaces its inputs in one edit of the
 * manifest.  An input that does not decode is set aside, so that the next try goes without.
 */
#ifndef TSDB_STORE_MERGING_H
#define TSDB_STORE_MERGING_H

#include "tsdb/store/shelf.h"

enum {
    MERGE_INPUTS_MAX = 256,
    MERGE_GROUPS_MAX = 65535, /* of the inputs together */
    MERGE_LEVEL_TIDY = 1,
    MERGE_LEVEL_WHOLE = 2,
};

struct merge_choice {
    struct shelved *inputs[MERGE_INPUTS_MAX]; /* borrowed; by order */
    uint32_t count;
    uint8_t level; /* of the output */
};

/* The first window that is due.  is_forced: whatever can be merged is. */
bool merge_choose(const struct shelf_list *list, int64_t now, bool is_forced,
                  struct merge_choice *out);

/* Writes the inputs as one segment of that id and path, and opens it; *out NULL: nothing is
 * left of them. */
typedef enum tsdb_status merge_write_fn(void *arg, const struct merge_choice *choice, uint64_t id,
                                        const char *path, struct shelved **out,
                                        struct tsdb_error *err);
/* *did: the inputs are gone and the output is in their place; not where there is no room on
 * the disk for it.  store.tend held. */
TSDB_NODISCARD enum tsdb_status merge_run(struct shelf *s, const struct merge_choice *choice,
                                          merge_write_fn *fn, void *arg, bool *did,
                                          struct tsdb_error *err);
/* Chooses and runs one merge.  store.tend held. */
TSDB_NODISCARD enum tsdb_status merge_one(struct shelf *s, bool is_forced, merge_write_fn *fn,
                                          void *arg, bool *did, struct tsdb_error *err);

#endif
