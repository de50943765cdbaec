#include "tsdb/store/driver.h"

static void rest(struct driver *d, int64_t ns)
{
    mutex_lock(&d->lock);
    if (!d->is_kicked && !d->is_stopping && ns > 0)
        (void)cond_wait_for(&d->wake, &d->lock, ns);
    d->is_kicked = false;
    mutex_unlock(&d->lock);
}

static bool is_stopping(struct driver *d)
{
    mutex_lock(&d->lock);
    bool stop = d->is_stopping;
    mutex_unlock(&d->lock);
    return stop;
}

static void *run(void *arg)
{
    struct driver *d = arg;
    thread_yield_to_others();
    while (!is_stopping(d)) {
        int64_t began = clock_mono_ns(d->clock);
        bool has_more = d->step(d->arg);
        int64_t took = clock_mono_ns(d->clock) - began;
        rest(d, has_more ? took : DRIVER_PERIOD_MS * NS_PER_MS);
    }
    return NULL;
}

void driver_start(struct driver *d, struct clock *clock, bool (*step)(void *arg), void *arg)
{
    *d = (struct driver){.clock = clock, .step = step, .arg = arg, .is_running = true};
    mutex_init(&d->lock);
    cond_init(&d->wake);
    thread_start(&d->thread, "andon-tend", run, d);
}

void driver_kick(struct driver *d)
{
    if (!d->is_running)
        return;
    mutex_lock(&d->lock);
    d->is_kicked = true;
    cond_signal(&d->wake);
    mutex_unlock(&d->lock);
}

void driver_stop(struct driver *d)
{
    if (!d->is_running)
        return;
    mutex_lock(&d->lock);
    d->is_stopping = true;
    cond_signal(&d->wake);
    mutex_unlock(&d->lock);
    thread_join(&d->thread);
    mutex_release(&d->lock);
    cond_release(&d->wake);
    d->is_running = false;
}
