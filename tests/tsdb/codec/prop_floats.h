/* prop_floats.h - laws of floats.h over bytes and over values. */
#ifndef TESTS_CODEC_PROP_FLOATS_H
#define TESTS_CODEC_PROP_FLOATS_H

#include "tsdb/base/assert.h"
#include "tsdb/codec/floats.h"

#include <stdbool.h>

enum { PROP_FLOATS_MAX = 1000 };

static inline void prop_floats_values(const double *v, uint32_t n)
{
    static double again[FLOATS_MAX];
    static int64_t scaled[FLOATS_MAX];
    struct writer out = {0}, text = {0};
    struct floats_summary summary, back;
    int exponent;
    floats_encode(v, n, &out, &summary);
    ASSERT(out.len <= 16 + (size_t)9 * n);
    ASSERT(floats_decode(writer_bytes(&out), again, n) == TSDB_OK);
    ASSERT(n == 0 || memcmp(v, again, n * sizeof *v) == 0);
    if (floats_decode_scaled(writer_bytes(&out), scaled, n, &exponent) == TSDB_OK) {
        floats_unscale(scaled, n, exponent, again);
        ASSERT(memcmp(v, again, n * sizeof *v) == 0);
    }
    floats_summary_encode(&summary, &text);
    struct reader r = reader_over(writer_bytes(&text));
    ASSERT(floats_summary_decode(&r, &back) == TSDB_OK);
    ASSERT(reader_done(&r));
    ASSERT(back.count == summary.count && back.nan_count == summary.nan_count);
    ASSERT(back.resets == summary.resets);
    const double *a = &summary.min, *b = &back.min;
    ASSERT(memcmp(a, b, 6 * sizeof *a) == 0);
    writer_release(&out);
    writer_release(&text);
}

/* The first two bytes choose n.  Returns whether the bytes were accepted. */
static inline bool prop_floats(const uint8_t *data, size_t len)
{
    static double v[PROP_FLOATS_MAX], again[PROP_FLOATS_MAX];
    static int64_t scaled[PROP_FLOATS_MAX];
    struct reader r = reader_over((struct bytes){data, len});
    uint32_t n = reader_le16(&r) % (PROP_FLOATS_MAX + 1);
    int exponent;
    if (r.fault)
        return false;
    struct floats_summary summary;
    struct reader in = r;
    if (floats_summary_decode(&in, &summary) == TSDB_OK)
        ASSERT(summary.nan_count <= summary.count);
    enum tsdb_status st = floats_decode(r.rest, v, n);
    enum tsdb_status scaled_st = floats_decode_scaled(r.rest, scaled, n, &exponent);
    ASSERT((st == TSDB_OK) || scaled_st != TSDB_OK);
    if (st != TSDB_OK)
        return false;
    ASSERT(scaled_st != TSDB_ECORRUPT);
    if (scaled_st == TSDB_OK) {
        floats_unscale(scaled, n, exponent, again);
        ASSERT(memcmp(v, again, n * sizeof v[0]) == 0);
    }
    prop_floats_values(v, n);
    return true;
}

#endif
