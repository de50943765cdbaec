#include "tsdb/store/journal.h"

#include "tests/tsdb/store/journal_rig.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/crc32c.h"
#include "tsdb/base/thread.h"
#include "tsdb/store/journal_record.h"

static struct fs_sim *sim;
static struct clock_sim sim_clock;
static struct journal_options options;
static struct ledger ledger;
static struct random dice;
static unsigned degraded, told, synced_calls;

static void on_event(void *arg, const char *text, bool is_degraded)
{
    (void)arg;
    cr_log_info("event: %s", text);
    degraded += is_degraded;
    told++;
}

static void on_synced(void *arg)
{
    (void)arg;
    synced_calls++;
}

static void make(void)
{
    sim = fs_sim_new();
    options = journal_rig_options(sim, TSDB_SYNC_ALWAYS);
    clock_sim_init(&sim_clock, 1000 * NS_PER_S);
    options.clock = &sim_clock.clock;
    options.on_event = on_event;
    options.on_synced = on_synced;
    random_init(&dice, 42);
    memset(&ledger, 0, sizeof ledger);
}

static void drop(void)
{
    fs_sim_free(sim);
}

TestSuite(journal, .init = make, .fini = drop);

static struct journal *open_at(uint64_t floor)
{
    struct journal *j = NULL;
    struct tsdb_error err;
    enum tsdb_status st = journal_open(&options, floor, &j, &err);
    cr_assert_eq(st, TSDB_OK, "open: %s", st == TSDB_OK ? "" : err.msg);
    return j;
}

static void append(struct journal *j, unsigned count)
{
    struct tsdb_error err;
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(ledger_append(&ledger, j, &err), TSDB_OK, "%s", err.msg);
}

static void settle(struct journal *j)
{
    for (int i = 0; journal_step(j); i++)
        cr_assert_lt(i, 10000, "steps without end");
    ledger_ack(&ledger, journal_synced(j));
}

static struct journal_stats stats_of(struct journal *j)
{
    struct journal_stats s;
    journal_stats(j, &s);
    return s;
}

Test(journal, an_empty_one_opens_and_replays_nothing)
{
    struct journal *j = open_at(0);
    cr_assert_eq(journal_rig_replay(j, &ledger, 0).count, 0);
    cr_assert_eq(journal_end(j), 0);
    cr_assert_eq(journal_synced(j), 0);
    cr_assert(journal_is_writable(j));
    cr_assert_not(journal_step(j));
    cr_assert_eq(journal_sync(j, NULL), TSDB_OK);
    journal_close(j);
    journal_close(NULL);
}

Test(journal, what_was_synced_comes_back_in_order_after_power_loss)
{
    struct journal *j = open_at(0);
    append(j, 10);
    cr_assert_eq(journal_synced(j), 0, "nothing counts before it is on disk");
    settle(j);
    cr_assert_eq(ledger.acked, 10);
    cr_assert_eq(journal_synced(j), journal_end(j));
    cr_assert_gt(synced_calls, 0);
    append(j, 5);
    fs_sim_power_off_after(sim, 0);
    journal_close(j);
    fs_sim_crash(sim, FS_SIM_LOSE_ALL, &dice);
    j = open_at(0);
    struct found f = journal_rig_replay(j, &ledger, 0);
    cr_assert_eq(f.count, 10);
    cr_assert_eq(journal_end(j), ledger.position[9]);
    cr_assert_eq(journal_rig_replay(j, &ledger, ledger.position[4]).count, 5, "from a position");
    cr_assert_eq(stats_of(j).damaged_records, 0);
    journal_close(j);
}

Test(journal, many_appends_share_one_sync)
{
    struct journal *j = open_at(0);
    append(j, 20);
    settle(j);
    cr_assert_leq(stats_of(j).syncs, 2);
    journal_close(j);
}

Test(journal, closing_writes_what_is_pending)
{
    struct journal *j = open_at(0);
    append(j, 3);
    journal_close(j);
    fs_sim_crash(sim, FS_SIM_LOSE_ALL, &dice);
    j = open_at(0);
    cr_assert_eq(journal_rig_replay(j, &ledger, 0).count, 3);
    journal_close(j);
}

Test(journal, positions_go_on_across_restarts_and_the_file_is_continued)
{
    for (int i = 0; i < 20; i++) {
        struct journal *j = open_at(0);
        append(j, 1);
        journal_close(j);
    }
    struct journal *j = open_at(0);
    cr_assert_eq(journal_rig_replay(j, &ledger, 0).count, 20);
    cr_assert_leq(stats_of(j).segments, 2, "restarts do not fill the disk");
    journal_close(j);
}

Test(journal, released_files_are_written_again)
{
    struct journal *j = open_at(0);
    uint64_t floor = 0;
    for (int round = 0; round < 20; round++) {
        append(j, 20);
        settle(j);
        floor = ledger.position[ledger.count - 5];
        journal_release_below(j, floor);
        settle(j);
    }
    struct journal_stats s = stats_of(j);
    cr_assert_leq(s.segments + s.spares, 5, "%lu + %lu files", s.segments, s.spares);
    cr_assert_gt(journal_end(j), 5 * options.segment_bytes);
    uint64_t end = journal_end(j);
    journal_close(j);
    j = open_at(floor);
    struct found f = journal_rig_replay(j, &ledger, floor);
    cr_assert_eq(f.count, 4);
    cr_assert_eq(found_lost(&f, floor), 0);
    cr_assert_eq(journal_end(j), end);
    cr_assert_eq(stats_of(j).damaged_records, 0, "old records behind new ones are no damage");
    journal_close(j);
}

Test(journal, floor_beyond_the_end_moves_the_end)
{
    struct journal *j = open_at(0);
    append(j, 3);
    journal_close(j);
    j = open_at(1 << 20);
    cr_assert_eq(journal_end(j), 1 << 20);
    cr_assert_eq(journal_rig_replay(j, &ledger, 1 << 20).count, 0);
    append(j, 2);
    cr_assert_gt(ledger.position[3], 1 << 20);
    journal_close(j);
    j = open_at(1 << 20);
    cr_assert_eq(journal_rig_replay(j, &ledger, 1 << 20).count, 2);
    journal_close(j);
    cr_assert_eq(journal_open(&options, UINT64_MAX, &j, NULL), TSDB_EINVAL);
}

Test(journal, records_up_to_the_limit_are_taken)
{
    uint8_t *big = mem_array(JOURNAL_RECORD_MAX, 1);
    struct journal *j = open_at(0);
    struct tsdb_error err;
    uint64_t position;
    struct bytes parts[2] = {{big, JOURNAL_RECORD_MAX - 1}, {big, 1}};
    cr_assert_eq(journal_append(j, 1, parts, 2, &position, &err), TSDB_OK);
    cr_assert_eq(journal_append(j, 1, NULL, 0, &position, &err), TSDB_OK, "an empty one");
    parts[1].len = 2;
    cr_assert_eq(journal_append(j, 1, parts, 2, &position, &err), TSDB_EINVAL);
    settle(j);
    cr_assert_eq(journal_synced(j), position);
    journal_close(j);
    mem_free(big);
}

Test(journal, pending_bytes_are_bounded)
{
    options.pending_bytes_max = 1000;
    struct journal *j = open_at(0);
    struct tsdb_error err;
    enum tsdb_status st;
    while ((st = ledger_append(&ledger, j, &err)) == TSDB_OK) {
    }
    cr_assert_eq(st, TSDB_ELIMIT);
    cr_assert_leq(stats_of(j).pending_bytes, 1000);
    settle(j);
    append(j, 1);
    journal_close(j);
}

Test(journal, interval_counts_written_and_syncs_in_time)
{
    options.sync = TSDB_SYNC_INTERVAL;
    options.sync_interval_ns = NS_PER_S;
    struct journal *j = open_at(0);
    append(j, 3);
    settle(j);
    cr_assert_eq(journal_synced(j), journal_end(j));
    cr_assert_eq(stats_of(j).syncs, 0);
    clock_sim_advance(&sim_clock, NS_PER_S / 2);
    cr_assert_not(journal_step(j));
    cr_assert_eq(stats_of(j).oldest_unsynced_ns, NS_PER_S / 2);
    clock_sim_advance(&sim_clock, NS_PER_S / 2);
    cr_assert(journal_step(j), "traffic has stopped, the sync comes all the same");
    cr_assert_eq(stats_of(j).syncs, 1);
    cr_assert_eq(stats_of(j).oldest_unsynced_ns, 0);
    cr_assert_eq(stats_of(j).pending_bytes, 0);
    append(j, 1);
    cr_assert_eq(journal_sync(j, NULL), TSDB_OK);
    cr_assert_eq(stats_of(j).syncs, 2, "asked for");
    journal_close(j);
}

Test(journal, os_mode_syncs_only_when_asked)
{
    options.sync = TSDB_SYNC_OS;
    struct journal *j = open_at(0);
    append(j, 3);
    settle(j);
    cr_assert_eq(journal_synced(j), journal_end(j));
    cr_assert_eq(stats_of(j).syncs, 0);
    cr_assert_eq(journal_sync(j, NULL), TSDB_OK);
    cr_assert_eq(stats_of(j).syncs, 1);
    fs_sim_power_off_after(sim, 0);
    journal_close(j);
    fs_sim_crash(sim, FS_SIM_LOSE_ALL, &dice);
    j = open_at(0);
    cr_assert_eq(journal_rig_replay(j, &ledger, 0).count, 3);
    journal_close(j);
}

/* ---- faults -------------------------------------------------------------------- */

Test(journal, failed_sync_goes_on_in_a_new_file_and_loses_nothing)
{
    enum tsdb_sync modes[] = {TSDB_SYNC_ALWAYS, TSDB_SYNC_INTERVAL};
    for (int m = 0; m < 2; m++) {
        drop();
        make();
        options.sync = modes[m];
        struct journal *j = open_at(0);
        append(j, 4);
        cr_assert_eq(journal_sync(j, NULL), TSDB_OK);
        append(j, 3);
        fs_sim_fail(sim, FS_SIM_SYNC, 1, EIO, FS_SIM_ONCE);
        degraded = told = 0;
        cr_assert_eq(journal_sync(j, NULL), TSDB_OK, "mended from memory");
        ledger_ack(&ledger, journal_synced(j));
        cr_assert_eq(ledger.acked, 7);
        cr_assert(degraded == 1 && told == 2, "%u of %u events", degraded, told);
        cr_assert(journal_is_writable(j));
        cr_assert_eq(stats_of(j).sync_failures, 1);
        append(j, 1);
        settle(j);
        cr_assert_eq(journal_sync(j, NULL), TSDB_OK);
        fs_sim_power_off_after(sim, 0);
        journal_close(j);
        fs_sim_crash(sim, FS_SIM_LOSE_ALL, &dice);
        j = open_at(0);
        struct found f = journal_rig_replay(j, &ledger, 0);
        cr_assert_eq(found_lost(&f, 0), 0);
        cr_assert_eq(f.count, 8);
        journal_close(j);
    }
}

Test(journal, second_fault_makes_it_read_only)
{
    struct journal *j = open_at(0);
    struct tsdb_error err;
    append(j, 2);
    settle(j);
    append(j, 1);
    fs_sim_fail(sim, FS_SIM_SYNC, 1, EIO, FS_SIM_ONCE);
    settle(j);
    cr_assert(journal_is_writable(j));
    append(j, 1);
    fs_sim_fail(sim, FS_SIM_SYNC, 1, EIO, FS_SIM_ONCE);
    cr_assert_eq(journal_sync(j, &err), TSDB_EIO);
    cr_assert_eq(err.os_errno, EIO);
    settle(j);
    cr_assert_not(journal_is_writable(j));
    cr_assert_eq(ledger.acked, 3, "the last one is not acknowledged");
    cr_assert_eq(ledger_append(&ledger, j, &err), TSDB_EIO);
    cr_assert_not(journal_step(j));
    journal_close(j);
    j = open_at(0);
    cr_assert(journal_is_writable(j), "a restart has verified the log");
    struct found f = journal_rig_replay(j, &ledger, 0);
    cr_assert_eq(found_lost(&f, 0), 0);
    journal_close(j);
}

Test(journal, full_disk_stops_acknowledging_until_there_is_space)
{
    struct journal *j = open_at(0);
    struct tsdb_error err;
    append(j, 2);
    settle(j);
    fs_sim_set_space(sim, fs_sim_used(sim) + 10);
    while (ledger.count < 200 && journal_is_writable(j)) {
        append(j, 5);
        settle(j);
    }
    cr_assert_not(journal_is_writable(j));
    cr_assert_lt(ledger.acked, ledger.count);
    cr_assert_eq(ledger_append(&ledger, j, &err), TSDB_EIO);
    cr_assert_eq(err.os_errno, ENOSPC);
    cr_assert_eq(journal_sync(j, &err), TSDB_EIO);
    for (int i = 0; i < 10; i++)
        cr_assert_not(journal_step(j));
    fs_sim_set_space(sim, UINT64_MAX);
    settle(j);
    cr_assert(journal_is_writable(j), "without a restart");
    cr_assert_eq(ledger.acked, ledger.count);
    append(j, 5);
    settle(j);
    fs_sim_power_off_after(sim, 0);
    journal_close(j);
    fs_sim_crash(sim, FS_SIM_LOSE_ALL, &dice);
    j = open_at(0);
    struct found f = journal_rig_replay(j, &ledger, 0);
    cr_assert_eq(found_lost(&f, 0), 0);
    cr_assert_eq(stats_of(j).damaged_records, 0);
    journal_close(j);
}

/* Sealing frees files, so with release going on the log needs no more space. */
Test(journal, full_disk_is_no_obstacle_while_files_are_released)
{
    struct journal *j = open_at(0);
    for (int round = 0; round < 10; round++) {
        append(j, 20);
        settle(j);
        journal_release_below(j, ledger.position[ledger.count - 1]);
        settle(j);
        if (round == 2)
            fs_sim_set_space(sim, fs_sim_used(sim));
    }
    cr_assert_eq(ledger.acked, 200);
    cr_assert(journal_is_writable(j));
    journal_close(j);
}

Test(journal, opens_on_a_full_disk)
{
    struct journal *j = open_at(0);
    append(j, 5);
    journal_close(j);
    fs_sim_set_space(sim, fs_sim_used(sim));
    j = open_at(0);
    cr_assert_eq(journal_rig_replay(j, &ledger, 0).count, 5);
    append(j, 1);
    settle(j);
    cr_assert_eq(ledger.acked, 6, "the file was filled ahead");
    journal_close(j);
}

/* ---- damage -------------------------------------------------------------------- */

static const char *first_file(void)
{
    return "j/journal-00000001";
}

Test(journal, strange_files_do_not_stop_the_start)
{
    static const uint8_t zeros[20000];
    struct journal *j = open_at(0);
    append(j, 60);
    journal_close(j);
    fs_sim_put(sim, "j/journal-00000000", (struct bytes){0});
    fs_sim_put(sim, "j/journal-00000009", (struct bytes){zeros, sizeof zeros});
    fs_sim_put(sim, "j/journal-0000000a", (struct bytes){zeros, 1});
    fs_sim_put(sim, "j/journal-0000000b", (struct bytes){(const uint8_t *)"garbage", 7});
    fs_sim_put(sim, "j/README", (struct bytes){(const uint8_t *)"hello", 5});
    fs_sim_put(sim, "j/journal-0000000B", (struct bytes){zeros, 1});
    for (int i = 0; i < 3; i++) {
        j = open_at(0);
        cr_assert_eq(journal_rig_replay(j, &ledger, 0).count, 60);
        cr_assert_eq(stats_of(j).damaged_records, 0);
        journal_close(j);
    }
    cr_assert_eq(fs_sim_get(sim, "j/damaged-0000000b").len, 7, "kept for people");
    cr_assert_eq(degraded, 1);
    cr_assert_eq(fs_sim_get(sim, "j/README").len, 5);
}

Test(journal, lost_first_page_is_made_up_for_by_the_first_record)
{
    struct journal *j = open_at(0);
    append(j, 80);
    journal_close(j);
    for (uint64_t off = 0; off < 4096; off++)
        if (fs_sim_get(sim, first_file()).at[off])
            fs_sim_flip(sim, first_file(), off, fs_sim_get(sim, first_file()).at[off]);
    j = open_at(0);
    cr_assert_eq(journal_rig_replay(j, &ledger, 0).count, 80);
    append(j, 1);
    journal_close(j);
    j = open_at(0);
    cr_assert_eq(journal_rig_replay(j, &ledger, 0).count, 81);
    journal_close(j);
}

Test(journal, damage_is_counted_and_costs_its_record)
{
    struct journal *j = open_at(0);
    append(j, 60);
    journal_close(j);
    fs_sim_flip(sim, first_file(), 4096 + ledger.position[2] + 20, 1);
    j = open_at(0);
    struct found f = journal_rig_replay(j, &ledger, 0);
    cr_assert_eq(f.count, 59);
    cr_assert_eq(f.times[3], 0);
    cr_assert_eq(stats_of(j).damaged_records, 1);
    cr_assert_eq(stats_of(j).damaged_bytes, ledger.position[3] - ledger.position[2]);
    cr_assert_eq(stats_of(j).replayed_bytes, stats_of(j).replay_bytes);
    journal_close(j);
}

Test(journal, missing_file_is_counted_as_damage)
{
    struct journal *j = open_at(0);
    append(j, 200);
    journal_close(j);
    cr_assert_eq(fs_unlink(fs_sim_fs(sim), "j/journal-00000002", NULL), TSDB_OK);
    j = open_at(0);
    struct found f = journal_rig_replay(j, &ledger, 0);
    cr_assert_lt(f.count, 200);
    cr_assert_eq(f.times[199], 1);
    cr_assert_eq(stats_of(j).damaged_records, 1);
    journal_close(j);
}

Test(journal, newer_version_is_refused)
{
    uint8_t page[JOURNAL_DATA_OFF];
    struct journal_header header = {.sequence = 1};
    journal_header_encode(&header, page);
    page[12] = JOURNAL_VERSION + 1;
    uint32_t crc = crc32c(0, page, 60);
    memcpy(page + 60, &crc, 4);
    cr_assert_eq(fs_mkdir(options.fs, "j", NULL), TSDB_OK);
    fs_sim_put(sim, "j/journal-00000001", (struct bytes){page, sizeof page});
    uint64_t digest = fs_sim_digest(sim);
    struct journal *j;
    cr_assert_eq(journal_open(&options, 0, &j, NULL), TSDB_EINVAL);
    cr_assert_eq(fs_sim_digest(sim), digest, "nothing was touched");
}

static enum tsdb_status stop_at_once(void *arg, uint64_t position, uint8_t type,
                                     struct bytes payload)
{
    (void)position;
    (void)type;
    (void)payload;
    ++*(int *)arg;
    return TSDB_END;
}

Test(journal, replay_ends_when_its_visitor_has_enough)
{
    struct journal *j = open_at(0);
    append(j, 100);
    journal_close(j);
    j = open_at(0);
    int calls = 0;
    cr_assert_eq(journal_replay(j, 0, stop_at_once, &calls, NULL), TSDB_END);
    cr_assert_eq(calls, 1);
    journal_close(j);
}

Test(journal, unreadable_file_is_an_error_and_changes_nothing)
{
    struct journal *j = open_at(0);
    append(j, 100);
    journal_close(j);
    uint64_t digest = fs_sim_digest(sim);
    for (uint64_t nth = 1;; nth++) {
        uint64_t before = fs_sim_faults(sim);
        fs_sim_fail(sim, FS_SIM_READ, nth, EIO, FS_SIM_ONCE);
        enum tsdb_status st = journal_open(&options, 0, &j, NULL);
        fs_sim_heal(sim);
        if (fs_sim_faults(sim) == before) {
            cr_assert_eq(st, TSDB_OK);
            cr_assert_gt(nth, 4);
            journal_close(j);
            break;
        }
        cr_assert_eq(st, TSDB_EIO);
        cr_assert_eq(fs_sim_digest(sim), digest);
    }
}

/* ---- threads ------------------------------------------------------------------- */

struct appender {
    struct thread thread;
    struct journal *j;
    uint64_t last;
    unsigned waited;
};

static void *append_many(void *arg)
{
    struct appender *a = arg;
    for (unsigned i = 0; i < 500; i++) {
        uint64_t stamp[8] = {i};
        struct bytes part = {(const uint8_t *)stamp, sizeof stamp};
        uint64_t position;
        while (journal_append(a->j, 1, &part, 1, &position, NULL) == TSDB_ELIMIT)
            a->waited++;
        ASSERT(position > a->last);
        a->last = position;
        if (i % 50 == 0 && journal_sync(a->j, NULL) == TSDB_OK)
            ASSERT(journal_synced(a->j) >= position);
        if (i % 100 == 0)
            journal_release_below(a->j, position);
    }
    return NULL;
}

Test(journal, threads_append_sync_and_release_together)
{
    enum tsdb_sync modes[] = {TSDB_SYNC_ALWAYS, TSDB_SYNC_INTERVAL, TSDB_SYNC_OS};
    for (int m = 0; m < 3; m++) {
        drop();
        make();
        options.clock = NULL;
        options.sync = modes[m];
        options.sync_interval_ns = NS_PER_MS;
        options.has_no_threads = false;
        options.pending_bytes_max = 4096;
        struct journal *j = open_at(0);
        struct appender a[4] = {0};
        for (int i = 0; i < 4; i++) {
            a[i].j = j;
            thread_start(&a[i].thread, "appender", append_many, &a[i]);
        }
        for (int i = 0; i < 4; i++)
            thread_join(&a[i].thread);
        cr_assert_eq(journal_sync(j, NULL), TSDB_OK);
        cr_assert_eq(journal_synced(j), journal_end(j));
        cr_assert_eq(journal_end(j), 4 * 500 * 80);
        journal_close(j);
    }
}
