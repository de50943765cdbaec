#include "tsdb/codec/floats.h"

#include "tsdb/codec/number.h"

#include <math.h>
#include <stdbool.h>

enum {
    HAS_NAN = 1,
    LAST_IS_FIRST = 2,
    MIN_SHIFT = 2,
    MAX_SHIFT = 4,
    HAS_RESETS = 64,
    SUM_IS_PRODUCT = 128,
};

enum extreme { EXTREME_GIVEN, EXTREME_FIRST, EXTREME_LAST };

/* Of the right type, which the macros of math.h are not. */
static const double infinity = (double)INFINITY, nan_value = (double)NAN;

/* A running sum and what rounding took from it (Neumaier 1974). */
struct sum {
    double total, lost;
};

static void sum_add(struct sum *s, double x)
{
    double total = s->total + x;
    double taken = total - s->total;
    s->lost += (s->total - (total - taken)) + (x - taken);
    s->total = total;
}

static double sum_value(const struct sum *s)
{
    return isfinite(s->lost) ? s->total + s->lost : s->total;
}

static bool same(double a, double b)
{
    return number_bits(a) == number_bits(b);
}

static bool is_constant(const double *v, uint32_t n)
{
    uint64_t different = 0;
    for (uint32_t i = 1; i < n; i++)
        different |= number_bits(v[i]) ^ number_bits(v[0]);
    return different == 0;
}

/* The sum of a column of equal values. */
static double product_of(const struct floats_summary *s)
{
    return s->first * s->count;
}

static void summarize_varying(const double *v, uint32_t n, struct floats_summary *s)
{
    struct sum sum = {0}, reset_sum = {0};
    double before = -infinity, min = infinity, max = -infinity;
    for (uint32_t i = 0; i < n; i++) {
        double x = v[i];
        if (x != x) {
            s->nan_count++;
            continue;
        }
        if (x < before) {
            s->resets++;
            sum_add(&reset_sum, before);
        }
        before = x;
        min = x < min ? x : min;
        max = x > max ? x : max;
        sum_add(&sum, x);
    }
    if (s->nan_count == n)
        return;
    s->min = min;
    s->max = max;
    s->sum = sum_value(&sum);
    s->reset_sum = sum_value(&reset_sum);
}

void floats_summarize(const double *v, uint32_t n, struct floats_summary *summary)
{
    *summary = (struct floats_summary){.count = n, .min = nan_value, .max = nan_value};
    if (n == 0) {
        summary->first = summary->last = nan_value;
        return;
    }
    summary->first = v[0];
    summary->last = v[n - 1];
    if (!is_constant(v, n)) {
        summarize_varying(v, n, summary);
    } else if (v[0] != v[0]) {
        summary->nan_count = n;
    } else {
        summary->min = summary->max = v[0];
        summary->sum = product_of(summary);
    }
}

static enum extreme extreme_of(double v, const struct floats_summary *s)
{
    if (same(v, s->first))
        return EXTREME_FIRST;
    return same(v, s->last) ? EXTREME_LAST : EXTREME_GIVEN;
}

void floats_summary_encode(const struct floats_summary *s, struct writer *out)
{
    enum extreme min = extreme_of(s->min, s), max = extreme_of(s->max, s);
    bool is_level = same(s->first, s->last), is_product = same(s->sum, product_of(s));
    writer_u8(out, (uint8_t)((s->nan_count ? HAS_NAN : 0) | (is_level ? LAST_IS_FIRST : 0) |
                             (unsigned)min << MIN_SHIFT | (unsigned)max << MAX_SHIFT |
                             (s->resets ? HAS_RESETS : 0) | (is_product ? SUM_IS_PRODUCT : 0)));
    writer_uvarint(out, s->count);
    if (s->nan_count)
        writer_uvarint(out, s->nan_count);
    number_encode(s->first, out);
    if (!is_level)
        number_encode(s->last, out);
    if (min == EXTREME_GIVEN)
        number_encode(s->min, out);
    if (max == EXTREME_GIVEN)
        number_encode(s->max, out);
    if (!is_product)
        number_encode(s->sum, out);
    if (s->resets) {
        writer_uvarint(out, s->resets);
        number_encode(s->reset_sum, out);
    }
}

static double extreme_decode(unsigned extreme, const struct floats_summary *s, struct reader *r)
{
    switch (extreme) {
    case EXTREME_GIVEN: return number_decode(r);
    case EXTREME_FIRST: return s->first;
    case EXTREME_LAST: return s->last;
    default: reader_fail(r); return 0;
    }
}

/* A count within `most`, not 0. */
static uint32_t count_decode(struct reader *r, uint32_t most)
{
    uint64_t count = reader_uvarint(r);
    if (count == 0 || count > most)
        reader_fail(r);
    return (uint32_t)count;
}

enum tsdb_status floats_summary_decode(struct reader *r, struct floats_summary *summary)
{
    struct floats_summary s = {0};
    uint8_t flags = reader_u8(r);
    uint64_t count = reader_uvarint(r);
    if (count > UINT32_MAX)
        reader_fail(r);
    s.count = (uint32_t)count;
    if (flags & HAS_NAN)
        s.nan_count = count_decode(r, s.count);
    s.first = number_decode(r);
    s.last = flags & LAST_IS_FIRST ? s.first : number_decode(r);
    s.min = extreme_decode(flags >> MIN_SHIFT & 3, &s, r);
    s.max = extreme_decode(flags >> MAX_SHIFT & 3, &s, r);
    s.sum = flags & SUM_IS_PRODUCT ? product_of(&s) : number_decode(r);
    if (flags & HAS_RESETS) {
        s.resets = count_decode(r, s.count);
        s.reset_sum = number_decode(r);
    }
    if (r->fault)
        return TSDB_ECORRUPT;
    *summary = s;
    return TSDB_OK;
}
