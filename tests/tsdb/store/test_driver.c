#include "tsdb/store/driver.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <unistd.h>

struct work {
    _Atomic int left, steps;
};

static bool step(void *arg)
{
    struct work *w = arg;
    (void)atomic_fetch_add(&w->steps, 1);
    return atomic_fetch_sub(&w->left, 1) > 1;
}

static bool reaches(struct work *w, int steps, int ms)
{
    for (; ms > 0 && atomic_load(&w->steps) < steps; ms--)
        (void)usleep(1000);
    return atomic_load(&w->steps) >= steps;
}

Test(driver, steps_while_there_is_more_and_again_when_kicked, .timeout = 60)
{
    struct work w = {.left = 20};
    struct driver d;
    driver_start(&d, clock_real(), step, &w);
    cr_assert(reaches(&w, 20, 10000), "%d steps", atomic_load(&w.steps));
    int before = atomic_load(&w.steps);
    driver_kick(&d);
    cr_assert(reaches(&w, before + 1, 10000));
    cr_assert(reaches(&w, before + 2, 10000), "and every period");
    driver_stop(&d);
    int after = atomic_load(&w.steps);
    (void)usleep(20000);
    cr_assert_eq(atomic_load(&w.steps), after, "not after the stop");
}

Test(driver, a_zeroed_one_is_left_alone)
{
    struct driver d = {0};
    driver_kick(&d);
    driver_stop(&d);
}

Test(driver, stops_at_once_while_it_waits, .timeout = 10)
{
    for (int i = 0; i < 20; i++) {
        struct work w = {.left = 0};
        struct driver d;
        driver_start(&d, clock_real(), step, &w);
        driver_stop(&d);
    }
}
