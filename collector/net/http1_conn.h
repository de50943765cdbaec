/* http1_conn.h - HTTP/1.1 and 1.0 on a connection: requests in, answers in order.
 *
 *   IDLE -> HEAD -> (WAIT) -> BODY -> ANSWER -> IDLE
 *             \________ refused ______/   |-> closed
 *                                          \-> UPGRADED -> closed
 *
 * One exchange at a time: pipelined requests stay in the connection's input
 * until the answer before them has been handed to the kernel or queued, so
 * answers keep their order.  A request that is refused before its body was read
 * ends the connection after the answer.
 *
 * An answer of 101 hands the connection over: the bytes of both sides are another
 * protocol's from there on (exchange_upgrade).
 *
 * Deadlines: IDLE idle_ms; HEAD head_ms from its first byte; BODY body_ms in
 * all, and rate_bytes_min averaged, looked at every RATE_LOOK_MS.  Late heads and
 * bodies are answered 408.
 *
 * Owner: the connection's loop.
 */
#ifndef COLLECTOR_NET_HTTP1_CONN_H
#define COLLECTOR_NET_HTTP1_CONN_H

#include "collector/net/conn.h"

enum {
    HTTP1_REQUESTS_PER_WAKEUP = 32,
    RATE_LOOK_MS = 5000,
};

void http1_conn_start(struct conn *c);

#endif
