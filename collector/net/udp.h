/* udp.h - datagrams, many at a time, and an honest count of those lost.
 *
 * Two doors have it: native envelopes, and syslog.
 *
 * One socket a loop, all on the same address (SO_REUSEPORT: the kernel keeps a
 * sender on one socket, so its datagrams stay in order).  Each wake-up takes up
 * to UDP_BATCH datagrams with one recvmmsg, at most UDP_ROUNDS times, then other
 * events run.  With UDP_GRO the kernel joins datagrams of equal size; they are
 * handed on as they were sent, all of a recvmmsg in one call.
 *
 * Loss: SO_RXQ_OVFL tells how many the kernel dropped because the buffer was
 * full; a datagram cut off at UDP_DATAGRAM_MAX (MSG_TRUNC) is counted and not
 * handed on.  received = handed on + truncated.
 *
 * Owner: each socket and its buffers belong to one loop.  Atomic: the counters,
 * relaxed.
 */
#ifndef COLLECTOR_NET_UDP_H
#define COLLECTOR_NET_UDP_H

#include "collector/net/address.h"
#include "tsdb/base/reader.h"

enum {
    UDP_BATCH = 64,
    UDP_ROUNDS = 4,
    UDP_HANDED_MAX = 1024,      /* joined ones are many */
    UDP_DATAGRAM_MAX = 65535,   /* also of one joined by GRO */
    UDP_SOCKET_BYTES = 8 << 20, /* asked for as SO_RCVBUF */
};

struct udp_datagram {
    const struct address *peer;
    struct bytes bytes;
};

/* What one recvmmsg brought, at most UDP_HANDED_MAX at a time.  On a loop thread (several
 * at once); everything borrowed during the call. */
typedef void udp_sink_fn(void *arg, const struct udp_datagram *at, size_t count);

#endif
