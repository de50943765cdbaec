#include "tests/tsdb/metrics/rig.h"

struct faults {
    uint32_t count;
    char last[512];
};

static void note(void *arg, const char *line)
{
    struct faults *f = arg;
    f->count++;
    (void)snprintf(f->last, sizeof f->last, "%s", line);
}

static enum tsdb_status verify(struct rig *r, const char *dir, struct faults *f)
{
    *f = (struct faults){0};
    struct tsdb_error err = {0};
    return metrics_verify(fs_sim_fs(r->sim), dir, note, f, &err);
}

static void some_store(struct rig *r)
{
    rig_init(r);
    rig_put(r, "a|x=1", RIG_NOW, 1);
    rig_seal(r);
    rig_put(r, "a|x=1", RIG_NOW + 1, 2);
    rig_put(r, "b|x=2", RIG_NOW + 1, 2);
    rig_sync(r);
    rig_close(r);
}

Test(scrub, verifying_changes_nothing_whatever_the_damage)
{
    static const char *const files[] = {"/store/MANIFEST", "/store/journal/journal-00000000",
                                        "/store/journal/journal-00000001", NULL};
    struct rig r;
    struct faults f;
    some_store(&r);
    uint64_t before = fs_sim_digest(r.sim);
    cr_assert_eq(verify(&r, "/store", &f), TSDB_OK);
    cr_assert_eq(fs_sim_digest(r.sim), before);
    uint32_t bad = 0;
    for (int i = 0; files[i]; i++) {
        struct bytes content = fs_sim_get(r.sim, files[i]);
        for (uint64_t off = 0; off < content.len && off < 8192; off += 5) {
            fs_sim_flip(r.sim, files[i], off, 0x41);
            before = fs_sim_digest(r.sim);
            bad += verify(&r, "/store", &f) != TSDB_OK;
            cr_assert_eq(fs_sim_digest(r.sim), before, "%s at %llu", files[i],
                         (unsigned long long)off);
            fs_sim_flip(r.sim, files[i], off, 0x41);
        }
    }
    cr_assert_gt(bad, 20u);
    cr_assert_eq(verify(&r, "/store", &f), TSDB_OK);
    rig_open(&r);
    rig_release(&r);
}

Test(scrub, verifying_what_is_no_store_says_so)
{
    struct rig r;
    struct faults f;
    some_store(&r);
    cr_assert_eq(fs_mkdir(fs_sim_fs(r.sim), "/empty", NULL), TSDB_OK);
    uint64_t before = fs_sim_digest(r.sim);
    cr_assert_eq(verify(&r, "/empty", &f), TSDB_ENOTFOUND);
    cr_assert_eq(verify(&r, "/nowhere", &f), TSDB_ENOTFOUND);
    cr_assert_eq(fs_sim_digest(r.sim), before);
    rig_open(&r);
    rig_release(&r);
}

Test(scrub, verifying_finds_a_flipped_bit_in_a_segment)
{
    struct rig r;
    struct faults f;
    char path[STORE_PATH_MAX];
    some_store(&r);
    rig_open(&r);
    struct block_list *list = block_list_ref(r.m);
    store_segment_path(&r.store, list->blocks[0]->entry.id, STORE_METRICS, path);
    block_list_unref(list);
    rig_close(&r);
    uint64_t size = fs_sim_get(r.sim, path).len;
    for (uint64_t off = 0; off < size; off++) {
        fs_sim_flip(r.sim, path, off, 1);
        cr_assert_eq(verify(&r, "/store", &f), TSDB_ECORRUPT, "byte %llu of %llu",
                     (unsigned long long)off, (unsigned long long)size);
        fs_sim_flip(r.sim, path, off, 1);
    }
    rig_open(&r);
    rig_release(&r);
}

Test(scrub, the_scrub_goes_round_and_sets_damage_aside)
{
    struct rig r;
    rig_init(&r);
    for (int i = 0; i < 3; i++) {
        rig_put(&r, "a|x=1", RIG_NOW - i * NS_PER_DAY * 40, 1);
        rig_seal(&r);
    }
    uint64_t id = 0;
    for (int i = 0; i < 3; i++) {
        id = metrics_scrub(r.m, id);
        cr_assert_neq(id, 0u);
    }
    cr_assert_eq(metrics_scrub(r.m, id), 0u, "round");
    struct tsdb_stats stats = {0};
    metrics_stats(r.m, &stats);
    cr_assert_eq(stats.segments, 3u);
    rig_release(&r);
}

Test(scrub, a_store_opened_for_reading_is_left_as_it_is)
{
    struct rig r;
    some_store(&r);
    uint64_t before = fs_sim_digest(r.sim);
    r.options.is_read_only = true;
    rig_open(&r);
    struct tsdb_error err = {0};
    cr_assert_eq(store_seal(r.m->store, &err), TSDB_EINVAL);
    struct matcher m;
    cr_assert_eq(
        matcher_init(&m, MATCH_EQ, (struct tsdb_text){"x", 1}, (struct tsdb_text){"1", 1}, NULL),
        TSDB_OK);
    struct metrics_selection sel = {.matchers = &m, .matcher_count = 1, .end = INT64_MAX};
    cr_assert_eq(metrics_delete(r.m, &sel, &err), TSDB_EINVAL);
    matcher_release(&m);
    struct series_set *set = rig_select(&r, "x", "1", INT64_MIN, INT64_MAX);
    cr_assert_eq(series_set_count(set), 1u);
    series_set_close(set);
    rig_close(&r);
    cr_assert_eq(fs_sim_digest(r.sim), before);
    fs_sim_free(r.sim);
}
