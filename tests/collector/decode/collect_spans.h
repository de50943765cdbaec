/* collect_spans.h - a sink that keeps spans as text lines:
 *
 *   <service.name=s:shop>+1 url=U | lib@1.2 <a=b:1>+2 url=U | TRACE SPAN parent=P 'name' kind=2
 *   10..20 status=2:'bad' state='a=1' flags=257 <k=s:v>+3 event(12 'retry' <n=i:1>+1) events+4
 *   link(TRACE SPAN state='' flags=1 <>) links+5
 *
 * (on one line).  Fields in order, with their types, as collect_logs.h writes them; what is
 * zero or empty is left out.  Also checks what every sink may rely on.
 */
#ifndef TESTS_COLLECTOR_DECODE_COLLECT_SPANS_H
#define TESTS_COLLECTOR_DECODE_COLLECT_SPANS_H

#include "collector/decode/span_sink.h"
#include "tests/collector/decode/collect_logs.h"

struct collect_spans {
    struct collect base; /* lines, count, batches, answer */
    uint32_t items[COLLECT_MAX];
    uint32_t sources; /* of all batches */
};

static inline void collect_put_hex(struct writer *w, const uint8_t *at, size_t len)
{
    collect_hex(w, (struct tsdb_text){(const char *)at, len});
}

static inline void collect_put_quoted(struct writer *w, const char *before, struct tsdb_text t)
{
    writer_format(w, "%s'", before);
    writer_put(w, t.at, t.len);
    writer_u8(w, '\'');
}

static inline void collect_fields(struct writer *w, struct tsdb_fields fields)
{
    ASSERT(fields.count <= TSDB_SPAN_FIELDS_MAX);
    writer_u8(w, '<');
    for (uint32_t i = 0; i < fields.count; i++) {
        writer_text(w, i > 0 ? " " : "");
        collect_field(w, &fields.at[i]);
    }
    writer_u8(w, '>');
    if (fields.dropped)
        writer_format(w, "+%u", fields.dropped);
}

static inline void collect_source(struct writer *w, const struct tsdb_span_source *s)
{
    collect_fields(w, s->resource);
    if (s->resource_schema_url.len)
        collect_put_quoted(w, " url=", s->resource_schema_url);
    writer_text(w, " | ");
    writer_put(w, s->scope_name.at, s->scope_name.len);
    writer_u8(w, '@');
    writer_put(w, s->scope_version.at, s->scope_version.len);
    writer_u8(w, ' ');
    collect_fields(w, s->scope);
    if (s->scope_schema_url.len)
        collect_put_quoted(w, " url=", s->scope_schema_url);
}

static inline void collect_event(struct writer *w, const struct tsdb_span_event *e)
{
    writer_format(w, " event(%lld", (long long)e->ts);
    collect_put_quoted(w, " ", e->name);
    writer_u8(w, ' ');
    collect_fields(w, e->attributes);
    writer_u8(w, ')');
}

static inline void collect_link(struct writer *w, const struct tsdb_span_link *l)
{
    writer_text(w, " link(");
    collect_put_hex(w, l->trace_id.at, sizeof l->trace_id.at);
    writer_u8(w, ' ');
    collect_put_hex(w, l->span_id.at, sizeof l->span_id.at);
    if (l->trace_state.len)
        collect_put_quoted(w, " state=", l->trace_state);
    if (l->flags)
        writer_format(w, " flags=%u", l->flags);
    writer_u8(w, ' ');
    collect_fields(w, l->attributes);
    writer_u8(w, ')');
}

static inline void collect_ids(struct writer *w, const struct tsdb_span *s)
{
    static const struct tsdb_span_id none;
    collect_put_hex(w, s->trace_id.at, sizeof s->trace_id.at);
    writer_u8(w, ' ');
    collect_put_hex(w, s->span_id.at, sizeof s->span_id.at);
    if (memcmp(&s->parent_id, &none, sizeof none) != 0) {
        writer_text(w, " parent=");
        collect_put_hex(w, s->parent_id.at, sizeof s->parent_id.at);
    }
}

static inline void collect_span(struct collect *c, const struct tsdb_span_source *source,
                                const struct tsdb_span *s)
{
    struct writer w = {0};
    ASSERT(s->event_count <= TSDB_SPAN_CHILDREN_MAX && s->link_count <= TSDB_SPAN_CHILDREN_MAX);
    collect_source(&w, source);
    writer_text(&w, " | ");
    collect_ids(&w, s);
    collect_put_quoted(&w, " ", s->name);
    writer_format(&w, " kind=%u %lld..%lld", s->kind, (long long)s->start, (long long)s->end);
    if (s->status || s->status_message.len) {
        writer_format(&w, " status=%u:", s->status);
        collect_put_quoted(&w, "", s->status_message);
    }
    if (s->trace_state.len)
        collect_put_quoted(&w, " state=", s->trace_state);
    if (s->flags)
        writer_format(&w, " flags=%u", s->flags);
    writer_u8(&w, ' ');
    collect_fields(&w, s->attributes);
    for (uint32_t i = 0; i < s->event_count; i++)
        collect_event(&w, &s->events[i]);
    if (s->dropped_events)
        writer_format(&w, " events+%u", s->dropped_events);
    for (uint32_t i = 0; i < s->link_count; i++)
        collect_link(&w, &s->links[i]);
    if (s->dropped_links)
        writer_format(&w, " links+%u", s->dropped_links);
    collect_line(c, &w);
    writer_release(&w);
}

static inline enum tsdb_status collect_span_batch(void *arg, const struct decode_span_batch *b)
{
    struct collect_spans *c = arg;
    if (c->base.answer != TSDB_OK)
        return c->base.answer;
    ASSERT(b->batch.span_count > 0 && b->batch.span_count <= DECODE_BATCH_SPANS);
    ASSERT(b->batch.source_count > 0 && b->batch.source_count <= DECODE_BATCH_SOURCES);
    c->base.batches++;
    c->sources += b->batch.source_count;
    for (uint32_t i = 0; i < b->batch.span_count; i++) {
        const struct tsdb_span *s = &b->batch.spans[i];
        ASSERT(!c->base.has_item || b->items[i] > c->base.last_item);
        ASSERT(s->source < b->batch.source_count);
        if (c->base.count < COLLECT_MAX)
            c->items[c->base.count] = b->items[i];
        c->base.has_item = true;
        c->base.last_item = b->items[i];
        c->base.items++;
        collect_span(&c->base, &b->batch.sources[s->source], s);
    }
    return TSDB_OK;
}

static inline struct decode_span_task collect_span_task(struct collect_spans *c,
                                                        struct arena *arena)
{
    return (struct decode_span_task){
        .tenant = "", .arena = arena, .sink = {collect_span_batch, c}, .items_max = 100000};
}

static inline struct collect_spans *collect_spans_new(void)
{
    return MEM_NEW(struct collect_spans);
}

static inline void collect_spans_free(struct collect_spans *c)
{
    for (uint32_t i = 0; i < c->base.count; i++)
        mem_free(c->base.lines[i]);
    mem_free(c);
}

/* Conservation, whatever became of the request. */
static inline void collect_spans_check(const struct collect_spans *c, const struct decode_tally *t,
                                       enum tsdb_status st)
{
    uint64_t refused = tally_rejected(t);
    ASSERT(t->handed == c->base.items);
    ASSERT(st != TSDB_OK || t->received == t->handed + refused);
    ASSERT((refused > 0) == (t->message[0] != '\0'));
}

#endif
