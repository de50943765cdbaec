/* Goal: what is encoded decodes to itself; no cut or flipped byte leads out of bounds. */
#include "tests/tsdb/logs/prop_batch_record.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { RECORDS = 6, FIELDS = 8 };

struct sample {
    struct tsdb_label labels[2][2];
    struct tsdb_labels streams[2];
    struct tsdb_field fields[RECORDS][FIELDS];
    struct tsdb_log_record records[RECORDS];
    struct tsdb_log_batch batch;
    uint32_t numbers[2];
    uint8_t verdicts[RECORDS];
    struct batch_row rows[RECORDS];
    struct batch_written written;
    struct writer out;
};

static struct tsdb_field field_of(uint32_t record, uint32_t i)
{
    static const char *const names[] = {"a", "int", "double", "bool", "bytes", "id", "json", "z"};
    struct tsdb_field f = {.name = text_of(names[i]), .type = (uint8_t)(i % TSDB_FIELD_TYPE_COUNT)};
    if (f.type == TSDB_FIELD_INT)
        f.integer = record % 2 ? INT64_MIN : (int64_t)record;
    else if (f.type == TSDB_FIELD_DOUBLE)
        f.real = record / 3.0;
    else if (f.type == TSDB_FIELD_BOOL)
        f.integer = record % 2;
    else
        f.text = text_of(record % 2 ? "" : "some \xff text");
    return f;
}

static void sample_init(struct sample *s)
{
    *s = (struct sample){0};
    s->labels[0][0] = (struct tsdb_label){text_of("\x01host"), text_of("h.")};
    s->labels[0][1] = (struct tsdb_label){text_of("app"), text_of("api")};
    s->labels[1][0] = (struct tsdb_label){text_of("app"), text_of("db")};
    s->streams[0] = (struct tsdb_labels){s->labels[0], 2};
    s->streams[1] = (struct tsdb_labels){s->labels[1], 1};
    s->numbers[0] = 1; /* the batch's first stream is the record's second */
    for (uint32_t i = 0; i < RECORDS; i++) {
        s->records[i] = (struct tsdb_log_record){.stream = i % 2,
                                                 .field_count = FIELDS - i,
                                                 .ts = i % 2 ? INT64_MAX - i : INT64_MIN + i,
                                                 .line = text_of(i == 3 ? "" : "a line"),
                                                 .fields = s->fields[i]};
        for (uint32_t k = 0; k < FIELDS; k++)
            s->fields[i][k] = field_of(i, k);
    }
    s->verdicts[4] = TSDB_TOO_OLD;
    s->batch =
        (struct tsdb_log_batch){.records = s->records, .stream_count = 2, .record_count = RECORDS};
    struct batch_source in = {"blue", &s->batch, s->numbers, s->streams, 2};
    batch_record_encode(&in, s->verdicts, &s->out, s->rows, &s->written);
}

static void expect_field(const struct batch_tables *t, struct reader *r,
                         const struct tsdb_field *want)
{
    struct batch_field got = {0};
    batch_field_next(r, t->names, t->name_count, &got);
    cr_assert(!r->fault);
    const struct batch_name *name = &t->names[got.name];
    cr_assert(text_equal(name->text, want->name));
    cr_assert_eq(name->type, want->type);
    if (want->type == TSDB_FIELD_INT || want->type == TSDB_FIELD_BOOL)
        cr_assert_eq(got.integer, want->integer);
    else if (want->type == TSDB_FIELD_DOUBLE)
        cr_assert_eq(memcmp(&got.real, &want->real, sizeof got.real), 0);
    else
        cr_assert(text_equal(got.text, want->text));
}

Test(batch_record, comes_back)
{
    struct sample s;
    struct batch_tables t;
    struct batch_row rows[RECORDS];
    uint64_t line_bytes;
    sample_init(&s);
    cr_assert_eq(s.written.rows, RECORDS - 1u);
    cr_assert_eq(batch_tables_decode(writer_bytes(&s.out), &t), TSDB_OK);
    cr_assert(text_equal(t.tenant, text_of("blue")));
    cr_assert_eq(t.row_count, RECORDS - 1u);
    cr_assert_eq(t.name_count, (uint32_t)FIELDS);
    cr_assert_eq(batch_rows_decode(&t, rows, &line_bytes), TSDB_OK);
    cr_assert_eq(line_bytes, s.written.line_bytes);
    for (uint32_t i = 0, at = 0; i < RECORDS; i++) {
        struct reader r = {0};
        uint32_t fields;
        if (i == 4)
            continue;
        cr_assert_eq(memcmp(&rows[at], &s.rows[at], sizeof rows[at]), 0);
        cr_assert_eq(rows[at].ts, s.records[i].ts);
        cr_assert_eq(rows[at].stream, s.numbers[i % 2]);
        cr_assert(
            text_equal(batch_row_open(t.payload, rows[at].off, &r, &fields), s.records[i].line));
        cr_assert_eq(fields, FIELDS - i);
        for (uint32_t k = 0; k < fields; k++)
            expect_field(&t, &r, &s.fields[i][k]);
        at++;
    }
    uint64_t sum;
    cr_assert(prop_batch_record(writer_bytes(&s.out), &sum));
    batch_tables_release(&t);
    writer_release(&s.out);
}

Test(batch_record, is_within_its_bound)
{
    struct sample s;
    sample_init(&s);
    uint64_t bound = 64; /* tenant and streams */
    for (uint32_t i = 0; i < RECORDS; i++)
        bound += batch_record_bound(&s.records[i]);
    cr_assert_leq(s.out.len, bound);
    writer_release(&s.out);
}

Test(batch_record, no_cut_is_accepted_and_no_flip_leads_out)
{
    struct sample s;
    uint64_t sum, accepted = 0;
    sample_init(&s);
    for (size_t n = 0; n < s.out.len; n++) {
        uint8_t *cut = mem_alloc(n + 1); /* its own end, for the address sanitizer */
        memcpy(cut, s.out.at, n);
        cr_assert(!prop_batch_record((struct bytes){cut, n}, &sum), "%zu bytes", n);
        mem_free(cut);
    }
    struct random random;
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 3;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    random_init(&random, seed);
    for (int i = 0; i < 20000; i++) {
        uint8_t *copy = mem_alloc(s.out.len);
        memcpy(copy, s.out.at, s.out.len);
        for (uint64_t flips = 1 + random_below(&random, 3); flips > 0; flips--)
            copy[random_below(&random, s.out.len)] = (uint8_t)random_next(&random);
        accepted += prop_batch_record((struct bytes){copy, s.out.len}, &sum);
        mem_free(copy);
    }
    cr_assert(accepted > 100, "%llu: texts may be any bytes", (unsigned long long)accepted);
    writer_release(&s.out);
}
