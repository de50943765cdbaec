/* Goal: what is deleted is hidden at once and for good, in head and segments, through seals,
 * merges and reopening; what comes later is not; nothing else is touched.  Rules likewise. */
#include "tests/tsdb/logs/rig.h"

static void delete_app(struct rig *r, const char *tenant, const char *app, int64_t start,
                       int64_t end)
{
    struct matcher m;
    struct tsdb_error err = {0};
    cr_assert_eq(matcher_init(&m, MATCH_EQ, rig_text("app"), rig_text(app), NULL), TSDB_OK);
    struct logs_selection sel = {tenant, &m, 1, start, end};
    cr_assert_eq(logs_delete(r->l, &sel, &err), TSDB_OK, "%s", err.msg);
    matcher_release(&m);
}

static void put_five(struct rig *r)
{
    char line[2] = "0";
    for (int i = 0; i < 5; i++, line[0]++) {
        rig_put(r, "api", RIG_NOW - 10 * i, line);
        rig_put(r, "db", RIG_NOW - 10 * i, line);
    }
}

static void expect(struct rig *r, const char *api, const char *db)
{
    cr_assert_str_eq(rig_lines(r, "app", "api", INT64_MIN, INT64_MAX), api);
    cr_assert_str_eq(rig_lines(r, "app", "db", INT64_MIN, INT64_MAX), db);
}

static uint64_t stored(struct rig *r)
{
    struct tsdb_stats s = {0};
    logs_stats(r->l, &s);
    return s.log_segment_records;
}

Test(tombstone, hides_at_once_and_for_good)
{
    struct rig r;
    rig_init(&r);
    put_five(&r);
    delete_app(&r, "", "api", RIG_NOW - 30, RIG_NOW - 10); /* half-open: of the head */
    expect(&r, "4,1,0", "4,3,2,1,0");
    delete_app(&r, "blue", "db", INT64_MIN, INT64_MAX); /* another tenant's */
    rig_put(&r, "api", RIG_NOW - 20, "later");
    expect(&r, "4,later,1,0", "4,3,2,1,0");
    rig_reopen(&r);
    expect(&r, "4,later,1,0", "4,3,2,1,0");
    rig_seal(&r);
    delete_app(&r, "", "db", INT64_MIN, RIG_NOW); /* of segments */
    expect(&r, "4,later,1,0", "0");
    cr_assert_eq(stored(&r), 11u);
    rig_merge(&r);
    expect(&r, "4,later,1,0", "0");
    cr_assert_eq(stored(&r), 5u, "%llu", (unsigned long long)stored(&r));
    cr_assert_eq(r.l->tombstones->count, 0u, "nothing lies under them any more");
    rig_reopen(&r);
    expect(&r, "4,later,1,0", "0");
    rig_release(&r);
}

Test(tombstone, those_of_other_signals_are_not_ours)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, "api", RIG_NOW, "x");
    rig_seal(&r);
    static const uint8_t of_metrics[] = {0x01, 0x02, 0x00};
    static const uint8_t of_traces[] = {0x80, 0x00, STORE_TRACES, 0xff};
    struct manifest_tombstone two[2] = {{store_take_id(&r.store), {of_metrics, 3}},
                                        {store_take_id(&r.store), {of_traces, 4}}};
    struct manifest_edit edit = {.tombstones_added = two, .tombstones_added_count = 2};
    cr_assert_eq(store_apply(&r.store, &edit, NULL), TSDB_OK);
    rig_reopen(&r);
    cr_assert_eq(r.l->tombstones->count, 0u);
    rig_merge(&r);
    size_t count;
    (void)manifest_tombstones(r.store.manifest, &count);
    cr_assert_eq(count, 2u);
    rig_release(&r);
}

Test(tombstone, a_deletion_removes_what_lies_deep_when_a_quarter_is_hidden)
{
    struct rig r;
    rig_init(&r);
    put_five(&r);
    delete_app(&r, "", "api", RIG_NOW - 20, RIG_NOW - 19); /* one of the day's eight */
    clock_sim_advance(&r.clock, NS_PER_HOUR);
    store_watch_disk(&r.store);
    cr_assert_eq(logs_expire(r.l, NULL), TSDB_OK);
    cr_assert_eq(stored(&r), 10u);
    delete_app(&r, "", "api", INT64_MIN, INT64_MAX);
    clock_sim_advance(&r.clock, NS_PER_HOUR);
    for (int block = 0; block < 2; block++) /* one a call */
        cr_assert_eq(logs_expire(r.l, NULL), TSDB_OK);
    cr_assert_eq(stored(&r), 5u);
    expect(&r, "", "4,3,2,1,0");
    rig_release(&r);
}
