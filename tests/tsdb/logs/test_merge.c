/* Goal: merging changes nothing that a reader sees; days become one segment each; a year of
 * late records makes few segments; full groups are copied as they are. */
#include "tests/tsdb/logs/rig.h"

/* Rows of a selection of everything, as one text. */
static char *everything(struct rig *r)
{
    struct logs_selection all = {.start = INT64_MIN, .end = INT64_MAX};
    struct rig_rows rows = {0};
    struct writer out = {0};
    rig_select(r, &all, &rows, NULL);
    for (uint32_t i = 0; i < rows.count; i++)
        writer_format(&out, "%lld %s\n", (long long)rows.at[i].ts, rows.at[i].text);
    rig_rows_release(&rows);
    char *text = mem_text((const char *)out.at, out.len);
    writer_release(&out);
    return text;
}

static void expect_same(struct rig *r, const char *before)
{
    char *now = everything(r);
    cr_assert(strcmp(now, before) == 0);
    mem_free(now);
}

Test(merge, a_year_of_late_records)
{
    struct rig r;
    struct random random;
    rig_init(&r);
    random_init(&random, rig_seed(5));
    for (int seal = 0; seal < 3; seal++) {
        for (int i = 0; i < 400; i++) {
            char line[32];
            (void)snprintf(line, sizeof line, "line %d of %d", i, seal);
            rig_put(&r, i % 3 ? "api" : "db",
                    RIG_NOW - (int64_t)random_below(&random, 365) * NS_PER_DAY, line);
        }
        rig_seal(&r);
    }
    char *before = everything(&r);
    cr_assert(r.l->shelf.list->count <= 3 * 45, "%u", r.l->shelf.list->count);
    rig_merge(&r);
    cr_assert(r.l->shelf.list->count <= 45, "%u", r.l->shelf.list->count);
    expect_same(&r, before);
    rig_reopen(&r);
    expect_same(&r, before);
    mem_free(before);
    rig_release(&r);
}

Test(merge, all_of_time)
{
    struct rig r;
    rig_init(&r);
    for (int i = 0; i < 150; i++)
        rig_put(&r, "api", INT64_MIN + (int64_t)i * 400 * NS_PER_DAY, "x");
    rig_put(&r, "api", RIG_NOW, "y");
    rig_seal(&r);
    char *before = everything(&r);
    cr_assert_eq(r.l->shelf.list->count, 64u, "%u: the last window takes the rest",
                 r.l->shelf.list->count);
    rig_merge(&r);
    expect_same(&r, before);
    mem_free(before);
    rig_release(&r);
}

Test(merge, a_day_is_due_when_it_has_ended)
{
    struct rig r;
    bool did;
    rig_init(&r);
    for (int i = 0; i < 3; i++) {
        rig_put(&r, "api", RIG_NOW + i, "x");
        rig_seal(&r);
    }
    store_watch_disk(&r.store);
    cr_assert_eq(logs_merge(r.l, false, &did, NULL), TSDB_OK);
    cr_assert(!did);
    clock_sim_advance(&r.clock, 25 * NS_PER_HOUR);
    cr_assert_eq(logs_merge(r.l, false, &did, NULL), TSDB_OK);
    cr_assert(did);
    cr_assert_eq(r.l->shelf.list->count, 1u);
    cr_assert_eq(logs_merge(r.l, false, &did, NULL), TSDB_OK);
    cr_assert(!did);
    rig_release(&r);
}

/* A batch of 4,096 records that are all alike but for their times. */
static void put_many(struct rig *r, int64_t ts)
{
    static struct tsdb_log_record records[TSDB_LOG_BATCH_MAX];
    struct tsdb_label label = {rig_text("app"), rig_text("api")};
    struct tsdb_log_stream stream = {.labels = {&label, 1}};
    for (uint32_t i = 0; i < TSDB_LOG_BATCH_MAX; i++)
        records[i] = (struct tsdb_log_record){.ts = ts + i, .line = rig_text("many")};
    struct tsdb_log_batch batch = {"", &stream, records, 1, TSDB_LOG_BATCH_MAX};
    struct tsdb_appended out;
    cr_assert_eq(logs_append(r->l, &batch, &out, NULL, NULL), TSDB_OK);
}

Test(merge, full_groups_are_copied_and_small_ones_joined)
{
    struct rig r;
    rig_init(&r);
    for (int i = 0; i < 12; i++)
        put_many(&r, RIG_NOW - 3 * NS_PER_HOUR + i * 10000);
    rig_seal(&r);
    cr_assert_eq(r.l->shelf.list->count, 1u);
    cr_assert_eq(log_block_of(r.l->shelf.list->at[0])->group_count, 1u);
    uint64_t data = log_block_of(r.l->shelf.list->at[0])->groups[0].data.len;
    for (int i = 0; i < 4; i++) {
        rig_put(&r, i % 2 ? "db" : "web", RIG_NOW - NS_PER_HOUR, "few");
        rig_seal(&r);
    }
    rig_merge(&r);
    cr_assert_eq(r.l->shelf.list->count, 1u);
    struct block *b = log_block_of(r.l->shelf.list->at[0]);
    cr_assert_eq(b->shelved.entry.samples, 12u * TSDB_LOG_BATCH_MAX + 4);
    cr_assert_eq(b->group_count, 2u);
    cr_assert(b->groups[0].data.len == data || b->groups[1].data.len == data);
    cr_assert_eq(b->stream_count, 3u);
    struct tsdb_error err = {0};
    cr_assert_eq(log_block_verify(b, &err), TSDB_OK, "%s", err.msg);
    rig_release(&r);
}
