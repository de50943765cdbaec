/* self_store.h - the process' own metrics, as samples in its own store, through the
 * same append as everybody's, so that the board is never empty.
 *
 * Each sample carries job="andon" and instance.  Counted under DOOR_SELF.
 * Owner: the thread that calls it. */
#ifndef COLLECTOR_SELF_STORE_H
#define COLLECTOR_SELF_STORE_H

#include "tsdb/tsdb.h"

struct self_store;

struct self_store *self_store_new(struct tsdb *db, const char *instance);
/* Reads all counters and appends them at `now`. */
void self_store_append(struct self_store *s, int64_t now);
void self_store_free(struct self_store *s);

#endif
