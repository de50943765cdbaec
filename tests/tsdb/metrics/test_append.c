#include "tests/tsdb/metrics/rig.h"

static uint64_t used(struct rig *r)
{
    return budget_used(&r->store.budget);
}

/* New series until one is refused. */
static uint32_t fill_with_series(struct rig *r)
{
    enum tsdb_verdict verdict = TSDB_ACCEPTED;
    uint32_t n = 0;
    while (verdict == TSDB_ACCEPTED) {
        char name[40];
        (void)snprintf(name, sizeof name, "m%u|id=%u", n % 10, n);
        cr_assert_eq(rig_append(r, name, clock_wall_ns(&r->clock.clock), 1, &verdict), TSDB_OK);
        n += verdict == TSDB_ACCEPTED;
        if (n % 1000 == 0)
            rig_sync(r);
        cr_assert_lt(n, 1000000u);
    }
    cr_assert_eq(verdict, TSDB_SERIES_LIMIT, "%s", tsdb_verdict_name(verdict));
    return n;
}

Test(append, when_memory_is_tight_known_series_go_on_and_new_ones_are_refused)
{
    struct rig r;
    rig_init(&r);
    r.options.limits.memory_bytes = 8 << 20;
    metrics_configure(r.m, &r.options);
    uint32_t n = fill_with_series(&r);
    cr_assert_gt(n, 1000u);
    int64_t now = clock_wall_ns(&r.clock.clock);
    for (uint32_t i = 0; i < n; i += 10) {
        char name[40];
        (void)snprintf(name, sizeof name, "m%u|id=%u", i % 10, i);
        rig_put(&r, name, now + 1, 2);
    }
    enum tsdb_status st = TSDB_OK;
    uint64_t taken = 0;
    for (; st == TSDB_OK && taken < 3000000; taken++) {
        st = rig_append(&r, "m0|id=0", now + 2 + (int64_t)(taken * taken % 1000000007), 0.1, NULL);
        if (taken % 1000 == 0)
            rig_sync(&r);
    }
    cr_assert_eq(st, TSDB_ELIMIT, "until the limit itself");
    cr_assert_gt(taken, 1000u);
    cr_assert_leq(used(&r), (uint64_t)r.options.limits.memory_bytes + 100000);
    rig_sync(&r);
    rig_seal(&r);
    rig_put(&r, "m0|id=0", now + 3000000000, 3);
    rig_release(&r);
}

/* K1: one bad item costs itself alone. */
Test(append, each_point_has_its_own_verdict)
{
    struct rig r;
    rig_init(&r);
    r.options.limits.series_max = 2;
    r.options.retention = NS_PER_DAY;
    metrics_configure(r.m, &r.options);
    static const char *const series[] = {"a|x=1", "b|x=1|x=2", "a|x=1", "c|x=1", "d|x=1", "a|x=1"};
    static const int64_t times[] = {0, 0, 0, 0, 0, -2 * NS_PER_DAY};
    static const enum tsdb_verdict want[] = {TSDB_ACCEPTED, TSDB_BAD_LABELS,   TSDB_CONFLICT,
                                             TSDB_ACCEPTED, TSDB_SERIES_LIMIT, TSDB_TOO_OLD};
    enum { N = 6 };
    struct tsdb_point points[N];
    for (int i = 0; i < N; i++)
        points[i] = (struct tsdb_point){rig_key(&r, series[i]), RIG_NOW + times[i], i, NULL};
    struct rig_batch b = {.series = series};
    struct tsdb_batch batch = {
        .points = points, .point_count = N, .labels = rig_labels_of, .arg = &b};
    struct tsdb_appended out;
    uint8_t verdicts[N];
    cr_assert_eq(metrics_append(r.m, &batch, &out, verdicts, NULL), TSDB_OK);
    uint32_t total = 0;
    for (int i = 0; i < N; i++)
        cr_assert(verdicts[i] == want[i], "point %d: %s", i,
                  tsdb_verdict_name((enum tsdb_verdict)verdicts[i]));
    for (int i = 0; i < TSDB_VERDICT_COUNT; i++)
        total += out.counts[i];
    cr_assert_eq(total, (uint32_t)N, "accepted + rejected = received");
    rig_release(&r);
}

static enum tsdb_verdict verdict_as(struct rig *r, const char *tenant, const char *series,
                                    int64_t ts)
{
    struct rig_batch b = {.series = &series};
    struct tsdb_point p = {rig_key(r, series), ts, 1, NULL};
    struct tsdb_batch batch = {
        .tenant = tenant, .points = &p, .point_count = 1, .labels = rig_labels_of, .arg = &b};
    struct tsdb_appended out;
    uint8_t verdict;
    cr_assert_eq(metrics_append(r->m, &batch, &out, &verdict, NULL), TSDB_OK);
    return (enum tsdb_verdict)verdict;
}

/* Each limit that a tenant may have for itself, beside one that has none. */
Test(append, a_tenants_own_limits_are_its_own)
{
    struct rig r;
    rig_init(&r);
    struct tsdb_tenant_limits own = {"blue", r.options.limits};
    own.limits.series_max = 2;
    own.limits.labels_max = 2;
    own.limits.value_bytes_max = 3;
    own.limits.future_max = 0;
    own.limits.past_max = NS_PER_HOUR;
    r.options.tenant_limits = &own;
    r.options.tenant_limits_count = 1;
    metrics_configure(r.m, &r.options);
    static const struct {
        const char *series;
        int64_t ts;
        enum tsdb_verdict want;
    } cases[] = {
        {"a|x=1|y=2", RIG_NOW, TSDB_LABEL_LIMIT},
        {"a|x=1234", RIG_NOW, TSDB_LABEL_LIMIT},
        {"a|x=1", RIG_NOW + 1, TSDB_TOO_NEW},
        {"a|x=1", RIG_NOW - NS_PER_HOUR - 1, TSDB_TOO_OLD},
        {"a|x=1", RIG_NOW - NS_PER_HOUR, TSDB_ACCEPTED},
        {"a|x=2", RIG_NOW, TSDB_ACCEPTED},
        {"a|x=3", RIG_NOW, TSDB_SERIES_LIMIT},
        {"a|x=1", RIG_NOW, TSDB_ACCEPTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum tsdb_verdict got = verdict_as(&r, "blue", cases[i].series, cases[i].ts);
        cr_assert(got == cases[i].want, "case %zu: %s", i, tsdb_verdict_name(got));
        cr_assert_eq(verdict_as(&r, "green", cases[i].series, cases[i].ts), TSDB_ACCEPTED);
        (void)verdict_as(&r, "", cases[i].series, cases[i].ts);
    }
    r.options.tenant_limits_count = 0;
    metrics_configure(r.m, &r.options);
    cr_assert_eq(verdict_as(&r, "blue", "a|x=3", RIG_NOW), TSDB_ACCEPTED, "the common ones again");
    rig_release(&r);
}

Test(append, a_tenants_own_churn_is_limited)
{
    struct rig r;
    rig_init(&r);
    struct tsdb_tenant_limits own = {"blue", r.options.limits};
    own.limits.series_new_per_s = 1;
    r.options.tenant_limits = &own;
    r.options.tenant_limits_count = 1;
    metrics_configure(r.m, &r.options);
    uint32_t refused[2] = {0};
    for (int i = 0; i < 30; i++) {
        char series[32];
        (void)snprintf(series, sizeof series, "a|x=%d", i);
        refused[0] += verdict_as(&r, "blue", series, RIG_NOW) == TSDB_CHURN_LIMIT;
        refused[1] += verdict_as(&r, "", series, RIG_NOW) == TSDB_CHURN_LIMIT;
    }
    cr_assert_eq(refused[0], 20u, "ten seconds' worth is admitted");
    cr_assert_eq(refused[1], 0u);
    rig_release(&r);
}

Test(append, an_alias_leads_to_the_series_of_its_labels)
{
    struct rig r;
    rig_init(&r);
    const char *series = "a|x=1";
    struct rig_batch b = {.series = &series};
    for (uint64_t spelling = 0; spelling < 3; spelling++) {
        struct tsdb_point p = {{spelling, 77}, RIG_NOW + (int64_t)spelling, 1, NULL};
        struct tsdb_batch batch = {
            .points = &p, .point_count = 1, .labels = rig_labels_of, .arg = &b};
        struct tsdb_appended out;
        for (int again = 0; again < 2; again++)
            cr_assert_eq(metrics_append(r.m, &batch, &out, NULL, NULL), TSDB_OK);
        cr_assert_eq(out.counts[TSDB_DUPLICATE], 1u);
    }
    cr_assert_eq(head_series_count(&r.m->head), 1u);
    rig_release(&r);
}
