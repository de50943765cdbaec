#include "collector/ingest/log_intake.h"

#include "collector/decode/loki_push.h"
#include "collector/decode/otlp_logs.h"
#include "collector/ingest/elastic.h"
#include "collector/ingest/intake_end.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/writer.h"

#include <string.h>

enum { RECORD_TEXT_MAX = 300 };

static void put_cut(struct writer *w, struct tsdb_text text)
{
    writer_put(w, text.at, text.len < 100 ? text.len : 100);
}

/* {a="b",...} time line, cut to RECORD_TEXT_MAX. */
static void remember_record(const struct intake_end *in, const struct tsdb_log_batch *batch,
                            const struct tsdb_log_record *record, enum reason reason)
{
    struct writer w = {0};
    const struct tsdb_labels labels = batch->streams[record->stream].labels;
    writer_u8(&w, '{');
    for (uint32_t i = 0; i < labels.count && w.len < RECORD_TEXT_MAX; i++) {
        writer_text(&w, i > 0 ? "," : "");
        put_cut(&w, labels.at[i].name);
        writer_text(&w, "=\"");
        put_cut(&w, labels.at[i].value);
        writer_u8(&w, '"');
    }
    writer_format(&w, "} %lld ", (long long)record->ts);
    put_cut(&w, record->line);
    intake_remember(in, reason, (struct tsdb_text){(const char *)w.at, w.len});
    writer_release(&w);
}

struct log_intake {
    struct intake_end end;
    const struct log_hints *hints;
    struct es_bulk_results results; /* INTAKE_ES_BULK */
};

static void refuse_record(struct log_intake *in, const struct decode_log_batch *batch, uint32_t i,
                          enum reason reason)
{
    if (in->end.counts[reason]++ == 0)
        remember_record(&in->end, &batch->batch, &batch->batch.records[i], reason);
    in->end.out->rejected++;
    if (in->results.count > 0)
        elastic_result_refuse(&in->results.at[batch->items[i]], reason);
}

static enum tsdb_status on_batch(void *arg, const struct decode_log_batch *batch)
{
    struct log_intake *in = arg;
    struct intake_end *end = &in->end;
    uint8_t verdicts[DECODE_BATCH_RECORDS];
    struct tsdb_appended appended = {0};
    end->append_status =
        tsdb_log_append(end->room->db, &batch->batch, &appended, verdicts, &end->err);
    if (end->append_status != TSDB_OK)
        return end->append_status;
    if (appended.position > end->out->position)
        end->out->position = appended.position;
    for (uint32_t i = 0; i < batch->batch.record_count; i++) {
        if (verdicts[i] == TSDB_ACCEPTED || verdicts[i] == TSDB_DUPLICATE)
            end->out->accepted++;
        else
            refuse_record(in, batch, i, (enum reason)verdicts[i]);
    }
    return TSDB_OK;
}

static enum tsdb_status decode(struct log_intake *in, const struct decode_log_task *task,
                               enum intake_format format, struct bytes plain,
                               struct decode_tally *tally)
{
    const struct log_hints *hints = in->hints;
    struct tsdb_error *err = &in->end.err;
    switch (format) {
    case INTAKE_OTLP_LOGS: return otlp_logs_decode(task, plain, tally, err);
    case INTAKE_LOKI: return loki_push_decode(task, plain, tally, err);
    case INTAKE_LOKI_JSON: return loki_push_json_decode(task, plain, tally, err);
    case INTAKE_JSON_LINES: return json_lines_decode(task, &hints->json_lines, plain, tally, err);
    case INTAKE_ES_BULK: return es_bulk_decode(task, &hints->bulk, plain, &in->results, tally, err);
    case INTAKE_SYSLOG:
        return syslog_decode(task, &hints->syslog, hints->messages, hints->message_count, tally,
                             err);
    case INTAKE_OTLP:
    case INTAKE_REMOTE_WRITE:
    case INTAKE_REMOTE_WRITE_2:
    case INTAKE_OTLP_TRACE:
    case INTAKE_ZIPKIN: break;
    }
    UNREACHABLE();
}

/* The items of a bulk answer, while what they borrow from is there. */
static void put_items(struct log_intake *in, int64_t since)
{
    const struct intake_room *room = in->end.room;
    struct outcome *out = in->end.out;
    size_t bound = elastic_results_bound(&in->results);
    struct writer w = {0};
    bool is_charged = !room->budget || budget_charge(room->budget, bound);
    uint8_t *kept = NULL;
    if (is_charged) {
        elastic_results_write(&in->results, (clock_mono_ns(room->clock) - since) / NS_PER_MS, &w);
        ASSERT(w.len <= bound);
        kept = ARENA_ARRAY(in->hints->answer, uint8_t, w.len);
    }
    if (kept) {
        memcpy(kept, w.at, w.len);
        out->body = (struct bytes){kept, w.len};
    } else {
        outcome_refuse(out, OUTCOME_UNAVAILABLE, REASON_OVERLOADED,
                       "no memory left for the answer");
    }
    writer_release(&w);
    if (is_charged && room->budget)
        budget_release(room->budget, bound);
}

void log_intake_run(const struct intake_room *room, const struct intake_source *source,
                    enum intake_format format, const struct log_hints *hints, struct bytes plain,
                    struct outcome *out)
{
    struct arena arena;
    struct decode_tally tally = {0};
    struct log_intake in = {
        .end = {.room = room, .source = source, .signal = SIGNAL_LOGS, .out = out}, .hints = hints};
    *out = (struct outcome){.signal = SIGNAL_LOGS};
    arena_init(&arena, room->arena_bytes_max, room->budget);
    struct decode_log_task task = {.tenant = source->tenant,
                                   .arena = &arena,
                                   .sink = {on_batch, &in},
                                   .items_max = room->items_max,
                                   .now = clock_wall_ns(room->clock)};
    int64_t since = clock_mono_ns(room->clock);
    enum tsdb_status st = decode(&in, &task, format, plain, &tally);
    if (st == TSDB_OK)
        intake_conclude(&in.end, &tally);
    else
        intake_fail(&in.end, st);
    if (st == TSDB_OK && format == INTAKE_ES_BULK)
        put_items(&in, since);
    arena_release(&arena);
}
