#include "collector/ingest/senders.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct senders senders;

static void set_up(void)
{
    senders_init(&senders);
}

static void tear_down(void)
{
    senders_release(&senders);
}

TestSuite(senders, .init = set_up, .fini = tear_down);

static int64_t seen(const char *id, uint64_t sequence)
{
    static int64_t now;
    return senders_seen(&senders, text_of(id), sequence, ++now);
}

Test(senders, gaps_late_ones_and_fresh_starts)
{
    cr_assert_eq(seen("a", 5), 0, "the first number is where we came in");
    cr_assert_eq(seen("a", 6), 0);
    cr_assert_eq(seen("a", 9), 2);
    cr_assert_eq(seen("a", 7), -1, "it was late, not lost");
    cr_assert_eq(seen("a", 10), 0);
    cr_assert_eq(seen("a", 1), 0, "a fresh start");
    cr_assert_eq(seen("a", 2), 0);
    cr_assert_eq(seen("a", 0), 0, "not numbered");
    cr_assert_eq(seen("a", 3), 0);
    cr_assert_eq(seen("b", 1), 0);
    cr_assert_eq(senders_count(&senders), 2);
}

Test(senders, a_wild_number_is_no_loss)
{
    cr_assert_eq(seen("a", 1), 0);
    cr_assert_eq(seen("a", UINT64_MAX), 0);
    cr_assert_eq(seen("a", UINT64_MAX - 1), 0);
    cr_assert_eq(seen("a", 2), 0);
    cr_assert_eq(seen("a", 1 + SENDER_JUMP_MAX), SENDER_JUMP_MAX - 2);
}

Test(senders, the_longest_idle_makes_room)
{
    char id[16];
    for (int i = 0; i < SENDERS_MAX; i++) {
        (void)snprintf(id, sizeof id, "s%d", i);
        (void)seen(id, 1);
    }
    (void)seen("s0", 2);
    (void)seen("new", 1); /* takes s1's place */
    cr_assert_eq(senders_count(&senders), SENDERS_MAX);
    cr_assert_eq(seen("s0", 4), 1, "still followed");
    cr_assert_eq(seen("s1", 9), 0, "forgotten: begins anew");
}
