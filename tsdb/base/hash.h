/* hash.h - seeded hashing of bytes (XXH3, https://xxhash.com).
 *
 * 128 bits where the hash stands for the bytes (series identity), 64 where it
 * only spreads.  Seeds are secret per store, so senders cannot aim collisions.
 */
#ifndef TSDB_BASE_HASH_H
#define TSDB_BASE_HASH_H

#include "tsdb/tsdb.h"

struct tsdb_hash hash128(uint64_t seed, const void *at, size_t len);
uint64_t hash64(uint64_t seed, const void *at, size_t len);

static inline bool hash_equal(struct tsdb_hash a, struct tsdb_hash b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

/* Folds b into a; order matters. */
static inline struct tsdb_hash hash_combine(struct tsdb_hash a, struct tsdb_hash b)
{
    uint64_t lo = (a.lo ^ 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu + b.lo; /* wraps */
    uint64_t hi = (a.hi ^ (lo >> 29)) * 0xc4ceb9fe1a85ec53u + b.hi;          /* wraps */
    lo ^= hi >> 31;
    return (struct tsdb_hash){lo * 0x9fb21c651e98df25u, hi ^ (lo >> 33)};
}

#endif
