/* carrier.h - an exchange from the side of the connection that carries it.
 *
 *   carrier (h1, h2)                    exchange                handler (any thread)
 *   exchange_new, set request    -->
 *   router_admit, body, router_run -->             --> handler
 *                                       answer   <-- exchange_reply, start, write, end
 *   ops->answer (loop thread)    <--  flush
 *   exchange_pull: head, parts   <--
 *   exchange_detach              -->  on_gone when the answer had not ended
 *
 * References: the carrier's, given back by exchange_detach, and the handler's
 * (or a refusal's), taken before it runs and given back when the answer ends.
 * The request is constant once the
 * handler runs.  Guarded by lock: the fields of struct exchange_output.
 * Atomic: refs; is_open, a hint that orders nothing.
 */
#ifndef COLLECTOR_NET_CARRIER_H
#define COLLECTOR_NET_CARRIER_H

#include "collector/net/exchange.h"
#include "collector/net/loop.h"
#include "collector/net/site.h"
#include "collector/self/trace.h"
#include "tsdb/base/thread.h"
#include "tsdb/base/writer.h"

enum {
    EXCHANGE_ARENA_MAX = 64 << 20,
    EXCHANGE_QUEUE_MAX = 4 << 20, /* bytes a worker may be ahead of its peer */
    EXCHANGE_PART_BYTES = 64 << 10,
    GZIP_BYTES_MIN = 1024,
};

struct carrier_ops {
    /* There is something to pull.  Loop thread; must not run the handler. */
    void (*answer)(void *carrier, struct exchange *x);
    /* What ADMIT_WAIT waited for: go on with the body, or the exchange has been
     * refused (and answered).  Loop thread. */
    void (*admitted)(void *carrier, struct exchange *x, bool is_admitted);
};

struct part {
    struct part *next;
    size_t len, off, cap;
    uint8_t bytes[];
};

/* The head of an answer, in lower-case field lines "name: value\r\n". */
struct answer_head {
    int status;
    struct writer lines; /* owned */
    int64_t length;      /* of the body; -1: not known, a stream */
};

struct exchange_output {
    struct answer_head head;
    struct part *first, *tail;
    uint64_t pending; /* bytes in parts */
    bool is_started, is_ended, is_gone, is_posted;
    int grpc_status;             /* -1: not a gRPC answer; 0: messages come, then trailers */
    struct writer grpc_trailers; /* lines, as in the head; constant since is_ended */
    void (*on_gone)(void *arg);
    void *gone_arg;
    struct cond room;
};

struct exchange {
    _Atomic uint32_t refs;
    _Atomic bool is_open;
    struct site *site;
    struct loop *loop;
    enum listener door;
    const struct carrier_ops *ops; /* loop thread; NULL once detached */
    void *carrier;
    struct arena arena;

    struct tsdb_text method, path, query;
    struct exchange_header *headers;
    uint32_t header_count;
    uint8_t *body; /* owned, charged */
    size_t body_len, body_cap;
    struct bytes message; /* what exchange_body answers */
    bool is_grpc, is_tls, is_compressed, is_head;
    bool takes_upgrade; /* the carrier can hand its bytes to another protocol */
    bool takes_gzip, wants_html;
    char peer[64];
    int64_t started_ns; /* monotonic */
    struct trace trace;

    const struct exchange_route *route;
    const struct exchange_header *header; /* of every answer; NULL: none */
    struct tsdb_text tenant;
    unsigned scopes;

    exchange_input_fn *input; /* constant from the head of the answer on; NULL: not upgraded */
    void *input_arg;

    bool is_gzip; /* the answering thread's */
    struct deflater *deflater;
    struct mutex lock;
    struct exchange_output out;
};

/* ---- making one: loop thread ---- */

struct exchange *exchange_new(struct site *site, struct loop *loop, const struct carrier_ops *ops,
                              void *carrier);
/* Room for `count` headers; false when it does not fit. */
bool exchange_set_headers(struct exchange *x, uint32_t count);
/* target in origin form. */
void exchange_set_target(struct exchange *x, struct tsdb_text target);
/* What follows from the headers: is_grpc and what the client takes. */
void exchange_look(struct exchange *x);
/* hint: bytes still expected, 0 when not known.  False: the budget is full. */
bool exchange_add_body(struct exchange *x, struct bytes piece, uint64_t hint);
/* The request is complete: it has begun, and goes to its handler next. */
void exchange_began(struct exchange *x);
/* The answer was handed on in full: the request is counted, and its trace ends. */
void exchange_answered(struct exchange *x);
/* The carrier is done with it, or the peer has gone. */
void exchange_detach(struct exchange *x);
void exchange_ref(struct exchange *x);
void exchange_unref(struct exchange *x);

/* ---- net's own answers ---- */

struct refusal {
    int status;               /* of HTTP; gRPC gets its equivalent */
    const char *text;         /* one line */
    int64_t retry_after_s;    /* 0: none */
    const char *name, *value; /* one more field, or NULL */
};

/* In the form of the request: gRPC status, JSON or plain text.  Ends the answer
 * in place of the handler. */
void exchange_refuse(struct exchange *x, const struct refusal *refusal);
/* 1 to 5, spread so that clients do not come back together. */
int64_t exchange_retry_after_s(void);

/* ---- sending: loop thread ---- */

enum pull { PULL_NOTHING, PULL_PART, PULL_END };

/* NULL before the answer has started; stays valid until detach. */
const struct answer_head *exchange_pull_head(struct exchange *x);
/* PULL_PART: *part is the caller's (part_free); PULL_END: that was all. */
enum pull exchange_pull(struct exchange *x, struct part **part);
void part_free(struct exchange *x, struct part *part);

#endif
