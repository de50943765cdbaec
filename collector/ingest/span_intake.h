/* span_intake.h - traces: bytes in the clear to appended spans, and what became of them.
 *
 *   decoder --batch--> tsdb_span_append --verdicts--> outcome
 *                                             \-----> span_metrics_observe
 *
 * An item is a span.  The first refusal of each reason in a message goes to the ring of
 * rejects, with its service, name and ids.  Threads: any. */
#ifndef COLLECTOR_INGEST_SPAN_INTAKE_H
#define COLLECTOR_INGEST_SPAN_INTAKE_H

#include "collector/decode/span_sink.h"
#include "collector/ingest/intake.h"

void span_intake_run(const struct intake_room *room, const struct intake_source *source,
                     enum intake_format format, struct bytes in, struct outcome *out);

#endif
