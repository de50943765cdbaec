/* own_log.h - the process' own log lines, as logs in its own store.
 *
 *   log_write --tap--> ring of OWN_LOG_MAX lines --the tick--> tsdb_log_append
 *
 * service_name="andon"; the line is what was said; its level and room are the fields level,
 * detected_level and component.  Lines from before the store was open are in the ring as well.
 *
 * No recursion: what the draining thread writes meanwhile is not fed back, and while the store
 * cannot be written nothing is appended: the lines wait, the oldest make room.  Counted under
 * DOOR_SELF: received = accepted + rejected.
 *
 * Guarded by: its own mutex, held for copying one line.  Limits: OWN_LOG_MAX lines of at most
 * LOG_LINE_MAX bytes.
 */
#ifndef COLLECTOR_OWN_LOG_H
#define COLLECTOR_OWN_LOG_H

#include "tsdb/tsdb.h"

enum { OWN_LOG_MAX = 256 };

struct own_log;

/* Begins to listen; before threads start. */
struct own_log *own_log_new(void);
/* Appends what there is; one thread.  NULL is a no-op. */
void own_log_drain(struct own_log *s, struct tsdb *db);
/* After every other thread has ended.  NULL is a no-op. */
void own_log_free(struct own_log *s);

#endif
