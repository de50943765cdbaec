/* Goal: a tail gives every record of its tenant that came since, in order, whole, only once it
 * is durable; a reader that is too slow loses the oldest and is told how many. */
#include "tests/tsdb/logs/rig.h"

static struct logs_tail *tail_open(struct rig *r, const char *tenant)
{
    struct logs_tail *t;
    cr_assert_eq(logs_tail_open(r->l, tenant, &t, NULL), TSDB_OK);
    return t;
}

static void expect(struct logs_tail *t, const char *line)
{
    struct logs_stream stream;
    struct tsdb_log_record record;
    cr_assert_eq(logs_tail_next(t, &stream, &record, NULL), line ? TSDB_OK : TSDB_END);
    if (line)
        cr_assert(record.line.len == strlen(line) &&
                      memcmp(record.line.at, line, record.line.len) == 0,
                  "%.*s, want %s", (int)record.line.len, record.line.at, line);
}

Test(tail, only_what_is_durable)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, "api", RIG_NOW, "before");
    struct logs_tail *t = tail_open(&r, ""), *other = tail_open(&r, "blue");
    expect(t, NULL);
    rig_put(&r, "api", RIG_NOW, "one");
    rig_put(&r, "db", RIG_NOW - 5, "two");
    expect(t, NULL);
    rig_sync(&r);
    expect(t, "one");
    rig_put(&r, "api", RIG_NOW, "three");
    expect(t, "two");
    expect(t, NULL);
    rig_seal(&r);
    rig_sync(&r);
    expect(t, "three");
    expect(t, NULL);
    expect(other, NULL);
    cr_assert_eq(logs_tail_dropped(t), 0u);
    logs_tail_close(t);
    logs_tail_close(other);
    rig_release(&r);
}

Test(tail, records_are_whole)
{
    struct rig r;
    rig_init(&r);
    struct logs_tail *t = tail_open(&r, "blue");
    struct tsdb_label labels[2] = {{rig_text("app"), rig_text("api")},
                                   {rig_text("env"), rig_text("prod")}};
    struct tsdb_field attribute = {.name = rig_text("cores"), .type = TSDB_FIELD_INT, .integer = 4};
    struct tsdb_log_stream streams[2] = {{{labels, 2}, &attribute, 1}, {{labels, 1}, NULL, 0}};
    struct tsdb_field fields[2] = {
        {.name = rig_text("took"), .type = TSDB_FIELD_DOUBLE, .real = 1.5},
        {.name = rig_text("trace"), .type = TSDB_FIELD_ID, .text = rig_text("0123456789abcdef")}};
    struct tsdb_log_record records[3] = {
        {.stream = 1, .ts = RIG_NOW, .line = rig_text("a")},
        {.stream = 0, .ts = RIG_NOW - 9, .line = rig_text("b"), .fields = fields, .field_count = 2},
        {.stream = 1, .ts = RIG_NOW - NS_PER_DAY, .line = rig_text("")}};
    struct tsdb_log_batch batch = {"blue", streams, records, 2, 3};
    struct tsdb_appended out;
    cr_assert_eq(logs_append(r.l, &batch, &out, NULL, NULL), TSDB_OK);
    rig_sync(&r);
    for (uint32_t i = 0; i < 3; i++) {
        struct logs_stream stream;
        struct tsdb_log_record got;
        cr_assert_eq(logs_tail_next(t, &stream, &got, NULL), TSDB_OK);
        cr_assert_eq(got.ts, records[i].ts);
        cr_assert_eq(stream.labels.count, streams[records[i].stream].labels.count);
        cr_assert_eq(stream.attribute_count, streams[records[i].stream].attribute_count);
        cr_assert_eq(got.field_count, records[i].field_count);
    }
    expect(t, NULL);
    logs_tail_close(t);
    rig_release(&r);
}

Test(tail, a_slow_reader_loses_the_oldest)
{
    struct rig r;
    static char line[250001];
    rig_init(&r);
    struct logs_tail *t = tail_open(&r, "");
    memset(line, 'x', sizeof line - 1);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(line, 8, "%06d", i);
        line[6] = 'x';
        rig_put(&r, "api", RIG_NOW, line);
        rig_sync(&r);
    }
    uint64_t dropped = logs_tail_dropped(t), got = 0;
    struct logs_stream stream;
    struct tsdb_log_record record;
    cr_assert(dropped > 20 && dropped < 60, "%llu", (unsigned long long)dropped);
    cr_assert_eq(logs_tail_dropped(t), 0u);
    while (logs_tail_next(t, &stream, &record, NULL) == TSDB_OK) {
        cr_assert_eq(strtoull(record.line.at, NULL, 10), dropped + got);
        got++;
    }
    cr_assert_eq(dropped + got, 100u);
    logs_tail_close(t);
    rig_release(&r);
}
