#include "tsdb/codec/histograms.h"

#include "tsdb/base/status.h"
#include "tsdb/codec/histogram_layout.h"

#include <math.h>

/* One side of a histogram under examination. */
struct side {
    const char *name;
    const struct tsdb_bucket_span *spans;
    const double *counts;
    uint32_t span_count, count;
};

/* Span lengths add up to the counts; *reach is what offsets and lengths span. */
static enum tsdb_status spans_check(const struct side *side, bool is_custom, uint64_t *reach,
                                    struct tsdb_error *err)
{
    uint64_t sum = 0;
    *reach = 0;
    if (side->count > HISTOGRAM_BUCKETS_MAX)
        return tsdb_fail(err, TSDB_EINVAL, "histogram: %u %s buckets, at most %d", side->count,
                         side->name, HISTOGRAM_BUCKETS_MAX);
    if (side->span_count > HISTOGRAM_SPANS_MAX)
        return tsdb_fail(err, TSDB_EINVAL, "histogram: %u %s spans, at most %d", side->span_count,
                         side->name, HISTOGRAM_SPANS_MAX);
    for (uint32_t i = 0; i < side->span_count; i++) {
        int32_t offset = side->spans[i].offset;
        if (offset < 0 && (i > 0 || is_custom))
            return tsdb_fail(err, TSDB_EINVAL, "histogram: %s span %u has the negative offset %d",
                             side->name, i, offset);
        sum += side->spans[i].length;
        *reach += (uint64_t)(int64_t)offset + side->spans[i].length;
    }
    if (sum != side->count)
        return tsdb_fail(err, TSDB_EINVAL, "histogram: %s spans of %llu buckets, got %u",
                         side->name, (unsigned long long)sum, side->count);
    return TSDB_OK;
}

static bool may_be_negative(const struct tsdb_histogram *h)
{
    return h->is_float && h->hint == TSDB_RESET_GAUGE;
}

/* No count below 0; those of an integer histogram are integers.  Their sum,
 * wrapping modulo 2^64, is added to *sum. */
static enum tsdb_status counts_check(const struct tsdb_histogram *h, const struct side *side,
                                     uint64_t *sum, struct tsdb_error *err)
{
    int64_t m = 0;
    for (uint32_t i = 0; i < side->count; i++) {
        if (!h->is_float && !histogram_integer(side->counts[i], &m))
            return tsdb_fail(err, TSDB_EINVAL, "histogram: %s bucket %u holds %g, want an integer",
                             side->name, i, side->counts[i]);
        if (side->counts[i] < 0 && !may_be_negative(h))
            return tsdb_fail(err, TSDB_EINVAL,
                             "histogram: %s bucket %u holds %g, want none below 0", side->name, i,
                             side->counts[i]);
        *sum += (uint64_t)m;
    }
    return TSDB_OK;
}

static enum tsdb_status bounds_check(const struct tsdb_histogram *h, struct tsdb_error *err)
{
    if (h->custom_count > HISTOGRAM_CUSTOM_MAX)
        return tsdb_fail(err, TSDB_EINVAL, "histogram: %u custom bounds, at most %d",
                         h->custom_count, HISTOGRAM_CUSTOM_MAX);
    for (uint32_t i = 0; i < h->custom_count; i++) {
        if (!isfinite(h->custom[i]))
            return tsdb_fail(err, TSDB_EINVAL, "histogram: custom bound %u is %g, want it finite",
                             i, h->custom[i]);
        if (i > 0 && h->custom[i] <= h->custom[i - 1])
            return tsdb_fail(err, TSDB_EINVAL, "histogram: custom bound %u is %g after %g", i,
                             h->custom[i], h->custom[i - 1]);
    }
    return TSDB_OK;
}

static enum tsdb_status custom_check(const struct tsdb_histogram *h, uint64_t reach,
                                     struct tsdb_error *err)
{
    if (h->zero_count != 0 || h->zero_threshold != 0)
        return tsdb_fail(err, TSDB_EINVAL, "histogram: custom buckets with a zero bucket");
    if (h->negative_span_count || h->negative_count)
        return tsdb_fail(err, TSDB_EINVAL, "histogram: custom buckets with a negative side");
    if (reach > (uint64_t)h->custom_count + 1)
        return tsdb_fail(err, TSDB_EINVAL, "histogram: spans reach %llu buckets, %u bounds make %u",
                         (unsigned long long)reach, h->custom_count, h->custom_count + 1);
    return bounds_check(h, err);
}

static enum tsdb_status schema_check(const struct tsdb_histogram *h, struct tsdb_error *err)
{
    if (h->schema == TSDB_SCHEMA_CUSTOM)
        return TSDB_OK;
    if (h->schema < HISTOGRAM_SCHEMA_MIN || h->schema > HISTOGRAM_SCHEMA_MAX)
        return tsdb_fail(err, TSDB_EINVAL, "histogram: schema %d, want %d..%d or %d", h->schema,
                         HISTOGRAM_SCHEMA_MIN, HISTOGRAM_SCHEMA_MAX, TSDB_SCHEMA_CUSTOM);
    if (h->custom_count)
        return tsdb_fail(err, TSDB_EINVAL, "histogram: schema %d with custom bounds", h->schema);
    return TSDB_OK;
}

/* Counts of the whole.  Of integer histograms they must add up, unless NaN was
 * observed, which is counted but in no bucket; of floats rounding forbids it. */
static enum tsdb_status totals_check(const struct tsdb_histogram *h, uint64_t buckets,
                                     struct tsdb_error *err)
{
    int64_t count, zero_count;
    if (!may_be_negative(h) && (h->count < 0 || h->zero_count < 0))
        return tsdb_fail(err, TSDB_EINVAL,
                         "histogram: count %g and zero count %g, want none below 0", h->count,
                         h->zero_count);
    if (h->is_float)
        return TSDB_OK;
    if (!histogram_integer(h->count, &count) || !histogram_integer(h->zero_count, &zero_count))
        return tsdb_fail(err, TSDB_EINVAL, "histogram: count %g and zero count %g, want integers",
                         h->count, h->zero_count);
    int64_t found = (int64_t)(buckets + (uint64_t)zero_count);
    if (found > count || (found < count && h->sum == h->sum))
        return tsdb_fail(err, TSDB_EINVAL, "histogram: count %lld, its buckets hold %lld",
                         (long long)count, (long long)found);
    return TSDB_OK;
}

enum tsdb_status histogram_check(const struct tsdb_histogram *h, struct tsdb_error *err)
{
    const struct side positive = {"positive", h->positive_spans, h->positive,
                                  h->positive_span_count, h->positive_count};
    const struct side negative = {"negative", h->negative_spans, h->negative,
                                  h->negative_span_count, h->negative_count};
    bool is_custom = h->schema == TSDB_SCHEMA_CUSTOM;
    uint64_t reach, negative_reach, sum = 0;
    enum tsdb_status st;
    if (h->hint > TSDB_RESET_GAUGE)
        return tsdb_fail(err, TSDB_EINVAL, "histogram: reset hint %u, want 0..%d", h->hint,
                         TSDB_RESET_GAUGE);
    if ((st = schema_check(h, err)) != TSDB_OK ||
        (st = spans_check(&positive, is_custom, &reach, err)) != TSDB_OK ||
        (st = spans_check(&negative, is_custom, &negative_reach, err)) != TSDB_OK)
        return st;
    if (is_custom && (st = custom_check(h, reach, err)) != TSDB_OK)
        return st;
    if ((st = counts_check(h, &positive, &sum, err)) != TSDB_OK ||
        (st = counts_check(h, &negative, &sum, err)) != TSDB_OK)
        return st;
    return totals_check(h, sum, err);
}
