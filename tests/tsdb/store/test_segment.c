#include "tsdb/store/segment.h"

#include "tests/tsdb/store/segment_rig.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/thread.h"

#include <errno.h>
#include <stdatomic.h>

static struct fs_sim *sim;
static struct fs *fs;
static struct random dice;

static void make(void)
{
    sim = fs_sim_new();
    fs = fs_sim_fs(sim);
    random_init(&dice, 5);
    cr_assert_eq(fs_mkdir(fs, "s", NULL), TSDB_OK);
    cr_assert_eq(fs_sync_dir(fs, ".", NULL), TSDB_OK);
}

static void drop(void)
{
    fs_sim_free(sim);
}

TestSuite(segment, .init = make, .fini = drop);

static struct segment *open_ok(const char *path)
{
    struct segment *s = NULL;
    struct tsdb_error err = {0};
    cr_assert_eq(segment_open(fs, path, &s, &err), TSDB_OK, "%s", err.msg);
    return s;
}

Test(segment, names_come_back)
{
    char name[SEGMENT_NAME_MAX];
    uint64_t id = 1;
    enum store_signal signal = STORE_METRICS;
    segment_name_format(name, 7, STORE_LOGS);
    cr_assert_str_eq(name, "seg-0000000000000007-logs.seg");
    for (unsigned i = 0; i < STORE_SIGNAL_COUNT; i++) {
        segment_name_format(name, UINT64_MAX - i, (enum store_signal)i);
        cr_assert(segment_name_parse(name, &id, &signal));
        cr_assert(id == UINT64_MAX - i && signal == (enum store_signal)i);
    }
    static const char *const wrong[] = {"",
                                        "seg-",
                                        "seg-7-logs.seg",
                                        "seg-0000000000000007-logs.seg.tmp",
                                        "seg-000000000000000G-logs.seg",
                                        "seg-000000000000000A-logs.seg",
                                        "seg--000000000000007-logs.seg",
                                        "seg-0000000000000007-spans.seg"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_not(segment_name_parse(wrong[i], &id, &signal), "%s", wrong[i]);
}

Test(segment, sections_come_back)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 65535, 65536, 65537, 300000, 262144 - 64};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct segment_facts facts = segment_rig_write(fs, "s/a", sizes[i], 3);
        struct segment *s = open_ok("s/a");
        cr_assert_eq(segment_facts(s).bytes, facts.bytes);
        cr_assert(hash_equal(segment_facts(s).content, facts.content));
        cr_assert_str_eq(segment_path(s), "s/a");
        struct bytes view;
        for (uint32_t id = 1; id <= 3; id++) {
            cr_assert(segment_section(s, id, &view));
            cr_assert_eq(view.len, sizes[i]);
            cr_assert_eq(segment_check_range(s, id, 0, view.len, NULL), TSDB_OK);
            for (size_t k = 0; k < view.len; k++)
                cr_assert_eq(view.at[k], segment_rig_byte(id, k));
            cr_assert_eq((uintptr_t)view.at % 8, 0);
        }
        cr_assert_not(segment_section(s, 9, &view));
        cr_assert_eq(view.len, 0);
        cr_assert_eq(segment_verify_all(s, NULL), TSDB_OK);
        segment_unref(s);
    }
}

Test(segment, without_sections_is_a_segment)
{
    struct segment_facts facts = segment_rig_write(fs, "s/a", 0, 0);
    struct segment *s = open_ok("s/a");
    cr_assert_eq(facts.bytes, 128);
    cr_assert_eq(segment_verify_all(s, NULL), TSDB_OK);
    segment_unref(s);
    segment_unref(NULL);
}

Test(segment, same_content_has_the_same_hash_however_it_was_written)
{
    struct segment_facts whole = segment_rig_write(fs, "s/a", 200000, 2);
    struct segment_writer *w;
    struct segment_facts facts;
    cr_assert_eq(segment_writer_open(fs, "s/b", &w, NULL), TSDB_OK);
    for (uint32_t id = 1; id <= 2; id++) {
        segment_section_begin(w, id);
        for (size_t k = 0; k < 200000; k++) {
            uint8_t byte = segment_rig_byte(id, k);
            cr_assert_eq(segment_write(w, (struct bytes){&byte, 1}, NULL), TSDB_OK);
        }
        cr_assert_eq(segment_section_bytes(w), 200000);
        segment_section_end(w);
    }
    cr_assert_gt(segment_writer_bytes(w), 400000);
    cr_assert_eq(segment_writer_seal(w, &facts, NULL), TSDB_OK);
    cr_assert(hash_equal(facts.content, whole.content) && facts.bytes == whole.bytes);
}

Test(segment, ranges_outside_a_section_are_refused)
{
    (void)segment_rig_write(fs, "s/a", 1000, 1);
    struct segment *s = open_ok("s/a");
    struct tsdb_error err;
    cr_assert_eq(segment_check_range(s, 1, 1000, 0, &err), TSDB_OK);
    cr_assert_eq(segment_check_range(s, 1, 999, 1, &err), TSDB_OK);
    cr_assert_eq(segment_check_range(s, 1, 999, 2, &err), TSDB_ECORRUPT);
    cr_assert_eq(segment_check_range(s, 1, 1001, 1, &err), TSDB_ECORRUPT);
    cr_assert_eq(segment_check_range(s, 1, 1, UINT64_MAX, &err), TSDB_ECORRUPT);
    cr_assert_eq(segment_check_range(s, 1, UINT64_MAX, 1, &err), TSDB_ECORRUPT);
    cr_assert_eq(segment_check_range(s, 2, 0, 1, &err), TSDB_ECORRUPT);
    segment_unref(s);
}

Test(segment, damage_is_found_on_first_touch_and_only_there)
{
    (void)segment_rig_write(fs, "s/a", 3 * 65536, 1);
    fs_sim_flip(sim, "s/a", 64 + 65536 + 5, 4);
    struct segment *s = open_ok("s/a");
    struct tsdb_error err;
    cr_assert_eq(segment_check_range(s, 1, 0, 65536, &err), TSDB_OK);
    cr_assert_eq(segment_check_range(s, 1, 65535, 2, &err), TSDB_ECORRUPT);
    cr_assert_not_null(strstr(err.msg, "section 1 page 1"), "%s", err.msg);
    cr_assert_eq(segment_check_range(s, 1, 65536, 1, &err), TSDB_ECORRUPT, "again");
    cr_assert_eq(segment_check_range(s, 1, 2 * 65536, 65536, &err), TSDB_OK);
    cr_assert_eq(segment_verify_all(s, &err), TSDB_ECORRUPT);
    segment_unref(s);
}

/* T11: each bit of a file; it is found by opening or by verifying, never missed. */
Test(segment, every_flipped_bit_is_detected)
{
    (void)segment_rig_write(fs, "s/a", 150, 3);
    size_t len = fs_sim_get(sim, "s/a").len;
    unsigned flips = 0, by_open = 0;
    for (size_t bit = 0; bit < 8 * len; bit++, flips++) {
        struct segment *s;
        fs_sim_flip(sim, "s/a", bit / 8, (uint8_t)(1u << bit % 8));
        if (segment_open(fs, "s/a", &s, NULL) == TSDB_OK) {
            cr_assert_eq(segment_verify_all(s, NULL), TSDB_ECORRUPT, "bit %zu", bit);
            segment_unref(s);
        } else {
            by_open++;
        }
        fs_sim_flip(sim, "s/a", bit / 8, (uint8_t)(1u << bit % 8));
    }
    (void)fprintf(stderr, "segment: flips %u | by opening %u | undetected 0\n", flips, by_open);
}

Test(segment, every_truncation_is_detected)
{
    (void)segment_rig_write(fs, "s/a", 150, 2);
    size_t len = fs_sim_get(sim, "s/a").len;
    while (len-- > 0) {
        struct segment *s;
        fs_sim_truncate(sim, "s/a", len);
        cr_assert_eq(segment_open(fs, "s/a", &s, NULL), TSDB_ECORRUPT, "%zu bytes", len);
    }
    struct segment *s;
    cr_assert_eq(segment_open(fs, "s/b", &s, NULL), TSDB_ENOTFOUND);
}

Test(segment, retired_file_goes_with_its_last_reader)
{
    (void)segment_rig_write(fs, "s/a", 100, 1);
    struct segment *s = open_ok("s/a");
    struct segment *again = segment_ref(s);
    segment_retire(s);
    segment_unref(s);
    struct bytes view;
    cr_assert(segment_section(again, 1, &view));
    cr_assert_eq(view.at[0], segment_rig_byte(1, 0));
    cr_assert_gt(fs_sim_get(sim, "s/a").len, 0);
    segment_unref(again);
    cr_assert_eq(fs_sim_get(sim, "s/a").len, 0);
}

Test(segment, aborted_writer_leaves_nothing)
{
    struct segment_writer *w;
    cr_assert_eq(segment_writer_open(fs, "s/a", &w, NULL), TSDB_OK);
    segment_section_begin(w, 1);
    cr_assert_eq(segment_write(w, (struct bytes){(const uint8_t *)"x", 1}, NULL), TSDB_OK);
    segment_writer_abort(w);
    segment_writer_abort(NULL);
    cr_assert_eq(fs_sim_used(sim), 0);
}

/* Each operation of writing one fails once: the writer says so, a retry works,
 * and nothing under the final name is ever other than whole. */
Test(segment, fault_at_every_operation)
{
    static const int errors[] = {EIO, ENOSPC};
    static const enum fs_sim_how hows[] = {FS_SIM_ONCE, FS_SIM_SHORT};
    unsigned faults = 0;
    for (unsigned i = 0; i < 4; i++)
        for (uint64_t nth = 1;; nth++) {
            drop();
            make();
            fs_sim_fail(sim, FS_SIM_ANY, nth, errors[i / 2], hows[i % 2]);
            struct segment_facts facts;
            enum tsdb_status st = segment_rig_try(fs, "s/a", 300000, 2, &facts);
            bool has_struck = fs_sim_faults(sim) > 0;
            fs_sim_heal(sim);
            cr_assert_eq(st == TSDB_OK, !has_struck, "operation %lu", nth);
            fs_sim_crash(sim, FS_SIM_KEEP_ALL, &dice);
            struct segment *s;
            if (segment_open(fs, "s/a", &s, NULL) == TSDB_OK) {
                cr_assert_eq(segment_verify_all(s, NULL), TSDB_OK);
                segment_unref(s);
            }
            cr_assert_eq(segment_rig_try(fs, "s/a", 300000, 2, &facts), TSDB_OK);
            if (!has_struck)
                break;
            faults++;
        }
    cr_assert_gt(faults, 20);
}

static const struct fs_ops *honest;

/* A disk that stores something else than it was given. */
static enum tsdb_status lying_pwrite(struct fs_file *file, const void *at, size_t len, uint64_t off,
                                     struct tsdb_error *err)
{
    uint8_t *other = mem_alloc(len);
    memcpy(other, at, len);
    other[len / 3] ^= 16;
    enum tsdb_status st = honest->pwrite(file, other, len, off, err);
    mem_free(other);
    return st;
}

Test(segment, is_read_back_before_it_gets_its_name)
{
    struct fs_ops ops = *fs->ops;
    struct segment_facts facts;
    honest = fs->ops;
    ops.pwrite = lying_pwrite;
    fs->ops = &ops;
    cr_assert_eq(segment_rig_try(fs, "s/a", 1000, 2, &facts), TSDB_ECORRUPT);
    fs->ops = honest;
    cr_assert_eq(fs_sim_used(sim), 0, "nothing is left");
}

struct crash_watch {
    unsigned states, whole;
};

static void crash_here(void *arg, struct fs_sim *at, enum fs_sim_op op, const char *path)
{
    struct crash_watch *watch = arg;
    (void)op;
    (void)path;
    for (unsigned mode = 0; mode < FS_SIM_MODE_COUNT; mode++) {
        struct fs_sim *copy = fs_sim_clone(at);
        struct segment *s;
        fs_sim_crash(copy, (enum fs_sim_mode)mode, &dice);
        enum tsdb_status st = segment_open(fs_sim_fs(copy), "s/a", &s, NULL);
        cr_assert(st == TSDB_OK || st == TSDB_ENOTFOUND, "a torn file under its final name");
        if (st == TSDB_OK) {
            cr_assert_eq(segment_verify_all(s, NULL), TSDB_OK);
            segment_unref(s);
            watch->whole++;
        }
        watch->states++;
        fs_sim_free(copy);
    }
}

Test(segment, final_name_is_never_seen_torn)
{
    struct crash_watch watch = {0};
    fs_sim_watch(sim, crash_here, &watch);
    (void)segment_rig_write(fs, "s/a", 300000, 2);
    fs_sim_watch(sim, NULL, NULL);
    fs_sim_crash(sim, FS_SIM_LOSE_ALL, &dice);
    struct segment *s = open_ok("s/a");
    segment_unref(s);
    cr_assert_gt(watch.states, 30);
    cr_assert(watch.whole > 0 && watch.whole < watch.states);
}

Test(segment, quarantine_keeps_the_file_and_says_why)
{
    fs_sim_put(sim, "s/bad", (struct bytes){(const uint8_t *)"1", 1});
    cr_assert_eq(segment_quarantine(fs, "s", "bad", "crc", NULL), TSDB_OK);
    fs_sim_crash(sim, FS_SIM_LOSE_ALL, &dice);
    cr_assert_eq(fs_sim_get(sim, "s/bad").len, 0);
    cr_assert_eq(fs_sim_get(sim, "s/quarantine/bad").len, 1);
    cr_assert_eq(fs_sim_get(sim, "s/quarantine/bad.why").len, 3);
    fs_sim_put(sim, "s/bad", (struct bytes){(const uint8_t *)"22", 2});
    cr_assert_eq(segment_quarantine(fs, "s", "bad", "again", NULL), TSDB_OK);
    cr_assert_eq(fs_sim_get(sim, "s/quarantine/bad").len, 1, "the first stays");
    cr_assert_eq(fs_sim_get(sim, "s/quarantine/bad.1").len, 2);
    cr_assert_eq(fs_sim_get(sim, "s/quarantine/bad.1.why").len, 5);
    cr_assert_eq(segment_quarantine(fs, "s", "nothing", "", NULL), TSDB_EIO);
}

static _Atomic bool may_go;

static void *check_all(void *arg)
{
    struct segment *s = arg;
    while (!atomic_load(&may_go))
        (void)thread_cores(); /* until all are there */
    for (uint64_t off = 0; off < 300000; off += 1000) {
        enum tsdb_status st = segment_check_range(s, 1, off, 1000, NULL);
        if (st != TSDB_OK)
            return s;
    }
    segment_unref(s);
    return NULL;
}

Test(segment, threads_share_one)
{
    (void)segment_rig_write(fs, "s/a", 300000, 1);
    struct segment *s = open_ok("s/a");
    struct thread threads[4];
    for (int i = 0; i < 4; i++)
        thread_start(&threads[i], "checker", check_all, segment_ref(s));
    segment_unref(s);
    atomic_store(&may_go, true);
    for (int i = 0; i < 4; i++)
        thread_join(&threads[i]);
}
