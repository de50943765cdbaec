/* tls.h - TLS on accepted connections, with certificates that may change.
 *
 * OpenSSL behind libevent's bufferevents.  TLS 1.2 at least, 1.3 where both can;
 * ALPN offers h2 and http/1.1 (on the tcp door clients offer nothing).  Renegotiation
 * and compression are off; session tickets stay with OpenSSL's defaults.
 *
 * A context is built from one web config and never changed; tls_set_config
 * builds another and, only when all of it is good, publishes it: connections
 * that exist keep the one they began with.
 *
 * Guarded by lock: the present context.
 */
#ifndef COLLECTOR_NET_TLS_H
#define COLLECTOR_NET_TLS_H

#include "collector/net/web_config.h"

struct bufferevent;
struct event_base;
struct tls;

TSDB_NODISCARD enum tsdb_status tls_new(const struct web_config *config, struct tls **out,
                                        struct tsdb_error *err);
void tls_free(struct tls *tls);
/* The old one stays when the new is bad. */
TSDB_NODISCARD enum tsdb_status tls_set_config(struct tls *tls, const struct web_config *config,
                                               struct tsdb_error *err);

/* The server side of a handshake on fd, which it owns; NULL when there is no
 * memory for it. */
struct bufferevent *tls_accept(struct tls *tls, struct event_base *base, int fd);
/* After the handshake: ALPN agreed on h2. */
bool tls_chose_http2(struct bufferevent *bev);
/* Sends close_notify, without waiting for the peer's. */
void tls_say_goodbye(struct bufferevent *bev);

#endif
