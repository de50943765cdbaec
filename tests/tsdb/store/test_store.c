#include "tsdb/store/store.h"

#include "tsdb/base/fs_sim.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct events {
    int degraded, recovered, quarantined, others;
};

struct rig {
    struct fs_sim *sim;
    struct clock_sim clock;
    struct tsdb_options options;
    struct events events;
    struct store store;
};

static void on_event(void *arg, const struct tsdb_event *event)
{
    struct events *e = arg;
    cr_assert_eq(strchr(event->text, '\n'), NULL, "one line");
    switch (event->kind) {
    case TSDB_EVENT_DEGRADED: e->degraded++; break;
    case TSDB_EVENT_RECOVERED: e->recovered++; break;
    case TSDB_EVENT_QUARANTINE: e->quarantined++; break;
    case TSDB_EVENT_PROGRESS:
    case TSDB_EVENT_BACKGROUND: e->others++; break;
    }
}

static void setup(struct rig *r, const char *dir)
{
    *r = (struct rig){.sim = fs_sim_new()};
    clock_sim_init(&r->clock, NS_PER_DAY);
    r->options = (struct tsdb_options){.dir = dir,
                                       .fs = fs_sim_fs(r->sim),
                                       .clock = &r->clock.clock,
                                       .has_no_threads = true,
                                       .on_event = on_event,
                                       .arg = &r->events};
}

static void must_open(struct rig *r)
{
    struct tsdb_error err = {0};
    cr_assert_eq(store_open(&r->options, &r->store, &err), TSDB_OK, "%s", err.msg);
}

/* A segment in the folder and in the manifest. */
static uint64_t add_segment(struct rig *r)
{
    char path[STORE_PATH_MAX];
    struct segment_writer *w;
    struct segment_facts facts;
    uint64_t id = store_take_id(&r->store);
    store_segment_path(&r->store, id, STORE_METRICS, path);
    cr_assert_eq(segment_writer_open(r->store.fs, path, &w, NULL), TSDB_OK);
    segment_section_begin(w, 1);
    cr_assert_eq(segment_write(w, (struct bytes){(const uint8_t *)"x", 1}, NULL), TSDB_OK);
    segment_section_end(w);
    cr_assert_eq(segment_writer_seal(w, &facts, NULL), TSDB_OK);
    struct manifest_segment entry = {.id = id, .ts_min = 5, .ts_max = 7, .bytes = facts.bytes};
    struct manifest_edit edit = {.added = &entry, .added_count = 1};
    cr_assert_eq(store_apply(&r->store, &edit, NULL), TSDB_OK);
    return id;
}

static size_t count_listed(struct rig *r)
{
    size_t count;
    (void)manifest_segments(r->store.manifest, &count);
    return count;
}

static bool count_name(void *arg, const char *name)
{
    *(int *)arg += strncmp(name, "seg-", 4) == 0;
    return true;
}

static int count_files(struct rig *r, const char *dir)
{
    int n = 0;
    return fs_list(fs_sim_fs(r->sim), dir, count_name, &n, NULL) == TSDB_OK ? n : -1;
}

Test(store, one_owner_at_a_time)
{
    struct rig r;
    struct store second;
    struct tsdb_error err = {0};
    setup(&r, "/s");
    must_open(&r);
    cr_assert_eq(store_open(&r.options, &second, &err), TSDB_EINVAL);
    cr_assert(strstr(err.msg, "in use"), "%s", err.msg);
    store_close(&r.store);
    must_open(&r);
    store_close(&r.store);
    store_close(&r.store); /* twice is once */
    fs_sim_free(r.sim);
}

Test(store, seed_and_id_are_drawn_once)
{
    struct rig r;
    setup(&r, "/s");
    must_open(&r);
    struct manifest_facts first = *manifest_facts(r.store.manifest);
    store_close(&r.store);
    must_open(&r);
    cr_assert_eq(manifest_facts(r.store.manifest)->seed, first.seed);
    cr_assert_eq(manifest_facts(r.store.manifest)->store_id.lo, first.store_id.lo);
    store_close(&r.store);
    fs_sim_free(r.sim);
    setup(&r, "/s");
    must_open(&r);
    cr_assert_neq(manifest_facts(r.store.manifest)->seed, first.seed);
    store_close(&r.store);
    fs_sim_free(r.sim);
}

Test(store, a_new_store_survives_a_power_cut_at_any_operation)
{
    struct random random;
    random_init(&random, 3);
    for (uint64_t op = 0; op < 40; op++) {
        for (int mode = 0; mode < FS_SIM_MODE_COUNT; mode++) {
            struct rig r;
            setup(&r, "/s");
            fs_sim_power_off_after(r.sim, op);
            if (store_open(&r.options, &r.store, NULL) == TSDB_OK)
                store_close(&r.store);
            fs_sim_crash(r.sim, (enum fs_sim_mode)mode, &random);
            must_open(&r);
            store_close(&r.store);
            fs_sim_free(r.sim);
        }
    }
}

Test(store, what_no_edit_names_is_removed_at_the_start)
{
    struct rig r;
    setup(&r, "/s");
    must_open(&r);
    uint64_t id = add_segment(&r);
    store_close(&r.store);
    char path[STORE_PATH_MAX];
    store_segment_path(&(struct store){.dir = (char *)(uintptr_t) "/s"}, id + 9, STORE_METRICS,
                       path);
    fs_sim_put(r.sim, path, (struct bytes){(const uint8_t *)"x", 1});
    fs_sim_put(r.sim, "/s/seg-0000000000000001-metrics.seg.tmp",
               (struct bytes){(const uint8_t *)"x", 1});
    fs_sim_put(r.sim, "/s/notes.txt", (struct bytes){(const uint8_t *)"x", 1});
    must_open(&r);
    cr_assert_eq(count_files(&r, "/s"), 1);
    cr_assert_not_null(fs_sim_get(r.sim, "/s/notes.txt").at, "other people's files stay");
    store_close(&r.store);
    fs_sim_free(r.sim);
}

Test(store, quarantine_takes_a_segment_out_and_says_why)
{
    struct rig r;
    setup(&r, "/s");
    must_open(&r);
    uint64_t id = add_segment(&r);
    struct manifest_segment entry = *manifest_find(r.store.manifest, id);
    store_quarantine(&r.store, &entry, "a test");
    cr_assert_eq(r.events.quarantined, 1);
    cr_assert_eq(count_listed(&r), 0u);
    cr_assert_eq(count_files(&r, "/s"), 0);
    cr_assert_eq(count_files(&r, "/s/quarantine"), 2, "the file and the reason");
    char why[STORE_PATH_MAX];
    (void)snprintf(why, sizeof why, "/s/quarantine/seg-%016llx-metrics.seg.why",
                   (unsigned long long)id);
    struct bytes text = fs_sim_get(r.sim, why);
    cr_assert_geq(text.len, 18u);
    cr_assert_eq(memcmp(text.at, "range=5..7 a test\n", 18), 0);
    store_close(&r.store);
    fs_sim_free(r.sim);
}

Test(store, a_full_disk_is_told_of_once_and_when_it_is_over)
{
    struct rig r;
    setup(&r, "/s");
    must_open(&r);
    for (int round = 0; round < 2; round++) {
        fs_sim_set_space(r.sim, fs_sim_used(r.sim) + STORE_DISK_RESERVE_BYTES / 2);
        for (int i = 0; i < 3; i++)
            store_watch_disk(&r.store);
        cr_assert(atomic_load(&r.store.is_disk_full));
        fs_sim_set_space(r.sim, UINT64_MAX);
        for (int i = 0; i < 3; i++)
            store_watch_disk(&r.store);
        cr_assert_not(atomic_load(&r.store.is_disk_full));
    }
    cr_assert_eq(r.events.degraded, 2);
    cr_assert_eq(r.events.recovered, 2);
    store_close(&r.store);
    fs_sim_free(r.sim);
}

Test(store, a_snapshot_is_a_store_by_itself)
{
    struct rig r;
    setup(&r, "/s");
    must_open(&r);
    uint64_t id = add_segment(&r);
    struct tsdb_error err = {0};
    cr_assert_eq(store_snapshot(&r.store, "one", &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(store_snapshot(&r.store, "one", &err), TSDB_EINVAL);
    cr_assert(strstr(err.msg, "is there already"), "%s", err.msg);
    static const char *const bad[] = {"", ".", "..", "a/b", "a b", "../x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(store_snapshot(&r.store, bad[i], NULL), TSDB_EINVAL, "%s", bad[i]);
    uint64_t seed = manifest_facts(r.store.manifest)->seed;
    store_close(&r.store);
    r.options.dir = "/s/snapshots/one";
    must_open(&r);
    cr_assert_eq(manifest_facts(r.store.manifest)->seed, seed);
    cr_assert_not_null(manifest_find(r.store.manifest, id));
    cr_assert_gt(store_take_id(&r.store), id);
    store_close(&r.store);
    fs_sim_free(r.sim);
}

Test(store, a_snapshot_that_failed_leaves_nothing_and_may_be_tried_again)
{
    uint32_t failed = 0;
    for (uint64_t nth = 1; nth < 16; nth++) {
        struct rig r;
        setup(&r, "/s");
        must_open(&r);
        (void)add_segment(&r);
        (void)add_segment(&r);
        fs_sim_fail(r.sim, FS_SIM_ANY_CHANGE, nth, EIO, FS_SIM_ONCE);
        bool is_done = store_snapshot(&r.store, "one", NULL) == TSDB_OK;
        fs_sim_heal(r.sim);
        failed += !is_done;
        if (!is_done) {
            struct tsdb_error err = {0};
            cr_assert_leq(count_files(&r, "/s/snapshots/one"), nth > 10 ? 2 : 0, "fault %d",
                          (int)nth);
            enum tsdb_status st = store_snapshot(&r.store, "one", &err);
            cr_assert(st == TSDB_OK || nth > 10, "fault %d: %s", (int)nth, err.msg);
        }
        store_close(&r.store);
        fs_sim_free(r.sim);
    }
    cr_assert_gt(failed, 4u);
}

Test(store, settling_removes_what_a_failed_edit_left)
{
    struct rig r;
    setup(&r, "/s");
    must_open(&r);
    (void)add_segment(&r);
    char path[STORE_PATH_MAX];
    uint64_t id = store_take_id(&r.store);
    store_segment_path(&r.store, id, STORE_METRICS, path);
    fs_sim_put(r.sim, path, (struct bytes){(const uint8_t *)"x", 1});
    struct manifest_segment entry = {.id = id};
    struct manifest_edit edit = {.added = &entry, .added_count = 1};
    cr_assert_eq(store_settle(&r.store, NULL), TSDB_OK);
    cr_assert_eq(count_files(&r, "/s"), 2, "nothing is in doubt");
    fs_sim_fail(r.sim, FS_SIM_SYNC, 1, EIO, FS_SIM_FOR_EVER);
    cr_assert_eq(store_apply(&r.store, &edit, NULL), TSDB_EIO);
    cr_assert_eq(store_settle(&r.store, NULL), TSDB_EIO);
    cr_assert_eq(count_files(&r, "/s"), 2, "it may be listed: it stays");
    fs_sim_heal(r.sim);
    cr_assert_eq(store_settle(&r.store, NULL), TSDB_OK);
    cr_assert_eq(count_files(&r, "/s"), 1);
    store_close(&r.store);
    must_open(&r);
    cr_assert_eq(count_listed(&r), 1u);
    store_close(&r.store);
    fs_sim_free(r.sim);
}
