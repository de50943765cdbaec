/* native.h - native histograms for tests: sound ones, drawn from a seed. */
#ifndef TESTS_CODEC_NATIVE_H
#define TESTS_CODEC_NATIVE_H

#include "tests/tsdb/codec/shapes.h"
#include "tsdb/tsdb.h"

enum { NATIVE_BUCKETS_MAX = 64, NATIVE_SPANS_MAX = 8 };

/* A histogram with room for its arrays. */
struct native {
    struct tsdb_histogram h;
    struct tsdb_bucket_span positive_spans[NATIVE_SPANS_MAX], negative_spans[NATIVE_SPANS_MAX];
    double positive[NATIVE_BUCKETS_MAX], negative[NATIVE_BUCKETS_MAX];
    double custom[NATIVE_BUCKETS_MAX];
};

/* The arrays are where they were in the one copied from. */
static inline void native_point(struct native *x)
{
    x->h.positive_spans = x->positive_spans;
    x->h.negative_spans = x->negative_spans;
    x->h.positive = x->positive;
    x->h.negative = x->negative;
    x->h.custom = x->custom;
}

static inline uint32_t native_spans(struct random *r, struct tsdb_bucket_span *spans,
                                    uint32_t *count)
{
    uint32_t buckets = 0;
    *count = (uint32_t)random_below(r, NATIVE_SPANS_MAX);
    for (uint32_t i = 0; i < *count; i++) {
        spans[i].offset = i ? (int32_t)random_below(r, 9) : (int32_t)random_below(r, 200) - 100;
        spans[i].length = (uint32_t)random_below(r, 8);
        buckets += spans[i].length;
    }
    return buckets;
}

/* Counts that grew by so much; the total is their sum. */
static inline void native_grow(struct random *r, struct native *x, uint32_t most)
{
    double total = 0;
    for (uint32_t i = 0; i < x->h.positive_count; i++)
        total += x->positive[i] += (double)random_below(r, most);
    for (uint32_t i = 0; i < x->h.negative_count; i++)
        total += x->negative[i] += (double)random_below(r, most);
    if (x->h.schema != TSDB_SCHEMA_CUSTOM)
        total += x->h.zero_count += (double)random_below(r, most);
    x->h.count = total;
    x->h.sum += (double)random_below(r, 1000) / 100;
}

static inline void native_make(struct random *r, struct native *x)
{
    *x = (struct native){.h.schema = (int32_t)random_below(r, 13) - 4,
                         .h.zero_threshold = random_below(r, 3) ? 0x1p-128 : 0.001};
    native_point(x);
    x->h.hint = (uint8_t)random_below(r, 4);
    x->h.positive_count = native_spans(r, x->positive_spans, &x->h.positive_span_count);
    if (random_below(r, 4) == 0) {
        x->h.schema = TSDB_SCHEMA_CUSTOM;
        x->h.zero_threshold = 0;
        x->h.custom_count = x->h.positive_count ? x->h.positive_count - 1 : 0;
        x->h.positive_span_count = x->h.positive_count > 0;
        x->positive_spans[0] = (struct tsdb_bucket_span){0, x->h.positive_count};
        for (uint32_t i = 0; i < x->h.custom_count; i++)
            x->custom[i] = 0.005 * (i + 1) * (i + 1);
    } else if (random_below(r, 2)) {
        x->h.negative_count = native_spans(r, x->negative_spans, &x->h.negative_span_count);
    }
    native_grow(r, x, 1000);
}

/* Not integers any more. */
static inline void native_make_float(struct random *r, struct native *x)
{
    x->h.is_float = true;
    for (uint32_t i = 0; i < x->h.positive_count; i++)
        x->positive[i] = x->positive[i] / 4 + random_unit(r);
    x->h.count /= 3;
}

/* The marker of a series that ended. */
static inline void native_make_stale(struct native *x)
{
    *x = (struct native){.h.sum = number_from_bits(STALE_BITS)};
    native_point(x);
}

#endif
