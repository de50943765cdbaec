/* prop_span_reader.h - whatever four groups claim to be a span group, a reader answers OK or a
 * refusal, every text that it gives can be read, and its memory is given back. */
#ifndef TESTS_TSDB_TRACES_PROP_SPAN_READER_H
#define TESTS_TSDB_TRACES_PROP_SPAN_READER_H

#include "tests/tsdb/traces/span_rig.h"

static inline void prop_status(enum tsdb_status st)
{
    ASSERT(st == TSDB_OK || st == TSDB_ECORRUPT || st == TSDB_ELIMIT);
}

static inline uint64_t prop_touch(struct tsdb_text t)
{
    uint64_t sum = t.len;
    for (size_t i = 0; i < t.len; i++)
        sum += (uint8_t)t.at[i];
    return sum;
}

static inline uint64_t prop_touch_fields(const struct tsdb_fields *f)
{
    uint64_t sum = f->dropped;
    for (uint32_t i = 0; i < f->count; i++) {
        ASSERT(f->at[i].type < TSDB_FIELD_TYPE_COUNT);
        sum += prop_touch(f->at[i].name);
        sum += field_kind(f->at[i].type) == COLUMN_TEXT ? prop_touch(f->at[i].text)
                                                        : (uint64_t)f->at[i].integer;
    }
    return sum;
}

static inline uint64_t prop_touch_span(const struct tsdb_span *s)
{
    uint64_t sum = prop_touch(s->name) + prop_touch(s->status_message) +
                   prop_touch(s->trace_state) + prop_touch_fields(&s->attributes);
    for (uint32_t i = 0; i < s->event_count; i++)
        sum += prop_touch(s->events[i].name) + prop_touch_fields(&s->events[i].attributes);
    for (uint32_t i = 0; i < s->link_count; i++)
        sum += prop_touch(s->links[i].trace_state) + prop_touch_fields(&s->links[i].attributes);
    return sum;
}

static inline void prop_read_traces(struct span_reader *r, uint32_t rows)
{
    const uint32_t *firsts;
    const int64_t *starts;
    uint32_t count, first, n;
    struct tsdb_trace_id id = {{1}};
    enum tsdb_status st = span_reader_traces(r, &firsts, &count, NULL);
    prop_status(st);
    if (st == TSDB_OK) {
        ASSERT(firsts[count] == rows);
        for (uint32_t i = 0; i < count; i++)
            ASSERT(firsts[i] < firsts[i + 1]);
    }
    prop_status(span_reader_starts(r, &starts, NULL));
    st = span_reader_find(r, &id, &first, &n, NULL);
    ASSERT(st == TSDB_ENOTFOUND || st == TSDB_OK || st == TSDB_ECORRUPT || st == TSDB_ELIMIT);
}

/* How many spans were read. */
static inline uint64_t prop_span_reader(const struct span_tables *tables)
{
    struct budget budget;
    struct arena arena;
    uint64_t read = 0, sum = 0;
    budget_init(&budget, (uint64_t)64 << 20, NULL);
    arena_init(&arena, (size_t)16 << 20, NULL);
    struct span_reader *r = span_reader_new(&budget);
    span_reader_open(r, tables);
    const struct group *spans = tables->at[SPAN_TABLE_SPANS];
    const struct group *sources = tables->at[SPAN_TABLE_SOURCES];
    uint32_t rows = spans ? group_rows(spans) : 0, source_rows = sources ? group_rows(sources) : 0;
    prop_read_traces(r, rows);
    for (uint32_t row = 0; row < rows; row += 1 + rows / 1000) {
        struct tsdb_span span;
        enum tsdb_status st = span_reader_span(r, row, &arena, &span, NULL);
        prop_status(st);
        if (st == TSDB_OK) {
            ASSERT(span.source < source_rows);
            sum += prop_touch_span(&span);
            read++;
        }
        arena_reset(&arena);
    }
    for (uint32_t row = 0; row < source_rows; row += 1 + source_rows / 1000) {
        struct tsdb_span_source source;
        struct tsdb_text tenant;
        enum tsdb_status st = span_reader_source(r, row, &arena, &source, &tenant, NULL);
        prop_status(st);
        if (st == TSDB_OK)
            sum += prop_touch(tenant) + prop_touch_fields(&source.resource) +
                   prop_touch_fields(&source.scope) + prop_touch(source.scope_name);
        arena_reset(&arena);
    }
    span_reader_free(r);
    arena_release(&arena);
    ASSERT(budget_used(&budget) == 0);
    (void)sum; /* every text was touched, which is what counts */
    return read;
}

#endif
