#include "tsdb/base/arena.h"

#include "tsdb/base/random.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

Test(arena, memory_is_zeroed_aligned_and_apart)
{
    struct arena a;
    struct random random;
    arena_init(&a, SIZE_MAX, NULL);
    random_init(&random, 1);
    uint8_t *before = NULL;
    size_t before_len = 0;
    for (int i = 0; i < 2000; i++) {
        size_t align = (size_t)1 << random_below(&random, 5);
        size_t len = random_below(&random, random_below(&random, 50) ? 300 : 100000);
        uint8_t *at = arena_get(&a, len, 1, align);
        cr_assert_not_null(at);
        cr_assert_eq((uintptr_t)at % align, 0u);
        for (size_t k = 0; k < len; k++)
            cr_assert_eq(at[k], 0);
        for (size_t k = 0; k < before_len; k++)
            cr_assert_eq(before[k], 0xa5, "the block before was touched");
        memset(at, 0xa5, len);
        before = at;
        before_len = len;
        if (i % 500 == 499) {
            arena_reset(&a);
            before_len = 0;
        }
    }
    arena_release(&a);
}

Test(arena, the_limit_is_exact)
{
    struct arena a;
    arena_init(&a, 100, NULL);
    cr_assert_null(arena_get(&a, 101, 1, 1));
    cr_assert_not_null(arena_get(&a, 99, 1, 1));
    cr_assert_null(arena_get(&a, 2, 1, 1));
    cr_assert_not_null(arena_get(&a, 1, 1, 1));
    cr_assert_null(arena_get(&a, 1, 1, 1));
    arena_reset(&a);
    cr_assert_not_null(arena_get(&a, 100, 1, 1));
    arena_release(&a);
}

Test(arena, a_product_that_overflows_is_refused)
{
    struct arena a;
    arena_init(&a, SIZE_MAX, NULL);
    cr_assert_null(arena_get(&a, SIZE_MAX / 2, 3, 1));
    cr_assert_null(arena_get(&a, SIZE_MAX / 8 + 1, 8, 8));
    arena_release(&a);
}

Test(arena, what_is_charged_is_released)
{
    struct budget b;
    struct arena a;
    budget_init(&b, 1 << 20, NULL);
    arena_init(&a, SIZE_MAX, &b);
    int got = 0;
    while (arena_get(&a, 1000, 1, 8))
        got++;
    cr_assert_gt(got, 400);
    cr_assert_leq(budget_used(&b), (uint64_t)1 << 20);
    arena_reset(&a);
    cr_assert_lt(budget_used(&b), (uint64_t)1 << 20);
    cr_assert_not_null(arena_get(&a, 1000, 1, 8), "there is room again");
    arena_release(&a);
    cr_assert_eq(budget_used(&b), 0u);
    arena_release(&a);
}

Test(arena, nothing_is_something)
{
    struct arena a;
    arena_init(&a, 0, NULL);
    cr_assert_not_null(arena_get(&a, 0, 8, 8));
    cr_assert_null(arena_get(&a, 1, 1, 1));
    arena_release(&a);
}

Test(arena, a_list_grows_until_the_arena_is_full)
{
    struct arena a;
    struct arena_list list = {0};
    arena_init(&a, 4096, NULL);
    uint32_t *item;
    while ((item = arena_list_push(&a, &list, sizeof *item, alignof(uint32_t))))
        *item = list.count;
    cr_assert_eq(list.count, 512u, "the list has %u", list.count); /* 16 + 32 + ... + 2048 bytes */
    for (uint32_t i = 0; i < list.count; i++)
        cr_assert_eq(((uint32_t *)list.at)[i], i + 1);
    arena_release(&a);
}
