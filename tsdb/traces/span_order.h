/* span_order.h - the order of spans in a group: trace id, start, span id, arrival.
 *
 * Keys are sorted, not spans.  The bits of the trace ids behind those that all have in common
 * make buckets; a bucket holds a trace or two where ids are random, and is sorted by merging
 * where they are not, so that no choice of ids costs more than n log n.
 *
 * Pure: no allocation.
 */
#ifndef TSDB_TRACES_SPAN_ORDER_H
#define TSDB_TRACES_SPAN_ORDER_H

#include "tsdb/tsdb.h"

struct span_key {
    uint64_t hi, lo; /* trace id, big-endian */
    int64_t start;
    uint64_t id;          /* span id, big-endian */
    uint32_t at, entries; /* the span, and what it has (span_draft.h) */
};

struct span_key span_key_of(const struct tsdb_span *span, uint32_t at, uint32_t entries);
/* scratch: n more */
void span_keys_sort(struct span_key *keys, struct span_key *scratch, uint32_t n);

static inline bool span_keys_share_trace(const struct span_key *a, const struct span_key *b)
{
    return a->hi == b->hi && a->lo == b->lo;
}

/* Ascending, each once; answers how many are left. */
uint32_t span_hashes_sort(uint32_t *hashes, uint32_t *scratch, uint32_t n);

#endif
