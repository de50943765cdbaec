#include "collector/api/bucket.h"

#include <float.h>
#include <math.h>

/* Upper bound of bucket i; lower bound of bucket i + 1. */
static double bound_of(const struct tsdb_histogram *h, int64_t index)
{
    if (h->schema == TSDB_SCHEMA_CUSTOM) {
        if (index < 0)
            return -HUGE_VAL;
        return index < (int64_t)h->custom_count ? h->custom[index] : HUGE_VAL;
    }
    /* Long double, so that the quotient rounds once, to the double nearest. */
    long double bound = exp2l(ldexpl((long double)index, -h->schema));
    if (bound == 0x1p1024L)
        return DBL_MAX; /* the last finite bucket ends here, not at +Inf */
    return (double)bound;
}

static struct bucket positive_at(const struct tsdb_histogram *h, int64_t index, double count)
{
    bool is_first = h->schema == TSDB_SCHEMA_CUSTOM && index == 0;
    return (struct bucket){is_first ? BUCKET_CLOSED : BUCKET_OPEN_LEFT, bound_of(h, index - 1),
                           bound_of(h, index), count};
}

static struct bucket negative_at(const struct tsdb_histogram *h, int64_t index, double count)
{
    return (struct bucket){BUCKET_OPEN_RIGHT, -bound_of(h, index), -bound_of(h, index - 1), count};
}

static void each_negative(const struct tsdb_histogram *h,
                          void (*fn)(void *arg, const struct bucket *bucket), void *arg)
{
    int64_t index = 0; /* one past the last bucket: the sum of all gaps and lengths */
    uint64_t named = 0;
    for (uint32_t s = 0; s < h->negative_span_count; s++) {
        index += (int64_t)h->negative_spans[s].offset + h->negative_spans[s].length;
        named += h->negative_spans[s].length;
    }
    if (named > h->negative_count)
        return;
    for (uint32_t s = h->negative_span_count; s > 0; s--) {
        const struct tsdb_bucket_span *span = &h->negative_spans[s - 1];
        for (uint32_t i = 0; i < span->length; i++) {
            index--;
            named--;
            if (h->negative[named] == 0)
                continue;
            struct bucket b = negative_at(h, index, h->negative[named]);
            fn(arg, &b);
        }
        index -= span->offset;
    }
}

static void each_positive(const struct tsdb_histogram *h,
                          void (*fn)(void *arg, const struct bucket *bucket), void *arg)
{
    int64_t index = 0;
    uint32_t at = 0;
    for (uint32_t s = 0; s < h->positive_span_count; s++) {
        index += h->positive_spans[s].offset;
        for (uint32_t i = 0; i < h->positive_spans[s].length && at < h->positive_count;
             i++, index++, at++) {
            if (h->positive[at] == 0)
                continue;
            struct bucket b = positive_at(h, index, h->positive[at]);
            fn(arg, &b);
        }
    }
}

void bucket_each(const struct tsdb_histogram *h, void (*fn)(void *arg, const struct bucket *bucket),
                 void *arg)
{
    each_negative(h, fn, arg);
    if (h->zero_count > 0) {
        struct bucket zero = {BUCKET_CLOSED, -h->zero_threshold, h->zero_threshold, h->zero_count};
        fn(arg, &zero);
    }
    each_positive(h, fn, arg);
}
