#include "tsdb/traceql/metric_series.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/traceql/trace_room.h"

#include <math.h>
#include <string.h>

enum tsdb_status metric_grid_init(struct metric_grid *g, int64_t start, int64_t end, int64_t step,
                                  struct tsdb_error *err)
{
    int64_t whole;
    if (end < start || step < 0 || __builtin_sub_overflow(end, start, &whole))
        return tsdb_fail(err, TSDB_EINVAL, "end must not be before start");
    *g = (struct metric_grid){start, end, whole ? whole : 1, end, 1};
    if (step == 0)
        return TSDB_OK;
    if (whole / step >= METRIC_STEPS_MAX)
        return tsdb_fail(err, TSDB_EINVAL, "the range has more than %d steps", METRIC_STEPS_MAX);
    g->count = (uint32_t)(whole / step) + 1;
    g->step = step;
    g->first = start;
    g->to = start + (int64_t)(g->count - 1) * step;
    if (__builtin_sub_overflow(start, step, &g->from))
        return tsdb_fail(err, TSDB_EINVAL, "start must not lie so far back");
    return TSDB_OK;
}

void metric_table_init(struct metric_table *t, const struct trace_room *room, enum metric_kept kept,
                       uint32_t label_count, uint32_t steps)
{
    *t = (struct metric_table){
        .room = room, .kept = kept, .label_count = label_count, .steps = steps};
    arena_init(&t->arena, SIZE_MAX, room->budget);
}

void metric_table_release(struct metric_table *t)
{
    arena_release(&t->arena);
    mem_free(t->series);
    mem_free(t->slots);
    *t = (struct metric_table){0};
}

static uint64_t hash_of(const struct metric_table *t, const struct span_value *labels)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < t->label_count; i++)
        hash = span_value_hash(&labels[i], hash);
    return hash;
}

static bool has_labels(const struct metric_table *t, const struct metric_series *s,
                       const struct span_value *labels)
{
    for (uint32_t i = 0; i < t->label_count; i++)
        if (!span_value_same(&s->labels[i], &labels[i]))
            return false;
    return true;
}

static void grow_slots(struct metric_table *t)
{
    uint32_t count = t->slot_count ? 2 * t->slot_count : 64;
    mem_free(t->slots);
    t->slots = MEM_ARRAY(uint32_t, count);
    t->slot_count = count;
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t slot = (uint32_t)t->series[i].hash & (count - 1);
        while (t->slots[slot])
            slot = (slot + 1) & (count - 1);
        t->slots[slot] = i + 1;
    }
}

static double *no_values(struct metric_table *t)
{
    double *values = ARENA_ARRAY(&t->arena, double, t->steps);
    for (uint32_t i = 0; values && i < t->steps; i++)
        values[i] = (double)NAN;
    return values;
}

static bool series_init(struct metric_table *t, struct metric_series *s,
                        const struct span_value *labels)
{
    s->labels = ARENA_ARRAY(&t->arena, struct span_value, (size_t)t->label_count + 1);
    if (!s->labels)
        return false;
    for (uint32_t i = 0; i < t->label_count; i++) {
        s->labels[i] = labels[i];
        if (labels[i].type != TRACEQL_STRING && labels[i].type != SPAN_LIST)
            continue;
        char *text = ARENA_ARRAY(&t->arena, char, labels[i].text.len + 1);
        if (!text)
            return false;
        if (labels[i].text.len > 0)
            memcpy(text, labels[i].text.at, labels[i].text.len);
        s->labels[i].text.at = text;
    }
    switch (t->kept) {
    case KEPT_SUMS:
        s->values = ARENA_ARRAY(&t->arena, double, t->steps);
        s->rests = ARENA_ARRAY(&t->arena, double, t->steps);
        s->counts = ARENA_ARRAY(&t->arena, uint64_t, t->steps);
        return s->values && s->rests && s->counts;
    case KEPT_LEAST:
    case KEPT_MOST: s->values = no_values(t); return s->values != NULL;
    case KEPT_DIGESTS:
        s->digests = ARENA_ARRAY(&t->arena, struct metric_digest, t->steps);
        return s->digests != NULL;
    case KEPT_COUNTS: break;
    }
    s->counts = ARENA_ARRAY(&t->arena, uint64_t, t->steps);
    return s->counts != NULL;
}

enum tsdb_status metric_table_put(struct metric_table *t, const struct span_value *labels,
                                  uint32_t *index, struct tsdb_error *err)
{
    if (2 * t->count >= t->slot_count)
        grow_slots(t);
    uint64_t hash = hash_of(t, labels);
    uint32_t slot = (uint32_t)hash & (t->slot_count - 1);
    for (; t->slots[slot]; slot = (slot + 1) & (t->slot_count - 1)) {
        *index = t->slots[slot] - 1;
        if (t->series[*index].hash == hash && has_labels(t, &t->series[*index], labels))
            return TSDB_OK;
    }
    if (t->count >= t->room->series_max)
        return tsdb_fail(err, TSDB_ELIMIT, "query makes more than %llu series (series_max)",
                         (unsigned long long)t->room->series_max);
    if (t->count == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 16;
        t->series = mem_grow(t->series, t->cap, sizeof *t->series);
    }
    struct metric_series *s = &t->series[t->count];
    *s = (struct metric_series){.hash = hash};
    if (!series_init(t, s, labels))
        return trace_room_full(t->room, err);
    *index = t->count++;
    t->slots[slot] = t->count;
    return TSDB_OK;
}

/* Neumaier: what the sum loses of either term is kept beside it. */
static void add_to(double *sum, double *rest, double v)
{
    double next = *sum + v;
    if (isinf(next))
        *rest = 0;
    else if (fabs(*sum) >= fabs(v))
        *rest += (*sum - next) + v;
    else
        *rest += (v - next) + *sum;
    *sum = next;
}

bool metric_table_count(struct metric_table *t, uint32_t series, uint32_t step, double value)
{
    struct metric_series *s = &t->series[series];
    switch (t->kept) {
    case KEPT_COUNTS: s->counts[step]++; break;
    case KEPT_SUMS:
        s->counts[step]++;
        add_to(&s->values[step], &s->rests[step], value);
        break;
    case KEPT_LEAST:
        if (!(s->values[step] <= value))
            s->values[step] = value;
        break;
    case KEPT_MOST:
        if (!(s->values[step] >= value))
            s->values[step] = value;
        break;
    case KEPT_DIGESTS: return metric_digest_put(&s->digests[step], value, &t->arena);
    }
    return true;
}

static bool add_step(struct metric_table *to, uint32_t series, const struct metric_series *from,
                     uint32_t step)
{
    struct metric_series *s = &to->series[series];
    switch (to->kept) {
    case KEPT_COUNTS: s->counts[step] += from->counts[step]; break;
    case KEPT_SUMS:
        s->counts[step] += from->counts[step];
        add_to(&s->values[step], &s->rests[step], from->values[step]);
        s->rests[step] += from->rests[step];
        break;
    case KEPT_LEAST:
    case KEPT_MOST:
        if (!isnan(from->values[step]))
            (void)metric_table_count(to, series, step, from->values[step]);
        break;
    case KEPT_DIGESTS:
        return metric_digest_add(&s->digests[step], &from->digests[step], &to->arena);
    }
    return true;
}

enum tsdb_status metric_table_add(struct metric_table *to, const struct metric_table *from,
                                  struct tsdb_error *err)
{
    for (uint32_t i = 0; i < from->count; i++) {
        uint32_t series;
        enum tsdb_status st = metric_table_put(to, from->series[i].labels, &series, err);
        if (st != TSDB_OK)
            return st;
        for (uint32_t k = 0; k < to->steps; k++)
            if (!add_step(to, series, &from->series[i], k))
                return trace_room_full(to->room, err);
    }
    return TSDB_OK;
}
