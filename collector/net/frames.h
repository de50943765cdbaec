/* frames.h - the native door over TCP: length-prefixed envelopes and their acks.
 *
 *   +--------+-----------------+--------+-----------------+--
 *   | length | envelope        | length | envelope        | ...   both directions
 *   | le32   | length bytes    | le32   | length bytes    |
 *   +--------+-----------------+--------+-----------------+--
 *
 * What an envelope says is not net's business: each is handed to a sink, on the
 * connection's loop thread, and is answered once, later, in any order and from
 * any thread, by frame_conn_send.  A length of 0 or beyond frame_bytes_max ends
 * the connection.
 *
 *   LENGTH --4 bytes--> ENVELOPE --length bytes--> sink --> LENGTH
 *
 * Limits: frame_bytes_max; outstanding_max frames handed over and not answered,
 * then the connection is not read (back-pressure goes to the sender through
 * TCP); a frame must arrive within body_ms of its first byte and at
 * rate_bytes_min a second; acks must be taken within drain_ms; buffers are
 * charged to the budget, and a frame that does not fit it waits, unread, until
 * it does or its deadline comes.
 *
 * Owner: struct frame_conn belongs to its loop; frame_conn_ref keeps the handle
 * (not the socket) alive for the thread that will answer.
 */
#ifndef COLLECTOR_NET_FRAMES_H
#define COLLECTOR_NET_FRAMES_H

#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

enum { FRAME_PREFIX_BYTES = 4 };

struct frame_conn;

/* The frame is borrowed during the call.  True: it was taken and will be
 * answered by exactly one frame_conn_send or frame_conn_skip, perhaps already
 * was.  False: end the connection. */
typedef bool frame_sink_fn(void *arg, struct frame_conn *conn, struct bytes frame);

void frame_conn_ref(struct frame_conn *conn);
void frame_conn_unref(struct frame_conn *conn);
/* One ack, without its length prefix; copied.  Any thread.  After the peer has
 * gone it goes nowhere. */
void frame_conn_send(struct frame_conn *conn, struct bytes ack);
/* The frame gets no ack.  Any thread. */
void frame_conn_skip(struct frame_conn *conn);
/* "127.0.0.1:5123"; as long as the handle. */
struct tsdb_text frame_conn_peer(const struct frame_conn *conn);
bool frame_conn_is_open(const struct frame_conn *conn);

#endif
