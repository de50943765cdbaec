/* group_model.h - random rows, kept plainly, and whether a group says the same of them.
 *
 * A shape per column decides what its values look like, so that every encoding and every
 * fall-back from one is met; what lacks a row is random too: none, some, runs, all but one.
 */
#ifndef TESTS_TSDB_COLUMNS_GROUP_MODEL_H
#define TESTS_TSDB_COLUMNS_GROUP_MODEL_H

#include "tsdb/base/arena.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"
#include "tsdb/columns/group_decoded.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum model_shape {
    /* ints */
    MODEL_INT_CONST,
    MODEL_INT_SMALL,
    MODEL_INT_TIMES,
    MODEL_INT_WILD,
    /* doubles */
    MODEL_DOUBLE_CONST,
    MODEL_DOUBLE_DECIMAL,
    MODEL_DOUBLE_WILD,
    /* texts */
    MODEL_TEXT_CONST,
    MODEL_TEXT_FEW,
    MODEL_TEXT_HALF,
    MODEL_TEXT_INT,
    MODEL_TEXT_BYTES16,
    MODEL_TEXT_HEX32,
    MODEL_TEXT_WILD,
    MODEL_TEXT_LINES,
    MODEL_TEXT_EMPTY,
    MODEL_SHAPES,
};

struct model_column {
    enum model_shape shape;
    enum column_kind kind;
    char name[24];
    uint8_t tag, flags;
    bool *has;
    int64_t *ints;
    double *doubles;
    struct tsdb_text *texts;
};

struct model {
    struct arena arena;
    uint32_t rows, columns;
    struct model_column column[2 * MODEL_SHAPES];
};

static inline uint64_t model_seed(void)
{
    const char *env = getenv("TEST_SEED");
    return env ? strtoull(env, NULL, 0) : 20261124;
}

static inline struct tsdb_text model_text(struct model *m, const char *at, size_t len)
{
    char *copy = ARENA_ARRAY(&m->arena, char, len + 1);
    ASSERT(copy);
    if (len)
        memcpy(copy, at, len);
    return (struct tsdb_text){copy, len};
}

static inline struct tsdb_text model_bytes(struct model *m, struct random *r, size_t len,
                                           const char *alphabet, size_t letters)
{
    char *copy = ARENA_ARRAY(&m->arena, char, len + 1);
    ASSERT(copy);
    for (size_t i = 0; i < len; i++)
        copy[i] = alphabet ? alphabet[random_below(r, letters)] : (char)random_next(r);
    return (struct tsdb_text){copy, len};
}

static inline int64_t model_int(struct random *r, enum model_shape shape, uint32_t row)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MAX, 0, -1, 1, INT64_MIN + 1};
    switch ((int)shape) {
    case MODEL_INT_CONST: return -77;
    case MODEL_INT_SMALL: return (int64_t)random_below(r, 600);
    case MODEL_INT_TIMES:
        return INT64_C(1790000000000000000) + row * INT64_C(3000000) +
               (int64_t)random_below(r, 3) * 1000000;
    default:
        return random_below(r, 4) ? (int64_t)random_next(r)
                                  : edges[random_below(r, sizeof edges / sizeof *edges)];
    }
}

static inline double model_double(struct random *r, enum model_shape shape)
{
    if (shape == MODEL_DOUBLE_CONST)
        return 0.25;
    if (shape == MODEL_DOUBLE_DECIMAL)
        return (double)random_below(r, 100000) / 100;
    uint64_t bits = random_next(r);
    if (random_below(r, 4) == 0)
        bits |= UINT64_C(0x7ff) << 52; /* NaNs of all payloads, infinities */
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline struct tsdb_text model_line(struct model *m, struct random *r)
{
    char line[200];
    int n = snprintf(line, sizeof line, "level=info path=/cart/%u took=%ums%s",
                     (unsigned)random_below(r, 1000), (unsigned)random_below(r, 90),
                     random_below(r, 50) ? "" : "\nsecond line\n");
    return model_text(m, line, (size_t)n);
}

static inline struct tsdb_text model_value(struct model *m, struct random *r,
                                           enum model_shape shape)
{
    char number[64];
    int n;
    switch ((int)shape) {
    case MODEL_TEXT_CONST: return text_of("the one\nand only");
    case MODEL_TEXT_FEW:
        n = snprintf(number, sizeof number, "value %u", (unsigned)random_below(r, 37));
        return model_text(m, number, (size_t)n);
    case MODEL_TEXT_HALF:
        n = snprintf(number, sizeof number, "of half %u",
                     (unsigned)random_below(r, m->rows / 3 + 1));
        return model_text(m, number, (size_t)n);
    case MODEL_TEXT_INT: return model_text(m, number, i64_format((int64_t)random_next(r), number));
    case MODEL_TEXT_BYTES16: return model_bytes(m, r, 16, NULL, 0);
    case MODEL_TEXT_HEX32: return model_bytes(m, r, 32, "0123456789abcdef", 16);
    case MODEL_TEXT_WILD:
        return model_bytes(m, r, random_below(r, random_below(r, 500) ? 12 : 3000),
                           random_below(r, 2) ? "\n\0ab" : NULL, 4);
    case MODEL_TEXT_EMPTY: return (struct tsdb_text){"", 0};
    default: return model_line(m, r);
    }
}

static inline void model_column_fill(struct model *m, struct model_column *c, struct random *r)
{
    uint64_t sparse = random_below(r, 5);
    bool on = true;
    c->has = ARENA_ARRAY(&m->arena, bool, m->rows + 1);
    c->ints = ARENA_ARRAY(&m->arena, int64_t, m->rows + 1);
    c->doubles = ARENA_ARRAY(&m->arena, double, m->rows + 1);
    c->texts = ARENA_ARRAY(&m->arena, struct tsdb_text, m->rows + 1);
    ASSERT(c->texts);
    uint32_t lone = (uint32_t)random_below(r, m->rows + 1);
    const bool *like = c > m->column && random_below(r, 3) == 0 ? c[-1].has : NULL;
    for (uint32_t i = 0; i < m->rows; i++) {
        if (random_below(r, 300) == 0)
            on = !on;
        c->has[i] = sparse == 0 || (sparse == 1 && random_below(r, 3)) || (sparse == 2 && on) ||
                    (sparse == 3 && i == lone) || (sparse == 4 && i != lone);
        if (like)
            c->has[i] = like[i]; /* the rows of the column that was made before */
        c->texts[i] = (struct tsdb_text){"", 0};
        if (!c->has[i])
            continue;
        if (c->kind == COLUMN_INT)
            c->ints[i] = model_int(r, c->shape, i);
        else if (c->kind == COLUMN_DOUBLE)
            c->doubles[i] = model_double(r, c->shape);
        else
            c->texts[i] = model_value(m, r, c->shape);
    }
}

static inline void model_init(struct model *m, struct random *r, uint32_t rows)
{
    memset(m, 0, sizeof *m);
    arena_init(&m->arena, (size_t)1 << 30, NULL);
    m->rows = rows;
    m->columns = (uint32_t)random_below(r, 2 * MODEL_SHAPES);
    for (uint32_t i = 0; i < m->columns; i++) {
        struct model_column *c = &m->column[i];
        c->shape = (enum model_shape)random_below(r, MODEL_SHAPES);
        c->kind = c->shape <= MODEL_INT_WILD      ? COLUMN_INT
                  : c->shape <= MODEL_DOUBLE_WILD ? COLUMN_DOUBLE
                                                  : COLUMN_TEXT;
        c->tag = (uint8_t)(i % 3);
        c->flags = c->kind == COLUMN_TEXT ? (uint8_t)random_below(r, 4) : 0;
        if (c->kind == COLUMN_TEXT && random_below(r, 2))
            c->flags |= COLUMN_FORMS;
        if (c->shape == MODEL_TEXT_LINES)
            c->flags |= COLUMN_LINES;
        snprintf(c->name, sizeof c->name, "c%u", (unsigned)(i * 7919 % 1000 / 3 * 3 + i / 3));
        model_column_fill(m, c, r);
    }
}

static inline void model_write(const struct model *m, struct group_writer *w)
{
    uint32_t at[2 * MODEL_SHAPES];
    for (uint32_t i = 0; i < m->columns; i++)
        at[i] = group_writer_column(w, text_of(m->column[i].name), m->column[i].tag,
                                    m->column[i].kind, m->column[i].flags);
    for (uint32_t row = 0; row < m->rows; row++) {
        group_writer_row(w);
        for (uint32_t i = 0; i < m->columns; i++) {
            const struct model_column *c = &m->column[i];
            if (!c->has[row])
                continue;
            if (c->kind == COLUMN_INT)
                group_writer_int(w, at[i], c->ints[row]);
            else if (c->kind == COLUMN_DOUBLE)
                group_writer_double(w, at[i], c->doubles[row]);
            else
                group_writer_text(w, at[i], c->texts[row]);
        }
    }
}

/* ---- comparing; each returns what differs, or NULL ------------------------------------- */

static inline bool model_has(const uint64_t *bits, uint32_t row)
{
    return !bits || (bits[row / 64] >> row % 64 & 1);
}

static inline const char *model_texts_differ(const struct model *m, const struct model_column *c,
                                             struct group_reader *r, uint32_t at)
{
    const struct tsdb_text *texts;
    struct column_codes codes;
    const struct group *g = r->group;
    if (group_texts(r, at, &texts, NULL) != TSDB_OK)
        return "group_texts fails";
    for (uint32_t i = 0; i < m->rows; i++)
        if (!text_equal(texts[i], c->texts[i]))
            return "a text";
    uint8_t encoding = group_column(g, at)->encoding;
    bool is_coded = encoding == ENCODING_CONST || encoding == ENCODING_DICT;
    enum tsdb_status st = group_codes(r, at, &codes, NULL);
    if (st != (is_coded ? TSDB_OK : TSDB_ENOTFOUND))
        return "group_codes' answer";
    for (uint32_t i = 0; is_coded && i < m->rows; i++) {
        if (c->has[i] && !text_equal(codes.values[codes.codes ? codes.codes[i] : 0], c->texts[i]))
            return "a code";
        if (!c->has[i] && codes.codes && codes.codes[i] != 0)
            return "a code of a row that lacks it";
    }
    return NULL;
}

static inline const char *model_pages_differ(const struct model *m, const struct model_column *c,
                                             struct group_reader *r, uint32_t at)
{
    uint32_t row = 0, pages = group_page_count(r->group, at);
    for (uint32_t p = 0; p < pages; p++) {
        struct text_page page;
        uint32_t first, count;
        group_page_rows(r->group, at, p, &first, &count);
        if (group_page(r, at, p, &page, NULL) != TSDB_OK)
            return "group_page fails";
        if (page.first_row != row || page.rows != count || first != row)
            return "a page's rows";
        for (uint32_t i = 0; i < page.rows; i++, row++) {
            struct tsdb_text text = {page.bytes + page.starts[i],
                                     page.starts[i + 1] - page.starts[i] - 1};
            if (!text_equal(text, c->texts[row]) || text.at[text.len] != '\n')
                return "a line of a page";
        }
    }
    return row == m->rows ? NULL : "rows of all pages";
}

static inline const char *model_extent_differs(const struct model *m, const struct model_column *c,
                                               const struct column_info *info)
{
    double min = (double)NAN, max = (double)NAN;
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (uint32_t i = 0; i < m->rows; i++) {
        if (!c->has[i])
            continue;
        if (!isnan(c->doubles[i])) { /* fmin may answer a signalling NaN */
            min = fmin(min, c->doubles[i]);
            max = fmax(max, c->doubles[i]);
        }
        low = c->ints[i] < low ? c->ints[i] : low;
        high = c->ints[i] > high ? c->ints[i] : high;
    }
    if (c->kind == COLUMN_INT && (info->int_min != low || info->int_max != high))
        return "extent of ints";
    if (c->kind == COLUMN_DOUBLE && !(isnan(min) && isnan(info->double_min)) &&
        (info->double_min != min || info->double_max != max))
        return "extent of doubles";
    return NULL;
}

static inline bool model_part_value_same(const struct model_column *c, uint32_t row,
                                         const struct column_part *p, uint32_t value)
{
    uint32_t at = p->is_constant ? 0 : value - p->first;
    if (c->kind == COLUMN_INT)
        return p->ints[at] == c->ints[row];
    if (c->kind == COLUMN_DOUBLE)
        return memcmp(&p->doubles[at], &c->doubles[row], sizeof *p->doubles) == 0;
    return text_equal(p->texts[p->codes ? p->codes[at] : at], c->texts[row]);
}

/* Values by parts, from the last one on, so that parts are met in any order. */
static inline const char *model_parts_differ(const struct model *m, const struct model_column *c,
                                             struct group_reader *r, uint32_t at)
{
    uint32_t value = group_column(r->group, at)->present;
    for (uint32_t row = m->rows; row-- > 0;) {
        struct column_part part;
        if (!c->has[row])
            continue;
        value--;
        if (group_part(r, at, value, &part, NULL) != TSDB_OK)
            return "group_part fails";
        if (value < part.first || value - part.first >= part.count)
            return "a part's values";
        if (!model_part_value_same(c, row, &part, value))
            return "a value of a part";
    }
    return value == 0 ? NULL : "values of all parts";
}

static inline const char *model_column_differs(const struct model *m, const struct model_column *c,
                                               struct group_reader *r, uint32_t at)
{
    const uint64_t *bits;
    const int64_t *ints;
    const double *doubles;
    if (group_presence(r, at, &bits, NULL) != TSDB_OK)
        return "group_presence fails";
    for (uint32_t i = 0; i < m->rows; i++)
        if (model_has(bits, i) != c->has[i])
            return "presence";
    const char *what = model_extent_differs(m, c, group_column(r->group, at));
    what = what ? what : model_parts_differ(m, c, r, at);
    if (what)
        return what;
    if (c->kind == COLUMN_INT) {
        if (group_ints(r, at, &ints, NULL) != TSDB_OK)
            return "group_ints fails";
        return memcmp(ints, c->ints, m->rows * sizeof *ints) ? "an int" : NULL;
    }
    if (c->kind == COLUMN_DOUBLE) {
        if (group_doubles(r, at, &doubles, NULL) != TSDB_OK)
            return "group_doubles fails";
        return memcmp(doubles, c->doubles, m->rows * sizeof *doubles) ? "a double" : NULL;
    }
    what = model_pages_differ(m, c, r, at); /* first, so that it starts from nothing */
    return what ? what : model_texts_differ(m, c, r, at);
}

static inline const char *model_filter_differs(const struct model *m, const struct model_column *c,
                                               const struct group *g, uint32_t at)
{
    for (uint32_t i = 0; i < m->rows && i < 500; i++) {
        struct tsdb_text part = c->texts[i];
        if (!c->has[i])
            continue;
        if (!group_may_have(g, at, c->texts[i]))
            return "filter refuses a value that is there";
        part.at += part.len / 3;
        part.len -= part.len / 3;
        if ((c->flags & COLUMN_GRAMS) && !group_may_contain(g, part))
            return "filter refuses a text that is there";
    }
    return NULL;
}

static inline const char *model_group_differs(const struct model *m, const struct group *g,
                                              struct group_reader *r)
{
    uint32_t columns = 0;
    if (group_rows(g) != m->rows)
        return "rows";
    for (uint32_t i = 0; i < m->columns; i++) {
        const struct model_column *c = &m->column[i];
        uint32_t at = group_find(g, text_of(c->name), c->tag), present = 0;
        for (uint32_t row = 0; row < m->rows; row++)
            present += c->has[row];
        if (present == 0 && at != UINT32_MAX)
            return "a column without values is there";
        if (present == 0)
            continue;
        columns++;
        if (at == UINT32_MAX || group_column(g, at)->present != present ||
            group_column(g, at)->flags != c->flags)
            return "a column is missing, or its head differs";
        const char *what = model_column_differs(m, c, r, at);
        what = what ? what : model_filter_differs(m, c, g, at);
        if (what)
            return what;
    }
    return columns == group_columns(g) ? NULL : "columns";
}

static inline struct group_bytes model_bytes_of(const struct group_strings *s)
{
    return (struct group_bytes){writer_bytes(&s->head), writer_bytes(&s->filter),
                                writer_bytes(&s->data)};
}

#endif
