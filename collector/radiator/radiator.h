/* radiator.h - the pages that Andon serves itself, and the stream that feeds the board.
 *
 *   GET /           the wall board            GET /explore   queries: metrics, logs
 *   GET /assets/   scripts and styles         GET /-/live    server-sent events
 *
 *   andon-board: every second   snapshot --event--> each board whose connection took
 *                                                   the one before
 *
 * Once a second the radiator's thread takes a snapshot of what arrives, what is
 * refused and how full the machine is, and sends it to every open board as one event
 * (data: JSON, see snapshot.h).  A board is shown its own tenant's services; the figures
 * are totals.  One that opens gets its tenant's latest at once, where there is one.  One whose
 * connection has not yet taken the event before is left out until it has, so it neither
 * delays the others nor piles up old news; after RADIATOR_LATE_MAX left out it is ended.
 * Pages are files bundled at build time; they run no inline script.
 * Boards: at most RADIATOR_BOARDS_MAX, more are answered 503.  The store is asked for the
 * services of one tenant a tick: those of many are older than those of a few.
 *
 * Thread: "andon-board" owns the snapshots; the lists of boards and of their tenants are
 * behind a lock.
 */
#ifndef COLLECTOR_RADIATOR_RADIATOR_H
#define COLLECTOR_RADIATOR_RADIATOR_H

#include "collector/net/exchange.h"
#include "tsdb/base/clock.h"

enum { RADIATOR_BOARDS_MAX = 128, RADIATOR_LATE_MAX = 30 };

struct radiator;

struct radiator_options {
    struct tsdb *db;     /* borrowed */
    struct clock *clock; /* NULL: the real one */
    uint64_t disk_limit; /* bytes the store may take, shown as a budget; 0: no bound */
    int64_t tick_ms;     /* between snapshots; 0: a second */
};

struct radiator *radiator_new(const struct radiator_options *options);
size_t radiator_routes(struct radiator *r, struct exchange_route *out);
/* Ends every stream and the thread; later boards are answered 503.  Before the doors are
 * drained, which would wait for the streams, and before the loops stop. */
void radiator_stop(struct radiator *r);
void radiator_free(struct radiator *r);

#endif
