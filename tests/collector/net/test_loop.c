#include "collector/net/loop.h"

#include "tsdb/base/random.h"
#include "tsdb/base/thread.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

TestSuite(loop, .timeout = 60);

enum { MESSAGES = 5000, TIMERS = 500 };

static void nap(int ms)
{
    struct timespec pause = {.tv_nsec = ms * 1000000L};
    (void)nanosleep(&pause, NULL);
}

static struct loop *loop;
static _Atomic int ran, wrong;
static _Atomic bool may_send;
static int next_of[4];

struct note {
    int sender, number;
};

static void on_note(void *arg)
{
    struct note *n = arg;
    wrong += loop_current() != loop || next_of[n->sender]++ != n->number;
    ran++;
    free(n);
}

static void *send_notes(void *arg)
{
    int sender = *(int *)arg;
    while (!may_send) /* a thread that ends while it is being named would abort */
        nap(1);
    for (int i = 0; i < MESSAGES; i++) {
        struct note *n = malloc(sizeof *n);
        *n = (struct note){sender, i};
        loop_post(loop, on_note, n);
    }
    return NULL;
}

Test(loop, messages_of_a_sender_run_in_order_on_the_loop)
{
    struct thread threads[4];
    int ids[4] = {0, 1, 2, 3};
    loop = loop_new(0, clock_real());
    loop_start(loop);
    for (int i = 0; i < 4; i++)
        thread_start(&threads[i], "sender", send_notes, &ids[i]);
    may_send = true;
    for (int i = 0; i < 4; i++)
        thread_join(&threads[i]);
    loop_stop(loop); /* runs what was posted */
    cr_assert_eq(ran, 4 * MESSAGES);
    cr_assert_eq(wrong, 0);
    cr_assert_null(loop_current());
    loop_free(loop);
}

static struct clock_sim sim;
static struct loop_timer timers[TIMERS];
static int64_t fired_at[TIMERS], last_due;

static void on_timer(void *arg)
{
    struct loop_timer *t = arg;
    int64_t now = loop_now(loop);
    size_t i = (size_t)(t - timers);
    wrong += now < t->due_ns || t->due_ns < last_due;
    last_due = t->due_ns;
    fired_at[i] = now;
    ran++;
}

static void set_timers(void *arg)
{
    struct random *r = arg;
    for (size_t i = 0; i < TIMERS; i++) {
        timers[i] = (struct loop_timer){.fn = on_timer, .arg = &timers[i]};
        loop_timer_set(loop, &timers[i], (int64_t)random_below(r, 1000) * NS_PER_MS);
    }
    for (size_t i = 0; i < TIMERS; i += 3) /* moved, sooner or later */
        loop_timer_set(loop, &timers[i], (int64_t)random_below(r, 1000) * NS_PER_MS);
    for (size_t i = 0; i < TIMERS; i += 5)
        loop_timer_clear(loop, &timers[i]);
}

Test(loop, timers_fire_in_order_when_the_clock_says)
{
    struct random r;
    random_init(&r, 20240131);
    clock_sim_init(&sim, 0);
    loop = loop_new(0, &sim.clock);
    set_timers(&r);
    loop_start(loop);
    nap(30);
    int at_start = ran;
    cr_assert_lt(at_start, 10, "time stands still");
    for (int i = 0; i < 20; i++) {
        clock_sim_advance(&sim, 50 * NS_PER_MS);
        nap(2 * LOOP_SIM_TICK_MS + 5);
    }
    loop_stop(loop);
    cr_assert_eq(ran, TIMERS - TIMERS / 5);
    cr_assert_eq(wrong, 0);
    for (size_t i = 0; i < TIMERS; i += 5)
        cr_assert_eq(fired_at[i], 0, "a cleared timer fired");
    loop_free(loop);
}

static void set_one(void *arg)
{
    (void)arg;
    timers[0] = (struct loop_timer){.fn = on_timer, .arg = &timers[0]};
    loop_timer_set(loop, &timers[0], 20 * NS_PER_MS);
}

Test(loop, real_time_is_kept)
{
    loop = loop_new(3, clock_real());
    loop_start(loop);
    int64_t start = clock_mono_ns(clock_real());
    loop_post(loop, set_one, NULL);
    for (int i = 0; i < 2000 && ran == 0; i++)
        nap(1);
    loop_stop(loop);
    cr_assert_eq(ran, 1);
    cr_assert_geq(fired_at[0] - start, 20 * NS_PER_MS);
    cr_assert_eq(loop_index(loop), 3);
    loop_free(loop);
    loop_free(NULL);
}
