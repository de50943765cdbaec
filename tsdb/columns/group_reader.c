#include "tsdb/columns/group.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/codec/floats.h"
#include "tsdb/columns/column_codes.h"
#include "tsdb/columns/column_ints.h"
#include "tsdb/columns/column_presence.h"
#include "tsdb/columns/column_texts.h"
#include "tsdb/columns/group_decoded.h"

struct group_reader *group_reader_new(struct budget *budget)
{
    struct group_reader *r = MEM_NEW(struct group_reader);
    r->memory.budget = budget;
    r->page_column = NO_PAGE;
    return r;
}

static void buffer_release(struct group_reader *r, struct decoded_buffer *b)
{
    if (r->memory.budget)
        budget_release(r->memory.budget, b->cap);
    mem_free(b->at);
    *b = (struct decoded_buffer){0};
}

static void templates_free(struct group_reader *r)
{
    for (uint32_t i = 0; r->columns && i < r->column_count; i++)
        text_templates_free(r->columns[i].templates);
}

void group_reader_free(struct group_reader *r)
{
    if (!r)
        return;
    buffer_release(r, &r->clear);
    buffer_release(r, &r->page);
    buffer_release(r, &r->starts);
    writer_release(&r->lines);
    if (r->memory.budget)
        budget_release(r->memory.budget, r->lines_charged);
    templates_free(r);
    reader_memory_release(&r->memory);
    mem_free(r);
}

void group_reader_open(struct group_reader *r, const struct group *g)
{
    templates_free(r);
    reader_memory_reset(&r->memory);
    r->columns = NULL;
    r->page_column = NO_PAGE;
    r->group = g;
}

/* ---- memory and parts ----------------------------------------------------------- */

static enum tsdb_status over(size_t bytes, struct tsdb_error *err)
{
    (void)tsdb_fail(err, TSDB_ELIMIT, "group: reading takes %zu bytes more, past the budget",
                    bytes);
    return TSDB_ELIMIT;
}

enum tsdb_status decoded_damage(uint32_t column, struct tsdb_error *err)
{
    (void)tsdb_fail(err, TSDB_ECORRUPT, "group: column %u: a part is damaged", column);
    return TSDB_ECORRUPT;
}

enum tsdb_status decoded_take(struct group_reader *r, size_t count, size_t size, void *out,
                              struct tsdb_error *err)
{
    void *at = reader_memory_take(&r->memory, count, size);
    if (!at)
        return over(count * size, err);
    memcpy(out, &at, sizeof at);
    return TSDB_OK;
}

enum tsdb_status decoded_reserve(struct group_reader *r, struct decoded_buffer *b, size_t n,
                                 struct tsdb_error *err)
{
    if (n <= b->cap)
        return TSDB_OK;
    size_t cap = n + n / 4;
    buffer_release(r, b);
    if (r->memory.budget && !budget_charge(r->memory.budget, cap))
        return over(cap, err);
    b->at = mem_alloc(cap);
    b->cap = cap;
    return TSDB_OK;
}

enum tsdb_status decoded_part(struct group_reader *r, const struct part *part, bool is_kept,
                              struct bytes *out, struct tsdb_error *err)
{
    struct bytes data = r->group->strings.data;
    if (part->packing == PACKING_RAW) {
        *out = part_bytes(part, data);
        return TSDB_OK;
    }
    uint8_t *to = NULL;
    enum tsdb_status st;
    if (is_kept) {
        st = decoded_take(r, part->clear, 1, &to, err);
    } else {
        st = decoded_reserve(r, &r->clear, part->clear, err);
        to = r->clear.at;
    }
    if (st != TSDB_OK)
        return st;
    if (part_unpack(part, data, to) != TSDB_OK) {
        (void)tsdb_fail(err, TSDB_ECORRUPT, "group: part of %u bytes at %llu does not unpack",
                        part->bytes, (unsigned long long)part->offset);
        return TSDB_ECORRUPT;
    }
    *out = (struct bytes){to, part->clear};
    return TSDB_OK;
}

enum tsdb_status decoded_column(struct group_reader *r, uint32_t column, enum column_kind kind,
                                struct decoded_column **out, struct tsdb_error *err)
{
    const struct group *g = r->group;
    ASSERT(g);
    ASSERT(column < g->column_count);
    if (g->columns[column].info.kind != kind) {
        (void)tsdb_fail(err, TSDB_EINVAL, "group: column %u is of kind %u, want %d", column,
                        g->columns[column].info.kind, (int)kind);
        return TSDB_EINVAL;
    }
    if (!r->columns) {
        enum tsdb_status st =
            decoded_take(r, g->column_count, sizeof *r->columns, &r->columns, err);
        if (st != TSDB_OK)
            return st;
        memset(r->columns, 0, g->column_count * sizeof *r->columns);
        r->column_count = g->column_count;
    }
    *out = &r->columns[column];
    return TSDB_OK;
}

/* ---- presence ------------------------------------------------------------------- */

/* The column, before this one, that has the same rows and says which; NULL: there is none. */
static struct decoded_column *same_column(struct group_reader *r, uint32_t column, uint32_t same)
{
    const struct group *g = r->group;
    if (same >= column || !column_has_presence(&g->columns[same], g->rows) ||
        g->columns[same].info.present != g->columns[column].info.present)
        return NULL;
    return &r->columns[same];
}

/* may_be_same: whether another column may say which rows have this one. */
static enum tsdb_status presence_read(struct group_reader *r, uint32_t column, bool may_be_same,
                                      struct tsdb_error *err)
{
    const struct group *g = r->group;
    const struct column_head *c = &g->columns[column];
    struct decoded_column *d = &r->columns[column];
    if (d->presence || !column_has_presence(c, g->rows))
        return TSDB_OK;
    struct bytes clear;
    uint64_t *words;
    uint32_t same;
    enum tsdb_status st = decoded_part(r, &g->parts[c->part_first], false, &clear, err);
    if (st != TSDB_OK)
        return st;
    if (column_presence_is_same(clear, &same)) {
        struct decoded_column *other = may_be_same ? same_column(r, column, same) : NULL;
        if (!other)
            return decoded_damage(column, err);
        st = presence_read(r, same, false, err);
        if (st == TSDB_OK)
            d->presence = other->presence;
        return st;
    }
    st = decoded_take(r, PRESENCE_WORDS(g->rows), sizeof *words, &words, err);
    if (st != TSDB_OK)
        return st;
    if (column_presence_decode(clear, g->rows, c->info.present, words) != TSDB_OK)
        return decoded_damage(column, err);
    d->presence = words;
    return TSDB_OK;
}

enum tsdb_status group_presence(struct group_reader *r, uint32_t column, const uint64_t **bits,
                                struct tsdb_error *err)
{
    struct decoded_column *d;
    enum column_kind kind = group_column(r->group, column)->kind;
    enum tsdb_status st = decoded_column(r, column, kind, &d, err);
    if (st == TSDB_OK)
        st = presence_read(r, column, true, err);
    if (st == TSDB_OK)
        *bits = d->presence;
    return st;
}

/* Values that lie at the end of the rows' array move to their rows, from the first on:
 * a value never moves behind one that is still to be read. */

static void spread_numbers(int64_t *v, uint32_t rows, uint32_t present, const uint64_t *presence)
{
    const int64_t *from = v + (rows - present);
    for (uint32_t row = 0; row < rows; row++)
        v[row] = presence[row / 64] >> row % 64 & 1 ? *from++ : 0;
}

static void spread_codes(uint16_t *v, uint32_t rows, uint32_t present, const uint64_t *presence)
{
    const uint16_t *from = v + (rows - present);
    for (uint32_t row = 0; row < rows; row++)
        v[row] = presence[row / 64] >> row % 64 & 1 ? *from++ : 0;
}

/* ---- numbers -------------------------------------------------------------------- */

enum tsdb_status decoded_numbers(struct group_reader *r, const struct column_head *c,
                                 const struct part *part, int64_t *to, struct tsdb_error *err)
{
    struct bytes clear;
    enum tsdb_status st = decoded_part(r, part, false, &clear, err);
    if (st != TSDB_OK)
        return st;
    if (c->info.encoding == ENCODING_INTS)
        return column_ints_decode(clear, to, part->values);
    return floats_decode(clear, (double *)(void *)to, part->values);
}

static void constant_fill(const struct column_head *c, int64_t *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        v[i] = (int64_t)c->constant_bits;
}

/* The column as 64-bit words: ints, or bits of doubles. */
static enum tsdb_status numbers_decode(struct group_reader *r, uint32_t column,
                                       struct decoded_column *d, int64_t **out,
                                       struct tsdb_error *err)
{
    const struct group *g = r->group;
    const struct column_head *c = &g->columns[column];
    int64_t *v;
    enum tsdb_status st = decoded_take(r, g->rows, sizeof *v, &v, err);
    if (st == TSDB_OK)
        st = presence_read(r, column, true, err);
    if (st != TSDB_OK)
        return st;
    int64_t *values = v + (g->rows - c->info.present);
    if (c->info.encoding == ENCODING_CONST)
        constant_fill(c, values, c->info.present);
    uint32_t end = c->part_first + c->part_count;
    for (uint32_t i = column_values_first(c, g->rows); i < end; i++) {
        st = decoded_numbers(r, c, &g->parts[i], values + g->parts[i].first, err);
        if (st == TSDB_ECORRUPT)
            return decoded_damage(column, err);
        if (st != TSDB_OK)
            return st;
    }
    if (d->presence)
        spread_numbers(v, g->rows, c->info.present, d->presence);
    *out = v;
    return TSDB_OK;
}

enum tsdb_status group_ints(struct group_reader *r, uint32_t column, const int64_t **values,
                            struct tsdb_error *err)
{
    struct decoded_column *d;
    enum tsdb_status st = decoded_column(r, column, COLUMN_INT, &d, err);
    if (st == TSDB_OK && !d->ints)
        st = numbers_decode(r, column, d, &d->ints, err);
    if (st == TSDB_OK)
        *values = d->ints;
    return st;
}

enum tsdb_status group_doubles(struct group_reader *r, uint32_t column, const double **values,
                               struct tsdb_error *err)
{
    struct decoded_column *d;
    int64_t *words;
    enum tsdb_status st = decoded_column(r, column, COLUMN_DOUBLE, &d, err);
    if (st == TSDB_OK && !d->doubles) {
        st = numbers_decode(r, column, d, &words, err);
        if (st == TSDB_OK)
            d->doubles = (double *)(void *)words;
    }
    if (st == TSDB_OK)
        *values = d->doubles;
    return st;
}

/* ---- codes ---------------------------------------------------------------------- */

enum tsdb_status decoded_dictionary(struct group_reader *r, uint32_t column,
                                    struct decoded_column *d, struct tsdb_error *err)
{
    if (d->values)
        return TSDB_OK;
    const struct group *g = r->group;
    const struct column_head *c = &g->columns[column];
    uint32_t n = c->info.distinct;
    struct bytes clear, body;
    uint32_t *starts;
    struct tsdb_text *values;
    enum tsdb_status st =
        decoded_part(r, &g->parts[column_values_first(c, g->rows) - 1], true, &clear, err);
    if (st == TSDB_OK)
        st = decoded_take(r, (size_t)n + 1, sizeof *starts, &starts, err);
    if (st == TSDB_OK)
        st = decoded_take(r, n, sizeof *values, &values, err);
    if (st != TSDB_OK)
        return st;
    if (column_texts_decode(clear, n, starts, &body) != TSDB_OK)
        return decoded_damage(column, err);
    for (uint32_t i = 0; i < n; i++)
        values[i] =
            (struct tsdb_text){(const char *)body.at + starts[i], starts[i + 1] - starts[i] - 1};
    d->values = values;
    return TSDB_OK;
}

static enum tsdb_status codes_decode(struct group_reader *r, uint32_t column,
                                     struct decoded_column *d, struct tsdb_error *err)
{
    const struct group *g = r->group;
    const struct column_head *c = &g->columns[column];
    uint16_t *codes;
    enum tsdb_status st = decoded_take(r, g->rows, sizeof *codes, &codes, err);
    if (st == TSDB_OK)
        st = presence_read(r, column, true, err);
    if (st != TSDB_OK)
        return st;
    uint16_t *values = codes + (g->rows - c->info.present);
    for (uint32_t i = column_values_first(c, g->rows); i < c->part_first + c->part_count; i++) {
        const struct part *part = &g->parts[i];
        struct bytes clear;
        st = decoded_part(r, part, false, &clear, err);
        if (st != TSDB_OK)
            return st;
        if (column_codes_decode(clear, values + part->first, part->values, c->info.distinct) !=
            TSDB_OK)
            return decoded_damage(column, err);
    }
    if (d->presence)
        spread_codes(codes, g->rows, c->info.present, d->presence);
    d->codes = codes;
    return TSDB_OK;
}

enum tsdb_status group_codes(struct group_reader *r, uint32_t column, struct column_codes *out,
                             struct tsdb_error *err)
{
    struct decoded_column *d;
    enum tsdb_status st = decoded_column(r, column, COLUMN_TEXT, &d, err);
    if (st != TSDB_OK)
        return st;
    const struct column_head *c = &r->group->columns[column];
    if (c->info.encoding == ENCODING_CONST) {
        *out = (struct column_codes){.values = &c->constant, .count = 1};
        return TSDB_OK;
    }
    if (c->info.encoding != ENCODING_DICT)
        return TSDB_ENOTFOUND;
    st = decoded_dictionary(r, column, d, err);
    if (st == TSDB_OK && !d->codes)
        st = codes_decode(r, column, d, err);
    if (st == TSDB_OK)
        *out = (struct column_codes){d->values, d->codes, c->info.distinct};
    return st;
}
