#include "collector/decode/log_stage.h"

#include "collector/decode/log_level.h"
#include "collector/decode/log_service.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

/* Keys that somebody makes collide cost DECODE_BATCH_STREAMS comparisons at most. */
static uint32_t slot_of(struct bytes key)
{
    return (uint32_t)(hash64(0, key.at, key.len) % LOG_STAGE_SLOTS);
}

enum tsdb_status log_stage_init(struct log_stage *s, const struct decode_log_task *task,
                                struct decode_tally *tally, size_t bytes, size_t item_bytes)
{
    static_assert(LOG_STAGE_SLOTS >= 2 * DECODE_BATCH_STREAMS, "open addressing wants room");
    struct arena *a = task->arena;
    size_t records = bytes / item_bytes + 1;
    *s = (struct log_stage){.task = task, .tally = tally};
    s->record_cap = records < DECODE_BATCH_RECORDS ? (uint32_t)records : DECODE_BATCH_RECORDS;
    s->stream_cap = records < DECODE_BATCH_STREAMS ? (uint32_t)records : DECODE_BATCH_STREAMS;
    s->records = ARENA_ARRAY(a, struct tsdb_log_record, s->record_cap);
    s->items = ARENA_ARRAY(a, uint32_t, s->record_cap);
    s->streams = ARENA_ARRAY(a, struct tsdb_log_stream, s->stream_cap);
    s->keys = ARENA_ARRAY(a, struct bytes, s->stream_cap);
    arena_init(&s->scratch, a->limit - a->used, a->budget);
    log_fields_init(&s->fields, &s->scratch);
    return s->records && s->items && s->streams && s->keys ? TSDB_OK : TSDB_ELIMIT;
}

static void forget(struct log_stage *s)
{
    s->record_count = s->stream_count = 0;
    s->bytes = 0;
    s->generation++;
    memset(s->slots, 0, sizeof s->slots);
    arena_reset(&s->scratch);
    log_fields_init(&s->fields, &s->scratch);
}

static enum tsdb_status hand_over(struct log_stage *s)
{
    if (s->record_count > 0) {
        struct decode_log_batch batch = {.batch = {.tenant = s->task->tenant,
                                                   .streams = s->streams,
                                                   .records = s->records,
                                                   .stream_count = s->stream_count,
                                                   .record_count = s->record_count},
                                         .items = s->items};
        enum tsdb_status st = s->task->sink.batch(s->task->sink.arg, &batch);
        if (st != TSDB_OK) {
            s->is_ended = true;
            return st;
        }
        s->tally->handed += s->record_count;
    }
    forget(s);
    return TSDB_OK;
}

/* Made texts and fields come on top of DECODE_BATCH_BYTES; a small arena is handed over
 * before it is spent. */
static bool is_scratch_full(const struct log_stage *s)
{
    return s->scratch.used >= 2 * (size_t)DECODE_BATCH_BYTES ||
           s->scratch.used > s->scratch.limit / 2;
}

enum tsdb_status log_stage_begin(struct log_stage *s)
{
    if (s->item >= s->task->items_max)
        return TSDB_EINVAL;
    if (s->record_count == s->record_cap || s->stream_count == s->stream_cap ||
        s->bytes >= DECODE_BATCH_BYTES || is_scratch_full(s)) {
        enum tsdb_status st = hand_over(s);
        if (st != TSDB_OK)
            return st;
    }
    s->item++;
    s->tally->received++;
    log_fields_drop(&s->fields);
    return TSDB_OK;
}

uint32_t log_stage_find(const struct log_stage *s, struct bytes key)
{
    uint32_t slot = slot_of(key);
    for (; s->slots[slot]; slot = (slot + 1) % LOG_STAGE_SLOTS) {
        uint32_t i = s->slots[slot] - 1u;
        struct bytes k = s->keys[i];
        if (k.len == key.len && (k.at == key.at || k.len == 0 || memcmp(k.at, key.at, k.len) == 0))
            return i;
    }
    return LOG_STAGE_NONE;
}

enum tsdb_status log_stage_stream(struct log_stage *s, struct bytes key, struct tsdb_labels labels,
                                  const struct tsdb_field *attributes, uint32_t attribute_count,
                                  uint32_t *index)
{
    ASSERT(s->stream_count < s->stream_cap);
    struct tsdb_text service = log_service_find(labels);
    struct tsdb_label *copy = ARENA_ARRAY(&s->scratch, struct tsdb_label, labels.count + 1);
    if (!copy)
        return TSDB_ELIMIT;
    if (labels.count > 0)
        memcpy(copy, labels.at, labels.count * sizeof *copy);
    if (service.len > 0)
        copy[labels.count] = (struct tsdb_label){text_of("service_name"), service};
    uint32_t i = s->stream_count++;
    s->streams[i] = (struct tsdb_log_stream){
        .labels = {copy, labels.count + (service.len > 0)},
        .attributes = attributes,
        .attribute_count = attribute_count,
    };
    s->keys[i] = key;
    uint32_t slot = slot_of(key);
    while (s->slots[slot])
        slot = (slot + 1) % LOG_STAGE_SLOTS;
    s->slots[slot] = (uint16_t)(i + 1);
    *index = i;
    return TSDB_OK;
}

enum tsdb_status log_stage_record(struct log_stage *s, uint32_t stream, int64_t ts,
                                  struct tsdb_text line)
{
    struct log_fields *f = &s->fields;
    ASSERT(s->record_count < s->record_cap && stream < s->stream_count);
    if (f->status == TSDB_EINVAL) {
        log_stage_refuse(s, DECODE_BAD_RECORD, "record with more than %d fields",
                         DECODE_FIELDS_MAX);
        return TSDB_OK;
    }
    if (f->status != TSDB_OK)
        return f->status;
    s->items[s->record_count] = s->item - 1;
    s->records[s->record_count++] = (struct tsdb_log_record){
        .stream = stream,
        .field_count = f->count,
        .ts = ts ? ts : s->task->now,
        .line = line,
        .fields = f->at,
    };
    s->bytes += line.len + f->bytes;
    log_fields_next(f);
    return TSDB_OK;
}

enum tsdb_status log_stage_record_level(struct log_stage *s, uint32_t stream, int64_t ts,
                                        struct tsdb_text line)
{
    struct log_fields *f = &s->fields;
    struct tsdb_text name = text_of("detected_level");
    if (log_fields_find(f, name) == UINT32_MAX)
        log_fields_text(f, name, TSDB_FIELD_STRING,
                        log_level_detect(s->streams[stream].labels, f->at, f->count, line));
    return log_stage_record(s, stream, ts, line);
}

void log_stage_refuse(struct log_stage *s, enum decode_reason reason, const char *fmt, ...)
{
    va_list args;
    log_fields_drop(&s->fields);
    va_start(args, fmt);
    decode_refuse(s->tally, reason, fmt, args);
    va_end(args);
}

enum tsdb_status log_stage_end(struct log_stage *s, enum tsdb_status st, const char *what,
                               struct tsdb_error *err)
{
    if (st == TSDB_OK)
        st = hand_over(s);
    arena_release(&s->scratch);
    if (st == TSDB_OK || s->is_ended)
        return st;
    if (st == TSDB_ECORRUPT)
        return tsdb_fail(err, st, "%s: does not decode after item %u", what, s->item);
    if (st == TSDB_EINVAL)
        return tsdb_fail(err, st, "%s: more than %u items", what, s->task->items_max);
    return tsdb_fail(err, st, "%s: no memory left for it", what);
}
