#include "tests/tsdb/metrics/rig.h"

#include <errno.h>

static uint32_t count_blocks(struct rig *r)
{
    struct block_list *list = block_list_ref(r->m);
    uint32_t n = list->count;
    block_list_unref(list);
    return n;
}

static bool is_partial(struct rig *r, int64_t start, int64_t end)
{
    struct series_set *set = rig_select(r, "x", "1", start, end);
    struct samples s;
    samples_init(&s, NULL);
    for (uint32_t i = 0; i < series_set_count(set); i++)
        cr_assert_eq(series_set_samples(set, i, &s, NULL), TSDB_OK);
    bool is_partial = series_set_is_partial(set);
    samples_release(&s);
    series_set_close(set);
    return is_partial;
}

static void two_days(struct rig *r)
{
    rig_init(r);
    rig_put(r, "a|x=1", RIG_NOW - 10 * NS_PER_DAY, 1);
    rig_put(r, "a|x=1", RIG_NOW, 2);
    rig_seal(r);
    cr_assert_eq(count_blocks(r), 2u);
}

/* Path of the block that holds `ts`. */
static void path_of(struct rig *r, int64_t ts, char path[STORE_PATH_MAX])
{
    struct block_list *list = block_list_ref(r->m);
    for (uint32_t i = 0; i < list->count; i++)
        if (list->blocks[i]->entry.ts_min <= ts && list->blocks[i]->entry.ts_max >= ts)
            store_segment_path(&r->store, list->blocks[i]->entry.id, STORE_METRICS, path);
    block_list_unref(list);
}

Test(damage, a_passing_fault_while_opening_sets_nothing_aside)
{
    static const int faults[] = {EMFILE, ENOMEM, EIO, EACCES};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct rig r;
        two_days(&r);
        rig_close(&r);
        uint32_t refused = 0;
        for (uint64_t nth = 1; nth < 30; nth++) {
            struct tsdb_error err = {0};
            fs_sim_fail(r.sim, nth % 2 ? FS_SIM_OPEN : FS_SIM_OTHER, (nth + 1) / 2, faults[i],
                        FS_SIM_ONCE);
            enum tsdb_status st = rig_try_open(&r, &err);
            refused += st != TSDB_OK;
            fs_sim_heal(r.sim);
            if (st == TSDB_OK)
                rig_close(&r);
        }
        cr_assert_gt(refused, 3u);
        rig_open(&r);
        cr_assert_eq(count_blocks(&r), 2u, "errno %d: %u blocks left", faults[i], count_blocks(&r));
        cr_assert_not(is_partial(&r, INT64_MIN, INT64_MAX));
        rig_release(&r);
    }
}

Test(damage, answers_are_partial_where_the_damaged_block_was_and_stay_so)
{
    struct rig r;
    char path[STORE_PATH_MAX];
    two_days(&r);
    path_of(&r, RIG_NOW, path);
    rig_close(&r);
    fs_sim_flip(r.sim, path, 3, 1);
    for (int pass = 0; pass < 3; pass++) {
        rig_open(&r);
        cr_assert_eq(count_blocks(&r), 1u);
        cr_assert(is_partial(&r, RIG_NOW - 1, RIG_NOW + 1), "pass %d", pass);
        cr_assert_not(is_partial(&r, RIG_NOW - 11 * NS_PER_DAY, RIG_NOW - 9 * NS_PER_DAY),
                      "pass %d: the other day is whole", pass);
        struct tsdb_stats stats = {0};
        metrics_stats(r.m, &stats);
        cr_assert_eq(stats.quarantined, 1u);
        rig_close(&r);
    }
    rig_open(&r);
    rig_release(&r);
}

Test(damage, a_block_that_vanished_is_told_of_and_the_rest_is_served)
{
    struct rig r;
    char path[STORE_PATH_MAX];
    two_days(&r);
    path_of(&r, RIG_NOW, path);
    rig_close(&r);
    cr_assert_eq(fs_unlink(fs_sim_fs(r.sim), path, NULL), TSDB_OK);
    for (int pass = 0; pass < 2; pass++) {
        rig_open(&r);
        cr_assert_eq(count_blocks(&r), 1u);
        cr_assert(is_partial(&r, RIG_NOW, RIG_NOW), "pass %d", pass);
        rig_close(&r);
    }
    rig_open(&r);
    rig_release(&r);
}

Test(damage, found_while_reading_it_is_set_aside_and_the_answer_partial)
{
    struct rig r;
    char path[STORE_PATH_MAX];
    two_days(&r);
    path_of(&r, RIG_NOW, path);
    rig_close(&r);
    uint64_t size = fs_sim_get(r.sim, path).len;
    uint32_t partial = 0;
    for (uint64_t off = 0; off < size; off += 7) {
        struct fs_sim *whole = fs_sim_clone(r.sim);
        fs_sim_flip(r.sim, path, off, 0x10);
        rig_open(&r);
        bool is_known = is_partial(&r, RIG_NOW, RIG_NOW);
        if (!is_known)
            cr_assert_eq(count_blocks(&r), 2u);
        partial += is_known;
        rig_close(&r);
        fs_sim_free(r.sim);
        r.sim = whole;
        r.options.fs = fs_sim_fs(whole);
    }
    cr_assert_gt(partial, 10u);
    rig_open(&r);
    rig_release(&r);
}
