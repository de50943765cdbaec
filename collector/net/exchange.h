/* exchange.h - one request and its answer, whatever carried it.
 *
 * HTTP/1.1, HTTP/2 and gRPC requests all arrive at a handler as a struct
 * exchange: the whole request (body included, as it lay on the wire: content
 * codings are the handler's business), and calls to answer it.  A handler runs
 * on the loop thread of its connection and must not block; it answers at once,
 * or keeps the exchange and answers later from any one thread.
 *
 *   handler --> exchange_reply                       one whole answer
 *           --> exchange_start, exchange_write..., exchange_end    a stream
 *           --> (kept) ... the same calls later, from a worker or another loop
 *           --> exchange_reply_grpc, or exchange_start_grpc, exchange_write_grpc...,
 *               exchange_end_grpc                  the same for gRPC
 *           --> exchange_upgrade, exchange_write..., exchange_end  another protocol
 *
 * Owner: net, until the answer was ended; a kept exchange stays valid until
 * exchange_reply or exchange_end (of gRPC, too) returns, even when the peer has gone (answers
 * then go nowhere).  Every exchange is ended exactly once.
 */
#ifndef COLLECTOR_NET_EXCHANGE_H
#define COLLECTOR_NET_EXCHANGE_H

#include "tsdb/base/arena.h"
#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

struct exchange;
struct trace;

enum { EXCHANGE_TENANT_MAX = 64 }; /* bytes of a tenant's name */

enum exchange_scope { /* bits: what the caller may do */
                      SCOPE_INGEST = 1,
                      SCOPE_QUERY = 2,
                      SCOPE_ADMIN = 4,
};

struct exchange_header {
    struct tsdb_text name, value; /* names lower case */
};

/* The request.  All views live as long as the exchange. */
struct tsdb_text exchange_method(const struct exchange *x);
struct tsdb_text exchange_path(const struct exchange *x);  /* percent-encoded, without query */
struct tsdb_text exchange_query(const struct exchange *x); /* after '?', raw */
/* First value of the header (name in lower case); empty text when absent. */
struct tsdb_text exchange_header(const struct exchange *x, const char *name);
struct bytes exchange_body(const struct exchange *x); /* a gRPC body: its one message, unframed */
bool exchange_is_grpc(const struct exchange *x);
bool exchange_is_tls(const struct exchange *x);
/* The gRPC message carried its compressed flag; coding by grpc-encoding. */
bool exchange_is_compressed(const struct exchange *x);
struct tsdb_text exchange_peer(const struct exchange *x); /* "127.0.0.1:5123" */
struct tsdb_text
exchange_tenant(const struct exchange *x); /* of the credential, NUL-terminated; "": default */
struct arena *exchange_arena(struct exchange *x); /* ends with the exchange */
/* What the request is to whoever traces it (self/trace.h): steps are put there by the thread
 * that has the exchange, before it answers. */
struct trace *exchange_trace(struct exchange *x);

/* Answering.  Content-Length, Date, security headers and (where the client
 * takes it and the body is large) gzip are net's business. */
struct exchange_answer {
    int status;
    const char *content_type;              /* NULL: none */
    const struct exchange_header *headers; /* more headers; copied */
    size_t header_count;
};

void exchange_reply(struct exchange *x, const struct exchange_answer *answer, struct bytes body);
void exchange_start(struct exchange *x, const struct exchange_answer *answer);
/* Copies.  From a worker it blocks while the peer is slow (bounded by the
 * drain deadline).  False: the peer has gone, stop. */
bool exchange_write(struct exchange *x, struct bytes part);
void exchange_end(struct exchange *x);
/* Another protocol on the connection, as a 101 answer says (HTTP/1.1 only: where not
 * exchange_can_upgrade, it must not be called).  From then on the bytes of exchange_write
 * go out as they are, at once: it never blocks, the writer looks at exchange_queued.  What
 * the peer sends is handed to input, on the loop thread, until exchange_end has returned
 * there or the peer has gone; arg must live as long as the exchange. */
typedef void exchange_input_fn(void *arg, struct bytes in);
bool exchange_can_upgrade(const struct exchange *x);
void exchange_upgrade(struct exchange *x, const struct exchange_answer *answer,
                      exchange_input_fn *input, void *arg);
/* The gRPC twin of exchange_reply: message and trailers.  status 0 sends
 * `body` as the one message; retry_after_ms > 0 adds RetryInfo. */
void exchange_reply_grpc(struct exchange *x, int grpc_status, const char *message,
                         struct bytes body, int64_t retry_after_ms);
/* A server stream of gRPC: messages, each as exchange_write takes it, then the status. */
void exchange_start_grpc(struct exchange *x);
bool exchange_write_grpc(struct exchange *x, struct bytes message);
void exchange_end_grpc(struct exchange *x, int grpc_status, const char *message);

/* Bytes of the answer that the connection has not taken yet: a writer that must not block
 * looks first.  Any thread. */
uint64_t exchange_queued(struct exchange *x);
/* False once the peer has gone: queries poll it to stop.  Any thread. */
bool exchange_is_open(const struct exchange *x);
/* Called on the loop thread when the peer goes before the answer ended. */
void exchange_on_gone(struct exchange *x, void (*fn)(void *arg), void *arg);
/* Runs fn(arg) on the exchange's loop thread, soon.  Any thread. */
void exchange_post(struct exchange *x, void (*fn)(void *arg), void *arg);

/* A route: the handler of a path, or of everything below it ("/x/" as a
 * prefix).  The longest match answers; HEAD is served by GET's handler. */
typedef void exchange_handler_fn(void *arg, struct exchange *x);

struct exchange_route {
    const char *methods; /* "GET POST" */
    const char *path;    /* a trailing '/' makes it a prefix; gRPC paths as they are */
    unsigned scope;      /* enum exchange_scope, 0: open to all */
    exchange_handler_fn *handler;
    void *arg;
};

/* Requests of a protocol whose paths cannot be listed: a name of the client's choice comes
 * first (/INDEX/_bulk), or the path is someone else's (/) and only the client's words tell
 * them apart.  A request that `has` takes goes to the handler, whatever its path and method;
 * every answer to it carries the header, net's refusals included. */
struct exchange_family {
    bool (*has)(const struct exchange *x); /* by its head; pure */
    unsigned scope;
    exchange_handler_fn *handler;
    void *arg;
    struct exchange_header header; /* name empty: none */
};

#endif
