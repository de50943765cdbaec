/* script_custom.h - "load_with_nhcb": classic histograms (NAME_bucket with le,
 * NAME_count, NAME_sum) are loaded a second time, as native histograms with the
 * same bounds, under NAME.
 */
#ifndef TESTS_TSDB_SCRIPT_CUSTOM_H
#define TESTS_TSDB_SCRIPT_CUSTOM_H

#include "tests/tsdb/script_compare.h"

enum { SCRIPT_BOUNDS_MAX = 128 };

struct script_classic {
    struct script_series series; /* of the native one */
    double bounds[SCRIPT_BOUNDS_MAX];
    const struct script_series *buckets[SCRIPT_BOUNDS_MAX], *count, *sum;
    uint32_t bound_count, value_count;
};

static inline bool script_ends_with(struct tsdb_text text, const char *suffix)
{
    size_t n = strlen(suffix);
    return text.len > n && memcmp(text.at + text.len - n, suffix, n) == 0;
}

/* The labels without le and the name's suffix; false: no part of a histogram. */
static inline bool script_classic_base(const struct script_series *s, struct arena *arena,
                                       struct tsdb_labels *base, double *le, char *part)
{
    static const char *const suffixes[] = {"_bucket", "_count", "_sum"};
    struct tsdb_label *labels = ARENA_ARRAY(arena, struct tsdb_label, s->labels.count + 1);
    uint32_t n = 0;
    bool has_le = false;
    *part = 0;
    for (uint32_t i = 0; i < s->labels.count; i++) {
        struct tsdb_label l = s->labels.at[i];
        if (text_equal(l.name, text_of("le"))) {
            has_le = double_parse(l.value, le);
            continue;
        }
        for (int k = 0; k < 3 && text_equal(l.name, text_of("__name__")); k++)
            if (script_ends_with(l.value, suffixes[k])) {
                *part = suffixes[k][1];
                l.value.len -= strlen(suffixes[k]);
                break;
            }
        labels[n++] = l;
    }
    *base = (struct tsdb_labels){labels, n};
    return *part && (*part == 'b') == has_le;
}

static inline void script_classic_add(struct script_classic *c, const struct script_series *s,
                                      char part, double le)
{
    if (s->count > c->value_count)
        c->value_count = s->count;
    if (part == 'c') {
        c->count = s;
    } else if (part == 's') {
        c->sum = s;
    } else if (c->bound_count < SCRIPT_BOUNDS_MAX) {
        for (uint32_t k = 0; k < c->bound_count; k++)
            if (c->bounds[k] == le)
                return; /* the same bound, spelled differently */
        uint32_t i = c->bound_count++;
        for (; i > 0 && c->bounds[i - 1] > le; i--) {
            c->bounds[i] = c->bounds[i - 1];
            c->buckets[i] = c->buckets[i - 1];
        }
        c->bounds[i] = le;
        c->buckets[i] = s;
    }
}

static inline bool script_float_at(const struct script_series *s, uint32_t i, double *out)
{
    if (!s || i >= s->count || s->values[i].is_omitted || s->values[i].histogram)
        return false;
    *out = s->values[i].value;
    return true;
}

/* The i-th sample; omitted when there is none, or only part of one. */
static inline struct script_value script_classic_value(const struct script_classic *c, uint32_t i,
                                                       struct arena *arena)
{
    struct tsdb_histogram *h = ARENA_ARRAY(arena, struct tsdb_histogram, 1);
    double *custom = ARENA_ARRAY(arena, double, c->bound_count + 1);
    double *counts = ARENA_ARRAY(arena, double, c->bound_count + 1);
    struct tsdb_bucket_span *span = ARENA_ARRAY(arena, struct tsdb_bucket_span, 1);
    double before = 0, at, sum = 0, total;
    bool has_any = script_float_at(c->sum, i, &sum);
    for (uint32_t k = 0; k < c->bound_count; k++) {
        if (!script_float_at(c->buckets[k], i, &at))
            continue;
        if (!isinf(c->bounds[k]))
            custom[h->custom_count++] = c->bounds[k];
        counts[h->positive_count++] = at - before;
        before = at;
        has_any = true;
    }
    if (script_float_at(c->count, i, &total)) {
        has_any = true;
        if (h->positive_count == h->custom_count && total != before)
            counts[h->positive_count++] = total - before;
        before = total;
    }
    if (!has_any)
        return (struct script_value){.is_omitted = true};
    *span = (struct tsdb_bucket_span){0, h->positive_count};
    h->schema = TSDB_SCHEMA_CUSTOM;
    h->is_float = true;
    h->count = before;
    h->sum = sum;
    h->custom = custom;
    h->positive = counts;
    h->positive_spans = span;
    h->positive_span_count = h->positive_count > 0;
    return (struct script_value){.histogram = h};
}

/* Fills out[] (at most `count`) with the native series; returns how many. */
static inline uint32_t script_classic_convert(const struct script_series *all, uint32_t count,
                                              struct arena *arena, struct script_series *out)
{
    struct script_classic *list = ARENA_ARRAY(arena, struct script_classic, count + 1);
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct tsdb_labels base;
        double le = 0;
        char part;
        uint32_t k = 0;
        if (!script_classic_base(&all[i], arena, &base, &le, &part))
            continue;
        while (k < found && !script_same_labels(list[k].series.labels, base))
            k++;
        if (k == found)
            list[found++].series.labels = base;
        script_classic_add(&list[k], &all[i], part, le);
    }
    for (uint32_t k = 0; k < found; k++) {
        struct script_text t = {.arena = arena};
        for (uint32_t i = 0; i < list[k].value_count; i++)
            script_push(&t, &list[k].series, script_classic_value(&list[k], i, arena));
        out[k] = list[k].series;
    }
    return found;
}

#endif
