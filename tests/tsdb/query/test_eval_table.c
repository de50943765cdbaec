#include "fake_store.h"

#include <criterion/criterion.h>

#include "tsdb/base/random.h"
#include "tsdb/query/eval_table.h"

static struct eval *eval_of(struct budget *budget)
{
    static struct eval ev;
    arena_init(&ev.arena, SIZE_MAX, budget);
    return &ev;
}

Test(eval_table, keys_are_numbered_as_they_come)
{
    struct eval *ev = eval_of(NULL);
    struct key_map map = {0};
    struct random r, again;
    random_init(&r, 4);
    again = r;
    for (uint32_t i = 0; i < 10000; i++) {
        struct tsdb_hash key = {random_next(&r), random_next(&r)};
        cr_assert_eq(key_map_find(&map, key), KEY_FULL);
        cr_assert_eq(key_map_put(ev, &map, key), i);
    }
    for (uint32_t i = 0; i < 10000; i++) {
        struct tsdb_hash key = {random_next(&again), random_next(&again)};
        cr_assert_eq(key_map_find(&map, key), i);
        cr_assert_eq(key_map_put(ev, &map, key), i);
    }
    arena_release(&ev->arena);
}

Test(eval_table, a_full_budget_is_told)
{
    struct budget budget;
    budget_init(&budget, 40000, NULL);
    struct eval *ev = eval_of(&budget);
    struct key_map map = {0};
    uint32_t i = 0;
    while (i < 100000 && key_map_put(ev, &map, (struct tsdb_hash){i * 77777, i}) == i)
        i++;
    cr_assert_lt(i, 2000);
    arena_release(&ev->arena);
    cr_assert_eq(budget_used(&budget), 0);
}

static struct row row_of(struct eval *ev, const char *name, const char *points)
{
    struct row row;
    cr_assert(row_init(ev, &row, (uint32_t)strlen(points), false));
    row.labels = fake_labels(&ev->arena, (struct tsdb_text){name, strlen(name)});
    for (uint32_t i = 0; points[i]; i++) {
        row.kinds[i] = points[i] == '_' ? POINT_NONE : POINT_FLOAT;
        row.values[i] = points[i] - '0';
    }
    return row;
}

Test(eval_table, rows_of_equal_labels_become_one)
{
    struct eval *ev = eval_of(NULL);
    struct row_table table = {0};
    struct tsdb_error err;
    struct grid grid = {.count = 3};
    struct row a = row_of(ev, "x", "1__"), b = row_of(ev, "x", "_2_"), c = row_of(ev, "y", "5_5");
    struct row d = row_of(ev, "x", "_9_");
    cr_assert_eq(row_table_merge(ev, &table, &a, &grid, false, &err), TSDB_OK);
    cr_assert_eq(row_table_merge(ev, &table, &c, &grid, false, &err), TSDB_OK);
    cr_assert_eq(row_table_merge(ev, &table, &b, &grid, false, &err), TSDB_OK);
    cr_assert_eq(table.count, 2);
    cr_assert_eq(table.rows[0].values[1], 2);
    cr_assert_eq(table.rows[0].kinds[2], POINT_NONE);
    cr_assert_eq(row_table_merge(ev, &table, &d, &grid, false, &err), TSDB_EEXEC);
    struct row e = row_of(ev, "x", "__3");
    cr_assert_eq(row_table_merge(ev, &table, &e, &grid, true, &err), TSDB_EEXEC, "strict");
    cr_assert_str_eq(err.msg, "vector cannot contain metrics with the same labelset");
    arena_release(&ev->arena);
}
