#include "tests/tsdb/metrics/rig.h"

#include "tsdb/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static uint32_t count_series(struct rig *r, const char *name, const char *value)
{
    struct series_set *set = rig_select(r, name, value, INT64_MIN, INT64_MAX);
    uint32_t n = series_set_count(set);
    series_set_close(set);
    return n;
}

/* A seal that cannot write its block. */
static void fail_seal(struct rig *r)
{
    fs_sim_fail(r->sim, FS_SIM_RENAME, 1, EIO, FS_SIM_ONCE);
    cr_assert_neq(store_seal(r->m->store, NULL), TSDB_OK);
    fs_sim_heal(r->sim);
}

Test(seal, a_series_that_paused_over_failed_seals_is_one_series_after_a_restart)
{
    struct rig r;
    char name[24];
    rig_init(&r);
    for (int i = 0; i < 40; i++) {
        (void)snprintf(name, sizeof name, "a|x=1|id=%d", i);
        rig_put(&r, name, RIG_NOW, 1);
    }
    rig_seal(&r);
    for (int i = 0; i < 3; i++) {
        clock_sim_advance(&r.clock, 20 * NS_PER_MINUTE);
        rig_put(&r, "b|x=2", clock_wall_ns(&r.clock.clock), 1);
        fail_seal(&r);
    }
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "a|x=1|id=%d", i);
        rig_put(&r, name, clock_wall_ns(&r.clock.clock), 2);
    }
    rig_sync(&r);
    rig_close(&r);
    rig_open(&r);
    int64_t now = clock_wall_ns(&r.clock.clock);
    struct series_set *set = rig_select(&r, "x", "1", now, now); /* in no block */
    uint32_t seen[40] = {0};
    for (uint32_t i = 0; i < series_set_count(set); i++) {
        struct tsdb_text id = labels_value(series_set_labels(set, i), text_of("id"));
        (void)snprintf(name, sizeof name, "%.*s", (int)id.len, id.at); /* not terminated */
        cr_assert_eq(seen[strtoul(name, NULL, 10)]++, 0u, "%s twice", name);
    }
    series_set_close(set);
    rig_release(&r);
}

/* The appender has looked up its refs and stops there until the seal is done, or for
 * a while when it waits for the appender. */
struct race {
    struct rig *rig;
    struct thread appender;
    _Atomic bool has_started, is_looking, is_sealed;
    enum tsdb_status status;
};

static enum tsdb_status labels_after_the_seal(void *arg, uint32_t index, struct tsdb_labels *out)
{
    static struct tsdb_label labels[RIG_LABELS_MAX];
    struct race *race = arg;
    atomic_store(&race->is_looking, true);
    for (int i = 0; i < 300 && !atomic_load(&race->is_sealed); i++)
        (void)usleep(1000);
    *out = (struct tsdb_labels){labels, rig_labels(index ? "new|x=3" : "a|x=1", labels)};
    return TSDB_OK;
}

static void *append_slowly(void *arg)
{
    struct race *race = arg;
    int64_t now = clock_wall_ns(&race->rig->clock.clock);
    struct tsdb_point points[] = {{rig_key(race->rig, "a|x=1"), now, 2, NULL},
                                  {rig_key(race->rig, "new|x=3"), now, 3, NULL}};
    struct tsdb_batch batch = {
        .points = points, .point_count = 2, .labels = labels_after_the_seal, .arg = race};
    struct tsdb_appended out;
    race->status = metrics_append(race->rig->m, &batch, &out, NULL, NULL);
    return NULL;
}

static void start_appending(void *arg, struct fs_sim *sim, enum fs_sim_op op, const char *path)
{
    struct race *race = arg;
    (void)sim;
    if (op != FS_SIM_CREATE || !strstr(path, "/seg-") || atomic_exchange(&race->has_started, true))
        return;
    thread_start(&race->appender, "appender", append_slowly, race);
    while (!atomic_load(&race->is_looking))
        (void)usleep(1000);
}

Test(seal, an_idle_series_that_is_just_being_appended_to_stays, .timeout = 60)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, "a|x=1", RIG_NOW, 1);
    for (int i = 0; i < 2; i++) {
        rig_seal(&r);
        rig_put(&r, "b|x=2", RIG_NOW + i + 1, 1);
    }
    clock_sim_advance(&r.clock, 20 * NS_PER_MINUTE);
    struct race race = {.rig = &r};
    fs_sim_watch(r.sim, start_appending, &race);
    rig_seal(&r);
    atomic_store(&race.is_sealed, true);
    fs_sim_watch(r.sim, NULL, NULL);
    thread_join(&race.appender);
    cr_assert_eq(race.status, TSDB_OK);
    struct series_set *set = rig_select(&r, "x", "1", INT64_MIN, INT64_MAX);
    struct samples s;
    samples_init(&s, NULL);
    cr_assert_eq(series_set_count(set), 1u);
    cr_assert_eq(series_set_samples(set, 0, &s, NULL), TSDB_OK);
    cr_assert_eq(s.count, 2u, "both samples, got %u", s.count);
    samples_release(&s);
    series_set_close(set);
    rig_release(&r);
}

Test(seal, idle_series_leave_the_head)
{
    struct rig r;
    rig_init(&r);
    for (int i = 0; i < 4; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "churn|id=%d", i);
        rig_put(&r, name, clock_wall_ns(&r.clock.clock), 1);
        rig_put(&r, "steady|id=x", clock_wall_ns(&r.clock.clock), 1);
        rig_seal(&r);
        clock_sim_advance(&r.clock, 20 * NS_PER_MINUTE);
    }
    cr_assert_leq(head_series_count(&r.m->head), 3u);
    cr_assert_eq(count_series(&r, "id", "0"), 1u, "its samples are in blocks");
    rig_release(&r);
}

/* 1,100 series whose labels take 80 KiB each: more than one record holds. */
Test(seal, series_with_huge_labels_are_defined_again)
{
    enum { SERIES = 1100, LABELS = 20, VALUE = 4000 };
    struct rig r;
    rig_init(&r);
    char *value = calloc(1, VALUE + 1), names[LABELS][8], id[16];
    memset(value, 'v', VALUE);
    struct tsdb_label labels[LABELS + 1];
    for (int i = 0; i < LABELS; i++) {
        (void)snprintf(names[i], sizeof names[i], "l%02d", i);
        labels[i + 1] = (struct tsdb_label){text_of(names[i]), {value, VALUE}};
    }
    for (uint32_t i = 0; i < SERIES; i++) {
        struct tsdb_hash hash;
        (void)snprintf(id, sizeof id, "%u", i);
        labels[0] = (struct tsdb_label){text_of("a"), text_of(id)};
        struct tsdb_labels set = {labels, LABELS + 1};
        hash = tsdb_labels_hash(r.m->head.seed, set);
        uint32_t ref = head_reserve(&r.m->head, hash);
        cr_assert_eq(head_create(&r.m->head, ref, hash, 0, set), TSDB_OK);
    }
    rig_seal(&r);
    rig_close(&r);
    rig_open(&r);
    cr_assert_eq(head_series_count(&r.m->head), (uint64_t)SERIES);
    free(value);
    rig_release(&r);
}

Test(seal, times_to_the_ends_of_int64_are_kept_when_there_is_no_limit)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -NS_PER_DAY - 1, -1,       0,
                                    1,         RIG_NOW,       INT64_MAX - 1,   INT64_MAX};
    enum { N = sizeof edges / sizeof edges[0] };
    struct rig r;
    rig_init(&r);
    r.options.limits.future_max = INT64_MAX;
    metrics_configure(r.m, &r.options);
    for (int i = N - 1; i >= 0; i--) {
        rig_put(&r, "a|x=1", edges[i], i);
        if (i % 4 == 0)
            rig_seal(&r);
    }
    for (int pass = 0; pass < 3; pass++) {
        struct series_set *set = rig_select(&r, "x", "1", INT64_MIN, INT64_MAX);
        struct samples s;
        samples_init(&s, NULL);
        cr_assert_eq(series_set_count(set), 1u);
        cr_assert_eq(series_set_samples(set, 0, &s, NULL), TSDB_OK);
        cr_assert_eq(s.count, (uint32_t)N, "pass %d: %u samples", pass, s.count);
        for (uint32_t i = 0; i < N; i++) {
            cr_assert_eq(s.ts[i], edges[i]);
            cr_assert_eq(s.values[i], (double)i);
        }
        samples_release(&s);
        series_set_close(set);
        bool did = true;
        while (pass == 0 && did)
            cr_assert_eq(metrics_merge(r.m, true, &did, NULL), TSDB_OK);
        if (pass == 1) {
            rig_close(&r);
            rig_open(&r);
        }
    }
    rig_release(&r);
}
