/* command_socket.h - a blocking connection of a command to a server.
 *
 * Every call ends by one deadline, given at the connect.  Owner: the command.
 */
#ifndef COLLECTOR_COMMAND_SOCKET_H
#define COLLECTOR_COMMAND_SOCKET_H

#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

struct command_socket {
    int fd;
    int64_t deadline_ns; /* monotonic */
};

/* HOST:PORT or [V6]:PORT as two texts; false when it is neither. */
bool command_address(struct tsdb_text address, char host[256], char port[8]);
/* is_datagram: UDP, else TCP. */
TSDB_NODISCARD enum tsdb_status command_connect(const char *host, const char *port,
                                                bool is_datagram, int64_t timeout_ns,
                                                struct command_socket *out, struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status command_write(struct command_socket *s, struct bytes part,
                                              struct tsdb_error *err);
/* At least one byte, at most cap; TSDB_END when the other side has closed. */
TSDB_NODISCARD enum tsdb_status command_read(struct command_socket *s, void *out, size_t cap,
                                             size_t *len, struct tsdb_error *err);
void command_disconnect(struct command_socket *s);

#endif
