#include "collector/ingest/span_intake.h"

#include "collector/decode/otlp_spans.h"
#include "collector/decode/zipkin.h"
#include "collector/derive/span_metrics.h"
#include "collector/ingest/intake_end.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

static_assert((int)DECODE_BATCH_SPANS <= (int)TSDB_SPAN_BATCH_MAX, "the engine takes a batch");
static_assert((int)DECODE_BATCH_SOURCES <= (int)TSDB_SPAN_SOURCES_MAX, "the engine takes a batch");

static void put_cut(struct writer *w, struct tsdb_text text)
{
    writer_put(w, text.at, text.len < 100 ? text.len : 100);
}

static struct tsdb_text service_of(const struct tsdb_span_source *source)
{
    for (uint32_t i = 0; i < source->resource.count; i++) {
        const struct tsdb_field *f = &source->resource.at[i];
        if (f->type == TSDB_FIELD_STRING && text_equal(f->name, text_of("service.name")))
            return f->text;
    }
    return text_of("");
}

/* SERVICE: NAME trace=HEX span=HEX start=NS */
static void remember_span(const struct intake_end *in, const struct tsdb_span_batch *batch,
                          const struct tsdb_span *span, enum reason reason)
{
    struct writer w = {0};
    char hex[2 * TSDB_TRACE_ID_BYTES];
    put_cut(&w, service_of(&batch->sources[span->source]));
    writer_text(&w, ": ");
    put_cut(&w, span->name);
    writer_text(&w, " trace=");
    writer_put(&w, hex, hex_encode(span->trace_id.at, sizeof span->trace_id.at, hex));
    writer_text(&w, " span=");
    writer_put(&w, hex, hex_encode(span->span_id.at, sizeof span->span_id.at, hex));
    writer_format(&w, " start=%lld", (long long)span->start);
    intake_remember(in, reason, (struct tsdb_text){(const char *)w.at, w.len});
    writer_release(&w);
}

static enum tsdb_status on_batch(void *arg, const struct decode_span_batch *batch)
{
    struct intake_end *end = arg;
    uint8_t verdicts[DECODE_BATCH_SPANS];
    struct tsdb_appended appended = {0};
    end->append_status =
        tsdb_span_append(end->room->db, &batch->batch, &appended, verdicts, &end->err);
    if (end->append_status != TSDB_OK)
        return end->append_status;
    if (appended.position > end->out->position)
        end->out->position = appended.position;
    if (end->room->span_metrics)
        span_metrics_observe(end->room->span_metrics, &batch->batch, verdicts);
    for (uint32_t i = 0; i < batch->batch.span_count; i++) {
        enum reason reason = (enum reason)verdicts[i];
        if (reason == REASON_ACCEPTED || reason == REASON_DUPLICATE) {
            end->out->accepted++;
            continue;
        }
        if (end->counts[reason]++ == 0)
            remember_span(end, &batch->batch, &batch->batch.spans[i], reason);
        end->out->rejected++;
    }
    return TSDB_OK;
}

void span_intake_run(const struct intake_room *room, const struct intake_source *source,
                     enum intake_format format, struct bytes plain, struct outcome *out)
{
    struct arena arena;
    struct decode_tally tally;
    struct intake_end end = {.room = room, .source = source, .signal = SIGNAL_TRACES, .out = out};
    *out = (struct outcome){.signal = SIGNAL_TRACES};
    arena_init(&arena, room->arena_bytes_max, room->budget);
    struct decode_span_task task = {.tenant = source->tenant,
                                    .arena = &arena,
                                    .sink = {on_batch, &end},
                                    .items_max = room->items_max};
    ASSERT(format == INTAKE_OTLP_TRACE || format == INTAKE_ZIPKIN);
    enum tsdb_status st = format == INTAKE_ZIPKIN
                              ? zipkin_decode(&task, plain, &tally, &end.err)
                              : otlp_spans_decode(&task, plain, &tally, &end.err);
    if (st == TSDB_OK)
        intake_conclude(&end, &tally);
    else
        intake_fail(&end, st);
    arena_release(&arena);
}
