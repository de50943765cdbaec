/* driver.h - the one thread that tends the store: sealing, merging, retention,
 * scrubbing, all signals.
 *
 * It calls step() again and again while that says there is more, and otherwise
 * every DRIVER_PERIOD_MS or when kicked.  After each step it rests for as long as
 * the step took (half of one core at most), unless it is hurried.
 * Owner: the facade.  Guarded by: lock.
 */
#ifndef TSDB_STORE_DRIVER_H
#define TSDB_STORE_DRIVER_H

#include "tsdb/base/clock.h"
#include "tsdb/base/thread.h"

enum { DRIVER_PERIOD_MS = 500 };

struct driver {
    struct mutex lock;
    struct cond wake;
    struct thread thread;
    struct clock *clock;
    bool (*step)(void *arg); /* true: there is more to do */
    void *arg;
    bool is_kicked, is_stopping, is_running;
};

void driver_start(struct driver *d, struct clock *clock, bool (*step)(void *arg), void *arg);
void driver_kick(struct driver *d);
/* Waits for the running step.  A zeroed driver is a no-op. */
void driver_stop(struct driver *d);

#endif
