/* log_intake.h - logs: bytes in the clear to appended records, and what became of them.
 *
 *   decoder --batch--> tsdb_log_append --verdicts--> outcome
 *
 * An item is a record.  The first refusal of each reason in a message goes to the ring of
 * rejects, with its stream and the beginning of its line.  Threads: any. */
#ifndef COLLECTOR_INGEST_LOG_INTAKE_H
#define COLLECTOR_INGEST_LOG_INTAKE_H

#include "collector/decode/log_sink.h"
#include "collector/ingest/intake.h"

void log_intake_run(const struct intake_room *room, const struct intake_source *source,
                    enum intake_format format, struct bytes in, struct outcome *out);

#endif
