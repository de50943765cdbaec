#include "tsdb/traces/span_table.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/columns/field_kind.h"

#include <string.h>

static const char *const table_names[SPAN_TABLES] = {"spans", "sources", "events", "links"};

void span_table_init(struct span_rows *t, enum span_table which, struct budget *budget)
{
    *t = (struct span_rows){.in = group_reader_new(budget), .which = which};
    t->memory.budget = budget;
}

void span_table_release(struct span_rows *t)
{
    group_reader_free(t->in);
    reader_memory_release(&t->memory);
}

void span_table_turn(struct span_rows *t, const struct group *group)
{
    group_reader_open(t->in, group);
    reader_memory_reset(&t->memory);
    t->group = group;
    t->rows = group ? group_rows(group) : 0;
    t->attributes = NULL;
    t->attribute_count = 0;
    t->is_open = t->is_whole = false;
}

/* ---- opening ------------------------------------------------------------------------ */

static enum tsdb_status column_damage(const struct span_rows *t, struct tsdb_text name,
                                      struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_ECORRUPT, "%s: column %.*s is not as it must be",
                     table_names[t->which], name.len < 100 ? (int)name.len : 100, name.at);
}

enum tsdb_status span_table_damage(const struct span_rows *t, uint32_t row, struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_ECORRUPT, "%s: row %u of %u is damaged", table_names[t->which], row,
                     t->rows);
}

static enum tsdb_status intrinsic_find(struct span_rows *t, int i, struct tsdb_error *err)
{
    const struct intrinsic *in = &span_intrinsics[i];
    struct tsdb_text name = text_of(in->name);
    unsigned bit = 1u << t->which;
    struct span_column *c = &t->intrinsics[i];
    *c = (struct span_column){.at = UINT32_MAX, .name = name};
    if (in->tables & bit)
        c->at = group_find(t->group, name, SPAN_TAG_INTRINSIC);
    if (c->at == UINT32_MAX)
        return in->everyone & bit ? column_damage(t, name, err) : TSDB_OK;
    const struct column_info *info = group_column(t->group, c->at);
    if (info->kind != in->kind || ((in->everyone & bit) && info->present != t->rows))
        return column_damage(t, name, err);
    return TSDB_OK;
}

static bool is_place_of(enum span_table table, unsigned place)
{
    switch (table) {
    case SPAN_TABLE_SPANS: return place == TSDB_PLACE_SPAN;
    case SPAN_TABLE_SOURCES: return place == TSDB_PLACE_RESOURCE || place == TSDB_PLACE_SCOPE;
    case SPAN_TABLE_EVENTS: return place == TSDB_PLACE_EVENT;
    case SPAN_TABLE_LINKS: return place == TSDB_PLACE_LINK;
    }
    UNREACHABLE();
}

static enum tsdb_status attributes_find(struct span_rows *t, struct tsdb_error *err)
{
    uint32_t columns = group_columns(t->group), n = 0;
    t->attributes = reader_memory_take(&t->memory, columns, sizeof *t->attributes);
    if (!t->attributes)
        return tsdb_fail(err, TSDB_ELIMIT, "%s: %u columns pass the budget", table_names[t->which],
                         columns);
    for (uint32_t i = 0; i < columns; i++) {
        const struct column_info *info = group_column(t->group, i);
        unsigned place = info->tag >> 4, type = info->tag & 15u;
        if (info->tag == SPAN_TAG_INTRINSIC)
            continue;
        if (!is_place_of(t->which, place) || type >= TSDB_FIELD_TYPE_COUNT ||
            info->kind != field_kind((uint8_t)type) || info->name.len == 0)
            return column_damage(t, info->name, err);
        t->attributes[n++] = (struct span_column){.at = i, .tag = info->tag, .name = info->name};
    }
    t->attribute_count = n;
    return TSDB_OK;
}

enum tsdb_status span_table_open(struct span_rows *t, struct tsdb_error *err)
{
    if (t->is_open || !t->group)
        return TSDB_OK;
    for (int i = 0; i < INTRINSICS; i++) {
        enum tsdb_status st = intrinsic_find(t, i, err);
        if (st != TSDB_OK)
            return st;
    }
    enum tsdb_status st = attributes_find(t, err);
    t->is_open = st == TSDB_OK;
    return st;
}

/* ---- whole columns ------------------------------------------------------------------ */

static enum tsdb_status texts_decode(struct span_rows *t, struct span_column *c,
                                     struct tsdb_error *err)
{
    struct column_codes codes;
    enum tsdb_status st = group_codes(t->in, c->at, &codes, err);
    c->codes = NULL;
    c->is_constant = false;
    if (st == TSDB_ENOTFOUND)
        return group_texts(t->in, c->at, &c->texts, err);
    if (st != TSDB_OK)
        return st;
    c->texts = codes.values;
    c->codes = codes.codes;
    c->is_constant = !codes.codes;
    return TSDB_OK;
}

static enum tsdb_status bits_decode(struct span_rows *t, struct span_column *c,
                                    struct tsdb_error *err)
{
    if (c->has_bits || c->at == UINT32_MAX)
        return TSDB_OK;
    enum tsdb_status st = group_presence(t->in, c->at, &c->bits, err);
    c->has_bits = st == TSDB_OK;
    return st;
}

static enum tsdb_status column_decode(struct span_rows *t, struct span_column *c,
                                      struct tsdb_error *err)
{
    if (c->is_whole || c->at == UINT32_MAX)
        return TSDB_OK;
    enum tsdb_status st = bits_decode(t, c, err);
    if (st != TSDB_OK)
        return st;
    c->is_constant = false;
    switch ((enum column_kind)group_column(t->group, c->at)->kind) {
    case COLUMN_INT: st = group_ints(t->in, c->at, &c->ints, err); break;
    case COLUMN_DOUBLE: st = group_doubles(t->in, c->at, &c->doubles, err); break;
    case COLUMN_TEXT: st = texts_decode(t, c, err); break;
    }
    c->base = 0;
    c->count = 0; /* what was sought is sought anew, should this have failed */
    c->is_whole = st == TSDB_OK;
    return st;
}

enum tsdb_status span_table_intrinsic(struct span_rows *t, int intrinsic, struct tsdb_error *err)
{
    enum tsdb_status st = span_table_open(t, err);
    return st == TSDB_OK && t->group ? column_decode(t, &t->intrinsics[intrinsic], err) : st;
}

enum tsdb_status span_table_presence(struct span_rows *t, int intrinsic, struct tsdb_error *err)
{
    enum tsdb_status st = span_table_open(t, err);
    return st == TSDB_OK && t->group ? bits_decode(t, &t->intrinsics[intrinsic], err) : st;
}

enum tsdb_status span_table_everything(struct span_rows *t, struct tsdb_error *err)
{
    if (t->is_whole || !t->group)
        return TSDB_OK;
    enum tsdb_status st = span_table_open(t, err);
    for (int i = 0; i < INTRINSICS && st == TSDB_OK; i++)
        st = column_decode(t, &t->intrinsics[i], err);
    for (uint32_t i = 0; i < t->attribute_count && st == TSDB_OK; i++)
        st = column_decode(t, &t->attributes[i], err);
    t->is_whole = st == TSDB_OK;
    return st;
}

/* ---- rows --------------------------------------------------------------------------- */

/* Rows of [from, to) that have the column. */
static uint32_t rows_between(const uint64_t *bits, uint32_t from, uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t at = from; at < to;) {
        uint32_t end = (at | 63) + 1;
        end = end < to ? end : to;
        uint64_t word = bits[at / 64] >> at % 64;
        if (end - at < 64)
            word &= (UINT64_C(1) << (end - at)) - 1;
        n += (uint32_t)__builtin_popcountll(word);
        at = end;
    }
    return n;
}

/* How many values are before the row's. */
static uint32_t value_of(struct span_column *c, uint32_t row)
{
    if (!c->bits)
        return row;
    if (row < c->ranked_row)
        c->ranked_row = c->ranked = 0;
    c->ranked += rows_between(c->bits, c->ranked_row, row);
    c->ranked_row = row;
    return c->ranked;
}

static enum tsdb_status column_seek(struct span_rows *t, struct span_column *c, uint32_t row,
                                    struct tsdb_error *err)
{
    if (c->is_whole || c->at == UINT32_MAX)
        return TSDB_OK;
    enum tsdb_status st = bits_decode(t, c, err);
    if (st != TSDB_OK || !column_has(c, row))
        return st;
    uint32_t value = value_of(c, row);
    if (value < c->first || value - c->first >= c->count) {
        struct column_part part;
        st = group_part(t->in, c->at, value, &part, err);
        if (st != TSDB_OK)
            return st;
        c->first = part.first;
        c->count = part.count;
        c->ints = part.ints;
        c->doubles = part.doubles;
        c->texts = part.texts;
        c->codes = part.codes;
        c->is_constant = part.is_constant;
    }
    c->base = row - (value - c->first); /* a row has no fewer rows before it than values */
    return TSDB_OK;
}

enum tsdb_status span_table_seek_one(struct span_rows *t, int intrinsic, uint32_t row,
                                     struct tsdb_error *err)
{
    enum tsdb_status st = span_table_open(t, err);
    return st == TSDB_OK && t->group ? column_seek(t, &t->intrinsics[intrinsic], row, err) : st;
}

enum tsdb_status span_table_seek(struct span_rows *t, uint32_t row, struct tsdb_error *err)
{
    enum tsdb_status st = span_table_open(t, err);
    if (t->is_whole || !t->group)
        return st;
    for (int i = 0; i < INTRINSICS && st == TSDB_OK; i++)
        st = column_seek(t, &t->intrinsics[i], row, err);
    for (uint32_t i = 0; i < t->attribute_count && st == TSDB_OK; i++)
        st = column_seek(t, &t->attributes[i], row, err);
    return st;
}

/* ---- attributes of a row -------------------------------------------------------------- */

static void field_set(const struct span_column *c, uint32_t row, struct tsdb_field *out)
{
    out->name = c->name;
    out->type = c->tag & 15;
    switch (field_kind(out->type)) {
    case COLUMN_INT:
        out->integer = column_int(c, row);
        if (out->type == TSDB_FIELD_BOOL)
            out->integer = out->integer != 0;
        return;
    case COLUMN_DOUBLE: out->real = c->doubles[column_place(c, row)]; return;
    case COLUMN_TEXT: out->text = column_text(c, row); return;
    }
}

enum tsdb_status span_table_fields(const struct span_rows *t, uint32_t row,
                                   enum tsdb_trace_place place, struct arena *arena,
                                   struct tsdb_fields *out, struct tsdb_error *err)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->attribute_count; i++)
        n += t->attributes[i].tag >> 4 == place && column_has(&t->attributes[i], row);
    out->at = NULL;
    out->count = n;
    if (n == 0)
        return TSDB_OK;
    struct tsdb_field *fields = ARENA_ARRAY(arena, struct tsdb_field, n);
    if (!fields)
        return tsdb_fail(err, TSDB_ELIMIT, "%s: %u attributes pass the memory for them",
                         table_names[t->which], n);
    out->at = fields;
    for (uint32_t i = 0; i < t->attribute_count; i++)
        if (t->attributes[i].tag >> 4 == place && column_has(&t->attributes[i], row))
            field_set(&t->attributes[i], row, fields++);
    return TSDB_OK;
}
