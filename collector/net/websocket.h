/* websocket.h - WebSocket (RFC 6455) without extensions: frames, and the server's side.
 *
 *    0               1               2 ...
 *   +-+---+----+-+-------+----------------------+---------------+----------+
 *   |F|RSV|oper|M| len 7 | extended len 16 / 64 | masking key   | payload  |
 *   |I|0 0|ation|A|      | (126 / 127), network | 32, where M   |          |
 *   +-+---+----+-+-------+----------------------+---------------+----------+
 *
 * The reader takes bytes however they are cut and answers whole messages and control
 * frames.  Strict: reserved bits and operations, a mask that is missing (from a
 * client) or there (from a server), lengths not in their shortest form, control frames
 * that are fragmented or longer than 125, a continuation of nothing, a close code
 * that may not be sent, text that is not UTF-8: all end it (WEBSOCKET_BAD).
 *
 * The server's side hangs on an exchange (exchange_upgrade):
 *
 *   owner thread:  websocket_accept, websocket_send ..., websocket_close
 *   loop thread:   pings are answered, the peer's close is noted, data is thrown away
 *
 * One thread owns the socket and is the only one that sends messages; a pong is whole
 * frames between them.  The peer's close is answered by the owner's websocket_close,
 * which therefore nothing follows.  Nothing here blocks.
 *
 * A browser sends a page's origin and every cookie and password along, wherever the
 * page came from, and lets the page read: so an Origin that is not the Host is refused.
 */
#ifndef COLLECTOR_NET_WEBSOCKET_H
#define COLLECTOR_NET_WEBSOCKET_H

#include "collector/net/exchange.h"
#include "tsdb/base/writer.h"

enum {
    WEBSOCKET_CONTROL_MAX = 125, /* payload of a control frame */
    WEBSOCKET_HEAD_MAX = 14,
    WEBSOCKET_MESSAGE_MAX = 4096,    /* of a client's message to us */
    WEBSOCKET_PONG_QUEUE = 64 << 10, /* above, a reader too slow gets no pongs */
};

enum websocket_close_code { /* section 7.4.1 */
                            WEBSOCKET_NORMAL = 1000,
                            WEBSOCKET_GOING_AWAY = 1001,
                            WEBSOCKET_PROTOCOL = 1002,
                            WEBSOCKET_NO_CODE = 1005, /* a close without one; never sent */
                            WEBSOCKET_NOT_UTF8 = 1007,
                            WEBSOCKET_TOO_LARGE = 1009,
                            WEBSOCKET_INTERNAL = 1011,
                            WEBSOCKET_TRY_LATER = 1013,
};

enum websocket_operation {
    WEBSOCKET_OP_CONTINUATION = 0,
    WEBSOCKET_OP_TEXT = 1,
    WEBSOCKET_OP_BINARY = 2,
    WEBSOCKET_OP_CLOSE = 8,
    WEBSOCKET_OP_PING = 9,
    WEBSOCKET_OP_PONG = 10,
};

enum websocket_event {
    WEBSOCKET_MORE, /* give more bytes */
    WEBSOCKET_TEXT, /* the payload of a message ... */
    WEBSOCKET_BINARY,
    WEBSOCKET_PING, /* ... or of a control frame */
    WEBSOCKET_PONG,
    WEBSOCKET_CLOSE, /* the reader's `code` and the reason */
    WEBSOCKET_BAD,   /* close with `code`; nothing more will be read */
};

struct websocket_reader {
    bool is_of_client;    /* frames come masked */
    bool is_over;         /* after CLOSE and BAD */
    bool has_fin;         /* of the frame being read */
    uint8_t message;      /* operation of the message being put together, 0: none */
    uint8_t operation;    /* of the frame being read */
    uint8_t head_len;     /* bytes of head so far */
    uint16_t code;        /* of CLOSE and BAD */
    uint32_t control_len; /* bytes of control so far */
    uint64_t left;        /* payload bytes still to come */
    size_t masked;        /* payload bytes seen, for the mask's phase */
    uint8_t *buffer;      /* borrowed */
    size_t cap, len;
    uint8_t head[WEBSOCKET_HEAD_MAX], mask[4];
    uint8_t control[WEBSOCKET_CONTROL_MAX];
};

/* buffer: where messages of at most cap bytes are put together; borrowed. */
void websocket_reader_init(struct websocket_reader *r, bool is_of_client, uint8_t *buffer,
                           size_t cap);
/* Moves *in past what it used; one event.  *payload is valid until the next call. */
enum websocket_event websocket_read(struct websocket_reader *r, struct bytes *in,
                                    struct bytes *payload);

/* One whole frame to the end of w.  mask: NULL for a server's. */
void websocket_put(struct writer *w, enum websocket_operation operation, const uint8_t mask[4],
                   struct bytes payload);
/* The answer to a Sec-WebSocket-Key. */
void websocket_accept_key(struct tsdb_text key, char out[32]);

/* ---- the server's side ---- */

struct websocket;

/* Whether the request is a handshake that may be taken; if not, it is answered. */
bool websocket_check(struct exchange *x);
/* After websocket_check: the 101 goes out.  The socket lives in the exchange. */
struct websocket *websocket_accept(struct exchange *x);
/* A text message (UTF-8), or an empty ping.  Owner; no-ops once it is not open. */
void websocket_send(struct websocket *s, struct bytes text);
void websocket_ping(struct websocket *s);
/* Bytes of messages that the connection has not taken yet. */
uint64_t websocket_queued(struct websocket *s);
/* False once the peer has closed, failed or gone: time for websocket_close. */
bool websocket_is_open(const struct websocket *s);
/* Exactly once; ends socket and exchange. */
void websocket_close(struct websocket *s, enum websocket_close_code code);

#endif
