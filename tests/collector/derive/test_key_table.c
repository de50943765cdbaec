#include "collector/derive/key_table.h"

#include "tsdb/base/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { KEYS = 300, STEPS = 200000 };

/* Goal: a table is a set of pairs, whatever was put and removed before.  Method: few low bits, so
 * that keys crowd and removal has to shift; a plain array is the model. */
Test(key_table, holds_what_a_plain_array_holds)
{
    static int objects[KEYS];
    bool is_in[KEYS] = {false};
    struct key_table t;
    struct budget budget;
    struct random r;
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 4711;
    uint32_t count = 0, most = 0;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    random_init(&r, seed);
    budget_init(&budget, 1 << 20, NULL);
    key_table_init(&t, &budget);
    for (int step = 0; step < STEPS; step++) {
        uint32_t i = (uint32_t)random_below(&r, KEYS);
        struct tsdb_hash key = {i % 40 * 7, i};
        cr_assert_eq(key_table_find(&t, key), is_in[i] ? &objects[i] : NULL, "step %d", step);
        if (is_in[i])
            key_table_remove(&t, key);
        else
            cr_assert(key_table_put(&t, key, &objects[i]));
        is_in[i] = !is_in[i];
        count += is_in[i] ? 1 : UINT32_MAX;
        most = count > most ? count : most;
        cr_assert_eq(t.count, count);
    }
    cr_assert_gt(most, KEYS / 3);
    key_table_release(&t);
    cr_assert_eq(budget_used(&budget), 0);
}

Test(key_table, stays_as_it_is_when_it_cannot_be_paid)
{
    int object;
    struct key_table t;
    struct budget budget;
    uint64_t n = 0;
    budget_init(&budget, 10000, NULL);
    key_table_init(&t, &budget);
    while (key_table_put(&t, (struct tsdb_hash){n * 77, n}, &object))
        n++;
    cr_assert_gt(n, 50);
    cr_assert_eq(t.count, n);
    for (uint64_t i = 0; i < n; i++)
        cr_assert_eq(key_table_find(&t, (struct tsdb_hash){i * 77, i}), &object);
    cr_assert_null(key_table_find(&t, (struct tsdb_hash){n * 77, n}));
    key_table_release(&t);
    cr_assert_eq(budget_used(&budget), 0);
}
