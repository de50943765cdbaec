#include "tsdb/traceql/span_part.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <string.h>

enum { VALUES_ARENA_MAX = 64 << 20 };

struct span_part *span_part_new(struct traces_set *set, const struct traceql *q, int64_t start,
                                int64_t end, struct budget *budget)
{
    struct span_part *p = MEM_NEW(struct span_part);
    p->set = set;
    p->refs = q->refs;
    p->ref_count = q->ref_count;
    p->start = start;
    p->end = end;
    p->reader = span_reader_new(budget);
    p->fields = MEM_ARRAY(struct bound_field, q->ref_count + 1);
    p->rows_in = MEM_ARRAY(uint64_t, PART_WORDS);
    p->own = MEM_ARRAY(uint64_t, PART_WORDS);
    arena_init(&p->values, VALUES_ARENA_MAX, budget);
    return p;
}

void span_part_free(struct span_part *p)
{
    if (!p)
        return;
    span_reader_free(p->reader);
    for (int i = 0; i < SPAN_TABLES; i++)
        mem_free(p->columns[i]);
    arena_release(&p->values);
    mem_free(p->fields);
    mem_free(p->rows_in);
    mem_free(p->own);
    for (uint32_t i = 0; i < p->masks_room; i++)
        mem_free(p->masks[i]);
    mem_free(p->masks);
    mem_free(p);
}

uint64_t *span_part_take(struct span_part *p)
{
    if (p->masks_used == p->masks_room) {
        p->masks = mem_grow(p->masks, p->masks_room + 1, sizeof *p->masks);
        p->masks[p->masks_room++] = MEM_ARRAY(uint64_t, PART_WORDS);
    }
    return p->masks[p->masks_used++];
}

void span_part_open(struct span_part *p, uint32_t number)
{
    p->number = number;
    p->part = traces_set_part(p->set, number);
    p->serial++;
    p->fault = TSDB_OK;
    span_reader_open(p->reader, &p->part->tables);
    for (int i = 0; i < SPAN_TABLES; i++) {
        const struct group *g = p->part->tables.at[i];
        p->tables[i] = span_reader_table(p->reader, (enum span_table)i);
        p->rows[i] = g ? group_rows(g) : 0;
        uint32_t columns = g ? group_columns(g) : 0;
        if (columns > p->column_room[i]) {
            p->columns[i] = mem_grow(p->columns[i], columns, sizeof *p->columns[i]);
            p->column_room[i] = columns;
        }
        if (columns > 0)
            memset(p->columns[i], 0, columns * sizeof *p->columns[i]);
        p->children[i].row = UINT32_MAX;
    }
    arena_reset(&p->values);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static bool fail(struct span_part *p, enum tsdb_status st, const struct tsdb_error *err)
{
    if (p->fault == TSDB_OK) {
        p->fault = st;
        p->fault_text = *err;
    }
    return false;
}

void span_part_fail(struct span_part *p, enum tsdb_status st, const struct tsdb_error *err)
{
    (void)fail(p, st, err);
}

enum tsdb_status span_part_check(struct span_part *p, struct tsdb_error *err)
{
    if (p->fault == TSDB_OK)
        return TSDB_OK;
    if (p->fault == TSDB_ECORRUPT) {
        traces_set_damaged(p->set, p->number, p->fault_text.msg);
        return TSDB_END;
    }
    *err = p->fault_text;
    return p->fault;
}

/* ---- columns --------------------------------------------------------------------------------- */

const struct column_info *span_part_info(const struct span_part *p, enum span_table table,
                                         uint32_t column)
{
    return group_column(p->part->tables.at[table], column);
}

static enum tsdb_status decode(struct group_reader *r, const struct column_info *info,
                               uint32_t column, struct part_column *c, struct tsdb_error *err)
{
    enum tsdb_status st = group_presence(r, column, &c->presence, err);
    if (st != TSDB_OK)
        return st;
    if (info->kind == COLUMN_INT)
        return group_ints(r, column, &c->ints, err);
    if (info->kind == COLUMN_DOUBLE)
        return group_doubles(r, column, &c->doubles, err);
    st = group_codes(r, column, &c->codes, err);
    c->has_codes = st == TSDB_OK;
    return st == TSDB_ENOTFOUND ? group_texts(r, column, &c->texts, err) : st;
}

static uint64_t column_bytes(const struct part_column *c, uint32_t rows)
{
    uint64_t bytes = 0;
    if (c->ints || c->doubles)
        return (uint64_t)rows * 8;
    if (c->has_codes)
        bytes = c->codes.codes ? (uint64_t)rows * 2 : 0;
    for (uint32_t i = 0; i < (c->has_codes ? c->codes.count : rows); i++)
        bytes += c->has_codes ? c->codes.values[i].len : c->texts[i].len;
    return bytes;
}

const struct part_column *span_part_column(struct span_part *p, enum span_table table,
                                           uint32_t column)
{
    struct part_column *c = &p->columns[table][column];
    if (c->is_open)
        return c;
    struct tsdb_error err = {0};
    enum tsdb_status st = p->fault;
    if (st == TSDB_OK)
        st = decode(p->tables[table], span_part_info(p, table, column), column, c, &err);
    if (st != TSDB_OK) {
        *c = (struct part_column){0};
        (void)fail(p, st, &err);
        return NULL;
    }
    c->is_open = true;
    p->bytes += column_bytes(c, p->rows[table]);
    return c;
}

uint32_t span_part_intrinsic(const struct span_part *p, enum span_table table, const char *name)
{
    const struct group *g = p->part->tables.at[table];
    return g ? group_find(g, text_of(name), SPAN_TAG_INTRINSIC) : UINT32_MAX;
}

/* A column that every row has; a table without it is damaged. */
const int64_t *span_part_ints(struct span_part *p, enum span_table table, const char *name)
{
    struct tsdb_error err = {0};
    uint32_t column = span_part_intrinsic(p, table, name);
    if (column == UINT32_MAX || span_part_info(p, table, column)->kind != COLUMN_INT) {
        (void)fail(p, tsdb_fail(&err, TSDB_ECORRUPT, "no column %s of ints", name), &err);
        return NULL;
    }
    const struct part_column *c = span_part_column(p, table, column);
    return c ? c->ints : NULL;
}

const int64_t *span_part_starts(struct span_part *p)
{
    const int64_t *starts;
    struct tsdb_error err = {0};
    enum tsdb_status st = p->fault;
    if (st == TSDB_OK)
        st = span_reader_starts(p->reader, &starts, &err);
    if (st == TSDB_OK)
        return starts;
    (void)fail(p, st, &err);
    return NULL;
}

const uint32_t *span_part_traces(struct span_part *p, uint32_t *count)
{
    const uint32_t *firsts;
    struct tsdb_error err = {0};
    enum tsdb_status st = p->fault;
    if (st == TSDB_OK)
        st = span_reader_traces(p->reader, &firsts, count, &err);
    if (st == TSDB_OK)
        return firsts;
    (void)fail(p, st, &err);
    return NULL;
}

static bool read_id(struct span_part *p, const char *name, uint32_t row, uint8_t *out, size_t len)
{
    struct tsdb_error err = {0};
    uint32_t column = span_part_intrinsic(p, SPAN_TABLE_SPANS, name);
    if (column == UINT32_MAX || span_part_info(p, SPAN_TABLE_SPANS, column)->kind != COLUMN_TEXT)
        return fail(p, tsdb_fail(&err, TSDB_ECORRUPT, "no column %s of ids", name), &err);
    const struct part_column *c = span_part_column(p, SPAN_TABLE_SPANS, column);
    if (!c)
        return false;
    struct tsdb_text id = {NULL, 0};
    if (part_column_has(c, row))
        id = part_column_text(c, row);
    if (id.len != len)
        return fail(p, tsdb_fail(&err, TSDB_ECORRUPT, "%s of row %u is no id", name, row), &err);
    memcpy(out, id.at, len);
    return true;
}

bool span_part_trace_id(struct span_part *p, uint32_t first, struct tsdb_trace_id *out)
{
    return read_id(p, SPAN_COLUMN_TRACE_ID, first, out->at, sizeof out->at);
}

bool span_part_span_id(struct span_part *p, uint32_t row, struct tsdb_span_id *out)
{
    return read_id(p, SPAN_COLUMN_SPAN_ID, row, out->at, sizeof out->at);
}

/* ---- binding --------------------------------------------------------------------------------- */

static void bind_attribute(const struct span_part *p, enum span_table table,
                           enum tsdb_trace_place place, struct tsdb_text name,
                           struct field_columns *out)
{
    const struct group *g = p->part->tables.at[table];
    *out = (struct field_columns){.table = (uint8_t)table};
    uint32_t column = g ? group_find_name(g, name) : UINT32_MAX;
    if (column == UINT32_MAX)
        return;
    for (; column < group_columns(g); column++) {
        const struct column_info *info = group_column(g, column);
        if (!text_equal(info->name, name))
            break;
        uint8_t type = info->tag & 0xf;
        if (info->tag >> 4 == place && type < TSDB_FIELD_TYPE_COUNT &&
            out->count < TSDB_FIELD_TYPE_COUNT) {
            out->at[out->count].column = column;
            out->at[out->count++].type = type;
        }
    }
}

static void bind_intrinsic(const struct span_part *p, enum traceql_intrinsic intrinsic,
                           struct field_columns *out)
{
    static const struct {
        uint8_t table, type;
        const char *name;
    } columns[INTRINSICS] = {
        [INTRINSIC_DURATION] = {SPAN_TABLE_SPANS, TSDB_FIELD_INT, SPAN_COLUMN_DURATION},
        [INTRINSIC_NAME] = {SPAN_TABLE_SPANS, TSDB_FIELD_STRING, SPAN_COLUMN_NAME},
        [INTRINSIC_STATUS] = {SPAN_TABLE_SPANS, TSDB_FIELD_INT, SPAN_COLUMN_STATUS},
        [INTRINSIC_STATUS_MESSAGE] = {SPAN_TABLE_SPANS, TSDB_FIELD_STRING,
                                      SPAN_COLUMN_STATUS_MESSAGE},
        [INTRINSIC_KIND] = {SPAN_TABLE_SPANS, TSDB_FIELD_INT, SPAN_COLUMN_KIND},
        [INTRINSIC_SPAN_ID] = {SPAN_TABLE_SPANS, TSDB_FIELD_ID, SPAN_COLUMN_SPAN_ID},
        [INTRINSIC_TRACE_ID] = {SPAN_TABLE_SPANS, TSDB_FIELD_ID, SPAN_COLUMN_TRACE_ID},
        [INTRINSIC_EVENT_NAME] = {SPAN_TABLE_EVENTS, TSDB_FIELD_STRING, SPAN_COLUMN_NAME},
        [INTRINSIC_EVENT_TIME_SINCE_START] = {SPAN_TABLE_EVENTS, TSDB_FIELD_INT, SPAN_COLUMN_TIME},
        [INTRINSIC_LINK_TRACE_ID] = {SPAN_TABLE_LINKS, TSDB_FIELD_ID, SPAN_COLUMN_TRACE_ID},
        [INTRINSIC_LINK_SPAN_ID] = {SPAN_TABLE_LINKS, TSDB_FIELD_ID, SPAN_COLUMN_SPAN_ID},
        [INTRINSIC_INSTRUMENTATION_NAME] = {SPAN_TABLE_SOURCES, TSDB_FIELD_STRING,
                                            SPAN_COLUMN_SCOPE_NAME},
        [INTRINSIC_INSTRUMENTATION_VERSION] = {SPAN_TABLE_SOURCES, TSDB_FIELD_STRING,
                                               SPAN_COLUMN_SCOPE_VERSION},
    };
    *out = (struct field_columns){.table = columns[intrinsic].table};
    if (!columns[intrinsic].name)
        return;
    uint32_t column = span_part_intrinsic(p, (enum span_table)out->table, columns[intrinsic].name);
    if (column == UINT32_MAX)
        return;
    enum column_kind kind = columns[intrinsic].type == TSDB_FIELD_INT ? COLUMN_INT : COLUMN_TEXT;
    if (span_part_info(p, (enum span_table)out->table, column)->kind != kind)
        return;
    out->count = 1;
    out->at[0].column = column;
    out->at[0].type = columns[intrinsic].type;
}

void span_part_borrow(struct span_part *p, const struct traceql_ref *ref)
{
    p->borrowed = ref;
    p->fields[p->ref_count].serial = 0;
}

const struct bound_field *span_part_field(struct span_part *p, uint32_t slot)
{
    struct bound_field *f = &p->fields[slot];
    const struct traceql_ref *ref = span_part_ref(p, slot);
    if (f->serial == p->serial)
        return f;
    *f = (struct bound_field){.serial = p->serial};
    if (ref->intrinsic != INTRINSIC_NONE) {
        bind_intrinsic(p, ref->intrinsic, &f->first);
        return f;
    }
    switch (ref->place) {
    case TSDB_PLACE_RESOURCE:
    case TSDB_PLACE_SCOPE:
        bind_attribute(p, SPAN_TABLE_SOURCES, ref->place, ref->name, &f->first);
        break;
    case TSDB_PLACE_EVENT:
        bind_attribute(p, SPAN_TABLE_EVENTS, ref->place, ref->name, &f->first);
        break;
    case TSDB_PLACE_LINK:
        bind_attribute(p, SPAN_TABLE_LINKS, ref->place, ref->name, &f->first);
        break;
    case TSDB_PLACE_ANY:
        bind_attribute(p, SPAN_TABLE_SOURCES, TSDB_PLACE_RESOURCE, ref->name, &f->second);
        bind_attribute(p, SPAN_TABLE_SPANS, TSDB_PLACE_SPAN, ref->name, &f->first);
        break;
    case TSDB_PLACE_SPAN:
    case TSDB_PLACE_INTRINSIC:
        bind_attribute(p, SPAN_TABLE_SPANS, TSDB_PLACE_SPAN, ref->name, &f->first);
        break;
    }
    return f;
}

/* ---- rows that count ------------------------------------------------------------------------- */

static void keep_range(struct span_part *p, const int64_t *starts)
{
    uint32_t rows = p->rows[SPAN_TABLE_SPANS];
    for (uint32_t i = 0; i < rows; i += 64) {
        uint64_t word = 0;
        uint32_t n = rows - i < 64 ? rows - i : 64;
        for (uint32_t b = 0; b < n; b++)
            word |= (uint64_t)(starts[i + b] >= p->start && starts[i + b] < p->end) << b;
        p->rows_in[i / 64] = word;
    }
}

/* Rows of sources whose bit is set. */
static bool find_own(struct span_part *p, const uint64_t *sources)
{
    const int64_t *source = span_part_ints(p, SPAN_TABLE_SPANS, SPAN_COLUMN_SOURCE);
    uint32_t rows = p->rows[SPAN_TABLE_SPANS], most = p->rows[SPAN_TABLE_SOURCES];
    if (!source)
        return false;
    memset(p->own, 0, (rows + 63) / 64 * sizeof *p->own);
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t s = (uint64_t)source[i];
        if (s < most)
            p->own[i / 64] |= (sources[s / 64] >> s % 64 & 1) << i % 64;
    }
    return true;
}

static enum tsdb_status find_rows(struct span_part *p, struct tsdb_error *err)
{
    uint64_t sources[PART_WORDS];
    bool all = true;
    uint32_t rows = p->rows[SPAN_TABLE_SPANS];
    enum tsdb_status st =
        traces_part_sources(p->set, p->number, p->tables[SPAN_TABLE_SOURCES], sources, &all, err);
    if (st != TSDB_OK) {
        (void)fail(p, st, err);
        return TSDB_OK;
    }
    if (p->part->ts_min >= p->start && p->part->ts_max < p->end) {
        memset(p->rows_in, 0xff, (rows + 63) / 64 * sizeof *p->rows_in);
        if (rows % 64)
            p->rows_in[rows / 64] = (UINT64_C(1) << rows % 64) - 1;
    } else {
        const int64_t *starts = span_part_starts(p);
        if (!starts)
            return TSDB_OK;
        keep_range(p, starts);
    }
    p->has_others = !all;
    if (!all && find_own(p, sources))
        for (uint32_t w = 0; w < (rows + 63) / 64; w++)
            p->rows_in[w] &= p->own[w];
    return TSDB_OK;
}

enum tsdb_status span_part_read(struct span_part *p, struct tsdb_error *err)
{
    enum tsdb_status st = traces_set_touch(p->set, p->number, err);
    if (st != TSDB_OK)
        return st == TSDB_ECORRUPT ? TSDB_END : st;
    st = find_rows(p, err);
    if (st == TSDB_OK)
        st = span_part_check(p, err);
    if (st != TSDB_OK)
        return st;
    p->rows_in_count = 0;
    for (uint32_t i = 0; i < (p->rows[SPAN_TABLE_SPANS] + 63) / 64; i++)
        p->rows_in_count += (uint32_t)__builtin_popcountll(p->rows_in[i]);
    return p->rows_in_count > 0 ? TSDB_OK : TSDB_END;
}

/* ---- values of rows -------------------------------------------------------------------------- */

struct span_value part_column_value(const struct part_column *c, uint8_t type, uint32_t row,
                                    struct arena *arena)
{
    if (!part_column_has(c, row))
        return span_nil();
    struct tsdb_field field = {.type = type};
    if (c->ints)
        field.integer = c->ints[row];
    else if (c->doubles)
        field.real = c->doubles[row];
    else
        field.text = part_column_text(c, row);
    return span_value_of(&field, arena);
}

struct span_value span_id_value(const void *id, size_t len, bool is_trace, struct arena *arena)
{
    char *digits = ARENA_ARRAY(arena, char, 2 * len + 1);
    if (!digits)
        return span_nil();
    struct tsdb_text text = {digits, hex_encode(id, len, digits)};
    for (; is_trace && text.len > 1 && *text.at == '0'; text.len--)
        text.at++;
    return span_string(text);
}

static struct span_value value_in(struct span_part *p, const struct field_columns *f, uint32_t row)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const struct part_column *c =
            span_part_column(p, (enum span_table)f->table, f->at[i].column);
        if (!c)
            return span_nil();
        struct span_value v = part_column_value(c, f->at[i].type, row, &p->values);
        if (v.type != TRACEQL_NIL)
            return v;
    }
    return span_nil();
}

static bool source_row(struct span_part *p, uint32_t *out)
{
    struct tsdb_error err = {0};
    const int64_t *source = span_part_ints(p, SPAN_TABLE_SPANS, SPAN_COLUMN_SOURCE);
    if (!source)
        return false;
    if ((uint64_t)source[p->row] >= p->rows[SPAN_TABLE_SOURCES])
        return fail(p, tsdb_fail(&err, TSDB_ECORRUPT, "row %u has no source", p->row), &err);
    *out = (uint32_t)source[p->row];
    return true;
}

/* The row in the table that belongs to the span row at hand; false: there is none. */
static bool row_in(struct span_part *p, enum span_table table, uint32_t child, uint32_t *row)
{
    switch (table) {
    case SPAN_TABLE_SPANS: *row = p->row; return true;
    case SPAN_TABLE_SOURCES: return source_row(p, row);
    case SPAN_TABLE_EVENTS:
    case SPAN_TABLE_LINKS: break;
    }
    *row = p->children[table].first + child;
    return child < p->children[table].count && p->children[table].row == p->row;
}

static uint32_t children(void *arg, enum tsdb_trace_place place)
{
    struct span_part *p = arg;
    enum span_table table = place == TSDB_PLACE_EVENT ? SPAN_TABLE_EVENTS : SPAN_TABLE_LINKS;
    struct part_children *c = &p->children[table];
    if (c->row == p->row)
        return c->count;
    *c = (struct part_children){.row = p->row};
    if (p->rows[table] == 0)
        return 0;
    const int64_t *span = span_part_ints(p, table, SPAN_COLUMN_SPAN);
    if (!span)
        return 0;
    uint32_t from = 0, to = p->rows[table];
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        if (span[mid] < (int64_t)p->row)
            from = mid + 1;
        else
            to = mid;
    }
    c->first = from;
    while (from < p->rows[table] && span[from] == (int64_t)p->row)
        from++;
    c->count = from - c->first;
    return c->count;
}

static struct span_value parent_id(struct span_part *p)
{
    struct span_value root = span_string((struct tsdb_text){"", 0});
    uint32_t column = span_part_intrinsic(p, SPAN_TABLE_SPANS, SPAN_COLUMN_PARENT);
    if (column != UINT32_MAX && span_part_info(p, SPAN_TABLE_SPANS, column)->kind == COLUMN_INT) {
        const struct part_column *c = span_part_column(p, SPAN_TABLE_SPANS, column);
        struct tsdb_span_id id;
        if (c && part_column_has(c, p->row)) {
            int64_t parent = (int64_t)p->row - c->ints[p->row];
            if (parent < 0 || parent >= (int64_t)p->rows[SPAN_TABLE_SPANS] ||
                !span_part_span_id(p, (uint32_t)parent, &id))
                return root;
            return span_id_value(id.at, sizeof id.at, false, &p->values);
        }
    }
    column = span_part_intrinsic(p, SPAN_TABLE_SPANS, SPAN_COLUMN_PARENT_ID);
    if (column == UINT32_MAX || span_part_info(p, SPAN_TABLE_SPANS, column)->kind != COLUMN_TEXT)
        return root;
    const struct part_column *c = span_part_column(p, SPAN_TABLE_SPANS, column);
    if (!c || !part_column_has(c, p->row))
        return root;
    struct tsdb_text id = part_column_text(c, p->row);
    return span_id_value(id.at, id.len, false, &p->values);
}

static struct span_value trace_id(struct span_part *p)
{
    uint32_t count;
    const uint32_t *firsts = span_part_traces(p, &count);
    struct tsdb_trace_id id;
    if (!firsts || count == 0)
        return span_nil();
    uint32_t from = 0, to = count;
    while (to - from > 1) {
        uint32_t mid = from + (to - from) / 2;
        if (firsts[mid] <= p->row)
            from = mid;
        else
            to = mid;
    }
    if (!span_part_trace_id(p, firsts[from], &id))
        return span_nil();
    return span_id_value(id.at, sizeof id.at, true, &p->values);
}

/* What a row is worth that lacks the column of an intrinsic. */
static struct span_value intrinsic_value(enum traceql_intrinsic intrinsic, struct span_value v)
{
    switch ((int)intrinsic) {
    case INTRINSIC_STATUS:
        v = (struct span_value){.type = TRACEQL_STATUS,
                                .integer = v.type == TRACEQL_INT ? v.integer : 0};
        break;
    case INTRINSIC_KIND:
        v = (struct span_value){.type = TRACEQL_KIND,
                                .integer = v.type == TRACEQL_INT ? v.integer : 0};
        break;
    case INTRINSIC_DURATION:
    case INTRINSIC_EVENT_TIME_SINCE_START:
        if (v.type == TRACEQL_INT)
            v.type = TRACEQL_DURATION;
        break;
    case INTRINSIC_NAME:
    case INTRINSIC_STATUS_MESSAGE:
    case INTRINSIC_INSTRUMENTATION_NAME:
    case INTRINSIC_INSTRUMENTATION_VERSION:
        if (v.type == TRACEQL_NIL)
            v = span_string((struct tsdb_text){"", 0});
        break;
    default: break;
    }
    return v;
}

static struct span_value get(void *arg, uint32_t slot, const struct traceql_ref *ref,
                             uint32_t child)
{
    struct span_part *p = arg;
    uint32_t row;
    if (ref->intrinsic == INTRINSIC_PARENT_ID)
        return parent_id(p);
    if (ref->intrinsic == INTRINSIC_TRACE_ID)
        return trace_id(p);
    if (traceql_ref_is_trace(ref))
        return span_nil();
    const struct bound_field *f = span_part_field(p, slot);
    enum tsdb_trace_place place = traceql_ref_child(ref);
    if (place != TSDB_PLACE_ANY)
        (void)children(p, place);
    if (!row_in(p, (enum span_table)f->first.table, child, &row))
        return span_nil();
    struct span_value v;
    bool is_link =
        ref->intrinsic == INTRINSIC_LINK_TRACE_ID || ref->intrinsic == INTRINSIC_LINK_SPAN_ID;
    if (is_link || ref->intrinsic == INTRINSIC_SPAN_ID) {
        const struct part_column *c =
            f->first.count
                ? span_part_column(p, (enum span_table)f->first.table, f->first.at[0].column)
                : NULL;
        if (!c || !part_column_has(c, row))
            return span_nil();
        struct tsdb_text id = part_column_text(c, row);
        return span_id_value(id.at, id.len, ref->intrinsic == INTRINSIC_LINK_TRACE_ID, &p->values);
    }
    v = value_in(p, &f->first, row);
    if (ref->intrinsic != INTRINSIC_NONE)
        return intrinsic_value(ref->intrinsic, v);
    if (v.type == TRACEQL_NIL && f->second.count > 0 && source_row(p, &row))
        v = value_in(p, &f->second, row);
    return v;
}

struct span_source span_part_source(struct span_part *p)
{
    return (struct span_source){get, children, p};
}
