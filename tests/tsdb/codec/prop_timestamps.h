/* prop_timestamps.h - what decodes, encodes again to what decodes to the same. */
#ifndef TESTS_CODEC_PROP_TIMESTAMPS_H
#define TESTS_CODEC_PROP_TIMESTAMPS_H

#include "tsdb/base/assert.h"
#include "tsdb/codec/timestamps.h"

#include <stdbool.h>

static inline void prop_timestamps_values(const int64_t *ts, uint32_t n)
{
    static int64_t again[TIMESTAMPS_MAX];
    struct writer out = {0};
    uint32_t count = 0;
    timestamps_encode(ts, n, &out);
    ASSERT(timestamps_decode(writer_bytes(&out), again, n, &count) == TSDB_OK);
    ASSERT(count == n);
    ASSERT(n == 0 || memcmp(ts, again, n * sizeof *ts) == 0);
    writer_release(&out);
}

/* Returns whether the bytes were accepted. */
static inline bool prop_timestamps(const uint8_t *data, size_t len)
{
    static int64_t ts[TIMESTAMPS_MAX];
    uint32_t n;
    if (timestamps_decode((struct bytes){data, len}, ts, TIMESTAMPS_MAX, &n) != TSDB_OK)
        return false;
    prop_timestamps_values(ts, n);
    return true;
}

#endif
