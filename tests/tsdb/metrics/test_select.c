#include "tests/tsdb/metrics/rig.h"

#include "tsdb/base/text.h"

static void many_series(struct rig *r, uint32_t n)
{
    char name[40];
    for (uint32_t i = 0; i < n; i++) {
        (void)snprintf(name, sizeof name, "m|x=1|id=%u", i);
        rig_put(r, name, RIG_NOW, i);
        if (i % 500 == 499)
            rig_sync(r);
    }
}

static enum tsdb_status select_x(struct rig *r, uint64_t series_max, struct budget *budget,
                                 struct series_set **set, struct tsdb_error *err)
{
    struct matcher m;
    cr_assert_eq(matcher_init(&m, MATCH_EQ, text_of("x"), text_of("1"), NULL), TSDB_OK);
    struct metrics_selection sel = {.matchers = &m,
                                    .matcher_count = 1,
                                    .start = INT64_MIN,
                                    .end = INT64_MAX,
                                    .series_max = series_max,
                                    .budget = budget};
    enum tsdb_status st = metrics_select(r->m, &sel, set, err);
    matcher_release(&m);
    return st;
}

Test(select, the_limits_of_series_and_memory_hold_and_all_is_released)
{
    struct rig r;
    struct series_set *set;
    struct tsdb_error err;
    struct budget budget;
    rig_init(&r);
    many_series(&r, 1000);
    for (int pass = 0; pass < 2; pass++) {
        budget_init(&budget, 1 << 20, NULL);
        cr_assert_eq(select_x(&r, 1000, &budget, &set, &err), TSDB_OK);
        cr_assert_gt(budget_used(&budget), 1000u * 20);
        series_set_close(set);
        cr_assert_eq(budget_used(&budget), 0u);
        cr_assert_eq(select_x(&r, 999, &budget, &set, &err), TSDB_ELIMIT);
        cr_assert(strstr(err.msg, "limit series_max is 999"), "%s", err.msg);
        budget_init(&budget, 10000, NULL);
        cr_assert_eq(select_x(&r, 0, &budget, &set, &err), TSDB_ELIMIT);
        cr_assert(strstr(err.msg, "memory"), "%s", err.msg);
        cr_assert_eq(budget_used(&budget), 0u);
        rig_seal(&r);
    }
    rig_release(&r);
}

/* The places of a selection over many blocks are charged before they are there. */
Test(select, many_blocks_cannot_make_a_selection_larger_than_its_budget)
{
    struct rig r;
    struct series_set *set;
    struct budget budget;
    rig_init(&r);
    for (int i = 0; i < 12; i++) {
        char name[40];
        for (uint32_t k = 0; k < 100; k++) {
            (void)snprintf(name, sizeof name, "m|x=1|id=%u", k);
            rig_put(&r, name, RIG_NOW - i * NS_PER_DAY * 40, k);
        }
        rig_seal(&r);
    }
    budget_init(&budget, 1 << 20, NULL);
    cr_assert_eq(select_x(&r, 100, &budget, &set, NULL), TSDB_OK);
    cr_assert_eq(series_set_count(set), 100u);
    series_set_close(set);
    budget_init(&budget, 12 * 100 * 16, NULL);
    cr_assert_eq(select_x(&r, 100, &budget, &set, NULL), TSDB_ELIMIT);
    cr_assert_eq(budget_used(&budget), 0u);
    rig_release(&r);
}

Test(select, labels_that_do_not_fit_are_a_limit_and_not_an_answer)
{
    struct rig r;
    struct series_set *set;
    struct samples s;
    struct budget budget;
    rig_init(&r);
    many_series(&r, 1000);
    budget_init(&budget, 100000, NULL);
    cr_assert_eq(select_x(&r, 0, &budget, &set, NULL), TSDB_OK);
    samples_init(&s, &budget);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < 1000 && st == TSDB_OK; i++) {
        (void)series_set_labels(set, i);
        st = series_set_samples(set, i, &s, NULL);
    }
    cr_assert_eq(st, TSDB_ELIMIT);
    cr_assert(series_set_is_short(set));
    cr_assert_not(series_set_is_partial(set));
    samples_release(&s);
    series_set_close(set);
    cr_assert_eq(budget_used(&budget), 0u);
    rig_release(&r);
}

Test(select, the_samples_of_one_long_series_are_charged)
{
    struct rig r;
    struct series_set *set;
    struct samples s;
    struct budget budget;
    struct tsdb_error err;
    rig_init(&r);
    for (int i = 0; i < 20000; i++) {
        rig_put(&r, "m|x=1", RIG_NOW - NS_PER_HOUR + i, i);
        if (i % 5000 == 4999) {
            rig_sync(&r);
            rig_seal(&r);
        }
    }
    budget_init(&budget, 100000, NULL);
    cr_assert_eq(select_x(&r, 0, NULL, &set, NULL), TSDB_OK);
    samples_init(&s, &budget);
    cr_assert_eq(series_set_samples(set, 0, &s, &err), TSDB_ELIMIT);
    cr_assert_lt(s.count, 20000u, "it stops on the way");
    samples_release(&s);
    cr_assert_eq(budget_used(&budget), 0u);
    budget_init(&budget, 1 << 20, NULL);
    samples_init(&s, &budget);
    cr_assert_eq(series_set_samples(set, 0, &s, &err), TSDB_OK);
    cr_assert_eq(s.count, 20000u);
    samples_release(&s);
    series_set_close(set);
    rig_release(&r);
}

Test(select, both_ends_of_the_window_belong_to_it)
{
    struct rig r;
    rig_init(&r);
    for (int64_t i = 0; i < 10; i++)
        rig_put(&r, "m|x=1", RIG_NOW + i, (double)i);
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t from = -1; from < 11; from++) {
            for (int64_t to = from; to < 11; to++) {
                struct series_set *set = rig_select(&r, "x", "1", RIG_NOW + from, RIG_NOW + to);
                struct samples s;
                samples_init(&s, NULL);
                int64_t low = from < 0 ? 0 : from, high = to > 9 ? 9 : to;
                uint32_t want = high >= low ? (uint32_t)(high - low + 1) : 0;
                if (series_set_count(set) > 0)
                    cr_assert_eq(series_set_samples(set, 0, &s, NULL), TSDB_OK);
                cr_assert_eq(s.count, want, "pass %d [%d, %d]: %u", pass, (int)from, (int)to,
                             s.count);
                samples_release(&s);
                series_set_close(set);
            }
        }
        rig_seal(&r);
    }
    rig_release(&r);
}

/* A sealed sample is seen once: in the block, or still in the head. */
Test(select, a_set_opened_before_a_seal_sees_the_same_after_it)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, "m|x=1", RIG_NOW, 1);
    struct series_set *before = rig_select(&r, "x", "1", INT64_MIN, INT64_MAX);
    struct samples s;
    samples_init(&s, NULL);
    cr_assert_eq(series_set_samples(before, 0, &s, NULL), TSDB_OK);
    cr_assert_eq(s.count, 1u);
    series_set_close(before);
    rig_seal(&r);
    rig_put(&r, "m|x=1", RIG_NOW + 1, 2);
    struct series_set *after = rig_select(&r, "x", "1", INT64_MIN, INT64_MAX);
    cr_assert_eq(series_set_samples(after, 0, &s, NULL), TSDB_OK);
    cr_assert_eq(s.count, 2u);
    samples_release(&s);
    series_set_close(after);
    rig_release(&r);
}
