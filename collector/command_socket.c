#include "collector/command_socket.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool command_address(struct tsdb_text address, char host[256], char port[8])
{
    const char *colon = address.len ? memrchr(address.at, ':', address.len) : NULL;
    if (!colon)
        return false;
    size_t host_len = (size_t)(colon - address.at), port_len = address.len - host_len - 1;
    const char *from = address.at;
    if (host_len >= 2 && from[0] == '[' && from[host_len - 1] == ']') {
        from++;
        host_len -= 2;
    } else if (memchr(from, ':', host_len)) {
        return false;
    }
    if (host_len == 0 || host_len > 255 || port_len == 0 || port_len > 5)
        return false;
    memcpy(host, from, host_len);
    host[host_len] = '\0';
    memcpy(port, colon + 1, port_len);
    port[port_len] = '\0';
    return port[strspn(port, "0123456789")] == '\0';
}

/* Until the socket is ready for `events`; false when the time is over. */
static bool wait_ready(const struct command_socket *s, short events)
{
    for (;;) {
        int64_t left = s->deadline_ns - clock_mono_ns(clock_real());
        if (left <= 0)
            return false;
        struct pollfd p = {.fd = s->fd, .events = events};
        int n = poll(&p, 1, (int)(left / NS_PER_MS) + 1);
        if (n > 0)
            return true;
        if (n == -1 && errno != EINTR)
            return false;
    }
}

static bool try_address(const struct addrinfo *a, struct command_socket *s)
{
    s->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (s->fd == -1)
        return false;
    int fault = 0;
    socklen_t len = sizeof fault;
    if (connect(s->fd, a->ai_addr, a->ai_addrlen) == -1)
        fault = errno;
    if (fault == EINPROGRESS) {
        fault = ETIMEDOUT;
        if (wait_ready(s, POLLOUT) && getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &fault, &len) == -1)
            fault = errno;
    }
    if (fault == 0)
        return true;
    command_disconnect(s);
    errno = fault;
    return false;
}

enum tsdb_status command_connect(const char *host, const char *port, bool is_datagram,
                                 int64_t timeout_ns, struct command_socket *out,
                                 struct tsdb_error *err)
{
    struct addrinfo want = {.ai_family = AF_UNSPEC,
                            .ai_socktype = is_datagram ? SOCK_DGRAM : SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct command_socket s = {-1, clock_mono_ns(clock_real()) + timeout_ns};
    int fault = getaddrinfo(host, port, &want, &found);
    if (fault != 0)
        return tsdb_fail(err, TSDB_EIO, "%s: %s", host, gai_strerror(fault));
    bool is_connected = false;
    for (const struct addrinfo *a = found; a && !is_connected; a = a->ai_next)
        is_connected = try_address(a, &s);
    int reason = errno;
    freeaddrinfo(found);
    errno = reason;
    if (!is_connected)
        return tsdb_fail_os(err, "connect to %s port %s", host, port);
    *out = s;
    return TSDB_OK;
}

enum tsdb_status command_write(struct command_socket *s, struct bytes part, struct tsdb_error *err)
{
    while (part.len > 0) {
        ssize_t n = send(s->fd, part.at, part.len, MSG_NOSIGNAL);
        if (n >= 0) {
            part.at += n;
            part.len -= (size_t)n;
        } else if (errno == EAGAIN || errno == EINTR) {
            if (!wait_ready(s, POLLOUT))
                return tsdb_fail(err, TSDB_ECANCELED, "the server takes nothing: out of time");
        } else {
            return tsdb_fail_os(err, "send");
        }
    }
    return TSDB_OK;
}

enum tsdb_status command_read(struct command_socket *s, void *out, size_t cap, size_t *len,
                              struct tsdb_error *err)
{
    for (;;) {
        ssize_t n = recv(s->fd, out, cap, 0);
        if (n > 0) {
            *len = (size_t)n;
            return TSDB_OK;
        }
        if (n == 0)
            return TSDB_END;
        if (errno != EAGAIN && errno != EINTR)
            return tsdb_fail_os(err, "receive");
        if (!wait_ready(s, POLLIN))
            return tsdb_fail(err, TSDB_ECANCELED, "no answer: out of time");
    }
}

void command_disconnect(struct command_socket *s)
{
    if (s->fd >= 0)
        (void)close(s->fd); /* nothing of ours is buffered */
    s->fd = -1;
}
