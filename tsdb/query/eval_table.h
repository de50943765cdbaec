/* eval_table.h - rows kept by key, for operators that cannot pass rows on.
 *
 * A map from a 128-bit key to an index 0, 1, 2, ... in order of first sight, and
 * on top of it a table of rows.  Everything lives in the query's arena and ends
 * with it.  Owner: one operator.
 */
#ifndef TSDB_QUERY_EVAL_TABLE_H
#define TSDB_QUERY_EVAL_TABLE_H

#include "tsdb/query/eval.h"

#define KEY_FULL UINT32_MAX

/* Open addressing; at most half full. */
struct key_map {
    struct key_slot *slots;
    uint32_t count, cap;
};

/* The index of the key; a new key gets the next one.  KEY_FULL: no memory. */
uint32_t key_map_put(struct eval *ev, struct key_map *m, struct tsdb_hash key);
/* KEY_FULL: not there. */
uint32_t key_map_find(const struct key_map *m, struct tsdb_hash key);

/* An array in the arena that doubles: room for one more after `count` items. */
void *array_room(struct arena *arena, void *at, uint32_t count, uint32_t *cap, size_t size);

struct row_table {
    struct key_map map;
    struct row *rows;
    uint32_t count, cap;
};

/* A copy of the row at the end, under no key.  False: no memory. */
bool row_table_append(struct eval *ev, struct row_table *t, const struct row *row, uint32_t steps);
/* Lays the row over the one with the same labels, or appends it.  TSDB_EEXEC
 * when both have a point at a step, or, is_strict, when there is one at all. */
TSDB_NODISCARD enum tsdb_status row_table_merge(struct eval *ev, struct row_table *t,
                                                const struct row *row, const struct grid *grid,
                                                bool is_strict, struct tsdb_error *err);

#endif
