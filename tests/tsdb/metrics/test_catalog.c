#include "tests/tsdb/metrics/rig.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <stdlib.h>

struct beside {
    struct tsdb_metadata metadata[4];
    struct tsdb_exemplar exemplars[8];
    uint32_t metadata_count, exemplar_count;
};

static enum tsdb_status append(struct rig *r, const char *series, int64_t ts,
                               const struct beside *b, struct tsdb_appended *out)
{
    struct rig_batch labels = {.series = &series};
    struct tsdb_point p = {.key = rig_key(r, series), .ts = ts, .value = 1};
    struct tsdb_batch batch = {.points = &p,
                               .point_count = 1,
                               .exemplars = b->exemplars,
                               .exemplar_count = b->exemplar_count,
                               .metadata = b->metadata,
                               .metadata_count = b->metadata_count,
                               .labels = rig_labels_of,
                               .arg = &labels};
    return metrics_append(r->m, &batch, out, NULL, NULL);
}

static bool count_metadata(void *arg, const struct tsdb_metadata *m)
{
    (void)m;
    ++*(uint32_t *)arg;
    return true;
}

static uint32_t families(struct rig *r, const char *tenant)
{
    uint32_t n = 0;
    catalog_metadata_each(&r->m->catalog, tenant, count_metadata, &n);
    return n;
}

static struct beside described(const char *family, const char *help)
{
    return (struct beside){
        .metadata = {{text_of(family), text_of(help), text_of("s"), TSDB_METRIC_GAUGE}},
        .metadata_count = 1};
}

Test(catalog, metadata_survives_restarts_before_and_after_a_seal)
{
    struct rig r;
    struct tsdb_appended out;
    rig_init(&r);
    struct beside b = described("a", "help");
    cr_assert_eq(append(&r, "a|x=1", RIG_NOW, &b, &out), TSDB_OK);
    for (int pass = 0; pass < 3; pass++) {
        rig_sync(&r);
        rig_close(&r);
        rig_open(&r);
        cr_assert_eq(families(&r, ""), 1u, "pass %d", pass);
        cr_assert_eq(families(&r, "other"), 0u);
        rig_seal(&r);
    }
    rig_release(&r);
}

static enum tsdb_status describe(struct rig *r, const struct beside *b)
{
    struct tsdb_batch batch = {.metadata = b->metadata, .metadata_count = b->metadata_count};
    struct tsdb_appended out;
    return metrics_append(r->m, &batch, &out, NULL, NULL);
}

/* The first try is not journalled; the second is acknowledged, so it must be. */
Test(catalog, metadata_of_a_failed_append_is_journalled_by_the_next)
{
    struct rig r;
    rig_init(&r);
    struct beside b = described("a", "help");
    fs_sim_set_space(r.sim, 0);
    rig_put(&r, "a|x=1", RIG_NOW, 1);
    (void)journal_step(r.store.journal);
    cr_assert_not(journal_is_writable(r.store.journal));
    cr_assert_eq(describe(&r, &b), TSDB_EIO);
    cr_assert_eq(families(&r, ""), 0u);
    fs_sim_set_space(r.sim, UINT64_MAX);
    rig_sync(&r);
    cr_assert_eq(describe(&r, &b), TSDB_OK);
    rig_sync(&r);
    rig_close(&r);
    rig_open(&r);
    cr_assert_eq(families(&r, ""), 1u);
    rig_release(&r);
}

Test(catalog, much_metadata_does_not_stop_sealing)
{
    enum { FAMILIES = 10000 };
    struct rig r;
    struct tsdb_appended out;
    rig_init(&r);
    char name[32], *help = calloc(1, CATALOG_TEXT_MAX + 1);
    memset(help, 'h', CATALOG_TEXT_MAX);
    for (int i = 0; i < FAMILIES; i++) {
        (void)snprintf(name, sizeof name, "family_%d", i);
        struct beside b = described(name, help);
        while (append(&r, "a|x=1", RIG_NOW + i, &b, &out) == TSDB_ELIMIT)
            rig_sync(&r);
    }
    rig_sync(&r);
    rig_seal(&r);
    rig_close(&r);
    rig_open(&r);
    cr_assert_eq(families(&r, ""), (uint32_t)FAMILIES);
    cr_assert_gt(budget_used(&r.m->catalog.budget), (uint64_t)FAMILIES * CATALOG_TEXT_MAX);
    free(help);
    rig_release(&r);
}

Test(catalog, what_is_no_metadata_is_left_out)
{
    struct rig r;
    struct tsdb_appended out;
    char *longer = calloc(1, CATALOG_TEXT_MAX + 2);
    memset(longer, 'h', CATALOG_TEXT_MAX + 1);
    rig_init(&r);
    struct beside bad[] = {described("", "x"), described("a", longer), described("a", "\xff")};
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(append(&r, "a|x=1", RIG_NOW + (int64_t)i, &bad[i], &out), TSDB_OK);
    cr_assert_eq(families(&r, ""), 0u);
    free(longer);
    rig_release(&r);
}

static void count_exemplar(void *arg, const struct held_exemplar *e)
{
    (void)e;
    ++*(uint32_t *)arg;
}

static uint32_t held(struct rig *r)
{
    uint32_t n = 0;
    catalog_exemplars_each(&r->m->catalog, count_exemplar, &n);
    return n;
}

static struct beside with_exemplar(int64_t ts, const struct tsdb_label *label)
{
    return (struct beside){.exemplars = {{0, ts, 1, {label, 1}}}, .exemplar_count = 1};
}

Test(catalog, exemplars_are_kept_where_their_point_is_and_bounded)
{
    struct rig r;
    struct tsdb_appended out;
    rig_init(&r);
    r.options.retention = NS_PER_DAY;
    metrics_configure(r.m, &r.options);
    char *longer = calloc(1, CATALOG_EXEMPLAR_BYTES_MAX + 1);
    memset(longer, 'x', CATALOG_EXEMPLAR_BYTES_MAX);
    struct tsdb_label good = {text_of("trace_id"), text_of("abc")};
    struct tsdb_label long_one = {text_of("trace_id"), text_of(longer)};
    struct tsdb_label binary = {text_of("trace_id"), text_of("\xc3\x28")};
    struct {
        int64_t point_ts, ts;
        const struct tsdb_label *label;
        uint32_t kept;
    } cases[] = {
        {RIG_NOW, RIG_NOW, &good, 1},
        {RIG_NOW, RIG_NOW, &good, 1}, /* sent again: known, and said to be kept */
        {RIG_NOW + 1, RIG_NOW + 1, &long_one, 0},
        {RIG_NOW + 2, RIG_NOW + 2, &binary, 0},
        {RIG_NOW + 3, RIG_NOW + NS_PER_DAY, &good, 0},
        {RIG_NOW + 4, RIG_NOW - 2 * NS_PER_DAY, &good, 0},
        {RIG_NOW - 2 * NS_PER_DAY, RIG_NOW, &good, 0}, /* the point is refused */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct beside b = with_exemplar(cases[i].ts, cases[i].label);
        cr_assert_eq(append(&r, "a|x=1", cases[i].point_ts, &b, &out), TSDB_OK);
        cr_assert_eq(out.exemplars, cases[i].kept, "case %zu", i);
    }
    cr_assert_eq(held(&r), 1u);
    free(longer);
    rig_release(&r);
}

Test(catalog, the_ring_holds_the_newest_and_gives_its_memory_back)
{
    struct catalog c;
    struct budget budget;
    budget_init(&budget, UINT64_MAX, NULL);
    catalog_init(&c, &budget);
    for (uint32_t i = 0; i < CATALOG_EXEMPLARS_MAX + 10; i++) {
        struct writer w = {0};
        writer_uvarint(&w, 1);
        writer_uvarint(&w, i);
        writer_svarint(&w, i);
        writer_f64(&w, 1);
        writer_sized(&w, "\0", 1);
        cr_assert_eq(catalog_restore_exemplars(&c, writer_bytes(&w)), TSDB_OK);
        writer_release(&w);
    }
    cr_assert_eq(catalog_exemplar_count(&c), (uint64_t)CATALOG_EXEMPLARS_MAX);
    catalog_turn(&c);
    uint32_t n;
    struct held_exemplar *sealed = catalog_sealed(&c, &n);
    cr_assert_eq(n, (uint32_t)CATALOG_EXEMPLARS_MAX);
    cr_assert_eq(sealed[0].ref, 10u, "the oldest went");
    mem_free(sealed);
    catalog_drop_sealed(&c);
    cr_assert_eq(catalog_exemplar_count(&c), 0u);
    cr_assert_eq(budget_used(&budget), 0u);
    catalog_release(&c);
}

Test(catalog, damaged_records_are_refused)
{
    struct catalog c;
    catalog_init(&c, NULL);
    struct random random;
    random_init(&random, rig_seed(31));
    for (int round = 0; round < 20000; round++) {
        uint8_t raw[40];
        size_t len = 1 + random_below(&random, sizeof raw - 1);
        for (size_t i = 0; i < len; i++)
            raw[i] = (uint8_t)random_below(&random, random_below(&random, 2) ? 256 : 8);
        (void)catalog_restore_metadata(&c, (struct bytes){raw, len});
        (void)catalog_restore_exemplars(&c, (struct bytes){raw, len});
    }
    catalog_release(&c);
}
