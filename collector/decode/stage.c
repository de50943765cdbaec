#include "collector/decode/stage.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/status.h"

#include <stdarg.h>
#include <stdio.h>

/* The least bytes that a point, an exemplar, a metadata entry takes on any wire,
 * about: senders below it get batches that are a little smaller. */
enum { POINT_BYTES_MIN = 8, METADATA_BYTES_MIN = 16 };
enum { FIND_BACK = 64 }; /* senders put an exemplar right after its sample */

static uint32_t sized(size_t bytes, size_t each, uint32_t most)
{
    size_t n = bytes / each + 4;
    return n < most ? (uint32_t)n : most;
}

/* Arrays of the rare kinds are made when the first one comes. */
static void *array_later(struct stage *s, size_t count, size_t size)
{
    return arena_get(s->task->arena, count, size, alignof(max_align_t));
}

enum tsdb_status stage_init(struct stage *s, const struct decode_task *task,
                            struct decode_tally *tally, size_t bytes)
{
    struct arena *a = task->arena;
    size_t left = a->limit - a->used;
    *s = (struct stage){.task = task, .tally = tally};
    s->point_cap = sized(bytes, POINT_BYTES_MIN, DECODE_BATCH_POINTS);
    s->exemplar_cap = sized(bytes, POINT_BYTES_MIN, DECODE_BATCH_EXEMPLARS);
    s->metadata_cap = sized(bytes, METADATA_BYTES_MIN, DECODE_BATCH_METADATA);
    s->points = ARENA_ARRAY(a, struct tsdb_point, s->point_cap);
    s->notes = ARENA_ARRAY(a, struct decode_note, s->point_cap);
    s->sources = ARENA_ARRAY(a, struct stage_source, s->point_cap);
    arena_init(&s->scratch, left, a->budget);
    arena_init(&s->names, left, a->budget);
    return s->points && s->notes && s->sources ? TSDB_OK : TSDB_ELIMIT;
}

enum tsdb_status stage_end(struct stage *s, enum tsdb_status st, const char *what,
                           struct tsdb_error *err)
{
    if (st == TSDB_OK)
        st = stage_flush(s);
    arena_release(&s->scratch);
    arena_release(&s->names);
    if (st == TSDB_OK || s->is_ended)
        return st;
    if (st == TSDB_ECORRUPT)
        return tsdb_fail(err, st, "%s: does not decode after item %u", what, s->item);
    if (st == TSDB_EINVAL && s->item >= s->task->items_max)
        return tsdb_fail(err, st, "%s: more than %u items", what, s->task->items_max);
    if (st == TSDB_EINVAL)
        return tsdb_fail(err, st, "%s: too many symbols", what);
    return tsdb_fail(err, st, "%s: no memory left for it", what);
}

static enum tsdb_status labels_of_point(void *arg, uint32_t index, struct tsdb_labels *out)
{
    struct stage *s = arg;
    ASSERT(index < s->point_count);
    arena_reset(&s->names);
    return s->labels(s->arg, &s->sources[index], &s->names, out);
}

enum tsdb_status stage_flush(struct stage *s)
{
    if (s->point_count == 0 && s->metadata_count == 0)
        return TSDB_OK;
    struct decode_batch batch = {
        .batch = {.tenant = s->task->tenant,
                  .points = s->points,
                  .point_count = s->point_count,
                  .exemplars = s->exemplars,
                  .exemplar_count = s->exemplar_count,
                  .metadata = s->metadata,
                  .metadata_count = s->metadata_count,
                  .labels = labels_of_point,
                  .arg = s},
        .points = s->points,
        .notes = s->notes,
    };
    enum tsdb_status st = s->task->sink.batch(s->task->sink.arg, &batch);
    if (st != TSDB_OK) {
        s->is_ended = true;
        return st;
    }
    s->tally->handed += s->handed;
    s->tally->exemplars_handed += s->exemplar_count;
    s->tally->metadata += s->metadata_count;
    s->handed = 0;
    s->point_count = s->exemplar_count = s->metadata_count = 0;
    arena_reset(&s->scratch);
    return TSDB_OK;
}

enum tsdb_status stage_room_slow(struct stage *s, uint32_t points)
{
    ASSERT(points <= DECODE_BATCH_POINTS);
    enum tsdb_status st = stage_flush(s);
    if (st != TSDB_OK || points <= s->point_cap)
        return st;
    struct arena *a = s->task->arena;
    s->point_cap = DECODE_BATCH_POINTS;
    s->points = ARENA_ARRAY(a, struct tsdb_point, s->point_cap);
    s->notes = ARENA_ARRAY(a, struct decode_note, s->point_cap);
    s->sources = ARENA_ARRAY(a, struct stage_source, s->point_cap);
    return s->points && s->notes && s->sources ? TSDB_OK : TSDB_ELIMIT;
}

void stage_refuse(struct stage *s, enum decode_reason reason, const char *fmt, ...)
{
    ASSERT(s->handed > 0);
    s->handed--;
    va_list args;
    va_start(args, fmt);
    decode_refuse(s->tally, reason, fmt, args);
    va_end(args);
}

struct tsdb_exemplar *stage_exemplar(struct stage *s, uint32_t point)
{
    s->tally->exemplars++;
    if (!s->exemplars)
        s->exemplars = array_later(s, s->exemplar_cap, sizeof *s->exemplars);
    if (!s->exemplars || s->exemplar_count == s->exemplar_cap || point >= s->point_count)
        return NULL;
    struct tsdb_exemplar *e = &s->exemplars[s->exemplar_count++];
    *e = (struct tsdb_exemplar){.point = point};
    return e;
}

uint32_t stage_find(const struct stage *s, struct tsdb_hash key)
{
    uint32_t stop = s->point_count > FIND_BACK ? s->point_count - FIND_BACK : 0;
    for (uint32_t i = s->point_count; i > stop; i--)
        if (hash_equal(s->points[i - 1].key, key))
            return i - 1;
    return UINT32_MAX;
}

enum tsdb_status stage_metadata(struct stage *s, const struct tsdb_metadata *metadata)
{
    if (!s->metadata)
        s->metadata = array_later(s, s->metadata_cap, sizeof *s->metadata);
    if (!s->metadata)
        return TSDB_ELIMIT;
    if (s->metadata_count == s->metadata_cap) {
        enum tsdb_status st = stage_flush(s);
        if (st != TSDB_OK)
            return st;
    }
    s->metadata[s->metadata_count++] = *metadata;
    return TSDB_OK;
}
