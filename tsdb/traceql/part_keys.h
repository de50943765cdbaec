/* part_keys.h - what rows of a part are grouped by: small numbers instead of values.
 *
 *   field       -> ids[row], values[id]      by code, by source, or value by value
 *   two of them -> ids[row] of the pair
 *
 * Rows outside the mask have no id that means anything.  Owner: one thread; memory is kept
 * from part to part. */
#ifndef TSDB_TRACEQL_PART_KEYS_H
#define TSDB_TRACEQL_PART_KEYS_H

#include "tsdb/traceql/part_mask.h"

struct part_keys {
    uint32_t *ids;             /* owned, GROUP_ROWS_MAX */
    struct span_value *values; /* owned; borrowed texts: until the part is left */
    uint32_t count, cap;
    uint32_t *slots; /* owned: id + 1, or 0 */
    uint32_t slot_count;
    struct arena texts; /* of values that had to be made */
};

void part_keys_init(struct part_keys *k, struct budget *budget);
void part_keys_release(struct part_keys *k);
/* The field of the rows in the mask.  False: the arena of texts is full.  What went wrong
 * with a column is in p->fault. */
bool part_keys_field(struct part_keys *k, struct span_part *p, uint32_t slot, const uint64_t *mask);
/* The same of a field that the query does not name. */
bool part_keys_ref(struct part_keys *k, struct span_part *p, const struct traceql_ref *ref,
                   const uint64_t *mask);
/* Ids of pairs of `ids`, of which there are `count`, and k's, into ids; returns how many. */
uint32_t part_keys_combine(struct part_keys *k, const struct span_part *p, const uint64_t *mask,
                           uint32_t *ids, uint32_t count);

#endif
