/* Goal: a trace is read whole and once: duplicates, equal sources, order, bounds. */
#include "tests/tsdb/traces/rig.h"

static enum tsdb_status read_range(struct rig *r, uint32_t trace, int64_t start, int64_t end,
                                   uint64_t bytes_max, struct tsdb_trace **out)
{
    struct tsdb_trace_id id = rig_trace_id(trace);
    *out = NULL;
    return traces_read(r->t, "", &id, start, end, bytes_max, out, NULL);
}

Test(read, what_came_twice_is_shown_once)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, 1, 1, 0, RIG_NOW, "first");
    rig_seal(&r);
    rig_put(&r, 1, 1, 0, RIG_NOW, "second"); /* the same id: sent again */
    struct tsdb_span span = rig_span(1, 1, 0, RIG_NOW + 1, "client");
    span.kind = TSDB_KIND_CLIENT; /* as Zipkin shares ids */
    cr_assert_eq(rig_append(&r, "", &span), TSDB_ACCEPTED);
    const char *want = "1<0 first@api, 1<0 client@api";
    cr_assert_str_eq(rig_read(&r, "", 1), want);
    rig_group(&r);
    cr_assert_str_eq(rig_read(&r, "", 1), want);
    rig_seal(&r);
    cr_assert_str_eq(rig_read(&r, "", 1), want);
    struct tsdb_trace *t;
    cr_assert_eq(read_range(&r, 1, 0, 0, 0, &t), TSDB_OK);
    cr_assert_eq(t->source_count, 1u, "of two segments, but equal");
    traces_trace_free(t);
    rig_merge(&r);
    cr_assert_eq(rig_block(&r, 0)->shelved.entry.samples, 3u, "kept twice");
    cr_assert_eq(read_range(&r, 1, 0, 0, 0, &t), TSDB_OK);
    cr_assert_eq(t->span_count, 2u);
    cr_assert_eq(t->source_count, 1u, "equal ones are one");
    traces_trace_free(t);
    rig_release(&r);
}

Test(read, spans_are_in_order_whatever_order_they_came_in)
{
    struct rig r;
    rig_init(&r);
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t id = i * 5 % 7 + 1;
        rig_put(&r, 1, id, 0, RIG_NOW - id / 2, "x");
        if (i == 2)
            rig_seal(&r);
    }
    cr_assert_str_eq(rig_read(&r, "", 1),
                     "6<0 x@api, 7<0 x@api, 4<0 x@api, 5<0 x@api, 2<0 x@api, 1<0 x@api");
    rig_release(&r);
}

Test(read, a_range_narrows_the_segments_and_the_trace_comes_whole_from_those)
{
    struct rig r;
    struct tsdb_trace *t;
    rig_init(&r);
    rig_put(&r, 1, 1, 0, RIG_NOW - 5 * NS_PER_DAY, "old");
    rig_seal(&r);
    rig_put(&r, 1, 2, 1, RIG_NOW, "day");
    rig_put(&r, 1, 3, 1, RIG_NOW + NS_PER_MINUTE, "later that day");
    rig_seal(&r);
    cr_assert_eq(read_range(&r, 1, RIG_NOW, RIG_NOW + 1, 0, &t), TSDB_OK);
    cr_assert_str_eq(rig_trace_text(t), "2<1 day@api, 3<1 later that day@api");
    traces_trace_free(t);
    cr_assert_eq(read_range(&r, 1, 0, RIG_NOW, 0, &t), TSDB_OK);
    cr_assert_str_eq(rig_trace_text(t), "1<0 old@api");
    traces_trace_free(t);
    cr_assert_eq(read_range(&r, 1, RIG_NOW + NS_PER_HOUR, INT64_MAX, 0, &t), TSDB_ENOTFOUND);
    rig_put(&r, 1, 4, 1, RIG_NOW + 2, "open");
    rig_group(&r);
    rig_put(&r, 1, 5, 1, RIG_NOW - NS_PER_HOUR, "open, elsewhere");
    cr_assert_eq(read_range(&r, 1, RIG_NOW + 2, RIG_NOW + 3, 0, &t), TSDB_OK);
    cr_assert_str_eq(rig_trace_text(t),
                     "5<1 open, elsewhere@api, 2<1 day@api, 4<1 open@api, 3<1 later that day@api",
                     "%s", rig_trace_text(t));
    traces_trace_free(t);
    rig_release(&r);
}

Test(read, the_answer_is_bounded_and_charged)
{
    struct rig r;
    struct tsdb_trace *t;
    struct tsdb_span spans[100];
    char text[1000];
    memset(text, 't', sizeof text);
    rig_init(&r);
    for (uint32_t i = 0; i < 100; i++) {
        spans[i] = rig_span(1, 1 + i, 0, RIG_NOW + i, "x");
        spans[i].status_message = (struct tsdb_text){text, sizeof text};
    }
    cr_assert_eq(rig_append_all(&r, "", "api", spans, 100, NULL, NULL), TSDB_OK);
    rig_seal(&r);
    uint64_t before = budget_used(&r.store.budget);
    cr_assert_eq(read_range(&r, 1, 0, 0, 50000, &t), TSDB_OK);
    cr_assert(t->is_partial);
    cr_assert(t->span_count > 30 && t->span_count < 50, "%u", t->span_count);
    cr_assert_eq(t->spans[0].span_id.at[7], 1, "those that are there are the first");
    cr_assert_gt(budget_used(&r.store.budget), before);
    traces_trace_free(t);
    cr_assert_eq(budget_used(&r.store.budget), before);
    cr_assert_eq(read_range(&r, 1, 0, 0, 0, &t), TSDB_OK);
    cr_assert(!t->is_partial);
    cr_assert_eq(t->span_count, 100u);
    traces_trace_free(t);
    atomic_store(&r.store.budget.limit, before + 60000);
    cr_assert_eq(read_range(&r, 1, 0, 0, 0, &t), TSDB_ELIMIT);
    cr_assert_eq(budget_used(&r.store.budget), before);
    rig_release(&r);
}

/* Two groups of one segment: the second comes because the first is full. */
Test(read, a_trace_that_is_split_over_groups_is_whole)
{
    struct rig r;
    rig_init(&r);
    struct tsdb_span *spans = MEM_ARRAY(struct tsdb_span, TSDB_SPAN_BATCH_MAX);
    for (uint32_t batch = 0; batch < 18; batch++) {
        for (uint32_t i = 0; i < TSDB_SPAN_BATCH_MAX; i++)
            spans[i] =
                rig_span(2 + i % 1000, 1 + batch * TSDB_SPAN_BATCH_MAX / 2 + i, 0, RIG_NOW, "x");
        spans[7] = rig_span(1, 1 + batch, batch, RIG_NOW + batch, "y");
        cr_assert_eq(rig_append_all(&r, "", "api", spans, TSDB_SPAN_BATCH_MAX, NULL, NULL),
                     TSDB_OK);
        if (batch % 6 == 5)
            rig_seal(&r);
    }
    mem_free(spans);
    rig_merge(&r);
    cr_assert_eq(rig_blocks(&r), 1u);
    cr_assert_geq(rig_block(&r, 0)->group_count, 2u);
    struct tsdb_trace *t;
    cr_assert_eq(read_range(&r, 1, 0, 0, 0, &t), TSDB_OK);
    cr_assert_eq(t->span_count, 18u);
    for (uint32_t i = 0; i < 18; i++)
        cr_assert_eq(t->spans[i].span_id.at[7], 1 + i);
    traces_trace_free(t);
    rig_release(&r);
}
