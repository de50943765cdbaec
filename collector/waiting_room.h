/* waiting_room.h - what the doors answer while the store is still being opened.
 *
 * /-/healthy says 200, /-/ready says 503 with the progress, everything else 503 with
 * Retry-After (gRPC: UNAVAILABLE), so that senders keep what they have and try again.
 * Thread-safe: progress is a small text behind a lock. */
#ifndef COLLECTOR_WAITING_ROOM_H
#define COLLECTOR_WAITING_ROOM_H

#include "collector/net/server.h"
#include "tsdb/base/thread.h"

enum { WAITING_TEXT_MAX = 256 };

struct waiting_room {
    struct mutex lock;
    char progress[WAITING_TEXT_MAX];
    struct exchange_route routes[4];
    struct net *net; /* NULL: the doors could not be opened early; nothing is lost by it */
};

/* Opens the TCP doors of `options` (its routes and sinks are replaced). */
void waiting_room_open(struct waiting_room *w, const struct net_options *options);
void waiting_room_tell(struct waiting_room *w, const char *progress);
void waiting_room_close(struct waiting_room *w);

#endif
