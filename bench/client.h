/* client.h - the blocking HTTP/1.1 client of the bench programs.
 *
 * One connection, keep-alive, one request at a time; the request goes out in one writev,
 * so that the client costs little beside the server it measures.  Inline, because each
 * bench program is one source.  Loopback only: it speaks to 127.0.0.1 and nobody else.
 * Answers: content-length, chunked, or until close; the body is kept in `body` until the
 * next call.  Headers are searched in lower and upper case as servers write them.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "tsdb/base/clock.h"
#include "tsdb/base/writer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CLIENT_HEAD_MAX = 16384 };

struct client {
    int fd; /* -1: not connected */
    uint16_t port;
    char head[CLIENT_HEAD_MAX + 1];
    size_t head_len;    /* bytes of head[] that are filled */
    size_t at;          /* the first of them not used yet */
    struct writer body; /* of the last answer */
    int retry_after_s;  /* of the last answer, or -1 */
    bool is_closing;    /* the server said so */
};

static inline void client_close(struct client *c)
{
    if (c->fd != -1)
        (void)close(c->fd);
    c->fd = -1;
}

static inline bool client_connect(struct client *c)
{
    if (c->fd != -1)
        return true;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(c->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (c->fd == -1 || connect(c->fd, (const struct sockaddr *)&to, sizeof to) == -1) {
        client_close(c);
        return false;
    }
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->is_closing = false;
    return true;
}

static inline bool client_send(struct client *c, struct bytes head, struct bytes body)
{
    union {
        const void *in;
        void *out;
    } a = {.in = head.at}, b = {.in = body.at}; /* writev does not write to them */
    struct iovec parts[2] = {{a.out, head.len}, {b.out, body.len}};
    for (int i = 0; i < 2;) {
        ssize_t n = writev(c->fd, parts + i, 2 - i);
        if (n == -1 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        for (size_t left = (size_t)n; i < 2; i++) {
            size_t used = left < parts[i].iov_len ? left : parts[i].iov_len;
            parts[i].iov_base = (char *)parts[i].iov_base + used;
            parts[i].iov_len -= used;
            left -= used;
            if (parts[i].iov_len)
                break;
        }
    }
    return true;
}

/* More bytes to the end of head[]; false when the server is gone or head[] is full. */
static inline bool client_fill(struct client *c)
{
    if (c->at == c->head_len)
        c->at = c->head_len = 0;
    if (c->head_len == CLIENT_HEAD_MAX && c->at > 0) {
        memmove(c->head, c->head + c->at, c->head_len - c->at);
        c->head_len -= c->at;
        c->at = 0;
    }
    ssize_t n;
    do
        n = read(c->fd, c->head + c->head_len, CLIENT_HEAD_MAX - c->head_len);
    while (n == -1 && errno == EINTR);
    if (n <= 0)
        return false;
    c->head_len += (size_t)n;
    c->head[c->head_len] = '\0';
    return true;
}

/* The next line without its CRLF, or NULL. */
static inline char *client_line(struct client *c)
{
    for (;;) {
        char *from = c->head + c->at;
        char *end = memchr(from, '\n', c->head_len - c->at);
        if (end) {
            c->at = (size_t)(end - c->head) + 1;
            *end = '\0';
            if (end > from && end[-1] == '\r')
                end[-1] = '\0';
            return from;
        }
        if (!client_fill(c))
            return NULL;
    }
}

/* n bytes to body. */
static inline bool client_take(struct client *c, size_t n)
{
    size_t have = c->head_len - c->at < n ? c->head_len - c->at : n;
    writer_put(&c->body, c->head + c->at, have);
    c->at += have;
    for (n -= have; n;) {
        ssize_t got = read(c->fd, writer_reserve(&c->body, n), n);
        if (got == -1 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        c->body.len += (size_t)got;
        n -= (size_t)got;
    }
    return true;
}

static inline bool client_take_chunks(struct client *c)
{
    for (;;) {
        const char *line = client_line(c);
        if (!line)
            return false;
        size_t n = (size_t)strtoull(line, NULL, 16);
        if (n && !client_take(c, n))
            return false;
        if (!client_line(c)) /* the CRLF after the chunk, or the end of the trailer */
            return false;
        if (n == 0)
            return true;
    }
}

/* The status of the answer, whose body is then in c->body; 0 when there is none. */
static inline int client_answer(struct client *c)
{
    writer_reset(&c->body);
    c->retry_after_s = -1;
    size_t length = 0;
    bool is_chunked = false;
    char *line = client_line(c);
    int status = line && strncmp(line, "HTTP/1.1 ", 9) == 0 ? (int)strtol(line + 9, NULL, 10) : 0;
    if (status == 0)
        return 0;
    while ((line = client_line(c)) && *line) {
        if (strncasecmp(line, "content-length:", 15) == 0)
            length = (size_t)strtoull(line + 15, NULL, 10);
        else if (strncasecmp(line, "transfer-encoding: chunked", 26) == 0)
            is_chunked = true;
        else if (strncasecmp(line, "retry-after:", 12) == 0)
            c->retry_after_s = (int)strtol(line + 12, NULL, 10);
        else if (strncasecmp(line, "connection: close", 17) == 0)
            c->is_closing = true;
    }
    if (!line)
        return 0;
    bool is_whole = is_chunked ? client_take_chunks(c) : client_take(c, length);
    if (!is_whole || c->is_closing)
        client_close(c);
    return is_whole ? status : 0;
}

/* Sends the request, and once more on a new connection when the old one was stale.
 * The status, or 0. */
static inline int client_ask(struct client *c, struct bytes head, struct bytes body)
{
    for (int i = 0; i < 2; i++) {
        bool is_fresh = c->fd == -1;
        if (!client_connect(c))
            return 0;
        if (is_fresh)
            c->at = c->head_len = 0;
        int status = client_send(c, head, body) ? client_answer(c) : 0;
        if (status)
            return status;
        client_close(c);
        if (is_fresh)
            return 0;
    }
    return 0;
}

static inline void client_init(struct client *c, uint16_t port)
{
    memset(c, 0, sizeof *c);
    c->fd = -1;
    c->port = port;
}

static inline void client_release(struct client *c)
{
    client_close(c);
    writer_release(&c->body);
}

/* key=VALUE among the arguments, or the fallback: how the bench programs take options. */
static inline const char *option_text(int argc, char **argv, const char *key, const char *fallback)
{
    size_t len = strlen(key);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], key, len) == 0 && argv[i][len] == '=')
            return argv[i] + len + 1;
    return fallback;
}

static inline uint64_t option_number(int argc, char **argv, const char *key, uint64_t fallback)
{
    const char *text = option_text(argc, argv, key, NULL);
    return text ? strtoull(text, NULL, 10) : fallback;
}

#endif
