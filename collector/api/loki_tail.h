/* loki_tail.h - logs as they come, over WebSockets.
 *
 *   worker:       parse -> engine's tail -> what is there already -> 101, first frame --> list
 *   thread tail:  every TAIL_TICK_MS, each tail: engine's tail -> frame -> websocket
 *
 *   {"streams":[{"stream":{...},"values":[["<ns>","line"],...]}],"dropped_entries":null}
 *
 * The engine's tail is opened before what is there already is read, so that nothing is
 * missed between; a record that both of them tell is told once.  A reader that does not
 * keep up is passed over while TAIL_QUEUE_BYTES wait for it; the engine then drops, and
 * counts.  How many is in the next frame, as one entry of dropped_entries:
 * {"labels":{"dropped":"<count>"},"timestamp":"<ns of now>"}; which ones nobody knows.
 *
 * Guarded by: the tails' mutex: the list, the count, is_stopping.  A tail is its
 * thread's between ticks as well; the list only hands over new ones.
 */
#ifndef COLLECTOR_API_LOKI_TAIL_H
#define COLLECTOR_API_LOKI_TAIL_H

#include "tsdb/base/clock.h"
#include "tsdb/tsdb.h"

enum {
    TAILS_MAX = 64,
    TAIL_TICK_MS = 50,
    TAIL_PING_S = 20,             /* of silence */
    TAIL_FRAME_ENTRIES = 1000,    /* of one frame */
    TAIL_FRAME_BYTES = 256 << 10, /* ... after which no entry is added */
    TAIL_ARENA_BYTES = 24 << 20,  /* holds the longest line with every byte escaped */
    TAIL_QUEUE_BYTES = 1 << 20,   /* a reader may be behind */
    TAIL_DELAY_MAX_S = 5,         /* of delay_for, which is taken and means nothing here */
    TAIL_ECHO_S = 5,              /* how long a record that was told may come again */
};

struct loki_tails;

struct loki_tails *loki_tails_new(struct tsdb *db, struct clock *clock);
/* Closes the open ones and refuses those that come.  Before the loops stop. */
void loki_tails_stop(struct loki_tails *t);
/* loki_tails_free(NULL) is a no-op. */
void loki_tails_free(struct loki_tails *t);

#endif
