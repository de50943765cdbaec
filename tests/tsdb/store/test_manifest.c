#include "tsdb/store/manifest.h"

#include "tests/tsdb/store/manifest_rig.h"
#include "tsdb/base/crc32c.h"

static struct fs_sim *sim;
static struct random dice;

static void make(void)
{
    sim = fs_sim_new();
    random_init(&dice, 5);
    cr_assert_eq(fs_mkdir(fs_sim_fs(sim), "m", NULL), TSDB_OK);
    cr_assert_eq(fs_sync_dir(fs_sim_fs(sim), ".", NULL), TSDB_OK);
}

static void drop(void)
{
    fs_sim_free(sim);
}

TestSuite(manifest, .init = make, .fini = drop);

static struct manifest *open_ok(void)
{
    struct manifest *m = NULL;
    struct tsdb_error err = {0};
    cr_assert_eq(manifest_open(fs_sim_fs(sim), "m", &RIG_FACTS, &m, &err), TSDB_OK, "%s", err.msg);
    return m;
}

static enum tsdb_status open_fails(struct tsdb_error *err)
{
    struct manifest *m = NULL;
    enum tsdb_status st = manifest_open(fs_sim_fs(sim), "m", &RIG_FACTS, &m, err);
    manifest_close(m);
    return st;
}

static void apply(struct manifest *m, uint64_t from, uint64_t to)
{
    struct tsdb_error err = {0};
    for (uint64_t n = from; n < to; n++)
        cr_assert_eq(rig_apply(m, n, &err), TSDB_OK, "%s", err.msg);
}

Test(manifest, new_one_has_the_facts_it_was_made_with)
{
    struct manifest *m = open_ok();
    manifest_close(m);
    fs_sim_crash(sim, FS_SIM_LOSE_ALL, &dice);
    struct manifest_facts other = {0};
    cr_assert_eq(manifest_open(fs_sim_fs(sim), "m", &other, &m, NULL), TSDB_OK);
    const struct manifest_facts *f = manifest_facts(m);
    cr_assert(hash_equal(f->store_id, RIG_FACTS.store_id));
    cr_assert(f->seed == 33 && f->created == -44 && f->shards == 8);
    cr_assert_eq(manifest_version(m), 1);
    cr_assert_eq(manifest_floor(m), 0);
    cr_assert_eq(manifest_next_id(m), 1);
    manifest_close(m);
    manifest_close(NULL);
}

Test(manifest, what_was_applied_comes_back)
{
    struct manifest *m = open_ok();
    for (uint64_t n = 0; n < 200; n++) {
        apply(m, n, n + 1);
        uint64_t digest = rig_digest(m), next = manifest_next_id(m);
        if (n % 10 == 3) {
            manifest_close(m);
            fs_sim_crash(sim, FS_SIM_LOSE_ALL, &dice);
            m = open_ok();
        }
        cr_assert_eq(rig_digest(m), digest);
        cr_assert_eq(manifest_next_id(m), next, "ids are never given twice");
    }
    size_t count;
    const struct manifest_segment *s = manifest_segments(m, &count);
    cr_assert_gt(count, 50);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(manifest_find(m, s[i].id), &s[i]);
        cr_assert(i == 0 || s[i].id > s[i - 1].id, "sorted");
    }
    cr_assert_null(manifest_find(m, 1000000));
    manifest_close(m);
}

Test(manifest, edits_that_do_not_fit_change_nothing)
{
    struct manifest *m = open_ok();
    apply(m, 0, 4);
    uint64_t digest = rig_digest(m), ops = fs_sim_ops(sim);
    struct manifest_segment twice[2] = {rig_segment(50), rig_segment(50)};
    struct manifest_segment there = rig_segment(1), foreign = rig_segment(60);
    foreign.signal = STORE_SIGNAL_COUNT;
    uint64_t missing = 77, pair[2] = {1, 1};
    static uint8_t large[MANIFEST_TOMBSTONE_MAX + 1];
    struct manifest_tombstone big = {80, {large, sizeof large}};
    const struct manifest_edit edits[] = {
        {.added = twice, .added_count = 2},
        {.added = &there, .added_count = 1},
        {.added = &foreign, .added_count = 1},
        {.removed = &missing, .removed_count = 1},
        {.removed = pair, .removed_count = 2},
        {.has_floor = true, .floor = 0},
        {.tombstones_removed = &missing, .tombstones_removed_count = 1},
        {.tombstones_added = &big, .tombstones_added_count = 1},
    };
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        struct tsdb_error err = {0};
        cr_assert_eq(manifest_apply(m, &edits[i], &err), TSDB_EINVAL, "edit %zu", i);
        cr_assert_neq(err.msg[0], '\0');
    }
    cr_assert_eq(rig_digest(m), digest);
    cr_assert_eq(fs_sim_ops(sim), ops, "nothing was written");
    manifest_close(m);
}

Test(manifest, one_edit_may_replace_a_segment_by_itself)
{
    struct manifest *m = open_ok();
    apply(m, 0, 1);
    struct manifest_segment s = rig_segment(1);
    s.level = 99;
    uint64_t removed = 1;
    struct manifest_edit edit = {
        .added = &s, .added_count = 1, .removed = &removed, .removed_count = 1};
    cr_assert_eq(manifest_apply(m, &edit, NULL), TSDB_OK);
    manifest_close(m);
    m = open_ok();
    cr_assert_eq(manifest_find(m, 1)->level, 99);
    manifest_close(m);
}

Test(manifest, grows_and_is_written_anew)
{
    struct manifest *m = open_ok();
    size_t max = 0;
    for (uint64_t n = 0; n < 3000; n++) {
        struct manifest_segment s = rig_segment(manifest_take_id(m));
        uint64_t removed = s.id - 1;
        struct manifest_edit edit = {
            .added = &s, .added_count = 1, .removed = &removed, .removed_count = n > 0};
        cr_assert_eq(manifest_apply(m, &edit, NULL), TSDB_OK);
        size_t len = fs_sim_get(sim, "m/MANIFEST").len;
        max = len > max ? len : max;
    }
    cr_assert_leq(max, 256 * 1024);
    uint64_t digest = rig_digest(m);
    manifest_close(m);
    m = open_ok();
    cr_assert_eq(rig_digest(m), digest);
    manifest_close(m);
}

Test(manifest, edits_fit_on_a_full_disk)
{
    struct manifest *m = open_ok();
    apply(m, 0, 10);
    fs_sim_set_space(sim, fs_sim_used(sim));
    apply(m, 10, 100);
    uint64_t digest = rig_digest(m);
    manifest_close(m);
    m = open_ok();
    cr_assert_eq(rig_digest(m), digest);
    manifest_close(m);
}

static void count_renames(void *arg, struct fs_sim *at, enum fs_sim_op op, const char *path)
{
    (void)at;
    (void)path;
    *(unsigned *)arg += op == FS_SIM_RENAME;
}

Test(manifest, failed_apply_changes_nothing_and_the_next_one_works)
{
    unsigned renames = 0;
    struct manifest *m = open_ok();
    apply(m, 0, 5);
    uint64_t digest = rig_digest(m);
    fs_sim_fail(sim, FS_SIM_SYNC, 1, EIO, FS_SIM_ONCE);
    cr_assert_eq(rig_apply(m, 5, NULL), TSDB_EIO);
    cr_assert_eq(rig_digest(m), digest);
    fs_sim_watch(sim, count_renames, &renames);
    apply(m, 6, 7);
    fs_sim_watch(sim, NULL, NULL);
    cr_assert_eq(renames, 1, "the file whose tail is unknown is written anew");
    digest = rig_digest(m);
    manifest_close(m);
    fs_sim_crash(sim, FS_SIM_LOSE_ALL, &dice);
    m = open_ok();
    cr_assert_eq(rig_digest(m), digest);
    manifest_close(m);
}

Test(manifest, missing_beside_segments_is_not_a_new_store)
{
    struct tsdb_error err;
    fs_sim_put(sim, "m/seg-0000000000000001-metrics.seg", (struct bytes){0});
    cr_assert_eq(open_fails(&err), TSDB_ECORRUPT);
}

Test(manifest, newer_version_is_refused)
{
    manifest_close(open_ok());
    struct tsdb_error err;
    fs_sim_flip(sim, "m/MANIFEST", 12, 3);
    struct bytes file = fs_sim_get(sim, "m/MANIFEST");
    uint32_t old, crc = crc32c(0, file.at, 92);
    memcpy(&old, file.at + 92, 4);
    for (unsigned i = 0; i < 4; i++)
        fs_sim_flip(sim, "m/MANIFEST", 92 + i, (uint8_t)((old ^ crc) >> (8 * i)));
    cr_assert_eq(open_fails(&err), TSDB_EINVAL, "%s", err.msg);
}

/* Each bit: either it is said to be damaged or nothing is amiss, except that the
 * very last confirmation cannot be missed. */
Test(manifest, every_flipped_bit_is_detected_or_harmless)
{
    struct manifest *m = open_ok();
    apply(m, 0, 12);
    uint64_t digest = rig_digest(m);
    manifest_close(m);
    struct bytes file = fs_sim_get(sim, "m/MANIFEST");
    size_t used = file.len;
    while (used > 0 && file.at[used - 1] == 0)
        used--;
    unsigned detected = 0, harmless = 0;
    for (size_t bit = 0; bit < 8 * (used + 64); bit++) {
        struct tsdb_error err;
        fs_sim_flip(sim, "m/MANIFEST", bit / 8, (uint8_t)(1u << bit % 8));
        enum tsdb_status st = manifest_open(fs_sim_fs(sim), "m", &RIG_FACTS, &m, &err);
        if (st == TSDB_OK) {
            cr_assert_eq(rig_digest(m), digest, "bit %zu of %zu", bit, 8 * used);
            manifest_close(m);
            harmless++;
        } else {
            cr_assert_eq(st, TSDB_ECORRUPT);
            detected++;
        }
        fs_sim_flip(sim, "m/MANIFEST", bit / 8, (uint8_t)(1u << bit % 8));
    }
    (void)fprintf(stderr, "manifest: flips %u | detected %u | harmless %u | undetected 0\n",
                  detected + harmless, detected, harmless);
    cr_assert_gt(detected, harmless);
}

/* A cut is a torn tail: a prefix of the edits comes back, and editing goes on. */
Test(manifest, every_truncation_gives_a_prefix)
{
    uint64_t digests[13];
    struct manifest *m = open_ok();
    digests[0] = rig_digest(m);
    for (uint64_t n = 0; n < 12; n++) {
        apply(m, n, n + 1);
        digests[n + 1] = rig_digest(m);
    }
    manifest_close(m);
    struct fs_sim *whole = sim;
    size_t len = 96 + 12 * 120, k = 12;
    for (; len >= 96 + 24; len--) {
        sim = fs_sim_clone(whole);
        fs_sim_truncate(sim, "m/MANIFEST", len);
        m = open_ok();
        uint64_t digest = rig_digest(m);
        while (digest != digests[k])
            cr_assert_gt(k--, 0, "%zu bytes: not a prefix", len);
        apply(m, 100, 101);
        digest = rig_digest(m);
        manifest_close(m);
        m = open_ok();
        cr_assert_eq(rig_digest(m), digest);
        manifest_close(m);
        fs_sim_free(sim);
    }
    cr_assert_eq(k, 0);
    sim = whole;
}
