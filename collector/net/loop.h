/* loop.h - a thread with an event base, a mailbox and timers.
 *
 *   other threads --loop_post--> mailbox --eventfd--> loop thread --> fn(arg)
 *
 * Share nothing: what belongs to a loop is touched by its thread only; others
 * post.  Messages of one sender run in the order they were posted.  libevent is
 * used without its own locking; the mailbox is the only door.
 *
 * Timers are a binary heap over struct loop_timer, embedded by their owners, on
 * the injected clock.  With a simulated clock the loop looks every
 * LOOP_SIM_TICK_MS, as nothing wakes it when the simulation moves.
 *
 * Owner: whoever called loop_new.  Guarded by lock: the mailbox.
 */
#ifndef COLLECTOR_NET_LOOP_H
#define COLLECTOR_NET_LOOP_H

#include "tsdb/base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct loop;

typedef void loop_fn(void *arg);

struct loop_timer {
    loop_fn *fn;
    void *arg;
    int64_t due_ns; /* monotonic */
    uint32_t slot;  /* place in the heap plus one; 0: not set */
};

enum {
    LOOP_SCRATCH_BYTES = 64 << 10,
    LOOP_SIM_TICK_MS = 5,
};

/* clock: borrowed. */
struct loop *loop_new(unsigned index, struct clock *clock);
void loop_start(struct loop *loop);
/* Runs what was posted so far, ends the thread, waits for it.  No-op when it
 * was never started. */
void loop_stop(struct loop *loop);
void loop_free(struct loop *loop);

/* Instead of loop_start: runs what is ready, as the loop's thread, and returns. */
void loop_step(struct loop *loop);

/* Any thread, also before loop_start. */
void loop_post(struct loop *loop, loop_fn *fn, void *arg);
/* The loop whose thread this is, or NULL. */
struct loop *loop_current(void);

/* The loop's thread only, from here on (or before it starts). */
struct event_base *loop_base(struct loop *loop);
unsigned loop_index(const struct loop *loop);
int64_t loop_now(const struct loop *loop); /* monotonic ns */
/* Room for one read; its contents do not outlive the callback. */
uint8_t *loop_scratch(struct loop *loop);
/* (Re)sets the timer to fire `after_ns` from now. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t after_ns);
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);

#endif
