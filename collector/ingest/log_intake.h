/* log_intake.h - logs: bytes in the clear to appended records, and what became of them.
 *
 *   decoder --batch--> tsdb_log_append --verdicts--> outcome
 *
 * An item is a record: what log_sink.h calls one.  The first refusal of each reason in a message
 * goes to the ring of rejects, with its stream and the beginning of its line.  Threads: any. */
#ifndef COLLECTOR_INGEST_LOG_INTAKE_H
#define COLLECTOR_INGEST_LOG_INTAKE_H

#include "collector/decode/es_bulk.h"
#include "collector/decode/json_lines.h"
#include "collector/decode/log_sink.h"
#include "collector/decode/syslog.h"
#include "collector/ingest/intake.h"

/* What some formats want to be told; the others' parts are empty. */
struct log_hints {
    struct json_lines_options json_lines;
    struct es_bulk_options bulk;
    struct arena *answer; /* INTAKE_ES_BULK: where out->body goes; borrowed */
    struct syslog_options syslog;
    const struct bytes *messages; /* INTAKE_SYSLOG: these instead of `in` */
    uint32_t message_count;
};

/* hints may be NULL where the format needs none. */
void log_intake_run(const struct intake_room *room, const struct intake_source *source,
                    enum intake_format format, const struct log_hints *hints, struct bytes in,
                    struct outcome *out);

#endif
