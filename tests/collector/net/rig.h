/* rig.h - a server on loopback with a few routes, and a blunt client for it.
 *
 *   GET  /hello            "hello\n"
 *   POST /echo             the body as it came
 *   GET  /stream           EXCHANGE_RIG_STREAM bytes, from a worker thread
 *   GET  /later            answered from a worker thread
 *   GET  /kept             kept; see rig_kept
 *   POST /ingest, GET /query, POST /admin      one scope each
 *   GET  /page             text/html
 *   POST /rig.Echo/Call    gRPC: the message back; "fail" answers 8 with RetryInfo
 */
#ifndef TESTS_COLLECTOR_NET_RIG_H
#define TESTS_COLLECTOR_NET_RIG_H

#include "collector/net/server.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"
#include "tsdb/base/writer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RIG_STREAM_BYTES = 9 << 20, RIG_WAIT_MS = 10000 };

static struct exchange *_Atomic rig_kept; /* what /kept holds */
static _Atomic int rig_gone;              /* on_gone calls */

static inline struct bytes rig_bytes(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static inline void rig_sleep_ms(int ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    (void)nanosleep(&pause, NULL);
}

static inline void rig_hello(void *arg, struct exchange *x)
{
    (void)arg;
    struct exchange_answer answer = {.status = 200, .content_type = "text/plain"};
    exchange_reply(x, &answer, rig_bytes("hello\n"));
}

static inline void rig_page(void *arg, struct exchange *x)
{
    (void)arg;
    struct exchange_answer answer = {.status = 200, .content_type = "text/html"};
    exchange_reply(x, &answer, rig_bytes("<p>\n"));
}

static inline void rig_echo(void *arg, struct exchange *x)
{
    (void)arg;
    struct tsdb_text type = exchange_header(x, "content-type");
    struct exchange_answer answer = {.status = 200};
    if (type.len)
        answer.content_type = "application/json";
    exchange_reply(x, &answer, exchange_body(x));
}

static inline void *rig_stream_run(void *arg)
{
    struct exchange *x = arg;
    struct exchange_answer answer = {.status = 200, .content_type = "text/plain"};
    uint8_t block[8192];
    rig_sleep_ms(1); /* a thread that ends while it is being named would abort */
    exchange_start(x, &answer);
    for (size_t sent = 0; sent < RIG_STREAM_BYTES; sent += sizeof block) {
        memset(block, 'a' + (int)(sent / sizeof block % 26), sizeof block);
        if (!exchange_write(x, (struct bytes){block, sizeof block}))
            break;
    }
    exchange_end(x);
    return NULL;
}

static inline void *rig_later_run(void *arg)
{
    rig_sleep_ms(20);
    rig_hello(NULL, arg);
    return NULL;
}

/* Detached in effect: the process of the test ends soon. */
static inline void rig_on_worker(void *(*run)(void *), struct exchange *x)
{
    struct thread *t = MEM_NEW(struct thread);
    thread_start(t, "rig", run, x);
    (void)pthread_detach(t->os);
    mem_free(t);
}

static inline void rig_stream(void *arg, struct exchange *x)
{
    (void)arg;
    rig_on_worker(rig_stream_run, x);
}

static inline void rig_later(void *arg, struct exchange *x)
{
    (void)arg;
    rig_on_worker(rig_later_run, x);
}

static inline void rig_note_gone(void *arg)
{
    (void)arg;
    rig_gone++;
}

static inline void rig_keep(void *arg, struct exchange *x)
{
    (void)arg;
    exchange_on_gone(x, rig_note_gone, NULL);
    rig_kept = x;
}

static inline void rig_grpc(void *arg, struct exchange *x)
{
    (void)arg;
    struct bytes body = exchange_body(x);
    if (!exchange_is_grpc(x)) {
        rig_hello(NULL, x);
    } else if (body.len == 4 && memcmp(body.at, "fail", 4) == 0) {
        exchange_reply_grpc(x, 8, "over 100% \xc3\xa4", (struct bytes){0}, 1500);
    } else if (body.len == 4 && memcmp(body.at, "keep", 4) == 0) {
        rig_keep(NULL, x);
    } else {
        exchange_reply_grpc(x, 0, NULL, body, 0);
    }
}

static const struct exchange_route rig_routes[] = {
    {"GET", "/hello", 0, rig_hello, NULL},
    {"POST PUT", "/echo", 0, rig_echo, NULL},
    {"GET", "/stream", 0, rig_stream, NULL},
    {"GET", "/later", 0, rig_later, NULL},
    {"GET", "/kept", 0, rig_keep, NULL},
    {"GET", "/page", 0, rig_page, NULL},
    {"GET", "/files/", 0, rig_page, NULL},
    {"GET", "/files/deep/", 0, rig_hello, NULL},
    {"POST", "/ingest", SCOPE_INGEST, rig_echo, NULL},
    {"GET", "/query", SCOPE_QUERY, rig_hello, NULL},
    {"POST", "/admin", SCOPE_ADMIN, rig_echo, NULL},
    {"POST", "/rig.Echo/Call", SCOPE_INGEST, rig_grpc, NULL},
};

struct rig {
    struct net_options options;
    struct net *net;
    struct budget budget;
};

static inline void rig_init(struct rig *r)
{
    net_options_init(&r->options);
    budget_init(&r->budget, 256 << 20, NULL);
    r->net = NULL;
    r->options.http = "127.0.0.1:0";
    r->options.loops = 2;
    r->options.budget = &r->budget;
    r->options.routes = rig_routes;
    r->options.route_count = sizeof rig_routes / sizeof rig_routes[0];
    rig_kept = NULL;
    rig_gone = 0;
}

static inline void rig_open(struct rig *r)
{
    struct tsdb_error err = {0};
    cr_assert_eq(net_open(&r->options, &r->net, &err), TSDB_OK, "%s", err.msg);
    net_start(r->net);
}

/* Everything charged is given back in the end. */
static inline void rig_close(struct rig *r)
{
    net_close(r->net);
    cr_assert_eq(budget_used(&r->budget), 0, "%llu bytes are still charged",
                 (unsigned long long)budget_used(&r->budget));
}

static inline struct net_counters rig_counters(const struct rig *r)
{
    struct net_counters now;
    net_counters(r->net, &now);
    return now;
}

/* ---- the client ---- */

static inline struct sockaddr_in rig_sockaddr(const struct rig *r, enum listener door)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct tsdb_text text = net_address(r->net, door);
    const char *colon = strrchr(text.at, ':');
    cr_assert_not_null(colon);
    unsigned port = (unsigned)strtoul(colon + 1, NULL, 10);
    uint8_t wire[2] = {(uint8_t)(port >> 8), (uint8_t)port};
    memcpy(&to.sin_port, wire, 2);
    (void)inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    return to;
}

static inline int rig_connect_to(const struct rig *r, enum listener door)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = rig_sockaddr(r, door);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0, "connect: errno %d", errno);
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static inline int rig_connect(const struct rig *r)
{
    return rig_connect_to(r, LISTENER_HTTP);
}

static inline bool rig_send_bytes(int fd, struct bytes out)
{
    while (out.len > 0) {
        ssize_t n = send(fd, out.at, out.len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        out.at += n;
        out.len -= (size_t)n;
    }
    return true;
}

static inline bool rig_send(int fd, const char *text)
{
    return rig_send_bytes(fd, rig_bytes(text));
}

/* Appends what comes within the time; 0 at the end, -1 when nothing came. */
static inline ssize_t rig_receive(int fd, struct writer *w, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, wait_ms) <= 0)
        return -1;
    ssize_t n = recv(fd, writer_reserve(w, 65536), 65536, 0);
    if (n > 0)
        w->len += (size_t)n;
    return n < 0 ? 0 : n;
}

/* Reads to the end of the connection; NUL-terminated in the writer. */
static inline const char *rig_read_all(int fd, struct writer *w)
{
    while (rig_receive(fd, w, RIG_WAIT_MS) > 0)
        continue;
    *writer_reserve(w, 1) = 0;
    return (const char *)w->at;
}

/* Reads until `count` times `want` was seen. */
static inline bool rig_read_until(int fd, struct writer *w, const char *want, int count)
{
    for (;;) {
        *writer_reserve(w, 1) = 0;
        int seen = 0;
        for (const char *at = (const char *)w->at; (at = strstr(at, want)) != NULL; at++)
            seen++;
        if (seen >= count)
            return true;
        if (rig_receive(fd, w, RIG_WAIT_MS) <= 0)
            return false;
    }
}

/* One request on a connection of its own; the whole answer. */
static inline const char *rig_ask(const struct rig *r, const char *request, struct writer *w)
{
    writer_reset(w);
    int fd = rig_connect(r);
    (void)rig_send(fd, request);
    const char *answer = rig_read_all(fd, w);
    (void)close(fd);
    return answer;
}

static inline int rig_status(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : -1;
}

/* Waits until the condition holds. */
#define RIG_UNTIL(condition)                                                                       \
    do {                                                                                           \
        for (int left = RIG_WAIT_MS; left > 0 && !(condition); left -= 2)                          \
            rig_sleep_ms(2);                                                                       \
        cr_assert(condition, "in vain: %s", #condition);                                           \
    } while (0)

#endif
