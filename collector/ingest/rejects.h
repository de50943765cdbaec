/* rejects.h - the last refusals, for whoever asks "why is my metric not there?".
 *
 * A ring of REJECTS_MAX entries, of all tenants; each keeps when, at which door, from whom, why,
 * how many items the same request lost for this reason, and a text: the series
 * and sample that was refused first, or what was wrong with the whole message.
 * Guarded by: its own mutex.  Limits: REJECT_TEXT_MAX bytes of text an entry.
 */
#ifndef COLLECTOR_INGEST_REJECTS_H
#define COLLECTOR_INGEST_REJECTS_H

#include "collector/ingest/source.h"
#include "collector/net/exchange.h"
#include "tsdb/base/thread.h"
#include "tsdb/base/writer.h"

enum { REJECTS_MAX = 100, REJECT_TEXT_MAX = 400, REJECT_PEER_MAX = 64 };

struct reject {
    int64_t wall_ns;
    enum door door;
    enum reason reason;
    char tenant[EXCHANGE_TENANT_MAX + 1];
    char peer[REJECT_PEER_MAX];
    char text[REJECT_TEXT_MAX];
};

struct rejects {
    struct mutex lock;
    struct reject ring[REJECTS_MAX];
    uint64_t count; /* ever put */
};

void rejects_init(struct rejects *r);
void rejects_release(struct rejects *r);
/* Texts are cut to fit. */
void rejects_put(struct rejects *r, int64_t wall_ns, const struct intake_source *source,
                 enum reason reason, struct tsdb_text text);
/* {"total":N,"rejects":[{"time":"...","door":...,"tenant":...,"peer":...,"reason":...,
 * "text":...}]}, newest first.  A tenant sees its own, and as total how many those are;
 * "" sees everything, and how many there ever were. */
void rejects_write_json(struct rejects *r, const char *tenant, struct writer *out);

#endif
