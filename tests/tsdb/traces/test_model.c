/* Goal: the engine over random spans and operations in any order answers what a plain list of
 * everything that was sent says.
 * Method: batches, groups, seals, merges, reopens, passing time and expiry at random; traces are
 * read all the time and compared span by span.  What is older than the retention may be there
 * or not; of spans that repeat any is the right one.  TEST_SEED replays a run. */
#include "tests/tsdb/traces/rig.h"

#include "tests/tsdb/traces/span_model.h"

enum { SPANS = 2500, ROUNDS = 300, SEEDS = 3, BATCH_MOST = 40, RETENTION_DAYS = 8 };

struct sent {
    const struct tsdb_span *span; /* the model's; its source, too */
    bool is_sent;
};

struct world {
    struct rig rig;
    struct span_model model;
    struct random random;
    struct sent sent[SPANS];
    uint32_t next;
    uint64_t reads, spans_read, seals, merges, reopens, expired, late;
};

static uint64_t pick(struct world *w, uint64_t bound)
{
    return random_below(&w->random, bound);
}

static int64_t now_of(struct world *w)
{
    return clock_wall_ns(&w->rig.clock.clock);
}

static bool is_required(struct world *w, const struct tsdb_span *span)
{
    return span->start >= now_of(w) - RETENTION_DAYS * NS_PER_DAY;
}

/* ---- sending ---------------------------------------------------------------------------- */

/* The model's spans with times of ours: mostly now, some days ago. */
static void set_times(struct world *w, struct tsdb_span *span)
{
    int64_t back = (int64_t)pick(w, (uint64_t)NS_PER_HOUR);
    if (pick(w, 8) == 0)
        back = (int64_t)pick(w, (uint64_t)(RETENTION_DAYS + 1) * (uint64_t)NS_PER_DAY);
    for (uint32_t i = 0; i < span->event_count; i++)
        ((struct tsdb_span_event *)(uintptr_t)span->events)[i].ts = now_of(w) - back + i;
    span->start = now_of(w) - back;
    span->end = span->start + (int64_t)pick(w, (uint64_t)NS_PER_S);
}

static void send_batch(struct world *w)
{
    uint32_t tenant = (uint32_t)pick(w, MODEL_TENANTS), n = 0;
    struct tsdb_span_source sources[MODEL_SOURCES / MODEL_TENANTS];
    struct tsdb_span spans[BATCH_MOST];
    uint8_t verdicts[BATCH_MOST];
    uint32_t first = w->next, want = 1 + (uint32_t)pick(w, BATCH_MOST);
    for (uint32_t i = 0; i < MODEL_SOURCES / MODEL_TENANTS; i++)
        sources[i] = w->model.sources[i * MODEL_TENANTS + tenant];
    for (; n < want && w->next < SPANS; w->next++, n++) {
        struct tsdb_span *span = &w->model.spans[w->next];
        set_times(w, span);
        span->source = span->source / MODEL_TENANTS * MODEL_TENANTS + tenant;
        w->sent[w->next].span = span;
        spans[n] = *span;
        spans[n].source /= MODEL_TENANTS;
    }
    struct tsdb_span_batch batch = {model_tenant(tenant).at, sources, spans,
                                    MODEL_SOURCES / MODEL_TENANTS, n};
    struct tsdb_appended out;
    struct tsdb_error err = {0};
    cr_assert_eq(traces_append(w->rig.t, &batch, &out, verdicts, &err), TSDB_OK, "%s", err.msg);
    for (uint32_t i = 0; i < n; i++) {
        bool is_old = !is_required(w, &spans[i]);
        cr_assert_eq(verdicts[i], is_old ? TSDB_TOO_OLD : TSDB_ACCEPTED, "%d", verdicts[i]);
        w->sent[first + i].is_sent = !is_old;
        w->late += is_old;
    }
}

/* ---- comparing ---------------------------------------------------------------------------- */

static bool is_same_span(const struct tsdb_span *a, const struct tsdb_span *b)
{
    return a->kind == b->kind && memcmp(&a->span_id, &b->span_id, sizeof a->span_id) == 0;
}

static bool is_of(const struct world *w, uint32_t i, uint32_t tenant,
                  const struct tsdb_trace_id *id)
{
    const struct sent *s = &w->sent[i];
    return s->is_sent && s->span->source % MODEL_TENANTS == tenant &&
           memcmp(&s->span->trace_id, id, sizeof *id) == 0;
}

/* Sent as it is. */
static bool was_sent(const struct world *w, uint32_t tenant, const struct tsdb_trace *t,
                     const struct tsdb_span *got)
{
    for (uint32_t i = 0; i < w->next; i++)
        if (is_of(w, i, tenant, &t->id) && !spans_differ(w->sent[i].span, got) &&
            !sources_differ(&w->model.sources[w->sent[i].span->source], &t->sources[got->source]))
            return true;
    return false;
}

static bool has_span(const struct tsdb_trace *t, const struct tsdb_span *want)
{
    for (uint32_t i = 0; i < t->span_count; i++)
        if (is_same_span(&t->spans[i], want))
            return true;
    return false;
}

static void compare(struct world *w, uint32_t tenant, const struct tsdb_trace *t)
{
    cr_assert(!t->is_partial);
    for (uint32_t i = 0; i < t->span_count; i++) {
        cr_assert(was_sent(w, tenant, t, &t->spans[i]), "span %u of %u", i, t->span_count);
        cr_assert(i == 0 || t->spans[i - 1].start <= t->spans[i].start);
        for (uint32_t k = 0; k < i; k++)
            cr_assert(!is_same_span(&t->spans[k], &t->spans[i]));
    }
    for (uint32_t i = 0; i < t->source_count; i++)
        for (uint32_t k = 0; k < i; k++)
            cr_assert(sources_differ(&t->sources[i], &t->sources[k]));
    w->spans_read += t->span_count;
}

static void read_one(struct world *w)
{
    if (w->next == 0)
        return;
    const struct tsdb_trace_id *id = &w->model.spans[pick(w, w->next)].trace_id;
    uint32_t tenant = (uint32_t)pick(w, MODEL_TENANTS);
    struct tsdb_trace *t = NULL;
    struct tsdb_error err = {0};
    enum tsdb_status st = traces_read(w->rig.t, model_tenant(tenant).at, id, 0, 0, 0, &t, &err);
    cr_assert(st == TSDB_OK || st == TSDB_ENOTFOUND, "%s", err.msg);
    if (t)
        compare(w, tenant, t);
    for (uint32_t i = 0; i < w->next; i++)
        if (is_of(w, i, tenant, id) && is_required(w, w->sent[i].span))
            cr_assert(t && has_span(t, w->sent[i].span), "span %u is lost", i);
    traces_trace_free(t);
    w->reads++;
}

/* ---- operations ---------------------------------------------------------------------------- */

static void operate(struct world *w)
{
    struct tsdb_stats stats = {0};
    bool did;
    switch (pick(w, 12)) {
    case 0: rig_group(&w->rig); break;
    case 1:
        rig_seal(&w->rig);
        w->seals++;
        break;
    case 2: rig_merge(&w->rig); break;
    case 3:
        store_watch_disk(&w->rig.store);
        cr_assert_eq(traces_merge(w->rig.t, false, &did, NULL), TSDB_OK);
        break;
    case 4:
        traces_stats(w->rig.t, &stats);
        w->merges += stats.merges;
        w->expired += stats.expired;
        rig_reopen(&w->rig);
        w->reopens++;
        break;
    case 5: cr_assert_eq(traces_expire(w->rig.t, NULL), TSDB_OK); break;
    case 6: clock_sim_advance(&w->rig.clock, (int64_t)pick(w, 16) * NS_PER_HOUR); break;
    default: send_batch(w);
    }
}

static void check_files(void *arg, const char *line)
{
    (void)arg;
    cr_assert_fail("%s", line);
}

static void run(uint64_t seed)
{
    struct world *w = MEM_NEW(struct world);
    random_init(&w->random, seed);
    span_model_init(&w->model, seed, SPANS);
    rig_init(&w->rig);
    w->rig.options.retention = RETENTION_DAYS * NS_PER_DAY;
    rig_reopen(&w->rig);
    for (int i = 0; i < ROUNDS; i++) {
        operate(w);
        read_one(w);
        read_one(w);
    }
    rig_seal(&w->rig);
    cr_assert_eq(traces_verify(w->rig.options.fs, "/store", check_files, NULL, NULL), TSDB_OK);
    printf("model: traces: seed %llu: %llu reads of %llu spans, %llu seals, %llu merges, "
           "%llu expired, %llu reopens\n",
           (unsigned long long)seed, (unsigned long long)w->reads,
           (unsigned long long)w->spans_read, (unsigned long long)w->seals,
           (unsigned long long)w->merges, (unsigned long long)w->expired,
           (unsigned long long)w->reopens);
    (void)fflush(stdout);
    cr_assert_gt(w->spans_read, w->reads);
    cr_assert_gt(w->seals, 5u);
    cr_assert_gt(w->merges, 5u);
    cr_assert_gt(w->expired, 0u);
    cr_assert_gt(w->late, 0u);
    rig_release(&w->rig);
    span_model_release(&w->model);
    mem_free(w);
}

Test(model, the_engine_answers_what_was_sent, .timeout = 280)
{
    uint64_t seed = rig_seed(20261124);
    for (uint64_t i = 0; i < SEEDS; i++)
        run(seed + i);
}
