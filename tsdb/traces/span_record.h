/* span_record.h - what the trace engine writes to the journal: one batch, self-contained.
 *
 * Names of attributes, and short texts that repeat within the batch, are numbered and
 * written once.  The layout is drawn here by whoever writes span_record.c; a version comes
 * first.  Decoding trusts nothing: counts are bounded by the bytes that are there.
 *
 * The payload stays in memory as it is while its spans are open (head.h), so it should be
 * about as small as what came in.
 */
#ifndef TSDB_TRACES_SPAN_RECORD_H
#define TSDB_TRACES_SPAN_RECORD_H

#include "tsdb/base/arena.h"
#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum { SPAN_RECORD_VERSION = 1 };

/* Spans with verdicts[i] other than TSDB_ACCEPTED are left out (NULL: none is). */
TSDB_NODISCARD enum tsdb_status span_record_write(const struct tsdb_span_batch *batch,
                                                  const uint8_t *verdicts, struct writer *out);

/* The batch again; texts borrowed from the payload, arrays in the arena.  TSDB_ECORRUPT;
 * TSDB_ELIMIT: the arena is full. */
TSDB_NODISCARD enum tsdb_status span_record_read(struct bytes payload, struct arena *arena,
                                                 struct tsdb_span_batch *out,
                                                 struct tsdb_error *err);

#endif
