#include "collector/api/tally.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(tally, greatest_come_first_then_by_name)
{
    struct arena arena;
    struct tally t;
    arena_init(&arena, 64 << 20, NULL);
    cr_assert(tally_init(&t, &arena));
    tally_add(&t, text_of("b"), 1);
    tally_add(&t, text_of("a"), 1);
    tally_add(&t, text_of("c"), 2);
    tally_add(&t, text_of("b"), 2);
    tally_add(&t, text_of(""), 1);
    cr_assert_eq(tally_top(&t, 3), 3);
    cr_assert(text_equal(t.entries[0].name, text_of("b")));
    cr_assert_eq(t.entries[0].count, 3);
    cr_assert(text_equal(t.entries[1].name, text_of("c")));
    cr_assert(text_equal(t.entries[2].name, text_of("")));
    arena_release(&arena);
}

Test(tally, names_beyond_the_limit_are_not_counted)
{
    struct arena arena;
    struct tally t;
    arena_init(&arena, 64 << 20, NULL);
    cr_assert(tally_init(&t, &arena));
    char name[16];
    for (int i = 0; i < TALLY_NAMES_MAX + 100; i++) {
        int n = snprintf(name, sizeof name, "n%d", i);
        tally_add(&t, (struct tsdb_text){name, (size_t)n}, 1);
    }
    tally_add(&t, text_of("n7"), 5);
    cr_assert_eq(t.count, TALLY_NAMES_MAX);
    cr_assert_eq(tally_top(&t, 1), 1);
    cr_assert_eq(t.entries[0].count, 6);
    arena_release(&arena);
}

Test(tally, small_arena_is_no_place)
{
    struct arena arena;
    struct tally t;
    arena_init(&arena, 1 << 16, NULL);
    cr_assert_not(tally_init(&t, &arena));
    arena_release(&arena);
}
