#include "tsdb/metrics/head.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/codec/histograms.h"
#include "tsdb/metrics/samples.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct series) == 64, "a series is one cache line");

void head_init(struct head *h, uint64_t seed, struct budget *parent)
{
    *h = (struct head){.seed = seed, .stored_ts_max = INT64_MIN};
    budget_init(&h->budget, UINT64_MAX, parent);
    rwlock_init(&h->index);
    alias_init(&h->aliases);
    h->labels = head_index_new(seed, &h->budget);
    for (int i = 0; i < SHARDS; i++) {
        mutex_init(&h->shards[i].lock);
        h->shards[i].ts_min = INT64_MAX;
        h->shards[i].ts_max = INT64_MIN;
    }
    h->tenants = MEM_ARRAY(struct tenant, HEAD_TENANTS_MAX);
    h->tenants[0].name = mem_text("", 0);
    h->tenant_count = 1;
}

static void shard_release(struct shard *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        (void)hot_free(s->pages[i / SERIES_PAGE][i % SERIES_PAGE].hot);
    for (uint32_t i = 0; i < s->page_count; i++)
        mem_free(s->pages[i]);
    mem_free(s->pages);
    mem_free(s->free);
    mutex_release(&s->lock);
}

void head_release(struct head *h)
{
    if (!h->labels)
        return;
    for (int i = 0; i < SHARDS; i++)
        shard_release(&h->shards[i]);
    head_index_free(h->labels);
    alias_release(&h->aliases);
    for (uint32_t i = 0; i < h->tenant_count; i++)
        mem_free(h->tenants[i].name);
    mem_free(h->tenants);
    rwlock_release(&h->index);
    h->labels = NULL;
}

enum tsdb_verdict head_canonical(const struct tsdb_limits *limits, const char *tenant,
                                 struct tsdb_labels in, struct tsdb_label *out, uint32_t *count)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < in.count; i++) {
        if (in.at[i].value.len == 0 && in.at[i].name.len > 0)
            continue;
        if (n >= limits->labels_max || n >= RECORD_LABELS_MAX - 1)
            return TSDB_LABEL_LIMIT;
        enum tsdb_verdict verdict = label_check(limits, in.at[i]);
        if (verdict != TSDB_ACCEPTED)
            return verdict;
        out[n++] = in.at[i];
    }
    if (n == 0)
        return TSDB_BAD_LABELS;
    if (tenant[0])
        out[n++] = (struct tsdb_label){text_of(TENANT_LABEL), text_of(tenant)};
    labels_sort(out, n);
    if (labels_have_repeats(out, n))
        return TSDB_BAD_LABELS;
    *count = n;
    return TSDB_ACCEPTED;
}

static void shard_page(struct shard *s, uint32_t index)
{
    while (index / SERIES_PAGE >= s->page_count) {
        s->pages = mem_grow(s->pages, s->page_count + 1, sizeof *s->pages);
        s->pages[s->page_count++] = MEM_ARRAY(struct series, SERIES_PAGE);
    }
}

uint32_t head_reserve(struct head *h, struct tsdb_hash hash)
{
    uint32_t which = (uint32_t)(hash.hi & (SHARDS - 1));
    struct shard *s = &h->shards[which];
    mutex_lock(&s->lock);
    uint32_t index;
    if (s->free_count > 0) {
        index = s->free[--s->free_count];
    } else {
        index = s->count++;
        shard_page(s, index);
    }
    mutex_unlock(&s->lock);
    return index << SHARD_BITS | which;
}

void head_unreserve(struct head *h, uint32_t ref)
{
    struct shard *s = &h->shards[ref & (SHARDS - 1)];
    mutex_lock(&s->lock);
    if (s->free_count == s->free_cap) {
        s->free_cap = s->free_cap ? s->free_cap * 2 : 64;
        s->free = mem_grow(s->free, s->free_cap, sizeof *s->free);
    }
    s->free[s->free_count++] = ref >> SHARD_BITS;
    mutex_unlock(&s->lock);
}

/* Keeps the budget true for what the index and the tables hold. */
static void charge_tables(struct head *h)
{
    uint64_t bytes = alias_bytes(&h->aliases);
    for (int i = 0; i < SHARDS; i++)
        bytes += (uint64_t)h->shards[i].page_count * SERIES_PAGE * sizeof(struct series);
    if (bytes > h->index_charged)
        budget_force(&h->budget, bytes - h->index_charged);
    else
        budget_release(&h->budget, h->index_charged - bytes);
    h->index_charged = bytes;
}

enum tsdb_status head_create(struct head *h, uint32_t ref, struct tsdb_hash hash, uint16_t tenant,
                             struct tsdb_labels labels)
{
    enum tsdb_status st = head_index_add(h->labels, ref, labels);
    if (st != TSDB_OK) {
        head_unreserve(h, ref);
        return st;
    }
    struct shard *shard = &h->shards[ref & (SHARDS - 1)];
    mutex_lock(&shard->lock);
    *head_series(h, ref) = (struct series){.hash = hash,
                                           .newest = INT64_MIN,
                                           .generation = h->generation,
                                           .tenant = tenant,
                                           .is_live = true};
    mutex_unlock(&shard->lock);
    alias_put(&h->aliases, hash, ref);
    h->tenants[tenant].series++;
    h->created++;
    if (h->created % 256 == 0)
        charge_tables(h);
    return TSDB_OK;
}

/* Marks every slot below `ref` that replay has not filled as free. */
static void shard_extend(struct shard *s, uint32_t index)
{
    shard_page(s, index);
    while (s->count <= index)
        s->count++;
}

/* Of two definitions that name one ref, or one series, the later counts: the series of
 * the earlier had gone idle in between. */
static void replace_dead(struct head *h, uint32_t ref)
{
    struct series *s = head_series(h, ref);
    struct ordinals one = {0};
    ordinals_append(&one, ref);
    head_index_remove(h->labels, &one);
    ordinals_release(&one);
    alias_drop(&h->aliases, s->hash);
    h->tenants[s->tenant].series--;
    *s = (struct series){0};
}

enum tsdb_status head_restore(struct head *h, uint32_t ref, struct tsdb_labels labels)
{
    struct shard *s = &h->shards[ref & (SHARDS - 1)];
    uint32_t index = ref >> SHARD_BITS;
    if (index > UINT32_MAX / 2 / SHARDS)
        return TSDB_ECORRUPT;
    struct tsdb_hash hash = tsdb_labels_hash(h->seed, labels);
    if (index < s->count && head_series(h, ref)->is_live) {
        if (hash_equal(head_series(h, ref)->hash, hash))
            return TSDB_OK; /* defined again at a seal */
        replace_dead(h, ref);
    }
    uint32_t former = alias_find(&h->aliases, hash);
    if (former != ALIAS_NONE) /* it had gone idle and came again */
        replace_dead(h, former);
    shard_extend(s, index);
    const char *tenant = "";
    char name[256];
    for (uint32_t i = 0; i < labels.count; i++) {
        if (text_equal(labels.at[i].name, text_of(TENANT_LABEL)) &&
            labels.at[i].value.len < sizeof name) {
            memcpy(name, labels.at[i].value.at, labels.at[i].value.len);
            name[labels.at[i].value.len] = '\0';
            tenant = name;
        }
    }
    uint32_t which = head_tenant(h, tenant);
    if (which == HEAD_TENANTS_MAX)
        return TSDB_ELIMIT;
    enum tsdb_status st = head_create(h, ref, hash, (uint16_t)which, labels);
    if (st == TSDB_OK)
        head_series(h, ref)->newest = h->stored_ts_max;
    return st;
}

uint32_t head_tenant(struct head *h, const char *name)
{
    for (uint32_t i = 0; i < h->tenant_count; i++)
        if (strcmp(h->tenants[i].name, name) == 0)
            return i;
    if (h->tenant_count == HEAD_TENANTS_MAX)
        return HEAD_TENANTS_MAX;
    h->tenants[h->tenant_count] = (struct tenant){.name = mem_text(name, strlen(name))};
    return h->tenant_count++;
}

static void took(struct head *h, struct shard *shard, struct series *s, size_t grown, int64_t ts)
{
    if (grown) {
        budget_force(&h->budget, grown);
        shard->hot_bytes += grown;
    }
    s->generation = h->generation;
    s->newest = ts > s->newest ? ts : s->newest;
    shard->samples++;
    if (ts < shard->ts_min)
        shard->ts_min = ts;
    if (ts > shard->ts_max)
        shard->ts_max = ts;
}

enum tsdb_verdict head_apply(struct head *h, uint32_t ref, int64_t ts, uint64_t bits)
{
    struct shard *shard = &h->shards[ref & (SHARDS - 1)];
    struct series *s = head_series(h, ref);
    ASSERT(s->is_live);
    if (s->hot && ts == s->tail.ts && !s->hot->is_histogram) {
        shard->duplicates += bits == s->tail.bits;
        return bits == s->tail.bits ? TSDB_DUPLICATE : TSDB_CONFLICT;
    }
    took(h, shard, s, hot_append(&s->hot, h->generation, &s->tail, ts, bits), ts);
    return TSDB_ACCEPTED;
}

enum tsdb_verdict head_apply_histogram(struct head *h, uint32_t ref, int64_t ts,
                                       struct bytes encoded, double sum)
{
    struct shard *shard = &h->shards[ref & (SHARDS - 1)];
    struct series *s = head_series(h, ref);
    ASSERT(s->is_live);
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if (encoded.len > HOT_HISTOGRAM_BYTES_MAX)
        return TSDB_BAD_HISTOGRAM;
    if (s->hot && ts == s->tail.ts && s->hot->is_histogram) {
        shard->duplicates += bits == s->tail.bits;
        return bits == s->tail.bits ? TSDB_DUPLICATE : TSDB_CONFLICT;
    }
    took(h, shard, s, hot_append_histogram(&s->hot, h->generation, &s->tail, ts, encoded), ts);
    s->tail.bits = bits;
    return TSDB_ACCEPTED;
}

/* Oldest block first, so that of equal times the sample that came first wins; without the
 * blocks that are seen to lie outside [start, end]. */
static enum tsdb_status decode_chain(const struct hot *block, int64_t start, int64_t end,
                                     struct samples *out)
{
    enum { RUN = 64 };
    const struct hot *run[RUN];
    uint32_t left = 0;
    for (const struct hot *b = block; b; b = b->older)
        left++;
    while (left > 0) { /* the oldest RUN of what is left */
        uint32_t skip = left > RUN ? left - RUN : 0, i = 0, n = 0;
        const struct hot *newer = NULL;
        for (const struct hot *b = block; b && i < left; newer = b, b = b->older, i++)
            if (i >= skip && !hot_is_outside(b, newer, start, end))
                run[n++] = b;
        left = skip;
        while (n > 0) {
            enum tsdb_status st = hot_decode(run[--n], out);
            if (st != TSDB_OK)
                return st;
        }
    }
    return TSDB_OK;
}

enum tsdb_status head_samples(struct head *h, uint32_t ref, enum head_part part, int64_t start,
                              int64_t end, struct samples *out)
{
    struct shard *shard = &h->shards[ref & (SHARDS - 1)];
    mutex_lock(&shard->lock);
    const struct hot *block = head_series(h, ref)->hot;
    while (part == HEAD_SEALED && block && block->generation == h->generation)
        block = block->older;
    enum tsdb_status st = decode_chain(block, start, end, out);
    mutex_unlock(&shard->lock);
    return st;
}

void head_turn(struct head *h)
{
    h->generation++;
    for (int i = 0; i < SHARDS; i++) {
        mutex_lock(&h->shards[i].lock);
        h->shards[i].ts_min = INT64_MAX;
        h->shards[i].ts_max = INT64_MIN;
        mutex_unlock(&h->shards[i].lock);
    }
}

/* Frees what the series holds of earlier generations. */
static uint64_t drop_sealed(struct series *s, uint16_t generation)
{
    struct hot **at = &s->hot;
    while (*at && (*at)->generation == generation)
        at = &(*at)->older;
    uint64_t freed = hot_free(*at);
    *at = NULL;
    return freed;
}

void head_drop(struct head *h)
{
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &h->shards[i];
        mutex_lock(&shard->lock);
        for (uint32_t index = 0; index < shard->count; index++) {
            uint64_t freed =
                drop_sealed(&shard->pages[index / SERIES_PAGE][index % SERIES_PAGE], h->generation);
            shard->hot_bytes -= freed;
            budget_release(&h->budget, freed);
            if (index % SERIES_PAGE == SERIES_PAGE - 1) { /* let appends in */
                mutex_unlock(&shard->lock);
                mutex_lock(&shard->lock);
            }
        }
        mutex_unlock(&shard->lock);
    }
}

void head_each(struct head *h, head_series_fn *fn, void *arg)
{
    rwlock_read(&h->index);
    bool is_wanted = true;
    for (uint32_t i = 0; i < SHARDS && is_wanted; i++) {
        const struct shard *shard = &h->shards[i];
        for (uint32_t index = 0; index < shard->count && is_wanted; index++)
            if (shard->pages[index / SERIES_PAGE][index % SERIES_PAGE].is_live)
                is_wanted = fn(arg, index << SHARD_BITS | i);
    }
    rwlock_unlock(&h->index);
}

static bool ref_is_dead(void *arg, uint32_t ref)
{
    return !head_series(arg, ref)->is_live;
}

/* Whether the series may go; see head_hide_idle. */
static bool is_idle(const struct head *h, const struct series *s, int64_t ts)
{
    uint16_t age = (uint16_t)(h->generation - s->generation); /* wraps */
    return s->is_live && !s->hot && age >= 2 && s->tail.ts < ts;
}

void head_hide_idle(struct head *h, int64_t ts, struct ordinals *hidden)
{
    rwlock_write(&h->index);
    for (uint32_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &h->shards[i];
        mutex_lock(&shard->lock);
        for (uint32_t index = 0; index < shard->count; index++) {
            struct series *s = &shard->pages[index / SERIES_PAGE][index % SERIES_PAGE];
            if (!is_idle(h, s, ts))
                continue;
            s->is_live = false;
            h->tenants[s->tenant].series--;
            ordinals_append(hidden, index << SHARD_BITS | i);
        }
        mutex_unlock(&shard->lock);
    }
    if (hidden->count > 0)
        alias_remove(&h->aliases, ref_is_dead, h);
    rwlock_unlock(&h->index);
}

void head_forget(struct head *h, struct ordinals *hidden)
{
    if (hidden->count == 0)
        return;
    ordinals_sort(hidden);
    rwlock_write(&h->index);
    head_index_remove(h->labels, hidden);
    for (uint32_t i = 0; i < hidden->count; i++)
        head_unreserve(h, hidden->at[i]);
    charge_tables(h);
    rwlock_unlock(&h->index);
}

uint64_t head_hot_bytes(struct head *h)
{
    uint64_t bytes = 0;
    for (int i = 0; i < SHARDS; i++) {
        mutex_lock(&h->shards[i].lock);
        bytes += h->shards[i].hot_bytes;
        mutex_unlock(&h->shards[i].lock);
    }
    return bytes;
}

uint64_t head_series_count(struct head *h)
{
    uint64_t count = 0;
    rwlock_read(&h->index);
    for (uint32_t i = 0; i < h->tenant_count; i++)
        count += h->tenants[i].series;
    rwlock_unlock(&h->index);
    return count;
}
