/* syslog_door.h - syslog messages from datagrams and streams to the store.
 *
 * The messages of one recvmmsg from one host, and those of one read of a stream, go into one
 * append.  A message that names no host has its peer's address for one.  Nobody is answered, so
 * every message counts as an item: received = accepted + rejected, also when the engine takes none
 * of them.  There are no credentials: messages are the default tenant's.
 *
 * Limits: SYSLOG_BATCH_MAX messages an append; SYSLOG_FRAME_MAX bytes a message.
 */
#ifndef COLLECTOR_INGEST_SYSLOG_DOOR_H
#define COLLECTOR_INGEST_SYSLOG_DOOR_H

#include "collector/ingest/reception.h"

enum { SYSLOG_BATCH_MAX = 1024 };

void syslog_door_datagrams(struct reception *r, const struct udp_datagram *at, size_t count);
/* As a stream_sink_fn. */
size_t syslog_door_stream(struct reception *r, const struct stream_piece *piece);

#endif
