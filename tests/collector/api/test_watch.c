#include "collector/api/watch.h"

#include "tests/collector/api/fake_exchange.h"
#include "tests/collector/api/fake_tsdb.h"

static struct tsdb db;
static struct tsdb_query query = {.db = &db};
static struct exchange x;

static void wait_canceled(int want)
{
    for (int i = 0; i < 5000 && db.canceled < want; i++)
        usleep(1000);
    cr_assert_eq(db.canceled, want);
}

Test(watch, query_of_a_gone_peer_is_cancelled_once)
{
    exchange_init(&x, "/", "");
    struct watch *w = watch_new(clock_real());
    unsigned place =
        watch_enter(w, (struct watch_target){watch_cancel_query, &query}, &x, INT64_MAX);
    usleep(3 * WATCH_MS * 1000);
    cr_assert_eq(db.canceled, 0);
    x.is_gone = true;
    wait_canceled(1);
    usleep(3 * WATCH_MS * 1000);
    cr_assert_eq(db.canceled, 1);
    cr_assert_eq(watch_leave(w, place), WATCH_GONE);
    watch_free(w);
    exchange_release(&x);
}

Test(watch, query_past_its_deadline_is_cancelled)
{
    struct clock_sim sim;
    clock_sim_init(&sim, 0);
    exchange_init(&x, "/", "");
    struct watch *w = watch_new(&sim.clock);
    unsigned place = watch_enter(w, (struct watch_target){watch_cancel_query, &query}, &x,
                                 clock_mono_ns(&sim.clock) + NS_PER_S);
    usleep(3 * WATCH_MS * 1000);
    cr_assert_eq(db.canceled, 0);
    clock_sim_advance(&sim, NS_PER_S);
    wait_canceled(1);
    cr_assert_eq(watch_leave(w, place), WATCH_LATE);
    watch_free(w);
    exchange_release(&x);
}

Test(watch, query_that_left_is_not_touched)
{
    exchange_init(&x, "/", "");
    struct watch *w = watch_new(clock_real());
    unsigned place =
        watch_enter(w, (struct watch_target){watch_cancel_query, &query}, &x, INT64_MAX);
    cr_assert_eq(watch_leave(w, place), WATCH_RUNNING);
    x.is_gone = true;
    usleep(3 * WATCH_MS * 1000);
    cr_assert_eq(db.canceled, 0);
    watch_free(w);
    exchange_release(&x);
}

Test(watch, all_can_be_cancelled)
{
    exchange_init(&x, "/", "");
    struct tsdb_query other = {.db = &db};
    struct watch *w = watch_new(clock_real());
    unsigned a = watch_enter(w, (struct watch_target){watch_cancel_query, &query}, &x, INT64_MAX),
             b = watch_enter(w, (struct watch_target){watch_cancel_query, &other}, &x, INT64_MAX);
    cr_assert_neq(a, b);
    watch_cancel_all(w);
    cr_assert_eq(db.canceled, 2);
    cr_assert_eq(watch_leave(w, a), WATCH_LATE);
    cr_assert_eq(watch_leave(w, b), WATCH_LATE);
    watch_free(w);
    watch_free(NULL);
    exchange_release(&x);
}
