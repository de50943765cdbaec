/* source.h - whom a message came from: its door, its peer, its tenant.
 *
 * Views of the caller's; valid for the call they are handed to.
 */
#ifndef COLLECTOR_INGEST_SOURCE_H
#define COLLECTOR_INGEST_SOURCE_H

#include "collector/self/counters.h"
#include "tsdb/tsdb.h"

struct intake_source {
    enum door door;
    struct tsdb_text peer;
    const char *tenant; /* of the credential; "": the default one, or not known */
};

#endif
