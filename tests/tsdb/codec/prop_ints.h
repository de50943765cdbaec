/* prop_ints.h - what decodes, encodes again to what decodes to the same. */
#ifndef TESTS_CODEC_PROP_INTS_H
#define TESTS_CODEC_PROP_INTS_H

#include "tsdb/base/assert.h"
#include "tsdb/codec/ints.h"

#include <stdbool.h>

enum { PROP_INTS_MAX = 1000 };

/* The first two bytes choose n.  Returns whether the bytes were accepted. */
static inline bool prop_ints(const uint8_t *data, size_t len)
{
    static int64_t v[PROP_INTS_MAX], again[PROP_INTS_MAX];
    struct reader r = reader_over((struct bytes){data, len});
    uint32_t n = reader_le16(&r) % (PROP_INTS_MAX + 1);
    if (r.fault || ints_decode(&r, v, n) != TSDB_OK)
        return false;
    struct writer out = {0};
    ints_encode(v, n, &out);
    ASSERT(out.len == ints_cost(v, n));
    ASSERT(out.len <= INTS_BOUND(n));
    struct reader back = reader_over(writer_bytes(&out));
    ASSERT(ints_decode(&back, again, n) == TSDB_OK);
    ASSERT(reader_done(&back));
    ASSERT(memcmp(v, again, n * sizeof v[0]) == 0);
    writer_release(&out);
    return true;
}

#endif
