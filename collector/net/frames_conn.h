/* frames_conn.h - the tcp door's protocol on a connection; see frames.h. */
#ifndef COLLECTOR_NET_FRAMES_CONN_H
#define COLLECTOR_NET_FRAMES_CONN_H

struct conn;

void frames_conn_start(struct conn *c);

#endif
