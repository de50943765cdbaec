/* intake_end.h - what became of one message, whatever its signal: verdicts of items to an
 * outcome, counters, and the ring of rejects.
 *
 * The intake of a signal counts: out->accepted, out->rejected and counts[reason] of the items
 * the engine judged.  Then intake_conclude adds those that the decoder refused, or
 * intake_fail says why the message was refused as a whole. */
#ifndef COLLECTOR_INGEST_INTAKE_END_H
#define COLLECTOR_INGEST_INTAKE_END_H

#include "collector/ingest/intake.h"

struct intake_end {
    const struct intake_room *room;
    const struct intake_source *source;
    enum signal signal;
    struct outcome *out;
    uint64_t counts[REASON_COUNT];  /* items refused */
    enum tsdb_status append_status; /* why the sink ended it, or TSDB_OK */
    struct tsdb_error err;
};

void intake_remember(const struct intake_end *in, enum reason reason, struct tsdb_text text);
/* Decoded whole. */
void intake_conclude(struct intake_end *in, const struct decode_tally *tally);
/* Ended by st. */
void intake_fail(struct intake_end *in, enum tsdb_status st);

#endif
