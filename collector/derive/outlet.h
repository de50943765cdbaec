/* outlet.h - sets to batches of the metrics store.
 *
 *   outlet_begin(tenant, ts) ( outlet_put | outlet_end )* outlet_send ...
 *
 * Sets are copied as they are put (under their lock), so that the store is asked with no
 * lock held; labels are read at that time, from the sets: they must live until outlet_send
 * returned.  Every point of something that counts carries since when (tsdb_batch.starts):
 * a set that is new, or new after a restart, begins with a zero there, and rate() is right.
 *
 * Series keys are of the set's identity and the series' name, so the store's labels callback
 * is asked for what it has not met only.
 * Owner: one thread.
 */
#ifndef COLLECTOR_DERIVE_OUTLET_H
#define COLLECTOR_DERIVE_OUTLET_H

#include "collector/derive/derived_set.h"

enum { OUTLET_POINTS = 2048, OUTLET_EXEMPLARS = 1024 };

struct outlet;

struct outlet *outlet_new(struct tsdb *db);
void outlet_free(struct outlet *o);

/* tenant is borrowed until outlet_send. */
void outlet_begin(struct outlet *o, const char *tenant, int64_t ts);
/* Whether another set fits. */
bool outlet_has_room(const struct outlet *o);
/* Samples of all its series, with its exemplars, which are taken out of it. */
void outlet_put(struct outlet *o, struct derived_set *s);
/* Its series end: stale markers. */
void outlet_end(struct outlet *o, const struct derived_set *s);
/* Appends what was put, and counts what became of it (DOOR_SPAN_METRICS).  What the store
 * does not take is lost; totals are in the next samples. */
void outlet_send(struct outlet *o);

#endif
