#include "tsdb/metrics/alias.h"

#include "tsdb/base/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* Goal: the table answers what a plain array of keys would.
 * Method: keys that crowd into few homes, so that runs are long; puts, drops and
 * removals in random order. */
enum { KEYS = 3000 };

static struct tsdb_hash key_of(uint32_t i)
{
    return (struct tsdb_hash){i / 7 * 64 + (uint64_t)(i % 3) * 0x100000000, (uint64_t)i << 44 | i};
}

struct model {
    struct alias_table table;
    uint32_t refs[KEYS]; /* ALIAS_NONE: not there */
};

static void check(const struct model *m)
{
    for (uint32_t i = 0; i < KEYS; i++)
        cr_assert_eq(alias_find(&m->table, key_of(i)), m->refs[i], "key %u", i);
}

static bool is_odd(void *arg, uint32_t ref)
{
    (void)arg;
    return ref % 2 == 1;
}

Test(alias, answers_what_an_array_would)
{
    struct random random;
    random_init(&random, 5);
    struct model *m = malloc(sizeof *m);
    alias_init(&m->table);
    for (uint32_t i = 0; i < KEYS; i++)
        m->refs[i] = ALIAS_NONE;
    uint32_t drops = 0;
    for (int round = 0; round < 20; round++) {
        for (int n = 0; n < 1000; n++) {
            uint32_t i = (uint32_t)random_below(&random, KEYS);
            if (m->refs[i] == ALIAS_NONE) {
                m->refs[i] = (uint32_t)random_below(&random, UINT32_MAX);
                alias_put(&m->table, key_of(i), m->refs[i]);
            } else {
                alias_drop(&m->table, key_of(i));
                m->refs[i] = ALIAS_NONE;
                drops++;
            }
        }
        check(m);
        if (round % 5 == 4) {
            alias_remove(&m->table, is_odd, NULL);
            for (uint32_t i = 0; i < KEYS; i++)
                if (m->refs[i] != ALIAS_NONE && m->refs[i] % 2 == 1)
                    m->refs[i] = ALIAS_NONE;
            check(m);
        }
    }
    cr_assert_gt(drops, 3000u);
    cr_assert_lt(alias_bytes(&m->table), 64u * 1024 * 16, "it does not grow without need");
    alias_release(&m->table);
    free(m);
}

Test(alias, an_empty_table_finds_nothing)
{
    struct alias_table t;
    alias_init(&t);
    cr_assert_eq(alias_find(&t, (struct tsdb_hash){0, 0}), ALIAS_NONE);
    cr_assert_eq(alias_find(&t, (struct tsdb_hash){UINT64_MAX, UINT64_MAX}), ALIAS_NONE);
    alias_put(&t, (struct tsdb_hash){0, 0}, 0);
    cr_assert_eq(alias_find(&t, (struct tsdb_hash){0, 0}), 0u, "ref 0, key 0");
    alias_release(&t);
}
