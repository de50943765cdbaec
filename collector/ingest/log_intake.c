#include "collector/ingest/log_intake.h"

#include "collector/decode/loki_push.h"
#include "collector/decode/otlp_logs.h"
#include "collector/ingest/intake_end.h"
#include "tsdb/base/writer.h"

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

static enum tsdb_status on_batch(void *arg, const struct decode_log_batch *in)
{
    struct intake_end *end = arg;
    const struct tsdb_log_batch *batch = &in->batch;
    uint8_t verdicts[DECODE_BATCH_RECORDS];
    struct tsdb_appended appended = {0};
    end->append_status = tsdb_log_append(end->room->db, batch, &appended, verdicts, &end->err);
    if (end->append_status != TSDB_OK)
        return end->append_status;
    if (appended.position > end->out->position)
        end->out->position = appended.position;
    for (uint32_t i = 0; i < batch->record_count; i++) {
        if (verdicts[i] == TSDB_ACCEPTED) {
            end->out->accepted++;
            continue;
        }
        if (end->counts[verdicts[i]]++ == 0)
            remember_record(end, batch, &batch->records[i], (enum reason)verdicts[i]);
        end->out->rejected++;
    }
    return TSDB_OK;
}

void log_intake_run(const struct intake_room *room, const struct intake_source *source,
                    enum intake_format format, struct bytes in, struct outcome *out)
{
    struct arena arena;
    struct decode_tally tally = {0};
    struct intake_end end = {.room = room, .source = source, .signal = SIGNAL_LOGS, .out = out};
    *out = (struct outcome){.signal = SIGNAL_LOGS};
    arena_init(&arena, room->arena_bytes_max, room->budget);
    struct decode_log_task task = {.tenant = source->tenant,
                                   .arena = &arena,
                                   .sink = {on_batch, &end},
                                   .items_max = room->items_max,
                                   .now = clock_wall_ns(room->clock)};
    enum tsdb_status st = TSDB_ECORRUPT;
    if (format == INTAKE_OTLP_LOGS)
        st = otlp_logs_decode(&task, in, &tally, &end.err);
    else if (format == INTAKE_LOKI)
        st = loki_push_decode(&task, in, &tally, &end.err);
    else if (format == INTAKE_LOKI_JSON)
        st = loki_push_json_decode(&task, in, &tally, &end.err);
    if (st == TSDB_OK)
        intake_conclude(&end, &tally);
    else
        intake_fail(&end, st);
    arena_release(&arena);
}
