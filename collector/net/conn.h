/* conn.h - one accepted TCP connection: bytes in, bytes out, and three clocks.
 *
 *   socket (or TLS) --> conn --take--> protocol   returns how much it consumed
 *   socket (or TLS) <-- conn <-conn_write-- protocol
 *
 * A protocol is a table of functions over a state it hangs on `state`: the first
 * bytes (or ALPN) choose HTTP/1.1 or HTTP/2; the tcp door speaks frames, syslog's is a stream. What
 * a protocol does not consume is kept, up to CONN_INPUT_MAX, and offered again after conn_resume;
 * the peer then waits (back-pressure) but its going away is still seen.
 *
 * Reads on plain sockets go around libevent's 4 KiB reads: after the
 * bufferevent reported something, up to CONN_WAKEUP_BYTES are taken with recv.
 * Writes go to the socket at once when nothing is queued.
 *
 * Every entry from the loop (libevent, timer, mailbox) is enclosed in conn_enter
 * and conn_leave; conn_close only marks, and the outermost conn_leave frees.
 *
 * Deadlines: one the protocol sets (conn_deadline), on whose passing it is told
 * (late); and the drain of the output, which must empty within drain_ms plus a
 * second for each CONN_DRAIN_RATE bytes taken.
 *
 * Owner: its loop.  Everything buffered is charged to the site's budget.
 */
#ifndef COLLECTOR_NET_CONN_H
#define COLLECTOR_NET_CONN_H

#include "collector/net/address.h"
#include "collector/net/loop.h"
#include "collector/net/site.h"

struct bufferevent;
struct conn;

struct protocol {
    /* How much of `in` was consumed; less than all means: not now. */
    size_t (*take)(struct conn *c, struct bytes in);
    /* The output fell below CONN_OUTPUT_LOW. */
    void (*writable)(struct conn *c);
    /* The deadline passed. */
    void (*late)(struct conn *c);
    /* The peer sends no more.  True: it still gets answers, the protocol will
     * finish; NULL stands for false. */
    bool (*ended)(struct conn *c);
    /* The server ends: finish soon. */
    void (*drain)(struct conn *c);
    /* Last call: release the state. */
    void (*gone)(struct conn *c);
};

enum {
    CONN_INPUT_MAX = 64 << 10,
    CONN_WAKEUP_BYTES = 256 << 10,
    CONN_OUTPUT_LOW = 64 << 10,
    CONN_OUTPUT_HIGH = 256 << 10, /* protocols stop producing above */
    CONN_DRAIN_RATE = 64 << 10,   /* bytes that extend the drain by a second */
    CONN_LINGER_MS = 2000,        /* reading on after the last answer, so that it arrives */
    CONN_LINGER_DRAIN_MS = 300,   /* ... while the server ends */
    CONN_BYTES = 4 << 10,         /* charged for a connection as such */
    CONN_TLS_BYTES = 40 << 10,    /* ... and for its TLS state */
};

struct conn {
    struct site *site;
    struct loop *loop;
    enum listener door;
    const struct protocol *protocol;
    void *state; /* the protocol's */
    struct bufferevent *bev;
    int fd;
    bool is_tls, is_ready; /* ready: the TLS handshake is over */
    bool is_closing, is_finishing, is_lingering, is_resumed, has_ended;
    bool is_half_sent; /* in a request or an answer: its end is an abort */
    unsigned depth;
    enum closing why;
    struct loop_timer timer;
    int64_t read_due, drain_due; /* INT64_MAX: none */
    int64_t drain_start;
    uint64_t drained, queued, held; /* bytes: since drain_start, output, input charged */
    struct conn *next, **link;      /* the site's list of this loop */
    char peer[ADDRESS_TEXT_MAX];
};

/* Takes fd over.  On the loop's thread.  The connection is dropped at once when
 * it does not fit the budget. */
void conn_open(struct site *site, struct loop *loop, enum listener door, int fd,
               const struct address *peer);

void conn_enter(struct conn *c);
void conn_leave(struct conn *c);
/* Copies.  False: closing, nothing was taken. */
bool conn_write(struct conn *c, struct bytes out);
/* Bytes accepted by conn_write and not yet by the kernel. */
static inline uint64_t conn_queued(const struct conn *c)
{
    return c->queued;
}
/* Offers the kept input again, when the outermost conn_leave comes. */
void conn_resume(struct conn *c);
/* Ends the present wake-up; the input is offered again after other events. */
void conn_yield(struct conn *c);
/* ms from now; 0: none. */
void conn_deadline(struct conn *c, int64_t ms);
/* At a monotonic time, which may have passed; INT64_MAX: none.  What must not
 * move while bytes drip in is set by time, not by distance. */
void conn_deadline_at(struct conn *c, int64_t ns);
/* Closes once the output has drained and the peer has had time to read it;
 * nothing more is taken. */
void conn_finish(struct conn *c, enum closing why);
void conn_close(struct conn *c, enum closing why);

/* Every connection of the loop; on its thread. */
void conn_drain_all(struct site *site, struct loop *loop);
void conn_close_all(struct site *site, struct loop *loop);

#endif
