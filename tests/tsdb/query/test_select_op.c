#include "fake_store.h"

#include <criterion/criterion.h>

#include "tree.h"

#include "tsdb/query/select_op.h"

struct grid_case {
    const char *text;
    int64_t start, step; /* seconds */
    uint32_t count;
    int64_t first;
    uint32_t points;
};

Test(select_op, subqueries_look_at_multiples_of_their_step)
{
    static const struct grid_case cases[] = {
        {"x[5m:1m]", 600, 60, 1, 360, 5},
        {"x[5m:1m]", 601, 60, 1, 360, 5},
        {"x[5m:1m]", 599, 60, 1, 300, 5},
        {"x[5m:1m]", 600, 60, 3, 360, 7},
        {"x[5m:]", 600, 60, 1, 360, 5},
        {"x[1m:7s]", 100, 1, 1, 42, 9},
        {"x[5m:1m] offset 1m", 600, 60, 1, 300, 5},
        {"x[5m:1m] @ 120", 600, 60, 4, -120, 5},
        {"x[10s:1m]", 55, 1, 1, 60, 0},
        {"x[1m:1m]", -90, 1, 1, -120, 1},
        {"x[1m:1m]", 0, 1, 0, 0, 0},
    };
    struct eval ev = {.samples_max = 1000, .grid = {.start = 0, .count = 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct grid_case *c = &cases[i];
        struct grid outer = {c->start * NS_PER_S, c->step * NS_PER_S, c->count}, inner;
        struct tsdb_error err;
        cr_assert_eq(subquery_grid(&ev, tree_of(c->text), &outer, &inner, &err), TSDB_OK);
        cr_assert_eq(inner.count, c->points, "%s at %lld: %u points", c->text, (long long)c->start,
                     inner.count);
        if (inner.count > 0)
            cr_assert_eq(inner.start, c->first * NS_PER_S, "%s at %lld: from %lld", c->text,
                         (long long)c->start, (long long)(inner.start / NS_PER_S));
    }
    struct grid outer = {0, 1, 1}, inner;
    cr_assert_eq(subquery_grid(&ev, tree_of("x[1d:1ms]"), &outer, &inner, NULL), TSDB_ELIMIT);
}

Test(select_op, windows_are_open_on_their_left)
{
    int64_t ts[] = {0, 10, 20, 30};
    for (size_t i = 0; i < 4; i++)
        ts[i] *= NS_PER_S;
    struct samples s = {.ts = ts, .count = 4};
    struct eval ev = {.samples_max = 1};
    struct window w[4];
    struct grid grid = {10 * NS_PER_S, 10 * NS_PER_S, 4};
    windows_of(&ev, &s, tree_of("x[20s]"), &grid, w);
    const struct window want[] = {{0, 2}, {1, 3}, {2, 4}, {3, 4}};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(w[i].from, want[i].from, "step %zu: from %u", i, w[i].from);
        cr_assert_eq(w[i].to, want[i].to, "step %zu: to %u", i, w[i].to);
    }
}

Test(select_op, stale_markers_go)
{
    uint64_t bits = STALE_BITS;
    double stale, values[5] = {1, 2, 3, 4, 5};
    memcpy(&stale, &bits, sizeof stale);
    int64_t ts[5] = {1, 2, 3, 4, 5};
    struct tsdb_histogram gone = {.sum = stale}, kept = {.sum = 1};
    const struct tsdb_histogram *histograms[5] = {NULL, NULL, &gone, &kept, NULL};
    values[1] = stale;
    struct samples s = {.ts = ts, .values = values, .histograms = histograms, .count = 5};
    samples_drop_stale(&s);
    cr_assert_eq(s.count, 3);
    cr_assert_eq(ts[1], 4);
    cr_assert_eq(histograms[1], &kept);
    cr_assert_eq(values[2], 5);
}
