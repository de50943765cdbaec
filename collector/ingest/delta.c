#include "collector/ingest/delta.h"

#include "collector/ingest/delta_histogram.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"

#include <string.h>

enum { SLOTS_FIRST = 1024 };

struct delta_entry {
    struct tsdb_hash key;
    int64_t ts;      /* of the last increment */
    int64_t seen_ns; /* monotonic */
    double total;
    struct delta_histogram *histogram; /* owned, or NULL */
    bool is_used;
};

void delta_init(struct delta *d, uint32_t series_max, struct budget *budget, struct clock *clock)
{
    *d = (struct delta){.series_max = series_max, .budget = budget, .clock = clock};
    mutex_init(&d->lock);
}

static void entry_clear(struct delta *d, struct delta_entry *e)
{
    delta_histogram_free(e->histogram, d->budget);
    *e = (struct delta_entry){0};
}

void delta_release(struct delta *d)
{
    for (uint32_t i = 0; i < d->slot_count; i++)
        entry_clear(d, &d->slots[i]);
    if (d->budget)
        budget_release(d->budget, d->slot_count * sizeof *d->slots);
    mem_free(d->slots);
    mutex_release(&d->lock);
}

uint32_t delta_count(struct delta *d)
{
    mutex_lock(&d->lock);
    uint32_t n = d->count;
    mutex_unlock(&d->lock);
    return n;
}

/* The entry of the key, or the free slot where it belongs. */
static struct delta_entry *probe(const struct delta *d, struct tsdb_hash key)
{
    uint32_t mask = d->slot_count - 1;
    for (uint32_t i = (uint32_t)key.lo & mask;; i = (i + 1) & mask)
        if (!d->slots[i].is_used || hash_equal(d->slots[i].key, key))
            return &d->slots[i];
}

/* A table of `slot_count` slots with what is not idle; false when it cannot be paid. */
static bool rebuild(struct delta *d, uint32_t slot_count, int64_t now)
{
    if (d->budget && !budget_charge(d->budget, slot_count * sizeof *d->slots))
        return false;
    struct delta old = *d;
    d->slots = MEM_ARRAY(struct delta_entry, slot_count);
    d->slot_count = slot_count;
    d->count = 0;
    for (uint32_t i = 0; i < old.slot_count; i++) {
        struct delta_entry *e = &old.slots[i];
        if (!e->is_used)
            continue;
        if (now - e->seen_ns > DELTA_IDLE) {
            entry_clear(d, e);
            continue;
        }
        *probe(d, e->key) = *e;
        d->count++;
    }
    if (d->budget)
        budget_release(d->budget, old.slot_count * sizeof *d->slots);
    mem_free(old.slots);
    return true;
}

/* NULL when there is no room for another series. */
static struct delta_entry *entry_get(struct delta *d, struct tsdb_hash key, int64_t now)
{
    struct delta_entry *e = d->slot_count ? probe(d, key) : NULL;
    if (e && e->is_used)
        return e;
    if (d->count >= d->series_max) {
        if (!rebuild(d, d->slot_count, now) || d->count >= d->series_max)
            return NULL;
        e = NULL;
    }
    if (!e || (d->count + 1) * 4 > d->slot_count * 3) {
        uint32_t want = d->slot_count ? d->slot_count : SLOTS_FIRST;
        while ((d->count + 1) * 4 > want * 3)
            want *= 2;
        if (want != d->slot_count && !rebuild(d, want, now))
            return NULL;
    }
    e = probe(d, key);
    ASSERT(!e->is_used);
    *e = (struct delta_entry){.key = key, .ts = INT64_MIN, .is_used = true};
    d->count++;
    return e;
}

/* One point to the running total; its verdict. */
static uint8_t apply_one(struct delta *d, struct tsdb_hash key, struct tsdb_point *point,
                         struct arena *arena, int64_t now)
{
    struct delta_entry *e = entry_get(d, key, now);
    if (!e)
        return TSDB_SERIES_LIMIT;
    if (point->ts < e->ts)
        return TSDB_TOO_OLD;
    bool is_repeat = point->ts == e->ts;
    e->seen_ns = now;
    if (!point->histogram) {
        if (!is_repeat)
            e->total += point->value;
        e->ts = point->ts;
        point->value = e->total;
        return TSDB_ACCEPTED;
    }
    if (!e->histogram)
        e->histogram = delta_histogram_new(d->budget);
    if (!e->histogram)
        return TSDB_SERIES_LIMIT;
    if (!is_repeat && !delta_histogram_add(e->histogram, point->histogram, d->budget))
        return TSDB_BAD_HISTOGRAM;
    e->ts = point->ts;
    const struct tsdb_histogram *total = delta_histogram_get(e->histogram, arena);
    if (!total)
        return TSDB_SERIES_LIMIT;
    point->histogram = total;
    point->value = total->sum;
    return TSDB_ACCEPTED;
}

void delta_apply(struct delta *d, struct decode_batch *batch, uint8_t *verdicts,
                 struct arena *arena)
{
    int64_t now = clock_mono_ns(d->clock);
    const char *tenant = batch->batch.tenant; /* a key names labels; tenants may share them */
    struct tsdb_hash owner = hash128(0, tenant, strlen(tenant));
    mutex_lock(&d->lock);
    for (uint32_t i = 0; i < batch->batch.point_count; i++)
        if (batch->notes[i].is_delta)
            verdicts[i] = apply_one(d, hash_combine(owner, batch->points[i].key), &batch->points[i],
                                    arena, now);
    mutex_unlock(&d->lock);
}
