#include "collector/decode/span_stage.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/status.h"

#include <assert.h>

/* Keys that somebody makes collide cost DECODE_BATCH_SOURCES comparisons at most. */
static uint32_t slot_of(const struct span_stage_key *key)
{
    uint64_t hash = 0;
    for (int i = 0; i < SPAN_STAGE_PARTS; i++)
        hash = hash64(hash, key->parts[i].at, key->parts[i].len);
    return (uint32_t)(hash % SPAN_STAGE_SLOTS);
}

static void forget(struct span_stage *s)
{
    static_assert((int)TSDB_SPAN_FIELDS_MAX <= (int)LOG_FIELDS_MAX, "a span's fields fit a chunk");
    s->span_count = s->source_count = 0;
    s->bytes = 0;
    s->generation++;
    memset(s->slots, 0, sizeof s->slots);
    arena_reset(&s->scratch);
    log_fields_init(&s->fields, &s->scratch);
    log_fields_init(&s->context, &s->scratch);
    s->fields.max = s->context.max = TSDB_SPAN_FIELDS_MAX;
}

enum tsdb_status span_stage_init(struct span_stage *s, const struct decode_span_task *task,
                                 struct decode_tally *tally, size_t bytes, size_t item_bytes)
{
    static_assert(SPAN_STAGE_SLOTS >= 2 * DECODE_BATCH_SOURCES, "open addressing wants room");
    struct arena *a = task->arena;
    size_t spans = bytes / item_bytes + 1;
    *s = (struct span_stage){.task = task, .tally = tally};
    s->span_cap = spans < DECODE_BATCH_SPANS ? (uint32_t)spans : DECODE_BATCH_SPANS;
    s->source_cap = spans < DECODE_BATCH_SOURCES ? (uint32_t)spans : DECODE_BATCH_SOURCES;
    s->spans = ARENA_ARRAY(a, struct tsdb_span, s->span_cap);
    s->items = ARENA_ARRAY(a, uint32_t, s->span_cap);
    s->sources = ARENA_ARRAY(a, struct tsdb_span_source, s->source_cap);
    s->keys = ARENA_ARRAY(a, struct span_stage_key, s->source_cap);
    arena_init(&s->scratch, a->limit - a->used, a->budget);
    forget(s);
    return s->spans && s->items && s->sources && s->keys ? TSDB_OK : TSDB_ELIMIT;
}

static enum tsdb_status hand_over(struct span_stage *s)
{
    if (s->span_count > 0) {
        struct decode_span_batch batch = {.batch = {.tenant = s->task->tenant,
                                                    .sources = s->sources,
                                                    .spans = s->spans,
                                                    .source_count = s->source_count,
                                                    .span_count = s->span_count},
                                          .items = s->items};
        enum tsdb_status st = s->task->sink.batch(s->task->sink.arg, &batch);
        if (st != TSDB_OK) {
            s->is_ended = true;
            return st;
        }
        s->tally->handed += s->span_count;
    }
    forget(s);
    return TSDB_OK;
}

/* Made texts, fields, events and links come on top of DECODE_BATCH_BYTES; a small arena is
 * handed over before it is spent. */
static bool is_scratch_full(const struct span_stage *s)
{
    return s->scratch.used >= 2 * (size_t)DECODE_BATCH_BYTES ||
           s->scratch.used > s->scratch.limit / 2;
}

enum tsdb_status span_stage_begin(struct span_stage *s)
{
    if (s->item >= s->task->items_max)
        return TSDB_EINVAL;
    if (s->span_count == s->span_cap || s->source_count == s->source_cap ||
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

static bool key_equal(const struct span_stage_key *a, const struct span_stage_key *b)
{
    for (int i = 0; i < SPAN_STAGE_PARTS; i++) {
        struct bytes x = a->parts[i], y = b->parts[i];
        if (x.len != y.len || (x.at != y.at && x.len > 0 && memcmp(x.at, y.at, x.len) != 0))
            return false;
    }
    return true;
}

uint32_t span_stage_find(const struct span_stage *s, const struct span_stage_key *key)
{
    uint32_t slot = slot_of(key);
    for (; s->slots[slot]; slot = (slot + 1) % SPAN_STAGE_SLOTS)
        if (key_equal(&s->keys[s->slots[slot] - 1u], key))
            return s->slots[slot] - 1u;
    return SPAN_STAGE_NONE;
}

uint32_t span_stage_source(struct span_stage *s, const struct span_stage_key *key,
                           const struct tsdb_span_source *source)
{
    ASSERT(s->source_count < s->source_cap);
    uint32_t i = s->source_count++, slot = slot_of(key);
    s->sources[i] = *source;
    s->keys[i] = *key;
    while (s->slots[slot])
        slot = (slot + 1) % SPAN_STAGE_SLOTS;
    s->slots[slot] = (uint16_t)(i + 1);
    return i;
}

struct tsdb_span_event *span_stage_events(struct span_stage *s, uint32_t count)
{
    return ARENA_ARRAY(&s->scratch, struct tsdb_span_event, count);
}

struct tsdb_span_link *span_stage_links(struct span_stage *s, uint32_t count)
{
    return ARENA_ARRAY(&s->scratch, struct tsdb_span_link, count);
}

struct tsdb_fields span_stage_taken(struct span_stage *s, uint32_t dropped)
{
    s->bytes += s->context.bytes;
    return (struct tsdb_fields){s->context.at, s->context.count, dropped};
}

enum tsdb_status span_stage_span(struct span_stage *s, const struct tsdb_span *span,
                                 uint32_t dropped)
{
    struct log_fields *f = &s->fields;
    ASSERT(s->span_count < s->span_cap);
    ASSERT(span->source < s->source_count);
    if (f->status != TSDB_OK)
        return f->status;
    struct tsdb_span *out = &s->spans[s->span_count];
    *out = *span;
    out->attributes = (struct tsdb_fields){f->at, f->count, dropped};
    s->items[s->span_count++] = s->item - 1;
    s->bytes += span->name.len + span->status_message.len + span->trace_state.len + f->bytes;
    log_fields_next(f);
    return TSDB_OK;
}

void span_stage_refuse(struct span_stage *s, enum decode_reason reason, const char *fmt, ...)
{
    va_list args;
    log_fields_drop(&s->fields);
    va_start(args, fmt);
    decode_refuse(s->tally, reason, fmt, args);
    va_end(args);
}

enum tsdb_status span_stage_end(struct span_stage *s, enum tsdb_status st, const char *what,
                                struct tsdb_error *err)
{
    if (st == TSDB_OK)
        st = hand_over(s);
    arena_release(&s->scratch);
    if (st == TSDB_OK || s->is_ended)
        return st;
    if (st == TSDB_ECORRUPT)
        return tsdb_fail(err, st, "%s: does not decode after span %u", what, s->item);
    if (st == TSDB_EINVAL)
        return tsdb_fail(err, st, "%s: more than %u spans", what, s->task->items_max);
    return tsdb_fail(err, st, "%s: no memory left for it", what);
}
