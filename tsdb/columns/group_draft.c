#include "tsdb/columns/group_draft.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/codec/floats.h"
#include "tsdb/columns/column_ints.h"
#include "tsdb/columns/column_texts.h"
#include "tsdb/columns/group_output.h"
#include "tsdb/columns/group_salt.h"
#include "tsdb/columns/text_ahead.h"

#include <math.h>
#include <stdlib.h>

static_assert((int)COLUMN_PART_ROWS <= (int)FLOATS_MAX, "a part is one column of floats");

enum {
    FILTER_BYTES = 1 << 20, /* a filter's builder, without its hashes */
    INTS_OVER_CODES = 8,    /* decimal texts: a dictionary must repeat each value so often */
};

static uint32_t part_of(uint32_t at, uint32_t n)
{
    return n - at < COLUMN_PART_ROWS ? n - at : COLUMN_PART_ROWS;
}

/* ---- numbers -------------------------------------------------------------------- */

static void put_number_part(struct group_output *o, uint32_t values)
{
    if (o->packer.form == GROUP_SEALED)
        group_output_part(o, writer_bytes(&o->scratch), values);
    else
        group_output_raw(o, writer_bytes(&o->scratch), values);
}

static void put_ints(struct group_output *o, struct column_head *c, const int64_t *v, uint32_t n)
{
    int64_t min = v[0], max = v[0];
    for (uint32_t i = 1; i < n; i++) {
        min = v[i] < min ? v[i] : min;
        max = v[i] > max ? v[i] : max;
    }
    c->info.int_min = min;
    c->info.int_max = max;
    c->info.encoding = min == max ? ENCODING_CONST : ENCODING_INTS;
    for (uint32_t at = 0, count; min != max && at < n; at += count) {
        count = part_of(at, n);
        writer_reset(&o->scratch);
        column_ints_encode(v + at, count, &o->scratch);
        put_number_part(o, count);
    }
}

static void put_doubles(struct group_output *o, struct column_head *c, const double *v, uint32_t n)
{
    double min = (double)NAN, max = (double)NAN;
    bool is_const = true;
    for (uint32_t i = 0; i < n; i++) {
        min = v[i] < min || min != min ? v[i] : min;
        max = v[i] > max || max != max ? v[i] : max;
        is_const = is_const && memcmp(&v[i], &v[0], sizeof *v) == 0;
    }
    c->info.double_min = min;
    c->info.double_max = max;
    memcpy(&c->constant_bits, &v[0], sizeof c->constant_bits);
    c->info.encoding = is_const ? ENCODING_CONST : ENCODING_FLOATS;
    for (uint32_t at = 0, count; !is_const && at < n; at += count) {
        count = part_of(at, n);
        writer_reset(&o->scratch);
        floats_encode(v + at, count, &o->scratch, NULL);
        put_number_part(o, count);
    }
}

/* ---- texts ---------------------------------------------------------------------- */

/* A text that is a row's goes to that row; one of a dictionary may be any row's. */
static void filter_grams(struct group_output *o, const struct draft_column *d,
                         const struct tsdb_text *texts, uint32_t n)
{
    bool is_row = !d->is_coded && n == d->count;
    for (uint32_t i = 0; i < n; i++) {
        text_ahead(texts, i, n);
        if (is_row)
            filter_add_text(o->builder, d->rows ? d->rows[i] : i, texts[i]);
        for (uint32_t row = 0; !is_row && row < o->rows; row += FILTER_BLOCK_ROWS)
            filter_add_text(o->builder, row, texts[i]);
    }
}

static void filter_texts(struct group_output *o, const struct column_head *c,
                         const struct draft_column *d, const struct tsdb_text *texts, uint32_t n)
{
    if ((c->info.flags & (COLUMN_GRAMS | COLUMN_VALUES)) && !o->builder)
        o->builder = filter_builder_new();
    if (c->info.flags & COLUMN_GRAMS)
        filter_grams(o, d, texts, n);
    if (c->info.flags & COLUMN_VALUES) {
        uint64_t salt = column_salt(c->info.name, c->info.tag);
        for (uint32_t i = 0; i < n; i++) {
            text_ahead(texts, i, n);
            filter_add_value(o->builder, salt, texts[i]);
        }
    }
}

static bool all_equal(const struct tsdb_text *texts, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        if (!text_equal(texts[i], texts[0]))
            return false;
    return true;
}

static bool all_ints(const struct tsdb_text *texts, uint32_t n)
{
    int64_t value;
    for (uint32_t i = 0; i < n; i++)
        if (!int_text_parse(texts[i], &value))
            return false;
    return true;
}

static void put_dictionary(struct group_output *o, struct column_head *c,
                           const struct draft_column *d)
{
    c->info.encoding = ENCODING_DICT;
    c->info.distinct = d->dictionary.count;
    writer_reset(&o->scratch);
    column_texts_encode(d->dictionary.values, d->dictionary.count, &o->scratch);
    group_output_part(o, writer_bytes(&o->scratch), 0);
    for (uint32_t at = 0, count; at < d->count; at += count) {
        count = part_of(at, d->count);
        group_output_codes(o, d->codes + at, count, d->dictionary.count);
    }
}

/* Whether codes are the cheapest form of what a dictionary was made for. */
static bool codes_pay(const struct draft_column *d)
{
    uint32_t distinct = d->dictionary.count;
    if (distinct > d->count / 2)
        return false;
    return distinct <= d->count / INTS_OVER_CODES || !all_ints(d->dictionary.values, distinct);
}

static void put_texts(struct group_output *o, struct column_head *c, const struct draft_column *d)
{
    const struct tsdb_text *distinct = d->is_coded ? d->dictionary.values : d->texts;
    uint32_t count = d->is_coded ? d->dictionary.count : d->count;
    bool is_const = all_equal(distinct, count);
    filter_texts(o, c, d, distinct, is_const ? 1 : count);
    if (is_const && distinct[0].len <= COLUMN_CONST_MAX) {
        c->info.encoding = ENCODING_CONST;
        c->constant = distinct[0];
        return;
    }
    if (!d->is_coded) {
        group_output_texts(o, c, d->texts, d->count);
        return;
    }
    if (codes_pay(d)) {
        put_dictionary(o, c, d);
        return;
    }
    struct tsdb_text *texts = MEM_ARRAY(struct tsdb_text, d->count);
    for (uint32_t i = 0; i < d->count; i++)
        texts[i] = d->dictionary.values[d->codes[i]];
    group_output_texts(o, c, texts, d->count);
    mem_free(texts);
}

/* ---- columns -------------------------------------------------------------------- */

/* Columns that say which rows have them, for those after them that have the same. */
struct own_presence {
    uint64_t hash;
    const struct draft_column *column;
    uint32_t at; /* in the group */
};

struct presences {
    struct own_presence *items; /* owned; one a column at most */
    uint32_t count;
};

/* The column of the same rows, or UINT32_MAX: then `d`, the column `at`, is the one. */
static uint32_t same_rows(struct presences *p, uint64_t seed, const struct draft_column *d,
                          uint32_t at)
{
    size_t bytes = d->count * sizeof *d->rows;
    uint64_t hash = hash64(seed, d->rows, bytes);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct own_presence *own = &p->items[i];
        if (own->hash == hash && own->column->count == d->count &&
            memcmp(own->column->rows, d->rows, bytes) == 0)
            return own->at;
    }
    p->items[p->count++] = (struct own_presence){hash, d, at};
    return UINT32_MAX;
}

static void put_presence(struct group_output *o, const struct draft_column *d,
                         struct presences *before, uint64_t seed, uint32_t at)
{
    if (d->count == o->rows)
        return;
    if (d->rows) {
        uint32_t same = same_rows(before, seed, d, at);
        if (same != UINT32_MAX)
            group_output_same_presence(o, same);
        else
            group_output_presence(o, d->rows, d->count);
        return;
    }
    uint16_t *rows = MEM_ARRAY(uint16_t, d->count); /* the first ones, all of them */
    for (uint32_t i = 0; i < d->count; i++)
        rows[i] = (uint16_t)i;
    group_output_presence(o, rows, d->count);
    mem_free(rows);
}

/* Behind its presence. */
static void put_column(struct group_output *o, const struct draft_column *d)
{
    struct column_head c = {
        .info = {.name = {d->name, d->name_len},
                 .tag = d->tag,
                 .kind = d->kind,
                 .flags = d->flags,
                 .present = d->count},
    };
    if (d->kind == COLUMN_INT)
        put_ints(o, &c, d->ints, d->count);
    else if (d->kind == COLUMN_DOUBLE)
        put_doubles(o, &c, d->doubles, d->count);
    else
        put_texts(o, &c, d);
    group_output_column(o, &c);
}

static int by_name(const void *a, const void *b)
{
    const struct draft_column *x = *(const struct draft_column *const *)a;
    const struct draft_column *y = *(const struct draft_column *const *)b;
    int order = text_compare((struct tsdb_text){x->name, x->name_len},
                             (struct tsdb_text){y->name, y->name_len});
    return order ? order : (int)x->tag - (int)y->tag;
}

void group_draft_write(const struct group_writer *w, enum group_form form,
                       struct group_strings *out)
{
    const struct draft_column **columns =
        MEM_ARRAY(const struct draft_column *, w->column_count ? w->column_count : 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->column_count; i++)
        if (w->columns[i].count > 0)
            columns[count++] = &w->columns[i];
    qsort(columns, count, sizeof(const struct draft_column *), by_name);
    struct group_output o;
    group_output_init(&o, out, form, w->rows, count);
    struct presences presences = {.items = MEM_ARRAY(struct own_presence, count + 1)};
    for (uint32_t i = 0; i < count; i++) {
        put_presence(&o, columns[i], &presences, w->seed, i);
        put_column(&o, columns[i]);
    }
    mem_free(presences.items);
    if (o.builder)
        filter_builder_finish(o.builder, &out->filter);
    group_output_release(&o);
    mem_free((void *)columns);
}

uint64_t group_draft_write_bytes(const struct group_writer *w, enum group_form form)
{
    uint64_t most = 0, hashes = 0;
    for (uint32_t i = 0; i < w->column_count; i++) {
        const struct draft_column *c = &w->columns[i];
        uint64_t page = c->text_longest < COLUMN_PAGE_BYTES ? COLUMN_PAGE_BYTES : c->text_longest;
        uint64_t table = c->is_coded ? c->text_bytes : 0;
        uint64_t bytes = (page + (table < GROUP_TEXT_MAX ? table : GROUP_TEXT_MAX)) * 2 +
                         (uint64_t)c->count * sizeof(struct tsdb_text);
        most = bytes > most ? bytes : most;
        hashes += c->flags & COLUMN_VALUES ? (uint64_t)c->count * 2 * sizeof(uint64_t) : 0;
    }
    return most + hashes + FILTER_BYTES + (form == GROUP_SEALED ? GROUP_SEAL_BYTES : 1 << 16);
}
