/* Goal: rows keep their order, their fields and their types on the way into groups and from
 * groups into others, whatever the number of columns, rows and bytes. */
#include "tests/tsdb/logs/rig.h"
#include "tsdb/logs/regroup.h"

Test(regroup, keys_are_sorted_and_stable)
{
    enum { N = 5000 };
    static struct row_key keys[2 * N];
    struct random random;
    random_init(&random, rig_seed(1));
    for (uint32_t round = 0; round < 20; round++) {
        uint64_t streams = round % 4 == 0 ? UINT64_C(1) << 32 : 1 + random_below(&random, 5000);
        for (uint32_t i = 0; i < N; i++)
            keys[i] = (struct row_key){.ts = (int64_t)random_below(&random, 50) - 25,
                                       .stream = (uint32_t)random_below(&random, streams),
                                       .at = i};
        row_keys_sort(keys, keys + N, N);
        for (uint32_t i = 1; i < N; i++) {
            const struct row_key *a = &keys[i - 1], *b = &keys[i];
            cr_assert(
                a->stream < b->stream ||
                (a->stream == b->stream && (a->ts < b->ts || (a->ts == b->ts && a->at < b->at))));
        }
    }
}

static uint32_t hot_groups(struct rig *r)
{
    bool did;
    cr_assert_eq(logs_group_open(r->l, UINT32_MAX, &did, NULL), TSDB_OK);
    return r->l->head.hot_count;
}

static void expect_rows(struct rig *r, uint32_t rows)
{
    struct logs_selection all = {.start = INT64_MIN, .end = INT64_MAX};
    struct rig_rows got = {0};
    rig_select(r, &all, &got, NULL);
    cr_assert_eq(got.count, rows, "%u", got.count);
    rig_rows_release(&got);
}

/* 4,096 records of 3 fields with names of their own: more columns than a group has. */
Test(regroup, more_names_than_columns)
{
    static struct tsdb_log_record records[TSDB_LOG_BATCH_MAX];
    static struct tsdb_field fields[TSDB_LOG_BATCH_MAX][3];
    static char names[TSDB_LOG_BATCH_MAX][3][16];
    struct rig r;
    rig_init(&r);
    struct tsdb_label label = {rig_text("app"), rig_text("api")};
    struct tsdb_log_stream stream = {.labels = {&label, 1}};
    for (uint32_t i = 0; i < TSDB_LOG_BATCH_MAX; i++) {
        records[i] = (struct tsdb_log_record){
            .ts = RIG_NOW + i, .line = rig_text("x"), .fields = fields[i], .field_count = 3};
        for (uint32_t k = 0; k < 3; k++) {
            (void)snprintf(names[i][k], sizeof names[i][k], "n%u", 3 * i + k);
            fields[i][k] = (struct tsdb_field){
                .name = rig_text(names[i][k]), .type = TSDB_FIELD_INT, .integer = (int64_t)i};
        }
    }
    struct tsdb_log_batch batch = {"", &stream, records, 1, TSDB_LOG_BATCH_MAX};
    struct tsdb_appended out;
    cr_assert_eq(logs_append(r.l, &batch, &out, NULL, NULL), TSDB_OK);
    cr_assert_eq(hot_groups(&r), 4u, "%u", r.l->head.hot_count);
    for (int i = 0; i < 3; i++) {
        struct logs_selection sel = {.start = RIG_NOW + 4000, .end = RIG_NOW + 4001};
        struct rig_rows got = {0};
        rig_select(&r, &sel, &got, NULL);
        cr_assert_eq(got.count, 1u);
        cr_assert_str_eq(got.at[0].text,
                         "{app=api,} | x | n12000:1=4000 n12001:1=4000 n12002:1=4000");
        rig_rows_release(&got);
        if (i == 0)
            rig_seal(&r);
        else
            rig_merge(&r);
    }
    rig_release(&r);
}

Test(regroup, more_text_than_a_group_takes)
{
    struct rig r;
    static char line[200001];
    rig_init(&r);
    memset(line, 'x', sizeof line - 1);
    for (int i = 0; i < 200; i++) /* 40 MB */
        rig_put(&r, "api", RIG_NOW - i, line);
    cr_assert_eq(hot_groups(&r), 2u, "%u", r.l->head.hot_count);
    rig_seal(&r);
    rig_put(&r, "api", RIG_NOW, "y");
    rig_seal(&r);
    rig_merge(&r);
    expect_rows(&r, 201);
    rig_release(&r);
}

Test(regroup, appending_makes_groups_when_nobody_else_does)
{
    struct rig r;
    static struct tsdb_log_record records[TSDB_LOG_BATCH_MAX];
    rig_init(&r);
    struct tsdb_label label = {rig_text("app"), rig_text("api")};
    struct tsdb_log_stream stream = {.labels = {&label, 1}};
    struct tsdb_log_batch batch = {"", &stream, records, 1, TSDB_LOG_BATCH_MAX};
    for (uint32_t k = 0; k < 40; k++) {
        struct tsdb_appended out;
        for (uint32_t i = 0; i < TSDB_LOG_BATCH_MAX; i++)
            records[i] = (struct tsdb_log_record){.ts = RIG_NOW + i, .line = rig_text("x")};
        cr_assert_eq(logs_append(r.l, &batch, &out, NULL, NULL), TSDB_OK);
        cr_assert_leq(r.l->head.open_rows, (uint64_t)LOGS_OPEN_ROWS_MAX + TSDB_LOG_BATCH_MAX);
        rig_sync(&r);
    }
    cr_assert_eq(r.l->head.hot_count, 2u);
    cr_assert_eq(r.l->head.hot[0]->made.rows, (uint32_t)GROUP_ROWS_MAX);
    rig_seal(&r);
    cr_assert_eq(r.l->head.hot_count + r.l->head.open_count, 0u);
    struct tsdb_stats s = {0};
    logs_stats(r.l, &s);
    cr_assert_eq(s.log_segment_records, 40u * TSDB_LOG_BATCH_MAX);
    rig_release(&r);
}
