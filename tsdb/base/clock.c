#include "tsdb/base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int64_t real_wall_ns(struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

static int64_t real_mono_ns(struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

struct clock *clock_real(void)
{
    static struct clock real = {real_wall_ns, real_mono_ns};
    return &real;
}

static int64_t sim_wall_ns(struct clock *clock)
{
    return atomic_load(&((struct clock_sim *)clock)->wall);
}

static int64_t sim_mono_ns(struct clock *clock)
{
    return atomic_load(&((struct clock_sim *)clock)->mono);
}

void clock_sim_init(struct clock_sim *sim, int64_t wall_ns)
{
    sim->clock = (struct clock){sim_wall_ns, sim_mono_ns};
    atomic_init(&sim->wall, wall_ns);
    atomic_init(&sim->mono, 0);
}

void clock_sim_advance(struct clock_sim *sim, int64_t ns)
{
    (void)atomic_fetch_add(&sim->wall, ns);
    (void)atomic_fetch_add(&sim->mono, ns);
}
