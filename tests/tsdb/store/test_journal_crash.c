/* Goal: whatever the moment of a crash and whatever the disk kept of what nobody
 * had synced, every acknowledged record comes back, nothing comes back that was
 * not submitted, and recovering again finds the same.
 *
 * Method: one run of a workload; before each operation on files the simulated
 * disk is copied together with what was acknowledged by then.  Of each copy
 * many crash states are made and recovered; recovery itself is stopped at one of
 * its operations and recovered again.  Then the same workload with a fault at
 * each operation.  TEST_SEED replays a run. */
#include "tests/tsdb/store/journal_rig.h"
#include "tsdb/base/assert.h"

#include <stdlib.h>

enum { SNAPSHOTS_MAX = 2000, SEEDS = 36 };

struct snapshot {
    struct fs_sim *sim;
    unsigned acked, submitted;
    uint64_t floor;
};

static struct ledger ledger;
static struct journal *running;
static uint64_t floor_told; /* of release, made durable elsewhere */
static struct snapshot snapshots[SNAPSHOTS_MAX];
static unsigned snapshot_count;
static struct random dice;
static unsigned long states, faults, acked_records, acked_lost;

static void seed_dice(void)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20240131;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    random_init(&dice, seed);
    states = faults = acked_records = acked_lost = 0;
}

static void report(const char *what)
{
    (void)fprintf(stderr,
                  "%s: crash states %lu | faults %lu | acked records %lu | acked lost %lu\n", what,
                  states, faults, acked_records, acked_lost);
    cr_assert_eq(acked_lost, 0);
}

static void take_snapshot(void *arg, struct fs_sim *sim, enum fs_sim_op op, const char *path)
{
    (void)arg;
    (void)op;
    (void)path;
    cr_assert_lt(snapshot_count, SNAPSHOTS_MAX);
    if (running)
        ledger_ack(&ledger, journal_synced(running));
    snapshots[snapshot_count++] =
        (struct snapshot){fs_sim_clone(sim), ledger.acked, ledger.count, floor_told};
}

static void drop_snapshots(void)
{
    for (unsigned i = 0; i < snapshot_count; i++)
        fs_sim_free(snapshots[i].sim);
    snapshot_count = 0;
}

static void settle(struct journal *j)
{
    for (int i = 0; journal_step(j); i++)
        ASSERT(i < 1000);
    ledger_ack(&ledger, journal_synced(j));
}

/* Appends, group commits of several sizes, files that fill, are released and
 * written again.  Refused appends are part of life when there are faults. */
static void workload(struct journal *j)
{
    for (unsigned round = 0; round < 14; round++) {
        for (unsigned i = 0; i < 1 + round * 5 % 9; i++)
            (void)ledger_append(&ledger, j, NULL);
        settle(j);
        if (round % 4 == 3 && ledger.acked > 6) {
            floor_told = ledger.position[ledger.acked - 6];
            journal_release_below(j, floor_told);
            settle(j);
        }
    }
}

static enum tsdb_status start(struct fs_sim *sim, enum tsdb_sync sync)
{
    struct journal_options options = journal_rig_options(sim, sync);
    running = NULL;
    return journal_open(&options, floor_told, &running, NULL);
}

static void stop(void)
{
    struct journal *j = running;
    if (!j)
        return;
    ledger_ack(&ledger, journal_synced(j));
    journal_close(j);
    running = NULL;
}

static void begin(void)
{
    memset(&ledger, 0, sizeof ledger);
    floor_told = 0;
    running = NULL;
}

/* ---- checking -------------------------------------------------------------------- */

static struct found check_once(struct fs_sim *sim, const struct ledger *l, uint64_t floor)
{
    struct journal_options options = journal_rig_options(sim, TSDB_SYNC_ALWAYS);
    struct journal *j;
    struct tsdb_error err;
    enum tsdb_status st = journal_open(&options, floor, &j, &err);
    cr_assert_eq(st, TSDB_OK, "start refused: %s", st == TSDB_OK ? "" : err.msg);
    struct found f = journal_rig_replay(j, l, floor);
    unsigned lost = found_lost(&f, floor);
    acked_lost += lost;
    cr_expect_eq(lost, 0, "%u acknowledged records lost", lost);
    journal_close(j);
    return f;
}

/* Recovers, appends a little, closes.  Records that were submitted, not
 * acknowledged and are gone are forgotten; the new ones follow them in `l`. */
static void recover_and_append(struct fs_sim *sim, struct ledger *l, uint64_t floor)
{
    struct journal_options options = journal_rig_options(sim, TSDB_SYNC_ALWAYS);
    struct journal *j;
    if (journal_open(&options, floor, &j, NULL) != TSDB_OK)
        return;
    struct found f = {.ledger = l};
    bool is_read = journal_replay(j, floor, found_record, &f, NULL) == TSDB_OK;
    for (unsigned n = l->acked; is_read && n < l->count; n++)
        if (f.times[n] == 0)
            l->position[n] = 0;
    for (int i = 0; is_read && i < 3; i++) {
        (void)ledger_append(l, j, NULL);
        (void)journal_step(j);
        ledger_ack(l, journal_synced(j));
    }
    journal_close(j);
}

static void check_state(const struct snapshot *s, enum fs_sim_mode mode)
{
    struct ledger l = ledger;
    l.acked = s->acked;
    l.count = s->submitted;
    struct fs_sim *sim = fs_sim_clone(s->sim);
    fs_sim_crash(sim, mode, &dice);
    states++;
    acked_records += l.acked;
    struct found first = check_once(sim, &l, s->floor);
    struct found second = check_once(sim, &l, s->floor);
    cr_assert_eq(memcmp(first.times, second.times, sizeof first.times), 0, "recovered another set");
    /* Depth 2: power fails again while it recovers and goes on. */
    struct fs_sim *again = fs_sim_clone(sim);
    struct ledger l2 = l;
    recover_and_append(again, &l2, s->floor);
    uint64_t ops = fs_sim_ops(again);
    (void)check_once(again, &l2, s->floor);
    fs_sim_free(again);
    fs_sim_power_off_after(sim, random_below(&dice, ops + 1));
    recover_and_append(sim, &l, s->floor);
    fs_sim_crash(sim, (enum fs_sim_mode)random_below(&dice, FS_SIM_MODE_COUNT), &dice);
    states++;
    (void)check_once(sim, &l, s->floor);
    fs_sim_free(sim);
}

static void check_snapshots(unsigned rounds)
{
    for (unsigned i = 0; i < snapshot_count; i++)
        for (unsigned round = 0; round < rounds; round++)
            for (unsigned mode = 0; mode < FS_SIM_MODE_COUNT; mode++)
                if (round == 0 || mode > FS_SIM_KEEP_ALL)
                    check_state(&snapshots[i], (enum fs_sim_mode)mode);
}

Test(journal_crash, at_every_operation_in_every_mode)
{
    seed_dice();
    begin();
    struct fs_sim *sim = fs_sim_new();
    fs_sim_watch(sim, take_snapshot, NULL);
    for (int life = 0; life < 3; life++) {
        cr_assert_eq(start(sim, TSDB_SYNC_ALWAYS), TSDB_OK);
        workload(running);
        stop();
    }
    fs_sim_watch(sim, NULL, NULL);
    cr_assert_gt(snapshot_count, 100);
    cr_assert_gt(ledger.acked, 150);
    check_snapshots(SEEDS);
    drop_snapshots();
    fs_sim_free(sim);
    report("crashes");
}

/* In INTERVAL mode only what journal_sync answered for survives power loss. */
Test(journal_crash, interval_mode_keeps_what_was_synced_on_request)
{
    seed_dice();
    begin();
    struct fs_sim *sim = fs_sim_new();
    cr_assert_eq(start(sim, TSDB_SYNC_INTERVAL), TSDB_OK);
    struct journal *j = running;
    running = NULL; /* written is not durable: do not count it */
    fs_sim_watch(sim, take_snapshot, NULL);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 4; i++)
            cr_assert_eq(ledger_append(&ledger, j, NULL), TSDB_OK);
        (void)journal_step(j);
        if (round % 3 == 0) {
            cr_assert_eq(journal_sync(j, NULL), TSDB_OK);
            ledger_ack(&ledger, journal_synced(j));
        }
    }
    fs_sim_watch(sim, NULL, NULL);
    journal_close(j);
    check_snapshots(2);
    drop_snapshots();
    fs_sim_free(sim);
    report("interval");
}

/* ---- faults ----------------------------------------------------------------------- */

/* After the workload: no fault any more; what is acknowledged survives. */
static void check_after_fault(struct fs_sim *sim)
{
    struct snapshot s = {sim, ledger.acked, ledger.count, floor_told};
    check_state(&s, FS_SIM_LOSE_ALL);
    check_state(&s, FS_SIM_TORN);
}

static bool run_with_fault(uint64_t nth, int os_errno, enum fs_sim_how how)
{
    begin();
    struct fs_sim *sim = fs_sim_new();
    fs_sim_fail(sim, FS_SIM_ANY, nth, os_errno, how);
    enum tsdb_status st = start(sim, TSDB_SYNC_ALWAYS);
    bool was_writable = st == TSDB_OK;
    if (st == TSDB_OK)
        workload(running);
    bool has_struck = fs_sim_faults(sim) > 0;
    faults += fs_sim_faults(sim);
    fs_sim_heal(sim);
    if (was_writable && os_errno == ENOSPC && how != FS_SIM_SHORT) {
        /* No restart is needed once there is space, but after a failed sync. */
        settle(running);
        cr_assert(journal_is_writable(running), "operation %lu: not writable again", nth);
    }
    /* Power fails with the handle open, or it is closed in peace. */
    if (nth % 2)
        fs_sim_power_off_after(sim, 0);
    stop();
    if (nth % 2)
        fs_sim_crash(sim, FS_SIM_LOSE_ALL, &dice);
    check_after_fault(sim);
    fs_sim_free(sim);
    return has_struck;
}

Test(journal_crash, fault_at_every_operation)
{
    static const int errors[] = {EIO, ENOSPC, EROFS};
    static const enum fs_sim_how hows[] = {FS_SIM_ONCE, FS_SIM_SHORT, FS_SIM_FOR_EVER};
    seed_dice();
    for (unsigned e = 0; e < 3; e++)
        for (unsigned h = 0; h < 3; h++)
            for (uint64_t nth = 1; run_with_fault(nth, errors[e], hows[h]); nth++)
                cr_assert_lt(nth, 5000);
    report("faults");
}

/* Two faults anywhere, the second soon after the first. */
Test(journal_crash, second_fault_soon_after_the_first)
{
    seed_dice();
    for (uint64_t nth = 1; nth < 100; nth++)
        for (uint64_t second = nth; second < nth + 6; second++) {
            begin();
            struct fs_sim *sim = fs_sim_new();
            fs_sim_fail(sim, FS_SIM_ANY_CHANGE, nth, EIO, FS_SIM_ONCE);
            fs_sim_fail(sim, FS_SIM_ANY_CHANGE, second + 1, EIO, FS_SIM_SHORT);
            if (start(sim, TSDB_SYNC_ALWAYS) == TSDB_OK)
                workload(running);
            faults += fs_sim_faults(sim);
            fs_sim_heal(sim);
            stop();
            check_after_fault(sim);
            fs_sim_free(sim);
        }
    report("two faults");
}

static char failed_path[300];
static enum fs_sim_op failing;
static uint64_t until_fault;

static void note_use_after_fault(void *arg, struct fs_sim *sim, enum fs_sim_op op, const char *path)
{
    if (op == failing && --until_fault == 0) {
        (void)snprintf(failed_path, sizeof failed_path, "%s", path);
        return;
    }
    if (failed_path[0] && (op == FS_SIM_SYNC || op == FS_SIM_WRITE))
        cr_assert_str_neq(path, failed_path, "touched after it failed");
    take_snapshot(arg, sim, op, path);
}

/* Each sync, or each write, fails once; then a crash at each later operation. */
static void fail_each(enum fs_sim_op op, const char *what)
{
    seed_dice();
    for (uint64_t nth = 1; nth < 1000; nth++) {
        begin();
        struct fs_sim *sim = fs_sim_new();
        cr_assert_eq(start(sim, TSDB_SYNC_ALWAYS), TSDB_OK);
        failed_path[0] = '\0';
        until_fault = nth;
        failing = op;
        fs_sim_fail(sim, op, nth, EIO, nth % 2 ? FS_SIM_ONCE : FS_SIM_SHORT);
        fs_sim_watch(sim, note_use_after_fault, NULL);
        workload(running);
        fs_sim_watch(sim, NULL, NULL);
        bool has_struck = fs_sim_faults(sim) > 0;
        faults += fs_sim_faults(sim);
        cr_assert(journal_is_writable(running), "one fault is mended");
        cr_assert_eq(ledger.acked, ledger.count);
        stop();
        for (unsigned i = 0; i < snapshot_count; i += 3)
            check_state(&snapshots[i], (enum fs_sim_mode)(i / 3 % FS_SIM_MODE_COUNT));
        drop_snapshots();
        fs_sim_free(sim);
        if (!has_struck)
            break;
    }
    report(what);
}

Test(journal_crash, failed_sync_is_never_repeated_on_its_file)
{
    fail_each(FS_SIM_SYNC, "failed syncs");
}

Test(journal_crash, failed_write_is_never_repeated_on_its_file)
{
    fail_each(FS_SIM_WRITE, "failed writes");
}

/* The disk holds so many bytes and no more, for every number of 128 bytes. */
Test(journal_crash, disk_full_at_every_size)
{
    seed_dice();
    for (uint64_t space = 0; space < 48 * 1024; space += 128) {
        begin();
        struct fs_sim *sim = fs_sim_new();
        fs_sim_set_space(sim, space);
        cr_assert_eq(start(sim, TSDB_SYNC_ALWAYS), TSDB_OK, "a start needs no space");
        workload(running);
        unsigned taken = ledger.count;
        bool was_full = !journal_is_writable(running);
        faults += was_full;
        if (space % 256 == 0) {
            fs_sim_set_space(sim, UINT64_MAX);
            settle(running);
            cr_assert(journal_is_writable(running));
            cr_assert_eq(ledger.acked, taken, "all that was taken is written");
            (void)ledger_append(&ledger, running, NULL);
            settle(running);
            cr_assert_eq(ledger.acked, taken + 1);
        }
        stop();
        check_after_fault(sim);
        fs_sim_free(sim);
    }
    report("full disks");
}

/* ---- damage ------------------------------------------------------------------------ */

/* T1: each bit of each file.  What comes back is right, and what is lost is at
 * most the record that the bit is in. */
Test(journal_crash, damage_sweep)
{
    seed_dice();
    begin();
    struct fs_sim *sim = fs_sim_new();
    cr_assert_eq(start(sim, TSDB_SYNC_ALWAYS), TSDB_OK);
    for (int i = 0; i < 40; i++)
        cr_assert_eq(ledger_append(&ledger, running, NULL), TSDB_OK);
    settle(running);
    stop();
    unsigned long mutations = 0, lost_other = 0;
    char path[64];
    for (unsigned file = 1; file < 10; file++) {
        (void)snprintf(path, sizeof path, "j/journal-%08x", file);
        struct bytes content = fs_sim_get(sim, path); /* empty: no such file */
        for (uint64_t off = 0; off < content.len; off++) {
            /* Zeros between and behind are a sample. */
            bool is_dull = content.at[off] == 0 && off % 61 != 0;
            for (unsigned bit = (unsigned)(off % 3); bit < 8 && !is_dull; bit += 3) {
                struct fs_sim *copy = fs_sim_clone(sim);
                fs_sim_flip(copy, path, off, (uint8_t)(1u << bit));
                struct journal_options options = journal_rig_options(copy, TSDB_SYNC_ALWAYS);
                struct journal *j;
                cr_assert_eq(journal_open(&options, 0, &j, NULL), TSDB_OK, "start refused");
                struct found f = journal_rig_replay(j, &ledger, 0);
                journal_close(j);
                lost_other += f.count < 39;
                fs_sim_free(copy);
                mutations++;
            }
        }
    }
    (void)fprintf(stderr, "damage: mutations %lu | undetected 0 | other records lost %lu\n",
                  mutations, lost_other);
    cr_assert_eq(lost_other, 0);
    cr_assert_gt(mutations, 15000);
    fs_sim_free(sim);
}

Test(journal_crash, truncation_sweep)
{
    seed_dice();
    begin();
    struct fs_sim *sim = fs_sim_new();
    cr_assert_eq(start(sim, TSDB_SYNC_ALWAYS), TSDB_OK);
    for (int i = 0; i < 60; i++)
        cr_assert_eq(ledger_append(&ledger, running, NULL), TSDB_OK);
    settle(running);
    stop();
    char path[64];
    for (unsigned file = 1; file <= 3; file++) {
        (void)snprintf(path, sizeof path, "j/journal-%08x", file);
        uint64_t size = fs_sim_get(sim, path).len;
        for (uint64_t len = 0; len < size; len += 7) {
            struct fs_sim *copy = fs_sim_clone(sim);
            fs_sim_truncate(copy, path, len);
            struct ledger l = ledger;
            l.acked = 0;
            (void)check_once(copy, &l, 0);
            recover_and_append(copy, &l, 0);
            fs_sim_free(copy);
        }
    }
    fs_sim_free(sim);
}

/* Pages zeroed, doubled or swapped, as disks do. */
Test(journal_crash, page_sweep)
{
    seed_dice();
    begin();
    struct fs_sim *sim = fs_sim_new();
    cr_assert_eq(start(sim, TSDB_SYNC_ALWAYS), TSDB_OK);
    for (int i = 0; i < 60; i++)
        cr_assert_eq(ledger_append(&ledger, running, NULL), TSDB_OK);
    settle(running);
    stop();
    ledger.acked = 0;
    for (int round = 0; round < 2000; round++) {
        static uint8_t page[2][512], whole[65536];
        char path[64];
        struct fs_sim *copy = fs_sim_clone(sim);
        unsigned number = 1 + (unsigned)random_below(&dice, 2);
        (void)snprintf(path, sizeof path, "j/journal-%08x", number);
        struct bytes content = fs_sim_get(copy, path);
        cr_assert_leq(content.len, sizeof whole);
        memcpy(whole, content.at, content.len);
        size_t a = random_below(&dice, content.len / 512) * 512;
        size_t b = random_below(&dice, content.len / 512) * 512;
        memcpy(page[0], whole + a, 512);
        memcpy(page[1], whole + b, 512);
        if (round % 3 == 0)
            memset(whole + a, 0, 512);
        else
            memcpy(whole + a, page[1], 512);
        if (round % 3 == 1)
            memcpy(whole + b, page[0], 512);
        fs_sim_put(copy, path, (struct bytes){whole, content.len});
        struct ledger l = ledger;
        (void)check_once(copy, &l, 0);
        fs_sim_free(copy);
    }
    fs_sim_free(sim);
}
