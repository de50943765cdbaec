#include "collector/ingest/delta_histogram.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

#include <string.h>

enum { SCHEMA_MIN = -4 };

struct bucket {
    int32_t index;
    double count;
};

struct side {
    struct bucket *at; /* sorted by index */
    uint32_t count, cap;
};

struct delta_histogram {
    bool is_begun, is_float;
    int32_t schema;
    double zero_threshold, zero_count, count, sum;
    struct side positive, negative;
};

struct delta_histogram *delta_histogram_new(struct budget *budget)
{
    if (budget && !budget_charge(budget, sizeof(struct delta_histogram)))
        return NULL;
    return MEM_NEW(struct delta_histogram);
}

static size_t owned_bytes(const struct delta_histogram *h)
{
    return sizeof *h + (h->positive.cap + h->negative.cap) * sizeof(struct bucket);
}

void delta_histogram_free(struct delta_histogram *h, struct budget *budget)
{
    if (!h)
        return;
    if (budget)
        budget_release(budget, owned_bytes(h));
    mem_free(h->positive.at);
    mem_free(h->negative.at);
    mem_free(h);
}

/* One schema down. */
static int32_t halved(int32_t index)
{
    return (int32_t)(((int64_t)index + 1) >> 1);
}

static void side_halve(struct side *s)
{
    uint32_t have = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        int32_t index = halved(s->at[i].index);
        if (have > 0 && s->at[have - 1].index == index)
            s->at[have - 1].count += s->at[i].count;
        else
            s->at[have++] = (struct bucket){index, s->at[i].count};
    }
    s->count = have;
}

/* Room for n buckets; false when the budget is spent. */
static bool side_reserve(struct side *s, uint32_t n, struct budget *budget)
{
    if (n <= s->cap)
        return true;
    uint32_t cap = s->cap ? s->cap : 16;
    while (cap < n)
        cap *= 2;
    if (budget && !budget_charge(budget, (cap - s->cap) * sizeof(struct bucket)))
        return false;
    s->at = mem_grow(s->at, cap, sizeof(struct bucket));
    s->cap = cap;
    return true;
}

static void side_put(struct side *s, int32_t index, double count)
{
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (s->at[mid].index < index)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < s->count && s->at[low].index == index) {
        s->at[low].count += count;
        return;
    }
    ASSERT(s->count < s->cap);
    memmove(&s->at[low + 1], &s->at[low], (s->count - low) * sizeof *s->at);
    s->at[low] = (struct bucket){index, count};
    s->count++;
}

static void side_add(struct side *s, const struct tsdb_bucket_span *spans, uint32_t span_count,
                     const double *counts, unsigned down)
{
    int64_t index = 0;
    uint32_t have = 0;
    for (uint32_t i = 0; i < span_count; i++) {
        index += spans[i].offset;
        for (uint32_t n = 0; n < spans[i].length; n++, index++, have++) {
            int32_t at = (int32_t)index;
            for (unsigned k = 0; k < down; k++)
                at = halved(at);
            if (counts[have] != 0)
                side_put(s, at, counts[have]);
        }
    }
}

bool delta_histogram_add(struct delta_histogram *h, const struct tsdb_histogram *more,
                         struct budget *budget)
{
    if (more->schema == TSDB_SCHEMA_CUSTOM ||
        !side_reserve(&h->positive, h->positive.count + more->positive_count, budget) ||
        !side_reserve(&h->negative, h->negative.count + more->negative_count, budget))
        return false;
    if (!h->is_begun) {
        h->schema = more->schema;
        h->zero_threshold = more->zero_threshold;
        h->is_begun = true;
    }
    for (; h->schema > more->schema; h->schema--) {
        side_halve(&h->positive);
        side_halve(&h->negative);
    }
    unsigned down = (unsigned)(more->schema - h->schema);
    side_add(&h->positive, more->positive_spans, more->positive_span_count, more->positive, down);
    side_add(&h->negative, more->negative_spans, more->negative_span_count, more->negative, down);
    h->is_float |= more->is_float;
    h->count += more->count;
    h->sum += more->sum;
    h->zero_count += more->zero_count;
    if (more->zero_threshold > h->zero_threshold)
        h->zero_threshold = more->zero_threshold;
    while (h->schema > SCHEMA_MIN &&
           (h->positive.count > DELTA_BUCKETS_MAX || h->negative.count > DELTA_BUCKETS_MAX)) {
        side_halve(&h->positive);
        side_halve(&h->negative);
        h->schema--;
    }
    return true;
}

/* Spans and counts of one sign in the arena. */
static bool side_get(const struct side *s, struct arena *arena, struct tsdb_bucket_span **spans,
                     uint32_t *span_count, double **counts)
{
    *spans = ARENA_ARRAY(arena, struct tsdb_bucket_span, s->count);
    *counts = ARENA_ARRAY(arena, double, s->count);
    *span_count = 0;
    if (!*spans || !*counts)
        return false;
    int64_t next = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (i > 0 && s->at[i].index == next)
            (*spans)[*span_count - 1].length++;
        else
            (*spans)[(*span_count)++] =
                (struct tsdb_bucket_span){(int32_t)(s->at[i].index - next), 1};
        (*counts)[i] = s->at[i].count;
        next = (int64_t)s->at[i].index + 1;
    }
    return true;
}

const struct tsdb_histogram *delta_histogram_get(const struct delta_histogram *h,
                                                 struct arena *arena)
{
    struct tsdb_histogram *out = ARENA_ARRAY(arena, struct tsdb_histogram, 1);
    struct tsdb_bucket_span *positive_spans, *negative_spans;
    double *positive, *negative;
    if (!out)
        return NULL;
    *out = (struct tsdb_histogram){.schema = h->schema,
                                   .is_float = h->is_float,
                                   .zero_threshold = h->zero_threshold,
                                   .zero_count = h->zero_count,
                                   .count = h->count,
                                   .sum = h->sum,
                                   .positive_count = h->positive.count,
                                   .negative_count = h->negative.count};
    if (!side_get(&h->positive, arena, &positive_spans, &out->positive_span_count, &positive) ||
        !side_get(&h->negative, arena, &negative_spans, &out->negative_span_count, &negative))
        return NULL;
    out->positive_spans = positive_spans;
    out->negative_spans = negative_spans;
    out->positive = positive;
    out->negative = negative;
    return out;
}
