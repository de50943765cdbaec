/* tsdb_span_append: verdicts, one journal record, one open batch.
 *
 * Per span: the checks, which also count what it weighs, and one pass that writes it as it
 * goes into the journal and stays in memory; one memcpy by the journal.  Names of attributes
 * are looked at when that pass meets them first; where one is bad, the checks are done again
 * with the names of every span. */
#include "tsdb/traces/engine.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/traces/span_limits.h"
#include "tsdb/traces/span_record.h"

enum { PENDING = TSDB_VERDICT_COUNT };

struct append {
    struct traces *t;
    const struct tsdb_span_batch *batch;
    struct tsdb_text tenant;
    int64_t ts_min, ts_max;
    uint8_t *verdicts;        /* owned; of spans */
    uint8_t *source_verdicts; /* owned; PENDING: not looked at yet */
    uint64_t weight;          /* of what is accepted */
    uint32_t accepted;
    bool checks_names; /* of spans; those of sources always are */
    struct tsdb_error *err;
};

static enum tsdb_verdict check_source(struct append *a, uint32_t source)
{
    struct span_size size;
    uint8_t *verdict = &a->source_verdicts[source];
    if (*verdict != PENDING)
        return (enum tsdb_verdict) * verdict;
    const struct tsdb_span_source *s = &a->batch->sources[source];
    *verdict = (uint8_t)span_source_check(s);
    if (*verdict == TSDB_ACCEPTED && span_source_size_check(s, &size) == TSDB_ACCEPTED)
        a->weight += span_source_weight(&size);
    return (enum tsdb_verdict) * verdict;
}

static enum tsdb_verdict check_span(struct append *a, const struct tsdb_span *span)
{
    struct span_size size;
    if (span->start < a->ts_min)
        return TSDB_TOO_OLD;
    if (span->start > a->ts_max)
        return TSDB_TOO_NEW;
    enum tsdb_verdict verdict = span_size_check(span, &size);
    if (verdict == TSDB_ACCEPTED && a->checks_names)
        verdict = span_check(span);
    if (verdict == TSDB_ACCEPTED)
        verdict = check_source(a, span->source);
    if (verdict == TSDB_ACCEPTED)
        a->weight += span_weight(span, &size);
    return verdict;
}

static void check_spans(struct append *a)
{
    a->accepted = 0;
    a->weight = 0;
    memset(a->source_verdicts, PENDING, a->batch->source_count);
    for (uint32_t i = 0; i < a->batch->span_count; i++) {
        const struct tsdb_span *span = &a->batch->spans[i];
        ASSERT(span->source < a->batch->source_count);
        a->verdicts[i] = (uint8_t)check_span(a, span);
        a->accepted += a->verdicts[i] == TSDB_ACCEPTED;
    }
}

/* One tenant too many: nothing of it is taken. */
static void refuse_all(struct append *a)
{
    for (uint32_t i = 0; i < a->batch->span_count; i++)
        if (a->verdicts[i] == TSDB_ACCEPTED)
            a->verdicts[i] = TSDB_SERIES_LIMIT;
    a->accepted = 0;
}

/* Writes what is accepted, which may become less. */
static enum tsdb_status write_payload(struct append *a, struct writer *out)
{
    enum tsdb_status st = span_record_write(a->batch, a->verdicts, out);
    if (st != TSDB_OK) {
        a->checks_names = true;
        check_spans(a);
        st = span_record_write(a->batch, a->verdicts, out);
        ASSERT(st == TSDB_OK); /* everything was checked */
    }
    if (a->accepted > 0 && !trace_head_admits(&a->t->head, a->tenant))
        refuse_all(a);
    if (out->len > TRACES_BATCH_BYTES_MAX)
        return tsdb_fail(a->err, TSDB_EINVAL, "batch of %zu bytes, at most %d", out->len,
                         TRACES_BATCH_BYTES_MAX);
    return TSDB_OK;
}

/* A batch that is not in the head yet, or NULL: nothing is accepted; the writer's memory is
 * the payload. */
static enum tsdb_status encode(struct append *a, struct span_batch **out)
{
    struct writer payload = {0};
    enum tsdb_status st = write_payload(a, &payload);
    *out = NULL;
    if (st != TSDB_OK || a->accepted == 0) {
        writer_release(&payload);
        return st;
    }
    struct bytes exact = {mem_grow(payload.at, payload.len, 1), payload.len};
    st = span_batch_new(&a->t->head.budget, exact, out);
    if (st != TSDB_OK)
        return tsdb_fail(a->err, st, "memory budget: a batch of %zu bytes does not fit", exact.len);
    struct span_batch *b = *out;
    b->span_count = a->accepted;
    b->weight = a->weight;
    for (uint32_t i = 0; i < a->batch->span_count; i++) {
        int64_t start = a->batch->spans[i].start;
        if (a->verdicts[i] != TSDB_ACCEPTED)
            continue;
        b->ts_min = start < b->ts_min ? start : b->ts_min;
        b->ts_max = start > b->ts_max ? start : b->ts_max;
    }
    return TSDB_OK;
}

static void push(struct traces *t, struct span_batch *b)
{
    b->generation = t->head.generation;
    mutex_lock(&t->shelf.lock);
    trace_head_push(&t->head, b);
    mutex_unlock(&t->shelf.lock);
}

static enum tsdb_status append_under_gate(struct append *a, struct tsdb_appended *out)
{
    check_spans(a);
    if (a->accepted == 0)
        return TSDB_OK;
    if (a->weight > TRACES_BATCH_WEIGHT_MAX)
        return tsdb_fail(a->err, TSDB_EINVAL, "batch of about %llu bytes in the clear, at most %d",
                         (unsigned long long)a->weight, TRACES_BATCH_WEIGHT_MAX);
    struct budget *budget = &a->t->head.budget;
    uint64_t charged = a->weight; /* until the batch's own charge */
    if (!budget_charge(budget, charged))
        return tsdb_fail(a->err, TSDB_ELIMIT, "memory budget: a batch of %llu bytes does not fit",
                         (unsigned long long)charged);
    struct span_batch *b;
    enum tsdb_status st = encode(a, &b);
    budget_release(budget, charged);
    if (st != TSDB_OK || !b)
        return st;
    st = journal_append(a->t->store->journal, TRACES_RECORD, &b->payload, 1, &b->position, a->err);
    if (st != TSDB_OK) {
        span_batch_unref(b);
        return st;
    }
    out->position = b->position;
    push(a->t, b);
    return TSDB_OK;
}

static void append_begin(struct append *a, struct traces *t, const struct tsdb_span_batch *batch,
                         struct tsdb_error *err)
{
    const char *tenant = batch->tenant ? batch->tenant : "";
    *a = (struct append){.t = t, .batch = batch, .tenant = text_of(tenant), .err = err};
    mutex_lock(&t->config);
    const struct tsdb_limits *own = tenant_limits_find(&t->tenant_limits, tenant);
    const struct tsdb_limits *limits = own ? own : &t->limits;
    int64_t past = limits->past_max ? limits->past_max : t->retention;
    int64_t future = limits->future_max;
    mutex_unlock(&t->config);
    int64_t now = clock_wall_ns(t->store->clock);
    a->ts_min = past && now > INT64_MIN + past ? now - past : INT64_MIN;
    a->ts_max = now > INT64_MAX - future ? INT64_MAX : now + future;
    a->verdicts = mem_alloc((size_t)batch->span_count + 1);
    a->source_verdicts = mem_alloc((size_t)batch->source_count + 1);
}

static void append_end(struct append *a)
{
    mem_free(a->verdicts);
    mem_free(a->source_verdicts);
}

/* Nobody has made groups of them for too long. */
static void group_when_many(struct traces *t)
{
    mutex_lock(&t->shelf.lock);
    bool is_many = t->head.open_spans > 2 * (uint64_t)TRACES_GROUP_SPANS ||
                   t->head.open_weight > 2 * (uint64_t)TRACES_GROUP_WEIGHT;
    mutex_unlock(&t->shelf.lock);
    bool did;
    if (is_many) /* a failure leaves them open, and the next append tries again */
        (void)!traces_group_open(t, UINT32_MAX, &did, NULL);
}

enum tsdb_status traces_append(struct traces *t, const struct tsdb_span_batch *batch,
                               struct tsdb_appended *out, uint8_t *verdicts, struct tsdb_error *err)
{
    ASSERT(batch->span_count <= TSDB_SPAN_BATCH_MAX);
    ASSERT(batch->source_count <= TSDB_SPAN_SOURCES_MAX);
    *out = (struct tsdb_appended){0};
    enum tsdb_status st = store_check_writable(t->store, err);
    if (st != TSDB_OK)
        return st;
    struct append a;
    append_begin(&a, t, batch, err);
    rwlock_read(&t->store->gate);
    st = append_under_gate(&a, out);
    rwlock_unlock(&t->store->gate);
    if (st == TSDB_OK) {
        for (uint32_t i = 0; i < batch->span_count; i++)
            out->counts[a.verdicts[i]]++;
        if (verdicts)
            memcpy(verdicts, a.verdicts, batch->span_count);
        group_when_many(t);
    }
    append_end(&a);
    return st;
}

/* ---- replay --------------------------------------------------------------------------- */

static void measure(struct span_batch *b, const struct tsdb_span_batch *in)
{
    struct span_size size;
    b->span_count = in->span_count;
    for (uint32_t i = 0; i < in->source_count; i++)
        if (span_source_size_check(&in->sources[i], &size) == TSDB_ACCEPTED)
            b->weight += span_source_weight(&size);
    for (uint32_t i = 0; i < in->span_count; i++) {
        const struct tsdb_span *span = &in->spans[i];
        if (span_size_check(span, &size) == TSDB_ACCEPTED)
            b->weight += span_weight(span, &size);
        b->ts_min = span->start < b->ts_min ? span->start : b->ts_min;
        b->ts_max = span->start > b->ts_max ? span->start : b->ts_max;
    }
}

enum tsdb_status traces_restore(struct traces *t, uint64_t position, struct bytes payload)
{
    struct tsdb_span_batch batch;
    struct arena arena;
    arena_init(&arena, SIZE_MAX, NULL);
    enum tsdb_status st = span_record_read(payload, &arena, &batch, NULL);
    struct span_batch *b = NULL;
    if (st == TSDB_OK && batch.span_count > 0) {
        struct bytes copy = {mem_alloc(payload.len + 1), payload.len};
        memcpy((uint8_t *)(uintptr_t)copy.at, payload.at, payload.len);
        st = span_batch_new(&t->head.budget, copy, &b);
    }
    if (st == TSDB_OK && b) {
        b->position = position;
        measure(b, &batch);
        (void)trace_head_admits(&t->head, text_of(batch.tenant)); /* it was, once */
        push(t, b);
        group_when_many(t);
    }
    arena_release(&arena);
    return st;
}
