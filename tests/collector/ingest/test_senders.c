#include "collector/ingest/senders.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

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
    return senders_seen(&senders, "", text_of(id), sequence, ++now);
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

static const char *seen_by(const char *tenant, struct writer *w)
{
    writer_reset(w);
    senders_write_json(&senders, tenant, w);
    writer_u8(w, 0);
    return (const char *)w->at;
}

Test(senders, two_tenants_may_have_the_same_id)
{
    struct writer w = {0};
    cr_assert_eq(senders_seen(&senders, "acme", text_of("probe"), 1, 1), 0);
    cr_assert_eq(senders_seen(&senders, "other", text_of("probe"), 7, 2), 0);
    cr_assert_eq(senders_seen(&senders, "acme", text_of("probe"), 4, 3), 2);
    cr_assert_eq(senders_seen(&senders, "other", text_of("probe"), 8, 4), 0);
    senders_rejected(&senders, "other", text_of("probe"), 3, false);
    const char *own = seen_by("acme", &w);
    cr_assert_str_eq(own, "{\"senders\":[{\"tenant\":\"acme\",\"id\":\"probe\",\"received\":2,"
                          "\"lost\":2,\"late\":0,\"rejectedItems\":0,\"rejectedMessages\":0,"
                          "\"lastSequence\":4}]}");
    const char *all = seen_by("", &w);
    cr_assert_not_null(strstr(all, "\"tenant\":\"acme\""), "%s", all);
    cr_assert_not_null(strstr(all, "\"tenant\":\"other\",\"id\":\"probe\",\"received\":2,"), "%s",
                       all);
    cr_assert_not_null(strstr(all, "\"rejectedItems\":3"), "%s", all);
    cr_assert_str_eq(seen_by("third", &w), "{\"senders\":[]}");
    writer_release(&w);
}
