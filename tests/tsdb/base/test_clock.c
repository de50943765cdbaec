#include "tsdb/base/clock.h"

#include <criterion/criterion.h>

Test(clock, the_real_one_goes_forward)
{
    struct clock *c = clock_real();
    int64_t before = clock_mono_ns(c);
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_ns(c);
        cr_assert_geq(now, before);
        before = now;
    }
    cr_assert_gt(clock_wall_ns(c), 1700000000 * NS_PER_S);
}

Test(clock, the_simulated_one_goes_as_told)
{
    struct clock_sim sim;
    clock_sim_init(&sim, 5000);
    cr_assert_eq(clock_wall_ns(&sim.clock), 5000);
    cr_assert_eq(clock_mono_ns(&sim.clock), 0);
    clock_sim_advance(&sim, 7);
    cr_assert_eq(clock_wall_ns(&sim.clock), 5007);
    cr_assert_eq(clock_mono_ns(&sim.clock), 7);
}

Test(clock, units)
{
    cr_assert_eq(NS_PER_DAY, 86400 * NS_PER_S);
    cr_assert_eq(NS_PER_HOUR, 60 * NS_PER_MINUTE);
    cr_assert_eq(NS_PER_S, 1000 * NS_PER_MS);
}
