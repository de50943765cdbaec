#include "collector/ingest/intake.h"

#include "collector/decode/remote_write.h"
#include "collector/decode/remote_write_2.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

#include <stdio.h>

enum { SAMPLE_TEXT_MAX = 300 };

struct intake {
    const struct intake_room *room;
    const struct intake_source *source;
    struct outcome *out;
    struct arena totals;           /* histograms that delta_apply makes; emptied each batch */
    uint64_t counts[REASON_COUNT]; /* items refused */
    /* the item whose points are being looked at */
    bool has_item;
    uint32_t item;
    uint8_t item_kind, item_verdict;
    enum tsdb_status append_status; /* why the sink ended it, or TSDB_OK */
    struct tsdb_error err;
};

/* ---- the ring of rejects ------------------------------------------------------------ */

static void remember(const struct intake *in, enum reason reason, struct tsdb_text text)
{
    rejects_put(in->room->rejects, clock_wall_ns(in->room->clock), in->source, reason, text);
}

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
    remember(in, reason, (struct tsdb_text){(const char *)w.at, w.len});
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
        in->counts[in->item_verdict]++;
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
        if (!is_taken(verdicts[i]) && in->counts[verdicts[i]] == 0 &&
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
    enum tsdb_status st = tsdb_append(in->room->db, batch, &appended, verdicts, &in->err);
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
        return tsdb_fail(&in->err, TSDB_ELIMIT, "delta points: no memory left for them");
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
    in->append_status = has_deltas(batch) ? append_deltas(in, batch, verdicts)
                                          : append(in, &batch->batch, verdicts);
    if (in->append_status == TSDB_OK)
        fold(in, batch, verdicts);
    arena_reset(&in->totals);
    return in->append_status;
}

/* ---- the whole message ---------------------------------------------------------------- */

static void count_items(const struct intake *in)
{
    enum door door = in->source->door;
    counters_add(ITEMS_RECEIVED, AT(SIGNAL_METRICS, door), (int64_t)in->out->received);
    counters_add(ITEMS_ACCEPTED, AT(SIGNAL_METRICS, door), (int64_t)in->out->accepted);
    for (unsigned r = 0; r < REASON_COUNT; r++)
        if (in->counts[r] > 0)
            counters_add(ITEMS_REJECTED, AT(SIGNAL_METRICS, door, r), (int64_t)in->counts[r]);
}

/* Decoded whole: what the items' verdicts add up to. */
static void conclude(struct intake *in, const struct decode_tally *tally)
{
    struct outcome *out = in->out;
    for (int r = 0; r < DECODE_REASON_COUNT; r++) {
        uint64_t n = tally->rejected[r];
        if (n == 0)
            continue;
        in->counts[outcome_reason_of((enum decode_reason)r)] += n;
        out->rejected += n;
    }
    if (tally->message[0])
        remember(in, REASON_MALFORMED, text_of(tally->message));
    out->received = tally->received;
    ASSERT(out->received == out->accepted + out->rejected);
    bool is_limited = in->counts[REASON_SERIES_LIMIT] + in->counts[REASON_CHURN_LIMIT] > 0;
    if (is_limited)
        out->kind = OUTCOME_LIMITED;
    else if (out->rejected > 0)
        out->kind = OUTCOME_PARTIAL;
    size_t len = 0;
    for (unsigned r = 0; r < REASON_COUNT && len < sizeof out->message; r++) {
        if (in->counts[r] == 0)
            continue;
        int n = snprintf(out->message + len, sizeof out->message - len, "%s%s: %llu",
                         len > 0 ? ", " : "", outcome_reason_name((enum reason)r),
                         (unsigned long long)in->counts[r]);
        len += n > 0 ? (size_t)n : 0;
    }
    if (tally->message[0] && len < sizeof out->message)
        (void)snprintf(out->message + len, sizeof out->message - len, " (%s)", tally->message);
    count_items(in);
}

/* Whether it was the message's own limit that was reached, not the process' memory:
 * then it will never fit, and must not be sent again. */
static bool is_too_large(const struct intake_room *room)
{
    if (!room->budget)
        return true;
    if (!budget_charge(room->budget, room->arena_bytes_max))
        return false;
    budget_release(room->budget, room->arena_bytes_max);
    return true;
}

/* Refused whole; items stored before the fault stay, and are counted as they are. */
static void fail(struct intake *in, enum tsdb_status st)
{
    struct outcome *out = in->out;
    out->received = out->accepted + out->rejected;
    count_items(in);
    if (in->append_status != TSDB_OK && in->room->otlp.seen)
        otlp_seen_reset(in->room->otlp.seen);
    if (in->append_status == TSDB_EIO)
        outcome_refuse(out, OUTCOME_UNAVAILABLE, REASON_UNWRITABLE, in->err.msg);
    else if (in->append_status != TSDB_OK || (st == TSDB_ELIMIT && !is_too_large(in->room)))
        outcome_refuse(out, OUTCOME_UNAVAILABLE, REASON_OVERLOADED, in->err.msg);
    else if (st == TSDB_EINVAL || st == TSDB_ELIMIT)
        outcome_refuse(out, OUTCOME_TOO_LARGE, REASON_TOO_LARGE, in->err.msg);
    else
        outcome_refuse(out, OUTCOME_INVALID, REASON_MALFORMED, in->err.msg);
}

void intake_run(const struct intake_room *room, const struct intake_source *source,
                enum intake_format format, struct bytes in, struct outcome *out)
{
    struct arena arena;
    struct decode_tally tally;
    struct intake take = {.room = room, .source = source, .out = out};
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
    case INTAKE_OTLP: st = otlp_metrics_decode(&task, &room->otlp, in, &tally, &take.err); break;
    case INTAKE_REMOTE_WRITE: st = remote_write_decode(&task, in, &tally, &take.err); break;
    case INTAKE_REMOTE_WRITE_2: st = remote_write_2_decode(&task, in, &tally, &take.err); break;
    }
    item_end(&take);
    if (st == TSDB_OK)
        conclude(&take, &tally);
    else
        fail(&take, st);
    arena_release(&take.totals);
    arena_release(&arena);
}
