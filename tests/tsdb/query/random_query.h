/* random_query.h - random expressions over the series of random_store(), and those.
 *
 * The store has counters that are reset, gauges with gaps, NaN, Inf and stale
 * markers, histograms classic and native of several schemas, and labels that
 * match each other in part.  The same seed gives the same store and texts.
 */
#ifndef TESTS_TSDB_QUERY_RANDOM_QUERY_H
#define TESTS_TSDB_QUERY_RANDOM_QUERY_H

#include "fake_store.h"

#include "tsdb/base/random.h"

#include <math.h>

enum { RANDOM_STEPS = 60 };

static inline double random_value(struct random *r, double before, uint64_t kind)
{
    uint64_t dice = random_below(r, 100);
    if (kind == 0) /* a counter */
        return dice < 4 ? (double)random_below(r, 5) : before + (double)random_below(r, 10);
    if (kind == 1)
        return floor((random_unit(r) - 0.5) * 100);
    if (dice < 3)
        return dice == 0 ? HUGE_VAL : dice == 1 ? -HUGE_VAL : (double)NAN;
    return dice < 30 ? before : (random_unit(r) - 0.3) * pow(10, (double)random_below(r, 12));
}

static inline const struct tsdb_histogram *random_histogram(struct arena *arena, struct random *r,
                                                            bool is_custom)
{
    struct tsdb_histogram *h = ARENA_ARRAY(arena, struct tsdb_histogram, 1);
    struct tsdb_bucket_span *spans = ARENA_ARRAY(arena, struct tsdb_bucket_span, 4);
    double *counts = ARENA_ARRAY(arena, double, 16), *bounds = ARENA_ARRAY(arena, double, 6);
    h->schema = is_custom ? TSDB_SCHEMA_CUSTOM : (int32_t)random_below(r, 4) - 1;
    h->hint = (uint8_t)random_below(r, 4);
    spans[0] = (struct tsdb_bucket_span){is_custom ? 0 : (int32_t)random_below(r, 5) - 2, 2};
    spans[1] = (struct tsdb_bucket_span){(int32_t)random_below(r, 2), 2};
    spans[2] = (struct tsdb_bucket_span){(int32_t)random_below(r, 5) - 2, 3};
    for (uint32_t i = 0; i < 7; i++)
        counts[i] = (double)random_below(r, 6);
    h->positive_spans = spans;
    h->positive_span_count = 2;
    h->positive = counts;
    h->positive_count = 4;
    if (is_custom) {
        double bound = -1;
        for (uint32_t i = 0; i < 5; i++)
            bounds[i] = bound += 1 + (double)random_below(r, 2);
        h->custom = bounds;
        h->custom_count = 5;
    } else {
        h->negative_spans = spans + 2;
        h->negative_span_count = 1;
        h->negative = counts + 4;
        h->negative_count = 3;
        h->zero_count = (double)random_below(r, 4);
        /* No wider than where the first bucket of either side begins. */
        int32_t first = spans[0].offset < spans[2].offset ? spans[0].offset : spans[2].offset;
        h->zero_threshold =
            pow(2, (first - 1) * pow(2, -h->schema)) * (double)random_below(r, 3) / 2;
    }
    h->count = h->zero_count;
    for (uint32_t i = 0; i < h->positive_count + h->negative_count; i++)
        h->count += counts[i];
    h->sum = random_below(r, 20) == 0 ? (double)NAN : (random_unit(r) - 0.3) * 50;
    return h;
}

static inline void random_series(struct metrics *m, struct random *r, const char *text,
                                 uint64_t kind)
{
    struct tsdb_text name = text_keep(&m->arena, (struct tsdb_text){text, strlen(text)});
    struct fake_series *s = fake_series(m, fake_labels(&m->arena, name));
    double v = (double)random_below(r, 50);
    for (uint32_t i = 0; i < RANDOM_STEPS; i++) {
        uint64_t dice = random_below(r, 20);
        struct fake_sample sample = {.ts = (int64_t)i * 15 * NS_PER_S +
                                           (int64_t)random_below(r, 3) * NS_PER_S};
        if (dice == 0)
            continue;
        v = random_value(r, v, kind);
        sample.value = v;
        if (kind >= 3 && dice > 3)
            sample.histogram = random_histogram(&m->arena, r, kind == 4);
        if (dice == 1) {
            uint64_t stale = STALE_BITS;
            memcpy(&sample.value, &stale, sizeof stale);
        }
        fake_append(m, s, sample);
    }
}

static inline struct metrics *random_store(struct random *r)
{
    static const struct {
        const char *text;
        uint64_t kind;
    } series[] = {
        {"c_total{job=\"a\",instance=\"1\"}", 0},
        {"c_total{job=\"a\",instance=\"2\"}", 0},
        {"c_total{job=\"b\",instance=\"1\"}", 0},
        {"g{job=\"a\",instance=\"1\",x=\"p\"}", 1},
        {"g{job=\"a\",instance=\"2\",x=\"q\"}", 1},
        {"g{job=\"b\",instance=\"1\"}", 2},
        {"w{job=\"a\"}", 2},
        {"w{job=\"b\",x=\"p\"}", 2},
        {"b_bucket{job=\"a\",le=\"1\"}", 0},
        {"b_bucket{job=\"a\",le=\"2\"}", 0},
        {"b_bucket{job=\"a\",le=\"+Inf\"}", 0},
        {"h{job=\"a\"}", 3},
        {"h{job=\"b\"}", 3},
        {"n{job=\"a\"}", 4},
        {"n{job=\"b\"}", 4},
    };
    struct metrics *m = fake_new();
    for (size_t i = 0; i < sizeof series / sizeof series[0]; i++)
        random_series(m, r, series[i].text, series[i].kind);
    return m;
}

/* ---- texts ------------------------------------------------------------------------ */

#define RANDOM_ONE_OF(r, ...)                                                                      \
    ((const char *const[]){__VA_ARGS__})[random_below(                                             \
        (r), sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))]

static inline void random_vector(struct random *r, struct writer *out, int depth);

static inline void random_selector(struct random *r, struct writer *out)
{
    writer_text(out, RANDOM_ONE_OF(r, "c_total", "g", "w", "b_bucket", "h", "n", "{job=\"a\"}",
                                   "g{job!=\"b\"}", "{job=~\".+\"}", "c_total{instance=~\"1|3\"}",
                                   "none"));
}

static inline void random_when(struct random *r, struct writer *out)
{
    writer_text(out, RANDOM_ONE_OF(r, "", "", "", "", " offset 1m", " offset -30s", " @ 300",
                                   " @ 450 offset 1m"));
}

static inline void random_scalar(struct random *r, struct writer *out, int depth)
{
    switch (random_below(r, depth > 0 ? 7 : 3)) {
    case 0: writer_text(out, "time()"); break;
    case 1:
    case 2: writer_text(out, RANDOM_ONE_OF(r, "2", "0.5", "-1", "0", "NaN", "Inf", "3")); break;
    case 3:
        writer_text(out, "scalar(");
        random_vector(r, out, depth - 1);
        writer_text(out, ")");
        break;
    default:
        writer_text(out, "(");
        random_scalar(r, out, depth - 1);
        writer_text(out, RANDOM_ONE_OF(r, " + ", " * ", " / ", " % ", " ^ ", " >= bool "));
        random_scalar(r, out, depth - 1);
        writer_text(out, ")");
    }
}

static inline void random_range(struct random *r, struct writer *out, int depth)
{
    if (depth > 0 && random_below(r, 4) == 0) {
        writer_text(out, "(");
        random_vector(r, out, depth - 1);
        writer_text(out, RANDOM_ONE_OF(r, ")[5m:1m]", ")[3m:30s]", ")[2m:45s]"));
        random_when(r, out);
        return;
    }
    random_selector(r, out);
    writer_text(out, RANDOM_ONE_OF(r, "[1m]", "[2m]", "[5m]", "[20s]", "[1h]"));
    random_when(r, out);
}

static inline void random_call(struct random *r, struct writer *out, int depth)
{
    switch (random_below(r, 7)) {
    case 0:
        writer_text(out, RANDOM_ONE_OF(r, "quantile_over_time(0.3, ", "quantile_over_time(1.5, "));
        random_range(r, out, depth);
        break;
    case 1:
        writer_text(out, "predict_linear(");
        random_range(r, out, depth);
        writer_text(out, ", ");
        random_scalar(r, out, depth - 1);
        break;
    case 2:
        writer_text(out, RANDOM_ONE_OF(r, "clamp_min(", "round(", "clamp_max("));
        random_vector(r, out, depth - 1);
        writer_text(out, ", ");
        random_scalar(r, out, depth - 1);
        break;
    case 3:
        writer_text(out, RANDOM_ONE_OF(r, "histogram_quantile(0.9, ", "histogram_fraction(0, 2, ",
                                       "histogram_quantile(-1, "));
        random_vector(r, out, depth - 1);
        break;
    case 4:
        writer_text(out, RANDOM_ONE_OF(r, "abs(", "sgn(", "hour(", "ln(", "timestamp(", "sort(",
                                       "absent(", "histogram_count(", "histogram_sum(",
                                       "histogram_avg(", "histogram_stddev("));
        random_vector(r, out, depth - 1);
        break;
    case 5:
        writer_text(out, "label_replace(");
        random_vector(r, out, depth - 1);
        writer_text(out, RANDOM_ONE_OF(r, ", \"y\", \"$1!\", \"job\", \"(.)\"",
                                       ", \"job\", \"k\", \"x\", \"p?\"",
                                       ", \"__name__\", \"z\", \"job\", \"a\""));
        break;
    default:
        writer_text(out,
                    RANDOM_ONE_OF(r, "rate(", "increase(", "delta(", "irate(", "idelta(", "deriv(",
                                  "changes(", "resets(", "sum_over_time(", "avg_over_time(",
                                  "min_over_time(", "max_over_time(", "count_over_time(",
                                  "stddev_over_time(", "stdvar_over_time(", "last_over_time(",
                                  "first_over_time(", "present_over_time(", "absent_over_time(",
                                  "mad_over_time(", "ts_of_max_over_time(", "ts_of_min_over_time(",
                                  "ts_of_last_over_time(", "ts_of_first_over_time("));
        random_range(r, out, depth);
    }
    writer_text(out, ")");
}

static inline void random_aggregate(struct random *r, struct writer *out, int depth)
{
    switch (random_below(r, 3)) {
    case 0:
        writer_text(out, RANDOM_ONE_OF(r, "topk", "bottomk", "limitk", "limit_ratio", "quantile"));
        writer_text(out, RANDOM_ONE_OF(r, "", " by (job)", " without (instance)"));
        writer_text(out, "(");
        random_scalar(r, out, depth - 1);
        writer_text(out, ", ");
        break;
    case 1: writer_text(out, "count_values by (job) (\"v\", "); break;
    default:
        writer_text(out, RANDOM_ONE_OF(r, "sum", "avg", "min", "max", "count", "group", "stddev",
                                       "stdvar"));
        writer_text(
            out, RANDOM_ONE_OF(r, "", " by (job)", " without (instance, x)", " by (__name__, x)"));
        writer_text(out, " (");
    }
    random_vector(r, out, depth - 1);
    writer_text(out, ")");
}

static inline void random_binary(struct random *r, struct writer *out, int depth)
{
    bool is_set = random_below(r, 4) == 0;
    writer_text(out, "(");
    random_vector(r, out, depth - 1);
    if (is_set) {
        writer_text(out, RANDOM_ONE_OF(r, " and ", " or ", " unless ", " and on (job) ",
                                       " or ignoring (x) ", " unless on (job) "));
        random_vector(r, out, depth - 1);
    } else if (random_below(r, 3) == 0) {
        writer_text(out, RANDOM_ONE_OF(r, " + ", " / ", " == ", " > bool ", " * ", " < "));
        random_scalar(r, out, depth - 1);
    } else {
        writer_text(out, RANDOM_ONE_OF(r, " + ", " - ", " / ", " == ", " != bool ", " * ", " > ",
                                       " ^ ", " atan2 "));
        writer_text(out, RANDOM_ONE_OF(r, "", "", "on (job) ", "ignoring (x, instance) ",
                                       "on (job) group_left () ", "on (job) group_right (x) ",
                                       "on (job, instance) group_left (x) "));
        random_vector(r, out, depth - 1);
    }
    writer_text(out, ")");
}

static inline void random_vector(struct random *r, struct writer *out, int depth)
{
    uint64_t dice = random_below(r, depth > 0 ? 10 : 2);
    if (dice == 9) {
        writer_text(out, "-(");
        random_vector(r, out, depth - 1);
        writer_text(out, ")");
    } else if (dice >= 7) {
        random_binary(r, out, depth);
    } else if (dice >= 5) {
        random_aggregate(r, out, depth);
    } else if (dice >= 2) {
        random_call(r, out, depth);
    } else {
        random_selector(r, out);
        random_when(r, out);
    }
}

#endif
