#include "collector/net/loop.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/thread.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOOP_WAIT_MAX_S = 60, FINAL_PASSES = 3 };

struct message {
    struct message *next;
    loop_fn *fn;
    void *arg;
};

struct loop {
    struct event_base *base;
    struct event *wake, *tick; /* owned */
    struct clock *clock;       /* borrowed */
    int wake_fd;
    unsigned index;
    bool is_running; /* the starter's */
    struct thread thread;
    struct mutex lock;
    struct message *first, **last; /* guarded by lock */
    struct loop_timer **heap;      /* owned array of borrowed timers */
    uint32_t heap_count, heap_cap;
    int64_t armed_ns; /* when tick fires; INT64_MAX: not set */
    uint8_t *scratch;
};

static _Thread_local struct loop *current;

struct loop *loop_current(void)
{
    return current;
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

unsigned loop_index(const struct loop *loop)
{
    return loop->index;
}

int64_t loop_now(const struct loop *loop)
{
    return clock_mono_ns(loop->clock);
}

uint8_t *loop_scratch(struct loop *loop)
{
    return loop->scratch;
}

/* ---- mailbox ---- */

static struct message *mailbox_take(struct loop *loop)
{
    mutex_lock(&loop->lock);
    struct message *m = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    mutex_unlock(&loop->lock);
    return m;
}

static void mailbox_run(struct loop *loop)
{
    struct message *m = mailbox_take(loop);
    while (m) {
        struct message *next = m->next;
        m->fn(m->arg);
        mem_free(m);
        m = next;
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    eventfd_t count;
    (void)eventfd_read(fd, &count); /* EAGAIN: another wake-up took it */
    mailbox_run(arg);
}

void loop_post(struct loop *loop, loop_fn *fn, void *arg)
{
    struct message *m = MEM_NEW(struct message);
    m->fn = fn;
    m->arg = arg;
    mutex_lock(&loop->lock);
    bool was_empty = loop->first == NULL;
    *loop->last = m;
    loop->last = &m->next;
    mutex_unlock(&loop->lock);
    if (was_empty)
        (void)eventfd_write(loop->wake_fd, 1); /* EAGAIN: it is awake already */
}

/* ---- timers ---- */

static void heap_place(struct loop *loop, struct loop_timer *t, uint32_t at)
{
    loop->heap[at] = t;
    t->slot = at + 1;
}

static void heap_up(struct loop *loop, uint32_t at)
{
    struct loop_timer *t = loop->heap[at];
    while (at > 0 && loop->heap[(at - 1) / 2]->due_ns > t->due_ns) {
        heap_place(loop, loop->heap[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    heap_place(loop, t, at);
}

static void heap_down(struct loop *loop, uint32_t at)
{
    struct loop_timer *t = loop->heap[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= loop->heap_count)
            break;
        if (child + 1 < loop->heap_count &&
            loop->heap[child + 1]->due_ns < loop->heap[child]->due_ns)
            child++;
        if (loop->heap[child]->due_ns >= t->due_ns)
            break;
        heap_place(loop, loop->heap[child], at);
        at = child;
    }
    heap_place(loop, t, at);
}

/* Makes the kernel's timer fire no later than the earliest of ours. */
static void arm(struct loop *loop)
{
    if (loop->heap_count == 0 || loop->heap[0]->due_ns >= loop->armed_ns)
        return;
    int64_t wait = loop->heap[0]->due_ns - loop_now(loop);
    int64_t most = LOOP_WAIT_MAX_S * NS_PER_S;
    if (loop->clock != clock_real())
        most = LOOP_SIM_TICK_MS * NS_PER_MS;
    if (wait > most)
        wait = most;
    if (wait < 0)
        wait = 0;
    wait += NS_PER_MS - 1; /* libevent counts whole milliseconds: never early */
    struct timeval tv = {.tv_sec = wait / NS_PER_S, .tv_usec = wait % NS_PER_S / NS_PER_US};
    (void)event_add(loop->tick, &tv);
    loop->armed_ns = loop_now(loop) + wait;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop *loop = arg;
    loop->armed_ns = INT64_MAX;
    int64_t now = loop_now(loop);
    while (loop->heap_count > 0 && loop->heap[0]->due_ns <= now) {
        struct loop_timer *t = loop->heap[0];
        loop_timer_clear(loop, t);
        t->fn(t->arg);
    }
    arm(loop);
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t after_ns)
{
    ASSERT(timer->fn != NULL);
    int64_t due = loop_now(loop) + (after_ns > 0 ? after_ns : 0);
    if (timer->slot == 0) {
        if (loop->heap_count == loop->heap_cap) {
            loop->heap_cap = loop->heap_cap ? 2 * loop->heap_cap : 64;
            loop->heap = mem_grow(loop->heap, loop->heap_cap, sizeof(struct loop_timer *));
        }
        timer->due_ns = due;
        heap_place(loop, timer, loop->heap_count++);
        heap_up(loop, timer->slot - 1);
    } else {
        int64_t before = timer->due_ns;
        timer->due_ns = due;
        if (due < before)
            heap_up(loop, timer->slot - 1);
        else
            heap_down(loop, timer->slot - 1);
    }
    arm(loop);
}

void loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
    if (timer->slot == 0)
        return;
    uint32_t at = timer->slot - 1;
    ASSERT(at < loop->heap_count);
    ASSERT(loop->heap[at] == timer);
    timer->slot = 0;
    struct loop_timer *tail = loop->heap[--loop->heap_count];
    if (tail == timer)
        return;
    heap_place(loop, tail, at);
    heap_up(loop, at);
    heap_down(loop, tail->slot - 1);
}

/* ---- life ---- */

struct loop *loop_new(unsigned index, struct clock *clock)
{
    struct loop *loop = MEM_NEW(struct loop);
    loop->index = index;
    loop->clock = clock;
    loop->armed_ns = INT64_MAX;
    loop->last = &loop->first;
    mutex_init(&loop->lock);
    loop->scratch = mem_alloc(LOOP_SCRATCH_BYTES);
    struct event_config *config = event_config_new();
    ASSERT(config != NULL);
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    ASSERT(loop->base != NULL);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ASSERT(loop->wake_fd >= 0);
    loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    loop->tick = event_new(loop->base, -1, 0, on_tick, loop);
    ASSERT(loop->wake != NULL && loop->tick != NULL);
    (void)event_add(loop->wake, NULL);
    return loop;
}

static void *run(void *arg)
{
    struct loop *loop = arg;
    current = loop;
    (void)event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
    mailbox_run(loop);
    current = NULL;
    return NULL;
}

void loop_start(struct loop *loop)
{
    ASSERT(!loop->is_running);
    loop->is_running = true;
    char name[16];
    (void)snprintf(name, sizeof name, "net/%u", loop->index % 1000);
    thread_start(&loop->thread, name, run, loop);
}

void loop_step(struct loop *loop)
{
    ASSERT(!loop->is_running);
    current = loop;
    mailbox_run(loop);
    on_tick(-1, 0, loop);
    (void)event_base_loop(loop->base, EVLOOP_NONBLOCK);
    current = NULL;
}

static void leave(void *arg)
{
    struct loop *loop = arg;
    (void)event_base_loopbreak(loop->base);
}

void loop_stop(struct loop *loop)
{
    if (!loop->is_running)
        return;
    loop_post(loop, leave, loop);
    thread_join(&loop->thread);
    loop->is_running = false;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    ASSERT(!loop->is_running);
    struct message *m = mailbox_take(loop);
    while (m) {
        struct message *next = m->next;
        mem_free(m);
        m = next;
    }
    event_free(loop->wake);
    event_free(loop->tick);
    /* What a freed TLS connection has deferred holds on to it, and event_base_free would drop
     * that without running it: the connection would never end. */
    for (int pass = 0; pass < FINAL_PASSES; pass++)
        (void)event_base_loop(loop->base, EVLOOP_NONBLOCK);
    (void)close(loop->wake_fd);
    event_base_free(loop->base);
    mutex_release(&loop->lock);
    mem_free(loop->heap);
    mem_free(loop->scratch);
    mem_free(loop);
}
