/* udp_socket.h - one socket of a datagram door, on its loop; see udp.h. */
#ifndef COLLECTOR_NET_UDP_SOCKET_H
#define COLLECTOR_NET_UDP_SOCKET_H

#include "collector/net/site.h"

struct udp_socket;

/* Takes fd over.  door: LISTENER_UDP or LISTENER_SYSLOG_UDP.  Loop not started, or its
 * thread. */
struct udp_socket *udp_socket_new(struct site *site, struct loop *loop, enum listener door, int fd);
void udp_socket_free(struct udp_socket *s);

#endif
