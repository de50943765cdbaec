/* http2_conn.h - HTTP/2 and gRPC on a connection, by nghttp2.
 *
 *   stream:  HEAD -> (WAIT) -> BODY -> ANSWER -> closed       one exchange each
 *
 * Each stream is an exchange; answers are pulled by nghttp2 as the peer's flow
 * control and CONN_OUTPUT_HIGH allow.  Windows are opened only as bodies are
 * charged to the budget: a stream waiting for its password to be verified gets
 * HTTP2_WINDOW_BYTES at most.
 *
 * Limits: streams_max at once; header list 32 KiB and 100 fields; CONTINUATION frames
 * by nghttp2.  Floods (resets, PING, SETTINGS, empty frames) draw on a bucket of
 * HTTP2_TOKENS, refilled HTTP2_TOKENS_PER_S; an empty bucket ends the connection
 * with ENHANCE_YOUR_CALM.
 *
 * Deadlines: idle_ms without streams; per stream body_ms and rate_bytes_min, the
 * grpc-timeout, and drain_ms while the peer's window is closed.
 *
 * Owner: the connection's loop.
 */
#ifndef COLLECTOR_NET_HTTP2_CONN_H
#define COLLECTOR_NET_HTTP2_CONN_H

struct conn;

enum {
    HTTP2_WINDOW_BYTES = 256 << 10,
    HTTP2_CONN_WINDOW_BYTES = 1 << 20,
    HTTP2_HEADER_LIST_MAX = 32 << 10,
    HTTP2_HEADER_COUNT_MAX = 100,
    HTTP2_TOKENS = 1000,
    HTTP2_TOKENS_PER_S = 100,
    HTTP2_RESET_COST = 10,
    HTTP2_LOOK_MS = 1000, /* how often the deadlines of streams are looked at */
};

void http2_conn_start(struct conn *c);

#endif
