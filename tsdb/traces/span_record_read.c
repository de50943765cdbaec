#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/columns/field_kind.h"
#include "tsdb/store/head_index.h"
#include "tsdb/traces/span_limits.h"
#include "tsdb/traces/span_record.h"

#include <string.h>

/* Least bytes of an item, for counts. */
enum { FIELD_MIN = 2, SOURCE_MIN = 6, SPAN_MIN = 16, EVENT_MIN = 3, LINK_MIN = 27 };

struct record_name {
    struct tsdb_text text;
    uint8_t type;
};

struct record_reader {
    struct reader in;
    struct arena *arena;       /* borrowed */
    struct record_name *names; /* owned */
    struct tsdb_text *texts;   /* owned */
    uint32_t name_count, name_cap, text_count, text_cap;
    bool is_full; /* the arena is */
};

static struct tsdb_text text_from(struct bytes b)
{
    return (struct tsdb_text){(const char *)b.at, b.len};
}

static struct tsdb_text take_text(struct record_reader *r)
{
    uint64_t n = reader_uvarint(&r->in);
    if (n & 1) {
        if (n / 2 < r->text_count)
            return r->texts[n / 2];
        reader_fail(&r->in);
        return (struct tsdb_text){0};
    }
    if (n / 2 > r->in.rest.len) {
        reader_fail(&r->in);
        return (struct tsdb_text){0};
    }
    struct tsdb_text text = text_from(reader_take(&r->in, (size_t)(n / 2)));
    bool is_numbered = text.len >= SPAN_TEXT_MIN && text.len <= SPAN_TEXT_MAX;
    if (!is_numbered || r->text_count == SPAN_TEXTS_MAX)
        return text;
    if (r->text_count == r->text_cap) {
        r->text_cap = r->text_cap ? 2 * r->text_cap : 256;
        r->texts = mem_grow(r->texts, r->text_cap, sizeof *r->texts);
    }
    r->texts[r->text_count++] = text;
    return text;
}

static struct record_name take_name(struct record_reader *r)
{
    uint64_t n = reader_uvarint(&r->in);
    if (n > 0 && n <= r->name_count)
        return r->names[n - 1];
    struct record_name name = {.type = reader_u8(&r->in)};
    name.text = text_from(reader_sized(&r->in));
    if (n > 0 || name.type >= TSDB_FIELD_TYPE_COUNT || name.text.len == 0 ||
        name.text.len > GROUP_NAME_MAX)
        reader_fail(&r->in);
    if (r->in.fault)
        return (struct record_name){0};
    if (r->name_count == r->name_cap) {
        r->name_cap = r->name_cap ? 2 * r->name_cap : 64;
        r->names = mem_grow(r->names, r->name_cap, sizeof *r->names);
    }
    return r->names[r->name_count++] = name;
}

/* A number that must fit. */
static uint32_t take_u32(struct record_reader *r)
{
    uint64_t n = reader_uvarint(&r->in);
    if (n > UINT32_MAX)
        reader_fail(&r->in);
    return (uint32_t)n;
}

static uint32_t take_count(struct record_reader *r, size_t item_min, uint32_t most)
{
    uint32_t n = reader_count(&r->in, item_min);
    if (n <= most)
        return n;
    reader_fail(&r->in);
    return 0;
}

/* n of a type; NULL: there are none, or the arena is full. */
static void *take_array(struct record_reader *r, uint32_t n, size_t size)
{
    void *at = n ? arena_get(r->arena, n, size, alignof(max_align_t)) : NULL;
    if (n && !at) {
        r->is_full = true;
        reader_fail(&r->in);
    }
    return at;
}

static void take_fields(struct record_reader *r, struct tsdb_fields *out)
{
    uint64_t head = reader_uvarint(&r->in);
    *out = (struct tsdb_fields){.dropped = head & 1 ? take_u32(r) : 0};
    if (head / 2 > TSDB_SPAN_FIELDS_MAX || head / 2 > r->in.rest.len / FIELD_MIN)
        reader_fail(&r->in);
    uint32_t n = r->in.fault ? 0 : (uint32_t)(head / 2);
    struct tsdb_field *fields = take_array(r, n, sizeof *fields);
    if (!fields)
        return;
    for (uint32_t i = 0; i < n && !r->in.fault; i++) {
        struct record_name name = take_name(r);
        struct tsdb_field *f = &fields[i];
        f->name = name.text;
        f->type = name.type;
        if (f->type == TSDB_FIELD_INT)
            f->integer = reader_svarint(&r->in);
        else if (f->type == TSDB_FIELD_DOUBLE)
            f->real = reader_f64(&r->in);
        else if (f->type == TSDB_FIELD_BOOL)
            f->integer = reader_u8(&r->in) != 0;
        else
            f->text = take_text(r);
    }
    out->at = fields;
    out->count = n;
}

static void take_id(struct record_reader *r, uint8_t *to, size_t n)
{
    struct bytes b = reader_take(&r->in, n);
    if (b.len)
        memcpy(to, b.at, n);
}

static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b); /* wraps */
}

static void take_events(struct record_reader *r, struct tsdb_span *span)
{
    uint32_t n = take_count(r, EVENT_MIN, TSDB_SPAN_CHILDREN_MAX);
    struct tsdb_span_event *events = take_array(r, n, sizeof *events);
    if (!events)
        return;
    for (uint32_t i = 0; i < n && !r->in.fault; i++) {
        events[i].ts = plus(span->start, reader_svarint(&r->in));
        events[i].name = take_text(r);
        take_fields(r, &events[i].attributes);
    }
    span->events = events;
    span->event_count = n;
}

static void take_links(struct record_reader *r, struct tsdb_span *span)
{
    uint32_t n = take_count(r, LINK_MIN, TSDB_SPAN_CHILDREN_MAX);
    struct tsdb_span_link *links = take_array(r, n, sizeof *links);
    if (!links)
        return;
    for (uint32_t i = 0; i < n && !r->in.fault; i++) {
        take_id(r, links[i].trace_id.at, sizeof links[i].trace_id.at);
        take_id(r, links[i].span_id.at, sizeof links[i].span_id.at);
        links[i].trace_state = take_text(r);
        links[i].flags = take_u32(r);
        take_fields(r, &links[i].attributes);
    }
    span->links = links;
    span->link_count = n;
}

/* `span` is all zero. */
static void take_span(struct record_reader *r, const struct tsdb_span *before,
                      struct tsdb_span *span)
{
    unsigned what = reader_u8(&r->in);
    span->trace_id = before->trace_id;
    span->source = before->source;
    if (what & SPAN_HAS_TRACE)
        take_id(r, span->trace_id.at, sizeof span->trace_id.at);
    take_id(r, span->span_id.at, sizeof span->span_id.at);
    if (what & SPAN_HAS_PARENT)
        take_id(r, span->parent_id.at, sizeof span->parent_id.at);
    if (what & SPAN_HAS_SOURCE)
        span->source = take_u32(r);
    span->kind = reader_u8(&r->in);
    span->status = reader_u8(&r->in);
    span->flags = take_u32(r);
    span->start = plus(before->start, reader_svarint(&r->in));
    span->end = plus(span->start, reader_svarint(&r->in));
    span->name = take_text(r);
    if (what & SPAN_HAS_MESSAGE)
        span->status_message = take_text(r);
    if (what & SPAN_HAS_STATE)
        span->trace_state = take_text(r);
    if (what & SPAN_HAS_DROPPED) {
        span->dropped_events = take_u32(r);
        span->dropped_links = take_u32(r);
    }
    take_fields(r, &span->attributes);
    if (what & SPAN_HAS_EVENTS)
        take_events(r, span);
    if (what & SPAN_HAS_LINKS)
        take_links(r, span);
}

static void take_sources(struct record_reader *r, struct tsdb_span_batch *out)
{
    uint32_t n = take_count(r, SOURCE_MIN, TSDB_SPAN_SOURCES_MAX);
    struct tsdb_span_source *sources = take_array(r, n, sizeof *sources);
    struct span_size size;
    for (uint32_t i = 0; sources && i < n && !r->in.fault; i++) {
        struct tsdb_span_source *s = &sources[i];
        take_fields(r, &s->resource);
        take_fields(r, &s->scope);
        s->scope_name = take_text(r);
        s->scope_version = take_text(r);
        s->resource_schema_url = take_text(r);
        s->scope_schema_url = take_text(r);
        if (r->in.fault || span_source_size_check(s, &size) != TSDB_ACCEPTED)
            reader_fail(&r->in);
    }
    out->sources = sources;
    out->source_count = n;
}

static void take_spans(struct record_reader *r, struct tsdb_span_batch *out)
{
    static const struct tsdb_span none;
    uint32_t n = take_count(r, SPAN_MIN, TSDB_SPAN_BATCH_MAX);
    struct tsdb_span *spans = take_array(r, n, sizeof *spans);
    struct span_size size;
    for (uint32_t i = 0; spans && i < n && !r->in.fault; i++) {
        take_span(r, i ? &spans[i - 1] : &none, &spans[i]);
        if (r->in.fault || spans[i].source >= out->source_count ||
            span_size_check(&spans[i], &size) != TSDB_ACCEPTED)
            reader_fail(&r->in);
    }
    out->spans = spans;
    out->span_count = n;
}

static void take_tenant(struct record_reader *r, struct tsdb_span_batch *out)
{
    struct bytes tenant = reader_sized(&r->in);
    if (tenant.len > HEAD_TEXT_BYTES_MAX || (tenant.len && memchr(tenant.at, 0, tenant.len)))
        reader_fail(&r->in);
    if (r->in.fault)
        return;
    char *copy = take_array(r, (uint32_t)tenant.len + 1, 1);
    if (copy && tenant.len)
        memcpy(copy, tenant.at, tenant.len);
    out->tenant = copy;
}

enum tsdb_status span_record_read(struct bytes payload, struct arena *arena,
                                  struct tsdb_span_batch *out, struct tsdb_error *err)
{
    struct record_reader r = {.in = reader_over(payload), .arena = arena};
    struct tsdb_span_batch batch = {0};
    if (reader_u8(&r.in) != SPAN_RECORD_VERSION)
        reader_fail(&r.in);
    take_tenant(&r, &batch);
    take_sources(&r, &batch);
    take_spans(&r, &batch);
    mem_free(r.names);
    mem_free(r.texts);
    if (r.is_full)
        return tsdb_fail(err, TSDB_ELIMIT, "spans: record of %zu bytes passes the memory for it",
                         payload.len);
    if (!reader_done(&r.in))
        return tsdb_fail(err, TSDB_ECORRUPT, "spans: record of %zu bytes is damaged", payload.len);
    *out = batch;
    return TSDB_OK;
}
