/* outcome.h - what became of one request, frame or datagram, before any protocol
 * puts it into words.
 *
 * Items: received = accepted + rejected, where kind is OK, PARTIAL or LIMITED.  For
 * the other kinds the message as a whole was refused (what had been stored before
 * the fault stays stored, and is sent again).
 */
#ifndef COLLECTOR_INGEST_OUTCOME_H
#define COLLECTOR_INGEST_OUTCOME_H

#include "collector/decode/sink.h"
#include "collector/self/counters.h"

enum outcome_kind {
    OUTCOME_OK = 0,
    OUTCOME_PARTIAL,      /* some items are refused for good */
    OUTCOME_INVALID,      /* does not decode */
    OUTCOME_UNSUPPORTED,  /* content type, coding or kind is not taken */
    OUTCOME_TOO_LARGE,    /* will never fit */
    OUTCOME_LIMITED,      /* over a limit of the tenant; later perhaps */
    OUTCOME_UNAUTHORIZED, /* frames and datagrams only: net answers exchanges */
    OUTCOME_UNAVAILABLE,  /* our fault; later */
};

struct outcome {
    enum outcome_kind kind;
    enum signal signal; /* of the items */
    enum reason reason; /* of a message refused as a whole */
    uint64_t received, accepted, rejected;
    uint64_t samples, histograms, exemplars; /* of `accepted`: remote write's headers */
    uint64_t position;                       /* answer when tsdb_synced() has reached it */
    int64_t retry_after_ms;                  /* 0: do not say */
    struct bytes body; /* of a bulk request's answer; in its exchange's arena */
    char message[240]; /* "" when there is nothing to say */
};

/* A message refused as a whole. */
void outcome_refuse(struct outcome *out, enum outcome_kind kind, enum reason reason,
                    const char *text);
enum reason outcome_reason_of(enum decode_reason reason);
/* "too_old", ... for answers and the ring of rejects. */
const char *outcome_reason_name(enum reason reason);
const char *outcome_door_name(enum door door);

#endif
