#include "tsdb/codec/histograms.h"

#include "tsdb/base/assert.h"
#include "tsdb/codec/histogram_layout.h"
#include "tsdb/codec/number.h"

/* Writes counts as differences to the one before; adds them to *sum (wraps). */
static void integers_encode(const double *counts, uint32_t n, uint64_t *sum, struct writer *out)
{
    int64_t before = 0;
    for (uint32_t i = 0; i < n; i++) {
        int64_t m = (int64_t)counts[i];
        writer_svarint(out, m - before);
        before = m;
        *sum += (uint64_t)m;
    }
}

static void numbers_encode(const double *counts, uint32_t n, struct writer *out)
{
    for (uint32_t i = 0; i < n; i++)
        number_encode(counts[i], out);
}

void histogram_encode(const struct tsdb_histogram *h, struct writer *out)
{
    unsigned flags = histogram_layout_flags(h);
    histogram_layout_encode(h, flags, out);
    if (flags & LAYOUT_INTEGRAL) {
        uint64_t sum = 0;
        integers_encode(h->positive, h->positive_count, &sum, out);
        integers_encode(h->negative, h->negative_count, &sum, out);
        integers_encode(&h->zero_count, 1, &sum, out);
        writer_svarint(out, (int64_t)((uint64_t)(int64_t)h->count - sum));
    } else {
        numbers_encode(h->positive, h->positive_count, out);
        numbers_encode(h->negative, h->negative_count, out);
        numbers_encode(&h->zero_count, 1, out);
        numbers_encode(&h->count, 1, out);
    }
    number_encode(h->sum, out);
}

/* A count from its integer; a fault of the reader past 2^53. */
static double count_of(struct reader *r, uint64_t m)
{
    double count = (double)(int64_t)m;
    int64_t again;
    if (!histogram_integer(count, &again) || (uint64_t)again != m)
        reader_fail(r);
    return count;
}

static void integers_decode(struct reader *r, double *counts, uint32_t n, uint64_t *sum)
{
    ASSERT(counts || n == 0);
    uint64_t m = 0;
    for (uint32_t i = 0; i < n; i++) {
        m += (uint64_t)reader_svarint(r); /* wraps */
        counts[i] = count_of(r, m);
        *sum += m;
    }
}

static void numbers_decode(struct reader *r, double *counts, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        counts[i] = number_decode(r);
}

enum tsdb_status histogram_decode(struct reader *r, struct arena *arena, struct tsdb_histogram *out)
{
    struct tsdb_histogram h;
    unsigned flags;
    enum tsdb_status st = histogram_layout_decode(r, arena, &h, &flags);
    if (st != TSDB_OK)
        return st;
    uint32_t buckets = h.positive_count + h.negative_count;
    if (flags & LAYOUT_HINTS || buckets > r->rest.len)
        return TSDB_ECORRUPT;
    double *counts = buckets ? ARENA_ARRAY(arena, double, buckets) : NULL;
    if (buckets && !counts)
        return TSDB_ELIMIT;
    double *positive = h.positive_count ? counts : NULL;
    double *negative = h.negative_count ? counts + h.positive_count : NULL;
    h.positive = positive;
    h.negative = negative;
    if (flags & LAYOUT_INTEGRAL) {
        uint64_t sum = 0;
        integers_decode(r, positive, h.positive_count, &sum);
        integers_decode(r, negative, h.negative_count, &sum);
        integers_decode(r, &h.zero_count, 1, &sum);
        h.count = count_of(r, sum + (uint64_t)reader_svarint(r));
    } else {
        numbers_decode(r, counts, buckets);
        numbers_decode(r, &h.zero_count, 1);
        numbers_decode(r, &h.count, 1);
    }
    h.sum = number_decode(r);
    if (r->fault || histogram_layout_flags(&h) != flags)
        return TSDB_ECORRUPT;
    *out = h;
    return TSDB_OK;
}

static bool counts_equal(const double *a, const double *b, uint32_t n)
{
    return n == 0 || memcmp(a, b, n * sizeof *a) == 0;
}

bool histogram_equal(const struct tsdb_histogram *a, const struct tsdb_histogram *b)
{
    return a->hint == b->hint && histogram_layout_equal(a, b) &&
           number_bits(a->count) == number_bits(b->count) &&
           number_bits(a->sum) == number_bits(b->sum) &&
           number_bits(a->zero_count) == number_bits(b->zero_count) &&
           counts_equal(a->positive, b->positive, a->positive_count) &&
           counts_equal(a->negative, b->negative, a->negative_count);
}
