#include "collector/api/pool.h"

#include "tsdb/base/thread.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int started, ended;
static atomic_bool gate;

static void job(void *arg)
{
    (void)arg;
    started++;
    while (!gate)
        usleep(1000);
    ended++;
}

static void wait_for(atomic_int *n, int want)
{
    for (int i = 0; i < 5000 && *n < want; i++)
        usleep(1000);
    cr_assert_eq(*n, want);
}

Test(pool, full_queue_refuses)
{
    struct pool *p = pool_new("test", 2, 3);
    for (int i = 0; i < 2; i++)
        cr_assert(pool_submit(p, job, NULL));
    wait_for(&started, 2);
    for (int i = 0; i < 3; i++)
        cr_assert(pool_submit(p, job, NULL), "%d", i);
    cr_assert_eq(pool_waiting(p), 3);
    cr_assert_not(pool_submit(p, job, NULL));
    gate = true;
    wait_for(&ended, 5);
    cr_assert(pool_submit(p, job, NULL));
    pool_free(p);
    cr_assert_eq(ended, 6);
}

Test(pool, idle_workers_take_more_than_the_queue_holds)
{
    struct pool *p = pool_new("test", 4, 1);
    int taken = 0;
    usleep(50000); /* all four wait for work */
    for (int i = 0; i < 6; i++)
        taken += pool_submit(p, job, NULL);
    cr_assert_eq(taken, 5);
    gate = true;
    pool_free(p);
    cr_assert_eq(ended, 5);
}

static void note_stopping(void *arg)
{
    while (!pool_is_stopping(arg))
        usleep(1000);
    ended++;
}

Test(pool, stopping_runs_what_waits_and_takes_nothing)
{
    struct pool *p = pool_new("test", 1, 8);
    for (int i = 0; i < 5; i++)
        cr_assert(pool_submit(p, note_stopping, p));
    pool_stop(p);
    cr_assert_not(pool_submit(p, note_stopping, p));
    pool_free(p);
    cr_assert_eq(ended, 5);
    pool_free(NULL);
}
