#include "tsdb/codec/histogram_layout.h"

#include "tsdb/base/assert.h"
#include "tsdb/codec/histograms.h"
#include "tsdb/codec/number.h"

enum {
    THRESHOLD_ZERO = 0,
    THRESHOLD_BITS = 255,
    THRESHOLD_BIAS = 200, /* covers 2^-199 .. 2^54; 2^-128 is the default of clients */
    EXPONENT_BIAS = 1023, /* of a double */
    MANTISSA_BITS = 52,
};

bool histogram_integer(double count, int64_t *out)
{
    if (!(count >= -0x1p53 && count <= 0x1p53))
        return false;
    int64_t m = (int64_t)count;
    if (number_bits((double)m) != number_bits(count))
        return false;
    *out = m;
    return true;
}

static bool are_integers(const double *counts, uint32_t n)
{
    int64_t m;
    for (uint32_t i = 0; i < n; i++)
        if (!histogram_integer(counts[i], &m))
            return false;
    return true;
}

unsigned histogram_layout_flags(const struct tsdb_histogram *h)
{
    unsigned flags = (unsigned)h->hint << LAYOUT_HINT_SHIFT;
    if (h->is_float)
        flags |= LAYOUT_FLOAT;
    if (h->negative_span_count)
        flags |= LAYOUT_NEGATIVE;
    if (h->custom_count)
        flags |= LAYOUT_CUSTOM;
    if (are_integers(&h->count, 1) && are_integers(&h->zero_count, 1) &&
        are_integers(h->positive, h->positive_count) &&
        are_integers(h->negative, h->negative_count))
        flags |= LAYOUT_INTEGRAL;
    return flags;
}

/* The byte of a threshold. */
static uint8_t threshold_byte(double threshold)
{
    uint64_t bits = number_bits(threshold);
    if (bits == 0)
        return THRESHOLD_ZERO;
    int64_t power = (int64_t)(bits >> MANTISSA_BITS) - EXPONENT_BIAS + THRESHOLD_BIAS;
    bool is_power = (bits & ((UINT64_C(1) << MANTISSA_BITS) - 1)) == 0;
    if (is_power && power > THRESHOLD_ZERO && power < THRESHOLD_BITS)
        return (uint8_t)power;
    return THRESHOLD_BITS;
}

static double threshold_decode(struct reader *r)
{
    uint8_t byte = reader_u8(r);
    if (byte == THRESHOLD_ZERO)
        return 0;
    if (byte != THRESHOLD_BITS)
        return number_from_bits((uint64_t)(byte + EXPONENT_BIAS - THRESHOLD_BIAS) << MANTISSA_BITS);
    double threshold = reader_f64(r);
    if (threshold_byte(threshold) != THRESHOLD_BITS)
        reader_fail(r);
    return threshold;
}

static void spans_encode(const struct tsdb_bucket_span *spans, uint32_t count, uint32_t buckets,
                         struct writer *out)
{
    ASSERT(count <= HISTOGRAM_SPANS_MAX);
    ASSERT(buckets <= HISTOGRAM_BUCKETS_MAX);
    uint64_t sum = 0;
    writer_uvarint(out, count);
    for (uint32_t i = 0; i < count; i++) {
        writer_svarint(out, spans[i].offset);
        writer_uvarint(out, spans[i].length);
        sum += spans[i].length;
    }
    ASSERT(sum == buckets);
}

void histogram_layout_encode(const struct tsdb_histogram *h, unsigned flags, struct writer *out)
{
    ASSERT(h->custom_count <= HISTOGRAM_CUSTOM_MAX);
    writer_u8(out, (uint8_t)flags);
    writer_svarint(out, h->schema);
    uint8_t threshold = threshold_byte(h->zero_threshold);
    writer_u8(out, threshold);
    if (threshold == THRESHOLD_BITS)
        writer_f64(out, h->zero_threshold);
    if (h->custom_count) {
        writer_uvarint(out, h->custom_count);
        for (uint32_t i = 0; i < h->custom_count; i++)
            number_encode(h->custom[i], out);
    }
    spans_encode(h->positive_spans, h->positive_span_count, h->positive_count, out);
    if (h->negative_span_count)
        spans_encode(h->negative_spans, h->negative_span_count, h->negative_count, out);
    else
        ASSERT(h->negative_count == 0);
}

/* The arrays of a layout as they are read. */
struct side {
    struct tsdb_bucket_span *spans;
    uint32_t span_count, buckets;
};

static enum tsdb_status side_decode(struct reader *r, struct arena *arena, struct side *side)
{
    uint64_t sum = 0;
    side->span_count = reader_count(r, 2);
    if (r->fault || side->span_count > HISTOGRAM_SPANS_MAX)
        return TSDB_ECORRUPT;
    if (side->span_count == 0)
        return TSDB_OK;
    side->spans = ARENA_ARRAY(arena, struct tsdb_bucket_span, side->span_count);
    if (!side->spans)
        return TSDB_ELIMIT;
    for (uint32_t i = 0; i < side->span_count; i++) {
        int64_t offset = reader_svarint(r);
        uint64_t length = reader_uvarint(r);
        if (offset < INT32_MIN || offset > INT32_MAX || length > HISTOGRAM_BUCKETS_MAX)
            return TSDB_ECORRUPT;
        side->spans[i] = (struct tsdb_bucket_span){(int32_t)offset, (uint32_t)length};
        sum += length;
    }
    side->buckets = (uint32_t)sum;
    return sum <= HISTOGRAM_BUCKETS_MAX && !r->fault ? TSDB_OK : TSDB_ECORRUPT;
}

static enum tsdb_status custom_decode(struct reader *r, struct arena *arena,
                                      struct tsdb_histogram *h)
{
    uint32_t count = reader_count(r, 1);
    if (r->fault || count == 0 || count > HISTOGRAM_CUSTOM_MAX)
        return TSDB_ECORRUPT;
    double *bounds = ARENA_ARRAY(arena, double, count);
    if (!bounds)
        return TSDB_ELIMIT;
    for (uint32_t i = 0; i < count; i++)
        bounds[i] = number_decode(r);
    h->custom = bounds;
    h->custom_count = count;
    return r->fault ? TSDB_ECORRUPT : TSDB_OK;
}

enum tsdb_status histogram_layout_decode(struct reader *r, struct arena *arena,
                                         struct tsdb_histogram *h, unsigned *flags)
{
    enum tsdb_status st;
    struct side positive = {0}, negative = {0};
    *flags = reader_u8(r);
    *h = (struct tsdb_histogram){.is_float = *flags & LAYOUT_FLOAT,
                                 .hint = (uint8_t)(*flags >> LAYOUT_HINT_SHIFT & 3)};
    int64_t schema = reader_svarint(r);
    h->zero_threshold = threshold_decode(r);
    if (r->fault || *flags >= 2 * LAYOUT_HINTS || schema < INT32_MIN || schema > INT32_MAX)
        return TSDB_ECORRUPT;
    h->schema = (int32_t)schema;
    if (*flags & LAYOUT_CUSTOM && (st = custom_decode(r, arena, h)) != TSDB_OK)
        return st;
    if ((st = side_decode(r, arena, &positive)) != TSDB_OK)
        return st;
    if (*flags & LAYOUT_NEGATIVE) {
        if ((st = side_decode(r, arena, &negative)) != TSDB_OK)
            return st;
        if (negative.span_count == 0)
            return TSDB_ECORRUPT;
    }
    h->positive_spans = positive.spans;
    h->positive_span_count = positive.span_count;
    h->positive_count = positive.buckets;
    h->negative_spans = negative.spans;
    h->negative_span_count = negative.span_count;
    h->negative_count = negative.buckets;
    return TSDB_OK;
}

static bool spans_equal(const struct tsdb_bucket_span *a, const struct tsdb_bucket_span *b,
                        uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (a[i].offset != b[i].offset || a[i].length != b[i].length)
            return false;
    return true;
}

bool histogram_layout_equal(const struct tsdb_histogram *a, const struct tsdb_histogram *b)
{
    return a->schema == b->schema && a->is_float == b->is_float &&
           number_bits(a->zero_threshold) == number_bits(b->zero_threshold) &&
           a->positive_span_count == b->positive_span_count &&
           a->negative_span_count == b->negative_span_count &&
           a->positive_count == b->positive_count && a->negative_count == b->negative_count &&
           a->custom_count == b->custom_count &&
           spans_equal(a->positive_spans, b->positive_spans, a->positive_span_count) &&
           spans_equal(a->negative_spans, b->negative_spans, a->negative_span_count) &&
           (a->custom_count == 0 ||
            memcmp(a->custom, b->custom, a->custom_count * sizeof *a->custom) == 0);
}
