/* http2_answer.h - the answer of one exchange as frames of one HTTP/2 stream.
 *
 *   plain:     HEADERS, DATA..., END_STREAM on the last
 *   gRPC:      HEADERS, DATA (one message), HEADERS (trailers)
 *   gRPC fault HEADERS with the trailers in them, END_STREAM
 *
 * nghttp2 pulls DATA as flow control allows; when the handler has not produced
 * more, the stream is deferred until http2_answer_pump.  Part of http2_conn;
 * owner: the connection's loop.
 */
#ifndef COLLECTOR_NET_HTTP2_ANSWER_H
#define COLLECTOR_NET_HTTP2_ANSWER_H

#include "collector/net/carrier.h"

#include <nghttp2/nghttp2.h>

struct http2_answer {
    struct exchange *x; /* a reference; NULL once the answer is nobody's */
    struct loop *loop;
    struct part *part; /* owned: being sent */
    int32_t id;
    bool is_submitted, is_deferred, is_finished;
    int64_t drain_start; /* INT64_MAX: nothing waits for the peer */
    uint64_t drained;
};

/* Sends what the exchange has answered so far. */
void http2_answer_pump(struct http2_answer *a, nghttp2_session *session);
/* grpc-status 4, in place of the handler's answer. */
void http2_answer_timeout(struct http2_answer *a, nghttp2_session *session);
/* The peer has kept its window closed for longer than it may. */
bool http2_answer_is_late(const struct http2_answer *a, int64_t now, int64_t drain_ms);
/* Counts the request when it was answered; gives the exchange back. */
void http2_answer_release(struct http2_answer *a);

#endif
