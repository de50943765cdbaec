#include "collector/api/watch.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/thread.h"

struct watched {
    struct watch_target target; /* without a query: the place is free */
    struct exchange *x;
    int64_t deadline_ns;
    enum watch_verdict verdict;
};

struct watch {
    struct clock *clock;
    struct mutex lock;
    struct cond change;
    struct watched places[WATCHED_MAX];
    size_t running;
    bool is_stopping;
    struct thread thread;
};

static void look(struct watch *w)
{
    int64_t now = clock_mono_ns(w->clock);
    for (unsigned i = 0; i < WATCHED_MAX; i++) {
        struct watched *p = &w->places[i];
        if (!p->target.query || p->verdict != WATCH_RUNNING)
            continue;
        if (!exchange_is_open(p->x))
            p->verdict = WATCH_GONE;
        else if (now >= p->deadline_ns)
            p->verdict = WATCH_LATE;
        if (p->verdict != WATCH_RUNNING)
            p->target.cancel(p->target.query);
    }
}

static void *run(void *arg)
{
    struct watch *w = arg;
    mutex_lock(&w->lock);
    while (!w->is_stopping) {
        if (w->running == 0)
            cond_wait(&w->change, &w->lock);
        else
            (void)cond_wait_for(&w->change, &w->lock, WATCH_MS * NS_PER_MS);
        look(w);
    }
    mutex_unlock(&w->lock);
    return NULL;
}

struct watch *watch_new(struct clock *clock)
{
    struct watch *w = MEM_NEW(struct watch);
    w->clock = clock;
    mutex_init(&w->lock);
    cond_init(&w->change);
    thread_start(&w->thread, "api-watch", run, w);
    return w;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    mutex_lock(&w->lock);
    ASSERT(w->running == 0);
    w->is_stopping = true;
    cond_signal(&w->change);
    mutex_unlock(&w->lock);
    thread_join(&w->thread);
    cond_release(&w->change);
    mutex_release(&w->lock);
    mem_free(w);
}

unsigned watch_enter(struct watch *w, struct watch_target target, struct exchange *x,
                     int64_t deadline_ns)
{
    mutex_lock(&w->lock);
    unsigned place = 0;
    while (place < WATCHED_MAX && w->places[place].target.query)
        place++;
    ASSERT(place < WATCHED_MAX); /* no more workers than places */
    w->places[place] = (struct watched){target, x, deadline_ns, WATCH_RUNNING};
    if (w->running++ == 0)
        cond_signal(&w->change);
    mutex_unlock(&w->lock);
    return place;
}

enum watch_verdict watch_leave(struct watch *w, unsigned place)
{
    mutex_lock(&w->lock);
    ASSERT(w->places[place].target.query);
    enum watch_verdict verdict = w->places[place].verdict;
    w->places[place].target.query = NULL;
    w->running--;
    mutex_unlock(&w->lock);
    return verdict;
}

void watch_cancel_all(struct watch *w)
{
    mutex_lock(&w->lock);
    for (unsigned i = 0; i < WATCHED_MAX; i++)
        if (w->places[i].target.query && w->places[i].verdict == WATCH_RUNNING) {
            w->places[i].verdict = WATCH_LATE;
            w->places[i].target.cancel(w->places[i].target.query);
        }
    mutex_unlock(&w->lock);
}
