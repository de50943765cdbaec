/* Goal: appending, reading, grouping, sealing and merging at once lose nothing and show nothing
 * twice (also under TSan); what is sealed lies in windows of time, full groups as they are. */
#include "tests/tsdb/traces/rig.h"

enum { WRITERS = 2, BATCHES = 150, SPANS = 40 };

struct work {
    struct rig *r;
    uint32_t which;
    _Atomic uint32_t *running;
    uint64_t appended;
};

/* Batch i has one span of each of SPANS traces. */
static void *append(void *arg)
{
    struct work *w = arg;
    struct tsdb_span spans[SPANS];
    for (uint32_t i = 0; i < BATCHES; i++) {
        for (uint32_t k = 0; k < SPANS; k++)
            spans[k] = rig_span(1 + k, 1 + i * WRITERS + w->which, 0, RIG_NOW + i, "x");
        struct tsdb_appended out;
        cr_assert_eq(rig_append_all(w->r, "", "api", spans, SPANS, &out, NULL), TSDB_OK);
        w->appended += out.counts[TSDB_ACCEPTED];
    }
    (void)atomic_fetch_sub(w->running, 1);
    return NULL;
}

static uint64_t count_spans(struct rig *r)
{
    struct traces_selection all = {"", INT64_MIN, INT64_MAX};
    struct traces_set *set;
    uint64_t spans = 0;
    cr_assert_eq(traces_select(r->t, &all, NULL, &set, NULL), TSDB_OK);
    for (uint32_t i = 0; i < traces_set_parts(set); i++)
        spans += traces_set_part(set, i)->rows;
    traces_set_close(set);
    return spans;
}

static uint32_t spans_of_trace(struct rig *r, uint32_t trace)
{
    struct tsdb_trace_id id = rig_trace_id(trace);
    struct tsdb_trace *t = NULL;
    enum tsdb_status st = traces_read(r->t, "", &id, 0, 0, 0, &t, NULL);
    cr_assert(st == TSDB_OK || st == TSDB_ENOTFOUND);
    uint32_t n = t ? t->span_count : 0;
    cr_assert(!t || !t->is_partial);
    traces_trace_free(t);
    return n;
}

static void *read_on(void *arg)
{
    struct work *w = arg;
    uint64_t before = 0, trace_before = 0;
    while (atomic_load(w->running) > 0) {
        uint64_t now = count_spans(w->r), of_trace = spans_of_trace(w->r, 1 + SPANS / 2);
        cr_assert_geq(now, before);
        cr_assert_geq(of_trace, trace_before);
        before = now;
        trace_before = of_trace;
    }
    return NULL;
}

Test(seal, everything_at_once, .timeout = 120)
{
    struct rig r;
    rig_init(&r);
    _Atomic uint32_t running = WRITERS;
    struct thread threads[WRITERS + 2];
    struct work works[WRITERS + 2];
    for (uint32_t i = 0; i < WRITERS + 2; i++) {
        works[i] = (struct work){.r = &r, .which = i, .running = &running};
        thread_start(&threads[i], "work", i < WRITERS ? append : read_on, &works[i]);
    }
    uint32_t seals = 0;
    for (; atomic_load(&running) > 0; seals++) {
        bool did;
        rig_sync(&r);
        cr_assert_eq(traces_group_open(r.t, UINT32_MAX, &did, NULL), TSDB_OK);
        if (seals % 2)
            rig_seal(&r);
        if (seals % 4 == 3)
            rig_merge(&r);
        (void)traces_scrub(r.t, 0);
    }
    uint64_t appended = 0;
    for (uint32_t i = 0; i < WRITERS + 2; i++) {
        thread_join(&threads[i]);
        appended += works[i].appended;
    }
    cr_assert_eq(appended, (uint64_t)WRITERS * BATCHES * SPANS);
    cr_assert_eq(count_spans(&r), appended);
    cr_assert_eq(spans_of_trace(&r, 1), WRITERS * BATCHES);
    rig_seal(&r);
    cr_assert_eq(count_spans(&r), appended);
    rig_release(&r);
}

Test(seal, segments_are_days_and_months)
{
    struct rig r;
    rig_init(&r);
    for (uint32_t i = 0; i < 40; i++)
        rig_put(&r, 1, 1 + i, 0, RIG_NOW - i * 2 * NS_PER_DAY, "x");
    rig_seal(&r);
    cr_assert_eq(rig_blocks(&r), 16u + 2u, "%u: 31 days each, then 30 at a time", rig_blocks(&r));
    for (uint32_t i = 0; i < rig_blocks(&r); i++)
        cr_assert_eq(rig_block(&r, i)->group_count, 1u);
    cr_assert_eq(count_spans(&r), 40u);
    cr_assert_eq(spans_of_trace(&r, 1), 40u);
    rig_release(&r);
}

/* Spans of `count` traces in batches. */
static void put_many(struct rig *r, uint32_t first, uint32_t count, int64_t start)
{
    struct tsdb_span *spans = MEM_ARRAY(struct tsdb_span, TSDB_SPAN_BATCH_MAX);
    for (uint32_t done = 0, n; done < count; done += n) {
        n = count - done < TSDB_SPAN_BATCH_MAX ? count - done : TSDB_SPAN_BATCH_MAX;
        for (uint32_t i = 0; i < n; i++)
            spans[i] =
                rig_span(1 + (first + done + i) / 8, 1 + (done + i) % 60000, 0, start + i, "x");
        cr_assert_eq(rig_append_all(r, "", "api", spans, n, NULL, NULL), TSDB_OK);
    }
    mem_free(spans);
}

Test(seal, a_full_group_is_packed_as_it_is)
{
    struct rig r;
    rig_init(&r);
    put_many(&r, 0, PART_FULL_ROWS, RIG_NOW);
    rig_group(&r);
    cr_assert_eq(r.t->head.hot.count, 1u);
    put_many(&r, 0, 100, RIG_NOW);
    rig_seal(&r);
    const struct trace_block *b = rig_block(&r, 0);
    cr_assert_eq(rig_blocks(&r), 1u);
    cr_assert_eq(b->group_count, 2u);
    cr_assert_eq(b->groups[0].rows, (uint32_t)PART_FULL_ROWS);
    cr_assert_eq(b->groups[1].rows, 100u);
    cr_assert_eq(spans_of_trace(&r, 1), 8u, "the same spans twice, in both groups");
    cr_assert_eq(spans_of_trace(&r, 1 + (PART_FULL_ROWS - 1) / 8), 8u);
    put_many(&r, 0, 300, RIG_NOW);
    rig_seal(&r);
    rig_merge(&r); /* the full one is copied, the small ones become one */
    b = rig_block(&r, 0);
    cr_assert_eq(b->group_count, 2u);
    cr_assert_eq(b->groups[0].rows, (uint32_t)PART_FULL_ROWS);
    cr_assert_eq(b->groups[1].rows, 400u);
    cr_assert_eq(count_spans(&r), PART_FULL_ROWS + 400u);
    cr_assert_eq(spans_of_trace(&r, 1), 8u);
    cr_assert_eq(spans_of_trace(&r, 1 + (PART_FULL_ROWS - 1) / 8), 8u);
    struct tsdb_error err = {0};
    cr_assert_eq(trace_block_verify(rig_block(&r, 0), &err), TSDB_OK, "%s", err.msg);
    rig_release(&r);
}

Test(seal, the_background_groups_when_there_are_enough)
{
    struct rig r;
    rig_init(&r);
    put_many(&r, 0, TRACES_GROUP_SPANS - 1, RIG_NOW);
    cr_assert(!traces_group_step(r.t));
    put_many(&r, 0, 1, RIG_NOW);
    cr_assert(traces_group_step(r.t));
    cr_assert(!traces_group_step(r.t));
    cr_assert_eq(r.t->head.open_count, 0u);
    cr_assert_eq(r.t->head.open_spans, 0u);
    cr_assert_eq(r.t->head.open_weight, 0u);
    put_many(&r, 0, 2 * TRACES_GROUP_SPANS + 1, RIG_NOW); /* nobody steps: appending does */
    cr_assert_lt(r.t->head.open_spans, (uint64_t)TRACES_GROUP_SPANS);
    cr_assert_eq(count_spans(&r), 3u * TRACES_GROUP_SPANS + 1);
    rig_release(&r);
}

Test(seal, a_seal_that_fails_changes_nothing)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, 1, 1, 0, RIG_NOW, "x");
    rig_put(&r, 1, 2, 0, RIG_NOW - 3 * NS_PER_DAY, "y");
    rig_sync(&r);
    fs_sim_fail(r.sim, FS_SIM_ANY_CHANGE, 9, 5, FS_SIM_ONCE);
    cr_assert_neq(store_seal(&r.store, NULL), TSDB_OK);
    cr_assert_eq(rig_blocks(&r), 0u);
    cr_assert_str_eq(rig_read(&r, "", 1), "2<0 y@api, 1<0 x@api");
    rig_seal(&r);
    cr_assert_eq(rig_blocks(&r), 2u);
    cr_assert_str_eq(rig_read(&r, "", 1), "2<0 y@api, 1<0 x@api");
    cr_assert_eq(traces_head_bytes(r.t), 0u);
    rig_release(&r);
}
