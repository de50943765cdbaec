#include "tests/tsdb/metrics/rig.h"

#include "tests/tsdb/codec/native.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/text.h"
#include "tsdb/codec/histograms.h"

#include <errno.h>

static uint32_t count_blocks(struct rig *r)
{
    struct block_list *list = block_list_ref(r->m);
    uint32_t n = list->count;
    block_list_unref(list);
    return n;
}

static bool count_segment(void *arg, const char *name)
{
    uint64_t id;
    enum store_signal signal;
    *(uint32_t *)arg += segment_name_parse(name, &id, &signal);
    return true;
}

static uint32_t count_files(struct rig *r)
{
    uint32_t n = 0;
    cr_assert_eq(fs_list(r->store.fs, "/store", count_segment, &n, NULL), TSDB_OK);
    return n;
}

static void merge_all(struct rig *r, bool is_forced)
{
    bool did = true;
    struct tsdb_error err = {0};
    while (did)
        cr_assert_eq(metrics_merge(r->m, is_forced, &did, &err), TSDB_OK, "%s", err.msg);
}

static uint32_t count_samples(struct rig *r)
{
    struct series_set *set = rig_select(r, "x", "1", INT64_MIN, INT64_MAX);
    struct samples s;
    samples_init(&s, NULL);
    uint32_t n = 0;
    for (uint32_t i = 0; i < series_set_count(set); i++) {
        cr_assert_eq(series_set_samples(set, i, &s, NULL), TSDB_OK);
        n += s.count;
    }
    samples_release(&s);
    series_set_close(set);
    return n;
}

Test(merge, a_clock_that_jumps_ahead_deletes_nothing)
{
    struct rig r;
    rig_init(&r);
    r.options.retention = 30 * NS_PER_DAY;
    metrics_configure(r.m, &r.options);
    for (int day = 20; day >= 0; day -= 5) {
        rig_put(&r, "a|x=1", RIG_NOW - day * NS_PER_DAY, day);
        rig_seal(&r);
    }
    uint32_t before = count_blocks(&r);
    clock_sim_advance(&r.clock, 365 * NS_PER_DAY);
    cr_assert_eq(metrics_expire(r.m, NULL), TSDB_OK);
    cr_assert_eq(count_blocks(&r), before);
    cr_assert_eq(count_samples(&r), 5u);
    rig_put(&r, "a|x=1", clock_wall_ns(&r.clock.clock), 1); /* time has really passed */
    rig_seal(&r);
    cr_assert_eq(metrics_expire(r.m, NULL), TSDB_OK);
    cr_assert_eq(count_blocks(&r), 1u);
    rig_release(&r);
}

Test(merge, a_manifest_that_cannot_be_written_does_not_fill_the_disk)
{
    struct rig r;
    rig_init(&r);
    for (int i = 0; i < 3; i++) {
        rig_put(&r, "a|x=1", RIG_NOW + i, i);
        rig_seal(&r);
    }
    uint32_t failed = 0;
    for (uint64_t nth = 1; nth < 40; nth++) {
        bool did;
        rig_put(&r, "a|x=1", RIG_NOW + 10 + (int64_t)nth, 1);
        rig_sync(&r);
        fs_sim_fail(r.sim, FS_SIM_SYNC, 1 + nth % 12, EIO, FS_SIM_FOR_EVER);
        failed += store_seal(r.m->store, NULL) != TSDB_OK;
        failed += metrics_merge(r.m, true, &did, NULL) != TSDB_OK;
        fs_sim_heal(r.sim);
        if (!journal_is_writable(r.store.journal)) {
            rig_close(&r);
            rig_open(&r);
        }
        cr_assert_leq(count_files(&r), count_blocks(&r) + 3, "%u files for %u blocks",
                      count_files(&r), count_blocks(&r));
    }
    cr_assert_gt(failed, 20u);
    rig_put(&r, "a|x=1", RIG_NOW + 9, 1);
    rig_seal(&r);
    merge_all(&r, true);
    cr_assert_eq(count_files(&r), count_blocks(&r));
    cr_assert_eq(count_samples(&r), 3u + 39 + 1);
    rig_release(&r);
}

static void put_with_exemplar(struct rig *r, const char *series, int64_t ts)
{
    struct rig_batch b = {.series = &series};
    struct tsdb_point p = {.key = rig_key(r, series), .ts = ts, .value = 1};
    struct tsdb_label trace = {text_of("trace_id"), text_of(series)};
    struct tsdb_exemplar e = {0, ts, (double)(ts - RIG_NOW), {&trace, 1}};
    struct tsdb_batch batch = {.points = &p,
                               .point_count = 1,
                               .exemplars = &e,
                               .exemplar_count = 1,
                               .labels = rig_labels_of,
                               .arg = &b};
    struct tsdb_appended out;
    cr_assert_eq(metrics_append(r->m, &batch, &out, NULL, NULL), TSDB_OK);
    cr_assert_eq(out.exemplars, 1u);
}

struct told {
    uint32_t count;
    int64_t ts;
};

static bool on_exemplar(void *arg, struct tsdb_labels series, const struct tsdb_exemplar *e)
{
    struct told *t = arg;
    cr_assert_eq(series.count, 3u);
    cr_assert_eq(e->labels.count, 1u);
    t->count++;
    return true;
}

Test(merge, exemplars_go_with_their_series)
{
    struct rig r;
    rig_init(&r);
    char name[40];
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 30; i++) {
            (void)snprintf(name, sizeof name, "m|id=%d|x=1", (i * 7 + round) % 30);
            if (i % (round + 1) == 0)
                put_with_exemplar(&r, name, RIG_NOW + round);
        }
        rig_seal(&r);
    }
    uint32_t want = 0;
    for (int pass = 0; pass < 2; pass++) {
        struct series_set *set = rig_select(&r, "x", "1", INT64_MIN, INT64_MAX);
        struct told told = {0};
        cr_assert_eq(series_set_exemplars(set, on_exemplar, &told, NULL), TSDB_OK);
        series_set_close(set);
        if (pass == 0)
            want = told.count;
        cr_assert_eq(told.count, want);
        merge_all(&r, true);
    }
    cr_assert_eq(want, 30u + 15 + 10 + 8);
    cr_assert_eq(count_blocks(&r), 1u);
    rig_release(&r);
}

/* Of equal times what was written first stays, whatever is merged with what first. */
Test(merge, does_not_change_which_sample_of_a_time_wins)
{
    struct random random;
    random_init(&random, rig_seed(51));
    for (int run = 0; run < 20; run++) {
        struct rig r;
        rig_init(&r);
        double first[8] = {0};
        bool has[8] = {false};
        for (int i = 1; i < 40; i++) {
            uint32_t slot = (uint32_t)random_below(&random, 8);
            int64_t ts = RIG_NOW - slot * 11 * NS_PER_HOUR;
            enum tsdb_verdict verdict;
            cr_assert_eq(rig_append(&r, "a|x=1", ts, i, &verdict), TSDB_OK);
            if (!has[slot])
                first[slot] = i;
            has[slot] = true;
            bool did;
            if (random_below(&random, 3) == 0)
                rig_seal(&r);
            if (random_below(&random, 4) == 0)
                cr_assert_eq(metrics_merge(r.m, random_below(&random, 2), &did, NULL), TSDB_OK);
            clock_sim_advance(&r.clock, (int64_t)random_below(&random, 5) * NS_PER_HOUR);
        }
        merge_all(&r, true);
        struct series_set *set = rig_select(&r, "x", "1", INT64_MIN, INT64_MAX);
        struct samples s;
        samples_init(&s, NULL);
        cr_assert_eq(series_set_samples(set, 0, &s, NULL), TSDB_OK);
        for (uint32_t i = 0; i < s.count; i++) {
            int64_t slot = (RIG_NOW - s.ts[i]) / (11 * NS_PER_HOUR);
            cr_assert_eq(s.values[i], first[slot], "run %d slot %d: %g, want %g", run, (int)slot,
                         s.values[i], first[slot]);
        }
        samples_release(&s);
        series_set_close(set);
        rig_release(&r);
    }
}

/* Three blocks of 3,000 histograms each, with room for a few hundred at once. */
Test(merge, a_series_that_does_not_fit_the_memory_is_written_in_parts)
{
    enum { BLOCKS = 3, EACH = 3000 };
    static struct native native;
    struct random random;
    struct rig r;
    random_init(&random, rig_seed(61));
    do
        native_make(&random, &native);
    while (native.h.positive_count < 20);
    rig_init(&r);
    r.m->merge_bytes_max = (size_t)2 << 20;
    const char *series[] = {"h|x=1"};
    for (int i = 0; i < BLOCKS * EACH; i++) {
        native_grow(&random, &native, 9);
        struct rig_batch b = {.series = series};
        struct tsdb_point p = {rig_key(&r, series[0]), RIG_NOW - NS_PER_HOUR + i * NS_PER_MS, 0,
                               &native.h};
        struct tsdb_batch batch = {
            .points = &p, .point_count = 1, .labels = rig_labels_of, .arg = &b};
        struct tsdb_appended out;
        cr_assert_eq(metrics_append(r.m, &batch, &out, NULL, NULL), TSDB_OK);
        cr_assert_eq(out.counts[TSDB_ACCEPTED], 1u);
        if (i % 500 == 499)
            rig_sync(&r);
        if (i % EACH == EACH - 1)
            rig_seal(&r);
    }
    uint64_t before = 0, after = 0;
    for (int pass = 0; pass < 2; pass++) {
        struct series_set *set = rig_select(&r, "x", "1", INT64_MIN, INT64_MAX);
        struct samples s;
        samples_init(&s, NULL);
        cr_assert_eq(series_set_samples(set, 0, &s, NULL), TSDB_OK);
        cr_assert_eq(s.count, (uint32_t)(BLOCKS * EACH), "pass %d: %u", pass, s.count);
        struct writer w = {0};
        for (uint32_t i = 0; i < s.count; i++)
            histogram_encode(s.histograms[i], &w);
        *(pass ? &after : &before) = hash64(0, w.at, w.len);
        writer_release(&w);
        samples_release(&s);
        series_set_close(set);
        if (pass == 0)
            merge_all(&r, true);
    }
    cr_assert_eq(count_blocks(&r), 1u, "it was merged");
    cr_assert_eq(before, after);
    rig_release(&r);
}
