#include "tsdb/logs/group_rows.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/logs/head.h"
#include "tsdb/logs/logs.h"

#include <string.h>

#define COLUMN_NONE UINT32_MAX

enum { PREFETCH = 6 }; /* rows */

/* ---- groups in the making ------------------------------------------------------------ */

void made_group_release(struct made_group *g)
{
    group_strings_release(&g->strings);
    mem_free(g->runs);
    *g = (struct made_group){0};
}

static void begin(struct group_builder *b)
{
    b->time = group_writer_column(b->writer, text_of(":time"), LOGS_COLUMN_TAG, COLUMN_INT, 0);
    b->line = group_writer_column(b->writer, text_of(":line"), LOGS_COLUMN_TAG, COLUMN_TEXT,
                                  COLUMN_LINES | (b->has_filters ? COLUMN_GRAMS : 0));
    b->made.ts_min = INT64_MAX;
    b->made.ts_max = INT64_MIN;
    b->epoch++;
}

void group_builder_init(struct group_builder *b, enum group_form form, enum group_filters filters,
                        made_group_fn *fn, void *arg)
{
    *b = (struct group_builder){.writer = group_writer_new(NULL),
                                .form = form,
                                .has_filters = filters == GROUP_FILTERED,
                                .fn = fn,
                                .arg = arg};
    begin(b);
}

void group_builder_release(struct group_builder *b)
{
    group_writer_free(b->writer);
    made_group_release(&b->made);
    b->writer = NULL;
}

enum tsdb_status group_builder_finish(struct group_builder *b, struct tsdb_error *err)
{
    if (b->made.rows == 0)
        return TSDB_OK;
    enum tsdb_status st = group_writer_finish(b->writer, b->form, &b->made.strings, err);
    if (st == TSDB_OK)
        st = b->fn(b->arg, &b->made, err);
    made_group_release(&b->made);
    b->run_cap = 0;
    if (st == TSDB_OK)
        begin(b);
    return st;
}

void group_builder_row(struct group_builder *b, uint32_t stream, int64_t ts, struct tsdb_text line)
{
    struct made_group *g = &b->made;
    struct group_run *run = g->run_count ? &g->runs[g->run_count - 1] : NULL;
    if (!run || run->stream != stream) {
        if (g->run_count == b->run_cap) {
            b->run_cap = b->run_cap ? b->run_cap * 2 : 64;
            g->runs = mem_grow(g->runs, b->run_cap, sizeof *g->runs);
        }
        run = &g->runs[g->run_count++];
        *run = (struct group_run){.stream = stream, .first = g->rows, .ts_min = ts};
    }
    run->rows++;
    run->ts_max = ts;
    run->line_bytes += line.len;
    g->rows++;
    g->line_bytes += line.len;
    g->text_bytes += line.len;
    g->ts_min = ts < g->ts_min ? ts : g->ts_min;
    g->ts_max = ts > g->ts_max ? ts : g->ts_max;
    group_writer_row(b->writer);
    group_writer_int(b->writer, b->time, ts);
    group_writer_text(b->writer, b->line, line);
}

bool group_builder_is_full(const struct group_builder *b)
{
    return b->made.rows == GROUP_ROWS_MAX || b->made.text_bytes >= GROUP_TEXTS_MAX;
}

/* ---- order --------------------------------------------------------------------------- */

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

/* Stable, by the digit of the stream's number. */
static void sort_digit(const struct row_key *in, struct row_key *out, uint32_t n, unsigned shift)
{
    uint32_t starts[DIGITS] = {0};
    for (uint32_t i = 0; i < n; i++)
        starts[in[i].stream >> shift & (DIGITS - 1)]++;
    for (uint32_t i = 0, sum = 0; i < DIGITS; i++) {
        uint32_t count = starts[i];
        starts[i] = sum;
        sum += count;
    }
    for (uint32_t i = 0; i < n; i++)
        out[starts[in[i].stream >> shift & (DIGITS - 1)]++] = in[i];
}

static uint32_t ascending(const struct row_key *rows, uint32_t from, uint32_t n)
{
    uint32_t to = from + 1;
    while (to < n && rows[to - 1].ts <= rows[to].ts)
        to++;
    return to;
}

/* One stream's rows by time: runs that ascend already are merged, two by two. */
static void sort_times(struct row_key *rows, struct row_key *scratch, uint32_t n)
{
    while (ascending(rows, 0, n) < n) {
        for (uint32_t from = 0, mid, to; from < n; from = to) {
            mid = ascending(rows, from, n);
            to = mid < n ? ascending(rows, mid, n) : mid;
            uint32_t i = from, k = mid, at = from;
            while (i < mid && k < to)
                scratch[at++] = rows[k].ts < rows[i].ts ? rows[k++] : rows[i++];
            memcpy(scratch + at, i < mid ? rows + i : rows + k,
                   ((i < mid ? mid - i : to - k)) * sizeof *rows);
        }
        memcpy(rows, scratch, n * sizeof *rows);
    }
}

void row_keys_sort(struct row_key *rows, struct row_key *scratch, uint32_t n)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < n; i++)
        most = rows[i].stream > most ? rows[i].stream : most;
    struct row_key *in = rows, *out = scratch;
    for (unsigned shift = 0; shift < 32 && most >> shift > 0; shift += DIGIT_BITS) {
        sort_digit(in, out, n, shift);
        struct row_key *turn = in;
        in = out;
        out = turn;
    }
    if (in != rows)
        memcpy(rows, in, n * sizeof *rows);
    for (uint32_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && rows[to].stream == rows[from].stream; to++)
            ;
        sort_times(rows + from, scratch, to - from);
    }
}

/* ---- rows of batches ------------------------------------------------------------------- */

/* A batch whose names have been looked up in the group of that epoch. */
struct batch_columns {
    uint32_t *at; /* in the arena; by name */
    uint32_t epoch;
};

struct batch_rows {
    struct log_batch *const *batches;
    struct batch_columns *columns; /* by batch */
    struct arena arena;
    struct group_builder *b;
};

/* The columns of the row's fields; false: the group has no room for some of them. */
static bool find_columns(struct batch_rows *r, uint32_t batch, const struct batch_field *fields,
                         uint32_t n)
{
    const struct batch_tables *t = &r->batches[batch]->tables;
    struct batch_columns *c = &r->columns[batch];
    if (!c->at)
        c->at = ARENA_ARRAY(&r->arena, uint32_t, t->name_count + 1);
    if (c->epoch != r->b->epoch)
        memset(c->at, 0xff, t->name_count * sizeof *c->at);
    c->epoch = r->b->epoch;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *column = &c->at[fields[i].name];
        if (*column != COLUMN_NONE)
            continue;
        const struct batch_name *name = &t->names[fields[i].name];
        *column = group_writer_column(r->b->writer, name->text, name->type, field_kind(name->type),
                                      field_flags(r->b, name->type));
        if (*column == COLUMN_NONE)
            return false;
    }
    return true;
}

static void put_field(struct group_builder *b, uint32_t column, uint8_t type,
                      const struct batch_field *f)
{
    switch (field_kind(type)) {
    case COLUMN_INT: group_writer_int(b->writer, column, f->integer); break;
    case COLUMN_DOUBLE: group_writer_double(b->writer, column, f->real); break;
    case COLUMN_TEXT:
        group_writer_text(b->writer, column, f->text);
        b->made.text_bytes += f->text.len;
        break;
    }
}

static enum tsdb_status add_batch_row(struct batch_rows *r, const struct row_key *key,
                                      struct tsdb_error *err)
{
    const struct batch_tables *t = &r->batches[key->source]->tables;
    struct batch_columns *c = &r->columns[key->source];
    struct batch_field fields[TSDB_LOG_FIELDS_MAX];
    struct reader in = {0};
    uint32_t n;
    struct tsdb_text line = batch_row_open(t->payload, key->at, &in, &n);
    for (uint32_t i = 0; i < n; i++)
        batch_field_next(&in, t->names, t->name_count, &fields[i]);
    ASSERT(!in.fault); /* checked when it was decoded, or written by us */
    enum tsdb_status st = group_builder_is_full(r->b) ? group_builder_finish(r->b, err) : TSDB_OK;
    if (st != TSDB_OK)
        return st;
    if (!find_columns(r, key->source, fields, n)) {
        st = group_builder_finish(r->b, err);
        if (st != TSDB_OK)
            return st;
        bool has_all = find_columns(r, key->source, fields, n);
        ASSERT(has_all); /* one row's fields are fewer than a group's columns */
    }
    group_builder_row(r->b, key->stream, key->ts, line);
    for (uint32_t i = 0; i < n; i++)
        put_field(r->b, c->at[fields[i].name], t->names[fields[i].name].type, &fields[i]);
    return TSDB_OK;
}

enum tsdb_status batches_group(struct log_batch *const *batches, uint32_t count,
                               struct group_builder *b, struct tsdb_error *err)
{
    uint32_t n = 0, at = 0;
    for (uint32_t i = 0; i < count; i++)
        n += batches[i]->row_count;
    struct row_key *keys = mem_alloc((size_t)2 * n * sizeof *keys + 1);
    struct batch_rows r = {
        .batches = batches, .columns = MEM_ARRAY(struct batch_columns, count), .b = b};
    arena_init(&r.arena, SIZE_MAX, NULL);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < batches[i]->row_count; k++) {
            const struct batch_row *row = &batches[i]->rows[k];
            keys[at++] = (struct row_key){row->ts, row->stream, i, row->off};
        }
    row_keys_sort(keys, keys + n, n);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < n && st == TSDB_OK; i++) {
        if (i + PREFETCH < n) {
            const struct row_key *ahead = &keys[i + PREFETCH];
            __builtin_prefetch(batches[ahead->source]->payload + ahead->at);
            __builtin_prefetch(batches[ahead->source]->payload + ahead->at + 64);
        }
        st = add_batch_row(&r, &keys[i], err);
    }
    if (st == TSDB_OK)
        st = group_builder_finish(b, err);
    arena_release(&r.arena);
    mem_free(r.columns);
    mem_free(keys);
    return st;
}
