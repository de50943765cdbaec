/* tsdb_append: from points that name series by keys to samples in hot blocks.
 *
 * Per known series: one probe of the alias table (64 in flight at a time, so that
 * the cache misses overlap), a journal record of some 11 bytes a sample, and one
 * append to a hot block, grouped by shard so that a lock is taken once per batch
 * and shard.  Labels are looked at only where a key is new.
 *
 * Zeros at start times (tsdb_batch.starts) become points of the batch before it is
 * journalled, so that replay, which decides nothing, has them too.  Two batches at once may
 * both put one: readers see the first of equal times.  Not further back than a day before
 * the point: a zero opens the window that it lies in, and a segment of an old window
 * would be merged again for every counter that turns up late. */
#include "tsdb/metrics/metrics.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/writer.h"
#include "tsdb/codec/histograms.h"

#include <string.h>

enum { PROBES_AT_ONCE = 64 };

#define ZERO_AGE_MAX NS_PER_DAY

/* One call's work; some 100 KiB of stack. */
struct append {
    struct metrics *m;
    const struct tsdb_batch *batch;
    uint32_t count; /* of points */
    const char *tenant;
    struct tsdb_hash tenant_hash;
    struct tsdb_limits limits;
    int64_t now, ts_min, ts_max;
    uint32_t refs[TSDB_BATCH_POINTS_MAX];
    uint8_t verdicts[2 * TSDB_BATCH_POINTS_MAX]; /* those of zeros after those of points */
    struct routed own[TSDB_BATCH_POINTS_MAX];
    /* The batch's and `own`, or with zeros arrays of this call: a zero's point is behind
     * the batch's, its turn is before that of the point it is for. */
    const struct tsdb_point *points;
    struct routed *routed;
    struct tsdb_histogram *empty; /* owned: of zeros */
    uint32_t zeros;
    uint32_t shard_end[SHARDS]; /* routed[shard_end[i - 1]..shard_end[i]) are of shard i */
    struct writer item, record; /* what goes into the journal, buffer of one call */
    struct tsdb_error *err;
};

static struct tsdb_hash key_of(const struct append *a, uint32_t i)
{
    struct tsdb_hash key = a->batch->points[i].key;
    return a->tenant[0] ? hash_combine(key, a->tenant_hash) : key;
}

/* ---- from keys to refs ---------------------------------------------------------- */

static uint32_t find_refs(struct append *a)
{
    struct head *h = &a->m->head;
    uint32_t missing = 0, n = a->count;
    rwlock_read(&h->index);
    for (uint32_t from = 0; from < n; from += PROBES_AT_ONCE) {
        uint32_t to = n - from > PROBES_AT_ONCE ? from + PROBES_AT_ONCE : n;
        for (uint32_t i = from; i < to; i++)
            __builtin_prefetch(alias_home(&h->aliases, key_of(a, i)));
        for (uint32_t i = from; i < to; i++) {
            a->refs[i] = alias_find(&h->aliases, key_of(a, i));
            missing += a->refs[i] == ALIAS_NONE;
        }
    }
    rwlock_unlock(&h->index);
    return missing;
}

/* Whether the tenant may have one more series now. */
static enum tsdb_verdict admit(const struct append *a, struct tenant *t)
{
    if (a->limits.series_max && t->series >= a->limits.series_max)
        return TSDB_SERIES_LIMIT;
    /* The last eighth is for the samples of known series, until sealing has made room. */
    uint64_t memory = atomic_load_explicit(&a->m->store->budget.limit, memory_order_relaxed);
    if (budget_used(&a->m->store->budget) > memory - memory / 8)
        return TSDB_SERIES_LIMIT;
    if (!a->limits.series_new_per_s)
        return TSDB_ACCEPTED;
    int64_t mono = clock_mono_ns(a->m->store->clock);
    double rate = (double)a->limits.series_new_per_s, most = 10 * rate;
    if (!t->has_churned)
        t->churn_tokens = most;
    else
        t->churn_tokens += (double)(mono - t->churn_mono_ns) / 1e9 * rate;
    t->has_churned = true;
    t->churn_mono_ns = mono;
    if (t->churn_tokens > most)
        t->churn_tokens = most;
    if (t->churn_tokens < 1)
        return TSDB_CHURN_LIMIT;
    t->churn_tokens -= 1;
    return TSDB_ACCEPTED;
}

static enum tsdb_status journal_series(struct append *a, uint32_t ref, struct tsdb_labels labels)
{
    uint64_t position;
    writer_reset(&a->item);
    writer_reset(&a->record);
    record_series_item(ref, labels, &a->item);
    record_series_encode(1, writer_bytes(&a->item), &a->record);
    struct bytes part = writer_bytes(&a->record);
    return journal_append(a->m->store->journal, RECORD_SERIES, &part, 1, &position, a->err);
}

/* The series with these canonical labels, made where there is none.  The journal
 * has its definition before anybody can find it. */
static enum tsdb_status find_or_create(struct append *a, struct tsdb_labels labels,
                                       struct tsdb_hash key, uint32_t *ref,
                                       enum tsdb_verdict *verdict)
{
    struct head *h = &a->m->head;
    struct tsdb_hash canonical = tsdb_labels_hash(h->seed, labels);
    enum tsdb_status st = TSDB_OK;
    rwlock_write(&h->index);
    *ref = alias_find(&h->aliases, key); /* another batch may have been quicker */
    if (*ref != ALIAS_NONE)
        goto out;
    *ref = alias_find(&h->aliases, canonical);
    if (*ref == ALIAS_NONE) {
        uint32_t tenant = head_tenant(h, a->tenant);
        *verdict = tenant == HEAD_TENANTS_MAX ? TSDB_SERIES_LIMIT : admit(a, &h->tenants[tenant]);
        if (*verdict != TSDB_ACCEPTED)
            goto out;
        *ref = head_reserve(h, canonical);
        st = journal_series(a, *ref, labels);
        if (st != TSDB_OK) {
            head_unreserve(h, *ref);
            goto out;
        }
        st = head_create(h, *ref, canonical, (uint16_t)tenant, labels);
        if (st != TSDB_OK) { /* its definition in the journal names nobody */
            *ref = ALIAS_NONE;
            *verdict = TSDB_SERIES_LIMIT;
            st = TSDB_OK;
            goto out;
        }
    }
    if (!hash_equal(key, canonical))
        alias_put(&h->aliases, key, *ref);
out:
    rwlock_unlock(&h->index);
    return st;
}

static enum tsdb_status resolve_one(struct append *a, uint32_t i)
{
    struct tsdb_labels given;
    struct tsdb_label labels[RECORD_LABELS_MAX];
    uint32_t count;
    if (a->batch->labels(a->batch->arg, i, &given) != TSDB_OK) {
        a->verdicts[i] = TSDB_BAD_LABELS;
        return TSDB_OK;
    }
    enum tsdb_verdict verdict = head_canonical(&a->limits, a->tenant, given, labels, &count);
    enum tsdb_status st = TSDB_OK;
    if (verdict == TSDB_ACCEPTED)
        st = find_or_create(a, (struct tsdb_labels){labels, count}, key_of(a, i), &a->refs[i],
                            &verdict);
    a->verdicts[i] = (uint8_t)verdict;
    return st;
}

/* ---- checks and order ------------------------------------------------------------- */

static void check_points(struct append *a)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const struct tsdb_point *p = &a->batch->points[i];
        a->verdicts[i] = TSDB_ACCEPTED;
        if (p->ts < a->ts_min)
            a->verdicts[i] = TSDB_TOO_OLD;
        else if (p->ts > a->ts_max)
            a->verdicts[i] = TSDB_TOO_NEW;
        else if (p->histogram && histogram_check(p->histogram, NULL) != TSDB_OK)
            a->verdicts[i] = TSDB_BAD_HISTOGRAM;
    }
}

/* Counting sort by shard of the points that are still accepted. */
static void route(struct append *a)
{
    uint32_t counts[SHARDS + 1] = {0}, n = a->count;
    for (uint32_t i = 0; i < n; i++)
        if (a->verdicts[i] == TSDB_ACCEPTED)
            counts[(a->refs[i] & (SHARDS - 1)) + 1]++;
    for (uint32_t i = 1; i <= SHARDS; i++)
        counts[i] += counts[i - 1];
    for (uint32_t i = 0; i < n; i++)
        if (a->verdicts[i] == TSDB_ACCEPTED)
            a->routed[counts[a->refs[i] & (SHARDS - 1)]++] = (struct routed){a->refs[i], i};
    for (uint32_t i = 0; i < SHARDS; i++)
        a->shard_end[i] = counts[i];
}

/* ---- zeros at start times ----------------------------------------------------------- */

/* What lies in the batch itself: an earlier point at or after the start, or the sample
 * of that very time. */
static bool batch_has(const struct append *a, const struct routed *from, const struct routed *at,
                      const struct routed *to)
{
    int64_t start = a->batch->starts[at->index];
    for (const struct routed *r = from; r < to; r++) {
        int64_t ts = a->points[r->index].ts;
        if (r->ref == at->ref && (r < at ? ts >= start : ts == start))
            return true;
    }
    return false;
}

/* The lock of the shard, whose points are [from, to), is held. */
static bool wants_zero(struct append *a, const struct routed *from, const struct routed *at,
                       const struct routed *to)
{
    const struct tsdb_point *p = &a->points[at->index];
    int64_t start = a->batch->starts[at->index];
    if (start == 0 || start >= p->ts || start < a->ts_min ||
        (uint64_t)p->ts - (uint64_t)start > (uint64_t)ZERO_AGE_MAX)
        return false;
    if (head_series(&a->m->head, at->ref)->newest >= start || batch_has(a, from, at, to))
        return false;
    if (!p->histogram)
        return true;
    writer_reset(&a->item);
    histogram_encode(p->histogram, &a->item);
    return a->item.len <= HOT_HISTOGRAM_BYTES_MAX; /* refused otherwise */
}

/* Marks the routed points that want one; how many. */
static uint32_t mark_zeros(struct append *a, bool *marks)
{
    uint32_t count = 0;
    for (uint32_t shard = 0, from = 0; shard < SHARDS; from = a->shard_end[shard++]) {
        uint32_t to = a->shard_end[shard];
        if (from == to)
            continue;
        mutex_lock(&a->m->head.shards[shard].lock);
        for (uint32_t i = from; i < to; i++) {
            marks[i] = wants_zero(a, a->own + from, a->own + i, a->own + to);
            count += marks[i];
        }
        mutex_unlock(&a->m->head.shards[shard].lock);
    }
    return count;
}

/* A reset by definition; of the same layout, so that they share a chunk. */
static struct tsdb_histogram empty_like(const struct tsdb_histogram *h)
{
    return (struct tsdb_histogram){.schema = h->schema,
                                   .hint = TSDB_RESET_YES,
                                   .is_float = h->is_float,
                                   .zero_threshold = h->zero_threshold,
                                   .custom_count = h->custom_count,
                                   .custom = h->custom};
}

static void add_zeros(struct append *a)
{
    bool marks[TSDB_BATCH_POINTS_MAX];
    uint32_t zeros = mark_zeros(a, marks), n = a->shard_end[SHARDS - 1], at = 0, shard = 0;
    if (zeros == 0)
        return;
    struct tsdb_point *points = MEM_ARRAY(struct tsdb_point, a->count + zeros);
    struct routed *routed = MEM_ARRAY(struct routed, n + zeros);
    a->empty = MEM_ARRAY(struct tsdb_histogram, zeros);
    memcpy(points, a->points, a->count * sizeof *points);
    for (uint32_t i = 0; i < n; i++) {
        while (i == a->shard_end[shard])
            a->shard_end[shard++] += a->zeros;
        if (marks[i]) {
            const struct tsdb_histogram *h = points[a->own[i].index].histogram;
            struct tsdb_point *zero = &points[a->count + a->zeros];
            *zero = (struct tsdb_point){.ts = a->batch->starts[a->own[i].index]};
            if (h) {
                a->empty[a->zeros] = empty_like(h);
                zero->histogram = &a->empty[a->zeros];
            }
            routed[at++] = (struct routed){a->own[i].ref, a->count + a->zeros++};
        }
        routed[at++] = a->own[i];
    }
    for (; shard < SHARDS; shard++)
        a->shard_end[shard] += zeros;
    a->points = points;
    a->routed = routed;
}

/* ---- journal and head --------------------------------------------------------------- */

static enum tsdb_status put_record(struct append *a, enum record_type type,
                                   const struct writer *record, uint64_t *position)
{
    if (record->len == 0)
        return TSDB_OK;
    struct bytes part = writer_bytes(record);
    return journal_append(a->m->store->journal, (uint8_t)type, &part, 1, position, a->err);
}

static enum tsdb_status journal_batch(struct append *a, uint32_t n, uint64_t *position)
{
    writer_reset(&a->record);
    record_samples_encode(a->routed, n, a->points, &a->record);
    enum tsdb_status st = put_record(a, RECORD_SAMPLES, &a->record, position);
    if (st != TSDB_OK)
        return st;
    writer_reset(&a->record);
    record_histograms_encode(a->routed, n, a->points, &a->record);
    return put_record(a, RECORD_HISTOGRAMS, &a->record, position);
}

static enum tsdb_verdict apply_one(struct append *a, const struct routed *r)
{
    const struct tsdb_point *p = &a->points[r->index];
    if (!p->histogram) {
        uint64_t bits;
        memcpy(&bits, &p->value, sizeof bits);
        return head_apply(&a->m->head, r->ref, p->ts, bits);
    }
    writer_reset(&a->item);
    histogram_encode(p->histogram, &a->item);
    return head_apply_histogram(&a->m->head, r->ref, p->ts, writer_bytes(&a->item),
                                p->histogram->sum);
}

static void apply_shard(struct append *a, uint32_t from, uint32_t to)
{
    struct head *h = &a->m->head;
    ASSERT(((a->routed[from].ref ^ a->routed[to - 1].ref) & (SHARDS - 1)) == 0);
    mutex_lock(&h->shards[a->routed[from].ref & (SHARDS - 1)].lock);
    for (uint32_t i = from; i < to && i < from + PROBES_AT_ONCE / 4; i++)
        __builtin_prefetch(head_series(h, a->routed[i].ref), 1);
    for (uint32_t i = from; i < to; i++) {
        if (i + PROBES_AT_ONCE / 4 < to)
            __builtin_prefetch(head_series(h, a->routed[i + PROBES_AT_ONCE / 4].ref), 1);
        if (i + PROBES_AT_ONCE / 8 < to) {
            struct hot *hot = head_series(h, a->routed[i + PROBES_AT_ONCE / 8].ref)->hot;
            if (hot)
                __builtin_prefetch(hot, 1);
        }
        a->verdicts[a->routed[i].index] = (uint8_t)apply_one(a, &a->routed[i]);
    }
    mutex_unlock(&h->shards[a->routed[from].ref & (SHARDS - 1)].lock);
}

static enum tsdb_status append_under_gate(struct append *a, struct tsdb_appended *out)
{
    uint32_t n = a->count;
    check_points(a);
    if (find_refs(a) > 0) {
        for (uint32_t i = 0; i < n; i++) {
            if (a->refs[i] != ALIAS_NONE || a->verdicts[i] != TSDB_ACCEPTED)
                continue;
            enum tsdb_status st = resolve_one(a, i);
            if (st != TSDB_OK)
                return st;
        }
    }
    route(a);
    if (a->batch->starts)
        add_zeros(a);
    enum tsdb_status st = journal_batch(a, a->shard_end[SHARDS - 1], &out->position);
    if (st != TSDB_OK)
        return st;
    for (uint32_t shard = 0, from = 0; shard < SHARDS; from = a->shard_end[shard++])
        if (a->shard_end[shard] > from)
            apply_shard(a, from, a->shard_end[shard]);
    for (uint32_t i = 0; i < a->zeros; i++)
        out->zeros += a->verdicts[n + i] == TSDB_ACCEPTED;
    for (uint32_t i = 0; i < n; i++) /* exemplars of refused points are none */
        if (a->verdicts[i] != TSDB_ACCEPTED && a->verdicts[i] != TSDB_DUPLICATE)
            a->refs[i] = ALIAS_NONE;
    struct catalog_batch beside = {a->batch, a->refs, a->ts_min, a->ts_max};
    return catalog_append(&a->m->catalog, a->m->store, &beside, out, a->err);
}

static void append_begin(struct append *a, struct metrics *m, const struct tsdb_batch *batch,
                         struct tsdb_error *err)
{
    a->m = m;
    a->batch = batch;
    a->count = batch->point_count;
    a->points = batch->points;
    a->routed = a->own;
    a->empty = NULL;
    a->zeros = 0;
    a->item = a->record = (struct writer){0};
    a->err = err;
    a->tenant = batch->tenant ? batch->tenant : "";
    if (a->tenant[0])
        a->tenant_hash = hash128(m->head.seed, a->tenant, strlen(a->tenant));
    mutex_lock(&m->config);
    const struct tsdb_limits *own = tenant_limits_find(&m->tenant_limits, a->tenant);
    a->limits = own ? *own : m->limits;
    int64_t past = a->limits.past_max ? a->limits.past_max : m->retention;
    mutex_unlock(&m->config);
    a->now = clock_wall_ns(m->store->clock);
    a->ts_min = past && a->now > INT64_MIN + past ? a->now - past : INT64_MIN;
    int64_t future = a->limits.future_max;
    a->ts_max = a->now > INT64_MAX - future ? INT64_MAX : a->now + future;
}

enum tsdb_status metrics_append(struct metrics *m, const struct tsdb_batch *batch,
                                struct tsdb_appended *out, uint8_t *verdicts,
                                struct tsdb_error *err)
{
    ASSERT(batch->point_count <= TSDB_BATCH_POINTS_MAX);
    *out = (struct tsdb_appended){0};
    enum tsdb_status st = store_check_writable(m->store, err);
    if (st != TSDB_OK)
        return st;
    struct append a;
    append_begin(&a, m, batch, err);
    rwlock_read(&m->store->gate);
    st = append_under_gate(&a, out);
    rwlock_unlock(&m->store->gate);
    writer_release(&a.item);
    writer_release(&a.record);
    if (a.routed != a.own) {
        mem_free((struct tsdb_point *)(uintptr_t)a.points);
        mem_free(a.routed);
        mem_free(a.empty);
    }
    if (st != TSDB_OK)
        return st;
    for (uint32_t i = 0; i < batch->point_count; i++)
        out->counts[a.verdicts[i]]++;
    if (verdicts)
        memcpy(verdicts, a.verdicts, batch->point_count);
    return TSDB_OK;
}

const char *tsdb_verdict_name(enum tsdb_verdict verdict)
{
    static const char *const names[TSDB_VERDICT_COUNT] = {
        [TSDB_ACCEPTED] = "accepted",       [TSDB_DUPLICATE] = "duplicate",
        [TSDB_CONFLICT] = "conflict",       [TSDB_TOO_OLD] = "too_old",
        [TSDB_TOO_NEW] = "too_new",         [TSDB_BAD_LABELS] = "bad_labels",
        [TSDB_LABEL_LIMIT] = "label_limit", [TSDB_SERIES_LIMIT] = "series_limit",
        [TSDB_CHURN_LIMIT] = "churn_limit", [TSDB_BAD_HISTOGRAM] = "bad_histogram",
        [TSDB_TOO_LARGE] = "too_large",
    };
    return (unsigned)verdict < TSDB_VERDICT_COUNT ? names[verdict] : "unknown";
}
