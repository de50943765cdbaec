#include "collector/decode/otlp_context.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"

#include <math.h>

enum { FIELD_START = 2, FIELD_TIME = 3 };
enum { FLAG_NO_RECORDED_VALUE = 1 };

const struct otlp_point_fields *otlp_point_fields(enum otlp_kind kind)
{
    static const struct otlp_point_fields number = {7, 5, 8}, histogram = {9, 8, 10},
                                          exponential = {1, 11, 10}, summary = {7, 0, 8};
    switch (kind) {
    case OTLP_KIND_GAUGE:
    case OTLP_KIND_SUM: return &number;
    case OTLP_KIND_HISTOGRAM: return &histogram;
    case OTLP_KIND_EXPONENTIAL: return &exponential;
    case OTLP_KIND_SUMMARY: return &summary;
    case OTLP_KIND_NONE: break;
    }
    UNREACHABLE();
}

/* Attributes usually lie in one run; each further run is folded in. */
static void run_end(const struct otlp_walk *walk, struct bytes *run, uint32_t *runs,
                    struct tsdb_hash *hash)
{
    if (run->len == 0)
        return;
    struct tsdb_hash h = hash128(walk->task->seed, run->at, run->len);
    *hash = (*runs)++ == 0 ? h : hash_combine(*hash, h);
    run->len = 0;
}

enum tsdb_status otlp_point_scan(const struct otlp_walk *walk, const struct otlp_metric *metric,
                                 struct bytes in, struct otlp_point *out)
{
    const struct otlp_point_fields *fields = otlp_point_fields(metric->kind);
    struct pull p = pull_over(in);
    struct pull_field f;
    struct bytes run = {in.at, 0};
    uint32_t runs = 0;
    uint64_t time = 0, start = 0;
    *out = (struct otlp_point){.raw = in};
    while (pull_next(&p, &f)) {
        if (f.number == fields->attributes) {
            (void)pull_bytes(&p, &f);
            if (run.len == 0)
                run.at = f.whole.at;
            run.len += f.whole.len;
            continue;
        }
        run_end(walk, &run, &runs, &out->attributes);
        if (f.number == FIELD_TIME)
            time = pull_f64(&p, &f);
        else if (f.number == FIELD_START)
            start = pull_f64(&p, &f);
        else if (f.number == fields->flags)
            out->is_stale = pull_u64(&p, &f) & FLAG_NO_RECORDED_VALUE;
        else if (f.number == fields->exemplars)
            out->exemplars++;
    }
    run_end(walk, &run, &runs, &out->attributes);
    out->ts = decode_ns(time);
    out->start_ts = decode_ns(start);
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

struct tsdb_hash otlp_point_key(const struct otlp_metric *metric, const struct otlp_point *point,
                                enum otlp_part part, uint64_t bits)
{
    struct tsdb_hash key = hash_combine(metric->hash, point->attributes);
    return hash_combine(key, (struct tsdb_hash){(uint64_t)part, bits});
}

static double stale_marker(void)
{
    uint64_t bits = DECODE_STALE_BITS;
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static bool is_total(const struct otlp_metric *metric, enum otlp_part part)
{
    switch (metric->kind) {
    case OTLP_KIND_SUM: return metric->is_monotonic && metric->temporality == OTLP_CUMULATIVE;
    case OTLP_KIND_HISTOGRAM:
    case OTLP_KIND_EXPONENTIAL: return metric->temporality == OTLP_CUMULATIVE;
    case OTLP_KIND_SUMMARY: return part != OTLP_QUANTILE;
    case OTLP_KIND_GAUGE:
    case OTLP_KIND_NONE: break;
    }
    return false;
}

uint32_t otlp_stage(struct otlp_walk *walk, const struct otlp_metric *metric,
                    const struct otlp_point *point, enum otlp_part part, uint64_t bits,
                    double value)
{
    struct stage_source source = {metric, point->raw, bits, part};
    uint32_t i = stage_point(&walk->stage, otlp_point_key(metric, point, part, bits), point->ts,
                             point->is_stale ? stale_marker() : value, &source);
    struct decode_note *note = &walk->stage.notes[i];
    note->is_delta = metric->temporality == OTLP_DELTA && !point->is_stale;
    note->is_total = is_total(metric, part) && !point->is_stale;
    note->start_ts = point->start_ts;
    struct otlp_resource *resource = metric->scope->resource;
    if (point->ts > resource->latest)
        resource->latest = point->ts;
    return i;
}

static enum tsdb_status exemplar_parse(struct bytes in, struct tsdb_exemplar *out)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    *out = (struct tsdb_exemplar){0};
    while (pull_next(&p, &f)) {
        if (f.number == 2)
            out->ts = decode_ns(pull_f64(&p, &f));
        else if (f.number == 3)
            out->value = pull_double(&p, &f);
        else if (f.number == 6)
            out->value = (double)(int64_t)pull_f64(&p, &f);
    }
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

enum tsdb_status otlp_exemplars(struct otlp_walk *walk, const struct otlp_metric *metric,
                                const struct otlp_point *point, otlp_place_fn *place,
                                const void *arg)
{
    if (point->exemplars == 0)
        return TSDB_OK;
    uint32_t number = otlp_point_fields(metric->kind)->exemplars;
    struct pull p = pull_over(point->raw);
    struct pull_field f;
    uint32_t taken = 0;
    while (pull_next(&p, &f)) {
        if (f.number != number)
            continue;
        struct bytes raw = pull_bytes(&p, &f);
        struct tsdb_exemplar e;
        enum tsdb_status st = exemplar_parse(raw, &e);
        if (st != TSDB_OK)
            return st;
        if (taken++ >= OTLP_EXEMPLARS_MAX) {
            walk->stage.tally->exemplars++;
            continue;
        }
        st = otlp_exemplar_labels(walk, raw, &walk->stage.scratch, &e.labels);
        if (st == TSDB_EINVAL) {
            walk->stage.tally->exemplars++; /* attributes nested too deep */
            continue;
        }
        if (st != TSDB_OK)
            return st;
        struct tsdb_exemplar *slot = stage_exemplar(&walk->stage, place(arg, e.value));
        if (slot)
            *slot = (struct tsdb_exemplar){slot->point, e.ts, e.value, e.labels};
    }
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

static uint32_t place_here(const void *arg, double value)
{
    (void)value;
    return *(const uint32_t *)arg;
}

/* Scans the point and counts it. */
static enum tsdb_status point_begin(struct otlp_walk *walk, const struct otlp_metric *metric,
                                    struct bytes in, struct otlp_point *point)
{
    enum tsdb_status st = otlp_point_scan(walk, metric, in, point);
    return st == TSDB_OK ? stage_item(&walk->stage, DECODE_SAMPLE) : st;
}

enum tsdb_status otlp_put_number(struct otlp_walk *walk, const struct otlp_metric *metric,
                                 struct bytes in)
{
    struct otlp_point point;
    enum tsdb_status st = stage_room(&walk->stage, 1);
    if (st == TSDB_OK)
        st = point_begin(walk, metric, in, &point);
    if (st != TSDB_OK)
        return st;
    double value = 0;
    struct pull p = pull_over(in);
    struct pull_field f;
    while (pull_next(&p, &f)) {
        if (f.number == 4)
            value = pull_double(&p, &f);
        else if (f.number == 6)
            value = (double)(int64_t)pull_f64(&p, &f);
    }
    if (!pull_done(&p))
        return TSDB_ECORRUPT;
    uint32_t i = otlp_stage(walk, metric, &point, OTLP_VALUE, 0, value);
    return otlp_exemplars(walk, metric, &point, place_here, &i);
}

/* ---- classic histograms ------------------------------------------------------------ */

struct classic {
    uint64_t count;
    double sum;
    bool has_sum;
    size_t bound_count, bucket_count;
    double *bounds;
    uint64_t *buckets;
    uint32_t first; /* staged index of the first bucket */
};

static uint64_t double_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

/* Counts how many bounds and buckets there are and takes the scalars. */
static enum tsdb_status classic_scan(struct bytes in, struct classic *c)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    *c = (struct classic){0};
    while (pull_next(&p, &f)) {
        if (f.number == 4) {
            c->count = pull_f64(&p, &f);
        } else if (f.number == 5) {
            c->sum = pull_double(&p, &f);
            c->has_sum = true;
        } else if (f.number == 6 || f.number == 7) {
            struct pull_run run = pull_run_of(&p, &f, PULL_FIXED64);
            *(f.number == 6 ? &c->bucket_count : &c->bound_count) += pull_run_count(&run);
        }
    }
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

static enum tsdb_status classic_fill(struct bytes in, struct classic *c, struct arena *arena)
{
    c->bounds = ARENA_ARRAY(arena, double, c->bound_count);
    c->buckets = ARENA_ARRAY(arena, uint64_t, c->bucket_count);
    if (!c->bounds || !c->buckets)
        return TSDB_ELIMIT;
    struct pull p = pull_over(in);
    struct pull_field f;
    size_t bounds = 0, buckets = 0;
    uint64_t raw;
    while (pull_next(&p, &f)) {
        if (f.number != 6 && f.number != 7)
            continue;
        struct pull_run run = pull_run_of(&p, &f, PULL_FIXED64);
        while (pull_run_next(&p, &run, &raw)) {
            if (f.number == 6)
                c->buckets[buckets++] = raw;
            else
                memcpy(&c->bounds[bounds++], &raw, sizeof raw);
        }
    }
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

/* Refuses what contradicts itself; true when it did. */
static bool classic_refused(struct stage *s, const struct classic *c)
{
    for (size_t i = 0; i < c->bound_count; i++) {
        if (isnan(c->bounds[i]) || (i > 0 && !(c->bounds[i] > c->bounds[i - 1]))) {
            stage_refuse(s, DECODE_BAD_POINT, "histogram: bounds do not ascend");
            return true;
        }
    }
    return false;
}

static bool classic_misshapen(struct stage *s, const struct classic *c)
{
    if (c->bound_count > OTLP_BUCKETS_MAX || c->bucket_count > OTLP_BUCKETS_MAX + 1) {
        stage_refuse(s, DECODE_BAD_POINT, "histogram: more than %d buckets", OTLP_BUCKETS_MAX);
        return true;
    }
    if (c->bucket_count != c->bound_count + 1 && (c->bucket_count > 0 || c->bound_count > 0)) {
        stage_refuse(s, DECODE_BAD_POINT, "histogram: %zu bucket counts, want %zu", c->bucket_count,
                     c->bound_count + 1);
        return true;
    }
    return false;
}

static uint32_t place_in_bucket(const void *arg, double value)
{
    const struct classic *c = arg;
    uint32_t i = 0;
    while (i < c->bound_count && !(value <= c->bounds[i]))
        i++;
    return c->first + i;
}

enum tsdb_status otlp_put_histogram(struct otlp_walk *walk, const struct otlp_metric *metric,
                                    struct bytes in)
{
    struct otlp_point point;
    struct classic c;
    enum tsdb_status st = classic_scan(in, &c);
    bool is_large = c.bound_count > OTLP_BUCKETS_MAX;
    if (st == TSDB_OK)
        st = stage_room(&walk->stage, is_large ? 1 : (uint32_t)c.bound_count + 3);
    if (st == TSDB_OK)
        st = point_begin(walk, metric, in, &point);
    if (st != TSDB_OK || classic_misshapen(&walk->stage, &c))
        return st;
    st = classic_fill(in, &c, &walk->stage.scratch);
    if (st != TSDB_OK || classic_refused(&walk->stage, &c))
        return st;

    uint64_t running = 0;
    c.first = walk->stage.point_count;
    for (size_t i = 0; i < c.bound_count; i++) {
        running += c.buckets[i]; /* wraps */
        (void)otlp_stage(walk, metric, &point, OTLP_BUCKET, double_bits(c.bounds[i]),
                         (double)running);
    }
    (void)otlp_stage(walk, metric, &point, OTLP_BUCKET, double_bits((double)INFINITY),
                     (double)c.count);
    if (c.has_sum)
        (void)otlp_stage(walk, metric, &point, OTLP_SUM, 0, c.sum);
    (void)otlp_stage(walk, metric, &point, OTLP_COUNT, 0, (double)c.count);
    return otlp_exemplars(walk, metric, &point, place_in_bucket, &c);
}

/* ---- summaries ----------------------------------------------------------------------- */

static enum tsdb_status quantile_parse(struct bytes in, double *quantile, double *value)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    *quantile = *value = 0;
    while (pull_next(&p, &f)) {
        if (f.number == 1)
            *quantile = pull_double(&p, &f);
        else if (f.number == 2)
            *value = pull_double(&p, &f);
    }
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

struct summary {
    uint64_t count;
    double sum;
    size_t quantile_count;
};

static enum tsdb_status summary_scan(struct bytes in, struct summary *out)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    *out = (struct summary){0};
    while (pull_next(&p, &f)) {
        if (f.number == 4)
            out->count = pull_f64(&p, &f);
        else if (f.number == 5)
            out->sum = pull_double(&p, &f);
        else if (f.number == 6)
            out->quantile_count += pull_is(&p, &f, PULL_SIZED);
    }
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

enum tsdb_status otlp_put_summary(struct otlp_walk *walk, const struct otlp_metric *metric,
                                  struct bytes in)
{
    struct otlp_point point;
    struct summary summary;
    enum tsdb_status st = summary_scan(in, &summary);
    bool is_large = summary.quantile_count > OTLP_BUCKETS_MAX;
    if (st == TSDB_OK)
        st = stage_room(&walk->stage, is_large ? 1 : (uint32_t)summary.quantile_count + 2);
    if (st == TSDB_OK)
        st = point_begin(walk, metric, in, &point);
    if (st != TSDB_OK)
        return st;
    if (is_large) {
        stage_refuse(&walk->stage, DECODE_BAD_POINT, "summary: more than %d quantiles",
                     OTLP_BUCKETS_MAX);
        return TSDB_OK;
    }
    struct pull p = pull_over(in);
    struct pull_field f;
    while (st == TSDB_OK && pull_next(&p, &f)) {
        double quantile, value;
        if (f.number != 6)
            continue;
        st = quantile_parse(pull_bytes(&p, &f), &quantile, &value);
        if (st == TSDB_OK)
            (void)otlp_stage(walk, metric, &point, OTLP_QUANTILE, double_bits(quantile), value);
    }
    if (st != TSDB_OK)
        return st;
    (void)otlp_stage(walk, metric, &point, OTLP_SUM, 0, summary.sum);
    (void)otlp_stage(walk, metric, &point, OTLP_COUNT, 0, (double)summary.count);
    return TSDB_OK;
}
