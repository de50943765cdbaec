/* command_trace.h - traces in a terminal: a search's table, a metric query's, a tree of spans. */
#ifndef COLLECTOR_COMMAND_TRACE_H
#define COLLECTOR_COMMAND_TRACE_H

#include "collector/command_server.h"

/* The form has q, and a range where has_range; answers the exit status. */
int trace_query(const struct server *server, struct bytes form, bool has_range, bool is_json);

#endif
