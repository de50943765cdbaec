#include "collector/decode/native_histogram.h"
#include "collector/decode/otlp_context.h"

enum { SCALE_MAX = 8, SCALE_MIN = -4 };              /* of Prometheus' native histograms */
static const double zero_threshold_default = 1e-128; /* where OTLP says 0: as Prometheus has it */

/* One sign's buckets: raw counts, then native ones. */
struct side {
    int32_t offset;
    size_t count, have;
    double *counts;
};

struct exponential {
    uint64_t count, zero_count;
    double sum, zero_threshold;
    int32_t scale;
    struct side positive, negative;
};

static enum tsdb_status side_count(struct bytes in, struct side *side)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    while (pull_next(&p, &f)) {
        if (f.number == 1) {
            side->offset = pull_s32(&p, &f);
        } else if (f.number == 2) {
            struct pull_run run = pull_run_of(&p, &f, PULL_VARINT);
            side->count += pull_run_count(&run);
        }
    }
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

static enum tsdb_status side_fill(struct bytes in, struct side *side)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    uint64_t raw;
    while (pull_next(&p, &f)) {
        if (f.number != 2)
            continue;
        struct pull_run run = pull_run_of(&p, &f, PULL_VARINT);
        while (side->have < side->count && pull_run_next(&p, &run, &raw))
            side->counts[side->have++] = (double)raw;
    }
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

static enum tsdb_status exponential_scan(struct bytes in, struct exponential *e)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    enum tsdb_status st = TSDB_OK;
    *e = (struct exponential){0};
    while (st == TSDB_OK && pull_next(&p, &f)) {
        switch (f.number) {
        case 4: e->count = pull_f64(&p, &f); break;
        case 5: e->sum = pull_double(&p, &f); break;
        case 6: e->scale = pull_s32(&p, &f); break;
        case 7: e->zero_count = pull_f64(&p, &f); break;
        case 8: st = side_count(pull_bytes(&p, &f), &e->positive); break;
        case 9: st = side_count(pull_bytes(&p, &f), &e->negative); break;
        case 14: e->zero_threshold = pull_double(&p, &f); break;
        default: break;
        }
    }
    return st == TSDB_OK && !pull_done(&p) ? TSDB_ECORRUPT : st;
}

static enum tsdb_status exponential_fill(struct bytes in, struct exponential *e,
                                         struct arena *arena)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    enum tsdb_status st = TSDB_OK;
    e->positive.counts = ARENA_ARRAY(arena, double, e->positive.count);
    e->negative.counts = ARENA_ARRAY(arena, double, e->negative.count);
    if (!e->positive.counts || !e->negative.counts)
        return TSDB_ELIMIT;
    while (st == TSDB_OK && pull_next(&p, &f)) {
        if (f.number == 8)
            st = side_fill(pull_bytes(&p, &f), &e->positive);
        else if (f.number == 9)
            st = side_fill(pull_bytes(&p, &f), &e->negative);
    }
    return st;
}

/* OTLP's (base^i, base^(i+1)] is Prometheus' bucket i + 1; halving the resolution
 * `down` times merges 2^down neighbours.  Fills spans and compacts the counts in
 * place; false when an index leaves 32 bits. */
static bool side_convert(struct side *side, unsigned down, struct tsdb_bucket_span *spans,
                         uint32_t *span_count, uint32_t *bucket_count)
{
    int64_t next = 0; /* index that would continue the last span */
    uint32_t buckets = 0, count = 0;
    for (size_t i = 0; i < side->have; i++) {
        if (side->counts[i] == 0)
            continue;
        int64_t index = (((int64_t)side->offset + (int64_t)i) >> down) + 1;
        if (index > INT32_MAX || index < INT32_MIN)
            return false;
        if (count > 0 && index == next - 1) {
            side->counts[buckets - 1] += side->counts[i];
            continue;
        }
        if (count == 0 || index != next) {
            spans[count++] = (struct tsdb_bucket_span){(int32_t)(index - next), 1};
        } else {
            spans[count - 1].length++;
        }
        side->counts[buckets++] = side->counts[i];
        next = index + 1;
    }
    *span_count = count;
    *bucket_count = buckets;
    return true;
}

static const char *exponential_convert(struct exponential *e, struct tsdb_histogram *h,
                                       struct tsdb_bucket_span *positive,
                                       struct tsdb_bucket_span *negative)
{
    if (e->scale < SCALE_MIN)
        return "scale below -4";
    if (e->count > (uint64_t)1 << 53 || e->zero_count > (uint64_t)1 << 53)
        return "count above 2^53";
    unsigned down = e->scale > SCALE_MAX ? (unsigned)(e->scale - SCALE_MAX) : 0;
    if (down > 62)
        down = 62;
    *h = (struct tsdb_histogram){
        .schema = e->scale > SCALE_MAX ? SCALE_MAX : e->scale,
        .zero_threshold = e->zero_threshold != 0 ? e->zero_threshold : zero_threshold_default,
        .zero_count = (double)e->zero_count,
        .count = (double)e->count,
        .sum = e->sum,
        .positive_spans = positive,
        .negative_spans = negative,
        .positive = e->positive.counts,
        .negative = e->negative.counts,
    };
    if (!side_convert(&e->positive, down, positive, &h->positive_span_count, &h->positive_count) ||
        !side_convert(&e->negative, down, negative, &h->negative_span_count, &h->negative_count))
        return "bucket index past 32 bits";
    return native_histogram_check(h);
}

static uint32_t place_here(const void *arg, double value)
{
    (void)value;
    return *(const uint32_t *)arg;
}

/* Stages the histogram of a point that was counted. */
static enum tsdb_status exponential_stage(struct otlp_walk *walk, const struct otlp_metric *metric,
                                          const struct otlp_point *point, struct exponential *e)
{
    struct arena *arena = &walk->stage.scratch;
    enum tsdb_status st = exponential_fill(point->raw, e, arena);
    if (st != TSDB_OK)
        return st;
    struct tsdb_histogram *h = ARENA_ARRAY(arena, struct tsdb_histogram, 1);
    struct tsdb_bucket_span *positive =
        ARENA_ARRAY(arena, struct tsdb_bucket_span, e->positive.count);
    struct tsdb_bucket_span *negative =
        ARENA_ARRAY(arena, struct tsdb_bucket_span, e->negative.count);
    if (!h || !positive || !negative)
        return TSDB_ELIMIT;
    const char *why = exponential_convert(e, h, positive, negative);
    if (why) {
        stage_refuse(&walk->stage, DECODE_BAD_HISTOGRAM, "exponential histogram: %s", why);
        return TSDB_OK;
    }
    uint32_t i = otlp_stage(walk, metric, point, OTLP_VALUE, 0, h->sum);
    if (point->is_stale) {
        *h = (struct tsdb_histogram){.schema = h->schema, .zero_threshold = h->zero_threshold};
        h->sum = walk->stage.points[i].value;
    }
    walk->stage.points[i].histogram = h;
    walk->stage.notes[i].kind = DECODE_HISTOGRAM;
    return otlp_exemplars(walk, metric, point, place_here, &i);
}

enum tsdb_status otlp_put_exponential(struct otlp_walk *walk, const struct otlp_metric *metric,
                                      struct bytes in)
{
    struct otlp_point point;
    struct exponential e;
    enum tsdb_status st = exponential_scan(in, &e);
    if (st == TSDB_OK)
        st = stage_room(&walk->stage, 1);
    if (st == TSDB_OK)
        st = otlp_point_scan(walk, metric, in, &point);
    if (st == TSDB_OK)
        st = stage_item(&walk->stage, DECODE_HISTOGRAM);
    if (st != TSDB_OK)
        return st;
    if (e.positive.count > NATIVE_BUCKETS_MAX || e.negative.count > NATIVE_BUCKETS_MAX) {
        stage_refuse(&walk->stage, DECODE_BAD_HISTOGRAM,
                     "exponential histogram: more than %d buckets", NATIVE_BUCKETS_MAX);
        return TSDB_OK;
    }
    return exponential_stage(walk, metric, &point, &e);
}
