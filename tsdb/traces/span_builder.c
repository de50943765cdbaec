#include "tsdb/traces/span_builder.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/columns/field_kind.h"
#include "tsdb/columns/text_same.h"
#include "tsdb/traces/span_draft.h"

#include <string.h>

enum { CAP_MIN = 64 };

uint32_t span_trace_hash(const struct tsdb_trace_id *id)
{
    return (uint32_t)hash64(0, id->at, sizeof id->at);
}

void made_spans_release(struct made_spans *m)
{
    for (int i = 0; i < SPAN_TABLES; i++)
        group_strings_release(&m->tables[i]);
    mem_free(m->hashes);
    *m = (struct made_spans){0};
}

/* ---- memory ------------------------------------------------------------------------- */

static void charge(struct span_builder *b, uint64_t bytes)
{
    if (!b->budget || bytes == 0)
        return;
    b->charged += bytes;
    if (!budget_charge(b->budget, bytes)) {
        budget_force(b->budget, bytes);
        b->forced += bytes;
    }
}

static void entries_reserve(struct span_builder *b, uint32_t more)
{
    while (more > b->entry_chunks * (uint64_t)ENTRIES_CHUNK - b->entry_count) {
        charge(b, sizeof(struct draft_entries) + sizeof *b->entries);
        b->entries = mem_grow(b->entries, b->entry_chunks + 1, sizeof(struct draft_entries *));
        b->entries[b->entry_chunks++] = mem_alloc(sizeof(struct draft_entries));
    }
}

static void spans_reserve(struct span_builder *b)
{
    struct draft_span **chunk = &b->spans[b->span_count / SPANS_CHUNK];
    if (*chunk)
        return;
    charge(b, SPANS_CHUNK * sizeof **chunk);
    *chunk = mem_alloc(SPANS_CHUNK * sizeof **chunk);
}

static void sources_reserve(struct span_builder *b)
{
    if (b->source_count < b->source_cap)
        return;
    uint32_t cap = b->source_cap ? 2 * b->source_cap : CAP_MIN;
    charge(b, (uint64_t)(cap - b->source_cap) * sizeof *b->sources);
    b->sources = mem_grow(b->sources, cap, sizeof *b->sources);
    b->source_cap = cap;
}

static void writers_renew(struct span_builder *b)
{
    for (int i = 0; i < SPAN_TABLES; i++) {
        group_writer_free(b->writers[i]);
        b->writers[i] = group_writer_new(b->budget);
    }
    memset(b->found, 0, sizeof b->found);
    memset(b->texts, 0, sizeof b->texts);
    memset(b->seen, 0, sizeof b->seen);
    span_draft_columns(b);
}

static void rows_release(struct span_builder *b)
{
    for (uint32_t i = 0; i < GROUP_ROWS_MAX / SPANS_CHUNK; i++)
        mem_free(b->spans[i]);
    for (uint32_t i = 0; i < b->entry_chunks; i++)
        mem_free(b->entries[i]);
    mem_free((void *)b->entries);
    mem_free(b->sources);
    slots_release(&b->source_slots);
    if (b->budget)
        budget_release(b->budget, b->charged);
}

struct span_builder *span_builder_new(struct budget *budget)
{
    struct span_builder *b = MEM_NEW(struct span_builder);
    b->budget = budget;
    random_secret(&b->seed, sizeof b->seed);
    writers_renew(b);
    return b;
}

void span_builder_free(struct span_builder *b)
{
    if (!b)
        return;
    rows_release(b);
    for (int i = 0; i < SPAN_TABLES; i++)
        group_writer_free(b->writers[i]);
    mem_free(b);
}

uint32_t span_builder_spans(const struct span_builder *b)
{
    return b->span_count;
}

/* ---- entries -------------------------------------------------------------- */

/* What is added: columns, and the bytes of its texts. */
struct adding {
    struct span_builder *b;
    uint64_t text_bytes;
    bool is_full;
};

static __attribute__((noinline)) uint32_t column_find(struct span_builder *b, enum span_table table,
                                                      uint8_t tag, const struct tsdb_field *f,
                                                      struct found_column *found)
{
    enum column_kind kind = field_kind(f->type);
    uint32_t column =
        f->name.len > GROUP_NAME_MAX
            ? UINT32_MAX
            : group_writer_column(b->writers[table], f->name, tag, kind,
                                  kind == COLUMN_TEXT ? COLUMN_VALUES | COLUMN_FORMS : 0);
    if (column != UINT32_MAX)
        *found = (struct found_column){f->name.at, (uint32_t)f->name.len, (uint16_t)column, tag};
    return column;
}

static inline struct found_column *found_place(struct span_builder *b, const char *at, uint8_t tag)
{
    uint64_t hash = ((uint64_t)(uintptr_t)at ^ (uint64_t)tag << 48) * 0x9e3779b97f4a7c15u;
    return &b->found[hash >> 54];
}
static_assert(SPAN_COLUMNS_KEPT == 1 << (64 - 54), "a place for each hash");

static inline struct found_text *text_place(struct span_builder *b, const char *at, uint32_t column)
{
    uint64_t hash = ((uint64_t)(uintptr_t)at ^ (uint64_t)column << 48) * 0x9e3779b97f4a7c15u;
    return &b->texts[hash >> 52];
}
static_assert(SPAN_TEXTS_KEPT == 1 << (64 - 52), "a place for each hash");

static __attribute__((noinline)) uint32_t text_number(struct span_builder *b, enum span_table table,
                                                      uint32_t column, struct tsdb_text text,
                                                      struct found_text *found)
{
    uint32_t *seen = &b->seen[table][column];
    uint32_t number = group_writer_number(b->writers[table], column, text, *seen);
    if (number == UINT32_MAX)
        *seen = UINT32_MAX;
    else
        *found = (struct found_text){text.at, (uint32_t)text.len, number, (uint16_t)column,
                                     (uint8_t)(table + 1)};
    return number;
}

static inline void add_text(struct adding *a, enum span_table table, uint32_t column,
                            struct tsdb_text text)
{
    struct span_builder *b = a->b;
    uint32_t *seen = &b->seen[table][column], number = UINT32_MAX;
    a->text_bytes += text.len;
    if (*seen < UINT32_MAX - 1) {
        ++*seen;
        struct found_text *found = text_place(b, text.at, column);
        bool is_it = found->at == text.at && found->len == text.len && found->column == column &&
                     found->table == (uint8_t)(table + 1);
        number = is_it ? found->number : text_number(b, table, column, text, found);
    }
    bool has_number = number != UINT32_MAX;
    uint32_t at = b->entry_count++;
    *entry_column(b, at) =
        (uint16_t)(column | (has_number ? 1u * ENTRY_NUMBER : 1u * ENTRY_TEXT) << ENTRY_SHIFT);
    if (has_number) {
        entry_value(b, at)->number = number;
        return;
    }
    entry_value(b, at)->text = text.at;
    entry_value(b, b->entry_count++)->len = text.len;
}

/* A name, where the table has one, and attributes. */
static void add_entries(struct adding *a, enum span_table table, enum tsdb_trace_place place,
                        const struct tsdb_text *name, const struct tsdb_fields *fields)
{
    struct span_builder *b = a->b;
    entries_reserve(b, 2 * (fields->count + 1)); /* texts may take two */
    if (name)
        add_text(a, table, b->at[table][INTRINSIC_NAME], *name);
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct tsdb_field *f = &fields->at[i];
        uint8_t tag = span_attribute_tag(place, f->type);
        struct found_column *found = found_place(b, f->name.at, tag);
        uint32_t column = found->column;
        if (found->at != f->name.at || found->len != f->name.len || found->tag != tag)
            column = column_find(b, table, tag, f, found);
        if (column == UINT32_MAX) {
            a->is_full = true;
            return;
        }
        enum column_kind kind = field_kind(f->type);
        if (kind == COLUMN_TEXT) {
            add_text(a, table, column, f->text);
            continue;
        }
        int what = kind == COLUMN_INT ? ENTRY_INT : ENTRY_DOUBLE;
        *entry_column(b, b->entry_count) = (uint16_t)(column | (unsigned)what << ENTRY_SHIFT);
        entry_value(b, b->entry_count++)->integer = f->integer; /* or the double's bits */
    }
}

/* ---- sources ------------------------------------------------------------------------ */

static uint64_t hash_text(uint64_t seed, struct tsdb_text text)
{
    return hash64(seed, text.at, text.len);
}

/* Values are hashed with their names, numbers by their bits. */
static uint64_t hash_fields(uint64_t seed, const struct tsdb_fields *f)
{
    uint64_t hash = hash64(seed, &f->dropped, sizeof f->dropped);
    for (uint32_t i = 0; i < f->count; i++) {
        hash = hash_text(hash + f->at[i].type, f->at[i].name);
        hash = field_kind(f->at[i].type) == COLUMN_TEXT
                   ? hash_text(hash, f->at[i].text)
                   : hash64(hash, &f->at[i].integer, sizeof f->at[i].integer);
    }
    return hash;
}

static uint32_t hash_source(uint64_t seed, struct tsdb_text tenant,
                            const struct tsdb_span_source *s)
{
    uint64_t hash = hash_fields(hash_text(seed, tenant), &s->resource);
    hash = hash_fields(hash, &s->scope);
    hash = hash_text(hash_text(hash, s->scope_name), s->scope_version);
    return (uint32_t)hash_text(hash_text(hash, s->resource_schema_url), s->scope_schema_url);
}

static bool fields_equal(const struct tsdb_fields *a, const struct tsdb_fields *b)
{
    if (a->count != b->count || a->dropped != b->dropped)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct tsdb_field *x = &a->at[i], *y = &b->at[i];
        if (x->type != y->type || !text_same(x->name, y->name))
            return false;
        if (field_kind(x->type) == COLUMN_TEXT ? !text_same(x->text, y->text)
                                               : x->integer != y->integer)
            return false;
    }
    return true;
}

static bool sources_equal(const struct draft_source *a, struct tsdb_text tenant,
                          const struct tsdb_span_source *s)
{
    return text_same(a->tenant, tenant) && text_same(a->source.scope_name, s->scope_name) &&
           text_same(a->source.scope_version, s->scope_version) &&
           text_same(a->source.resource_schema_url, s->resource_schema_url) &&
           text_same(a->source.scope_schema_url, s->scope_schema_url) &&
           fields_equal(&a->source.resource, &s->resource) &&
           fields_equal(&a->source.scope, &s->scope);
}

static bool add_source_entries(struct span_builder *b, struct draft_source *d)
{
    const struct tsdb_span_source *s = &d->source;
    struct adding a = {.b = b,
                       .text_bytes = d->tenant.len + s->scope_name.len + s->scope_version.len +
                                     s->resource_schema_url.len + s->scope_schema_url.len};
    d->entries = b->entry_count;
    add_entries(&a, SPAN_TABLE_SOURCES, TSDB_PLACE_RESOURCE, NULL, &s->resource);
    if (!a.is_full)
        add_entries(&a, SPAN_TABLE_SOURCES, TSDB_PLACE_SCOPE, NULL, &s->scope);
    if (a.is_full || a.text_bytes > SPAN_TEXTS_BYTES_MAX - b->source_text_bytes) {
        b->entry_count = d->entries;
        return false;
    }
    b->source_text_bytes += a.text_bytes;
    return true;
}

uint32_t span_builder_source(struct span_builder *b, struct tsdb_text tenant,
                             const struct tsdb_span_source *source)
{
    uint32_t hash = hash_source(b->seed, tenant, source), at = hash, id;
    while ((id = slots_probe(&b->source_slots, hash, &at)) != SLOTS_NONE)
        if (sources_equal(&b->sources[id], tenant, source))
            return id;
    if (b->source_count == GROUP_ROWS_MAX)
        return UINT32_MAX;
    struct draft_source d = {.source = *source, .tenant = tenant, .hash = hash};
    if (!add_source_entries(b, &d))
        return UINT32_MAX;
    sources_reserve(b);
    b->sources[b->source_count] = d;
    charge(b, slots_growth(&b->source_slots));
    slots_put(&b->source_slots, hash, b->source_count);
    return b->source_count++;
}

/* ---- spans -------------------------------------------------------------------------- */

static bool add_span_entries(struct span_builder *b, struct draft_span *d)
{
    const struct tsdb_span *s = &d->span;
    struct adding a = {.b = b, .text_bytes = s->status_message.len + s->trace_state.len};
    d->entries = b->entry_count;
    add_entries(&a, SPAN_TABLE_SPANS, TSDB_PLACE_SPAN, &d->span.name, &s->attributes);
    for (uint32_t i = 0; i < s->event_count && !a.is_full; i++)
        add_entries(&a, SPAN_TABLE_EVENTS, TSDB_PLACE_EVENT, &s->events[i].name,
                    &s->events[i].attributes);
    for (uint32_t i = 0; i < s->link_count && !a.is_full; i++) {
        add_entries(&a, SPAN_TABLE_LINKS, TSDB_PLACE_LINK, NULL, &s->links[i].attributes);
        a.text_bytes += s->links[i].trace_state.len;
    }
    if (a.is_full || a.text_bytes > SPAN_TEXTS_BYTES_MAX - b->text_bytes) {
        b->entry_count = d->entries;
        return false;
    }
    b->text_bytes += a.text_bytes;
    return true;
}

bool span_builder_span(struct span_builder *b, const struct tsdb_span *span)
{
    ASSERT(span->source < b->source_count);
    if (b->span_count == GROUP_ROWS_MAX || span->event_count > GROUP_ROWS_MAX - b->event_count ||
        span->link_count > GROUP_ROWS_MAX - b->link_count)
        return false;
    spans_reserve(b);
    struct draft_span *d = draft_span_at(b, b->span_count);
    d->span = *span;
    if (!add_span_entries(b, d))
        return false;
    b->event_count += span->event_count;
    b->link_count += span->link_count;
    b->span_count++;
    return true;
}

/* ---- finishing ---------------------------------------------------------------------- */

static enum tsdb_status limits_check(struct span_builder *b, struct tsdb_error *err)
{
    if (b->forced == 0)
        return TSDB_OK;
    budget_release(b->budget, b->forced);
    if (!budget_charge(b->budget, b->forced)) {
        budget_force(b->budget, b->forced);
        return tsdb_fail(err, TSDB_ELIMIT, "spans: rows of %llu bytes pass the budget",
                         (unsigned long long)b->charged);
    }
    b->forced = 0;
    return TSDB_OK;
}

/* Rows of refused groups are gone from the writers: their columns are looked for again. */
static void columns_renew(struct span_builder *b)
{
    writers_renew(b);
    b->entry_count = 0;
    b->text_bytes = b->source_text_bytes = 0;
    bool is_good = true;
    for (uint32_t i = 0; i < b->source_count; i++)
        is_good &= add_source_entries(b, &b->sources[i]);
    for (uint32_t i = 0; i < b->span_count; i++)
        is_good &= add_span_entries(b, draft_span_at(b, i));
    ASSERT(is_good); /* they have been there before */
}

static void facts_set(const struct span_builder *b, const struct span_key *keys,
                      struct span_key *scratch, struct made_spans *out)
{
    out->rows = b->span_count;
    out->hashes = mem_alloc(b->span_count * sizeof *out->hashes);
    out->ts_min = INT64_MAX;
    out->ts_max = INT64_MIN;
    for (uint32_t i = 0; i < b->span_count; i++) {
        if (i == 0 || !span_keys_share_trace(&keys[i - 1], &keys[i]))
            out->hashes[out->hash_count++] =
                span_trace_hash(&draft_span_at(b, keys[i].at)->span.trace_id);
        out->ts_min = keys[i].start < out->ts_min ? keys[i].start : out->ts_min;
        out->ts_max = keys[i].start > out->ts_max ? keys[i].start : out->ts_max;
    }
    out->hash_count = span_hashes_sort(out->hashes, (uint32_t *)(void *)scratch, out->hash_count);
}

static enum tsdb_status tables_finish(struct span_builder *b, enum group_form form,
                                      struct made_spans *out, struct tsdb_error *err)
{
    enum tsdb_status st = TSDB_OK;
    for (int i = 0; i < SPAN_TABLES && st == TSDB_OK; i++)
        if (group_writer_rows(b->writers[i]) > 0)
            st = group_writer_finish(b->writers[i], form, &out->tables[i], err);
    return st;
}

static void empty(struct span_builder *b)
{
    rows_release(b);
    struct budget *budget = b->budget;
    uint64_t seed = b->seed;
    struct group_writer *writers[SPAN_TABLES];
    memcpy(writers, b->writers, sizeof writers);
    *b = (struct span_builder){.budget = budget, .seed = seed};
    memcpy(b->writers, writers, sizeof writers);
    writers_renew(b);
}

enum tsdb_status span_builder_finish(struct span_builder *b, enum group_form form,
                                     struct made_spans *out, struct tsdb_error *err)
{
    enum tsdb_status st = limits_check(b, err);
    if (st != TSDB_OK)
        return st;
    uint32_t n = b->span_count;
    uint64_t bytes = (uint64_t)2 * n * sizeof(struct span_key);
    if (b->budget && !budget_charge(b->budget, bytes))
        return tsdb_fail(err, TSDB_ELIMIT, "spans: sorting takes %llu bytes, past the budget",
                         (unsigned long long)bytes);
    struct span_key *keys = mem_alloc(bytes + 1);
    for (uint32_t i = 0; i < n; i++)
        keys[i] = span_key_of(&draft_span_at(b, i)->span, i, draft_span_at(b, i)->entries);
    span_keys_sort(keys, keys + n, n);
    span_draft_write(b, keys);
    *out = (struct made_spans){0};
    facts_set(b, keys, keys + n, out);
    mem_free(keys);
    if (b->budget)
        budget_release(b->budget, bytes);
    st = tables_finish(b, form, out, err);
    if (st == TSDB_OK) {
        empty(b);
        return TSDB_OK;
    }
    made_spans_release(out);
    columns_renew(b);
    return st;
}
