/* Goal: what is written is read again; no cut or flipped byte leads out of bounds. */
#include "tests/tsdb/traces/prop_span_record.h"
#include "tests/tsdb/traces/span_model.h"

#include <criterion/criterion.h>

/* Rereads the payload and compares it with the model's spans that were not refused. */
static void expect_again(const struct span_model *m, const uint8_t *verdicts, struct bytes payload)
{
    struct arena arena;
    struct tsdb_span_batch got;
    uint32_t at = 0;
    arena_init(&arena, (size_t)1 << 28, NULL);
    cr_assert_eq(span_record_read(payload, &arena, &got, NULL), TSDB_OK);
    cr_assert_str_eq(got.tenant, "blue");
    for (uint32_t i = 0; i < m->count; i++) {
        if (verdicts && verdicts[i] != TSDB_ACCEPTED)
            continue;
        cr_assert_lt(at, got.span_count);
        const struct tsdb_span *span = &got.spans[at++];
        const char *what = spans_differ(&m->spans[i], span);
        cr_assert_lt(span->source, got.source_count);
        what = what ? what
                    : sources_differ(&m->sources[m->spans[i].source], &got.sources[span->source]);
        cr_assert_null(what, "span %u: %s", i, what);
    }
    cr_assert_eq(at, got.span_count);
    arena_release(&arena);
}

Test(span_record, comes_back)
{
    uint64_t seed = span_model_seed();
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    uint64_t events = 0, links = 0, wide = 0;
    for (uint32_t round = 0; round < 40; round++) {
        struct span_model m;
        struct writer out = {0};
        span_model_init(&m, seed + round, 1 + round * 13);
        struct tsdb_span_batch batch = {"blue", m.sources, m.spans, MODEL_SOURCES, m.count};
        writer_text(&out, "before");
        cr_assert_eq(span_record_write(&batch, NULL, &out), TSDB_OK);
        expect_again(&m, NULL, (struct bytes){out.at + 6, out.len - 6});
        events += m.events;
        links += m.links;
        wide += m.wide;
        writer_release(&out);
        span_model_release(&m);
    }
    cr_assert(events > 100 && links > 100 && wide > 2, "%d events", (int)events);
}

Test(span_record, leaves_out_what_was_refused)
{
    struct span_model m;
    struct writer all = {0}, out = {0};
    uint8_t verdicts[100] = {0};
    span_model_init(&m, 3, 100);
    struct tsdb_span_batch batch = {"blue", m.sources, m.spans, MODEL_SOURCES, m.count};
    cr_assert_eq(span_record_write(&batch, NULL, &all), TSDB_OK);
    for (uint32_t i = 0; i < m.count; i++)
        verdicts[i] = m.spans[i].source != 7 || i % 3 == 0 ? TSDB_TOO_OLD : TSDB_ACCEPTED;
    m.spans[0].source = 2000; /* nobody looks at what is left out */
    cr_assert_eq(span_record_write(&batch, verdicts, &out), TSDB_OK);
    expect_again(&m, verdicts, writer_bytes(&out));
    cr_assert_lt(out.len * 5, all.len);
    memset(verdicts, TSDB_TOO_OLD, sizeof verdicts);
    writer_reset(&out);
    cr_assert_eq(span_record_write(&batch, verdicts, &out), TSDB_OK);
    expect_again(&m, verdicts, writer_bytes(&out));
    writer_release(&all);
    writer_release(&out);
    span_model_release(&m);
}

Test(span_record, refuses_what_does_not_pass)
{
    struct span_model m;
    struct writer out = {0};
    struct tsdb_field bad = {.name = text_of("\xff"), .type = TSDB_FIELD_INT};
    span_model_init(&m, 4, 20);
    struct tsdb_span_batch batch = {"blue", m.sources, m.spans, MODEL_SOURCES, m.count};
    struct tsdb_span good = m.spans[19];
    m.spans[19].attributes = (struct tsdb_fields){&bad, 1, 0};
    cr_assert_eq(span_record_write(&batch, NULL, &out), TSDB_EINVAL);
    cr_assert_eq(out.len, 0);
    m.spans[19] = good;
    memset(&m.spans[19].span_id, 0, sizeof m.spans[19].span_id);
    cr_assert_eq(span_record_write(&batch, NULL, &out), TSDB_EINVAL);
    m.spans[19] = good;
    m.spans[19].source = MODEL_SOURCES;
    cr_assert_eq(span_record_write(&batch, NULL, &out), TSDB_EINVAL);
    m.spans[19].source = 3;
    m.sources[3].scope = (struct tsdb_fields){&bad, 1, 0};
    cr_assert_eq(span_record_write(&batch, NULL, &out), TSDB_EINVAL);
    bad.name = text_of("good");
    cr_assert_eq(span_record_write(&batch, NULL, &out), TSDB_OK);
    writer_release(&out);
    span_model_release(&m);
}

Test(span_record, texts_that_repeat_are_written_once_and_are_the_same_memory)
{
    enum { SPANS = 1000 };
    struct arena arena;
    struct writer out = {0};
    struct tsdb_span_source source = {0};
    struct tsdb_span *spans = MEM_ARRAY(struct tsdb_span, SPANS);
    struct tsdb_field fields[2] = {
        {.name = text_of("http.request.method"), .type = TSDB_FIELD_STRING},
        {.name = text_of("http.route"), .type = TSDB_FIELD_STRING}};
    fields[0].text = text_of("OPTIONS");
    fields[1].text = text_of("/api/v1/orders/{id}");
    for (uint32_t i = 0; i < SPANS; i++) {
        spans[i] = (struct tsdb_span){.name = text_of("OPTIONS /api/v1/orders/{id}"),
                                      .attributes = {fields, 2, 0}};
        spans[i].trace_id.at[0] = spans[i].span_id.at[0] = 1;
        spans[i].span_id.at[1] = (uint8_t)i;
    }
    struct tsdb_span_batch batch = {"", &source, spans, 1, SPANS}, got;
    cr_assert_eq(span_record_write(&batch, NULL, &out), TSDB_OK);
    cr_assert_lt(out.len, 25 * SPANS);
    arena_init(&arena, (size_t)1 << 24, NULL);
    cr_assert_eq(span_record_read(writer_bytes(&out), &arena, &got, NULL), TSDB_OK);
    for (uint32_t i = 1; i < SPANS; i++) {
        const struct tsdb_field *a = got.spans[0].attributes.at, *b = got.spans[i].attributes.at;
        cr_assert_eq(a[1].name.at, b[1].name.at);
        cr_assert_eq(a[1].text.at, b[1].text.at);
        cr_assert_eq(got.spans[0].name.at, got.spans[i].name.at);
    }
    arena_release(&arena);
    writer_release(&out);
    mem_free(spans);
}

Test(span_record, more_texts_than_are_numbered_come_back)
{
    enum { SPANS = 4096, FIELDS = 4 };
    static struct tsdb_field fields[SPANS][FIELDS];
    static char texts[SPANS][FIELDS][16];
    struct arena arena;
    struct writer out = {0};
    struct tsdb_span_source source = {0};
    struct tsdb_span *spans = MEM_ARRAY(struct tsdb_span, SPANS);
    for (uint32_t i = 0; i < SPANS; i++) {
        for (uint32_t k = 0; k < FIELDS; k++) {
            int n = snprintf(texts[i][k], sizeof texts[i][k], "text-%u", (i * FIELDS + k) % 9000);
            fields[i][k] = (struct tsdb_field){.name = text_of("n"), .type = TSDB_FIELD_STRING};
            fields[i][k].text = (struct tsdb_text){texts[i][k], (size_t)n};
        }
        spans[i].attributes = (struct tsdb_fields){fields[i], FIELDS, 0};
        spans[i].trace_id.at[0] = spans[i].span_id.at[0] = 1;
    }
    struct tsdb_span_batch batch = {"", &source, spans, 1, SPANS}, got;
    cr_assert_eq(span_record_write(&batch, NULL, &out), TSDB_OK);
    arena_init(&arena, (size_t)1 << 26, NULL);
    cr_assert_eq(span_record_read(writer_bytes(&out), &arena, &got, NULL), TSDB_OK);
    for (uint32_t i = 0; i < SPANS; i++)
        for (uint32_t k = 0; k < FIELDS; k++)
            cr_assert(text_equal(got.spans[i].attributes.at[k].text, fields[i][k].text));
    arena_release(&arena);
    writer_release(&out);
    mem_free(spans);
}

Test(span_record, reading_stays_within_the_memory_for_it)
{
    struct span_model m;
    struct writer out = {0};
    struct tsdb_span_batch got = {.span_count = 77};
    struct tsdb_error err;
    span_model_init(&m, 5, 200);
    struct tsdb_span_batch batch = {"blue", m.sources, m.spans, MODEL_SOURCES, m.count};
    cr_assert_eq(span_record_write(&batch, NULL, &out), TSDB_OK);
    for (size_t limit = 0; limit < 60000; limit += 997) {
        struct arena arena;
        arena_init(&arena, limit, NULL);
        cr_assert_eq(span_record_read(writer_bytes(&out), &arena, &got, &err), TSDB_ELIMIT);
        cr_assert_eq(got.span_count, 77);
        arena_release(&arena);
    }
    writer_release(&out);
    span_model_release(&m);
}

Test(span_record, no_cut_is_accepted_and_no_flip_leads_out)
{
    struct span_model m;
    struct writer out = {0};
    uint64_t accepted = 0, seed = span_model_seed();
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    span_model_init(&m, seed, 12);
    struct tsdb_span_batch batch = {"blue", m.sources, m.spans, MODEL_SOURCES, m.count};
    cr_assert_eq(span_record_write(&batch, NULL, &out), TSDB_OK);
    for (size_t n = 0; n < out.len; n++) {
        uint8_t *cut = mem_alloc(n + 1); /* its own end, for the address sanitizer */
        memcpy(cut, out.at, n);
        cr_assert(!prop_span_record((struct bytes){cut, n}), "%zu bytes", n);
        mem_free(cut);
    }
    for (int i = 0; i < 20000; i++) {
        uint8_t *copy = mem_alloc(out.len);
        memcpy(copy, out.at, out.len);
        for (uint64_t flips = 1 + below(&m, 3); flips > 0; flips--)
            copy[below(&m, out.len)] = (uint8_t)random_next(&m.random);
        accepted += prop_span_record((struct bytes){copy, out.len});
        mem_free(copy);
    }
    cr_assert(accepted > 100, "%llu: texts may be any bytes", (unsigned long long)accepted);
    writer_release(&out);
    span_model_release(&m);
}
