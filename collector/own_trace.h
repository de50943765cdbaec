/* own_trace.h - the process' own spans, as traces in its own store.
 *
 *   trace_end --tap--> ring of OWN_TRACES_MAX requests --the tick--> tsdb_span_append
 *
 * service.name="andon".  A request is a server span, named METHOD ROUTE, with OpenTelemetry's
 * attributes of HTTP; the steps within it (a query and its wait for a worker, the append and
 * the wait for the disk) are internal spans below it.
 *
 * No recursion: what is stored here came through no door.  While the store cannot be written
 * the requests wait, the oldest make room.  Counted under DOOR_SELF: received = accepted +
 * rejected.
 *
 * Guarded by: its own mutex, held for copying one request.
 */
#ifndef COLLECTOR_OWN_TRACE_H
#define COLLECTOR_OWN_TRACE_H

#include "tsdb/tsdb.h"

enum { OWN_TRACES_MAX = 512 };

struct own_trace;

/* Begins to listen; before threads start. */
struct own_trace *own_trace_new(void);
/* Appends what there is; one thread.  NULL is a no-op. */
void own_trace_drain(struct own_trace *s, struct tsdb *db);
/* After every other thread has ended.  NULL is a no-op. */
void own_trace_free(struct own_trace *s);

#endif
