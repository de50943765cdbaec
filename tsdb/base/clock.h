/* clock.h - the one source of time.
 *
 * wall_ns: since the epoch, may step.  mono_ns: never goes back, for durations
 * and deadlines.  The simulated clock moves only when told.
 */
#ifndef TSDB_BASE_CLOCK_H
#define TSDB_BASE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

struct clock {
    int64_t (*wall_ns)(struct clock *clock);
    int64_t (*mono_ns)(struct clock *clock);
};

/* Process-wide, stateless. */
struct clock *clock_real(void);

struct clock_sim {
    struct clock clock; /* first: a struct clock_sim * is a struct clock * */
    _Atomic int64_t wall, mono;
};

void clock_sim_init(struct clock_sim *sim, int64_t wall_ns);
void clock_sim_advance(struct clock_sim *sim, int64_t ns);

static inline int64_t clock_wall_ns(struct clock *clock)
{
    return clock->wall_ns(clock);
}

static inline int64_t clock_mono_ns(struct clock *clock)
{
    return clock->mono_ns(clock);
}

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MINUTE (60 * NS_PER_S)
#define NS_PER_HOUR (3600 * NS_PER_S)
#define NS_PER_DAY (24 * NS_PER_HOUR)

#endif
