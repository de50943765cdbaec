#include "tests/tsdb/metrics/rig.h"

#include "tsdb/base/text.h"

static void append_as(struct rig *r, const char *tenant, const char *series, int64_t ts, double v)
{
    struct rig_batch b = {.series = &series};
    struct tsdb_point p = {.key = rig_key(r, series), .ts = ts, .value = v};
    struct tsdb_batch batch = {
        .tenant = tenant, .points = &p, .point_count = 1, .labels = rig_labels_of, .arg = &b};
    struct tsdb_appended out;
    cr_assert_eq(metrics_append(r->m, &batch, &out, NULL, NULL), TSDB_OK);
    cr_assert_eq(out.counts[TSDB_ACCEPTED], 1u);
}

static void delete_as(struct rig *r, const char *tenant, int64_t start, int64_t end)
{
    struct matcher m;
    cr_assert_eq(matcher_init(&m, MATCH_EQ, text_of("x"), text_of("1"), NULL), TSDB_OK);
    struct metrics_selection sel = {
        .tenant = tenant, .matchers = &m, .matcher_count = 1, .start = start, .end = end};
    struct tsdb_error err = {0};
    cr_assert_eq(metrics_delete(r->m, &sel, &err), TSDB_OK, "%s", err.msg);
    matcher_release(&m);
}

static uint32_t count_as(struct rig *r, const char *tenant)
{
    struct metrics_selection sel = {.tenant = tenant, .start = INT64_MIN, .end = INT64_MAX};
    struct series_set *set;
    struct samples s;
    uint32_t n = 0;
    samples_init(&s, NULL);
    cr_assert_eq(metrics_select(r->m, &sel, &set, NULL), TSDB_OK);
    for (uint32_t i = 0; i < series_set_count(set); i++) {
        cr_assert_eq(series_set_labels(set, i).count, 2u);
        cr_assert_eq(series_set_samples(set, i, &s, NULL), TSDB_OK);
        n += s.count;
    }
    samples_release(&s);
    series_set_close(set);
    return n;
}

static void merge_all(struct rig *r)
{
    bool did = true;
    while (did)
        cr_assert_eq(metrics_merge(r->m, true, &did, NULL), TSDB_OK);
}

Test(tombstone, a_deletion_concerns_its_tenant_and_nobody_else)
{
    for (int pass = 0; pass < 2; pass++) {
        struct rig r;
        const char *who = pass ? "blue" : "", *other = pass ? "" : "blue";
        rig_init(&r);
        append_as(&r, "blue", "a|x=1", RIG_NOW, 1);
        append_as(&r, "", "a|x=1", RIG_NOW, 2);
        delete_as(&r, who, INT64_MIN, INT64_MAX);
        cr_assert_eq(count_as(&r, who), 0u, "pass %d: before the merge", pass);
        cr_assert_eq(count_as(&r, other), 1u, "pass %d: the other's, before the merge", pass);
        merge_all(&r);
        cr_assert_eq(count_as(&r, who), 0u, "pass %d", pass);
        cr_assert_eq(count_as(&r, other), 1u, "pass %d", pass);
        rig_release(&r);
    }
}

Test(tombstone, what_comes_after_a_deletion_is_not_hidden)
{
    struct rig r;
    rig_init(&r);
    append_as(&r, "", "a|x=1", RIG_NOW, 1);
    append_as(&r, "", "a|x=1", RIG_NOW + 1, 2);
    delete_as(&r, "", RIG_NOW, RIG_NOW);
    cr_assert_eq(count_as(&r, ""), 1u);
    append_as(&r, "", "a|x=1", RIG_NOW, 3);
    cr_assert_eq(count_as(&r, ""), 2u);
    rig_seal(&r);
    merge_all(&r);
    cr_assert_eq(count_as(&r, ""), 2u);
    rig_release(&r);
}

Test(tombstone, deletions_are_forgotten_when_nothing_is_left_for_them_to_hide)
{
    struct rig r;
    rig_init(&r);
    append_as(&r, "", "a|x=1", RIG_NOW, 1);
    append_as(&r, "", "b|x=2", RIG_NOW, 1);
    delete_as(&r, "", RIG_NOW, RIG_NOW);
    struct tsdb_stats stats = {0};
    cr_assert_eq(metrics_forget_tombstones(r.m, NULL), TSDB_OK);
    metrics_stats(r.m, &stats);
    cr_assert_eq(stats.tombstones, 1u, "its block is still there");
    merge_all(&r);
    cr_assert_eq(metrics_forget_tombstones(r.m, NULL), TSDB_OK);
    metrics_stats(r.m, &stats);
    cr_assert_eq(stats.tombstones, 0u);
    rig_close(&r);
    rig_open(&r);
    metrics_stats(r.m, &stats);
    cr_assert_eq(stats.tombstones, 0u);
    cr_assert_eq(count_as(&r, ""), 1u);
    rig_release(&r);
}

/* The manifest's list is that of all signals. */
Test(tombstone, those_of_other_signals_are_left_alone)
{
    struct rig r;
    rig_init(&r);
    append_as(&r, "", "a|x=1", RIG_NOW, 1);
    rig_seal(&r);
    static const uint8_t of_logs[] = {0x80, 0x00, STORE_LOGS, 0x01, 0x02, 0x00};
    struct manifest_tombstone other = {store_take_id(&r.store), {of_logs, sizeof of_logs}};
    struct manifest_edit edit = {.tombstones_added = &other, .tombstones_added_count = 1};
    cr_assert_eq(store_apply(&r.store, &edit, NULL), TSDB_OK);
    rig_close(&r);
    rig_open(&r);
    cr_assert_eq(count_as(&r, ""), 1u);
    cr_assert_eq(metrics_forget_tombstones(r.m, NULL), TSDB_OK);
    size_t count;
    (void)manifest_tombstones(r.store.manifest, &count);
    cr_assert_eq(count, 1u);
    rig_release(&r);
}
