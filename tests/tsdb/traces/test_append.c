/* Goal: each limit refuses exactly what passes it, with its verdict, and nothing else of the
 * batch; tenants are apart; memory is bounded. */
#include "tests/tsdb/traces/rig.h"

static enum tsdb_verdict send_at(struct rig *r, int64_t start)
{
    struct tsdb_span span = rig_span(1, 1, 0, start, "x");
    return rig_append(r, "", &span);
}

Test(append, times)
{
    struct rig r;
    rig_init(&r);
    cr_assert_eq(send_at(&r, INT64_MIN), TSDB_ACCEPTED, "no retention, no past_max");
    cr_assert_eq(send_at(&r, RIG_NOW + 10 * NS_PER_MINUTE), TSDB_ACCEPTED);
    cr_assert_eq(send_at(&r, RIG_NOW + 10 * NS_PER_MINUTE + 1), TSDB_TOO_NEW);
    r.options.retention = NS_PER_DAY;
    traces_configure(r.t, &r.options);
    cr_assert_eq(send_at(&r, RIG_NOW - NS_PER_DAY), TSDB_ACCEPTED);
    cr_assert_eq(send_at(&r, RIG_NOW - NS_PER_DAY - 1), TSDB_TOO_OLD);
    r.options.limits.past_max = NS_PER_HOUR;
    traces_configure(r.t, &r.options);
    cr_assert_eq(send_at(&r, RIG_NOW - NS_PER_HOUR - 1), TSDB_TOO_OLD);
    struct tsdb_tenant_limits own = {"blue", r.options.limits};
    own.limits.past_max = 2 * NS_PER_HOUR;
    r.options.tenant_limits = &own;
    r.options.tenant_limits_count = 1;
    traces_configure(r.t, &r.options);
    struct tsdb_span span = rig_span(1, 1, 0, RIG_NOW - NS_PER_HOUR - 1, "x");
    cr_assert_eq(rig_append(&r, "blue", &span), TSDB_ACCEPTED);
    cr_assert_eq(rig_append(&r, "green", &span), TSDB_TOO_OLD);
    rig_release(&r);
}

/* Each is refused alone: what stands beside it is kept. */
static void refused(struct rig *r, const struct tsdb_span *bad, enum tsdb_verdict want)
{
    struct tsdb_span spans[] = {rig_span(2, 1, 0, RIG_NOW, "a"), *bad,
                                rig_span(2, 2, 0, RIG_NOW, "b")};
    struct tsdb_appended out;
    uint8_t verdicts[3];
    cr_assert_eq(rig_append_all(r, "", "api", spans, 3, &out, verdicts), TSDB_OK);
    cr_assert_eq(verdicts[0], TSDB_ACCEPTED);
    cr_assert_eq(verdicts[1], want, "%d", verdicts[1]);
    cr_assert_eq(verdicts[2], TSDB_ACCEPTED);
    cr_assert_eq(out.counts[TSDB_ACCEPTED], want == TSDB_ACCEPTED ? 3u : 2u);
    cr_assert(want == TSDB_ACCEPTED || out.counts[want] == 1);
}

Test(append, what_no_span_may_be)
{
    struct rig r;
    rig_init(&r);
    struct tsdb_span span = rig_span(0, 1, 0, RIG_NOW, "no trace id");
    refused(&r, &span, TSDB_BAD_LABELS);
    span = rig_span(1, 0, 0, RIG_NOW, "no span id");
    refused(&r, &span, TSDB_BAD_LABELS);
    char *large = mem_alloc(TSDB_SPAN_BYTES_MAX + 1);
    memset(large, 'x', TSDB_SPAN_BYTES_MAX + 1);
    span = rig_span(1, 1, 0, RIG_NOW, "");
    span.name = (struct tsdb_text){large, TSDB_SPAN_BYTES_MAX};
    refused(&r, &span, TSDB_ACCEPTED);
    span.name.len++;
    refused(&r, &span, TSDB_TOO_LARGE);
    struct tsdb_field bad = {.name = {"\xff", 1}, .type = TSDB_FIELD_BOOL};
    span = rig_span(1, 1, 0, RIG_NOW, "bad attribute");
    span.attributes = (struct tsdb_fields){&bad, 1, 0};
    refused(&r, &span, TSDB_BAD_LABELS);
    mem_free(large);
    rig_release(&r);
}

Test(append, a_bad_source_refuses_its_spans_only)
{
    struct rig r;
    rig_init(&r);
    struct tsdb_field bad = {.name = {"", 0}, .type = TSDB_FIELD_BOOL};
    struct tsdb_span_source sources[2] = {{.resource = {&bad, 1, 0}}, {.scope_name = {"x", 1}}};
    struct tsdb_span spans[3] = {rig_span(1, 1, 0, RIG_NOW, "a"), rig_span(1, 2, 0, RIG_NOW, "b"),
                                 rig_span(1, 3, 0, RIG_NOW, "c")};
    spans[1].source = 1;
    struct tsdb_span_batch batch = {"", sources, spans, 2, 3};
    struct tsdb_appended out;
    uint8_t verdicts[3];
    cr_assert_eq(traces_append(r.t, &batch, &out, verdicts, NULL), TSDB_OK);
    cr_assert_eq(verdicts[0], TSDB_BAD_LABELS);
    cr_assert_eq(verdicts[1], TSDB_ACCEPTED);
    cr_assert_eq(verdicts[2], TSDB_BAD_LABELS);
    cr_assert_str_eq(rig_read(&r, "", 1), "2<0 b@");
    rig_release(&r);
}

Test(append, tenants_are_apart_and_bounded)
{
    struct rig r;
    rig_init(&r);
    struct tsdb_span span = rig_span(1, 1, 0, RIG_NOW, "blue's");
    cr_assert_eq(rig_append(&r, "blue", &span), TSDB_ACCEPTED);
    rig_put(&r, 1, 2, 0, RIG_NOW, "default's");
    for (int state = 0; state < 3; state++) {
        cr_assert_str_eq(rig_read(&r, "blue", 1), "1<0 blue's@api");
        cr_assert_str_eq(rig_read(&r, "", 1), "2<0 default's@api");
        cr_assert_str_eq(rig_read(&r, "green", 1), "none");
        if (state == 0)
            rig_seal(&r);
        else
            rig_reopen(&r);
    }
    char name[16];
    for (int i = 0; i < SPAN_TENANTS_MAX - 1; i++) { /* the default one counts */
        (void)snprintf(name, sizeof name, "tenant%d", i);
        cr_assert_eq(rig_append(&r, name, &span), TSDB_ACCEPTED, "%s", name);
    }
    cr_assert_eq(rig_append(&r, "one more", &span), TSDB_SERIES_LIMIT);
    cr_assert_eq(rig_append(&r, "tenant5", &span), TSDB_ACCEPTED);
    cr_assert_eq(rig_append(&r, "", &span), TSDB_ACCEPTED);
    rig_release(&r);
}

Test(append, what_does_not_fit_into_memory_is_for_later)
{
    struct rig r;
    rig_init(&r);
    rig_close(&r);
    r.options.limits.memory_bytes = 2 << 20;
    rig_open(&r);
    struct tsdb_span spans[256];
    char text[2048];
    memset(text, 'm', sizeof text);
    enum tsdb_status st = TSDB_OK;
    uint32_t taken = 0;
    for (; st == TSDB_OK && taken < 100000; taken += st == TSDB_OK) {
        for (uint32_t i = 0; i < 256; i++) {
            spans[i] = rig_span(1 + taken, 1 + i, 0, RIG_NOW, "x");
            spans[i].status_message = (struct tsdb_text){text, sizeof text - (i + taken) % 1000};
        }
        st = rig_append_all(&r, "", "api", spans, 256, NULL, NULL);
    }
    cr_assert_eq(st, TSDB_ELIMIT);
    cr_assert_gt(taken, 1u);
    uint64_t before = traces_head_bytes(r.t);
    cr_assert_eq(rig_append_all(&r, "", "api", spans, 256, NULL, NULL), TSDB_ELIMIT);
    cr_assert_eq(traces_head_bytes(r.t), before, "nothing of it was taken");
    rig_seal(&r); /* makes room */
    cr_assert_eq(traces_head_bytes(r.t), 0u);
    cr_assert_eq(rig_append_all(&r, "", "api", spans, 256, NULL, NULL), TSDB_OK);
    rig_close(&r);
    rig_open(&r);
    rig_release(&r);
}

Test(append, a_batch_is_bounded)
{
    struct rig r;
    rig_init(&r);
    struct tsdb_span spans[20];
    char *text = mem_alloc(1000000);
    memset(text, 'm', 1000000);
    for (uint32_t i = 0; i < 20; i++) {
        spans[i] = rig_span(1, 1 + i, 0, RIG_NOW, "x");
        spans[i].status_message = (struct tsdb_text){text, 1000000 - i};
    }
    cr_assert_eq(rig_append_all(&r, "", "api", spans, 20, NULL, NULL), TSDB_EINVAL);
    cr_assert_eq(r.t->head.spans, 0u);
    cr_assert_eq(traces_head_bytes(r.t), 0u);
    cr_assert_eq(rig_append_all(&r, "", "api", spans, 16, NULL, NULL), TSDB_OK);
    mem_free(text);
    rig_release(&r);
}

Test(append, a_store_that_is_read_only_takes_nothing)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, 1, 1, 0, RIG_NOW, "x");
    rig_seal(&r);
    rig_close(&r);
    r.options.is_read_only = true;
    rig_open(&r);
    struct tsdb_span span = rig_span(1, 2, 0, RIG_NOW, "y");
    cr_assert_eq(rig_append_all(&r, "", "api", &span, 1, NULL, NULL), TSDB_EINVAL);
    cr_assert_str_eq(rig_read(&r, "", 1), "1<0 x@api");
    rig_release(&r);
}

Test(append, a_tenant_of_which_nothing_is_taken_is_none)
{
    struct rig r;
    rig_init(&r);
    struct tsdb_field bad = {.name = {"\xff", 1}, .type = TSDB_FIELD_BOOL};
    struct tsdb_span span = rig_span(1, 1, 0, RIG_NOW, "x");
    span.attributes = (struct tsdb_fields){&bad, 1, 0};
    cr_assert_eq(rig_append(&r, "nobody", &span), TSDB_BAD_LABELS);
    span = rig_span(0, 1, 0, RIG_NOW, "x");
    cr_assert_eq(rig_append(&r, "nobody", &span), TSDB_BAD_LABELS);
    cr_assert_eq(r.t->head.tenant_count, 1u);
    cr_assert_eq(traces_head_bytes(r.t), 0u);
    rig_release(&r);
}
