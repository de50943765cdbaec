/* waiting.h - answers that wait until the journal has what they acknowledge.
 *
 *   handler --push--> FIFO --synced >= position--> answered, by a loop thread
 *
 * In order of arrival; the first that is not ready holds the ones behind it, which
 * the next group commit frees anyway.  When the journal cannot be written the
 * whole line is answered "unavailable": nothing is acknowledged that is not kept.
 *
 * waiting_on_synced comes from the engine's thread and does not answer: it posts
 * to the loop of the first ready exchange (frames, which have no loop to post to,
 * it answers itself: a copy into the connection's buffer).
 *
 * Guarded by: `lock`, held for list work only; answers are sent without it.
 * Limit: `max` entries; then push refuses and the caller answers 503.
 */
#ifndef COLLECTOR_INGEST_WAITING_H
#define COLLECTOR_INGEST_WAITING_H

#include "collector/ingest/answer.h"
#include "collector/net/frames.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/thread.h"

/* One answer on its way; copied into the line. */
struct reply {
    struct exchange *exchange; /* or NULL: a frame */
    enum protocol protocol;
    struct frame_conn *frame; /* a reference is held */
    uint64_t sequence;        /* of the frame's envelope */
    enum door door;
    int64_t received_ns; /* monotonic */
    struct outcome outcome;
};

struct waiting_entry;

struct waiting {
    struct mutex lock;
    struct waiting_entry *first, *last; /* owned */
    uint32_t count, max;
    bool is_posted;      /* a drain is on its way */
    struct tsdb *db;     /* borrowed */
    struct clock *clock; /* borrowed */
    const char *durability;
};

void waiting_init(struct waiting *w, struct tsdb *db, struct clock *clock, uint32_t max,
                  const char *durability);
/* Nothing may wait any more. */
void waiting_release(struct waiting *w);

/* Sends the reply at once, when it need not wait (already synced, or refused), or
 * when it is ready; else queues it.  False: the line is full, nothing was done. */
bool waiting_push(struct waiting *w, const struct reply *reply);
/* Answers whatever is ready.  Any thread that may answer exchanges. */
void waiting_drain(struct waiting *w);
/* From the engine: tsdb_synced() has advanced, or writing became (im)possible. */
void waiting_on_synced(struct waiting *w);
/* Answers all as unavailable: the server goes down. */
void waiting_abandon(struct waiting *w);

uint32_t waiting_count(struct waiting *w);
/* Age of the first in line. */
int64_t waiting_age_ns(struct waiting *w);

/* Answers now, whatever the journal says; ends the exchange or frame. */
void reply_send(const struct reply *reply, const char *durability, struct clock *clock);

#endif
