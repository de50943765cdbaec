#include "tsdb/base/thread.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/clock.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void must(int result)
{
    ASSERT(result == 0);
}

void mutex_init(struct mutex *m)
{
    must(pthread_mutex_init(&m->os, NULL));
}

void mutex_release(struct mutex *m)
{
    must(pthread_mutex_destroy(&m->os));
}

void mutex_lock(struct mutex *m)
{
    must(pthread_mutex_lock(&m->os));
}

void mutex_unlock(struct mutex *m)
{
    must(pthread_mutex_unlock(&m->os));
}

void rwlock_init(struct rwlock *l)
{
    pthread_rwlockattr_t attr;
    must(pthread_rwlockattr_init(&attr));
    /* A waiting writer goes before new readers, or sealing starves. */
    must(pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP));
    must(pthread_rwlock_init(&l->os, &attr));
    must(pthread_rwlockattr_destroy(&attr));
}

void rwlock_release(struct rwlock *l)
{
    must(pthread_rwlock_destroy(&l->os));
}

void rwlock_read(struct rwlock *l)
{
    must(pthread_rwlock_rdlock(&l->os));
}

void rwlock_write(struct rwlock *l)
{
    must(pthread_rwlock_wrlock(&l->os));
}

void rwlock_unlock(struct rwlock *l)
{
    must(pthread_rwlock_unlock(&l->os));
}

void cond_init(struct cond *c)
{
    pthread_condattr_t attr;
    must(pthread_condattr_init(&attr));
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    must(pthread_cond_init(&c->os, &attr));
    must(pthread_condattr_destroy(&attr));
}

void cond_release(struct cond *c)
{
    must(pthread_cond_destroy(&c->os));
}

void cond_wait(struct cond *c, struct mutex *m)
{
    must(pthread_cond_wait(&c->os, &m->os));
}

bool cond_wait_for(struct cond *c, struct mutex *m, int64_t ns)
{
    int64_t until = clock_mono_ns(clock_real()) + (ns > 0 ? ns : 0);
    struct timespec t = {.tv_sec = until / NS_PER_S, .tv_nsec = until % NS_PER_S};
    int result = pthread_cond_timedwait(&c->os, &m->os, &t);
    ASSERT(result == 0 || result == ETIMEDOUT);
    return result == 0;
}

void cond_signal(struct cond *c)
{
    must(pthread_cond_signal(&c->os));
}

void cond_broadcast(struct cond *c)
{
    must(pthread_cond_broadcast(&c->os));
}

void thread_yield_to_others(void)
{
    struct sched_param param = {0};
    (void)sched_setscheduler(0, SCHED_BATCH, &param);
    /* Priorities are per thread on Linux. */
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
}

void thread_start(struct thread *t, const char *name, void *(*run)(void *), void *arg)
{
    must(pthread_create(&t->os, NULL, run, arg));
    (void)pthread_setname_np(t->os, name); /* a thread that has ended already needs no name */
}

void thread_join(struct thread *t)
{
    must(pthread_join(t->os, NULL));
}

uint32_t thread_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (uint32_t)n : 1;
}

static sigset_t ending_signals(void)
{
    sigset_t set;
    must(sigemptyset(&set));
    must(sigaddset(&set, SIGTERM));
    must(sigaddset(&set, SIGINT));
    must(sigaddset(&set, SIGHUP));
    return set;
}

void thread_block_signals(void)
{
    sigset_t set = ending_signals();
    must(pthread_sigmask(SIG_BLOCK, &set, NULL));
    (void)signal(SIGPIPE, SIG_IGN);
}

int thread_wait_signal(int64_t ns)
{
    sigset_t set = ending_signals();
    struct timespec wait = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
    int sig = sigtimedwait(&set, NULL, &wait);
    return sig > 0 ? sig : 0;
}
