#include "tsdb/query/histogram_math_rank.h"

#include "tsdb/base/assert.h"

#include <float.h>
#include <stdlib.h>

/* ---- native ------------------------------------------------------------------- */

/* How much of the bucket lies below v, which lies in it. */
static double part_below(const struct histogram_bucket *b, double v, bool is_linear)
{
    if (is_linear)
        return (v - b->lower) / (b->upper - b->lower);
    double lower = log2(fabs(b->lower)), upper = log2(fabs(b->upper)), at = log2(fabs(v));
    if (v > 0)
        return (at - lower) / (upper - lower);
    return 1 - (at - upper) / (lower - upper);
}

/* The value at which `part` of the bucket lies below. */
static double value_at(const struct histogram_bucket *b, double part, bool is_linear)
{
    if (is_linear || (b->lower <= 0 && b->upper >= 0))
        return b->lower + (b->upper - b->lower) * part;
    double lower = log2(fabs(b->lower)), upper = log2(fabs(b->upper));
    if (b->lower > 0)
        return exp2(lower + (upper - lower) * part);
    return -exp2(upper + (lower - upper) * (1 - part));
}

/* The zero bucket of a histogram that has only one side begins or ends at 0. */
static void narrow_zero(struct histogram_bucket *b, const struct tsdb_histogram *h)
{
    if (h->negative_count == 0 && h->positive_count > 0)
        b->lower = 0;
    else if (h->positive_count == 0 && h->negative_count > 0)
        b->upper = 0;
}

/* A bucket without a lower or upper end answers the end that it has. */
static bool is_open_ended(struct histogram_bucket *b, double *out)
{
    if (b->lower == -HUGE_VAL) {
        if (b->upper > 0) {
            b->lower = 0;
            return false;
        }
        *out = b->upper;
        return true;
    }
    *out = b->lower;
    return b->upper == HUGE_VAL;
}

struct rank {
    double rank, count;
    uint32_t at; /* of the bucket */
    bool is_forward;
};

/* Walks from the nearer end, so that rounding of the far one does no harm; NaN
 * observations are in the count only, which leaves forward. */
static struct rank find_rank(double q, const struct tsdb_histogram *h,
                             const struct histogram_bucket *all, uint32_t n)
{
    struct rank r = {.is_forward = isnan(h->sum) || q < 0.5};
    r.rank = (r.is_forward ? q : 1 - q) * h->count;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = r.is_forward ? i : n - 1 - i;
        r.at = at;
        if (all[at].count == 0)
            continue;
        r.count += all[at].count;
        if (r.count >= r.rank)
            break;
    }
    return r;
}

static double quantile_in(double q, const struct tsdb_histogram *h, struct histogram_bucket *all,
                          uint32_t n, enum rank_note *note)
{
    struct rank r = find_rank(q, h, all, n);
    struct histogram_bucket b = n > 0 ? all[r.at] : (struct histogram_bucket){0};
    bool is_custom = histogram_is_custom(h);
    double open;
    if (is_custom && is_open_ended(&b, &open))
        return open;
    if (!is_custom && b.lower < 0 && b.upper > 0)
        narrow_zero(&b, h);
    r.count = r.count > h->count ? h->count : r.count;
    if (r.count < r.rank) {
        if (!isnan(h->sum))
            return b.upper;
        *note = RANK_NAN_RESULT;
        return (double)NAN;
    }
    if (isnan(h->sum)) {
        double total = r.count;
        for (uint32_t i = r.at + 1; i < n; i++)
            total += all[i].count;
        *note = total < h->count ? RANK_NAN_SKEW : RANK_PLAIN;
    }
    double rest = r.is_forward ? r.rank - (r.count - b.count) : r.count - r.rank;
    return value_at(&b, rest / b.count, is_custom);
}

bool histogram_quantile(double q, const struct tsdb_histogram *h, struct arena *scratch,
                        double *out, enum rank_note *note)
{
    *note = RANK_PLAIN;
    if (q < 0 || q > 1 || isnan(q) || h->count == 0) {
        *out = q < 0 ? -HUGE_VAL : q > 1 ? HUGE_VAL : (double)NAN;
        return true;
    }
    uint32_t n;
    struct histogram_bucket *all = histogram_buckets(h, scratch, &n);
    if (!all)
        return false;
    *out = quantile_in(q, h, all, n, note);
    arena_reset(scratch);
    return true;
}

/* Observations up to a value: buckets are fed in order until the value is met. */
struct mark {
    double value, rank;
    bool is_set;
};

static void mark_meet(struct mark *m, const struct histogram_bucket *b, double below,
                      bool is_linear)
{
    if (m->is_set)
        return;
    if (b->lower >= m->value) {
        m->rank = below;
        m->is_set = true;
    } else if (b->upper > m->value) {
        if (is_linear && b->lower == -HUGE_VAL)
            m->rank = b->count;
        else
            m->rank = below + b->count * part_below(b, m->value, is_linear);
        m->is_set = true;
    }
}

static double mark_rank(const struct mark *m, double count)
{
    return !m->is_set || m->rank > count ? count : m->rank;
}

bool histogram_fraction(double lower, double upper, const struct tsdb_histogram *h,
                        struct arena *scratch, double *out, enum rank_note *note)
{
    *note = RANK_PLAIN;
    if (h->count == 0 || isnan(lower) || isnan(upper) || lower >= upper) {
        *out = h->count == 0 || isnan(lower) || isnan(upper) ? (double)NAN : 0;
        return true;
    }
    uint32_t n;
    struct histogram_bucket *all = histogram_buckets(h, scratch, &n);
    if (!all)
        return false;
    struct mark low = {.value = lower}, high = {.value = upper};
    double below = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct histogram_bucket b = all[i];
        bool is_linear = histogram_is_custom(h) || (b.lower <= 0 && b.upper >= 0);
        if (b.lower <= 0 && b.upper >= 0)
            narrow_zero(&b, h);
        mark_meet(&low, &b, below, is_linear);
        mark_meet(&high, &b, below, is_linear);
        below += b.count;
    }
    double count = h->count;
    if (isnan(h->sum)) {
        *note = below < h->count ? RANK_NAN_SKEW : RANK_PLAIN;
        count = below;
    }
    *out = (mark_rank(&high, count) - mark_rank(&low, count)) / h->count;
    arena_reset(scratch);
    return true;
}

bool histogram_variance(const struct tsdb_histogram *h, struct arena *scratch, double *out)
{
    uint32_t n;
    const struct histogram_bucket *all = histogram_buckets(h, scratch, &n);
    if (!all)
        return false;
    double mean = h->sum / h->count;
    struct pair sum = {0, 0};
    for (uint32_t i = 0; i < n; i++) {
        const struct histogram_bucket *b = &all[i];
        if (b->count == 0)
            continue;
        double v;
        if (histogram_is_custom(h))
            v = (b->upper + b->lower) / 2;
        else if (b->lower <= 0 && b->upper >= 0)
            v = 0;
        else
            v = copysign(sqrt(b->upper * b->lower), b->upper);
        sum = pair_add(sum, b->count * (v - mean) * (v - mean));
    }
    *out = pair_value(sum) / h->count;
    arena_reset(scratch);
    return true;
}

/* ---- trimming ----------------------------------------------------------------- */

/* What is left of a bucket, and the value that stands for it. */
struct rest {
    double count, middle;
};

static double middle_of(double lower, double upper, bool is_positive, bool is_linear)
{
    if (isinf(lower) && isinf(upper))
        return 0;
    if (isinf(lower))
        return upper > 0 ? upper / 2 : upper;
    if (isinf(upper))
        return lower;
    if (is_linear)
        return (lower + upper) / 2;
    double mean = sqrt(fabs(lower * upper));
    return is_positive ? mean : -mean;
}

static double finite_or_zero(double v)
{
    return isinf(v) ? 0 : v;
}

/* The first custom bucket has no lower end: 0 when it ends above 0. */
static struct rest trim_bottom(const struct histogram_bucket *b, double at, bool is_upper)
{
    bool ends_above_zero = b->upper > 0 && !isinf(b->upper);
    if (is_upper) {
        if (at >= b->upper)
            return (struct rest){b->count, 0};
        if (at > 0 && ends_above_zero)
            return (struct rest){b->count * at / b->upper, at / 2};
        if (b->upper <= 0)
            return (struct rest){b->count, at};
        return (struct rest){0, finite_or_zero(b->upper)};
    }
    if (at <= b->lower)
        return (struct rest){b->count, 0};
    if (at >= 0 && b->upper > at && !isinf(b->upper))
        return (struct rest){b->count * (1 - at / b->upper), (at + b->upper) / 2};
    return (struct rest){0, finite_or_zero(b->upper)};
}

static struct rest trim_top(const struct histogram_bucket *b, double at, bool is_upper)
{
    if (!is_upper && at >= b->lower)
        return (struct rest){b->count, at};
    return (struct rest){0, finite_or_zero(b->lower)};
}

static struct rest trim_zero(const struct histogram_bucket *b, double at, bool is_upper)
{
    double lower = b->lower, upper = b->upper;
    if (is_upper ? at >= upper : at <= lower)
        return (struct rest){b->count, (lower + upper) / 2};
    if (is_upper ? at <= lower : at >= upper)
        return (struct rest){0, 0};
    if (is_upper)
        return (struct rest){b->count * ((at - lower) / (upper - lower)), (lower + at) / 2};
    return (struct rest){b->count * ((upper - at) / (upper - lower)), (at + upper) / 2};
}

static struct rest trim_bucket(const struct histogram_bucket *b, double at, bool is_upper,
                               bool is_linear)
{
    if (is_upper ? b->upper <= at : b->lower >= at)
        return (struct rest){b->count, middle_of(b->lower, b->upper, b->is_positive, is_linear)};
    if (is_upper ? !(b->lower < at) : !(b->upper > at))
        return (struct rest){0, 0};
    if (b->lower == -HUGE_VAL)
        return trim_bottom(b, at, is_upper);
    if (b->upper == HUGE_VAL)
        return trim_top(b, at, is_upper);
    double under = b->count * part_below(b, at, is_linear);
    if (is_upper)
        return (struct rest){under, middle_of(b->lower, at, b->is_positive, is_linear)};
    return (struct rest){b->count - under, middle_of(at, b->upper, b->is_positive, is_linear)};
}

/* The buckets of one side, or the zero bucket, cut; adds up what is left. */
struct trim {
    double at, count, sum;
    bool is_upper, is_linear, is_changed;
};

static double trim_one(struct trim *t, const struct histogram_bucket *b)
{
    struct rest left = b->is_zero ? trim_zero(b, t->at, t->is_upper)
                                  : trim_bucket(b, t->at, t->is_upper, t->is_linear);
    t->count += left.count;
    t->sum += left.middle * left.count;
    t->is_changed = t->is_changed || left.count != b->count;
    return left.count;
}

static void trim_side(struct trim *t, const struct tsdb_histogram *h, struct bucket_side *side,
                      bool is_positive)
{
    for (uint32_t i = 0; i < side->count; i++) {
        double count = side->at[i].count.high;
        if (count == 0)
            continue;
        double outer = histogram_bound(h, side->at[i].index);
        double inner = histogram_bound(h, side->at[i].index - 1);
        struct histogram_bucket b = {.lower = is_positive ? inner : -outer,
                                     .upper = is_positive ? outer : -inner,
                                     .count = count,
                                     .is_positive = is_positive};
        side->at[i].count = (struct pair){trim_one(t, &b), 0};
    }
}

static bool has_counts(const struct bucket_side *side)
{
    for (uint32_t i = 0; i < side->count; i++)
        if (side->at[i].count.high != 0)
            return true;
    return false;
}

const struct tsdb_histogram *histogram_trim(const struct tsdb_histogram *h, double at,
                                            bool is_upper, struct arena *arena)
{
    struct histogram_sum s;
    if (!histogram_sum_init(&s, arena, arena, h))
        return NULL;
    struct trim t = {.at = at, .is_upper = is_upper, .is_linear = histogram_is_custom(h)};
    struct histogram_bucket zero = {.lower = -h->zero_threshold,
                                    .upper = h->zero_threshold,
                                    .count = h->zero_count,
                                    .is_zero = true};
    bool has_positive = has_counts(&s.positive), has_negative = has_counts(&s.negative);
    if (has_negative && !has_positive)
        zero.upper = 0;
    if (has_positive && !has_negative)
        zero.lower = 0;
    trim_side(&t, h, &s.positive, true);
    trim_side(&t, h, &s.negative, false);
    if (h->zero_count > 0)
        s.zero = (struct pair){trim_one(&t, &zero), 0};
    if (t.is_changed) {
        s.count = (struct pair){t.count, 0};
        s.sum = (struct pair){t.sum, 0};
    }
    return histogram_sum_take(&s);
}

/* ---- classic ------------------------------------------------------------------ */

static int compare_le(const void *a, const void *b)
{
    const struct classic_bucket *x = a, *y = b;
    return (x->le > y->le) - (x->le < y->le);
}

/* Sorts, and adds up buckets of equal bounds. */
static uint32_t coalesce(struct classic_bucket *buckets, uint32_t n)
{
    qsort(buckets, n, sizeof *buckets, compare_le);
    uint32_t kept = 0;
    for (uint32_t i = 1; i < n; i++) {
        if (buckets[i].le == buckets[kept].le)
            buckets[kept].count += buckets[i].count;
        else
            buckets[++kept] = buckets[i];
    }
    return kept + 1;
}

static bool almost_equal(double a, double b)
{
    double sum = fabs(a) + fabs(b), difference = fabs(a - b);
    if (a == b || (isnan(a) && isnan(b)))
        return true;
    if (a == 0 || b == 0 || sum < DBL_MIN)
        return difference < 1e-12 * DBL_MIN;
    return difference / (sum < DBL_MAX ? sum : DBL_MAX) < 1e-12;
}

static void make_monotonic(struct classic_bucket *buckets, uint32_t n, struct classic_fix *fix)
{
    *fix = (struct classic_fix){.bucket_min = HUGE_VAL, .bucket_max = -HUGE_VAL};
    double reached = buckets[0].count;
    for (uint32_t i = 1; i < n; i++) {
        double count = buckets[i].count;
        if (almost_equal(reached, count)) {
            buckets[i].count = reached;
        } else if (count < reached) {
            buckets[i].count = reached;
            fix->is_forced = true;
            fix->bucket_min = fmin(fix->bucket_min, buckets[i].le);
            fix->bucket_max = fmax(fix->bucket_max, buckets[i].le);
            fix->diff_max = fmax(fix->diff_max, reached - count);
        } else {
            reached = count;
        }
    }
}

double classic_quantile(double q, struct classic_bucket *buckets, uint32_t n,
                        struct classic_fix *fix)
{
    ASSERT(n > 0);
    *fix = (struct classic_fix){0};
    if (isnan(q))
        return (double)NAN;
    if (q < 0 || q > 1)
        return q < 0 ? -HUGE_VAL : HUGE_VAL;
    n = coalesce(buckets, n);
    if (buckets[n - 1].le != HUGE_VAL)
        return (double)NAN;
    make_monotonic(buckets, n, fix);
    double count = buckets[n - 1].count;
    if (n < 2 || count == 0)
        return (double)NAN;
    double rank = q * count;
    uint32_t at = 0;
    while (at < n - 1 && !(buckets[at].count >= rank))
        at++;
    if (at == n - 1)
        return buckets[n - 2].le;
    if (at == 0 && buckets[0].le <= 0)
        return buckets[0].le;
    double lower = at > 0 ? buckets[at - 1].le : 0;
    double below = at > 0 ? buckets[at - 1].count : 0;
    return lower + (buckets[at].le - lower) * ((rank - below) / (buckets[at].count - below));
}

double classic_fraction(double lower, double upper, struct classic_bucket *buckets, uint32_t n)
{
    ASSERT(n > 0);
    n = coalesce(buckets, n);
    double count = buckets[n - 1].count;
    if (buckets[n - 1].le != HUGE_VAL || count == 0 || isnan(lower) || isnan(upper))
        return (double)NAN;
    if (lower >= upper)
        return 0;
    struct mark low = {.value = lower}, high = {.value = upper};
    double begin = buckets[0].le > 0 ? 0 : -HUGE_VAL, below = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct histogram_bucket b = {
            .lower = begin, .upper = buckets[i].le, .count = buckets[i].count - below};
        mark_meet(&low, &b, below, true);
        mark_meet(&high, &b, below, true);
        begin = buckets[i].le;
        below = buckets[i].count;
    }
    return (mark_rank(&high, count) - mark_rank(&low, count)) / count;
}
