#include "tsdb/traces/span_draft.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/text.h"

#include <string.h>

enum {
    SCANNED_MAX = 24, /* spans of a trace whose parents are looked for one by one */
    PREFETCH = 8,     /* spans ahead */
    PREFETCH_VALUES = 24,
};

/* ---- columns that every table has ------------------------------------------------------- */

void span_draft_columns(struct span_builder *b)
{
    for (int table = 0; table < SPAN_TABLES; table++)
        for (int i = 0; i < INTRINSICS; i++) {
            const struct intrinsic *in = &span_intrinsics[i];
            if (in->tables >> table & 1)
                b->at[table][i] = (uint16_t)group_writer_column(
                    b->writers[table], text_of(in->name), SPAN_TAG_INTRINSIC, in->kind, in->flags);
        }
}

/* ---- values ------------------------------------------------------------------------- */

/* A row of a table that is being written. */
struct table_row {
    struct group_writer *w;
    const uint16_t *at;
};

static struct table_row row_begin(struct span_builder *b, enum span_table table)
{
    group_writer_row(b->writers[table]);
    return (struct table_row){b->writers[table], b->at[table]};
}

static inline void put_int(struct table_row r, int column, int64_t v)
{
    group_writer_int(r.w, r.at[column], v);
}

static inline void put_text(struct table_row r, int column, struct tsdb_text v)
{
    group_writer_text(r.w, r.at[column], v);
}

static inline void put_int_if(struct table_row r, int column, int64_t v)
{
    if (v != 0)
        put_int(r, column, v);
}

static inline void put_text_if(struct table_row r, int column, struct tsdb_text v)
{
    if (v.len)
        put_text(r, column, v);
}

static struct tsdb_text id_text(const uint8_t *at, size_t n)
{
    return (struct tsdb_text){(const char *)at, n};
}

/* The row's n values, whose entries begin at `at`; answers what is behind them. */
static uint32_t put_entries(const struct span_builder *b, struct table_row r, uint32_t at,
                            uint32_t n)
{
    for (; n > 0; n--, at++) {
        unsigned what = *entry_column(b, at);
        uint32_t column = what & ((1u << ENTRY_SHIFT) - 1);
        const union draft_value *v = entry_value(b, at);
        switch (what >> ENTRY_SHIFT) {
        case ENTRY_INT: group_writer_int(r.w, column, v->integer); break;
        case ENTRY_DOUBLE: group_writer_double(r.w, column, v->real); break;
        case ENTRY_NUMBER: group_writer_numbered(r.w, column, v->number); break;
        case ENTRY_TEXT:
            group_writer_text(r.w, column,
                              (struct tsdb_text){v->text, entry_value(b, at + 1)->len});
            at++;
            break;
        default: UNREACHABLE();
        }
    }
    return at;
}

/* ---- sources ------------------------------------------------------------------------ */

static void write_source(struct span_builder *b, const struct draft_source *d)
{
    const struct tsdb_span_source *s = &d->source;
    struct table_row r = row_begin(b, SPAN_TABLE_SOURCES);
    put_int(r, INTRINSIC_ROW, 0);
    put_text_if(r, INTRINSIC_TENANT, d->tenant);
    put_text_if(r, INTRINSIC_SCOPE_NAME, s->scope_name);
    put_text_if(r, INTRINSIC_SCOPE_VERSION, s->scope_version);
    put_text_if(r, INTRINSIC_RESOURCE_SCHEMA_URL, s->resource_schema_url);
    put_text_if(r, INTRINSIC_SCOPE_SCHEMA_URL, s->scope_schema_url);
    put_int_if(r, INTRINSIC_RESOURCE_DROPPED, s->resource.dropped);
    put_int_if(r, INTRINSIC_SCOPE_DROPPED, s->scope.dropped);
    put_entries(b, r, d->entries, s->resource.count + s->scope.count);
}

/* Those that a span has, in the order in which they came. */
static void write_sources(struct span_builder *b)
{
    for (uint32_t i = 0; i < b->source_count; i++)
        b->sources[i].row = UINT32_MAX;
    for (uint32_t i = 0; i < b->span_count; i++)
        b->sources[draft_span_at(b, i)->span.source].row = 0;
    for (uint32_t i = 0, row = 0; i < b->source_count; i++) {
        if (b->sources[i].row == UINT32_MAX)
            continue;
        b->sources[i].row = row++;
        write_source(b, &b->sources[i]);
    }
}

/* ---- spans -------------------------------------------------------------------------- */

/* The rows [first, end) of a trace; of many spans the first of each id is in the table. */
struct trace_rows {
    const struct span_key *keys;
    uint32_t first, end;
    struct slots ids;
    uint64_t seed;
};

static uint32_t id_hash(const struct trace_rows *t, uint64_t id)
{
    return (uint32_t)hash64(t->seed, &id, sizeof id);
}

/* The first row of the id in the trace, or UINT32_MAX. */
static uint32_t row_of(const struct trace_rows *t, uint64_t id)
{
    if (t->end - t->first <= SCANNED_MAX) {
        for (uint32_t row = t->first; row < t->end; row++)
            if (t->keys[row].id == id)
                return row;
        return UINT32_MAX;
    }
    uint32_t hash = id_hash(t, id), at = hash, row;
    while ((row = slots_probe(&t->ids, hash, &at)) != SLOTS_NONE)
        if (t->keys[row].id == id)
            return row;
    return UINT32_MAX;
}

static void trace_begin(struct trace_rows *t, uint32_t first, uint32_t rows)
{
    slots_release(&t->ids);
    t->first = first;
    t->end = first + 1;
    while (t->end < rows && span_keys_share_trace(&t->keys[first], &t->keys[t->end]))
        t->end++;
    if (t->end - first <= SCANNED_MAX)
        return;
    for (uint32_t row = first; row < t->end; row++)
        if (row_of(t, t->keys[row].id) == UINT32_MAX)
            slots_put(&t->ids, id_hash(t, t->keys[row].id), row);
}

static void put_parent(struct table_row r, const struct trace_rows *t, const struct tsdb_span *s,
                       uint32_t row)
{
    uint64_t id;
    memcpy(&id, s->parent_id.at, sizeof id);
    if (id == 0)
        return;
    uint32_t parent = row_of(t, __builtin_bswap64(id));
    if (parent == UINT32_MAX || parent == row)
        put_text(r, INTRINSIC_PARENT_ID, id_text(s->parent_id.at, sizeof s->parent_id.at));
    else
        put_int(r, INTRINSIC_PARENT, (int64_t)row - parent);
}

static uint32_t write_events(struct span_builder *b, const struct tsdb_span *s, uint32_t row,
                             uint32_t entries)
{
    for (uint32_t i = 0; i < s->event_count; i++) {
        const struct tsdb_span_event *e = &s->events[i];
        struct table_row r = row_begin(b, SPAN_TABLE_EVENTS);
        put_int(r, INTRINSIC_SPAN, row);
        put_int(r, INTRINSIC_TIME, (int64_t)((uint64_t)e->ts - (uint64_t)s->start)); /* wraps */
        put_int_if(r, INTRINSIC_DROPPED_ATTRIBUTES, e->attributes.dropped);
        entries = put_entries(b, r, entries, 1 + e->attributes.count);
    }
    return entries;
}

static void write_links(struct span_builder *b, const struct tsdb_span *s, uint32_t row,
                        uint32_t entries)
{
    for (uint32_t i = 0; i < s->link_count; i++) {
        const struct tsdb_span_link *l = &s->links[i];
        struct table_row r = row_begin(b, SPAN_TABLE_LINKS);
        put_int(r, INTRINSIC_SPAN, row);
        put_text(r, INTRINSIC_TRACE_ID, id_text(l->trace_id.at, sizeof l->trace_id.at));
        put_text(r, INTRINSIC_SPAN_ID, id_text(l->span_id.at, sizeof l->span_id.at));
        put_text_if(r, INTRINSIC_TRACE_STATE, l->trace_state);
        put_int_if(r, INTRINSIC_FLAGS, l->flags);
        put_int_if(r, INTRINSIC_DROPPED_ATTRIBUTES, l->attributes.dropped);
        entries = put_entries(b, r, entries, l->attributes.count);
    }
}

static void write_span(struct span_builder *b, const struct trace_rows *t, uint32_t row)
{
    const struct draft_span *d = draft_span_at(b, t->keys[row].at);
    const struct tsdb_span *s = &d->span;
    struct table_row r = row_begin(b, SPAN_TABLE_SPANS);
    if (row == t->first) {
        put_text(r, INTRINSIC_TRACE_ID, id_text(s->trace_id.at, sizeof s->trace_id.at));
        put_int(r, INTRINSIC_TRACE_START, s->start);
    } else { /* wraps */
        put_int(r, INTRINSIC_START,
                (int64_t)((uint64_t)s->start - (uint64_t)t->keys[row - 1].start));
    }
    put_text(r, INTRINSIC_SPAN_ID, id_text(s->span_id.at, sizeof s->span_id.at));
    put_parent(r, t, s, row);
    put_int(r, INTRINSIC_DURATION, (int64_t)((uint64_t)s->end - (uint64_t)s->start)); /* wraps */
    put_text_if(r, INTRINSIC_STATUS_MESSAGE, s->status_message);
    put_text_if(r, INTRINSIC_TRACE_STATE, s->trace_state);
    put_int(r, INTRINSIC_SOURCE, b->sources[s->source].row);
    put_int_if(r, INTRINSIC_KIND, s->kind);
    put_int_if(r, INTRINSIC_STATUS, s->status);
    put_int_if(r, INTRINSIC_FLAGS, s->flags);
    put_int_if(r, INTRINSIC_DROPPED_ATTRIBUTES, s->attributes.dropped);
    put_int_if(r, INTRINSIC_DROPPED_EVENTS, s->dropped_events);
    put_int_if(r, INTRINSIC_DROPPED_LINKS, s->dropped_links);
    uint32_t entries = put_entries(b, r, d->entries, 1 + s->attributes.count);
    write_links(b, s, row, write_events(b, s, row, entries));
}

/* Spans lie in order of arrival, so each is somewhere else. */
static inline void prefetch(const struct span_builder *b, const struct span_key *keys, uint32_t row)
{
    if (row + PREFETCH >= b->span_count)
        return;
    const struct span_key *key = &keys[row + PREFETCH];
    const char *span = (const char *)draft_span_at(b, key->at);
    const char *values = (const char *)entry_value(b, key->entries);
    const uint16_t *columns = entry_column(b, key->entries);
    for (size_t i = 0; i < sizeof(struct draft_span); i += 64)
        __builtin_prefetch(span + i);
    for (size_t i = 0; i < PREFETCH_VALUES * sizeof(union draft_value); i += 64)
        __builtin_prefetch(values + i);
    __builtin_prefetch(columns);
    __builtin_prefetch(columns + PREFETCH_VALUES);
}

void span_draft_write(struct span_builder *b, const struct span_key *keys)
{
    struct trace_rows t = {.keys = keys, .seed = b->seed};
    write_sources(b);
    for (uint32_t row = 0; row < b->span_count; row++) {
        if (row == t.end)
            trace_begin(&t, row, b->span_count);
        prefetch(b, keys, row);
        write_span(b, &t, row);
    }
    slots_release(&t.ids);
}
