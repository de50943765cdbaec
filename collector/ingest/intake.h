/* intake.h - bytes in the clear to appended points, and what became of them.
 *
 *   decoder --batch--> delta totals --> tsdb_append --verdicts--> outcome
 *
 * An item is refused when any of its points is, for the reason of its first
 * refused point.  The first refusal of each reason in a message goes to the ring
 * of rejects, with its series and sample.  Counters: every item received is
 * counted once as accepted or under one reason.
 * Threads: any; an intake belongs to one call.
 */
#ifndef COLLECTOR_INGEST_INTAKE_H
#define COLLECTOR_INGEST_INTAKE_H

#include "collector/decode/otlp_metrics.h"
#include "collector/ingest/delta.h"
#include "collector/ingest/outcome.h"
#include "collector/ingest/rejects.h"
#include "collector/ingest/source.h"

enum intake_format {
    INTAKE_OTLP,
    INTAKE_REMOTE_WRITE,
    INTAKE_REMOTE_WRITE_2,
    INTAKE_OTLP_LOGS, /* from here on: log_intake.h */
    INTAKE_LOKI,
    INTAKE_LOKI_JSON,
    INTAKE_JSON_LINES,
    INTAKE_ES_BULK,
    INTAKE_SYSLOG,
    INTAKE_OTLP_TRACE, /* from here on: span_intake.h */
    INTAKE_ZIPKIN,
};

static inline enum signal intake_signal(enum intake_format format)
{
    if (format >= INTAKE_OTLP_TRACE)
        return SIGNAL_TRACES;
    return format >= INTAKE_OTLP_LOGS ? SIGNAL_LOGS : SIGNAL_METRICS;
}

/* What every intake shares; all borrowed. */
struct intake_room {
    struct tsdb *db;
    struct clock *clock;
    struct budget *budget;
    struct otlp_options otlp;
    struct delta *delta;
    struct rejects *rejects;
    struct span_metrics *span_metrics; /* sees accepted spans; or NULL */
    uint32_t items_max;
    size_t arena_bytes_max; /* scratch of one message */
    bool has_start_zeros;   /* start times of totals go to the engine */
};

void intake_run(const struct intake_room *room, const struct intake_source *source,
                enum intake_format format, struct bytes in, struct outcome *out);

#endif
