/* streams_conn.h - a stream's protocol on a connection; see streams.h. */
#ifndef COLLECTOR_NET_STREAMS_CONN_H
#define COLLECTOR_NET_STREAMS_CONN_H

struct conn;

void streams_conn_start(struct conn *c);

#endif
