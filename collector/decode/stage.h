/* stage.h - gathers points, exemplars and metadata into batches for the sink.
 *
 * A decoder stages each point with what names its series (struct stage_source);
 * a full stage is handed over and begins anew.  The points of one wire item lie in
 * one batch (stage_room), so that exemplars find theirs.
 *
 * Memory: the arrays come from the task's arena and are sized to the input;
 * `scratch` (histograms, exemplar labels) and `names` (labels the engine asked
 * for) draw on the same budget and are emptied with each batch and each call.
 */
#ifndef COLLECTOR_DECODE_STAGE_H
#define COLLECTOR_DECODE_STAGE_H

#include "collector/decode/sink.h"

enum { STAGE_SCRATCH_BYTES = 4 << 20 }; /* a batch with more than this is handed over */

/* What a decoder needs to make the labels of a point; the meaning is its own. */
struct stage_source {
    const void *context;
    struct bytes raw;
    uint64_t bits;
    uint32_t part;
};

/* Makes the labels of a source; memory from `names`. */
typedef enum tsdb_status stage_labels_fn(void *arg, const struct stage_source *source,
                                         struct arena *names, struct tsdb_labels *out);

struct stage {
    const struct decode_task *task;
    struct decode_tally *tally;
    stage_labels_fn *labels;
    void *arg;
    struct arena scratch, names;
    struct tsdb_point *points;
    struct decode_note *notes;
    struct stage_source *sources;
    struct tsdb_exemplar *exemplars;
    struct tsdb_metadata *metadata;
    uint32_t point_count, point_cap, exemplar_count, exemplar_cap, metadata_count, metadata_cap;
    uint64_t handed; /* wire items in this batch */
    uint32_t item;   /* ordinal of the next wire item */
    bool is_ended;   /* by the sink, which has described why */
};

/* bytes: length of the input, from which the arrays are sized. */
enum tsdb_status stage_init(struct stage *s, const struct decode_task *task,
                            struct decode_tally *tally, size_t bytes);

/* Hands over what is there when `points` more would not fit; more than
 * DECODE_BATCH_POINTS never do. */
enum tsdb_status stage_room_slow(struct stage *s, uint32_t points);
static inline enum tsdb_status stage_room(struct stage *s, uint32_t points)
{
    bool fits = points <= s->point_cap - s->point_count && s->scratch.used < STAGE_SCRATCH_BYTES;
    return fits ? TSDB_OK : stage_room_slow(s, points);
}
enum tsdb_status stage_flush(struct stage *s);

/* Counts a received wire item; TSDB_EINVAL when there are too many. */
static inline enum tsdb_status stage_item(struct stage *s, enum decode_kind kind)
{
    if (s->item >= s->task->items_max)
        return TSDB_EINVAL;
    s->item++;
    s->handed++;
    s->tally->received++;
    s->tally->samples += kind != DECODE_HISTOGRAM;
    s->tally->histograms += kind == DECODE_HISTOGRAM;
    return TSDB_OK;
}
/* The item just counted is refused; keeps the first message. */
void stage_refuse(struct stage *s, enum decode_reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* One point of the current item; there is room.  Returns its index. */
static inline uint32_t stage_point(struct stage *s, struct tsdb_hash key, int64_t ts, double value,
                                   const struct stage_source *source)
{
    uint32_t i = s->point_count++;
    s->points[i] = (struct tsdb_point){.key = key, .ts = ts, .value = value};
    s->notes[i] = (struct decode_note){.item = s->item - 1};
    s->sources[i] = *source;
    return i;
}

/* NULL when this batch holds as many as it may; counts it as found. */
struct tsdb_exemplar *stage_exemplar(struct stage *s, uint32_t point);
/* Index of a point of that series among the last 64 staged, or UINT32_MAX. */
uint32_t stage_find(const struct stage *s, struct tsdb_hash key);
enum tsdb_status stage_metadata(struct stage *s, const struct tsdb_metadata *metadata);

/* The status a decoder ends with, described unless the sink ended it; releases. */
enum tsdb_status stage_end(struct stage *s, enum tsdb_status st, const char *what,
                           struct tsdb_error *err);

/* ---- times ------------------------------------------------------------------ */

/* Milliseconds to nanoseconds, clamped. */
static inline int64_t stage_ms(int64_t ms)
{
    int64_t ns;
    if (__builtin_mul_overflow(ms, INT64_C(1000000), &ns))
        return ms < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

#endif
