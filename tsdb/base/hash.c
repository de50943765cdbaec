#include "tsdb/base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

struct tsdb_hash hash128(uint64_t seed, const void *at, size_t len)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(at, len, seed);
    return (struct tsdb_hash){h.low64, h.high64};
}

uint64_t hash64(uint64_t seed, const void *at, size_t len)
{
    return XXH3_64bits_withSeed(at, len, seed);
}
