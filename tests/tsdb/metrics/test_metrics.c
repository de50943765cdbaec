/* Goal: whatever is done to the engine in whatever order, a query answers what a
 * sorted table of everything that was accepted would.
 * Method: random appends (in order, late, repeated, conflicting), seals, merges,
 * deletions, restarts and power cuts after a sync, against that table. */
#include "tests/tsdb/metrics/rig.h"

#include <stdlib.h>

enum { SERIES = 24, SAMPLES_MAX = 8192, ROUNDS = 900 };

struct expected {
    int64_t ts[SAMPLES_MAX];
    double values[SAMPLES_MAX];
    uint32_t count;
};

struct model {
    struct rig rig;
    struct random random;
    struct expected *expected; /* [SERIES] */
    char names[SERIES][64];
    uint64_t appended, late, seals, merges, restarts, deletions, compared;
};

static void expect(struct expected *e, int64_t ts, double v)
{
    uint32_t at = e->count;
    while (at > 0 && e->ts[at - 1] > ts)
        at--;
    if (at > 0 && e->ts[at - 1] == ts)
        return; /* the first stays */
    cr_assert(e->count < SAMPLES_MAX);
    memmove(e->ts + at + 1, e->ts + at, (e->count - at) * sizeof *e->ts);
    memmove(e->values + at + 1, e->values + at, (e->count - at) * sizeof *e->values);
    e->ts[at] = ts;
    e->values[at] = v;
    e->count++;
}

static double some_value(struct random *r)
{
    switch (random_below(r, 5)) {
    case 0: return (double)random_below(r, 100);
    case 1: return random_unit(r);
    case 2: return (double)random_below(r, 1000000) / 100;
    case 3: return -0.0;
    default: return 1e300 * (random_unit(r) - 0.5);
    }
}

static void do_append(struct model *m)
{
    uint32_t which = (uint32_t)random_below(&m->random, SERIES);
    int64_t now = clock_wall_ns(&m->rig.clock.clock), ts = now;
    if (random_below(&m->random, 6) == 0) {
        int64_t back = (int64_t)random_below(&m->random, 100) * NS_PER_HOUR;
        ts = now - back - (int64_t)random_below(&m->random, 3600) * NS_PER_S;
        m->late++;
    } else if (random_below(&m->random, 10) == 0 && m->expected[which].count > 0) {
        ts = m->expected[which].ts[random_below(&m->random, m->expected[which].count)];
    }
    double v = some_value(&m->random);
    enum tsdb_verdict verdict;
    cr_assert_eq(rig_append(&m->rig, m->names[which], ts, v, &verdict), TSDB_OK);
    cr_assert(verdict == TSDB_ACCEPTED || verdict == TSDB_DUPLICATE || verdict == TSDB_CONFLICT);
    expect(&m->expected[which], ts, v);
    m->appended++;
    clock_sim_advance(&m->rig.clock, (int64_t)random_below(&m->random, 20) * NS_PER_S);
}

static void do_merge(struct model *m)
{
    bool did = true;
    struct tsdb_error err = {0};
    bool is_forced = random_below(&m->random, 2) == 0;
    while (did) {
        cr_assert_eq(metrics_merge(m->rig.m, is_forced, &did, &err), TSDB_OK, "%s", err.msg);
        m->merges += did;
    }
}

static void do_restart(struct model *m)
{
    if (random_below(&m->random, 2)) {
        rig_sync(&m->rig);
        rig_close(&m->rig);
        fs_sim_crash(m->rig.sim, (enum fs_sim_mode)random_below(&m->random, FS_SIM_MODE_COUNT),
                     &m->random);
    } else {
        rig_sync(&m->rig);
        rig_close(&m->rig);
    }
    rig_open(&m->rig);
    m->restarts++;
}

static void do_delete(struct model *m)
{
    uint32_t which = (uint32_t)random_below(&m->random, SERIES);
    int64_t now = clock_wall_ns(&m->rig.clock.clock);
    int64_t start = now - (int64_t)random_below(&m->random, 48) * NS_PER_HOUR;
    int64_t end = start + (int64_t)random_below(&m->random, 24) * NS_PER_HOUR;
    char id[8];
    (void)snprintf(id, sizeof id, "%u", which);
    struct matcher matcher;
    cr_assert_eq(matcher_init(&matcher, MATCH_EQ, (struct tsdb_text){"id", 2},
                              (struct tsdb_text){id, strlen(id)}, NULL),
                 TSDB_OK);
    struct metrics_selection sel = {
        .matchers = &matcher, .matcher_count = 1, .start = start, .end = end};
    struct tsdb_error err = {0};
    cr_assert_eq(metrics_delete(m->rig.m, &sel, &err), TSDB_OK, "%s", err.msg);
    matcher_release(&matcher);
    struct expected *e = &m->expected[which];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < e->count; i++) {
        if (e->ts[i] >= start && e->ts[i] <= end)
            continue;
        e->ts[kept] = e->ts[i];
        e->values[kept++] = e->values[i];
    }
    e->count = kept;
    m->deletions++;
}

static void compare_series(struct model *m, uint32_t which)
{
    char id[8];
    (void)snprintf(id, sizeof id, "%u", which);
    struct series_set *set = rig_select(&m->rig, "id", id, INT64_MIN, INT64_MAX);
    struct samples s;
    samples_init(&s, NULL);
    const struct expected *e = &m->expected[which];
    cr_assert_leq(series_set_count(set), 1u);
    struct tsdb_error err = {0};
    if (series_set_count(set) == 1)
        cr_assert_eq(series_set_samples(set, 0, &s, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(s.count, e->count, "series %u: %u samples, want %u", which, s.count, e->count);
    for (uint32_t i = 0; i < e->count; i++) {
        cr_assert_eq(s.ts[i], e->ts[i], "series %u sample %u: time", which, i);
        cr_assert_eq(memcmp(&s.values[i], &e->values[i], sizeof(double)), 0,
                     "series %u sample %u: %g, want %g", which, i, s.values[i], e->values[i]);
    }
    m->compared += e->count;
    samples_release(&s);
    series_set_close(set);
}

static void run_model(struct model *m, uint64_t seed)
{
    random_init(&m->random, seed);
    rig_init(&m->rig);
    for (uint32_t i = 0; i < SERIES; i++) {
        m->expected[i].count = 0;
        (void)snprintf(m->names[i], sizeof m->names[i], "m%u|id=%u|job=a", i % 5, i);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (uint64_t n = random_below(&m->random, 16); n > 0; n--)
            do_append(m);
        switch (random_below(&m->random, 40)) {
        case 0:
        case 1: rig_seal(&m->rig), m->seals++; break;
        case 2: do_merge(m); break;
        case 3: do_restart(m); break;
        case 4: do_delete(m); break;
        case 5: clock_sim_advance(&m->rig.clock, NS_PER_HOUR); break;
        default: break;
        }
        compare_series(m, (uint32_t)random_below(&m->random, SERIES));
    }
    for (uint32_t i = 0; i < SERIES; i++)
        compare_series(m, i);
    rig_release(&m->rig);
}

Test(metrics, answers_what_a_sorted_table_would)
{
    uint64_t seed = rig_seed(20260101);
    struct model *m = calloc(1, sizeof *m);
    m->expected = calloc(SERIES, sizeof *m->expected);
    for (int i = 0; i < 6; i++)
        run_model(m, seed + (uint64_t)i);
    cr_log_info("appended=%llu late=%llu seals=%llu merges=%llu restarts=%llu deletions=%llu "
                "compared=%llu",
                (unsigned long long)m->appended, (unsigned long long)m->late,
                (unsigned long long)m->seals, (unsigned long long)m->merges,
                (unsigned long long)m->restarts, (unsigned long long)m->deletions,
                (unsigned long long)m->compared);
    cr_assert_gt(m->late, 1000u);
    cr_assert_gt(m->merges, 20u);
    cr_assert_gt(m->restarts, 20u);
    cr_assert_gt(m->deletions, 20u);
    free(m->expected);
    free(m);
}

Test(metrics, refuses_what_lies_too_far_ahead_or_behind)
{
    struct rig r;
    rig_init(&r);
    r.options.retention = 30 * NS_PER_DAY;
    metrics_configure(r.m, &r.options);
    enum tsdb_verdict verdict;
    cr_assert_eq(rig_append(&r, "a|x=1", RIG_NOW + 10 * NS_PER_MINUTE, 1, &verdict), TSDB_OK);
    cr_assert_eq(verdict, TSDB_ACCEPTED);
    cr_assert_eq(rig_append(&r, "b|x=1", RIG_NOW + 10 * NS_PER_MINUTE + 1, 1, &verdict), TSDB_OK);
    cr_assert_eq(verdict, TSDB_TOO_NEW);
    cr_assert_eq(rig_append(&r, "c|x=1", RIG_NOW - 30 * NS_PER_DAY, 1, &verdict), TSDB_OK);
    cr_assert_eq(verdict, TSDB_ACCEPTED);
    cr_assert_eq(rig_append(&r, "d|x=1", RIG_NOW - 30 * NS_PER_DAY - 1, 1, &verdict), TSDB_OK);
    cr_assert_eq(verdict, TSDB_TOO_OLD);
    cr_assert_eq(head_series_count(&r.m->head), 2u, "a refused sample makes no series");
    rig_release(&r);
}

Test(metrics, refuses_bad_label_sets_and_too_many_series)
{
    struct rig r;
    rig_init(&r);
    enum tsdb_verdict verdict;
    cr_assert_eq(rig_append(&r, "a|x=1|x=2", RIG_NOW, 1, &verdict), TSDB_OK);
    cr_assert_eq(verdict, TSDB_BAD_LABELS, "a repeated name");
    cr_assert_eq(rig_append(&r, "", RIG_NOW, 1, &verdict), TSDB_OK);
    cr_assert_eq(verdict, TSDB_BAD_LABELS, "no labels");
    cr_assert_eq(rig_append(&r, "a|x=\xff", RIG_NOW, 1, &verdict), TSDB_OK);
    cr_assert_eq(verdict, TSDB_BAD_LABELS, "not UTF-8");
    cr_assert_eq(rig_append(&r, "a|" TENANT_LABEL "=other", RIG_NOW, 1, &verdict), TSDB_OK);
    cr_assert_eq(verdict, TSDB_BAD_LABELS, "the tenant's label is not the sender's");
    r.options.limits.series_max = 1;
    metrics_configure(r.m, &r.options);
    rig_put(&r, "a|x=1", RIG_NOW, 1);
    cr_assert_eq(rig_append(&r, "b|x=1", RIG_NOW, 1, &verdict), TSDB_OK);
    cr_assert_eq(verdict, TSDB_SERIES_LIMIT);
    rig_put(&r, "a|x=1", RIG_NOW + 1, 1); /* a known series goes on */
    rig_release(&r);
}

Test(metrics, churn_limit_refills_with_time)
{
    struct rig r;
    rig_init(&r);
    r.options.limits.series_new_per_s = 1;
    metrics_configure(r.m, &r.options);
    uint32_t accepted = 0;
    char name[16];
    enum tsdb_verdict verdict;
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "m%d|x=1", i);
        cr_assert_eq(rig_append(&r, name, RIG_NOW, 1, &verdict), TSDB_OK);
        accepted += verdict == TSDB_ACCEPTED;
    }
    cr_assert_eq(accepted, 10u, "ten seconds' worth at once, got %u", accepted);
    clock_sim_advance(&r.clock, 2 * NS_PER_S);
    cr_assert_eq(rig_append(&r, "later|x=1", RIG_NOW, 1, &verdict), TSDB_OK);
    cr_assert_eq(verdict, TSDB_ACCEPTED);
    rig_release(&r);
}

Test(metrics, tells_repeats_from_conflicts)
{
    struct rig r;
    rig_init(&r);
    enum tsdb_verdict verdict;
    rig_put(&r, "a|x=1", RIG_NOW, 1);
    cr_assert_eq(rig_append(&r, "a|x=1", RIG_NOW, 1, &verdict), TSDB_OK);
    cr_assert_eq(verdict, TSDB_DUPLICATE);
    cr_assert_eq(rig_append(&r, "a|x=1", RIG_NOW, 2, &verdict), TSDB_OK);
    cr_assert_eq(verdict, TSDB_CONFLICT);
    rig_release(&r);
}

Test(metrics, expires_by_time_and_by_size)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, "a|x=1", RIG_NOW - 40 * NS_PER_DAY, 1);
    rig_put(&r, "a|x=1", RIG_NOW, 2);
    rig_seal(&r);
    struct block_list *list = block_list_ref(r.m);
    cr_assert_eq(list->count, 2u, "one block a window, got %u", list->count);
    block_list_unref(list);
    r.options.retention = 30 * NS_PER_DAY;
    metrics_configure(r.m, &r.options);
    cr_assert_eq(metrics_expire(r.m, NULL), TSDB_OK);
    list = block_list_ref(r.m);
    cr_assert_eq(list->count, 1u);
    block_list_unref(list);
    rig_release(&r);
}

Test(metrics, tenants_do_not_see_each_other)
{
    struct rig r;
    rig_init(&r);
    const char *series = "a|x=1";
    struct rig_batch b = {.series = &series};
    struct tsdb_point p = {.key = rig_key(&r, series), .ts = RIG_NOW, .value = 7};
    struct tsdb_batch batch = {
        .tenant = "blue", .points = &p, .point_count = 1, .labels = rig_labels_of, .arg = &b};
    struct tsdb_appended out;
    cr_assert_eq(metrics_append(r.m, &batch, &out, NULL, NULL), TSDB_OK);
    struct series_set *set = rig_select(&r, "x", "1", INT64_MIN, INT64_MAX);
    cr_assert_eq(series_set_count(set), 0u);
    series_set_close(set);
    for (int pass = 0; pass < 2; pass++) {
        struct metrics_selection sel = {.tenant = "blue", .start = INT64_MIN, .end = INT64_MAX};
        cr_assert_eq(metrics_select(r.m, &sel, &set, NULL), TSDB_OK);
        cr_assert_eq(series_set_count(set), 1u);
        cr_assert_eq(series_set_labels(set, 0).count, 2u, "without the tenant's label");
        series_set_close(set);
        rig_seal(&r);
    }
    rig_release(&r);
}
