/* collect_logs.h - a sink that keeps log records as text lines:
 *
 *   {app="a",service_name="a"} <host.name=s:h pid=i:7> 1700000000000000000 |line| k=s:v n=d:1.5
 *
 * Labels sorted, empty ones dropped; attributes and fields in order, with their types: s
 * string, i int, d double, b bool, y bytes (hex), x id (hex), j JSON.  Also checks what
 * every sink may rely on.
 */
#ifndef TESTS_COLLECTOR_DECODE_COLLECT_LOGS_H
#define TESTS_COLLECTOR_DECODE_COLLECT_LOGS_H

#include "collector/decode/log_sink.h"
#include "tests/collector/decode/collect.h"

struct collect_logs {
    struct collect base; /* lines, count, batches, answer */
    uint32_t items[COLLECT_MAX];
    int64_t ts[COLLECT_MAX];
    uint32_t streams; /* of all batches */
};

static inline void collect_hex(struct writer *w, struct tsdb_text t)
{
    for (size_t i = 0; i < t.len; i++)
        writer_format(w, "%02x", (uint8_t)t.at[i]);
}

static inline void collect_field(struct writer *w, const struct tsdb_field *f)
{
    char digits[DOUBLE_TEXT_MAX];
    ASSERT(f->name.len > 0 && f->type < TSDB_FIELD_TYPE_COUNT);
    writer_put(w, f->name.at, f->name.len);
    writer_format(w, "=%c:", "sidbyxj"[f->type]);
    switch ((enum tsdb_field_type)f->type) {
    case TSDB_FIELD_INT:
    case TSDB_FIELD_BOOL: writer_format(w, "%lld", (long long)f->integer); break;
    case TSDB_FIELD_DOUBLE: writer_put(w, digits, double_format_g(f->real, digits)); break;
    case TSDB_FIELD_BYTES:
    case TSDB_FIELD_ID: collect_hex(w, f->text); break;
    case TSDB_FIELD_STRING:
    case TSDB_FIELD_JSON:
    case TSDB_FIELD_TYPE_COUNT: writer_put(w, f->text.at, f->text.len);
    }
}

static inline void collect_record(struct collect_logs *c, const struct decode_log_batch *b,
                                  uint32_t i)
{
    const struct tsdb_log_record *r = &b->batch.records[i];
    struct writer w = {0};
    ASSERT(r->stream < b->batch.stream_count && r->field_count <= DECODE_FIELDS_MAX);
    const struct tsdb_log_stream *s = &b->batch.streams[r->stream];
    ASSERT(s->labels.count > 0 && s->attribute_count <= DECODE_FIELDS_MAX);
    collect_labels(&w, s->labels);
    writer_text(&w, " <");
    for (uint32_t k = 0; k < s->attribute_count; k++) {
        writer_text(&w, k > 0 ? " " : "");
        collect_field(&w, &s->attributes[k]);
    }
    writer_format(&w, "> %lld |", (long long)r->ts);
    writer_put(&w, r->line.at, r->line.len);
    writer_text(&w, "|");
    for (uint32_t k = 0; k < r->field_count; k++) {
        writer_u8(&w, ' ');
        collect_field(&w, &r->fields[k]);
    }
    if (c->base.count < COLLECT_MAX) {
        c->items[c->base.count] = b->items[i];
        c->ts[c->base.count] = r->ts;
    }
    collect_line(&c->base, &w);
    writer_release(&w);
}

static inline enum tsdb_status collect_log_batch(void *arg, const struct decode_log_batch *b)
{
    struct collect_logs *c = arg;
    if (c->base.answer != TSDB_OK)
        return c->base.answer;
    ASSERT(b->batch.record_count > 0 && b->batch.record_count <= DECODE_BATCH_RECORDS);
    ASSERT(b->batch.stream_count <= DECODE_BATCH_STREAMS);
    c->base.batches++;
    c->streams += b->batch.stream_count;
    for (uint32_t i = 0; i < b->batch.record_count; i++) {
        ASSERT(!c->base.has_item || b->items[i] > c->base.last_item);
        c->base.has_item = true;
        c->base.last_item = b->items[i];
        c->base.items++;
        collect_record(c, b, i);
    }
    return TSDB_OK;
}

enum { COLLECT_NOW = 1234567890 };

static inline struct decode_log_task collect_log_task(struct collect_logs *c, struct arena *arena)
{
    return (struct decode_log_task){.tenant = "",
                                    .arena = arena,
                                    .sink = {collect_log_batch, c},
                                    .items_max = 100000,
                                    .now = COLLECT_NOW};
}

static inline struct collect_logs *collect_logs_new(void)
{
    return MEM_NEW(struct collect_logs);
}

static inline void collect_logs_free(struct collect_logs *c)
{
    for (uint32_t i = 0; i < c->base.count; i++)
        mem_free(c->base.lines[i]);
    mem_free(c);
}

/* Conservation, whatever became of the request. */
static inline void collect_logs_check(const struct collect_logs *c, const struct decode_tally *t,
                                      enum tsdb_status st)
{
    uint64_t refused = 0;
    for (int i = 0; i < DECODE_REASON_COUNT; i++)
        refused += t->rejected[i];
    ASSERT(t->handed == c->base.items);
    ASSERT(st != TSDB_OK || t->received == t->handed + refused);
    ASSERT((refused > 0) == (t->message[0] != '\0'));
}

#endif
