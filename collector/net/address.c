#include "collector/net/address.h"

#include "collector/net/server.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HOST_MAX = 46, LISTEN_BACKLOG = 1024 };

static void port_put(in_port_t *out, uint16_t port)
{
    uint8_t wire[2] = {(uint8_t)(port >> 8), (uint8_t)port};
    memcpy(out, wire, sizeof wire);
}

static uint16_t port_get(const in_port_t *in)
{
    uint8_t wire[2];
    memcpy(wire, in, sizeof wire);
    return (uint16_t)(wire[0] << 8 | wire[1]);
}

static struct sockaddr_in as_v4(const struct address *a)
{
    struct sockaddr_in v4;
    memcpy(&v4, &a->at, sizeof v4);
    return v4;
}

static struct sockaddr_in6 as_v6(const struct address *a)
{
    struct sockaddr_in6 v6;
    memcpy(&v6, &a->at, sizeof v6);
    return v6;
}

static bool port_parse(struct tsdb_text text, uint16_t *out)
{
    uint32_t port = 0;
    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(text.at[i] - '0');
    }
    if (port > UINT16_MAX)
        return false;
    *out = (uint16_t)port;
    return true;
}

/* Splits at the last colon; takes the brackets off. */
static bool split(struct tsdb_text text, struct tsdb_text *host, struct tsdb_text *port)
{
    size_t colon = text.len;
    while (colon > 0 && text.at[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    *host = (struct tsdb_text){text.at, colon - 1};
    *port = (struct tsdb_text){text.at + colon, text.len - colon};
    bool has_colon = host->len && memchr(host->at, ':', host->len);
    if (host->len >= 2 && host->at[0] == '[' && host->at[host->len - 1] == ']') {
        host->at++;
        host->len -= 2;
        return host->len > 0;
    }
    return !has_colon;
}

static bool host_parse(struct tsdb_text host, uint16_t port, struct address *out)
{
    char z[HOST_MAX];
    if (host.len == 0 || text_equal(host, text_of("*")))
        host = text_of("::");
    if (text_equal(host, text_of("localhost")))
        host = text_of("127.0.0.1");
    if (host.len >= sizeof z)
        return false;
    memcpy(z, host.at, host.len);
    z[host.len] = 0;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    *out = (struct address){0};
    if (inet_pton(AF_INET, z, &v4.sin_addr) == 1) {
        port_put(&v4.sin_port, port);
        memcpy(&out->at, &v4, sizeof v4);
        out->len = sizeof v4;
        return true;
    }
    if (inet_pton(AF_INET6, z, &v6.sin6_addr) != 1)
        return false;
    port_put(&v6.sin6_port, port);
    memcpy(&out->at, &v6, sizeof v6);
    out->len = sizeof v6;
    return true;
}

enum tsdb_status address_parse(struct tsdb_text text, struct address *out, struct tsdb_error *err)
{
    struct tsdb_text host, port_text;
    uint16_t port;
    struct address parsed;
    if (text.len == 0 || memchr(text.at, 0, text.len) || !split(text, &host, &port_text) ||
        !port_parse(port_text, &port) || !host_parse(host, port, &parsed))
        return tsdb_fail(err, TSDB_EINVAL,
                         "address \"%.*s\": want HOST:PORT, the host an IP address or localhost",
                         (int)(text.len < 80 ? text.len : 80), text.at);
    *out = parsed;
    return TSDB_OK;
}

uint16_t address_port(const struct address *a)
{
    if (a->at.ss_family == AF_INET) {
        struct sockaddr_in v4 = as_v4(a);
        return port_get(&v4.sin_port);
    }
    struct sockaddr_in6 v6 = as_v6(a);
    return port_get(&v6.sin6_port);
}

size_t address_format(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    int n;
    if (a->at.ss_family == AF_INET) {
        struct sockaddr_in v4 = as_v4(a);
        (void)inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
        n = snprintf(out, ADDRESS_TEXT_MAX, "%s:%u", host, address_port(a));
    } else if (a->at.ss_family == AF_INET6) {
        struct sockaddr_in6 v6 = as_v6(a);
        bool is_mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
        if (is_mapped)
            (void)inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, host, sizeof host);
        else
            (void)inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
        n = snprintf(out, ADDRESS_TEXT_MAX, is_mapped ? "%s:%u" : "[%s]:%u", host, address_port(a));
    } else {
        n = snprintf(out, ADDRESS_TEXT_MAX, "unknown");
    }
    return n > 0 ? (size_t)n : 0;
}

bool address_is_loopback(const struct address *a)
{
    if (a->at.ss_family == AF_INET) {
        struct sockaddr_in v4 = as_v4(a);
        uint8_t wire[4];
        memcpy(wire, &v4.sin_addr, sizeof wire);
        return wire[0] == 127;
    }
    struct sockaddr_in6 v6 = as_v6(a);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
        return v6.sin6_addr.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

bool net_is_loopback(struct tsdb_text host)
{
    struct address a;
    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
        host = (struct tsdb_text){host.at + 1, host.len - 2};
    return host.len > 0 && host_parse(host, 0, &a) && address_is_loopback(&a);
}

static enum tsdb_status learn_port(int fd, struct address *a, struct tsdb_error *err)
{
    struct address bound = {.len = sizeof bound.at};
    if (getsockname(fd, (struct sockaddr *)&bound.at, &bound.len) == -1)
        return tsdb_fail_os(err, "address in use");
    *a = bound;
    return TSDB_OK;
}

static enum tsdb_status bind_socket(struct address *a, int type, int option, int *out,
                                    struct tsdb_error *err)
{
    char text[ADDRESS_TEXT_MAX];
    (void)address_format(a, text);
    int one = 1, zero = 0;
    int fd = socket(a->at.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return tsdb_fail_os(err, "socket for %s", text);
    if (option)
        (void)setsockopt(fd, SOL_SOCKET, option, &one, sizeof one); /* bind would tell */
    if (a->at.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero); /* default anyway */
    enum tsdb_status st = TSDB_OK;
    if (bind(fd, (const struct sockaddr *)&a->at, a->len) == -1)
        st = tsdb_fail_os(err, "bind %s", text);
    else if (type == SOCK_STREAM && listen(fd, LISTEN_BACKLOG) == -1)
        st = tsdb_fail_os(err, "listen %s", text);
    else
        st = learn_port(fd, a, err);
    if (st == TSDB_OK)
        *out = fd;
    else
        (void)close(fd);
    return st;
}

enum tsdb_status address_listen(struct address *a, int *fd, struct tsdb_error *err)
{
    return bind_socket(a, SOCK_STREAM, SO_REUSEADDR, fd, err);
}

enum tsdb_status address_bind_udp(struct address *a, bool is_shared, int *fd,
                                  struct tsdb_error *err)
{
    return bind_socket(a, SOCK_DGRAM, is_shared ? SO_REUSEPORT : 0, fd, err);
}
