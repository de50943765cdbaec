#include "collector/ingest/intake.h"

#include "collector/decode/remote_write.h"
#include "collector/decode/remote_write_2.h"
#include "collector/ingest/intake_end.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

#include <stdio.h>

enum { SAMPLE_TEXT_MAX = 300 };

struct intake {
    struct intake_end end;
    const struct intake_room *room;
    const struct intake_source *source;
    struct outcome *out;
    struct arena totals; /* histograms that delta_apply makes; emptied each batch */
    /* the item whose points are being looked at */
    bool has_item;
    uint32_t item;
    uint8_t item_kind, item_verdict;
};

/* {a="b",...} value ts, cut to SAMPLE_TEXT_MAX. */
static void remember_point(const struct intake *in, const struct decode_batch *batch, uint32_t i,
                           enum reason reason)
{
    struct writer w = {0};
    struct tsdb_labels labels = {0};
    writer_u8(&w, '{');
    if (batch->batch.labels(batch->batch.arg, i, &labels) == TSDB_OK) {
        for (uint32_t n = 0; n < labels.count && w.len < SAMPLE_TEXT_MAX; n++) {
            const struct tsdb_label *l = &labels.at[n];
            size_t name = l->name.len < 100 ? l->name.len : 100;
            size_t value = l->value.len < 100 ? l->value.len : 100;
            writer_format(&w, "%s", n > 0 ? "," : "");
            writer_put(&w, l->name.at, name);
            writer_text(&w, "=\"");
            writer_put(&w, l->value.at, value);
            writer_u8(&w, '"');
        }
    }
    char number[DOUBLE_TEXT_MAX];
    size_t n = double_format_g(batch->points[i].value, number);
    writer_text(&w, "} ");
    writer_put(&w, number, n);
    writer_format(&w, " %lld", (long long)batch->points[i].ts);
    intake_remember(&in->end, reason, (struct tsdb_text){(const char *)w.at, w.len});
    writer_release(&w);
}

/* ---- verdicts to items --------------------------------------------------------------- */

static bool is_taken(uint8_t verdict)
{
    return verdict == TSDB_ACCEPTED || verdict == TSDB_DUPLICATE;
}

static void item_end(struct intake *in)
{
    if (!in->has_item)
        return;
    in->has_item = false;
    if (!is_taken(in->item_verdict)) {
        in->end.counts[in->item_verdict]++;
        in->out->rejected++;
        return;
    }
    in->out->accepted++;
    in->out->samples += in->item_kind == DECODE_SAMPLE;
    in->out->histograms += in->item_kind == DECODE_HISTOGRAM;
}

static void fold(struct intake *in, const struct decode_batch *batch, const uint8_t *verdicts)
{
    for (uint32_t i = 0; i < batch->batch.point_count; i++) {
        const struct decode_note *note = &batch->notes[i];
        if (note->kind == DECODE_DERIVED)
            continue;
        if (!in->has_item || note->item != in->item) {
            item_end(in);
            in->has_item = true;
            in->item = note->item;
            in->item_kind = note->kind;
            in->item_verdict = verdicts[i];
        } else if (is_taken(in->item_verdict)) {
            in->item_verdict = verdicts[i];
        }
        if (!is_taken(verdicts[i]) && in->end.counts[verdicts[i]] == 0 &&
            in->item_verdict == verdicts[i])
            remember_point(in, batch, i, (enum reason)verdicts[i]);
    }
}

/* What the engine sees of a batch some of whose points were refused already. */
struct sieve {
    struct tsdb_batch *whole;
    uint32_t kept[DECODE_BATCH_POINTS]; /* index in the whole batch */
    uint32_t back[DECODE_BATCH_POINTS]; /* and the other way */
    uint32_t count;
};

static enum tsdb_status sieve_labels(void *arg, uint32_t index, struct tsdb_labels *out)
{
    const struct sieve *sieve = arg;
    return sieve->whole->labels(sieve->whole->arg, sieve->kept[index], out);
}

/* The kept points and their exemplars, in the arena; false when it is full. */
static bool sieve_batch(struct sieve *sieve, struct tsdb_batch *whole, const uint8_t *refused,
                        struct arena *arena, struct tsdb_batch *out)
{
    struct tsdb_point *points = ARENA_ARRAY(arena, struct tsdb_point, whole->point_count);
    struct tsdb_exemplar *exemplars =
        ARENA_ARRAY(arena, struct tsdb_exemplar, whole->exemplar_count);
    int64_t *starts = whole->starts ? ARENA_ARRAY(arena, int64_t, whole->point_count) : NULL;
    if (!points || !exemplars || (whole->starts && !starts))
        return false;
    *out = *whole;
    out->starts = starts;
    sieve->whole = whole;
    sieve->count = 0;
    for (uint32_t i = 0; i < whole->point_count; i++) {
        if (refused[i] != TSDB_ACCEPTED)
            continue;
        sieve->back[i] = sieve->count;
        sieve->kept[sieve->count] = i;
        if (starts)
            starts[sieve->count] = whole->starts[i];
        points[sieve->count++] = whole->points[i];
    }
    out->exemplar_count = 0;
    for (uint32_t i = 0; i < whole->exemplar_count; i++) {
        if (refused[whole->exemplars[i].point] != TSDB_ACCEPTED)
            continue;
        exemplars[out->exemplar_count] = whole->exemplars[i];
        exemplars[out->exemplar_count++].point = sieve->back[whole->exemplars[i].point];
    }
    out->points = points;
    out->point_count = sieve->count;
    out->exemplars = exemplars;
    out->labels = sieve_labels;
    out->arg = sieve;
    return true;
}

static enum tsdb_status append(struct intake *in, const struct tsdb_batch *batch, uint8_t *verdicts)
{
    struct tsdb_appended appended = {0};
    enum tsdb_status st = tsdb_append(in->room->db, batch, &appended, verdicts, &in->end.err);
    if (st != TSDB_OK)
        return st;
    in->out->exemplars += appended.exemplars;
    if (appended.zeros > 0)
        counters_add(START_ZEROS, AT(in->source->door), appended.zeros);
    if (appended.position > in->out->position)
        in->out->position = appended.position;
    return TSDB_OK;
}

static bool has_deltas(const struct decode_batch *batch)
{
    for (uint32_t i = 0; i < batch->batch.point_count; i++)
        if (batch->notes[i].is_delta)
            return true;
    return false;
}

/* Delta points become totals; those that cannot are left out of what is appended. */
static enum tsdb_status append_deltas(struct intake *in, struct decode_batch *batch,
                                      uint8_t *verdicts)
{
    uint8_t taken[DECODE_BATCH_POINTS];
    struct tsdb_batch kept;
    struct sieve sieve;
    memset(verdicts, TSDB_ACCEPTED, DECODE_BATCH_POINTS);
    delta_apply(in->room->delta, batch, verdicts, &in->totals);
    if (!sieve_batch(&sieve, &batch->batch, verdicts, &in->totals, &kept))
        return tsdb_fail(&in->end.err, TSDB_ELIMIT, "delta points: no memory left for them");
    enum tsdb_status st = append(in, &kept, taken);
    for (uint32_t i = 0; st == TSDB_OK && i < sieve.count; i++)
        verdicts[sieve.kept[i]] = taken[i];
    return st;
}

/* Start times of the totals among the points; NULL when there is none. */
static const int64_t *starts_of(const struct decode_batch *batch, int64_t *starts)
{
    bool any = false;
    for (uint32_t i = 0; i < batch->batch.point_count; i++) {
        const struct decode_note *note = &batch->notes[i];
        starts[i] = note->is_total ? note->start_ts : 0;
        any |= starts[i] != 0;
    }
    return any ? starts : NULL;
}

static enum tsdb_status on_batch(void *arg, struct decode_batch *batch)
{
    struct intake *in = arg;
    uint8_t verdicts[DECODE_BATCH_POINTS];
    int64_t starts[DECODE_BATCH_POINTS];
    if (in->room->has_start_zeros)
        batch->batch.starts = starts_of(batch, starts);
    in->end.append_status = has_deltas(batch) ? append_deltas(in, batch, verdicts)
                                              : append(in, &batch->batch, verdicts);
    if (in->end.append_status == TSDB_OK)
        fold(in, batch, verdicts);
    arena_reset(&in->totals);
    return in->end.append_status;
}

/* ---- the whole message ---------------------------------------------------------------- */

void intake_run(const struct intake_room *room, const struct intake_source *source,
                enum intake_format format, struct bytes in, struct outcome *out)
{
    struct arena arena;
    struct decode_tally tally;
    struct intake take = {.end = {.room = room, .source = source, .out = out},
                          .room = room,
                          .source = source,
                          .out = out};
    *out = (struct outcome){0};
    arena_init(&arena, room->arena_bytes_max, room->budget);
    arena_init(&take.totals, room->arena_bytes_max, room->budget);
    struct decode_task task = {.seed = tsdb_seed(room->db),
                               .tenant = source->tenant,
                               .arena = &arena,
                               .sink = {on_batch, &take},
                               .items_max = room->items_max};
    enum tsdb_status st = TSDB_ECORRUPT;
    switch (format) {
    case INTAKE_OTLP:
        st = otlp_metrics_decode(&task, &room->otlp, in, &tally, &take.end.err);
        break;
    case INTAKE_REMOTE_WRITE: st = remote_write_decode(&task, in, &tally, &take.end.err); break;
    case INTAKE_REMOTE_WRITE_2: st = remote_write_2_decode(&task, in, &tally, &take.end.err); break;
    case INTAKE_OTLP_LOGS:
    case INTAKE_LOKI:
    case INTAKE_LOKI_JSON:
    case INTAKE_JSON_LINES:
    case INTAKE_ES_BULK:
    case INTAKE_SYSLOG:
    case INTAKE_OTLP_TRACE:
    case INTAKE_ZIPKIN: UNREACHABLE();
    }
    item_end(&take);
    if (st == TSDB_OK)
        intake_conclude(&take.end, &tally);
    else
        intake_fail(&take.end, st);
    arena_release(&take.totals);
    arena_release(&arena);
}
