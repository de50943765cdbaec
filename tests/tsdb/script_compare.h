/* script_compare.h - whether an answer is what a script expects.
 *
 * Floats may differ by a millionth of their sum, the stale marker equals only
 * itself, other NaNs each other.  Histograms are compared without their empty
 * buckets; the reset hint only where the script names one.
 */
#ifndef TESTS_TSDB_SCRIPT_COMPARE_H
#define TESTS_TSDB_SCRIPT_COMPARE_H

#include "tests/tsdb/script_series.h"
#include "tsdb/query/quote.h"

#include <float.h>
#include <math.h>

static inline bool script_is_stale(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits == UINT64_C(0x7ff0000000000002);
}

static inline bool script_almost(double a, double b)
{
    const double epsilon = 1e-6;
    if (script_is_stale(a) || script_is_stale(b))
        return script_is_stale(a) && script_is_stale(b);
    if ((isnan(a) && isnan(b)) || a == b)
        return true;
    double sum = fabs(a) + fabs(b), difference = fabs(a - b);
    if (a == 0 || b == 0 || sum < DBL_MIN)
        return difference < epsilon * DBL_MIN;
    return difference / fmin(sum, DBL_MAX) < epsilon;
}

/* The next bucket that is not empty. */
struct script_walk {
    const struct tsdb_bucket_span *spans;
    const double *counts;
    uint32_t span_count, span, in_span;
    int32_t index;
    double value;
};

static inline bool script_walk_next(struct script_walk *w)
{
    while (w->span < w->span_count) {
        const struct tsdb_bucket_span *s = &w->spans[w->span];
        if (w->in_span == 0)
            w->index += s->offset;
        if (w->in_span == s->length) {
            w->span++;
            w->in_span = 0;
            continue;
        }
        w->in_span++;
        w->index++;
        w->value = *w->counts++;
        if (w->value != 0)
            return true;
    }
    return false;
}

static inline bool script_same_buckets(struct script_walk a, struct script_walk b)
{
    for (;;) {
        bool has_a = script_walk_next(&a), has_b = script_walk_next(&b);
        if (!has_a || !has_b)
            return has_a == has_b;
        if (a.index != b.index || !script_almost(a.value, b.value))
            return false;
    }
}

static inline bool script_same_histogram(const struct tsdb_histogram *a,
                                         const struct tsdb_histogram *b)
{
    if (a->schema != b->schema || !script_almost(a->count, b->count) ||
        !script_almost(a->sum, b->sum) || a->zero_threshold != b->zero_threshold ||
        !script_almost(a->zero_count, b->zero_count) || a->custom_count != b->custom_count)
        return false;
    for (uint32_t i = 0; i < a->custom_count; i++)
        if (a->custom[i] != b->custom[i])
            return false;
    return script_same_buckets((struct script_walk){.spans = a->positive_spans,
                                                    .counts = a->positive,
                                                    .span_count = a->positive_span_count},
                               (struct script_walk){.spans = b->positive_spans,
                                                    .counts = b->positive,
                                                    .span_count = b->positive_span_count}) &&
           script_same_buckets((struct script_walk){.spans = a->negative_spans,
                                                    .counts = a->negative,
                                                    .span_count = a->negative_span_count},
                               (struct script_walk){.spans = b->negative_spans,
                                                    .counts = b->negative,
                                                    .span_count = b->negative_span_count});
}

static inline bool script_same_value(const struct script_value *want, double value,
                                     const struct tsdb_histogram *histogram)
{
    if (!want->histogram != !histogram)
        return false;
    if (!histogram)
        return script_almost(want->value, value);
    return script_same_histogram(want->histogram, histogram) &&
           (!want->has_hint || want->histogram->hint == histogram->hint);
}

static inline bool script_same_labels(struct tsdb_labels a, struct tsdb_labels b)
{
    if (a.count != b.count)
        return false;
    for (uint32_t i = 0; i < a.count; i++)
        if (!text_equal(a.at[i].name, b.at[i].name) || !text_equal(a.at[i].value, b.at[i].value))
            return false;
    return true;
}

static inline int script_labels_order(struct tsdb_labels a, struct tsdb_labels b)
{
    for (uint32_t i = 0; i < a.count && i < b.count; i++) {
        int order = text_compare(a.at[i].name, b.at[i].name);
        order = order ? order : text_compare(a.at[i].value, b.at[i].value);
        if (order)
            return order;
    }
    return (a.count > b.count) - (a.count < b.count);
}

/* ---- printing ---------------------------------------------------------------- */

static inline void script_put_labels(struct writer *out, struct tsdb_labels labels)
{
    writer_text(out, "{");
    for (uint32_t i = 0; i < labels.count; i++) {
        writer_text(out, i > 0 ? ", " : "");
        name_put(out, labels.at[i].name);
        writer_text(out, "=");
        quote_put(out, labels.at[i].value);
    }
    writer_text(out, "}");
}

static inline void script_put_buckets(struct writer *out, const char *key, struct script_walk w)
{
    if (w.span_count == 0)
        return;
    writer_format(out, " %s", key);
    while (script_walk_next(&w))
        writer_format(out, " [%d]=%.10g", w.index - 1, w.value);
}

static inline void script_put_value(struct writer *out, double value,
                                    const struct tsdb_histogram *h)
{
    if (!h) {
        if (script_is_stale(value))
            writer_text(out, "stale");
        else
            writer_format(out, "%.17g", value);
        return;
    }
    writer_format(out, "{{schema:%d sum:%.10g count:%.10g z_bucket:%.10g z_bucket_w:%.10g hint:%d",
                  h->schema, h->sum, h->count, h->zero_count, h->zero_threshold, h->hint);
    script_put_buckets(out, "buckets",
                       (struct script_walk){.spans = h->positive_spans,
                                            .counts = h->positive,
                                            .span_count = h->positive_span_count});
    script_put_buckets(out, "n_buckets",
                       (struct script_walk){.spans = h->negative_spans,
                                            .counts = h->negative,
                                            .span_count = h->negative_span_count});
    for (uint32_t i = 0; i < h->custom_count; i++)
        writer_format(out, "%s%.10g", i ? " " : " custom ", h->custom[i]);
    writer_text(out, "}}");
}

#endif
