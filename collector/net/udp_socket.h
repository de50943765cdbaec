/* udp_socket.h - one socket of the udp door, on its loop; see udp.h. */
#ifndef COLLECTOR_NET_UDP_SOCKET_H
#define COLLECTOR_NET_UDP_SOCKET_H

#include "collector/net/site.h"

struct udp_socket;

/* Takes fd over.  Loop not started, or its thread. */
struct udp_socket *udp_socket_new(struct site *site, struct loop *loop, int fd);
void udp_socket_free(struct udp_socket *s);

#endif
