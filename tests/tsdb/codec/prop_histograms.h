/* prop_histograms.h - laws of histograms.h over bytes. */
#ifndef TESTS_CODEC_PROP_HISTOGRAMS_H
#define TESTS_CODEC_PROP_HISTOGRAMS_H

#include "tsdb/base/assert.h"
#include "tsdb/codec/histograms.h"

enum { PROP_ARENA_BYTES = 4 << 20 };

/* One value is canonical: bytes that decode are those that encode writes. */
static inline bool prop_histogram(const uint8_t *data, size_t len, struct arena *arena)
{
    struct reader r = reader_over((struct bytes){data, len});
    struct tsdb_histogram h, again;
    if (histogram_decode(&r, arena, &h) != TSDB_OK)
        return false;
    struct writer out = {0};
    (void)!histogram_check(&h, NULL);
    histogram_encode(&h, &out);
    struct reader back = reader_over(writer_bytes(&out));
    ASSERT(histogram_decode(&back, arena, &again) == TSDB_OK);
    ASSERT(reader_done(&back));
    ASSERT(histogram_equal(&h, &again));
    writer_release(&out);
    return true;
}

/* A chunk that decodes, encodes to one that decodes to the same. */
static inline bool prop_histograms(const uint8_t *data, size_t len, struct arena *arena)
{
    struct tsdb_histogram *h, *again;
    uint32_t n, count;
    if (histograms_decode((struct bytes){data, len}, arena, &h, &n) != TSDB_OK)
        return false;
    struct writer out = {0};
    histograms_encode(h, n, &out);
    enum tsdb_status st = histograms_decode(writer_bytes(&out), arena, &again, &count);
    ASSERT(st == TSDB_OK || st == TSDB_ELIMIT);
    if (st == TSDB_OK) {
        ASSERT(count == n);
        for (uint32_t i = 0; i < n; i++)
            ASSERT(histogram_equal(&h[i], &again[i]));
    }
    writer_release(&out);
    return true;
}

#endif
