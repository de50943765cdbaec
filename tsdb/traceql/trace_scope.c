#include "tsdb/traceql/trace_scope.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/query.h"
#include "tsdb/traceql/part_mask.h"
#include "tsdb/traceql/trace_room.h"
#include "tsdb/traceql/value_set.h"

#include <stdlib.h>
#include <string.h>

struct trace_scope {
    struct trace_room room;
    struct budget budget;
    struct arena arena;
    struct traceql parsed;
    const struct span_test *filter; /* NULL: all spans */
    struct traces_set *set;
    struct span_part *part;
    struct value_set found;
    uint64_t *mask; /* owned, PART_WORDS: spans that count; NULL: all of the part */
    uint64_t *rows; /* owned, PART_WORDS: of another table */
    bool is_masked; /* of the part at hand */
};

/* ---- opening --------------------------------------------------------------------------------- */

/* The filter of the first { } of the query. */
static enum tsdb_status parse_filter(struct trace_scope *s, struct tsdb_text query,
                                     struct tsdb_error *err)
{
    if (query.len == 0)
        return TSDB_OK;
    enum tsdb_status st = traceql_parse(query, &s->arena, &s->parsed, err);
    if (st != TSDB_OK)
        return st;
    const struct traceql_pipeline *pipeline = s->parsed.pipeline;
    for (const struct traceql_metric *m = s->parsed.metric; m && !pipeline; m = m->left)
        pipeline = m->kind == METRIC_FUNCTION ? m->pipeline : NULL;
    const struct traceql_spanset *set = NULL;
    while (pipeline && !set) {
        if (pipeline->stages[0].kind != TRACEQL_STAGE_SPANSET)
            return TSDB_OK;
        set = pipeline->stages[0].spanset;
        while (set->kind == SPANSET_RELATION)
            set = set->left;
        pipeline = set->kind == SPANSET_PIPELINE ? set->pipeline : NULL;
        set = pipeline ? NULL : set;
    }
    if (!set || (set->field->kind == FIELD_STATIC && set->field->value.integer))
        return TSDB_OK;
    return span_test_new(&s->parsed, set->field, &s->arena, &s->filter, err);
}

static void scope_close(struct trace_scope *s)
{
    span_part_free(s->part);
    traces_set_close(s->set);
    value_set_release(&s->found);
    traceql_release(&s->parsed);
    arena_release(&s->arena);
    mem_free(s->mask);
    mem_free(s->rows);
}

static enum tsdb_status scope_open(struct trace_scope *s, const struct trace_store *store,
                                   const struct tsdb_trace_scope *in, struct tsdb_error *err)
{
    *s = (struct trace_scope){0};
    budget_init(&s->budget, SCOPE_BYTES_MAX, store->budget);
    s->room = (struct trace_room){.traces = store->traces,
                                  .clock = store->clock,
                                  .budget = &s->budget,
                                  .tenant = in->tenant ? in->tenant : "",
                                  .bytes_max = SCOPE_BYTES_MAX,
                                  .deadline = clock_mono_ns(store->clock) + QUERY_DEADLINE_NS};
    arena_init(&s->arena, SIZE_MAX, &s->budget);
    value_set_init(&s->found, &s->budget);
    s->mask = MEM_ARRAY(uint64_t, PART_WORDS);
    s->rows = MEM_ARRAY(uint64_t, PART_WORDS);
    enum tsdb_status st = parse_filter(s, in->query, err);
    if (st == TSDB_OK)
        st = trace_room_select(&s->room, in->start, in->end, &s->set, err);
    if (st == TSDB_OK)
        s->part = span_part_new(s->set, &s->parsed, INT64_MIN, INT64_MAX, &s->budget);
    else
        scope_close(s);
    return st;
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* Turns to the part and finds the spans that count.  TSDB_END: none. */
static enum tsdb_status turn_to(struct trace_scope *s, uint32_t number, struct tsdb_error *err)
{
    struct span_part *p = s->part;
    uint64_t sources[PART_WORDS];
    bool all = true, is_exact;
    enum tsdb_status st = trace_room_poll(&s->room, err);
    if (st != TSDB_OK)
        return st;
    span_part_open(p, number);
    if (s->filter && !part_mask_may(p, s->filter))
        return TSDB_END;
    st = traces_set_touch(s->set, number, err);
    if (st == TSDB_OK)
        st = traces_part_sources(s->set, number, p->tables[SPAN_TABLE_SOURCES], sources, &all, err);
    s->is_masked = s->filter || !all;
    if (st != TSDB_OK || !s->is_masked)
        return st == TSDB_ECORRUPT ? TSDB_END : st;
    st = span_part_read(p, err);
    if (st != TSDB_OK)
        return st;
    memcpy(s->mask, p->rows_in, PART_WORDS * sizeof *s->mask);
    if (s->filter)
        part_mask(p, s->filter, p->rows_in, s->mask, &is_exact);
    return part_mask_count(p, s->mask) > 0 ? span_part_check(p, err) : TSDB_END;
}

static void put_bit(uint64_t *bits, uint64_t i)
{
    bits[i / 64] |= UINT64_C(1) << i % 64;
}

/* The rows of a table that belong to the spans that count. */
static void rows_of(struct trace_scope *s, enum span_table table)
{
    struct span_part *p = s->part;
    uint32_t rows = p->rows[table];
    memset(s->rows, 0, PART_WORDS * sizeof *s->rows);
    if (table == SPAN_TABLE_SPANS) {
        memcpy(s->rows, s->mask, PART_WORDS * sizeof *s->rows);
        return;
    }
    if (table == SPAN_TABLE_SOURCES) {
        const int64_t *source = span_part_ints(p, SPAN_TABLE_SPANS, SPAN_COLUMN_SOURCE);
        PART_MASK_EACH(p, s->mask, row)
        {
            if (source && (uint64_t)source[row] < rows)
                put_bit(s->rows, (uint64_t)source[row]);
        }
        return;
    }
    const int64_t *span = rows ? span_part_ints(p, table, SPAN_COLUMN_SPAN) : NULL;
    for (uint32_t i = 0; span && i < rows; i++)
        if ((uint64_t)span[i] < p->rows[SPAN_TABLE_SPANS] &&
            s->mask[span[i] / 64] >> span[i] % 64 & 1)
            put_bit(s->rows, i);
}

/* A row that counts has the column. */
static bool has_column(struct trace_scope *s, enum span_table table, uint32_t column)
{
    const struct part_column *c = span_part_column(s->part, table, column);
    for (uint32_t w = 0; c && w < (s->part->rows[table] + 63) / 64; w++)
        if (s->rows[w] & (c->presence ? c->presence[w] : UINT64_MAX))
            return true;
    return false;
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_wanted(enum tsdb_trace_place place, uint8_t tag)
{
    enum tsdb_trace_place of = (enum tsdb_trace_place)(tag >> 4);
    if (tag == SPAN_TAG_INTRINSIC || of < TSDB_PLACE_RESOURCE || of > TSDB_PLACE_SCOPE)
        return false;
    return place == TSDB_PLACE_ANY || place == of;
}

static enum tsdb_status names_of_table(struct trace_scope *s, enum span_table table,
                                       enum tsdb_trace_place place, struct tsdb_error *err)
{
    const struct group *g = s->part->part->tables.at[table];
    if (s->is_masked && g)
        rows_of(s, table);
    for (uint32_t i = 0; g && i < group_columns(g); i++) {
        const struct column_info *info = group_column(g, i);
        if (!is_wanted(place, info->tag) || (s->is_masked && !has_column(s, table, i)))
            continue;
        struct span_value name = span_string(info->name);
        if (!value_set_put(&s->found, info->tag >> 4, &name))
            return trace_room_full(&s->room, err);
    }
    return TSDB_OK;
}

enum tsdb_status trace_scope_tags(const struct trace_store *store,
                                  const struct tsdb_trace_scope *scope, enum tsdb_trace_place place,
                                  tsdb_trace_tag_fn *fn, void *arg, struct tsdb_error *err)
{
    struct trace_scope s;
    enum tsdb_status st = scope_open(&s, store, scope, err);
    if (st != TSDB_OK)
        return st;
    for (uint32_t i = 0; i < traces_set_parts(s.set) && st == TSDB_OK; i++) {
        st = turn_to(&s, i, err);
        for (int t = 0; t < SPAN_TABLES && st == TSDB_OK; t++)
            st = names_of_table(&s, (enum span_table)t, place, err);
        if (st == TSDB_OK)
            st = span_part_check(s.part, err);
        if (st == TSDB_END || s.found.count >= SCOPE_VALUES_MAX)
            st = TSDB_OK;
    }
    value_set_sort(&s.found);
    uint32_t count = s.found.count;
    if (scope->limit > 0 && scope->limit < count)
        count = scope->limit;
    for (uint32_t i = 0; i < count && st == TSDB_OK; i++)
        if (!fn(arg, (enum tsdb_trace_place)s.found.at[i].tag, s.found.at[i].value.text))
            break;
    scope_close(&s);
    return st;
}

/* ---- values ---------------------------------------------------------------------------------- */

static uint32_t tag_of(const struct span_value *v)
{
    switch (v->type) {
    case TRACEQL_INT: return TSDB_FIELD_INT;
    case TRACEQL_FLOAT: return TSDB_FIELD_DOUBLE;
    case TRACEQL_BOOL: return TSDB_FIELD_BOOL;
    case SPAN_LIST: return TSDB_FIELD_JSON;
    default: return TSDB_FIELD_STRING;
    }
}

static enum tsdb_status put_value(struct trace_scope *s, const struct span_value *v,
                                  struct tsdb_error *err)
{
    if (v->type == TRACEQL_NIL || s->found.count >= SCOPE_VALUES_MAX)
        return TSDB_OK;
    return value_set_put(&s->found, tag_of(v), v) ? TSDB_OK : trace_room_full(&s->room, err);
}

static bool counts(const struct trace_scope *s, uint32_t row)
{
    return !s->is_masked || (s->rows[row / 64] >> row % 64 & 1);
}

/* Values of a column with a dictionary: those of codes that rows have. */
static enum tsdb_status values_of_codes(struct trace_scope *s, const struct part_column *c,
                                        uint8_t type, uint32_t rows, struct tsdb_error *err)
{
    uint8_t *is_used = MEM_ARRAY(uint8_t, (size_t)c->codes.count + 1);
    memset(is_used, !s->is_masked, (size_t)c->codes.count + 1);
    for (uint32_t row = 0; s->is_masked && row < rows; row++)
        if (counts(s, row) && part_column_has(c, row))
            is_used[c->codes.codes ? c->codes.codes[row] : 0] = 1;
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < c->codes.count && st == TSDB_OK; i++) {
        struct tsdb_field field = {.type = type, .text = c->codes.values[i]};
        arena_reset(&s->part->values);
        struct span_value v = span_value_of(&field, &s->part->values);
        if (is_used[i])
            st = put_value(s, &v, err);
    }
    mem_free(is_used);
    return st;
}

static enum tsdb_status values_of_column(struct trace_scope *s, enum span_table table,
                                         uint32_t column, uint8_t type, struct tsdb_error *err)
{
    const struct part_column *c = span_part_column(s->part, table, column);
    uint32_t rows = s->part->rows[table];
    enum tsdb_status st = TSDB_OK;
    if (!c)
        return TSDB_OK;
    if (c->has_codes)
        return values_of_codes(s, c, type, rows, err);
    for (uint32_t row = 0; row < rows && st == TSDB_OK; row++) {
        if (!counts(s, row))
            continue;
        arena_reset(&s->part->values);
        struct span_value v = part_column_value(c, type, row, &s->part->values);
        st = put_value(s, &v, err);
    }
    return st;
}

static enum tsdb_status values_of_place(struct trace_scope *s, enum tsdb_trace_place place,
                                        struct tsdb_text name, struct tsdb_error *err)
{
    enum span_table table = place == TSDB_PLACE_SPAN    ? SPAN_TABLE_SPANS
                            : place == TSDB_PLACE_EVENT ? SPAN_TABLE_EVENTS
                            : place == TSDB_PLACE_LINK  ? SPAN_TABLE_LINKS
                                                        : SPAN_TABLE_SOURCES;
    const struct group *g = s->part->part->tables.at[table];
    uint32_t column = g ? group_find_name(g, name) : UINT32_MAX;
    enum tsdb_status st = TSDB_OK;
    if (column != UINT32_MAX && s->is_masked)
        rows_of(s, table);
    for (; column != UINT32_MAX && column < group_columns(g) && st == TSDB_OK; column++) {
        const struct column_info *info = group_column(g, column);
        uint8_t type = info->tag & 0xf;
        if (!text_equal(info->name, name))
            break;
        if (info->tag >> 4 == place && type < TSDB_FIELD_TYPE_COUNT)
            st = values_of_column(s, table, column, type, err);
    }
    return st;
}

/* ---- values of intrinsics -------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum traceql_intrinsic intrinsic;
} intrinsics[] = {
    {"name", INTRINSIC_NAME},
    {"span:name", INTRINSIC_NAME},
    {"status", INTRINSIC_STATUS},
    {"span:status", INTRINSIC_STATUS},
    {"kind", INTRINSIC_KIND},
    {"span:kind", INTRINSIC_KIND},
    {"rootName", INTRINSIC_ROOT_NAME},
    {"trace:rootName", INTRINSIC_ROOT_NAME},
    {"rootServiceName", INTRINSIC_ROOT_SERVICE},
    {"trace:rootService", INTRINSIC_ROOT_SERVICE},
    {"event:name", INTRINSIC_EVENT_NAME},
    {"instrumentation:name", INTRINSIC_INSTRUMENTATION_NAME},
    {"instrumentation:version", INTRINSIC_INSTRUMENTATION_VERSION},
};

static enum tsdb_status all_names(struct trace_scope *s, enum span_table table, const char *name,
                                  struct tsdb_error *err)
{
    uint32_t column = span_part_intrinsic(s->part, table, name);
    if (column == UINT32_MAX)
        return TSDB_OK;
    if (s->is_masked)
        rows_of(s, table);
    return values_of_column(s, table, column, TSDB_FIELD_STRING, err);
}

/* Ints of few values that rows without the column have as 0. */
static enum tsdb_status few_ints(struct trace_scope *s, const char *name, uint8_t type,
                                 struct tsdb_error *err)
{
    uint32_t column = span_part_intrinsic(s->part, SPAN_TABLE_SPANS, name);
    const struct part_column *c =
        column == UINT32_MAX ? NULL : span_part_column(s->part, SPAN_TABLE_SPANS, column);
    enum tsdb_status st = TSDB_OK;
    if (s->is_masked)
        rows_of(s, SPAN_TABLE_SPANS);
    uint64_t seen = 0;
    for (uint32_t row = 0; row < s->part->rows[SPAN_TABLE_SPANS]; row++)
        if (counts(s, row))
            seen |=
                UINT64_C(1) << (c && c->ints && part_column_has(c, row) ? c->ints[row] & 63 : 0);
    for (; seen && st == TSDB_OK; seen &= seen - 1) {
        struct span_value v = {.type = type, .integer = __builtin_ctzll(seen)};
        const char *text =
            type == TRACEQL_STATUS ? span_status_name(v.integer) : span_kind_name(v.integer);
        v = span_string(text_of(text));
        st = put_value(s, &v, err);
    }
    return st;
}

/* Only spans without a parent count from here on. */
static void keep_roots(struct trace_scope *s)
{
    static const char *const parents[] = {SPAN_COLUMN_PARENT, SPAN_COLUMN_PARENT_ID};
    struct span_part *p = s->part;
    uint32_t rows = p->rows[SPAN_TABLE_SPANS], words = (rows + 63) / 64;
    if (!s->is_masked)
        memset(s->mask, 0xff, words * sizeof *s->mask);
    if (!s->is_masked && rows % 64)
        s->mask[words - 1] = (UINT64_C(1) << rows % 64) - 1;
    s->is_masked = true;
    for (int i = 0; i < 2; i++) {
        uint32_t column = span_part_intrinsic(p, SPAN_TABLE_SPANS, parents[i]);
        const struct part_column *c =
            column == UINT32_MAX ? NULL : span_part_column(p, SPAN_TABLE_SPANS, column);
        for (uint32_t w = 0; c && w < words; w++)
            s->mask[w] &= c->presence ? ~c->presence[w] : 0;
    }
}

static enum tsdb_status values_of_intrinsic(struct trace_scope *s, enum traceql_intrinsic intrinsic,
                                            struct tsdb_error *err)
{
    switch ((int)intrinsic) {
    case INTRINSIC_NAME: return all_names(s, SPAN_TABLE_SPANS, SPAN_COLUMN_NAME, err);
    case INTRINSIC_EVENT_NAME: return all_names(s, SPAN_TABLE_EVENTS, SPAN_COLUMN_NAME, err);
    case INTRINSIC_INSTRUMENTATION_NAME:
        return all_names(s, SPAN_TABLE_SOURCES, SPAN_COLUMN_SCOPE_NAME, err);
    case INTRINSIC_INSTRUMENTATION_VERSION:
        return all_names(s, SPAN_TABLE_SOURCES, SPAN_COLUMN_SCOPE_VERSION, err);
    case INTRINSIC_STATUS: return few_ints(s, SPAN_COLUMN_STATUS, TRACEQL_STATUS, err);
    case INTRINSIC_KIND: return few_ints(s, SPAN_COLUMN_KIND, TRACEQL_KIND, err);
    case INTRINSIC_ROOT_NAME:
        keep_roots(s);
        return all_names(s, SPAN_TABLE_SPANS, SPAN_COLUMN_NAME, err);
    case INTRINSIC_ROOT_SERVICE:
        keep_roots(s);
        return values_of_place(s, TSDB_PLACE_RESOURCE, text_of("service.name"), err);
    default: return TSDB_OK;
    }
}

static enum traceql_intrinsic intrinsic_of(struct tsdb_text name)
{
    for (size_t i = 0; i < sizeof intrinsics / sizeof intrinsics[0]; i++)
        if (text_equal(name, text_of(intrinsics[i].name)))
            return intrinsics[i].intrinsic;
    return INTRINSIC_NONE;
}

static enum tsdb_status values_of_part(struct trace_scope *s, enum tsdb_trace_place place,
                                       struct tsdb_text name, struct tsdb_error *err)
{
    static const enum tsdb_trace_place places[] = {
        TSDB_PLACE_SPAN, TSDB_PLACE_RESOURCE, TSDB_PLACE_EVENT, TSDB_PLACE_LINK, TSDB_PLACE_SCOPE};
    if (place == TSDB_PLACE_INTRINSIC)
        return values_of_intrinsic(s, intrinsic_of(name), err);
    enum tsdb_status st = TSDB_OK;
    for (size_t i = 0; i < sizeof places / sizeof places[0] && st == TSDB_OK; i++)
        if (place == TSDB_PLACE_ANY || place == places[i])
            st = values_of_place(s, places[i], name, err);
    return st;
}

static int by_text(const void *a, const void *b)
{
    const struct tagged_value *x = a, *y = b;
    if (x->tag != y->tag)
        return x->tag < y->tag ? -1 : 1;
    return text_compare(x->value.text, y->value.text);
}

/* Every value as text, by type and text. */
static enum tsdb_status give_values(struct trace_scope *s, uint32_t limit, tsdb_trace_value_fn *fn,
                                    void *arg, struct tsdb_error *err)
{
    struct value_set *found = &s->found;
    struct writer text = {0};
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < found->count && st == TSDB_OK; i++) {
        writer_reset(&text);
        span_value_put(&found->at[i].value, &text);
        char *kept = ARENA_ARRAY(&found->arena, char, text.len + 1);
        if (!kept) {
            st = trace_room_full(&s->room, err);
            break;
        }
        if (text.len > 0)
            memcpy(kept, text.at, text.len);
        found->at[i].value = span_string((struct tsdb_text){kept, text.len});
    }
    writer_release(&text);
    if (st == TSDB_OK && found->count > 1)
        qsort(found->at, found->count, sizeof *found->at, by_text);
    uint32_t count = limit > 0 && limit < found->count ? limit : found->count;
    for (uint32_t i = 0; i < count && st == TSDB_OK; i++)
        if (!fn(arg, (uint8_t)found->at[i].tag, found->at[i].value.text))
            break;
    return st;
}

enum tsdb_status trace_scope_values(const struct trace_store *store,
                                    const struct tsdb_trace_scope *scope,
                                    enum tsdb_trace_place place, struct tsdb_text name,
                                    tsdb_trace_value_fn *fn, void *arg, struct tsdb_error *err)
{
    struct trace_scope s;
    if (place == TSDB_PLACE_INTRINSIC && intrinsic_of(name) == INTRINSIC_NONE)
        return TSDB_OK;
    enum tsdb_status st = scope_open(&s, store, scope, err);
    if (st != TSDB_OK)
        return st;
    for (uint32_t i = 0; i < traces_set_parts(s.set) && st == TSDB_OK; i++) {
        st = turn_to(&s, i, err);
        if (st == TSDB_OK)
            st = values_of_part(&s, place, name, err);
        if (st == TSDB_OK)
            st = span_part_check(s.part, err);
        if (st == TSDB_END)
            st = TSDB_OK;
    }
    if (st == TSDB_OK)
        st = give_values(&s, scope->limit, fn, arg, err);
    scope_close(&s);
    return st;
}
