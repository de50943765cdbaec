#include "tsdb/metrics/samples.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

#include <string.h>

enum { SAMPLES_ARENA_BYTES = 1 << 30 };

void samples_init(struct samples *s, struct budget *budget)
{
    *s = (struct samples){0};
    arena_init(&s->arena, SAMPLES_ARENA_BYTES, budget);
}

/* Brings the budget up to what the arrays take.  They are there already when it says
 * that they are too much: samples_is_over. */
static void settle_charge(struct samples *s)
{
    uint64_t one = sizeof *s->ts + sizeof *s->values + (s->histograms ? sizeof *s->histograms : 0);
    uint64_t bytes = s->cap * one;
    struct budget *budget = s->arena.budget;
    if (!budget)
        return;
    if (bytes > s->charged)
        budget_force(budget, bytes - s->charged);
    else
        budget_release(budget, s->charged - bytes);
    s->charged = bytes;
}

bool samples_is_over(const struct samples *s)
{
    for (const struct budget *b = s->arena.budget; b; b = b->parent)
        if (budget_used(b) > atomic_load_explicit(&b->limit, memory_order_relaxed))
            return true;
    return false;
}

void samples_release(struct samples *s)
{
    if (s->arena.budget)
        budget_release(s->arena.budget, s->charged);
    mem_free(s->ts);
    mem_free(s->values);
    mem_free(s->histograms);
    arena_release(&s->arena);
    *s = (struct samples){0};
}

void samples_reserve(struct samples *s, uint32_t n)
{
    if (n <= s->cap - s->count)
        return;
    uint64_t cap = s->cap ? s->cap : 256;
    while (cap < (uint64_t)s->count + n)
        cap *= 2;
    ASSERT(cap <= UINT32_MAX);
    s->ts = mem_grow(s->ts, cap, sizeof *s->ts);
    s->values = mem_grow(s->values, cap, sizeof *s->values);
    if (s->histograms)
        s->histograms = mem_grow(s->histograms, cap, sizeof *s->histograms);
    s->cap = (uint32_t)cap;
    settle_charge(s);
}

void samples_reset(struct samples *s)
{
    s->count = 0;
    mem_free(s->histograms);
    s->histograms = NULL;
    settle_charge(s);
    arena_reset(&s->arena);
}

void samples_put_histogram(struct samples *s, int64_t ts, const struct tsdb_histogram *h)
{
    samples_reserve(s, 1);
    if (!s->histograms) {
        s->histograms = MEM_ARRAY(const struct tsdb_histogram *, s->cap);
        settle_charge(s);
    }
    s->ts[s->count] = ts;
    s->values[s->count] = h->sum;
    s->histograms[s->count] = h;
    s->count++;
}

struct slot {
    int64_t ts;
    uint32_t from;
};

/* The end of the run at `at` that does not fall. */
static uint32_t run_end(const struct slot *slots, uint32_t at, uint32_t count)
{
    do
        at++;
    while (at < count && slots[at].ts >= slots[at - 1].ts);
    return at;
}

/* Merges the runs [from, middle) and [middle, to); of equal times the left one's first. */
static void merge_two(const struct slot *slots, uint32_t from, uint32_t middle, uint32_t to,
                      struct slot *out)
{
    uint32_t a = from, b = middle;
    for (uint32_t i = from; i < to; i++)
        out[i] = b == to || (a < middle && slots[a].ts <= slots[b].ts) ? slots[a++] : slots[b++];
}

/* Samples come as a few runs that rise, one a block: merges neighbours until one is left.
 * Stable.  Either of the two arrays holds the result, which is returned. */
static struct slot *merge_runs(struct slot *slots, struct slot *spare, uint32_t count)
{
    while (run_end(slots, 0, count) < count) {
        for (uint32_t from = 0, to; from < count; from = to) {
            uint32_t middle = run_end(slots, from, count);
            to = middle < count ? run_end(slots, middle, count) : middle;
            merge_two(slots, from, middle, to, spare);
        }
        struct slot *merged = spare;
        spare = slots;
        slots = merged;
    }
    return slots;
}

static void sort(struct samples *s)
{
    struct slot *both = MEM_ARRAY(struct slot, 2 * (size_t)s->count);
    double *values = MEM_ARRAY(double, s->cap);
    const struct tsdb_histogram **histograms =
        s->histograms ? MEM_ARRAY(const struct tsdb_histogram *, s->cap) : NULL;
    for (uint32_t i = 0; i < s->count; i++)
        both[i] = (struct slot){s->ts[i], i};
    const struct slot *slots = merge_runs(both, both + s->count, s->count);
    for (uint32_t i = 0; i < s->count; i++) {
        s->ts[i] = slots[i].ts;
        values[i] = s->values[slots[i].from];
        if (histograms)
            histograms[i] = s->histograms[slots[i].from];
    }
    mem_free(s->values);
    mem_free(s->histograms);
    s->values = values;
    s->histograms = histograms;
    mem_free(both);
}

static void move(struct samples *s, uint32_t to, uint32_t from)
{
    s->ts[to] = s->ts[from];
    s->values[to] = s->values[from];
    if (s->histograms)
        s->histograms[to] = s->histograms[from];
}

/* Whether each time is later than the one before it; without a branch a sample. */
static bool is_rising(const int64_t *ts, uint32_t count)
{
    bool is_fall = false;
    for (uint32_t i = 1; i < count; i++)
        is_fall |= ts[i] <= ts[i - 1];
    return !is_fall;
}

/* The first of the rising times that is `ts` or later. */
static uint32_t first_from(const struct samples *s, int64_t ts)
{
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->ts[middle] < ts)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Of rising times, keeps those within [start, end]. */
static void trim(struct samples *s, int64_t start, int64_t end)
{
    uint32_t from = first_from(s, start);
    uint32_t to = end == INT64_MAX ? s->count : first_from(s, end + 1);
    uint32_t count = to > from ? to - from : 0;
    if (from > 0 && count > 0) {
        memmove(s->ts, s->ts + from, count * sizeof *s->ts);
        memmove(s->values, s->values + from, count * sizeof *s->values);
        if (s->histograms)
            memmove(s->histograms, s->histograms + from, count * sizeof *s->histograms);
    }
    s->count = count;
}

uint32_t samples_order(struct samples *s, int64_t start, int64_t end)
{
    if (is_rising(s->ts, s->count)) {
        trim(s, start, end);
        return 0;
    }
    bool is_sorted = true;
    for (uint32_t i = 1; i < s->count; i++)
        is_sorted = is_sorted && s->ts[i] >= s->ts[i - 1];
    if (!is_sorted)
        sort(s);
    uint32_t kept = 0, repeated = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->ts[i] < start || s->ts[i] > end)
            continue;
        if (kept > 0 && s->ts[kept - 1] == s->ts[i]) {
            repeated++;
            continue;
        }
        move(s, kept++, i);
    }
    s->count = kept;
    return repeated;
}

void samples_cut(struct samples *s, int64_t start, int64_t end)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->ts[i] < start || s->ts[i] > end)
            move(s, kept++, i);
    s->count = kept;
}
