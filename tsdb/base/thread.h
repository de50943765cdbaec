/* thread.h - threads and locks, the seam to pthreads.
 *
 * Any failure of these calls is a bug and aborts.  Simulations start no
 * threads (tsdb_options.has_no_threads); locks then cost nothing but a compare.
 */
#ifndef TSDB_BASE_THREAD_H
#define TSDB_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct mutex {
    pthread_mutex_t os;
};

/* Many readers or one writer. */
struct rwlock {
    pthread_rwlock_t os;
};

struct cond {
    pthread_cond_t os; /* on the monotonic clock */
};

struct thread {
    pthread_t os;
};

void mutex_init(struct mutex *m);
void mutex_release(struct mutex *m);
void mutex_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);

void rwlock_init(struct rwlock *l);
void rwlock_release(struct rwlock *l);
void rwlock_read(struct rwlock *l);
void rwlock_write(struct rwlock *l);
void rwlock_unlock(struct rwlock *l);

void cond_init(struct cond *c);
void cond_release(struct cond *c);
void cond_wait(struct cond *c, struct mutex *m);
/* False when `ns` passed first. */
bool cond_wait_for(struct cond *c, struct mutex *m, int64_t ns);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);

/* name: at most 15 characters. */
void thread_start(struct thread *t, const char *name, void *(*run)(void *), void *arg);
/* The calling thread does background work: low priority from now on. */
void thread_yield_to_others(void);
void thread_join(struct thread *t);
uint32_t thread_cores(void);
/* Blocks TERM, INT and HUP in this thread and in those it starts from now on, so that
 * thread_wait_signal gets them; PIPE is ignored. */
void thread_block_signals(void);
/* TERM, INT or HUP, or 0 when `ns` passed first. */
int thread_wait_signal(int64_t ns);

#endif
