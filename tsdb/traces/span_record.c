#include "tsdb/traces/span_record.h"

#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/columns/field_kind.h"
#include "tsdb/columns/text_same.h"
#include "tsdb/store/slots.h"
#include "tsdb/traces/span_limits.h"

#include <string.h>

enum {
    VARINT = 10,
    SPAN_FIXED = 1 + 16 + 8 + 8 + 2 + 13 * VARINT, /* bytes of a span besides texts and lists */
    CHILD_FIXED = 24 + 5 * VARINT,                 /* of an event or a link */
    SOURCE_FIXED = 8 * VARINT,
    FIELD_FIXED = 2 + 3 * VARINT,
};

/* Names with their types, or texts: what was written and under which number. */
struct table {
    struct slots slots;
    struct table_item *at; /* owned; texts borrowed from the batch */
    uint32_t count, cap;
};

/* Spans of a kind have the same fields in turn, and values repeat: what came the last time
 * is tried before it is looked for. */
struct table_item {
    struct tsdb_text text;
    uint32_t next, value; /* of a name: the one that followed, the number of its last text */
    uint8_t type;         /* of a name */
};

struct record_writer {
    struct table names, texts;
    uint64_t seed;
    uint32_t name_before;
    bool is_bad; /* a name did not pass */
};

static void table_put(struct table *t, uint32_t hash, struct tsdb_text text, uint8_t type)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->at = mem_grow(t->at, t->cap, sizeof *t->at);
    }
    slots_put(&t->slots, hash, t->count);
    t->at[t->count++] = (struct table_item){text, UINT32_MAX, UINT32_MAX, type};
}

static inline bool is_item(const struct table *t, uint32_t id, struct tsdb_text text, uint8_t type)
{
    return id < t->count && t->at[id].type == type && text_same(t->at[id].text, text);
}

static uint32_t table_find(const struct table *t, uint32_t hash, struct tsdb_text text,
                           uint8_t type)
{
    uint32_t at = hash, id;
    while ((id = slots_probe(&t->slots, hash, &at)) != SLOTS_NONE)
        if (is_item(t, id, text, type))
            return id;
    return UINT32_MAX;
}

static void table_release(struct table *t)
{
    slots_release(&t->slots);
    mem_free(t->at);
}

/* ---- writing --------------------------------------------------------------------------- */

/* Each takes where to write, with room for it, and answers what is behind. */

static inline uint8_t *put_uv(uint8_t *at, uint64_t v)
{
    return at + uvarint_encode(v, at);
}

static inline uint8_t *put_bytes(uint8_t *at, const void *from, size_t n)
{
    if (n)
        memcpy(at, from, n);
    return at + n;
}

/* *last: the number of a text that it may be again; becomes its own. */
static uint8_t *put_text(struct record_writer *w, uint8_t *at, struct tsdb_text text,
                         uint32_t *last)
{
    if (text.len >= SPAN_TEXT_MIN && text.len <= SPAN_TEXT_MAX) {
        if (is_item(&w->texts, *last, text, 0))
            return put_uv(at, 2 * (uint64_t)*last + 1);
        uint32_t hash = (uint32_t)hash64(w->seed, text.at, text.len);
        *last = table_find(&w->texts, hash, text, 0);
        if (*last != UINT32_MAX)
            return put_uv(at, 2 * (uint64_t)*last + 1);
        if (w->texts.count < SPAN_TEXTS_MAX) {
            *last = w->texts.count;
            table_put(&w->texts, hash, text, 0);
        }
    }
    return put_bytes(put_uv(at, 2 * (uint64_t)text.len), text.at, text.len);
}

static uint8_t *put_lone_text(struct record_writer *w, uint8_t *at, struct tsdb_text text)
{
    uint32_t last = UINT32_MAX;
    return put_text(w, at, text, &last);
}

/* The name; *id: its number. */
static uint8_t *put_name(struct record_writer *w, uint8_t *at, const struct tsdb_field *f,
                         uint32_t *id)
{
    struct table *names = &w->names;
    uint32_t before = w->name_before;
    *id = before < names->count ? names->at[before].next : 0;
    if (!is_item(names, *id, f->name, f->type)) {
        uint32_t hash = (uint32_t)hash64(w->seed + f->type, f->name.at, f->name.len);
        *id = table_find(names, hash, f->name, f->type);
        if (*id == UINT32_MAX) {
            w->is_bad |= !span_name_check(f->name);
            *id = names->count;
            table_put(names, hash, f->name, f->type);
            *at++ = 0;
            *at++ = f->type;
            at = put_uv(at, f->name.len);
            at = put_bytes(at, f->name.at, f->name.len);
        } else {
            at = put_uv(at, (uint64_t)*id + 1);
        }
        if (before < names->count)
            names->at[before].next = *id;
    } else {
        at = put_uv(at, (uint64_t)*id + 1);
    }
    w->name_before = *id;
    return at;
}

static uint8_t *put_fields(struct record_writer *w, uint8_t *at, const struct tsdb_fields *fields)
{
    at = put_uv(at, 2 * (uint64_t)fields->count + (fields->dropped != 0));
    if (fields->dropped)
        at = put_uv(at, fields->dropped);
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct tsdb_field *f = &fields->at[i];
        uint32_t id;
        at = put_name(w, at, f, &id);
        if (f->type == TSDB_FIELD_INT)
            at = put_uv(at, zigzag(f->integer));
        else if (f->type == TSDB_FIELD_DOUBLE)
            at = put_bytes(at, &f->real, sizeof f->real);
        else if (f->type == TSDB_FIELD_BOOL)
            *at++ = f->integer != 0;
        else
            at = put_text(w, at, f->text, &w->names.at[id].value);
    }
    return at;
}

static uint8_t *put_events(struct record_writer *w, uint8_t *at, const struct tsdb_span *span)
{
    at = put_uv(at, span->event_count);
    for (uint32_t i = 0; i < span->event_count; i++) {
        const struct tsdb_span_event *e = &span->events[i];
        at = put_uv(at, zigzag((int64_t)((uint64_t)e->ts - (uint64_t)span->start)));
        at = put_lone_text(w, at, e->name);
        at = put_fields(w, at, &e->attributes);
    }
    return at;
}

static uint8_t *put_links(struct record_writer *w, uint8_t *at, const struct tsdb_span *span)
{
    at = put_uv(at, span->link_count);
    for (uint32_t i = 0; i < span->link_count; i++) {
        const struct tsdb_span_link *l = &span->links[i];
        at = put_bytes(at, l->trace_id.at, sizeof l->trace_id.at);
        at = put_bytes(at, l->span_id.at, sizeof l->span_id.at);
        at = put_lone_text(w, at, l->trace_state);
        at = put_uv(at, l->flags);
        at = put_fields(w, at, &l->attributes);
    }
    return at;
}

static bool has_parent(const struct tsdb_span *span)
{
    static const struct tsdb_span_id none;
    return memcmp(&span->parent_id, &none, sizeof none) != 0;
}

/* What stands in the record before the next span. */
struct span_before {
    struct tsdb_trace_id trace_id; /* all zero: none */
    uint32_t source;
    int64_t start;
};

static unsigned what_follows(const struct tsdb_span *span, uint32_t source,
                             const struct span_before *before)
{
    unsigned what = 0;
    if (memcmp(&span->trace_id, &before->trace_id, sizeof span->trace_id) != 0)
        what |= SPAN_HAS_TRACE;
    what |= source != before->source ? SPAN_HAS_SOURCE : 0;
    what |= has_parent(span) ? SPAN_HAS_PARENT : 0;
    what |= span->status_message.len ? SPAN_HAS_MESSAGE : 0;
    what |= span->trace_state.len ? SPAN_HAS_STATE : 0;
    what |= span->dropped_events || span->dropped_links ? SPAN_HAS_DROPPED : 0;
    what |= span->event_count ? SPAN_HAS_EVENTS : 0;
    what |= span->link_count ? SPAN_HAS_LINKS : 0;
    return what;
}

static uint8_t *put_span(struct record_writer *w, uint8_t *at, const struct tsdb_span *span,
                         uint32_t source, struct span_before *before)
{
    unsigned what = what_follows(span, source, before);
    *at++ = (uint8_t)what;
    if (what & SPAN_HAS_TRACE)
        at = put_bytes(at, span->trace_id.at, sizeof span->trace_id.at);
    at = put_bytes(at, span->span_id.at, sizeof span->span_id.at);
    if (what & SPAN_HAS_PARENT)
        at = put_bytes(at, span->parent_id.at, sizeof span->parent_id.at);
    if (what & SPAN_HAS_SOURCE)
        at = put_uv(at, source);
    *at++ = span->kind;
    *at++ = span->status;
    at = put_uv(at, span->flags);
    at = put_uv(at, zigzag((int64_t)((uint64_t)span->start - (uint64_t)before->start)));
    at = put_uv(at, zigzag((int64_t)((uint64_t)span->end - (uint64_t)span->start)));
    at = put_lone_text(w, at, span->name);
    if (what & SPAN_HAS_MESSAGE)
        at = put_lone_text(w, at, span->status_message);
    if (what & SPAN_HAS_STATE)
        at = put_lone_text(w, at, span->trace_state);
    if (what & SPAN_HAS_DROPPED) {
        at = put_uv(at, span->dropped_events);
        at = put_uv(at, span->dropped_links);
    }
    at = put_fields(w, at, &span->attributes);
    if (what & SPAN_HAS_EVENTS)
        at = put_events(w, at, span);
    if (what & SPAN_HAS_LINKS)
        at = put_links(w, at, span);
    *before = (struct span_before){span->trace_id, source, span->start};
    return at;
}

static bool put_source(struct record_writer *w, const struct tsdb_span_source *s,
                       struct writer *out)
{
    struct span_size size;
    if (span_source_size_check(s, &size) != TSDB_ACCEPTED)
        return false;
    uint8_t *at = writer_reserve(out, SOURCE_FIXED + size.text_bytes + size.fields * FIELD_FIXED);
    at = put_fields(w, at, &s->resource);
    at = put_fields(w, at, &s->scope);
    at = put_lone_text(w, at, s->scope_name);
    at = put_lone_text(w, at, s->scope_version);
    at = put_lone_text(w, at, s->resource_schema_url);
    at = put_lone_text(w, at, s->scope_schema_url);
    out->len = (size_t)(at - out->at);
    return !w->is_bad;
}

/* Spans that are not left out; UINT32_MAX: one names a source that is not there.  Sources of
 * those get 1 in `used`. */
static uint32_t spans_count(const struct tsdb_span_batch *batch, const uint8_t *verdicts,
                            uint32_t *used)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < batch->span_count; i++) {
        if (verdicts && verdicts[i] != TSDB_ACCEPTED)
            continue;
        if (batch->spans[i].source >= batch->source_count)
            return UINT32_MAX;
        used[batch->spans[i].source] = 1;
        n++;
    }
    return n;
}

/* used[] becomes the numbers of the sources that are written. */
static bool put_sources(struct record_writer *w, const struct tsdb_span_batch *batch,
                        uint32_t *used, struct writer *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < batch->source_count; i++)
        n += used[i];
    writer_uvarint(out, n);
    n = 0;
    for (uint32_t i = 0; i < batch->source_count; i++) {
        if (!used[i])
            continue;
        if (!put_source(w, &batch->sources[i], out))
            return false;
        used[i] = n++;
    }
    return true;
}

static bool put_spans(struct record_writer *w, const struct tsdb_span_batch *batch,
                      const uint8_t *verdicts, const uint32_t *numbers, struct writer *out)
{
    struct span_before before = {0};
    for (uint32_t i = 0; i < batch->span_count; i++) {
        const struct tsdb_span *span = &batch->spans[i];
        struct span_size size;
        if (verdicts && verdicts[i] != TSDB_ACCEPTED)
            continue;
        if (span_size_check(span, &size) != TSDB_ACCEPTED)
            return false;
        size_t children = (size_t)span->event_count + span->link_count;
        uint8_t *at = writer_reserve(out, SPAN_FIXED + size.text_bytes + size.fields * FIELD_FIXED +
                                              children * CHILD_FIXED);
        at = put_span(w, at, span, numbers[span->source], &before);
        out->len = (size_t)(at - out->at);
        if (w->is_bad)
            return false;
    }
    return true;
}

enum tsdb_status span_record_write(const struct tsdb_span_batch *batch, const uint8_t *verdicts,
                                   struct writer *out)
{
    if (batch->span_count > TSDB_SPAN_BATCH_MAX || batch->source_count > TSDB_SPAN_SOURCES_MAX)
        return TSDB_EINVAL;
    struct record_writer w = {.name_before = UINT32_MAX};
    uint32_t numbers[TSDB_SPAN_SOURCES_MAX] = {0};
    size_t begin = out->len;
    random_secret(&w.seed, sizeof w.seed);
    uint32_t spans = spans_count(batch, verdicts, numbers);
    writer_u8(out, SPAN_RECORD_VERSION);
    writer_sized(out, batch->tenant, strlen(batch->tenant));
    bool is_good = spans != UINT32_MAX && put_sources(&w, batch, numbers, out);
    if (is_good) {
        writer_uvarint(out, spans);
        is_good = put_spans(&w, batch, verdicts, numbers, out);
    }
    table_release(&w.names);
    table_release(&w.texts);
    if (is_good)
        return TSDB_OK;
    out->len = begin;
    return TSDB_EINVAL;
}
