/* sink.h - what every metrics decoder takes and gives.
 *
 *   bytes --> decoder --> sink.batch(struct decode_batch), at most 1024 points each
 *                    \--> struct decode_tally: what was counted and what refused
 *
 * Words: a *wire item* is what the sender counts: a sample or a histogram of
 * remote write, a data point of OTLP.  One item makes one point or (classic
 * histograms, summaries) several; decode_note.item says which points belong
 * together.  Conservation: received = handed + the sum of rejected.
 *
 * A decoder is pure: it reads borrowed bytes, allocates from the task's arena
 * (and, batch by batch, from its budget), and has no other effect than calling
 * the sink.  Batches handed over before a fault stay handed over: the caller
 * answers "invalid" for the request, and what was stored is stored.
 *
 * Keys: hash128(task.seed, raw label bytes) as tsdb_point.key wants them; the
 * labels themselves are parsed only when the engine asks (batch.labels).
 * Times that do not fit int64 nanoseconds are clamped: the engine then says
 * too_old or too_new.
 */
#ifndef COLLECTOR_DECODE_SINK_H
#define COLLECTOR_DECODE_SINK_H

#include "tsdb/base/arena.h"
#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

#include <stdarg.h>

enum {
    DECODE_BATCH_POINTS = 1024,
    DECODE_BATCH_EXEMPLARS = 1024,
    DECODE_BATCH_METADATA = 256,
    DECODE_LABELS_MAX = 256, /* labels a decoder gathers; the engine's limit is lower */
    DECODE_DEPTH_MAX = 32,   /* nesting of an attribute value */
};

/* The bits of the value, or of the sum of a histogram, that ends a series. */
#define DECODE_STALE_BITS UINT64_C(0x7ff0000000000002)

enum decode_reason {
    DECODE_BAD_HISTOGRAM = 0, /* native: spans, counts or schema contradict each other */
    DECODE_BAD_POINT,         /* classic: bounds and counts do not match, too many buckets */
    DECODE_NO_NAME,           /* a metric whose name is empty once translated */
    DECODE_BAD_SYMBOL,        /* remote write 2.0: a reference past the table */
    DECODE_TEMPORALITY,       /* neither delta nor cumulative */
    DECODE_BAD_RECORD,        /* logs, spans: no object, no id, nested too deep, too many fields */
    DECODE_BAD_TIME,          /* logs, spans: a time that is none */
    DECODE_BAD_STREAM,        /* logs: labels that do not parse, or none */
    DECODE_UNSUPPORTED,       /* bulk: an action that is not taken */
    DECODE_REASON_COUNT,
};

/* Name of a reason for counters and answers: "bad_histogram". */
const char *decode_reason_name(enum decode_reason reason);

struct decode_tally {
    uint64_t received, handed; /* wire items */
    uint64_t rejected[DECODE_REASON_COUNT];
    uint64_t samples, histograms;         /* of `received`, remote write */
    uint64_t exemplars, exemplars_handed; /* found, handed over */
    uint64_t metadata;                    /* handed over */
    char message[200];                    /* the first refusal; "" when there was none */
};

/* An item was refused: counted, and the first message is kept. */
void decode_refuse(struct decode_tally *tally, enum decode_reason reason, const char *fmt,
                   va_list args) __attribute__((format(printf, 3, 0)));

enum decode_kind { DECODE_SAMPLE = 0, DECODE_HISTOGRAM, DECODE_DERIVED };

/* What a point is, beyond what the engine needs to know. */
struct decode_note {
    uint32_t item;    /* ordinal of the wire item in the request */
    uint8_t kind;     /* enum decode_kind; DERIVED (target_info) belongs to no item */
    bool is_delta;    /* the value is an increment since start_ts */
    bool is_total;    /* the value is all increments since start_ts: it was 0 then */
    int64_t start_ts; /* 0: not said */
};

struct decode_batch {
    struct tsdb_batch batch;
    struct tsdb_point *points;       /* batch.points; the sink may rewrite values and histograms */
    const struct decode_note *notes; /* one per point */
};

struct decode_sink {
    /* Anything but TSDB_OK ends the decoding and is returned untouched. */
    enum tsdb_status (*batch)(void *arg, struct decode_batch *batch);
    void *arg;
};

/* One request to decode. */
struct decode_task {
    uint64_t seed;       /* tsdb_seed */
    const char *tenant;  /* borrowed */
    struct arena *arena; /* borrowed; scratch of the request */
    struct decode_sink sink;
    uint32_t items_max; /* most wire items in one request */
};

/* Nanoseconds of an unsigned wire field, clamped. */
static inline int64_t decode_ns(uint64_t ns)
{
    return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

/* Every decoder answers: TSDB_OK; TSDB_ECORRUPT: not the format; TSDB_EINVAL: more
 * items than items_max; TSDB_ELIMIT: the arena or its budget is spent; or what the
 * sink answered. */

#endif
