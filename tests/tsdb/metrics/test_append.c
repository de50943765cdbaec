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

/* ---- zeros at start times ----------------------------------------------------------- */

struct started {
    const char *series;
    int64_t ts, start;
    double value;
    const struct tsdb_histogram *histogram;
};

enum { STARTED_MAX = 300 };

/* One batch of them; how many zeros came of it. */
static uint32_t put_started(struct rig *r, const struct started *s, uint32_t n)
{
    struct tsdb_point points[STARTED_MAX];
    int64_t starts[STARTED_MAX];
    const char *series[STARTED_MAX];
    struct tsdb_appended out;
    cr_assert_leq(n, (uint32_t)STARTED_MAX);
    for (uint32_t i = 0; i < n; i++) {
        points[i] = (struct tsdb_point){rig_key(r, s[i].series), s[i].ts, s[i].value, NULL};
        points[i].histogram = s[i].histogram;
        starts[i] = s[i].start;
        series[i] = s[i].series;
    }
    struct rig_batch b = {.series = series};
    struct tsdb_batch batch = {
        .points = points, .point_count = n, .starts = starts, .labels = rig_labels_of, .arg = &b};
    cr_assert_eq(metrics_append(r->m, &batch, &out, NULL, NULL), TSDB_OK);
    uint32_t total = 0;
    for (int i = 0; i < TSDB_VERDICT_COUNT; i++)
        total += out.counts[i];
    cr_assert_eq(total, n, "zeros are in none of the counts");
    return out.zeros;
}

static uint32_t put_one(struct rig *r, const char *series, int64_t start, int64_t ts, double value)
{
    struct started s = {series, ts, start, value, NULL};
    return put_started(r, &s, 1);
}

/* "0@-60 5@0": what is stored of the one series with x=X, times in seconds from RIG_NOW. */
static const char *stored(struct rig *r, const char *x)
{
    static char text[2000];
    struct series_set *set = rig_select(r, "x", x, INT64_MIN, INT64_MAX);
    struct samples s;
    size_t len = 0;
    samples_init(&s, NULL);
    text[0] = '\0';
    cr_assert_leq(series_set_count(set), 1u);
    if (series_set_count(set) == 1)
        cr_assert_eq(series_set_samples(set, 0, &s, NULL), TSDB_OK);
    for (uint32_t i = 0; i < s.count && len < sizeof text - 100; i++) {
        const struct tsdb_histogram *h = s.histograms ? s.histograms[i] : NULL;
        const char *gap = i > 0 ? " " : "";
        if (h)
            len += (size_t)snprintf(text + len, 100, "%sh%d/%d/%g/%u", gap, h->schema, h->hint,
                                    h->count, h->custom_count);
        else
            len += (size_t)snprintf(text + len, 100, "%s%g", gap, s.values[i]);
        len += (size_t)snprintf(text + len, 100, "@%g", (double)(s.ts[i] - RIG_NOW) / 1e9);
    }
    samples_release(&s);
    series_set_close(set);
    return text;
}

#define SEC(n) (RIG_NOW + (n)*NS_PER_S)

Test(append, a_new_series_begins_with_a_zero_at_its_start)
{
    struct rig r;
    rig_init(&r);
    cr_assert_eq(put_one(&r, "a|x=1", SEC(-60), SEC(0), 5), 1u);
    cr_assert_str_eq(stored(&r, "1"), "0@-60 5@0");
    cr_assert_eq(put_one(&r, "a|x=2", 0, SEC(0), 5), 0u, "not known");
    cr_assert_eq(put_one(&r, "a|x=3", SEC(0), SEC(0), 5), 0u, "at the point");
    cr_assert_eq(put_one(&r, "a|x=4", SEC(1), SEC(0), 5), 0u, "after the point");
    cr_assert_eq(put_one(&r, "a|x=4", INT64_MAX, SEC(1), 5), 0u, "far after it");
    cr_assert_str_eq(stored(&r, "2"), "5@0");
    cr_assert_str_eq(stored(&r, "3"), "5@0");
    cr_assert_str_eq(stored(&r, "4"), "5@0 5@1");
    rig_release(&r);
}

Test(append, one_start_makes_one_zero_however_often_it_is_sent)
{
    struct rig r;
    rig_init(&r);
    cr_assert_eq(put_one(&r, "a|x=1", SEC(-60), SEC(0), 5), 1u);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(put_one(&r, "a|x=1", SEC(-60), SEC(i / 2), 5), 0u, "%d", i);
    cr_assert_str_eq(stored(&r, "1"), "0@-60 5@0 5@1 5@2");
    cr_assert_eq(put_one(&r, "a|x=1", SEC(-60), SEC(-30), 2), 0u, "late, and not below newer ones");
    cr_assert_eq(put_one(&r, "a|x=1", SEC(1), SEC(3), 6), 0u, "a start among what is stored");
    cr_assert_eq(put_one(&r, "a|x=1", SEC(2), SEC(4), 6), 0u, "a start at the newest sample");
    rig_seal(&r);
    cr_assert_eq(put_one(&r, "a|x=1", SEC(-60), SEC(5), 7), 0u, "sealed is stored");
    rig_seal(&r);
    rig_seal(&r);
    cr_assert_eq(put_one(&r, "a|x=1", SEC(-60), SEC(6), 7), 0u);
    rig_release(&r);
}

Test(append, a_reset_begins_with_a_zero_at_its_start)
{
    struct rig r;
    rig_init(&r);
    (void)put_one(&r, "a|x=1", SEC(-60), SEC(0), 5);
    (void)put_one(&r, "a|x=1", SEC(-60), SEC(10), 9);
    cr_assert_eq(put_one(&r, "a|x=1", SEC(15), SEC(20), 12), 1u);
    cr_assert_eq(put_one(&r, "a|x=1", SEC(15), SEC(30), 13), 0u);
    cr_assert_str_eq(stored(&r, "1"), "0@-60 5@0 9@10 0@15 12@20 13@30");
    rig_release(&r);
}

Test(append, a_start_that_is_too_old_gives_no_zero_and_refuses_nothing)
{
    struct rig r;
    rig_init(&r);
    cr_assert_eq(put_one(&r, "a|x=1", RIG_NOW - NS_PER_DAY, RIG_NOW, 5), 1u, "a day");
    cr_assert_eq(put_one(&r, "a|x=2", RIG_NOW - NS_PER_DAY - 1, RIG_NOW, 5), 0u, "more");
    cr_assert_eq(put_one(&r, "a|x=3", INT64_MIN, RIG_NOW, 5), 0u);
    cr_assert_eq(put_one(&r, "a|x=4", 1, RIG_NOW, 5), 0u);
    r.options.limits.past_max = 100 * NS_PER_S;
    metrics_configure(r.m, &r.options);
    cr_assert_eq(put_one(&r, "a|x=5", SEC(-100), RIG_NOW, 5), 1u, "at the limit of age");
    cr_assert_eq(put_one(&r, "a|x=6", SEC(-100) - 1, RIG_NOW, 5), 0u, "beyond it");
    cr_assert_str_eq(stored(&r, "6"), "5@0");
    cr_assert_eq(put_one(&r, "a|x=7", SEC(-102), SEC(-101), 5), 0u, "the point itself");
    cr_assert_str_eq(stored(&r, "7"), "");
    rig_release(&r);
}

/* Points of one batch see each other. */
Test(append, within_a_batch_as_between_batches)
{
    struct rig r;
    rig_init(&r);
    struct started a[] = {{"a|x=1", SEC(0), SEC(-9), 5, NULL},
                          {"a|x=1", SEC(10), SEC(-9), 6, NULL},
                          {"a|x=2", SEC(0), 0, 1, NULL},
                          {"a|x=1", SEC(20), SEC(15), 2, NULL}};
    cr_assert_eq(put_started(&r, a, 4), 2u);
    cr_assert_str_eq(stored(&r, "1"), "0@-9 5@0 6@10 0@15 2@20");
    cr_assert_str_eq(stored(&r, "2"), "1@0");
    struct started b[] = {{"a|x=3", SEC(10), SEC(0), 105, NULL},
                          {"a|x=3", SEC(0), SEC(0), 100, NULL}};
    cr_assert_eq(put_started(&r, b, 2), 0u, "its first sample is there, only later");
    cr_assert_str_eq(stored(&r, "3"), "100@0 105@10");
    rig_release(&r);
}

/* Some of many series, all shards: each zero is its own series'. */
Test(append, zeros_find_their_series)
{
    struct rig r;
    rig_init(&r);
    static char names[STARTED_MAX][40];
    struct started s[STARTED_MAX];
    for (int round = 0; round < 3; round++) {
        uint32_t want = 0;
        for (uint32_t i = 0; i < STARTED_MAX; i++) {
            (void)snprintf(names[i], sizeof names[i], "m|x=%u", i);
            bool resets = (i + (uint32_t)round) % 3 == 0;
            s[i] = (struct started){names[i], SEC(round * 20 + 10),
                                    resets ? SEC(round * 20 + 1) : 0, i + 1.0, NULL};
            want += resets;
        }
        cr_assert_eq(put_started(&r, s, STARTED_MAX), want);
    }
    for (uint32_t i = 0; i < STARTED_MAX; i++) {
        char text[300], x[12];
        size_t len = 0;
        for (uint32_t round = 0; round < 3; round++) {
            if ((i + round) % 3 == 0)
                len += (size_t)snprintf(text + len, 100, "0@%u ", round * 20 + 1);
            len += (size_t)snprintf(text + len, 100, "%u@%u ", i + 1, round * 20 + 10);
        }
        text[len - 1] = '\0';
        (void)snprintf(x, sizeof x, "%u", i);
        cr_assert_str_eq(stored(&r, x), text);
    }
    rig_release(&r);
}

Test(append, a_histogram_begins_empty_in_its_own_layout)
{
    struct rig r;
    rig_init(&r);
    static const struct tsdb_bucket_span span = {0, 2};
    static const double buckets[] = {1, 2}, custom[] = {1};
    struct tsdb_histogram h = {.schema = 3,
                               .zero_threshold = 0.001,
                               .count = 3,
                               .sum = 4,
                               .positive_span_count = 1,
                               .positive_count = 2,
                               .positive_spans = &span,
                               .positive = buckets};
    struct tsdb_histogram explicit = h;
    explicit.schema = TSDB_SCHEMA_CUSTOM;
    explicit.zero_threshold = 0;
    explicit.custom_count = 1;
    explicit.custom = custom;
    explicit.is_float = true;
    struct started s[] = {{"a|x=1", SEC(0), SEC(-5), 0, &h},
                          {"a|x=2", SEC(0), SEC(-5), 0, &explicit},
                          {"a|x=1", SEC(9), SEC(-5), 0, &h}};
    cr_assert_eq(put_started(&r, s, 3), 2u);
    for (int sealed = 0; sealed < 2; sealed++) {
        cr_assert_str_eq(stored(&r, "1"), "h3/1/0/0@-5 h3/0/3/0@0 h3/0/3/0@9");
        cr_assert_str_eq(stored(&r, "2"), "h-53/1/0/1@-5 h-53/0/3/1@0");
        rig_seal(&r);
    }
    rig_release(&r);
}

/* What the journal gives back is what was there, and the series are as known as before. */
Test(append, after_a_crash_zeros_are_where_they_were)
{
    for (int sealed = 0; sealed < 2; sealed++) {
        struct rig r;
        rig_init(&r);
        struct started s[] = {{"a|x=1", SEC(0), SEC(-5), 7, NULL},
                              {"a|x=1", SEC(9), SEC(4), 3, NULL},
                              {"a|x=2", SEC(0), SEC(-5), 7, NULL}};
        cr_assert_eq(put_started(&r, s, 3), 3u);
        rig_sync(&r);
        if (sealed)
            rig_seal(&r);
        struct tsdb_stats before = {0}, after = {0};
        metrics_stats(r.m, &before);
        struct random random;
        random_init(&random, 1);
        fs_sim_power_off_after(r.sim, 0);
        rig_close(&r);
        fs_sim_crash(r.sim, FS_SIM_LOSE_ALL, &random);
        rig_open(&r);
        metrics_stats(r.m, &after);
        if (!sealed)
            cr_assert_eq(after.samples_appended, before.samples_appended);
        cr_assert_str_eq(stored(&r, "1"), "0@-5 7@0 0@4 3@9");
        cr_assert_str_eq(stored(&r, "2"), "0@-5 7@0");
        cr_assert_eq(put_one(&r, "a|x=1", SEC(4), SEC(20), 8), 0u, "known, sealed %d", sealed);
        cr_assert_eq(put_one(&r, "a|x=2", SEC(-5), SEC(20), 8), 0u, "known, sealed %d", sealed);
        cr_assert_eq(put_one(&r, "a|x=1", SEC(25), SEC(30), 1), 1u, "a reset since");
        rig_release(&r);
    }
}
