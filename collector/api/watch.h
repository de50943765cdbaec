/* watch.h - ends queries that nobody waits for any more.
 *
 * One thread looks at every running query each WATCH_MS: when its peer has
 * gone, or its time is over, its cancel function is called.  The engine keeps the
 * deadline too; this one also holds while an answer drains.  Looking beats a
 * callback from the loop thread, which could arrive when the query, and the
 * memory that names it, had already ended.
 *
 * A query is entered after it was opened and left before it is closed, by its
 * worker.  Guarded by: the watch's mutex; cancelling happens under it, so a
 * query that left is never touched.
 */
#ifndef COLLECTOR_API_WATCH_H
#define COLLECTOR_API_WATCH_H

#include "collector/net/exchange.h"
#include "tsdb/base/clock.h"

enum { WATCH_MS = 50, WATCHED_MAX = 256 };

struct watch;

struct watch *watch_new(struct clock *clock);
void watch_free(struct watch *w);

enum watch_verdict { WATCH_RUNNING, WATCH_GONE, WATCH_LATE };

/* What can be ended: a query and its engine's function for that. */
struct watch_target {
    void (*cancel)(void *query);
    void *query;
};

static inline void watch_cancel_query(void *query)
{
    tsdb_query_cancel(query);
}

/* Which place to leave later.  deadline_ns: monotonic. */
unsigned watch_enter(struct watch *w, struct watch_target target, struct exchange *x,
                     int64_t deadline_ns);
/* What the watch did to it. */
enum watch_verdict watch_leave(struct watch *w, unsigned place);
/* Cancels all, at shutdown. */
void watch_cancel_all(struct watch *w);

#endif
