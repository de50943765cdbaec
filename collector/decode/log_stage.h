/* log_stage.h - gathers records and their streams into batches for the sink.
 *
 *   log_stage_begin    counts a wire item; hands a full batch over first
 *   log_stage_find     the stream with these raw bytes, if this batch has it
 *   log_stage_stream   else: a new one
 *   stage.fields       ... the record's fields
 *   log_stage_record   or log_stage_refuse
 *
 * A hand-over (log_stage_begin) forgets the streams and empties `scratch`: what a
 * decoder keeps from record to record (a stream's index, decoded fields) is valid as
 * long as `generation` stays the same.  A batch is full at DECODE_BATCH_RECORDS,
 * DECODE_BATCH_STREAMS or DECODE_BATCH_BYTES.
 *
 * Memory: arrays from the task's arena, sized to the input; `scratch` draws on the
 * same budget.
 */
#ifndef COLLECTOR_DECODE_LOG_STAGE_H
#define COLLECTOR_DECODE_LOG_STAGE_H

#include "collector/decode/log_fields.h"

#define LOG_STAGE_NONE UINT32_MAX

enum { LOG_STAGE_SLOTS = 512 };

struct log_stage {
    const struct decode_log_task *task;
    struct decode_tally *tally;
    struct arena scratch; /* of the batch */
    struct log_fields fields;
    struct tsdb_log_record *records;
    struct tsdb_log_stream *streams;
    struct bytes *keys; /* of the streams */
    uint32_t *items;
    uint32_t record_cap, stream_cap, record_count, stream_count;
    uint32_t item;       /* wire items begun so far; the current one is item - 1 */
    uint32_t generation; /* of the batch */
    size_t bytes;
    bool is_ended;                   /* the sink said stop */
    uint16_t slots[LOG_STAGE_SLOTS]; /* hash of key -> stream + 1 */
};

/* `bytes` of input; items are at least `item_bytes` each. */
enum tsdb_status log_stage_init(struct log_stage *s, const struct decode_log_task *task,
                                struct decode_tally *tally, size_t bytes, size_t item_bytes);

/* TSDB_EINVAL: more than items_max. */
enum tsdb_status log_stage_begin(struct log_stage *s);

uint32_t log_stage_find(const struct log_stage *s, struct bytes key);

/* A stream that log_stage_find did not find, at most one a record.  Key and attributes
 * lie in the input or in scratch; labels are copied, and service_name is put to them. */
enum tsdb_status log_stage_stream(struct log_stage *s, struct bytes key, struct tsdb_labels labels,
                                  const struct tsdb_field *attributes, uint32_t attribute_count,
                                  uint32_t *index);

/* The record begun, with the fields gathered.  One whose fields do not fit is refused
 * here; TSDB_ELIMIT: the arena is full.  A ts of 0 is now. */
enum tsdb_status log_stage_record(struct log_stage *s, uint32_t stream, int64_t ts,
                                  struct tsdb_text line);

/* The same, and detected_level (log_level.h) is put to the fields before. */
enum tsdb_status log_stage_record_level(struct log_stage *s, uint32_t stream, int64_t ts,
                                        struct tsdb_text line);

/* The record begun is refused; the tally keeps the first message. */
void log_stage_refuse(struct log_stage *s, enum decode_reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Hands over what is left and answers the status a decoder ends with, described unless
 * the sink ended it; releases. */
enum tsdb_status log_stage_end(struct log_stage *s, enum tsdb_status st, const char *what,
                               struct tsdb_error *err);

#endif
