/* streams.h - TCP connections whose bytes someone else cuts into messages (syslog).
 *
 *   socket --> what was left over + what has come --> sink --> how many bytes it used
 *                      ^---------- the rest --------------------------/
 *
 * Net knows no framing: it hands the sink what there is and keeps what the sink does not
 * use yet, up to stream_bytes_max; a sink that wants more than that ends the connection.
 * Nothing is answered.  What comes while the memory budget is full stays in the kernel
 * (back-pressure through TCP).
 *
 * Limits: stream_bytes_max kept a connection, charged to the budget; a message must be
 * complete body_ms after its first byte.  Between messages a sender may be quiet for ever: it
 * would notice only by the loss of its next message that it was closed.  TCP's keepalive ends
 * the connections of those that have gone.
 */
#ifndef COLLECTOR_NET_STREAMS_H
#define COLLECTOR_NET_STREAMS_H

#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

#define STREAM_FAULT SIZE_MAX /* not such a stream: close it */

struct stream_piece {
    struct tsdb_text peer; /* "127.0.0.1:5123" */
    struct bytes bytes;
    size_t seen;  /* of them the sink was shown before, and did not use */
    bool is_last; /* the peer sends no more: what is not used now is lost */
};

/* On the connection's loop thread; borrowed during the call.  Returns how many bytes at the
 * front are used up, or STREAM_FAULT. */
typedef size_t stream_sink_fn(void *arg, const struct stream_piece *piece);

#endif
