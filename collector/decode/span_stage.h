/* span_stage.h - gathers spans and their sources into batches for the sink.
 *
 *   span_stage_begin    counts a wire item; hands a full batch over first
 *   span_stage_find     the source with this key, if this batch has it
 *   span_stage_source   else: a new one
 *   stage.fields, span_stage_events, span_stage_links ...
 *   span_stage_span     or span_stage_refuse
 *
 * A hand-over (span_stage_begin) forgets the sources and empties `scratch`: what a decoder
 * keeps from span to span (a source's index, decoded fields) is valid as long as
 * `generation` stays the same.  A batch is full at DECODE_BATCH_SPANS,
 * DECODE_BATCH_SOURCES or DECODE_BATCH_BYTES.
 *
 * Memory: arrays from the task's arena, sized to the input; `scratch` draws on the same
 * budget.
 */
#ifndef COLLECTOR_DECODE_SPAN_STAGE_H
#define COLLECTOR_DECODE_SPAN_STAGE_H

#include "collector/decode/log_fields.h"
#include "collector/decode/span_sink.h"

#define SPAN_STAGE_NONE UINT32_MAX

enum { SPAN_STAGE_SLOTS = 512, SPAN_STAGE_PARTS = 4 };

/* The raw bytes that a source is made of; equal bytes, equal source. */
struct span_stage_key {
    struct bytes parts[SPAN_STAGE_PARTS];
};

struct span_stage {
    const struct decode_span_task *task;
    struct decode_tally *tally;
    struct arena scratch;      /* of the batch */
    struct log_fields fields;  /* attributes of the span being built */
    struct log_fields context; /* of sources, events and links: each between _next and _taken */
    struct tsdb_span *spans;
    struct tsdb_span_source *sources;
    struct span_stage_key *keys; /* of the sources */
    uint32_t *items;
    uint32_t span_cap, source_cap, span_count, source_count;
    uint32_t item;       /* wire items begun so far; the current one is item - 1 */
    uint32_t generation; /* of the batch */
    size_t bytes;
    bool is_ended;                    /* the sink said stop */
    uint16_t slots[SPAN_STAGE_SLOTS]; /* hash of key -> source + 1 */
};

/* `bytes` of input; items are at least `item_bytes` each. */
enum tsdb_status span_stage_init(struct span_stage *s, const struct decode_span_task *task,
                                 struct decode_tally *tally, size_t bytes, size_t item_bytes);

/* TSDB_EINVAL: more than items_max. */
enum tsdb_status span_stage_begin(struct span_stage *s);

uint32_t span_stage_find(const struct span_stage *s, const struct span_stage_key *key);

/* A source that span_stage_find did not find, at most one a span.  What it points to lies in
 * the input or in scratch. */
uint32_t span_stage_source(struct span_stage *s, const struct span_stage_key *key,
                           const struct tsdb_span_source *source);

/* Room for the events or links of the span begun, zeroed; NULL: the arena is full. */
struct tsdb_span_event *span_stage_events(struct span_stage *s, uint32_t count);
struct tsdb_span_link *span_stage_links(struct span_stage *s, uint32_t count);

/* The fields of `context` as they are now; the next ones come behind them.  `context.status`
 * says whether they are all. */
struct tsdb_fields span_stage_taken(struct span_stage *s, uint32_t dropped);

/* The span begun, but for its attributes: `fields`, and `dropped` more.  TSDB_EINVAL: there
 * are too many; it is to be refused.  TSDB_ELIMIT: the arena is full. */
enum tsdb_status span_stage_span(struct span_stage *s, const struct tsdb_span *span,
                                 uint32_t dropped);

/* The span begun is refused; the tally keeps the first message. */
void span_stage_refuse(struct span_stage *s, enum decode_reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Hands over what is left and answers the status a decoder ends with, described unless the
 * sink ended it; releases. */
enum tsdb_status span_stage_end(struct span_stage *s, enum tsdb_status st, const char *what,
                                struct tsdb_error *err);

static inline bool span_stage_is_zero(const uint8_t *id, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++)
        any |= id[i];
    return any == 0;
}

#endif
