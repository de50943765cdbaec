#include "collector/derive/wire_bytes.h"

enum { TAG = 1, FIXED32 = 4, FIXED64 = 8, ID_PREFIX = 2 /* tag and length */ };

static uint64_t varint_bytes(uint64_t v)
{
    return (70u - (unsigned)__builtin_clzll(v | 1)) / 7;
}

/* A field that is not written when it is 0. */
static uint64_t count_bytes(uint64_t v)
{
    return v ? TAG + varint_bytes(v) : 0;
}

static uint64_t fixed64_bytes(int64_t v)
{
    return v ? TAG + FIXED64 : 0;
}

static uint64_t framed_bytes(uint64_t len)
{
    return TAG + varint_bytes(len) + len;
}

static uint64_t text_bytes(struct tsdb_text text)
{
    return text.len ? framed_bytes(text.len) : 0;
}

/* AnyValue: a oneof, so that zeros are written, too. */
static uint64_t value_bytes(const struct tsdb_field *f)
{
    switch (f->type) {
    case TSDB_FIELD_INT: return TAG + varint_bytes((uint64_t)f->integer);
    case TSDB_FIELD_DOUBLE: return TAG + FIXED64;
    case TSDB_FIELD_BOOL: return TAG + 1;
    default: return framed_bytes(f->text.len);
    }
}

static uint64_t field_bytes(const struct tsdb_field *f)
{
    return framed_bytes(text_bytes(f->name) + framed_bytes(value_bytes(f)));
}

static uint64_t fields_bytes(const struct tsdb_fields *fields)
{
    enum { SHORT_MAX = 121, FRAMES = 8 }; /* four tags, and four lengths of one byte */
    uint64_t n = count_bytes(fields->dropped);
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct tsdb_field *f = &fields->at[i];
        size_t len = f->name.len + f->text.len;
        bool is_short = f->type == TSDB_FIELD_STRING && f->name.len > 0 &&
                        f->name.len < SHORT_MAX && len <= SHORT_MAX;
        n += is_short ? len + FRAMES : field_bytes(f);
    }
    return n;
}

static uint64_t id_bytes(const struct tsdb_span_id *id)
{
    uint8_t any = 0;
    for (unsigned i = 0; i < TSDB_SPAN_ID_BYTES; i++)
        any |= id->at[i];
    return any ? ID_PREFIX + TSDB_SPAN_ID_BYTES : 0;
}

static uint64_t event_bytes(const struct tsdb_span_event *e)
{
    return fixed64_bytes(e->ts) + text_bytes(e->name) + fields_bytes(&e->attributes);
}

static uint64_t link_bytes(const struct tsdb_span_link *l)
{
    return ID_PREFIX + TSDB_TRACE_ID_BYTES + id_bytes(&l->span_id) + text_bytes(l->trace_state) +
           fields_bytes(&l->attributes) + (l->flags ? TAG + FIXED32 : 0);
}

uint64_t span_wire_bytes(const struct tsdb_span *s)
{
    uint64_t status = text_bytes(s->status_message) + count_bytes(s->status);
    uint64_t n = ID_PREFIX + TSDB_TRACE_ID_BYTES + id_bytes(&s->span_id) +
                 text_bytes(s->trace_state) + id_bytes(&s->parent_id) + text_bytes(s->name) +
                 count_bytes(s->kind) + fixed64_bytes(s->start) + fixed64_bytes(s->end) +
                 fields_bytes(&s->attributes) + count_bytes(s->dropped_events) +
                 count_bytes(s->dropped_links);
    for (uint32_t i = 0; i < s->event_count; i++)
        n += framed_bytes(event_bytes(&s->events[i]));
    for (uint32_t i = 0; i < s->link_count; i++)
        n += framed_bytes(link_bytes(&s->links[i]));
    if (status > 0)
        n += framed_bytes(status);
    return n + (s->flags ? 2 * TAG + FIXED32 : 0); /* its number is 16: two bytes of tag */
}
