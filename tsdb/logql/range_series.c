#include "tsdb/logql/range_series.h"

#include "tsdb/base/status.h"
#include "tsdb/query/eval_labels.h"

#include <stdlib.h>
#include <string.h>

static bool copy_labels(struct eval *ev, struct tsdb_labels in, struct tsdb_labels *out)
{
    struct tsdb_label *to = ARENA_ARRAY(&ev->arena, struct tsdb_label, in.count);
    if (!to)
        return false;
    for (uint32_t i = 0; i < in.count; i++) {
        to[i].name = text_keep(&ev->arena, in.at[i].name);
        to[i].value = text_keep(&ev->arena, in.at[i].value);
        if (!to[i].name.at || !to[i].value.at)
            return false;
    }
    *out = (struct tsdb_labels){to, in.count};
    return true;
}

enum tsdb_status range_table_put(struct range_table *t, struct tsdb_labels labels, uint32_t *index,
                                 struct tsdb_error *err)
{
    struct eval *ev = t->ev;
    uint32_t i = key_map_put(ev, &t->map, labels_key(&ev->key_text, labels));
    if (i == KEY_FULL)
        return eval_full(ev, err);
    *index = i;
    if (i < t->count)
        return TSDB_OK;
    if (t->count >= t->series_max)
        return tsdb_fail(err, TSDB_ELIMIT,
                         "maximum number of series (%llu) reached for a single query; consider "
                         "reducing query cardinality by adding more specific stream selectors, "
                         "reducing the time range, or aggregating results with functions like "
                         "sum(), count() or topk()",
                         (unsigned long long)t->series_max);
    t->at = array_room(&ev->arena, t->at, t->count, &t->cap, sizeof *t->at);
    if (!t->at)
        return eval_full(ev, err);
    struct range_series *s = &t->at[t->count];
    *s = (struct range_series){0};
    s->counts = ARENA_ARRAY(&ev->arena, int64_t, (size_t)t->grid.count + 1);
    if (t->has_sums)
        s->sums = ARENA_ARRAY(&ev->arena, int64_t, (size_t)t->grid.count + 1);
    if (!s->counts || (t->has_sums && !s->sums) || !copy_labels(ev, labels, &s->labels))
        return eval_full(ev, err);
    if (t->has_samples)
        samples_init(&s->samples, ev->budget);
    t->count++;
    return TSDB_OK;
}

/* a / b rounded down, b > 0. */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

void range_steps(const struct range_table *t, int64_t ts, uint32_t *first, uint32_t *last,
                 bool *has_any, int64_t *until)
{
    int64_t step = t->grid.count > 1 ? t->grid.step : 1;
    int64_t base = t->grid.start - t->offset, at = ts - base; /* the range of the scan bounds it */
    int64_t low = floor_div(at - 1, step) + 1;                /* first step at or after ts */
    int64_t high =
        t->grid.count > 1 ? floor_div(at + t->range - 1, step) : (at + t->range > 0 ? 0 : -1);
    int64_t low_until = base + low * step;
    int64_t high_until = t->grid.count > 1 ? base + (high + 1) * step - t->range : INT64_MAX;
    *until = low_until < high_until ? low_until : high_until;
    if (t->grid.count == 1)
        *until = base < ts ? INT64_MAX : base;
    if (t->grid.count == 1 && low < 0)
        low = 0;
    if (low < 0)
        low = 0;
    if (high >= (int64_t)t->grid.count)
        high = (int64_t)t->grid.count - 1;
    *has_any = low <= high;
    *first = *has_any ? (uint32_t)low : 0;
    *last = *has_any ? (uint32_t)high : 0;
}

enum tsdb_status range_table_add(struct range_table *to, struct range_table *from,
                                 struct tsdb_error *err)
{
    for (uint32_t i = 0; i < from->count; i++) {
        struct range_series *in = &from->at[i];
        uint32_t index, before = to->count;
        enum tsdb_status st = range_table_put(to, in->labels, &index, err);
        if (st != TSDB_OK)
            return st;
        struct range_series *out = &to->at[index];
        for (uint32_t k = 0; k <= to->grid.count; k++) {
            out->counts[k] += in->counts[k];
            if (out->sums)
                out->sums[k] += in->sums[k];
        }
        if (!to->has_samples)
            continue;
        if (to->count > before) { /* new: the whole array moves over */
            samples_release(&out->samples);
            out->samples = in->samples;
            samples_init(&in->samples, NULL);
            continue;
        }
        for (uint32_t k = 0; k < in->samples.count; k++)
            samples_put(&out->samples, in->samples.ts[k], in->samples.values[k]);
        if (samples_is_over(&out->samples))
            return eval_full(to->ev, err);
    }
    return TSDB_OK;
}

static int by_labels(const void *a, const void *b)
{
    return labels_compare(((const struct range_series *)a)->labels,
                          ((const struct range_series *)b)->labels);
}

void range_table_settle(struct range_table *t)
{
    if (t->count > 1) /* the order of parts is not one to show */
        qsort(t->at, t->count, sizeof *t->at, by_labels);
    for (uint32_t i = 0; i < t->count; i++) {
        struct range_series *s = &t->at[i];
        for (uint32_t k = 1; k < t->grid.count; k++) {
            s->counts[k] += s->counts[k - 1];
            if (s->sums)
                s->sums[k] += s->sums[k - 1];
        }
    }
}

void range_table_release(struct range_table *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (t->has_samples)
            samples_release(&t->at[i].samples);
}
