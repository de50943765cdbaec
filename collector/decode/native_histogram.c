#include "collector/decode/native_histogram.h"

#include <math.h>

enum histogram_field {
    COUNT_INT = 1,
    COUNT_FLOAT = 2,
    SUM = 3,
    SCHEMA = 4,
    ZERO_THRESHOLD = 5,
    ZERO_COUNT_INT = 6,
    ZERO_COUNT_FLOAT = 7,
    NEGATIVE_SPANS = 8,
    NEGATIVE_DELTAS = 9,
    NEGATIVE_COUNTS = 10,
    POSITIVE_SPANS = 11,
    POSITIVE_DELTAS = 12,
    POSITIVE_COUNTS = 13,
    RESET_HINT = 14,
    TIMESTAMP = 15,
    CUSTOM_VALUES = 16,
    START_TIMESTAMP = 17,
};

#define EXACT_MAX 0x1p53

/* One sign's buckets while they are gathered. */
struct side {
    uint32_t span_count, span_have;
    size_t delta_count, count_count;
    size_t have;
    struct tsdb_bucket_span *spans;
    double *buckets;
    int64_t running; /* absolute count of the last delta bucket */
};

struct gather {
    struct side positive, negative;
    size_t custom_count, custom_have;
    double *custom;
    uint64_t count_int, zero_int;
    double count_float, zero_float;
    bool is_zero_float;
    const char *why;
};

/* The first walk: how many of everything, and every scalar. */
static void take_scalar(struct pull *p, const struct pull_field *f, struct gather *g,
                        struct native_histogram *out)
{
    switch (f->number) {
    case COUNT_INT:
        g->count_int = pull_u64(p, f);
        out->h.is_float = false;
        break;
    case COUNT_FLOAT:
        g->count_float = pull_double(p, f);
        out->h.is_float = true;
        break;
    case SUM: out->h.sum = pull_double(p, f); break;
    case SCHEMA: out->h.schema = pull_s32(p, f); break;
    case ZERO_THRESHOLD: out->h.zero_threshold = pull_double(p, f); break;
    case ZERO_COUNT_INT:
        g->zero_int = pull_u64(p, f);
        g->is_zero_float = false;
        break;
    case ZERO_COUNT_FLOAT:
        g->zero_float = pull_double(p, f);
        g->is_zero_float = true;
        break;
    case RESET_HINT: {
        uint32_t hint = pull_u32(p, f);
        out->h.hint = hint <= TSDB_RESET_GAUGE ? (uint8_t)hint : TSDB_RESET_UNKNOWN;
        break;
    }
    case TIMESTAMP: out->ts_ms = pull_i64(p, f); break;
    case START_TIMESTAMP: out->start_ts_ms = pull_i64(p, f); break;
    default: break;
    }
}

static void count_repeated(struct pull *p, const struct pull_field *f, struct gather *g)
{
    struct pull_run run;
    switch (f->number) {
    case NEGATIVE_SPANS:
    case POSITIVE_SPANS:
        (void)pull_bytes(p, f);
        (f->number == NEGATIVE_SPANS ? &g->negative : &g->positive)->span_count++;
        break;
    case NEGATIVE_DELTAS:
    case POSITIVE_DELTAS:
        run = pull_run_of(p, f, PULL_VARINT);
        (f->number == NEGATIVE_DELTAS ? &g->negative : &g->positive)->delta_count +=
            pull_run_count(&run);
        break;
    case NEGATIVE_COUNTS:
    case POSITIVE_COUNTS:
        run = pull_run_of(p, f, PULL_FIXED64);
        (f->number == NEGATIVE_COUNTS ? &g->negative : &g->positive)->count_count +=
            pull_run_count(&run);
        break;
    case CUSTOM_VALUES:
        run = pull_run_of(p, f, PULL_FIXED64);
        g->custom_count += pull_run_count(&run);
        break;
    default: break;
    }
}

static void take_span(struct pull *p, const struct pull_field *f, struct side *side)
{
    struct tsdb_bucket_span span = {0};
    struct pull inner = pull_over(pull_bytes(p, f));
    struct pull_field g;
    while (pull_next(&inner, &g)) {
        if (g.number == 1)
            span.offset = pull_s32(&inner, &g);
        else if (g.number == 2)
            span.length = pull_u32(&inner, &g);
    }
    if (!pull_done(&inner))
        pull_fail(p);
    else
        side->spans[side->span_have++] = span;
}

static void take_deltas(struct pull *p, const struct pull_field *f, struct side *side,
                        struct gather *g)
{
    struct pull_run run = pull_run_of(p, f, PULL_VARINT);
    uint64_t raw;
    while (pull_run_next(p, &run, &raw)) {
        int64_t count;
        bool is_past = __builtin_add_overflow(side->running, unzigzag(raw), &count);
        if (is_past || count < 0 || (double)count > EXACT_MAX) {
            g->why = !is_past && count < 0 ? "negative bucket count" : "bucket count above 2^53";
            count = 0;
        }
        side->running = count;
        side->buckets[side->have++] = (double)side->running;
    }
}

static void take_doubles(struct pull *p, const struct pull_field *f, double *out, size_t *have)
{
    struct pull_run run = pull_run_of(p, f, PULL_FIXED64);
    uint64_t raw;
    while (pull_run_next(p, &run, &raw))
        memcpy(&out[(*have)++], &raw, sizeof raw);
}

/* The second walk: fills the arrays.  Only the kind of bucket that the histogram
 * is (deltas or counts) is taken, as Prometheus does. */
static void take_repeated(struct pull *p, const struct pull_field *f, struct gather *g,
                          bool is_float)
{
    switch (f->number) {
    case NEGATIVE_SPANS: take_span(p, f, &g->negative); break;
    case POSITIVE_SPANS: take_span(p, f, &g->positive); break;
    case NEGATIVE_DELTAS:
        if (!is_float)
            take_deltas(p, f, &g->negative, g);
        break;
    case POSITIVE_DELTAS:
        if (!is_float)
            take_deltas(p, f, &g->positive, g);
        break;
    case NEGATIVE_COUNTS:
        if (is_float)
            take_doubles(p, f, g->negative.buckets, &g->negative.have);
        break;
    case POSITIVE_COUNTS:
        if (is_float)
            take_doubles(p, f, g->positive.buckets, &g->positive.have);
        break;
    case CUSTOM_VALUES: take_doubles(p, f, g->custom, &g->custom_have); break;
    default: break;
    }
}

static bool side_fits(const struct side *side)
{
    return side->span_count <= NATIVE_BUCKETS_MAX && side->delta_count <= NATIVE_BUCKETS_MAX &&
           side->count_count <= NATIVE_BUCKETS_MAX;
}

static bool side_reserve(struct side *side, struct arena *arena, bool is_float)
{
    side->spans = ARENA_ARRAY(arena, struct tsdb_bucket_span, side->span_count);
    side->buckets = ARENA_ARRAY(arena, double, is_float ? side->count_count : side->delta_count);
    return side->spans && side->buckets;
}

/* Counts as the engine has them; the first thing that is wrong, or NULL. */
static const char *settle(struct gather *g, struct tsdb_histogram *h)
{
    if (!h->is_float && (g->count_int > (uint64_t)EXACT_MAX || g->zero_int > (uint64_t)EXACT_MAX))
        return "count above 2^53";
    h->count = h->is_float ? g->count_float : (double)g->count_int;
    if (h->is_float)
        h->zero_count = g->is_zero_float ? g->zero_float : 0;
    else
        h->zero_count = g->is_zero_float ? 0 : (double)g->zero_int;
    h->positive_spans = g->positive.spans;
    h->positive_span_count = g->positive.span_have;
    h->positive = g->positive.buckets;
    h->positive_count = (uint32_t)g->positive.have;
    h->negative_spans = g->negative.spans;
    h->negative_span_count = g->negative.span_have;
    h->negative = g->negative.buckets;
    h->negative_count = (uint32_t)g->negative.have;
    h->custom = g->custom;
    h->custom_count = (uint32_t)g->custom_have;
    return g->why ? g->why : native_histogram_check(h);
}

enum tsdb_status native_histogram_decode(struct bytes in, struct arena *arena,
                                         struct native_histogram *out, const char **why)
{
    struct gather g = {0};
    struct pull_field f;
    *out = (struct native_histogram){0};
    struct pull p = pull_over(in);
    while (pull_next(&p, &f)) {
        take_scalar(&p, &f, &g, out);
        count_repeated(&p, &f, &g);
    }
    if (!pull_done(&p))
        return TSDB_ECORRUPT;
    if (!side_fits(&g.positive) || !side_fits(&g.negative) || g.custom_count > NATIVE_BUCKETS_MAX) {
        *why = "too many buckets";
        return TSDB_EINVAL;
    }
    g.custom = ARENA_ARRAY(arena, double, g.custom_count);
    if (!g.custom || !side_reserve(&g.positive, arena, out->h.is_float) ||
        !side_reserve(&g.negative, arena, out->h.is_float))
        return TSDB_ELIMIT;

    p = pull_over(in);
    while (pull_next(&p, &f))
        take_repeated(&p, &f, &g, out->h.is_float);
    if (!pull_done(&p))
        return TSDB_ECORRUPT;
    *why = settle(&g, &out->h);
    return *why ? TSDB_EINVAL : TSDB_OK;
}

/* ---- validity ------------------------------------------------------------------ */

static const char *spans_check(const struct tsdb_bucket_span *spans, uint32_t count,
                               uint32_t buckets, bool is_custom)
{
    uint64_t total = 0;
    int64_t index = 0;
    for (uint32_t i = 0; i < count; i++) {
        if ((i > 0 || is_custom) && spans[i].offset < 0)
            return "negative span offset";
        index += (int64_t)spans[i].offset + spans[i].length;
        if (index < INT32_MIN || index > INT32_MAX)
            return "bucket index past 32 bits";
        total += spans[i].length;
        if (total > buckets)
            break;
    }
    return total == buckets ? NULL : "spans and buckets differ in number";
}

static const char *custom_check(const struct tsdb_histogram *h)
{
    if (h->negative_span_count > 0 || h->negative_count > 0)
        return "custom buckets with negative ones";
    if (h->zero_count != 0 || h->zero_threshold != 0)
        return "custom buckets with a zero bucket";
    for (uint32_t i = 0; i < h->custom_count; i++) {
        if (!isfinite(h->custom[i]))
            return "custom bound is not finite";
        if (i > 0 && !(h->custom[i] > h->custom[i - 1]))
            return "custom bounds do not ascend";
    }
    uint64_t end = 0;
    for (uint32_t i = 0; i < h->positive_span_count; i++)
        end += (uint64_t)h->positive_spans[i].offset + h->positive_spans[i].length;
    return end <= (uint64_t)h->custom_count + 1 ? NULL : "more custom buckets than bounds";
}

/* Adds the buckets to *total; NULL, or what is wrong with one. */
static const char *buckets_check(const double *at, uint32_t count, double *total)
{
    for (uint32_t i = 0; i < count; i++) {
        if (at[i] < 0)
            return "negative bucket count";
        *total += at[i];
    }
    return NULL;
}

const char *native_histogram_check(const struct tsdb_histogram *h)
{
    bool is_custom = h->schema == TSDB_SCHEMA_CUSTOM;
    if (!is_custom && (h->schema < -4 || h->schema > 8))
        return "schema is neither -4..8 nor -53";
    const char *why =
        spans_check(h->positive_spans, h->positive_span_count, h->positive_count, is_custom);
    if (!why)
        why = spans_check(h->negative_spans, h->negative_span_count, h->negative_count, is_custom);
    if (!why && is_custom)
        why = custom_check(h);
    if (!why && !is_custom && h->custom_count > 0)
        why = "custom bounds without schema -53";
    if (why)
        return why;
    if (h->count < 0 || h->zero_count < 0)
        return "negative count";
    if (!(h->zero_threshold >= 0))
        return "negative zero threshold";
    double total = h->zero_count;
    why = buckets_check(h->positive, h->positive_count, &total);
    if (!why)
        why = buckets_check(h->negative, h->negative_count, &total);
    if (why || h->is_float)
        return why;
    if (isnan(h->sum) ? h->count < total : h->count != total)
        return "count is not the sum of the buckets";
    return NULL;
}
