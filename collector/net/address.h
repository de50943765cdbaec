/* address.h - "host:port" as people write it, and sockets bound to it.
 *
 *   127.0.0.1:4318   [::1]:4318   localhost:4318   :4318 and *:4318 (every address)
 *
 * Hosts are numbers (no name service is asked); port 0 lets the kernel choose.
 * Pure, except for the bind functions.
 */
#ifndef COLLECTOR_NET_ADDRESS_H
#define COLLECTOR_NET_ADDRESS_H

#include "tsdb/tsdb.h"

#include <sys/socket.h>

struct address {
    struct sockaddr_storage at;
    socklen_t len;
};

enum { ADDRESS_TEXT_MAX = 64 };

/* TSDB_EINVAL: not such a text. */
TSDB_NODISCARD enum tsdb_status address_parse(struct tsdb_text text, struct address *out,
                                              struct tsdb_error *err);
/* "127.0.0.1:4318", "[::1]:4318", NUL-terminated; its length.  IPv4 in IPv6
 * is written as IPv4. */
size_t address_format(const struct address *a, char out[ADDRESS_TEXT_MAX]);
bool address_is_loopback(const struct address *a);
uint16_t address_port(const struct address *a);

/* A listening TCP socket, or a UDP one; non-blocking, close-on-exec.  On
 * TSDB_OK *a holds the port in use.  is_shared: SO_REUSEPORT, for further
 * sockets on the same address. */
TSDB_NODISCARD enum tsdb_status address_listen(struct address *a, int *fd, struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status address_bind_udp(struct address *a, bool is_shared, int *fd,
                                                 struct tsdb_error *err);

#endif
