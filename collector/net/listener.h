/* listener.h - accepts connections and deals them out to the loops in turn.
 *
 * One listening socket a door, on loop 0.  At connections_max a newcomer gets a
 * 503 (on the HTTP doors) and is closed.  Out of file descriptors: a reserve
 * descriptor is given up to accept and close one caller, taken again, and
 * accepting pauses for LISTENER_PAUSE_MS; the loop never spins on a socket it
 * cannot accept from.
 *
 * Owner: loop 0.
 */
#ifndef COLLECTOR_NET_LISTENER_H
#define COLLECTOR_NET_LISTENER_H

#include "collector/net/address.h"
#include "collector/net/site.h"

enum {
    LISTENER_PAUSE_MS = 100,
    LISTENER_PER_WAKEUP = 64,
};

struct acceptor;

/* Takes fd over. */
struct acceptor *acceptor_new(struct site *site, enum listener door, int fd);
/* Loop 0's thread, or before it starts. */
void acceptor_start(struct acceptor *a);
/* Loop 0's thread, or after it ended; NULL is a no-op. */
void acceptor_free(struct acceptor *a);

#endif
