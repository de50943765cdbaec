/* span_record.h - what the trace engine writes to the journal: one batch, self-contained.
 *
 *   u8 version 1; sized tenant
 *   uv sources; of each: fields of the resource, fields of the scope, text scope name,
 *       text scope version, text schema URL of the resource, text that of the scope
 *   uv spans; of each:
 *       u8 what follows (enum below)
 *       [16 bytes trace id]  8 bytes span id  [8 bytes parent id]  [uv source]
 *       u8 kind, u8 status, uv flags, svarint start - that of the span before (0),
 *       svarint end - start, text name, [text status message], [text trace state],
 *       [uv dropped events, uv dropped links], fields,
 *       [uv events; of each: svarint time - start, text name, fields]
 *       [uv links; of each: 16 bytes trace id, 8 bytes span id, text trace state,
 *           uv flags, fields]
 *
 *   fields   uv 2 * count + 1 when some were dropped; [uv dropped]; of each: uv name,
 *            then its value: INT svarint, DOUBLE le64 bits, BOOL u8, others text
 *   name     0: a new one follows, u8 type, sized name, and gets the next number from 1;
 *            else its number
 *   text     uv 2 * length, then so many bytes; or uv 2 * number + 1: the text of that number.
 *            Texts of SPAN_TEXT_MIN to SPAN_TEXT_MAX bytes that stand in full are numbered from
 *            0, the first SPAN_TEXTS_MAX of them
 *
 * So a name or a text that repeats stands here once, and is the same memory wherever it is
 * read.  Times and their differences wrap.
 *
 * Decoding trusts nothing: counts are bounded by the bytes that are there, and every span
 * and source passes span_limits.h but for the UTF-8 of its names.
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

enum {
    SPAN_RECORD_VERSION = 1,
    SPAN_TEXT_MIN = 3,
    SPAN_TEXT_MAX = 255,
    SPAN_TEXTS_MAX = 8192,
};

enum span_record_what {
    SPAN_HAS_TRACE = 1,  /* else that of the span before */
    SPAN_HAS_SOURCE = 2, /* likewise */
    SPAN_HAS_PARENT = 4,
    SPAN_HAS_MESSAGE = 8,
    SPAN_HAS_STATE = 16,
    SPAN_HAS_DROPPED = 32, /* events or links */
    SPAN_HAS_EVENTS = 64,
    SPAN_HAS_LINKS = 128,
};

/* Spans with verdicts[i] other than TSDB_ACCEPTED are left out (NULL: none is); so are
 * sources that no other span has.  TSDB_EINVAL: a span that is not left out, or its source,
 * does not pass span_check; nothing was appended. */
TSDB_NODISCARD enum tsdb_status span_record_write(const struct tsdb_span_batch *batch,
                                                  const uint8_t *verdicts, struct writer *out);

/* The batch again; texts borrowed from the payload, arrays in the arena.  TSDB_ECORRUPT;
 * TSDB_ELIMIT: the arena is full. */
TSDB_NODISCARD enum tsdb_status span_record_read(struct bytes payload, struct arena *arena,
                                                 struct tsdb_span_batch *out,
                                                 struct tsdb_error *err);

#endif
