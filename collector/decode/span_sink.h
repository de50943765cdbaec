/* span_sink.h - what every decoder of spans takes and gives.
 *
 *   bytes --> decoder --> sink.batch(struct tsdb_span_batch), at most DECODE_BATCH_SPANS each
 *                    \--> struct decode_tally: what was counted and what refused
 *
 * A wire item is a span and makes one span.  Conservation: received = handed + the sum of
 * rejected; items[i] says which one span i is.
 *
 * Attributes keep their names and types; arrays and maps are compact JSON (tsdb_traces.h),
 * members of maps in the order in which they were sent; of a key that repeats with one type
 * the first counts.  A span whose trace id is not 16 bytes, or span id not 8, or either all
 * zero, is refused (DECODE_BAD_RECORD), as is one whose attributes cannot be taken.
 *
 * A decoder is pure, as in log_sink.h.
 */
#ifndef COLLECTOR_DECODE_SPAN_SINK_H
#define COLLECTOR_DECODE_SPAN_SINK_H

#include "collector/decode/sink.h"

enum {
    DECODE_BATCH_SPANS = 1024,
    DECODE_BATCH_SOURCES = 256,
};

struct decode_span_batch {
    struct tsdb_span_batch batch;
    const uint32_t *items; /* one a span: ordinal of the wire item in the request */
};

struct decode_span_sink {
    /* Anything but TSDB_OK ends the decoding and is returned untouched. */
    enum tsdb_status (*batch)(void *arg, const struct decode_span_batch *batch);
    void *arg;
};

struct decode_span_task {
    const char *tenant;
    struct arena *arena; /* of the request */
    struct decode_span_sink sink;
    uint32_t items_max; /* more spans in one request are TSDB_EINVAL */
};

#endif
