#include "tests/tsdb/metrics/rig.h"

Test(replay, a_lower_memory_limit_does_not_keep_the_store_from_opening)
{
    enum { SERIES = 5000 };
    struct rig r;
    char name[40];
    rig_init(&r);
    for (uint32_t i = 0; i < SERIES; i++) {
        (void)snprintf(name, sizeof name, "m|x=1|id=%u", i);
        rig_put(&r, name, RIG_NOW, 1);
        if (i % 500 == 0)
            rig_sync(&r);
    }
    rig_sync(&r);
    rig_close(&r);
    r.options.limits.memory_bytes = 100000;
    rig_open(&r);
    struct series_set *set = rig_select(&r, "x", "1", INT64_MIN, INT64_MAX);
    cr_assert_eq(series_set_count(set), (uint32_t)SERIES);
    series_set_close(set);
    cr_assert_eq(rig_append(&r, "m|x=1|id=1", RIG_NOW + 1, 1, NULL), TSDB_ELIMIT);
    r.options.limits.memory_bytes = UINT64_C(1) << 30;
    metrics_configure(r.m, &r.options);
    rig_put(&r, "m|x=1|id=1", RIG_NOW + 1, 1);
    rig_release(&r);
}

static void journal(struct rig *r, uint8_t type, const void *at, size_t len)
{
    struct bytes part = {at, len};
    uint64_t position;
    cr_assert_eq(journal_append(r->store.journal, type, &part, 1, &position, NULL), TSDB_OK);
}

static void define(struct rig *r, uint32_t ref, struct tsdb_labels labels)
{
    struct writer items = {0}, record = {0};
    record_series_item(ref, labels, &items);
    record_series_encode(1, writer_bytes(&items), &record);
    journal(r, RECORD_SERIES, record.at, record.len);
    writer_release(&items);
    writer_release(&record);
}

/* Records that check and yet make no sense, of every type, between good ones. */
Test(replay, records_that_make_no_sense_cost_nothing_but_themselves)
{
    static char longer[70000];
    struct rig r;
    struct random random;
    random_init(&random, rig_seed(41));
    rig_init(&r);
    memset(longer, 'x', sizeof longer);
    struct tsdb_label unsorted[] = {{{"b", 1}, {"1", 1}}, {{"a", 1}, {"1", 1}}};
    struct tsdb_label repeated[] = {{{"b", 1}, {"1", 1}}, {{"b", 1}, {"2", 1}}};
    struct tsdb_label empty[] = {{{"", 0}, {"1", 1}}};
    struct tsdb_label too_long[] = {{{"a", 1}, {longer, sizeof longer}}};
    for (int i = 0; i < 200; i++) {
        rig_put(&r, "a|x=1", RIG_NOW + i, i);
        uint8_t raw[24];
        for (size_t k = 0; k < sizeof raw; k++)
            raw[k] = (uint8_t)random_below(&random, random_below(&random, 2) ? 256 : 4);
        journal(&r, (uint8_t)(1 + i % 8), raw, 1 + random_below(&random, sizeof raw - 1));
        if (i == 100) {
            define(&r, 800, (struct tsdb_labels){unsorted, 2});
            define(&r, 808, (struct tsdb_labels){repeated, 2});
            define(&r, 816, (struct tsdb_labels){empty, 1});
            define(&r, 824, (struct tsdb_labels){too_long, 1});
            define(&r, 832, (struct tsdb_labels){empty, 0});
            define(&r, UINT32_MAX - 1, (struct tsdb_labels){unsorted + 1, 1});
        }
        rig_sync(&r);
    }
    rig_close(&r);
    rig_open(&r);
    struct series_set *set = rig_select(&r, "x", "1", INT64_MIN, INT64_MAX);
    struct samples s;
    samples_init(&s, NULL);
    cr_assert_eq(series_set_count(set), 1u);
    cr_assert_eq(series_set_samples(set, 0, &s, NULL), TSDB_OK);
    cr_assert_geq(s.count, 200u);
    samples_release(&s);
    series_set_close(set);
    rig_seal(&r);
    rig_release(&r);
}

/* The first of equal times stays, also when the journal is read by several threads. */
Test(replay, several_threads_answer_as_one)
{
    enum { SERIES = 64, ROUNDS = 50 };
    for (int threads = 0; threads < 2; threads++) {
        struct rig r;
        char name[40];
        rig_init(&r);
        for (int round = 0; round < ROUNDS; round++) {
            for (uint32_t i = 0; i < SERIES; i++) {
                enum tsdb_verdict verdict;
                (void)snprintf(name, sizeof name, "m|x=1|id=%u", i);
                int64_t ts = RIG_NOW + round / 2 * NS_PER_S - (round % 5 == 4) * NS_PER_HOUR;
                cr_assert_eq(rig_append(&r, name, ts, round, &verdict), TSDB_OK);
            }
            rig_sync(&r);
        }
        rig_close(&r);
        r.options.has_no_threads = threads == 0;
        rig_open(&r);
        struct series_set *set = rig_select(&r, "x", "1", INT64_MIN, INT64_MAX);
        struct samples s;
        samples_init(&s, NULL);
        for (uint32_t i = 0; i < SERIES; i++) {
            cr_assert_eq(series_set_samples(set, i, &s, NULL), TSDB_OK);
            for (uint32_t k = 0; k < s.count; k++) {
                double round = (double)((s.ts[k] - RIG_NOW) / NS_PER_S * 2);
                if (s.ts[k] >= RIG_NOW) /* the even round was first, unless that was late */
                    cr_assert(s.values[k] == round || s.values[k] == round + 1, "%g at round %g",
                              s.values[k], round);
            }
        }
        samples_release(&s);
        series_set_close(set);
        rig_release(&r);
    }
}
