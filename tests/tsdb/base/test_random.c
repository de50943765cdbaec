#include "tsdb/base/random.h"

#include <criterion/criterion.h>
#include <string.h>

Test(random, a_seed_repeats_and_another_differs)
{
    struct random a, b, c;
    random_init(&a, 5);
    random_init(&b, 5);
    random_init(&c, 6);
    int same = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t v = random_next(&a);
        cr_assert_eq(v, random_next(&b));
        same += v == random_next(&c);
    }
    cr_assert_eq(same, 0);
}

Test(random, below_reaches_every_value_and_no_other)
{
    struct random r;
    uint32_t seen[7] = {0};
    random_init(&r, 0);
    for (int i = 0; i < 7000; i++)
        seen[random_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        cr_assert(seen[i] > 800 && seen[i] < 1200, "%d: %u times", i, seen[i]);
    cr_assert_eq(random_below(&r, 1), 0u);
    for (int i = 0; i < 100; i++) {
        double u = random_unit(&r);
        cr_assert(u >= 0 && u < 1);
    }
}

Test(random, secrets_fill_every_byte)
{
    unsigned char a[64] = {0}, b[64] = {0}, zero[64] = {0};
    random_secret(a, sizeof a);
    random_secret(b, sizeof b);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    cr_assert_neq(memcmp(a, zero, 8), 0);
    cr_assert_neq(memcmp(a + 56, zero, 8), 0);
    random_secret(a, 0);
}
