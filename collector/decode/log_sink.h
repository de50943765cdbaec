/* log_sink.h - what every decoder of logs takes and gives.
 *
 *   bytes --> decoder --> sink.batch(struct tsdb_log_batch), at most 1024 records each
 *                    \--> struct decode_tally: what was counted and what refused
 *
 * A wire item is a record: an OTLP log record, a Loki entry, a bulk document, a syslog
 * message, a line of JSON.  One item makes one record.  Conservation:
 * received = handed + the sum of rejected; the records of a batch are consecutive
 * items that were not rejected, and items[i] says which one record i is.
 *
 * What a decoder makes of its format (Loki's rules, so that Loki's users find theirs):
 *   labels     of the stream; service_name is added by log_service_name when absent
 *   attributes of the stream: OTLP resource attributes that are no labels
 *   fields     per record, with their types; detected_level is added (log_level.h)
 *   line       the body, byte for byte; a body that is no string: compact JSON
 * Names stay as they came.  Nested maps are flattened, keys joined by '.', up to
 * DECODE_DEPTH_MAX, arrays become JSON text.
 *
 * A decoder is pure, as in sink.h: it borrows bytes, allocates from the task's arena,
 * and calls the sink.  Everything handed over lies in the input or in the arena until
 * the sink returns; the decoder may reset what it needs for a batch afterwards.
 * A time of 0 or none is task.now.
 */
#ifndef COLLECTOR_DECODE_LOG_SINK_H
#define COLLECTOR_DECODE_LOG_SINK_H

#include "collector/decode/sink.h"

enum {
    DECODE_BATCH_RECORDS = 1024,
    DECODE_BATCH_STREAMS = 256,
    DECODE_FIELDS_MAX = 512,        /* of one record or stream, flattened */
    DECODE_BATCH_BYTES = 4 << 20,   /* of lines and texts in a batch, about */
    DECODE_STREAM_VALUE_MAX = 1024, /* a longer resource attribute is a field of its records */
};

struct decode_log_batch {
    struct tsdb_log_batch batch;
    const uint32_t *items; /* one a record: ordinal of the wire item in the request */
};

struct decode_log_sink {
    /* Anything but TSDB_OK ends the decoding and is returned untouched. */
    enum tsdb_status (*batch)(void *arg, const struct decode_log_batch *batch);
    void *arg;
};

struct decode_log_task {
    const char *tenant;  /* borrowed */
    struct arena *arena; /* borrowed; scratch of the request */
    struct decode_log_sink sink;
    uint32_t items_max; /* most wire items in one request */
    int64_t now;        /* wall clock, ns */
};

#endif
