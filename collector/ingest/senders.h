/* senders.h - whose datagrams arrive, and how many did not.
 *
 * A sender numbers its envelopes 1, 2, 3, ...; what is missing in between is lost
 * (or late: a number that comes after all is taken back).  1 is a fresh start; 0 is
 * not numbered.  A jump of more than SENDER_JUMP_MAX, either way, is a fresh start as well: one
 * hostile number must not make a trillion losses.
 * Guarded by: its own mutex.  Limit: SENDERS_MAX, the longest idle makes room.
 */
#ifndef COLLECTOR_INGEST_SENDERS_H
#define COLLECTOR_INGEST_SENDERS_H

#include "collector/decode/envelope.h"
#include "collector/net/exchange.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/thread.h"
#include "tsdb/base/writer.h"

enum { SENDERS_MAX = 1024, SENDER_JUMP_MAX = 1 << 20 };

struct sender {
    char tenant[EXCHANGE_TENANT_MAX + 1];
    char id[ENVELOPE_SENDER_MAX + 1];
    uint64_t last; /* sequence */
    uint64_t received, lost, late, rejected_items, rejected_messages;
    int64_t seen_ns; /* monotonic; 0: a free slot */
};

struct senders {
    struct mutex lock;
    struct sender *at; /* owned; SENDERS_MAX */
    uint64_t *tags;    /* owned; hash of tenant and id: what a look-up scans */
    uint32_t count;
};

void senders_init(struct senders *s);
void senders_release(struct senders *s);

/* One envelope came; returns how many more are missing than before (may be -1).  An id is
 * the tenant's own: two tenants' senders may have the same. */
int64_t senders_seen(struct senders *s, const char *tenant, struct tsdb_text id, uint64_t sequence,
                     int64_t now_ns);
/* What became of it. */
void senders_rejected(struct senders *s, const char *tenant, struct tsdb_text id, uint64_t items,
                      bool is_whole);
uint32_t senders_count(struct senders *s);
/* {"senders":[{"tenant":...,"id":...,"received":...,"lost":...,...}]}: the tenant's own; of
 * all tenants for "". */
void senders_write_json(struct senders *s, const char *tenant, struct writer *out);

#endif
