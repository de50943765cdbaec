/* fake_peer.h - exchanges and frame connections in the test's hands.
 *
 * Defines the exchange_* and frame_conn_* functions that the room calls, so that the
 * linker takes none of the real ones.  A fake exchange keeps what it was answered; a
 * function posted to it runs when the test says so.
 */
#ifndef TESTS_COLLECTOR_INGEST_FAKE_PEER_H
#define TESTS_COLLECTOR_INGEST_FAKE_PEER_H

#include "collector/net/exchange.h"
#include "collector/net/frames.h"
#include "collector/self/trace.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { FAKE_HEADERS_MAX = 8 };

struct exchange {
    const char *tenant; /* NULL: the default one */
    const char *names[FAKE_HEADERS_MAX], *values[FAKE_HEADERS_MAX];
    uint32_t header_count;
    const char *method, *path, *query; /* NULL: "POST", "/", "" */
    struct arena arena;
    struct trace trace;
    struct bytes body;
    bool is_grpc, is_compressed;
    /* the answer */
    uint32_t answers;
    int status, grpc_status;
    char content_type[64], headers[512], message[256];
    int64_t retry_after_ms;
    uint8_t reply[4096];
    size_t reply_len;
    /* a posted function */
    void (*posted)(void *arg);
    void *posted_arg;
};

static inline void fake_header(struct exchange *x, const char *name, const char *value)
{
    x->names[x->header_count] = name;
    x->values[x->header_count++] = value;
}

struct tsdb_text exchange_header(const struct exchange *x, const char *name)
{
    for (uint32_t i = 0; i < x->header_count; i++)
        if (strcmp(x->names[i], name) == 0)
            return text_of(x->values[i]);
    return text_of("");
}

struct tsdb_text exchange_method(const struct exchange *x)
{
    return text_of(x->method ? x->method : "POST");
}

struct tsdb_text exchange_path(const struct exchange *x)
{
    return text_of(x->path ? x->path : "/");
}

struct tsdb_text exchange_query(const struct exchange *x)
{
    return text_of(x->query ? x->query : "");
}

struct trace *exchange_trace(struct exchange *x)
{
    return &x->trace;
}

/* The test releases it. */
struct arena *exchange_arena(struct exchange *x)
{
    if (x->arena.limit == 0)
        arena_init(&x->arena, 1 << 20, NULL);
    return &x->arena;
}

struct bytes exchange_body(const struct exchange *x)
{
    return x->body;
}

bool exchange_is_grpc(const struct exchange *x)
{
    return x->is_grpc;
}

bool exchange_is_compressed(const struct exchange *x)
{
    return x->is_compressed;
}

struct tsdb_text exchange_tenant(const struct exchange *x)
{
    return text_of(x->tenant ? x->tenant : "");
}

struct tsdb_text exchange_peer(const struct exchange *x)
{
    (void)x;
    return text_of("127.0.0.1:5123");
}

static void keep_body(struct exchange *x, struct bytes body)
{
    cr_assert_leq(body.len, sizeof x->reply);
    if (body.len)
        memcpy(x->reply, body.at, body.len);
    x->reply_len = body.len;
}

void exchange_reply(struct exchange *x, const struct exchange_answer *answer, struct bytes body)
{
    size_t len = 0;
    x->answers++;
    x->status = answer->status;
    (void)snprintf(x->content_type, sizeof x->content_type, "%s",
                   answer->content_type ? answer->content_type : "");
    for (size_t i = 0; i < answer->header_count; i++)
        len += (size_t)snprintf(x->headers + len, sizeof x->headers - len, "%.*s: %.*s\n",
                                (int)answer->headers[i].name.len, answer->headers[i].name.at,
                                (int)answer->headers[i].value.len, answer->headers[i].value.at);
    keep_body(x, body);
}

void exchange_reply_grpc(struct exchange *x, int grpc_status, const char *message,
                         struct bytes body, int64_t retry_after_ms)
{
    x->answers++;
    x->status = 200;
    x->grpc_status = grpc_status;
    (void)snprintf(x->message, sizeof x->message, "%s", message);
    x->retry_after_ms = retry_after_ms;
    keep_body(x, body);
}

void exchange_post(struct exchange *x, void (*fn)(void *arg), void *arg)
{
    cr_assert_null(x->posted);
    x->posted = fn;
    x->posted_arg = arg;
}

static inline void fake_run_posted(struct exchange *x)
{
    void (*fn)(void *arg) = x->posted;
    x->posted = NULL;
    if (fn)
        fn(x->posted_arg);
}

struct frame_conn {
    int refs;
    uint32_t acks;
    uint8_t ack[512];
    size_t ack_len;
};

void frame_conn_ref(struct frame_conn *conn)
{
    conn->refs++;
}

void frame_conn_unref(struct frame_conn *conn)
{
    conn->refs--;
}

void frame_conn_send(struct frame_conn *conn, struct bytes ack)
{
    cr_assert_leq(ack.len, sizeof conn->ack);
    memcpy(conn->ack, ack.at, ack.len);
    conn->ack_len = ack.len;
    conn->acks++;
}

struct tsdb_text frame_conn_peer(const struct frame_conn *conn)
{
    (void)conn;
    return text_of("127.0.0.1:7000");
}

#endif
