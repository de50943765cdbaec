#include "collector/api/pool.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/thread.h"

struct pool_job {
    void (*fn)(void *arg);
    void *arg;
};

struct pool {
    struct mutex lock;
    struct cond work;
    struct pool_job *waiting; /* a ring of waiting_max */
    size_t waiting_max, first, count;
    size_t idle; /* workers without a job: they take one at once */
    bool is_stopping;
    struct thread *threads;
    size_t thread_count;
};

/* False: stopping, and nothing is left. */
static bool next_job(struct pool *p, struct pool_job *out)
{
    mutex_lock(&p->lock);
    p->idle++;
    while (p->count == 0 && !p->is_stopping)
        cond_wait(&p->work, &p->lock);
    p->idle--;
    bool has_job = p->count > 0;
    if (has_job) {
        *out = p->waiting[p->first];
        p->first = (p->first + 1) % p->waiting_max;
        p->count--;
    }
    mutex_unlock(&p->lock);
    return has_job;
}

static void *work(void *arg)
{
    struct pool *p = arg;
    struct pool_job job;
    while (next_job(p, &job))
        job.fn(job.arg);
    return NULL;
}

struct pool *pool_new(const char *name, size_t threads, size_t waiting_max)
{
    ASSERT(threads > 0);
    ASSERT(waiting_max > 0);
    struct pool *p = MEM_NEW(struct pool);
    mutex_init(&p->lock);
    cond_init(&p->work);
    /* A job on its way to an idle worker is not one that waits. */
    p->waiting_max = waiting_max + threads;
    p->waiting = MEM_ARRAY(struct pool_job, p->waiting_max);
    p->threads = MEM_ARRAY(struct thread, threads);
    p->thread_count = threads;
    for (size_t i = 0; i < threads; i++)
        thread_start(&p->threads[i], name, work, p);
    return p;
}

bool pool_submit(struct pool *p, void (*fn)(void *arg), void *arg)
{
    mutex_lock(&p->lock);
    bool is_taken = !p->is_stopping && p->count < p->waiting_max - p->thread_count + p->idle;
    if (is_taken) {
        p->waiting[(p->first + p->count) % p->waiting_max] = (struct pool_job){fn, arg};
        p->count++;
        cond_signal(&p->work);
    }
    mutex_unlock(&p->lock);
    return is_taken;
}

bool pool_is_stopping(struct pool *p)
{
    mutex_lock(&p->lock);
    bool is_stopping = p->is_stopping;
    mutex_unlock(&p->lock);
    return is_stopping;
}

size_t pool_waiting(struct pool *p)
{
    mutex_lock(&p->lock);
    size_t count = p->count;
    mutex_unlock(&p->lock);
    return count;
}

void pool_stop(struct pool *p)
{
    mutex_lock(&p->lock);
    p->is_stopping = true;
    cond_broadcast(&p->work);
    mutex_unlock(&p->lock);
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    pool_stop(p);
    for (size_t i = 0; i < p->thread_count; i++)
        thread_join(&p->threads[i]);
    ASSERT(p->count == 0);
    cond_release(&p->work);
    mutex_release(&p->lock);
    mem_free(p->threads);
    mem_free(p->waiting);
    mem_free(p);
}
