/* tsdb_log_append: verdicts, streams, one journal record, open rows.
 *
 * Per record: the checks (times, sizes), one pass that writes it as it goes into the journal
 * and stays in memory, one memcpy by the journal, 16 bytes of row.  Per stream of a batch:
 * its labels made canonical, hashed, one probe. */
#include "tsdb/logs/engine.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

enum { LINE_BYTES_DEFAULT = 256 << 10, FIELDS_DEFAULT = 256, PENDING = TSDB_VERDICT_COUNT };

/* A stream of the batch that an accepted record names. */
struct found {
    struct tsdb_labels labels; /* canonical, without the tenant; in the arena */
    uint32_t ref;
};

struct append {
    struct logs *l;
    const struct tsdb_log_batch *batch;
    const char *tenant;
    struct tsdb_limits limits;
    int64_t now_mono, ts_min, ts_max;
    struct arena arena;
    uint8_t *verdicts;        /* owned; of records */
    uint8_t *stream_verdicts; /* owned; PENDING: not looked at yet */
    uint32_t *numbers;        /* owned; of the batch's streams in the record */
    struct found *found;      /* owned; by number */
    uint32_t found_count;
    uint64_t bound; /* of the payload's rows */
    struct tsdb_error *err;
};

/* ---- records ------------------------------------------------------------------------ */

static bool is_too_large(const struct append *a, const struct tsdb_log_record *r)
{
    if (r->line.len > a->limits.log_line_bytes_max || r->field_count > a->limits.log_fields_max)
        return true;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < r->field_count; i++) {
        const struct tsdb_field *f = &r->fields[i];
        bytes += f->name.len;
        bool is_number =
            f->type == TSDB_FIELD_INT || f->type == TSDB_FIELD_DOUBLE || f->type == TSDB_FIELD_BOOL;
        bytes += is_number ? sizeof(int64_t) : f->text.len;
    }
    return bytes > a->limits.log_line_bytes_max;
}

static enum tsdb_verdict check_record(const struct append *a, const struct tsdb_log_record *r)
{
    if (r->ts < a->ts_min)
        return TSDB_TOO_OLD;
    if (r->ts > a->ts_max)
        return TSDB_TOO_NEW;
    return is_too_large(a, r) ? TSDB_TOO_LARGE : TSDB_ACCEPTED;
}

/* ---- streams ------------------------------------------------------------------------ */

/* Whether the tenant may have one more stream now. */
static enum tsdb_verdict admit(const struct append *a, struct head_tenant *t)
{
    if (a->limits.series_max && t->streams >= a->limits.series_max)
        return TSDB_SERIES_LIMIT;
    /* The last eighth is for the records of known streams, until sealing has made room. */
    uint64_t memory = atomic_load_explicit(&a->l->store->budget.limit, memory_order_relaxed);
    if (budget_used(&a->l->store->budget) > memory - memory / 8)
        return TSDB_SERIES_LIMIT;
    if (!a->limits.series_new_per_s)
        return TSDB_ACCEPTED;
    double rate = (double)a->limits.series_new_per_s, most = 10 * rate;
    if (!t->has_churned)
        t->churn_tokens = most;
    else
        t->churn_tokens += (double)(a->now_mono - t->churn_mono_ns) / (double)NS_PER_S * rate;
    t->has_churned = true;
    t->churn_mono_ns = a->now_mono;
    if (t->churn_tokens > most)
        t->churn_tokens = most;
    if (t->churn_tokens < 1)
        return TSDB_CHURN_LIMIT;
    t->churn_tokens -= 1;
    return TSDB_ACCEPTED;
}

/* The stream, made when it is not there and `admits` (NULL: everything) lets it.  A touch
 * under the gate keeps it from being forgotten. */
static enum tsdb_verdict find_or_create(struct logs *l, const struct append *admits,
                                        const char *tenant, struct tsdb_labels labels,
                                        uint32_t *ref)
{
    struct head *h = &l->head;
    int64_t now = clock_mono_ns(l->store->clock);
    struct tsdb_hash hash = stream_hash(h->seed, labels);
    rwlock_read(&h->streams);
    *ref = log_head_find(h, hash);
    if (*ref != HEAD_NONE)
        head_touch(h, *ref, now);
    rwlock_unlock(&h->streams);
    if (*ref != HEAD_NONE)
        return TSDB_ACCEPTED;
    enum tsdb_verdict verdict = TSDB_ACCEPTED;
    rwlock_write(&h->streams);
    *ref = log_head_find(h, hash); /* another batch may have been quicker */
    if (*ref == HEAD_NONE) {
        uint32_t which = log_head_tenant_put(h, tenant);
        if (which == HEAD_TENANTS_MAX)
            verdict = TSDB_SERIES_LIMIT;
        else if (admits)
            verdict = admit(admits, &h->tenants[which]);
        if (verdict == TSDB_ACCEPTED)
            *ref = log_head_add(h, hash, (uint16_t)which, labels);
        if (verdict == TSDB_ACCEPTED && *ref == HEAD_NONE)
            verdict = TSDB_SERIES_LIMIT;
    }
    if (*ref != HEAD_NONE)
        head_touch(h, *ref, now);
    rwlock_unlock(&h->streams);
    return verdict;
}

static enum tsdb_verdict find_stream(struct append *a, uint32_t stream)
{
    struct tsdb_label labels[LABELS_MAX];
    uint32_t count, ref;
    enum tsdb_verdict verdict =
        stream_canonical(&a->limits, &a->batch->streams[stream], &a->arena, labels, &count);
    if (verdict != TSDB_ACCEPTED)
        return verdict;
    struct tsdb_label *kept = ARENA_ARRAY(&a->arena, struct tsdb_label, count);
    if (!kept)
        return TSDB_LABEL_LIMIT;
    memcpy(kept, labels, count * sizeof *kept);
    struct tsdb_labels bare = {kept, count};
    stream_add_tenant(a->tenant, labels, &count);
    verdict = find_or_create(a->l, a, a->tenant, (struct tsdb_labels){labels, count}, &ref);
    if (verdict != TSDB_ACCEPTED)
        return verdict;
    a->found[a->found_count] = (struct found){bare, ref};
    a->numbers[stream] = a->found_count++;
    return TSDB_ACCEPTED;
}

static uint32_t check_records(struct append *a)
{
    uint32_t accepted = 0;
    for (uint32_t i = 0; i < a->batch->record_count; i++) {
        const struct tsdb_log_record *r = &a->batch->records[i];
        ASSERT(r->stream < a->batch->stream_count);
        a->verdicts[i] = (uint8_t)check_record(a, r);
        if (a->verdicts[i] != TSDB_ACCEPTED)
            continue;
        if (a->stream_verdicts[r->stream] == PENDING)
            a->stream_verdicts[r->stream] = (uint8_t)find_stream(a, r->stream);
        a->verdicts[i] = a->stream_verdicts[r->stream];
        if (a->verdicts[i] != TSDB_ACCEPTED)
            continue;
        accepted++;
        a->bound += batch_record_bound(r);
    }
    return accepted;
}

/* ---- journal and head ----------------------------------------------------------------- */

static void finish_batch(struct log_batch *b)
{
    for (uint32_t i = 0; i < b->row_count; i++) {
        b->ts_min = b->rows[i].ts < b->ts_min ? b->rows[i].ts : b->ts_min;
        b->ts_max = b->rows[i].ts > b->ts_max ? b->rows[i].ts : b->ts_max;
    }
}

/* Written, as a batch that is not in the head yet; the writer's memory is the payload. */
static enum tsdb_status encode(struct append *a, uint32_t accepted, struct log_batch **out)
{
    struct tsdb_labels *labels = MEM_ARRAY(struct tsdb_labels, a->found_count);
    for (uint32_t i = 0; i < a->found_count; i++)
        labels[i] = a->found[i].labels;
    struct batch_source in = {.tenant = a->tenant,
                              .batch = a->batch,
                              .streams = a->numbers,
                              .written = labels,
                              .written_count = a->found_count};
    struct batch_row *rows = MEM_ARRAY(struct batch_row, accepted);
    struct batch_written written;
    struct writer payload = {0};
    (void)writer_reserve(&payload, (size_t)a->bound);
    batch_record_encode(&in, a->verdicts, &payload, rows, &written);
    mem_free(labels);
    enum tsdb_status st = TSDB_OK;
    if (written.rows == 0 || payload.len > LOGS_BATCH_BYTES_MAX) {
        if (written.rows > 0)
            st = tsdb_fail(a->err, TSDB_EINVAL, "batch of %zu bytes, at most %d", payload.len,
                           LOGS_BATCH_BYTES_MAX);
        *out = NULL;
        writer_release(&payload);
    } else {
        struct bytes exact = {mem_grow(payload.at, payload.len, 1), payload.len};
        st = log_batch_new(&a->l->head.budget, exact, out);
        ASSERT(st != TSDB_ECORRUPT);
        if (st != TSDB_OK)
            (void)tsdb_fail(a->err, st, "memory budget: a batch of %zu bytes does not fit",
                            exact.len);
    }
    for (uint32_t i = 0; st == TSDB_OK && *out && i < written.rows; i++) {
        rows[i].stream = a->found[rows[i].stream].ref;
        (*out)->rows[i] = rows[i];
    }
    if (st == TSDB_OK && *out)
        (*out)->line_bytes = written.line_bytes;
    mem_free(rows);
    return st;
}

static void push(struct logs *l, struct log_batch *b)
{
    finish_batch(b);
    b->generation = l->head.generation;
    if (atomic_load_explicit(&l->tail_count, memory_order_relaxed) > 0)
        logs_tails_push(l, b);
    mutex_lock(&l->shelf.lock);
    log_head_push(&l->head, b);
    mutex_unlock(&l->shelf.lock);
}

static enum tsdb_status append_under_gate(struct append *a, struct tsdb_appended *out)
{
    uint32_t accepted = check_records(a);
    if (accepted == 0)
        return TSDB_OK;
    struct budget *budget = &a->l->head.budget;
    if (!budget_charge(budget, a->bound)) /* until the batch's own charge */
        return tsdb_fail(a->err, TSDB_ELIMIT, "memory budget: a batch of %llu bytes does not fit",
                         (unsigned long long)a->bound);
    struct log_batch *b;
    enum tsdb_status st = encode(a, accepted, &b);
    budget_release(budget, a->bound);
    if (st != TSDB_OK || !b)
        return st;
    st = journal_append(a->l->store->journal, LOGS_RECORD, &b->tables.payload, 1, &b->position,
                        a->err);
    if (st != TSDB_OK) {
        log_batch_unref(b);
        return st;
    }
    out->position = b->position;
    push(a->l, b);
    return TSDB_OK;
}

static uint32_t at_most(uint32_t limit, uint32_t otherwise, uint32_t most)
{
    limit = limit ? limit : otherwise;
    return limit < most ? limit : most;
}

static void append_begin(struct append *a, struct logs *l, const struct tsdb_log_batch *batch,
                         struct tsdb_error *err)
{
    *a = (struct append){.l = l, .batch = batch, .err = err};
    a->tenant = batch->tenant ? batch->tenant : "";
    mutex_lock(&l->config);
    const struct tsdb_limits *own = tenant_limits_find(&l->tenant_limits, a->tenant);
    a->limits = own ? *own : l->limits;
    int64_t past = a->limits.past_max ? a->limits.past_max : l->retention;
    mutex_unlock(&l->config);
    a->limits.log_line_bytes_max =
        at_most(a->limits.log_line_bytes_max, LINE_BYTES_DEFAULT, TSDB_LOG_LINE_MAX);
    a->limits.log_fields_max =
        at_most(a->limits.log_fields_max, FIELDS_DEFAULT, TSDB_LOG_FIELDS_MAX);
    int64_t now = clock_wall_ns(l->store->clock), future = a->limits.future_max;
    a->now_mono = clock_mono_ns(l->store->clock);
    a->ts_min = past && now > INT64_MIN + past ? now - past : INT64_MIN;
    a->ts_max = now > INT64_MAX - future ? INT64_MAX : now + future;
    arena_init(&a->arena, (size_t)LOGS_BATCH_BYTES_MAX, NULL);
    a->verdicts = mem_alloc((size_t)batch->record_count + 1);
    a->stream_verdicts = mem_alloc((size_t)batch->stream_count + 1);
    memset(a->stream_verdicts, PENDING, batch->stream_count);
    a->numbers = MEM_ARRAY(uint32_t, batch->stream_count);
    a->found = MEM_ARRAY(struct found, batch->stream_count);
}

static void append_end(struct append *a)
{
    arena_release(&a->arena);
    mem_free(a->verdicts);
    mem_free(a->stream_verdicts);
    mem_free(a->numbers);
    mem_free(a->found);
}

/* Nobody has made groups of them for too long. */
static void group_when_many(struct logs *l)
{
    mutex_lock(&l->shelf.lock);
    bool is_many = l->head.open_rows > LOGS_OPEN_ROWS_MAX;
    mutex_unlock(&l->shelf.lock);
    bool did;
    if (is_many) /* a failure leaves them open, and the next append tries again */
        (void)!logs_group_open(l, UINT32_MAX, &did, NULL);
}

enum tsdb_status logs_append(struct logs *l, const struct tsdb_log_batch *batch,
                             struct tsdb_appended *out, uint8_t *verdicts, struct tsdb_error *err)
{
    ASSERT(batch->record_count <= TSDB_LOG_BATCH_MAX &&
           batch->stream_count <= TSDB_LOG_STREAMS_MAX);
    *out = (struct tsdb_appended){0};
    enum tsdb_status st = store_check_writable(l->store, err);
    if (st != TSDB_OK)
        return st;
    struct append a;
    append_begin(&a, l, batch, err);
    rwlock_read(&l->store->gate);
    st = append_under_gate(&a, out);
    rwlock_unlock(&l->store->gate);
    if (st == TSDB_OK) {
        for (uint32_t i = 0; i < batch->record_count; i++)
            out->counts[a.verdicts[i]]++;
        if (verdicts)
            memcpy(verdicts, a.verdicts, batch->record_count);
        group_when_many(l);
    }
    append_end(&a);
    return st;
}

/* ---- replay --------------------------------------------------------------------------- */

static enum tsdb_status restore_streams(struct logs *l, const struct log_batch *b, uint32_t *refs)
{
    char tenant[HEAD_TEXT_BYTES_MAX + 1];
    memcpy(tenant, b->tables.tenant.at, b->tables.tenant.len);
    tenant[b->tables.tenant.len] = '\0';
    struct reader r = reader_over(b->tables.streams);
    for (uint32_t i = 0; i < b->tables.stream_count; i++) {
        struct tsdb_label labels[LABELS_MAX];
        uint32_t count;
        enum tsdb_status st = batch_stream_next(&r, labels, &count);
        if (st != TSDB_OK)
            return st;
        stream_add_tenant(tenant, labels, &count);
        if (find_or_create(l, NULL, tenant, (struct tsdb_labels){labels, count}, &refs[i]) !=
            TSDB_ACCEPTED)
            return TSDB_ELIMIT;
    }
    return reader_done(&r) ? TSDB_OK : TSDB_ECORRUPT;
}

enum tsdb_status logs_restore(struct logs *l, uint64_t position, struct bytes payload)
{
    struct bytes copy = {mem_alloc(payload.len + 1), payload.len};
    memcpy((uint8_t *)(uintptr_t)copy.at, payload.at, payload.len);
    struct log_batch *b;
    enum tsdb_status st = log_batch_new(&l->head.budget, copy, &b);
    if (st != TSDB_OK)
        return st;
    b->position = position;
    st = batch_rows_decode(&b->tables, b->rows, &b->line_bytes);
    uint32_t *refs = MEM_ARRAY(uint32_t, b->tables.stream_count);
    if (st == TSDB_OK)
        st = restore_streams(l, b, refs);
    for (uint32_t i = 0; i < b->row_count && st == TSDB_OK; i++)
        b->rows[i].stream = refs[b->rows[i].stream];
    mem_free(refs);
    if (st != TSDB_OK || b->row_count == 0) {
        log_batch_unref(b);
        return st;
    }
    push(l, b);
    group_when_many(l);
    return TSDB_OK;
}
