/* Goal: an applied edit survives any crash, and whatever comes back is the state
 * after one of the edits, not before the last applied one.
 *
 * Method: as in test_journal_crash.c; a state is told by its digest. */
#include "tests/tsdb/store/manifest_rig.h"

#include <stdlib.h>

enum { EDITS = 40, VERSIONS_MAX = 400 };

static struct random dice;
static uint64_t digests[VERSIONS_MAX]; /* of the states submitted, in order */
static unsigned submitted, applied;    /* versions: the last one asked for, the last one sure */
static unsigned long states, faults, lost, writes;

static void begin(void)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20240131;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    random_init(&dice, seed);
    submitted = applied = 0;
}

static struct fs_sim *new_sim(void)
{
    struct fs_sim *sim = fs_sim_new();
    cr_assert_eq(fs_mkdir(fs_sim_fs(sim), "m", NULL), TSDB_OK);
    cr_assert_eq(fs_sync_dir(fs_sim_fs(sim), ".", NULL), TSDB_OK);
    return sim;
}

/* What the state would be after edit n, by applying it to a copy in memory. */
static uint64_t digest_after(const struct manifest *m, uint64_t n)
{
    struct fs_sim *sim = new_sim();
    struct manifest *copy;
    size_t count, tombstone_count;
    const struct manifest_segment *s = manifest_segments(m, &count);
    const struct manifest_tombstone *t = manifest_tombstones(m, &tombstone_count);
    cr_assert_eq(manifest_open(fs_sim_fs(sim), "m", &RIG_FACTS, &copy, NULL), TSDB_OK);
    struct manifest_edit all = {.added = s,
                                .added_count = count,
                                .has_floor = true,
                                .floor = manifest_floor(m),
                                .tombstones_added = t,
                                .tombstones_added_count = tombstone_count};
    cr_assert_eq(manifest_apply(copy, &all, NULL), TSDB_OK);
    while (manifest_next_id(copy) < manifest_next_id(m))
        (void)manifest_take_id(copy);
    cr_assert_eq(rig_apply(copy, n, NULL), TSDB_OK);
    uint64_t digest = rig_digest(copy);
    manifest_close(copy);
    fs_sim_free(sim);
    return digest;
}

static void apply_one(struct manifest *m, uint64_t n)
{
    cr_assert_lt(submitted + 1, VERSIONS_MAX);
    digests[submitted + 1] = digest_after(m, n);
    submitted++;
    if (rig_apply(m, n, NULL) == TSDB_OK) {
        cr_assert_eq(rig_digest(m), digests[submitted]);
        applied = submitted;
    } else {
        /* The state goes on from the one before, as the next version. */
        submitted++;
        digests[submitted] = rig_digest(m);
    }
}

static uint64_t check(struct fs_sim *sim, unsigned at_least, unsigned at_most)
{
    struct manifest *m;
    struct tsdb_error err = {0};
    enum tsdb_status st = manifest_open(fs_sim_fs(sim), "m", &RIG_FACTS, &m, &err);
    cr_assert_eq(st, TSDB_OK, "start refused: %s", err.msg);
    uint64_t digest = rig_digest(m);
    bool is_known = false;
    for (unsigned v = at_least; v <= at_most; v++)
        is_known = is_known || digests[v] == digest;
    lost += !is_known;
    cr_assert(is_known, "not a state between versions %u and %u", at_least, at_most);
    manifest_close(m);
    return digest;
}

static void crash_here(void *arg, struct fs_sim *at, enum fs_sim_op op, const char *path)
{
    (void)arg;
    (void)op;
    (void)path;
    for (unsigned round = 0; round < 12; round++) {
        enum fs_sim_mode mode = (enum fs_sim_mode)(round % FS_SIM_MODE_COUNT);
        struct fs_sim *sim = fs_sim_clone(at);
        struct manifest *m;
        fs_sim_crash(sim, mode, &dice);
        uint64_t first = check(sim, applied, submitted);
        cr_assert_eq(check(sim, applied, submitted), first, "recovered another state");
        /* Depth 2: power fails while it recovers and writes on. */
        fs_sim_power_off_after(sim, random_below(&dice, 8));
        if (manifest_open(fs_sim_fs(sim), "m", &RIG_FACTS, &m, NULL) == TSDB_OK) {
            struct manifest_edit nothing = {0};
            bool is_done = manifest_apply(m, &nothing, NULL) == TSDB_OK;
            writes += is_done;
            manifest_close(m);
        }
        fs_sim_crash(sim, (enum fs_sim_mode)random_below(&dice, FS_SIM_MODE_COUNT), &dice);
        cr_assert_eq(check(sim, applied, submitted), first);
        states += 2;
        fs_sim_free(sim);
    }
}

static void report(const char *what)
{
    (void)fprintf(stderr, "%s: crash states %lu | faults %lu | acked records %u | acked lost %lu\n",
                  what, states, faults, applied, lost);
}

static uint64_t empty_digest(void)
{
    struct fs_sim *sim = new_sim();
    struct manifest *m;
    cr_assert_eq(manifest_open(fs_sim_fs(sim), "m", &RIG_FACTS, &m, NULL), TSDB_OK);
    uint64_t digest = rig_digest(m);
    manifest_close(m);
    fs_sim_free(sim);
    return digest;
}

Test(manifest_crash, at_every_operation_in_every_mode)
{
    begin();
    digests[0] = empty_digest();
    struct fs_sim *sim = new_sim();
    struct manifest *m;
    fs_sim_watch(sim, crash_here, NULL);
    for (uint64_t n = 0; n < EDITS; n++) {
        if (n % 10 == 0) {
            cr_assert_eq(manifest_open(fs_sim_fs(sim), "m", &RIG_FACTS, &m, NULL), TSDB_OK);
        }
        apply_one(m, n);
        if (n % 10 == 9)
            manifest_close(m);
    }
    fs_sim_watch(sim, NULL, NULL);
    fs_sim_free(sim);
    cr_assert_gt(states, 2000);
    cr_assert(writes > 100 && writes < states / 2, "power failed before and after: %lu", writes);
    report("manifest crashes");
}

/* Each operation fails; the manifest is asked to go on; power fails. */
Test(manifest_crash, fault_at_every_operation)
{
    static const enum fs_sim_how hows[] = {FS_SIM_ONCE, FS_SIM_SHORT, FS_SIM_FOR_EVER};
    uint64_t empty = empty_digest();
    for (unsigned h = 0; h < 6; h++)
        for (uint64_t nth = 1;; nth++) {
            begin();
            digests[0] = empty;
            struct fs_sim *sim = new_sim();
            struct manifest *m;
            fs_sim_fail(sim, FS_SIM_ANY, nth, h % 2 ? ENOSPC : EIO, hows[h / 2]);
            if (manifest_open(fs_sim_fs(sim), "m", &RIG_FACTS, &m, NULL) == TSDB_OK) {
                for (uint64_t n = 0; n < 10; n++)
                    apply_one(m, n);
                bool has_struck = fs_sim_faults(sim) > 0;
                fs_sim_heal(sim);
                if (has_struck)
                    crash_here(NULL, sim, FS_SIM_ANY, "");
                unsigned before = applied;
                apply_one(m, 11);
                cr_assert_gt(applied, before, "it works again");
                manifest_close(m);
            }
            bool has_struck = fs_sim_faults(sim) > 0;
            faults += fs_sim_faults(sim);
            fs_sim_heal(sim);
            crash_here(NULL, sim, FS_SIM_ANY, "");
            fs_sim_free(sim);
            if (!has_struck)
                break;
        }
    report("manifest faults");
}

Test(manifest_crash, disk_full_at_every_size)
{
    uint64_t empty = empty_digest();
    for (uint64_t space = 0; space < 48 * 1024; space += 397) {
        begin();
        digests[0] = empty;
        struct fs_sim *sim = new_sim();
        struct manifest *m;
        fs_sim_set_space(sim, space);
        if (manifest_open(fs_sim_fs(sim), "m", &RIG_FACTS, &m, NULL) == TSDB_OK) {
            for (uint64_t n = 0; n < 10; n++)
                apply_one(m, n);
            manifest_close(m);
        }
        fs_sim_set_space(sim, UINT64_MAX);
        crash_here(NULL, sim, FS_SIM_ANY, "");
        fs_sim_free(sim);
    }
    report("manifest on full disks");
}
