/* site.h - what all connections of one server share.
 *
 * Built by server.c before the loops start and constant from then on, but for
 * the marked fields.  Every connection, exchange and socket of the room borrows
 * it; it outlives them all.
 */
#ifndef COLLECTOR_NET_SITE_H
#define COLLECTOR_NET_SITE_H

#include "collector/net/loop.h"
#include "collector/net/server.h"
#include "tsdb/base/budget.h"
#include "tsdb/base/thread.h"

enum { LOOPS_MAX = 8 };

struct auth;
struct conn;
struct router;
struct tls;

/* struct net_counters, being counted.  Atomic: all, relaxed; they order nothing,
 * but for tally_end. */
struct tally {
    _Atomic uint64_t accepted[LISTENER_COUNT], open[LISTENER_COUNT];
    _Atomic uint64_t closed[LISTENER_COUNT][CLOSING_COUNT];
    _Atomic uint64_t received_bytes[LISTENER_COUNT], sent_bytes[LISTENER_COUNT];
    _Atomic uint64_t auth_failures[LISTENER_COUNT];
    _Atomic uint64_t requests, requests_refused;
    _Atomic uint64_t exchanges_open;
    _Atomic uint64_t frames, frames_open;
    _Atomic uint64_t udp_datagrams, udp_bytes, udp_kernel_drops, udp_truncated;
    _Atomic uint64_t accept_pauses;
};

static inline void tally_add(_Atomic uint64_t *count, uint64_t n)
{
    (void)atomic_fetch_add_explicit(count, n, memory_order_relaxed);
}

/* Release: whoever sees the count at 0 may free what the ones before had used. */
static inline void tally_sub(_Atomic uint64_t *count, uint64_t n)
{
    (void)atomic_fetch_sub_explicit(count, n, memory_order_release);
}

/* As tally_sub; what was done before is seen by whoever waits for 0. */
static inline void tally_end(_Atomic uint64_t *count)
{
    (void)atomic_fetch_sub_explicit(count, 1, memory_order_release);
}

static inline uint64_t tally_get(const _Atomic uint64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

struct site {
    struct net_limits limits;
    struct budget budget; /* child of the caller's; everything buffered */
    struct clock *clock;
    struct router *router;
    struct auth *auth; /* never NULL; may let everybody in */
    struct tls *tls;   /* NULL: no TLS */
    frame_sink_fn *frame_sink;
    void *frame_arg;
    udp_sink_fn *udp_sink;
    void *udp_arg;
    stream_sink_fn *syslog_stream_sink;
    udp_sink_fn *syslog_datagram_sink;
    void *syslog_arg;

    struct loop *loops[LOOPS_MAX];
    unsigned loop_count;
    struct conn *conns[LOOPS_MAX]; /* open connections; each list is its loop's */
    _Atomic uint64_t conn_count;   /* Atomic: the limit, and what a drain waits for */
    _Atomic bool is_draining;      /* Atomic: a hint to end connections early */
    struct tally tally;
};

#endif
