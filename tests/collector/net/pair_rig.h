/* pair_rig.h - one connection over a socket pair and a loop stepped by hand: no
 * threads, simulated time, the same every time. */
#ifndef TESTS_COLLECTOR_NET_PAIR_RIG_H
#define TESTS_COLLECTOR_NET_PAIR_RIG_H

#include "collector/net/auth.h"
#include "collector/net/conn.h"
#include "collector/net/frames.h"
#include "collector/net/router.h"
#include "collector/net/websocket.h"
#include "collector/self/log.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <sys/socket.h>
#include <unistd.h>

struct pair {
    struct site site;
    struct clock_sim sim;
    struct exchange *kept; /* an exchange whose handler has not answered */
    struct websocket *socket;
};

static inline void pair_echo(void *arg, struct exchange *x)
{
    (void)arg;
    struct exchange_answer answer = {.status = 200, .content_type = "text/plain"};
    if (exchange_is_grpc(x))
        exchange_reply_grpc(x, 0, NULL, exchange_body(x), 0);
    else
        exchange_reply(x, &answer, exchange_body(x));
}

static inline void pair_stream(void *arg, struct exchange *x)
{
    (void)arg;
    static uint8_t block[30000];
    struct exchange_answer answer = {.status = 200};
    exchange_start(x, &answer);
    for (int i = 0; i < 10; i++)
        (void)exchange_write(x, (struct bytes){block, sizeof block});
    exchange_end(x);
}

/* Answered when the next one comes, or at the end. */
static inline void pair_keep(void *arg, struct exchange *x)
{
    struct pair *p = arg;
    if (p->kept)
        pair_echo(NULL, p->kept);
    p->kept = x;
}

/* Closed in the end. */
static inline void pair_socket(void *arg, struct exchange *x)
{
    struct pair *p = arg;
    if (!websocket_check(x))
        return;
    p->socket = websocket_accept(x);
    websocket_send(p->socket, (struct bytes){(const uint8_t *)"hello", 5});
}

static inline struct pair *pair_open(frame_sink_fn *sink)
{
    static struct pair pair;
    static const struct exchange_route routes[] = {
        {"GET POST", "/", 0, pair_echo, NULL},
        {"GET", "/s", 0, pair_stream, NULL},
        {"GET POST", "/k", SCOPE_INGEST, pair_keep, &pair},
        {"GET", "/w", 0, pair_socket, &pair},
    };
    struct web_config *config;
    struct site *site = &pair.site;
    log_set_level(LEVEL_ERROR);
    clock_sim_init(&pair.sim, INT64_C(1700000000) * NS_PER_S);
    net_limits_init(&site->limits);
    site->limits.body_bytes_max = 100000;
    site->limits.frame_bytes_max = 100000;
    budget_init(&site->budget, 64 << 20, NULL);
    site->clock = &pair.sim.clock;
    site->frame_sink = sink;
    site->loops[0] = loop_new(0, site->clock);
    site->loop_count = 1;
    ASSERT(router_new(routes, sizeof routes / sizeof routes[0], NULL, &site->router, NULL) ==
           TSDB_OK);
    ASSERT(web_config_read(fs_posix(), NULL, &config, NULL) == TSDB_OK);
    site->auth = auth_new(site->clock, config);
    return &pair;
}

static inline void pair_read(int fd)
{
    uint8_t sink[65536];
    while (recv(fd, sink, sizeof sink, MSG_DONTWAIT) > 0)
        continue;
}

struct pair_arrival {
    struct pair *pair;
    enum listener door;
    int fd;
};

static inline void pair_arrive(void *arg)
{
    struct pair_arrival *a = arg;
    struct site *site = &a->pair->site;
    struct address peer;
    ASSERT(address_parse(text_of("127.0.0.1:1"), &peer, NULL) == TSDB_OK);
    site->conn_count++;
    conn_open(site, site->loops[0], a->door, a->fd, &peer);
}

static inline void pair_steps(struct pair *p, int fd, int count)
{
    for (int i = 0; i < count; i++) {
        loop_step(p->site.loops[0]);
        pair_read(fd);
    }
}

/* Runs the bytes through one connection, cut in pieces of up to `piece`; in the
 * end nothing may be left of it. */
static inline void pair_run(struct pair *p, enum listener door, struct bytes in, size_t piece)
{
    int fds[2];
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    struct pair_arrival arrival = {p, door, fds[0]};
    loop_post(p->site.loops[0], pair_arrive, &arrival);
    pair_steps(p, fds[1], 1);
    while (in.len > 0) {
        ssize_t n = send(fds[1], in.at, in.len < piece ? in.len : piece, MSG_NOSIGNAL);
        if (n <= 0)
            break; /* closed, or it does not read on */
        in.at += n;
        in.len -= (size_t)n;
        pair_steps(p, fds[1], 1);
    }
    pair_steps(p, fds[1], 4);
    clock_sim_advance(&p->sim, 200 * NS_PER_S); /* every deadline passes */
    pair_steps(p, fds[1], 2);
    (void)close(fds[1]);
    if (p->kept)
        pair_echo(NULL, p->kept);
    p->kept = NULL;
    if (p->socket)
        websocket_close(p->socket, WEBSOCKET_NORMAL);
    p->socket = NULL;
    for (int i = 0; i < 8 && p->site.conn_count > 0; i++) {
        clock_sim_advance(&p->sim, 10 * NS_PER_S);
        loop_step(p->site.loops[0]);
    }
    loop_step(p->site.loops[0]);
    ASSERT(p->site.conn_count == 0);
    ASSERT(tally_get(&p->site.tally.exchanges_open) == 0);
    ASSERT(tally_get(&p->site.tally.frames_open) == 0);
    ASSERT(budget_used(&p->site.budget) == 0);
}

#endif
