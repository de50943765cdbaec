/* fake_exchange.h - an exchange that remembers its answer.
 *
 * Included by one test file a binary: its functions stand in for those of
 * collector/net.  exchange_wait blocks until a worker has answered. */
#ifndef TESTS_COLLECTOR_API_FAKE_EXCHANGE_H
#define TESTS_COLLECTOR_API_FAKE_EXCHANGE_H

#include "collector/net/exchange.h"
#include "collector/self/trace.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"
#include "tsdb/base/writer.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct exchange {
    const char *path, *query, *body, *body_type, *body_coding, *accept;
    const char *headers[8][2]; /* more: names in lower case, and values */
    const char *tenant;        /* NULL: the default one */
    struct arena arena;
    struct trace trace;
    struct mutex lock;
    struct cond change;
    atomic_bool is_gone;
    int write_delay_ms;
    bool is_grpc, is_compressed;
    struct bytes message;     /* the body, where it is not text */
    exchange_input_fn *input; /* upgraded */
    void *input_arg;
    atomic_uint_fast64_t queued; /* what exchange_queued says */
    /* the answer */
    bool is_started, is_ended;
    int status, starts, ends;
    size_t writes;
    char type[96], retry_after[16];
    struct writer out;
    int grpc_status;
    char grpc_message[640];
    size_t messages[16]; /* lengths of what a stream of gRPC sent, one after the other in out */
};

static inline void exchange_init(struct exchange *x, const char *path, const char *query)
{
    memset(x, 0, sizeof *x);
    x->path = path;
    x->query = query;
    arena_init(&x->arena, 8 << 20, NULL);
    mutex_init(&x->lock);
    cond_init(&x->change);
}

static inline void exchange_release(struct exchange *x)
{
    arena_release(&x->arena);
    writer_release(&x->out);
    mutex_release(&x->lock);
    cond_release(&x->change);
}

static inline bool exchange_wait_ms(struct exchange *x, int64_t ms)
{
    mutex_lock(&x->lock);
    bool in_time = true;
    while (!x->is_ended && in_time)
        in_time = cond_wait_for(&x->change, &x->lock, ms * 1000000);
    bool is_ended = x->is_ended;
    mutex_unlock(&x->lock);
    return is_ended;
}

static inline void exchange_wait(struct exchange *x)
{
    cr_assert(exchange_wait_ms(x, 20000), "no answer: %s?%s", x->path, x->query);
    writer_u8(&x->out, 0);
    x->out.len--;
}

static inline const char *exchange_body_text(struct exchange *x)
{
    return x->out.at ? (const char *)x->out.at : "";
}

struct tsdb_text exchange_path(const struct exchange *x)
{
    return text_of(x->path);
}

struct tsdb_text exchange_query(const struct exchange *x)
{
    return x->query ? text_of(x->query) : (struct tsdb_text){0};
}

struct tsdb_text exchange_tenant(const struct exchange *x)
{
    return text_of(x->tenant ? x->tenant : "");
}

struct tsdb_text exchange_header(const struct exchange *x, const char *name)
{
    const char *value = NULL;
    if (strcmp(name, "content-type") == 0)
        value = x->body_type;
    else if (strcmp(name, "content-encoding") == 0)
        value = x->body_coding;
    else if (strcmp(name, "accept") == 0)
        value = x->accept;
    for (size_t i = 0; i < sizeof x->headers / sizeof x->headers[0] && x->headers[i][0]; i++)
        if (strcmp(name, x->headers[i][0]) == 0)
            value = x->headers[i][1];
    return value ? text_of(value) : (struct tsdb_text){0};
}

struct bytes exchange_body(const struct exchange *x)
{
    return x->body ? (struct bytes){(const uint8_t *)x->body, strlen(x->body)} : x->message;
}

struct trace *exchange_trace(struct exchange *x)
{
    return &x->trace;
}

struct arena *exchange_arena(struct exchange *x)
{
    return &x->arena;
}

bool exchange_is_open(const struct exchange *x)
{
    return !x->is_gone;
}

void exchange_start(struct exchange *x, const struct exchange_answer *answer)
{
    mutex_lock(&x->lock);
    x->starts++;
    x->is_started = true;
    x->status = answer->status;
    (void)snprintf(x->type, sizeof x->type, "%s", answer->content_type ? answer->content_type : "");
    for (size_t i = 0; i < answer->header_count; i++)
        if (text_equal(answer->headers[i].name, text_of("Retry-After")))
            (void)snprintf(x->retry_after, sizeof x->retry_after, "%.*s",
                           (int)answer->headers[i].value.len, answer->headers[i].value.at);
    mutex_unlock(&x->lock);
}

bool exchange_write(struct exchange *x, struct bytes part)
{
    mutex_lock(&x->lock);
    cr_assert(x->is_started && !x->is_ended);
    writer_put(&x->out, part.at, part.len);
    x->writes++;
    mutex_unlock(&x->lock);
    return !x->is_gone;
}

void exchange_end(struct exchange *x)
{
    mutex_lock(&x->lock);
    cr_assert(x->is_started);
    x->ends++;
    x->is_ended = true;
    cond_broadcast(&x->change);
    mutex_unlock(&x->lock);
}

void exchange_reply(struct exchange *x, const struct exchange_answer *answer, struct bytes body)
{
    exchange_start(x, answer);
    (void)exchange_write(x, body);
    exchange_end(x);
}

bool exchange_is_grpc(const struct exchange *x)
{
    return x->is_grpc;
}

bool exchange_is_compressed(const struct exchange *x)
{
    return x->is_compressed;
}

bool exchange_is_tls(const struct exchange *x)
{
    (void)x;
    return false;
}

void exchange_start_grpc(struct exchange *x)
{
    mutex_lock(&x->lock);
    cr_assert(x->is_grpc && !x->is_started);
    x->starts++;
    x->is_started = true;
    x->status = 200;
    mutex_unlock(&x->lock);
}

bool exchange_write_grpc(struct exchange *x, struct bytes message)
{
    cr_assert_lt(x->writes, sizeof x->messages / sizeof x->messages[0]);
    x->messages[x->writes] = message.len;
    return exchange_write(x, message);
}

void exchange_end_grpc(struct exchange *x, int grpc_status, const char *message)
{
    x->grpc_status = grpc_status;
    (void)snprintf(x->grpc_message, sizeof x->grpc_message, "%s", message ? message : "");
    exchange_end(x);
}

void exchange_reply_grpc(struct exchange *x, int grpc_status, const char *message,
                         struct bytes body, int64_t retry_after_ms)
{
    (void)retry_after_ms;
    exchange_start_grpc(x);
    if (grpc_status == 0)
        (void)exchange_write_grpc(x, body);
    exchange_end_grpc(x, grpc_status, message);
}

struct tsdb_text exchange_method(const struct exchange *x)
{
    return text_of(x->body ? "POST" : "GET");
}

bool exchange_can_upgrade(const struct exchange *x)
{
    return x->body == NULL;
}

void exchange_upgrade(struct exchange *x, const struct exchange_answer *answer,
                      exchange_input_fn *input, void *arg)
{
    x->input = input;
    x->input_arg = arg;
    exchange_start(x, answer);
}

/* Stands for the loop: what is posted, and what the peer sends, does not run together. */
static struct mutex fake_loop = {PTHREAD_MUTEX_INITIALIZER};

void exchange_post(struct exchange *x, void (*fn)(void *arg), void *arg)
{
    (void)x;
    mutex_lock(&fake_loop);
    fn(arg);
    mutex_unlock(&fake_loop);
}

static inline void exchange_receive(struct exchange *x, struct bytes in)
{
    mutex_lock(&fake_loop);
    x->input(x->input_arg, in);
    mutex_unlock(&fake_loop);
}

uint64_t exchange_queued(struct exchange *x)
{
    return x->queued;
}

#endif
