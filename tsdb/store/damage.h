/* damage.h - which times the damaged segments of one signal covered.
 *
 * Answers from there are partial for as long as the file lies in quarantine/:
 * store_quarantine writes the range into the .why beside it, and the next start reads it
 * again.  Any thread; a struct of zeroes needs damage_init.
 */
#ifndef TSDB_STORE_DAMAGE_H
#define TSDB_STORE_DAMAGE_H

#include "tsdb/base/thread.h"
#include "tsdb/store/manifest.h"

struct store;

struct damage {
    struct mutex lock;       /* guards the next two */
    struct damage_range *at; /* owned */
    uint32_t count;
};

void damage_init(struct damage *d);
void damage_release(struct damage *d);
/* What lies in quarantine/ of the signal. */
void damage_load(struct damage *d, const struct store *s, enum store_signal signal);
/* A segment was, or is about to be, set aside. */
void damage_note(struct damage *d, const struct manifest_segment *entry);
/* Whether one of them had something in [start, end]. */
bool damage_is_in(struct damage *d, int64_t start, int64_t end);
/* Segments that were set aside. */
uint32_t damage_count(struct damage *d);

#endif
