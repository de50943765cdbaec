#include "tsdb/query/histogram_math.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <float.h>
#include <string.h>

/* ---- bounds and cursors ------------------------------------------------------- */

static double exponential_bound(int32_t index, int32_t schema)
{
    if (schema <= 0) {
        int64_t exponent = (int64_t)index * ((int64_t)1 << -schema);
        if (exponent == 1024) /* the last bucket of finite values */
            return DBL_MAX;
        return exponent > 1024 ? HUGE_VAL : ldexp(1, exponent < -2000 ? -2000 : (int)exponent);
    }
    int32_t part = index & (((int32_t)1 << schema) - 1);
    int32_t exponent = index >> schema;
    if (part == 0 && exponent == 1024)
        return DBL_MAX;
    return ldexp(exp2((double)part / (double)((int32_t)1 << schema)), exponent);
}

static double custom_bound(const double *custom, uint32_t count, int32_t index)
{
    if (index < 0)
        return -HUGE_VAL;
    return (uint32_t)index >= count ? HUGE_VAL : custom[index];
}

double histogram_bound(const struct tsdb_histogram *h, int32_t index)
{
    return histogram_is_custom(h) ? custom_bound(h->custom, h->custom_count, index)
                                  : exponential_bound(index, h->schema);
}

/* Walks the buckets that spans lay out. */
struct cursor {
    const struct tsdb_bucket_span *spans;
    const double *counts;
    uint32_t span_count, count;
    uint32_t span, in_span, at;
    uint32_t index; /* of the next bucket; wraps */
};

static struct cursor cursor_over(const struct tsdb_histogram *h, bool is_positive)
{
    struct cursor c = {0};
    c.spans = is_positive ? h->positive_spans : h->negative_spans;
    c.counts = is_positive ? h->positive : h->negative;
    c.span_count = is_positive ? h->positive_span_count : h->negative_span_count;
    c.count = is_positive ? h->positive_count : h->negative_count;
    if (c.span_count > 0)
        c.index = (uint32_t)c.spans[0].offset;
    return c;
}

static bool cursor_next(struct cursor *c, int32_t *index, double *count)
{
    while (c->span < c->span_count && c->in_span == c->spans[c->span].length) {
        c->in_span = 0;
        c->span++;
        if (c->span < c->span_count)
            c->index += (uint32_t)c->spans[c->span].offset;
    }
    if (c->span >= c->span_count || c->at >= c->count)
        return false;
    *index = (int32_t)c->index++;
    *count = c->counts[c->at++];
    c->in_span++;
    return true;
}

static int32_t index_in(int32_t index, int32_t schema, int32_t coarser)
{
    int32_t shift = schema - coarser;
    return (int32_t)((((int64_t)index - 1) >> shift) + 1);
}

/* ---- sides -------------------------------------------------------------------- */

/* Where the index is, or would have to be inserted; looks on from *hint. */
static uint32_t side_seek(const struct bucket_side *side, int32_t index, uint32_t hint)
{
    uint32_t at = hint <= side->count ? hint : 0;
    if (at > 0 && side->at[at - 1].index >= index)
        at = 0;
    while (at < side->count && side->at[at].index < index)
        at++;
    return at;
}

static bool side_reserve(struct bucket_side *side, uint32_t count, struct arena *arena)
{
    if (count <= side->cap)
        return true;
    uint32_t cap = side->cap ? side->cap : 8;
    while (cap < count)
        cap *= 2;
    struct bucket_tally *at = ARENA_ARRAY(arena, struct bucket_tally, cap);
    if (!at)
        return false;
    if (side->count > 0)
        memcpy(at, side->at, side->count * sizeof *at);
    side->at = at;
    side->cap = cap;
    return true;
}

static bool side_add(struct bucket_side *side, int32_t index, struct pair count, uint32_t *hint,
                     struct arena *arena)
{
    uint32_t at = side_seek(side, index, *hint);
    *hint = at;
    if (at < side->count && side->at[at].index == index) {
        side->at[at].count = pair_join(side->at[at].count, count);
        return true;
    }
    if (!side_reserve(side, side->count + 1, arena))
        return false;
    memmove(side->at + at + 1, side->at + at, (side->count - at) * sizeof *side->at);
    side->at[at] = (struct bucket_tally){index, count};
    side->count++;
    return true;
}

static bool side_load(struct histogram_sum *s, const struct tsdb_histogram *h, bool is_positive)
{
    struct bucket_side *side = is_positive ? &s->positive : &s->negative;
    struct cursor c = cursor_over(h, is_positive);
    if (!side_reserve(side, c.count, s->arena))
        return false;
    uint32_t hint = 0;
    int32_t index;
    double count;
    while (cursor_next(&c, &index, &count))
        if (!side_add(side, index, (struct pair){count, 0}, &hint, s->arena))
            return false;
    return true;
}

static void side_reduce(struct bucket_side *side, int32_t schema, int32_t coarser)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < side->count; i++) {
        struct bucket_tally t = side->at[i];
        t.index = index_in(t.index, schema, coarser);
        if (kept > 0 && side->at[kept - 1].index == t.index)
            side->at[kept - 1].count = pair_join(side->at[kept - 1].count, t.count);
        else
            side->at[kept++] = t;
    }
    side->count = kept;
}

static bool side_join(struct bucket_side *to, const struct bucket_side *from, bool is_negative,
                      struct arena *arena)
{
    uint32_t hint = 0;
    for (uint32_t i = 0; i < from->count; i++) {
        struct pair count = from->at[i].count;
        if (is_negative)
            count = (struct pair){-count.high, -count.low};
        if (!side_add(to, from->at[i].index, count, &hint, arena))
            return false;
    }
    return true;
}

/* ---- meeting ------------------------------------------------------------------ */

static void see_hint(struct histogram_sum *s, uint8_t hint)
{
    s->has_reset = s->has_reset || hint == TSDB_RESET_YES;
    s->has_no_reset = s->has_no_reset || hint == TSDB_RESET_NO;
}

bool histogram_sum_init(struct histogram_sum *s, struct arena *arena, struct arena *scratch,
                        const struct tsdb_histogram *h)
{
    *s = (struct histogram_sum){
        .arena = arena,
        .scratch = scratch,
        .schema = h->schema,
        .hint = h->hint,
        .zero_threshold = h->zero_threshold,
        .zero = {h->zero_count, 0},
        .count = {h->count, 0},
        .sum = {h->sum, 0},
        .custom = h->custom,
        .custom_count = h->custom_count,
    };
    see_hint(s, h->hint);
    return side_load(s, h, true) && side_load(s, h, false);
}

void histogram_sum_reduce(struct histogram_sum *s, int32_t schema)
{
    if (schema >= s->schema)
        return;
    side_reduce(&s->positive, s->schema, schema);
    side_reduce(&s->negative, s->schema, schema);
    s->schema = schema;
}

/* Adds to *zero the buckets that begin below the threshold.  False when a
 * populated one ends beyond it: *threshold is then that end. */
static bool side_below(const struct histogram_sum *s, const struct bucket_side *side,
                       double *threshold, struct pair *zero)
{
    for (uint32_t i = 0; i < side->count; i++) {
        if (exponential_bound(side->at[i].index - 1, s->schema) >= *threshold)
            break;
        *zero = pair_join(*zero, side->at[i].count);
        double upper = exponential_bound(side->at[i].index, s->schema);
        if (upper <= *threshold)
            continue;
        if (pair_value(side->at[i].count) == 0)
            break;
        *threshold = upper;
        return false;
    }
    return true;
}

static void side_cut(const struct histogram_sum *s, struct bucket_side *side)
{
    uint32_t below = 0;
    while (below < side->count &&
           exponential_bound(side->at[below].index - 1, s->schema) < s->zero_threshold)
        below++;
    if (below > 0)
        memmove(side->at, side->at + below, (side->count - below) * sizeof *side->at);
    side->count -= below;
}

/* Widens the zero bucket to the threshold, or to the end of the populated
 * bucket in which it falls. */
static void zero_widen(struct histogram_sum *s, double threshold)
{
    struct pair zero;
    do {
        zero = s->zero;
        (void)side_below(s, &s->positive, &threshold, &zero);
    } while (!side_below(s, &s->negative, &threshold, &zero));
    s->zero = zero;
    s->zero_threshold = threshold;
    side_cut(s, &s->positive);
    side_cut(s, &s->negative);
}

/* False: no bound is finite in both, or never met (NaN from a broken file). */
static void zeros_meet(struct histogram_sum *a, struct histogram_sum *b)
{
    while (a->zero_threshold != b->zero_threshold) {
        if (a->zero_threshold > b->zero_threshold)
            zero_widen(b, a->zero_threshold);
        else if (b->zero_threshold > a->zero_threshold)
            zero_widen(a, b->zero_threshold);
        else
            return;
    }
}

static bool same_bounds(const double *a, uint32_t a_count, const double *b, uint32_t b_count)
{
    if (a_count != b_count)
        return false;
    for (uint32_t i = 0; i < a_count; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

/* Moves the buckets to fewer bounds, all of which s has. */
static bool custom_map(struct histogram_sum *s, const double *bounds, uint32_t count)
{
    struct bucket_side mapped = {0};
    uint32_t hint = 0;
    for (uint32_t i = 0; i < s->positive.count; i++) {
        double upper = custom_bound(s->custom, s->custom_count, s->positive.at[i].index);
        uint32_t to = 0;
        while (to < count && bounds[to] < upper)
            to++;
        if (!side_add(&mapped, (int32_t)to, s->positive.at[i].count, &hint, s->arena))
            return false;
    }
    s->positive = mapped;
    s->custom = bounds;
    s->custom_count = count;
    return true;
}

static bool customs_meet(struct histogram_sum *a, struct histogram_sum *b)
{
    if (same_bounds(a->custom, a->custom_count, b->custom, b->custom_count))
        return true;
    double *both = ARENA_ARRAY(a->arena, double, a->custom_count);
    if (!both)
        return false;
    uint32_t n = 0;
    for (uint32_t i = 0, k = 0; i < a->custom_count && k < b->custom_count;) {
        if (a->custom[i] == b->custom[k]) {
            both[n++] = a->custom[i++];
            k++;
        } else if (a->custom[i] < b->custom[k]) {
            i++;
        } else {
            k++;
        }
    }
    a->is_reconciled = true;
    return custom_map(a, both, n) && custom_map(b, both, n);
}

/* What the sum of two counters or gauges may say about resets. */
static void hints_meet(struct histogram_sum *s, uint8_t hint)
{
    if (s->hint == hint || s->hint == TSDB_RESET_GAUGE)
        return;
    if (hint == TSDB_RESET_GAUGE) {
        s->hint = TSDB_RESET_GAUGE;
        return;
    }
    s->hint = TSDB_RESET_UNKNOWN;
}

/* The buckets of h, which lie as those of s do but for the resolution. */
static bool add_side(struct histogram_sum *s, const struct tsdb_histogram *h, bool is_positive,
                     bool is_negative)
{
    struct bucket_side *side = is_positive ? &s->positive : &s->negative;
    struct cursor c = cursor_over(h, is_positive);
    uint32_t hint = 0;
    int32_t index;
    double count;
    while (cursor_next(&c, &index, &count)) {
        if (h->schema != s->schema)
            index = index_in(index, h->schema, s->schema);
        struct pair p = {is_negative ? -count : count, 0};
        if (!side_add(side, index, p, &hint, s->arena))
            return false;
    }
    return true;
}

/* h has another zero bucket or other bounds: bring a copy of it to where both meet. */
static bool add_apart(struct histogram_sum *s, const struct tsdb_histogram *h, bool is_negative)
{
    struct histogram_sum other;
    if (!histogram_sum_init(&other, s->scratch, s->scratch, h))
        return false;
    if (histogram_is_custom(h)) {
        if (!customs_meet(s, &other))
            return false;
    } else {
        zeros_meet(s, &other);
        int32_t schema = s->schema < other.schema ? s->schema : other.schema;
        histogram_sum_reduce(s, schema);
        histogram_sum_reduce(&other, schema);
    }
    if (is_negative)
        other.zero = (struct pair){-other.zero.high, -other.zero.low};
    s->zero = pair_join(s->zero, other.zero);
    return side_join(&s->positive, &other.positive, is_negative, s->arena) &&
           side_join(&s->negative, &other.negative, is_negative, s->arena);
}

enum histogram_fault histogram_sum_add(struct histogram_sum *s, const struct tsdb_histogram *h,
                                       bool is_negative)
{
    bool is_custom = histogram_is_custom(h);
    if ((s->schema == TSDB_SCHEMA_CUSTOM) != is_custom)
        return HISTOGRAM_INCOMPATIBLE;
    hints_meet(s, h->hint);
    see_hint(s, h->hint);
    s->count = pair_add(s->count, is_negative ? -h->count : h->count);
    s->sum = pair_add(s->sum, is_negative ? -h->sum : h->sum);
    bool is_alike = is_custom ? same_bounds(s->custom, s->custom_count, h->custom, h->custom_count)
                              : s->zero_threshold == h->zero_threshold;
    bool is_whole;
    if (is_alike) {
        if (!is_custom)
            histogram_sum_reduce(s, h->schema);
        s->zero = pair_add(s->zero, is_negative ? -h->zero_count : h->zero_count);
        is_whole = add_side(s, h, true, is_negative) && add_side(s, h, false, is_negative);
    } else {
        is_whole = add_apart(s, h, is_negative);
        arena_reset(s->scratch);
    }
    return is_whole ? HISTOGRAM_FINE : HISTOGRAM_FULL;
}

/* ---- scaling and taking ------------------------------------------------------- */

static struct pair times(struct pair p, double factor)
{
    return (struct pair){p.high * factor, p.low * factor};
}

static struct pair over(struct pair p, double by)
{
    return (struct pair){p.high / by, p.low / by};
}

void histogram_sum_multiply(struct histogram_sum *s, double factor)
{
    s->zero = times(s->zero, factor);
    s->count = times(s->count, factor);
    s->sum = times(s->sum, factor);
    for (uint32_t i = 0; i < s->positive.count; i++)
        s->positive.at[i].count = times(s->positive.at[i].count, factor);
    for (uint32_t i = 0; i < s->negative.count; i++)
        s->negative.at[i].count = times(s->negative.at[i].count, factor);
    if (factor < 0)
        s->hint = TSDB_RESET_GAUGE;
}

void histogram_sum_divide(struct histogram_sum *s, double by)
{
    s->zero = over(s->zero, by);
    s->count = over(s->count, by);
    s->sum = over(s->sum, by);
    if (by == 0)
        s->positive.count = s->negative.count = 0;
    for (uint32_t i = 0; i < s->positive.count; i++)
        s->positive.at[i].count = over(s->positive.at[i].count, by);
    for (uint32_t i = 0; i < s->negative.count; i++)
        s->negative.at[i].count = over(s->negative.at[i].count, by);
    if (by < 0)
        s->hint = TSDB_RESET_GAUGE;
}

static bool side_is_infinite(const struct bucket_side *side)
{
    for (uint32_t i = 0; i < side->count; i++)
        if (isinf(side->at[i].count.high))
            return true;
    return false;
}

bool histogram_sum_is_infinite(const struct histogram_sum *s)
{
    return isinf(s->zero.high) || isinf(s->count.high) || isinf(s->sum.high) ||
           side_is_infinite(&s->positive) || side_is_infinite(&s->negative);
}

struct spans {
    struct tsdb_bucket_span *spans;
    double *counts;
    uint32_t span_count, count;
};

static bool side_take(const struct bucket_side *side, struct arena *arena, struct spans *out)
{
    *out = (struct spans){.spans = ARENA_ARRAY(arena, struct tsdb_bucket_span, side->count),
                          .counts = ARENA_ARRAY(arena, double, side->count)};
    if (!out->spans || !out->counts)
        return false;
    int32_t next = 0;
    for (uint32_t i = 0; i < side->count; i++) {
        double count = pair_value(side->at[i].count);
        if (count == 0)
            continue;
        int32_t index = side->at[i].index;
        if (out->span_count == 0 || index != next)
            out->spans[out->span_count++] = (struct tsdb_bucket_span){
                .offset =
                    out->span_count == 0 ? index : (int32_t)((uint32_t)index - (uint32_t)next),
            };
        out->spans[out->span_count - 1].length++;
        out->counts[out->count++] = count;
        next = index + 1;
    }
    return true;
}

const struct tsdb_histogram *histogram_sum_take(const struct histogram_sum *s)
{
    struct tsdb_histogram *h = ARENA_ARRAY(s->arena, struct tsdb_histogram, 1);
    struct spans positive, negative;
    if (!h || !side_take(&s->positive, s->arena, &positive) ||
        !side_take(&s->negative, s->arena, &negative))
        return NULL;
    *h = (struct tsdb_histogram){
        .schema = s->schema,
        .hint = s->hint,
        .is_float = true,
        .zero_threshold = s->zero_threshold,
        .zero_count = pair_value(s->zero),
        .count = pair_value(s->count),
        .sum = pair_value(s->sum),
        .positive_span_count = positive.span_count,
        .negative_span_count = negative.span_count,
        .positive_count = positive.count,
        .negative_count = negative.count,
        .custom_count = s->custom_count,
        .positive_spans = positive.spans,
        .negative_spans = negative.spans,
        .positive = positive.counts,
        .negative = negative.counts,
        .custom = s->custom,
    };
    return h;
}

const struct tsdb_histogram *histogram_multiplied(const struct tsdb_histogram *h, double factor,
                                                  struct arena *arena)
{
    struct histogram_sum s;
    if (!histogram_sum_init(&s, arena, arena, h))
        return NULL;
    histogram_sum_multiply(&s, factor);
    return histogram_sum_take(&s);
}

const struct tsdb_histogram *histogram_divided(const struct tsdb_histogram *h, double by,
                                               struct arena *arena)
{
    struct histogram_sum s;
    if (!histogram_sum_init(&s, arena, arena, h))
        return NULL;
    histogram_sum_divide(&s, by);
    return histogram_sum_take(&s);
}

/* ---- comparing ---------------------------------------------------------------- */

static bool same_bits(double a, double b)
{
    return bits_of(a) == bits_of(b);
}

/* The same populated and empty buckets, however the spans cut them. */
static bool same_side(const struct tsdb_histogram *a, const struct tsdb_histogram *b,
                      bool is_positive)
{
    struct cursor x = cursor_over(a, is_positive), y = cursor_over(b, is_positive);
    for (;;) {
        int32_t i, k;
        double v, w;
        bool has_x = cursor_next(&x, &i, &v), has_y = cursor_next(&y, &k, &w);
        if (!has_x || !has_y)
            return has_x == has_y;
        if (i != k || !same_bits(v, w))
            return false;
    }
}

bool histogram_has_same_buckets(const struct tsdb_histogram *a, const struct tsdb_histogram *b)
{
    return a->schema == b->schema && same_bits(a->count, b->count) && same_bits(a->sum, b->sum) &&
           a->zero_threshold == b->zero_threshold && same_bits(a->zero_count, b->zero_count) &&
           (!histogram_is_custom(a) ||
            same_bounds(a->custom, a->custom_count, b->custom, b->custom_count)) &&
           same_side(a, b, true) && same_side(a, b, false);
}

static bool side_has_fallen(const struct bucket_side *now, const struct bucket_side *before)
{
    uint32_t hint = 0;
    for (uint32_t i = 0; i < before->count; i++) {
        double was = before->at[i].count.high;
        hint = side_seek(now, before->at[i].index, hint);
        bool is_there = hint < now->count && now->at[hint].index == before->at[i].index;
        if (is_there ? now->at[hint].count.high < was : was != 0)
            return true;
    }
    return false;
}

static bool is_reset_custom(struct histogram_sum *now, struct histogram_sum *before)
{
    return !customs_meet(now, before) || side_has_fallen(&now->positive, &before->positive);
}

static bool is_reset_slowly(const struct tsdb_histogram *now, const struct tsdb_histogram *before,
                            struct arena *scratch)
{
    struct histogram_sum a, b;
    if (!histogram_sum_init(&a, scratch, scratch, now) ||
        !histogram_sum_init(&b, scratch, scratch, before))
        return true; /* the arena is full: whatever comes next will say so */
    if (histogram_is_custom(now))
        return is_reset_custom(&a, &b);
    zero_widen(&b, now->zero_threshold);
    if (b.zero_threshold != now->zero_threshold || now->zero_count < b.zero.high)
        return true;
    histogram_sum_reduce(&b, now->schema);
    side_cut(&a, &a.positive);
    side_cut(&a, &a.negative);
    return side_has_fallen(&a.positive, &b.positive) || side_has_fallen(&a.negative, &b.negative);
}

bool histogram_is_reset(const struct tsdb_histogram *now, const struct tsdb_histogram *before,
                        struct arena *scratch)
{
    if (now->hint == TSDB_RESET_YES || now->hint == TSDB_RESET_NO)
        return now->hint == TSDB_RESET_YES;
    if (now->count < before->count || histogram_is_custom(now) != histogram_is_custom(before))
        return true;
    if (now->schema > before->schema || now->zero_threshold < before->zero_threshold)
        return true;
    bool is_reset = is_reset_slowly(now, before, scratch);
    arena_reset(scratch);
    return is_reset;
}

/* ---- buckets ------------------------------------------------------------------ */

static void cut_at_zero(struct histogram_bucket *b, double threshold)
{
    if (b->upper < 0 && b->upper > -threshold)
        b->upper = -threshold;
    if (b->lower > 0 && b->lower < threshold)
        b->lower = threshold;
}

struct histogram_bucket *histogram_buckets(const struct tsdb_histogram *h, struct arena *arena,
                                           uint32_t *count)
{
    uint32_t room = h->negative_count + h->positive_count + 1;
    struct histogram_bucket *all = ARENA_ARRAY(arena, struct histogram_bucket, room);
    if (!all)
        return NULL;
    uint32_t n = 0;
    struct histogram_bucket b = {0};
    struct cursor c = cursor_over(h, false);
    while (cursor_next(&c, &b.index, &b.count)) {
        b.lower = -histogram_bound(h, b.index);
        b.upper = -histogram_bound(h, b.index - 1);
        cut_at_zero(&b, h->zero_threshold);
        all[n++] = b;
    }
    for (uint32_t i = 0; i < n / 2; i++) { /* they came from zero downwards */
        struct histogram_bucket swapped = all[i];
        all[i] = all[n - 1 - i];
        all[n - 1 - i] = swapped;
    }
    if (h->zero_count > 0)
        all[n++] = (struct histogram_bucket){
            .lower = -h->zero_threshold,
            .upper = h->zero_threshold,
            .count = h->zero_count,
            .is_zero = true,
        };
    b.is_positive = true;
    c = cursor_over(h, true);
    while (cursor_next(&c, &b.index, &b.count)) {
        b.lower = histogram_bound(h, b.index - 1);
        b.upper = histogram_bound(h, b.index);
        cut_at_zero(&b, h->zero_threshold);
        all[n++] = b;
    }
    *count = n;
    return all;
}

static void format_number(double v, struct writer *out)
{
    char text[DOUBLE_TEXT_MAX];
    writer_put(out, text, double_format_g(v, text));
}

void histogram_format(const struct tsdb_histogram *h, struct arena *scratch, struct writer *out)
{
    writer_text(out, "{count:");
    format_number(h->count, out);
    writer_text(out, ", sum:");
    format_number(h->sum, out);
    uint32_t count = 0;
    const struct histogram_bucket *all = histogram_buckets(h, scratch, &count);
    for (uint32_t i = 0; all && i < count; i++) {
        if (all[i].count == 0)
            continue;
        bool is_open_below = all[i].is_positive;
        bool is_closed_above = all[i].is_positive || all[i].is_zero;
        writer_text(out, is_open_below ? ", (" : ", [");
        format_number(all[i].lower, out);
        writer_u8(out, ',');
        format_number(all[i].upper, out);
        writer_text(out, is_closed_above ? "]:" : "):");
        format_number(all[i].count, out);
    }
    writer_u8(out, '}');
}
