#include "tsdb/store/damage.h"

#include "tsdb/base/fs_sim.h"
#include "tsdb/store/store.h"

#include <criterion/criterion.h>
#include <string.h>

static void put(struct fs *fs, const char *path, const char *text)
{
    struct fs_file *f;
    struct tsdb_error err = {0};
    cr_assert_eq(fs_open(fs, path, FS_WRITE | FS_CREATE, &f, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(fs_pwrite(f, text, strlen(text), 0, &err), TSDB_OK);
    fs_close(f);
}

Test(damage, what_lies_in_quarantine_is_known_by_signal)
{
    struct fs_sim *sim = fs_sim_new();
    struct fs *fs = fs_sim_fs(sim);
    struct clock_sim clock;
    clock_sim_init(&clock, NS_PER_DAY);
    struct tsdb_options options = {
        .dir = "/d", .fs = fs, .clock = &clock.clock, .has_no_threads = true};
    struct store store;
    struct tsdb_error err = {0};
    cr_assert_eq(store_open(&options, &store, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(fs_mkdir(fs, "/d/quarantine", &err), TSDB_OK);
    put(fs, "/d/quarantine/seg-0000000000000001-logs.seg.why", "range=100..200 checksum");
    put(fs, "/d/quarantine/seg-0000000000000001-logs.seg.1.why", "range=-50..-40 again");
    put(fs, "/d/quarantine/seg-0000000000000001-logs.seg", "the file itself");
    put(fs, "/d/quarantine/seg-0000000000000002-metrics.seg.why", "no range");
    struct damage logs, metrics;
    damage_init(&logs);
    damage_init(&metrics);
    damage_load(&logs, &store, STORE_LOGS);
    damage_load(&metrics, &store, STORE_METRICS);
    cr_assert_eq(damage_count(&logs), 2);
    cr_assert(damage_is_in(&logs, 200, 300));
    cr_assert(damage_is_in(&logs, 0, 100));
    cr_assert(damage_is_in(&logs, INT64_MIN, -45));
    cr_assert_not(damage_is_in(&logs, 201, 300));
    cr_assert_not(damage_is_in(&logs, -39, 99));
    cr_assert_eq(damage_count(&metrics), 1);
    cr_assert(damage_is_in(&metrics, 7, 7), "an unknown range is every time");
    damage_note(&logs, &(struct manifest_segment){.ts_min = 500, .ts_max = 600});
    cr_assert(damage_is_in(&logs, 550, 551));
    cr_assert_eq(damage_count(&logs), 3);
    damage_release(&logs);
    damage_release(&metrics);
    store_close(&store);
    fs_sim_free(sim);
}
