/* pool.h - worker threads behind a bounded queue.
 *
 *   loop threads --pool_submit--> [waiting, at most waiting_max] --> workers
 *
 * What may take long runs here, never on a loop thread.  A full queue refuses at
 * once: the caller answers 503 instead of letting work pile up.  Jobs start in
 * the order they came.
 *
 * Thread-safe.  Guarded by: the pool's mutex.  Stopped by pool_free, which runs
 * what still waits (jobs look at pool_is_stopping and end soon) and joins.
 */
#ifndef COLLECTOR_API_POOL_H
#define COLLECTOR_API_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool;

struct pool *pool_new(const char *name, size_t threads, size_t waiting_max);
/* False: the queue is full, or the pool is stopping; fn will not be called. */
bool pool_submit(struct pool *p, void (*fn)(void *arg), void *arg);
bool pool_is_stopping(struct pool *p);
/* Jobs waiting now. */
size_t pool_waiting(struct pool *p);
/* From here on pool_is_stopping is true and nothing is taken. */
void pool_stop(struct pool *p);
/* pool_free(NULL) is a no-op. */
void pool_free(struct pool *p);

#endif
