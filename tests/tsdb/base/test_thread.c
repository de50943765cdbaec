#include "tsdb/base/thread.h"

#include "tsdb/base/clock.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 2000 };

struct shared {
    struct mutex lock;
    struct rwlock rw;
    struct cond turned;
    int count, turn;
    _Atomic bool has_failed;
};

static void *add(void *arg)
{
    struct shared *s = arg;
    for (int i = 0; i < ROUNDS; i++) {
        mutex_lock(&s->lock);
        s->count++;
        mutex_unlock(&s->lock);
    }
    return NULL;
}

static void setup(struct shared *s)
{
    *s = (struct shared){0};
    mutex_init(&s->lock);
    rwlock_init(&s->rw);
    cond_init(&s->turned);
}

static void teardown(struct shared *s)
{
    mutex_release(&s->lock);
    rwlock_release(&s->rw);
    cond_release(&s->turned);
}

Test(thread, a_mutex_lets_one_in_at_a_time, .timeout = 60)
{
    struct shared s;
    struct thread threads[THREADS];
    setup(&s);
    for (int i = 0; i < THREADS; i++)
        thread_start(&threads[i], "adder", add, &s);
    for (int i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    cr_assert_eq(s.count, THREADS * ROUNDS);
    teardown(&s);
}

/* count and turn are equal for everyone who holds the lock. */
static void *read_pair(void *arg)
{
    struct shared *s = arg;
    for (int i = 0; i < ROUNDS; i++) {
        rwlock_read(&s->rw);
        if (s->count != s->turn)
            atomic_store(&s->has_failed, true);
        rwlock_unlock(&s->rw);
    }
    return NULL;
}

static void *write_pair(void *arg)
{
    struct shared *s = arg;
    for (int i = 0; i < ROUNDS; i++) {
        rwlock_write(&s->rw);
        s->count++;
        s->turn++;
        rwlock_unlock(&s->rw);
    }
    return NULL;
}

Test(thread, a_writer_is_alone_and_gets_its_turn, .timeout = 60)
{
    struct shared s;
    struct thread threads[THREADS];
    setup(&s);
    for (int i = 0; i < THREADS; i++)
        thread_start(&threads[i], "pair", i ? read_pair : write_pair, &s);
    for (int i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    cr_assert_not(atomic_load(&s.has_failed));
    cr_assert_eq(s.count, ROUNDS);
    teardown(&s);
}

static void *take_turns(void *arg)
{
    struct shared *s = arg;
    mutex_lock(&s->lock);
    while (s->count < 100) {
        s->count++;
        s->turn++;
        cond_broadcast(&s->turned);
        if (s->count < 100)
            (void)cond_wait_for(&s->turned, &s->lock, NS_PER_S);
    }
    mutex_unlock(&s->lock);
    return NULL;
}

Test(thread, a_signal_wakes_who_waits, .timeout = 60)
{
    struct shared s;
    struct thread a, b;
    setup(&s);
    int64_t began = clock_mono_ns(clock_real());
    thread_start(&a, "a", take_turns, &s);
    thread_start(&b, "b", take_turns, &s);
    thread_join(&a);
    thread_join(&b);
    cr_assert_lt(clock_mono_ns(clock_real()) - began, 30 * NS_PER_S);
    cr_assert_eq(s.count, s.turn);
    teardown(&s);
}

Test(thread, waiting_ends_after_its_time, .timeout = 60)
{
    struct shared s;
    setup(&s);
    mutex_lock(&s.lock);
    int64_t began = clock_mono_ns(clock_real());
    cr_assert_not(cond_wait_for(&s.turned, &s.lock, 20 * NS_PER_MS));
    cr_assert_geq(clock_mono_ns(clock_real()) - began, 20 * NS_PER_MS);
    cr_assert_not(cond_wait_for(&s.turned, &s.lock, -5), "the past");
    mutex_unlock(&s.lock);
    teardown(&s);
}

Test(thread, there_is_a_core)
{
    cr_assert_geq(thread_cores(), 1u);
    cr_assert_leq(thread_cores(), 65536u);
}

Test(thread, ending_signals_are_waited_for, .timeout = 60)
{
    thread_block_signals();
    cr_assert_eq(thread_wait_signal(NS_PER_MS), 0);
    cr_assert_eq(kill(getpid(), SIGTERM), 0);
    cr_assert_eq(thread_wait_signal(10 * NS_PER_S), SIGTERM);
    cr_assert_eq(raise(SIGPIPE), 0, "is ignored");
}
