#include "collector/net/listener.h"

#include "collector/net/conn.h"
#include "collector/self/log.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct acceptor {
    struct site *site;
    struct loop *loop;
    enum listener door;
    int fd, reserve_fd; /* reserve: -1 when it could not be had */
    struct event *event;
    struct loop_timer pause;
    unsigned turn;
};

struct arrival {
    struct site *site;
    struct loop *loop;
    enum listener door;
    int fd;
    struct address peer;
};

static void arrive(void *arg)
{
    struct arrival *a = arg;
    conn_open(a->site, a->loop, a->door, a->fd, &a->peer);
    mem_free(a);
}

/* Best effort: the socket's buffer is empty, so these few bytes fit. */
static void turn_away(struct site *site, enum listener door, int fd)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n"
                                 "content-length: 0\r\nconnection: close\r\n\r\n";
    if (door != LISTENER_TCP && door != LISTENER_SYSLOG_TCP && !site->tls) {
        uint8_t scratch[4096];
        (void)send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)shutdown(fd, SHUT_WR);
        (void)recv(fd, scratch, sizeof scratch, MSG_DONTWAIT); /* unread bytes would reset */
    }
    (void)close(fd);
    tally_add(&site->tally.closed[door][CLOSING_LIMIT], 1);
}

static void deal(struct acceptor *a, int fd, const struct address *peer)
{
    struct site *site = a->site;
    tally_add(&site->tally.accepted[a->door], 1);
    if (atomic_fetch_add(&site->conn_count, 1) >= site->limits.connections_max) {
        (void)atomic_fetch_sub(&site->conn_count, 1);
        turn_away(site, a->door, fd);
        return;
    }
    struct arrival *arrival = MEM_NEW(struct arrival);
    *arrival = (struct arrival){.site = site, .door = a->door, .fd = fd, .peer = *peer};
    arrival->loop = site->loops[a->turn++ % site->loop_count];
    if (arrival->loop == a->loop)
        arrive(arrival);
    else
        loop_post(arrival->loop, arrive, arrival);
}

static int reserve_take(void)
{
    return eventfd(0, EFD_CLOEXEC);
}

/* No descriptor is left: get rid of one caller, then rest. */
static void out_of_descriptors(struct acceptor *a)
{
    if (a->reserve_fd >= 0)
        (void)close(a->reserve_fd);
    int fd = accept4(a->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        tally_add(&a->site->tally.accepted[a->door], 1);
        turn_away(a->site, a->door, fd);
    }
    a->reserve_fd = reserve_take();
    tally_add(&a->site->tally.accept_pauses, 1);
    log_warn("net", "out of file descriptors, accepting pauses pause_ms=%d", LISTENER_PAUSE_MS);
    (void)event_del(a->event);
    loop_timer_set(a->loop, &a->pause, LISTENER_PAUSE_MS * NS_PER_MS);
}

static void on_acceptable(evutil_socket_t listening, short what, void *arg)
{
    (void)what;
    struct acceptor *a = arg;
    for (int left = LISTENER_PER_WAKEUP; left > 0; left--) {
        struct address peer = {.len = sizeof peer.at};
        int fd = accept4(listening, (struct sockaddr *)&peer.at, &peer.len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            deal(a, fd, &peer);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            out_of_descriptors(a);
        if (errno != ECONNABORTED && errno != EINTR)
            return; /* EAGAIN: all were taken */
    }
}

static void on_pause_over(void *arg)
{
    struct acceptor *a = arg;
    (void)event_add(a->event, NULL);
}

struct acceptor *acceptor_new(struct site *site, enum listener door, int fd)
{
    struct acceptor *a = MEM_NEW(struct acceptor);
    *a = (struct acceptor){.site = site, .loop = site->loops[0], .door = door, .fd = fd};
    a->pause = (struct loop_timer){.fn = on_pause_over, .arg = a};
    a->reserve_fd = reserve_take();
    a->event = event_new(loop_base(a->loop), fd, EV_READ | EV_PERSIST, on_acceptable, a);
    ASSERT(a->event != NULL);
    return a;
}

void acceptor_start(struct acceptor *a)
{
    (void)event_add(a->event, NULL);
}

void acceptor_free(struct acceptor *a)
{
    if (!a)
        return;
    loop_timer_clear(a->loop, &a->pause);
    event_free(a->event);
    (void)close(a->fd);
    if (a->reserve_fd >= 0)
        (void)close(a->reserve_fd);
    mem_free(a);
}
