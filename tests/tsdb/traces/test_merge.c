/* Goal: merging changes nothing that a reader sees; days become one segment each; a year of
 * late spans makes few segments; segments beyond the retention go, and a clock that jumps
 * ahead deletes nothing. */
#include "tests/tsdb/traces/rig.h"

static int by_row(const void *a, const void *b)
{
    const struct rig_row *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->span != y->span ? (x->span < y->span ? -1 : 1)
                              : (x->trace > y->trace) - (x->trace < y->trace);
}

static struct rig_rows everything(struct rig *r)
{
    struct rig_rows rows = {0};
    rig_select(r, "", INT64_MIN, INT64_MAX, &rows);
    qsort(rows.at, rows.count, sizeof *rows.at, by_row);
    cr_assert(!rows.is_partial);
    return rows;
}

static void expect_same(struct rig *r, const struct rig_rows *before)
{
    struct rig_rows now = everything(r);
    cr_assert_eq(now.count, before->count);
    for (uint32_t i = 0; i < now.count; i++)
        cr_assert_eq(by_row(&now.at[i], &before->at[i]), 0);
    rig_rows_release(&now);
}

Test(merge, a_year_of_late_spans)
{
    struct rig r;
    struct random random;
    rig_init(&r);
    random_init(&random, rig_seed(5));
    for (uint32_t seal = 0; seal < 3; seal++) {
        for (uint32_t i = 0; i < 400; i++)
            rig_put(&r, 1 + i % 50, 1 + i + 400 * seal, 0,
                    RIG_NOW - (int64_t)random_below(&random, 365) * NS_PER_DAY, "x");
        rig_seal(&r);
    }
    struct rig_rows before = everything(&r);
    cr_assert_eq(before.count, 1200u);
    cr_assert(rig_blocks(&r) <= 3 * 45, "%u", rig_blocks(&r));
    rig_merge(&r);
    cr_assert(rig_blocks(&r) <= 45, "%u", rig_blocks(&r));
    expect_same(&r, &before);
    rig_reopen(&r);
    expect_same(&r, &before);
    rig_rows_release(&before);
    rig_release(&r);
}

Test(merge, all_of_time)
{
    struct rig r;
    rig_init(&r);
    for (uint32_t i = 0; i < 150; i++)
        rig_put(&r, 1, 1 + i, 0, INT64_MIN + (int64_t)i * 400 * NS_PER_DAY, "x");
    rig_put(&r, 1, 999, 0, RIG_NOW, "y");
    rig_seal(&r);
    struct rig_rows before = everything(&r);
    cr_assert_eq(before.count, 151u);
    cr_assert_eq(rig_blocks(&r), 64u, "%u: the last window takes the rest", rig_blocks(&r));
    rig_merge(&r);
    expect_same(&r, &before);
    rig_rows_release(&before);
    rig_release(&r);
}

Test(merge, a_day_is_due_when_it_has_ended)
{
    struct rig r;
    bool did;
    rig_init(&r);
    for (uint32_t i = 0; i < 3; i++) {
        rig_put(&r, 1, 1 + i, 0, RIG_NOW + i, "x");
        rig_seal(&r);
    }
    store_watch_disk(&r.store);
    cr_assert_eq(traces_merge(r.t, false, &did, NULL), TSDB_OK);
    cr_assert(!did);
    clock_sim_advance(&r.clock, NS_PER_DAY + NS_PER_HOUR);
    cr_assert_eq(traces_merge(r.t, false, &did, NULL), TSDB_OK);
    cr_assert(did);
    cr_assert_eq(rig_blocks(&r), 1u);
    cr_assert_eq(rig_block(&r, 0)->group_count, 1u, "what came in pieces lies together");
    cr_assert_str_eq(rig_read(&r, "", 1), "1<0 x@api, 2<0 x@api, 3<0 x@api");
    cr_assert_eq(traces_merge(r.t, false, &did, NULL), TSDB_OK);
    cr_assert(!did);
    rig_release(&r);
}

Test(merge, an_open_day_is_tidied_when_eight_fresh_segments_lie_in_it)
{
    struct rig r;
    bool did = false;
    rig_init(&r);
    store_watch_disk(&r.store);
    for (uint32_t i = 0; i < 8; i++) {
        cr_assert(!did);
        rig_put(&r, 1, 1 + i, 0, RIG_NOW + i, "x");
        rig_seal(&r);
        cr_assert_eq(traces_merge(r.t, false, &did, NULL), TSDB_OK);
    }
    cr_assert(did);
    cr_assert_eq(rig_blocks(&r), 1u);
    cr_assert_eq(rig_block(&r, 0)->shelved.entry.level, 1);
    rig_release(&r);
}

Test(merge, not_without_room_on_the_disk)
{
    struct rig r;
    bool did;
    rig_init(&r);
    for (uint32_t i = 0; i < 2; i++) {
        rig_put(&r, 1, 1 + i, 0, RIG_NOW + i, "x");
        rig_seal(&r);
    }
    atomic_store(&r.store.disk_free_bytes, (uint64_t)STORE_DISK_RESERVE_BYTES);
    cr_assert_eq(traces_merge(r.t, true, &did, NULL), TSDB_OK);
    cr_assert(!did);
    cr_assert_eq(rig_blocks(&r), 2u);
    rig_release(&r);
}

/* ---- retention ------------------------------------------------------------------------- */

Test(expire, by_the_time_of_whole_segments)
{
    struct rig r;
    rig_init(&r);
    for (uint32_t day = 0; day < 6; day++)
        rig_put(&r, 1, 1 + day, 0, RIG_NOW - day * NS_PER_DAY, "x");
    rig_seal(&r);
    cr_assert_eq(rig_blocks(&r), 6u);
    r.options.retention = 2 * NS_PER_DAY + NS_PER_HOUR * 2;
    traces_configure(r.t, &r.options);
    clock_sim_advance(&r.clock, NS_PER_HOUR);
    cr_assert_eq(traces_expire(r.t, NULL), TSDB_OK);
    const char *want = "3<0 x@api, 2<0 x@api, 1<0 x@api";
    cr_assert_str_eq(rig_read(&r, "", 1), want);
    clock_sim_advance(&r.clock, 1000 * NS_PER_DAY);
    cr_assert_eq(traces_expire(r.t, NULL), TSDB_OK);
    cr_assert_str_eq(rig_read(&r, "", 1), want, "the clock jumped: the newest span counts");
    rig_reopen(&r);
    cr_assert_eq(rig_blocks(&r), 3u);
    cr_assert_str_eq(rig_read(&r, "", 1), want);
    rig_release(&r);
}

Test(expire, nothing_for_ever)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, 1, 1, 0, RIG_NOW - 4000 * NS_PER_DAY, "x");
    rig_seal(&r);
    cr_assert_eq(traces_expire(r.t, NULL), TSDB_OK);
    cr_assert_eq(rig_blocks(&r), 1u);
    rig_release(&r);
}
