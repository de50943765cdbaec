#include "tsdb/columns/group.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/columns/column_fixed.h"
#include "tsdb/columns/column_ints.h"
#include "tsdb/columns/column_texts.h"
#include "tsdb/columns/group_decoded.h"

/* ---- pages of templates --------------------------------------------------------- */

/* Lines, cells and columns of a page under way, as multiples of its bytes in the clear. */
enum { LINES_SHARE = 4 };

static enum tsdb_status templates_read(struct group_reader *r, uint32_t column,
                                       struct decoded_column *d, struct tsdb_error *err)
{
    const struct column_head *c = &r->group->columns[column];
    const struct part *table = &r->group->parts[column_values_first(c, r->group->rows) - 1];
    struct bytes clear;
    enum tsdb_status st = decoded_part(r, table, true, &clear, err);
    if (st == TSDB_OK)
        st = text_templates_read(clear, &d->templates, err);
    return st;
}

/* Before a page is looked into: the set of templates, and the page's memory is charged. */
static enum tsdb_status templates_begin(struct group_reader *r, uint32_t column,
                                        const struct part *part, struct text_templates **out,
                                        struct tsdb_error *err)
{
    struct decoded_column *d;
    struct budget *budget = r->memory.budget;
    uint64_t charge = (uint64_t)part->clear * LINES_SHARE;
    enum tsdb_status st = decoded_column(r, column, COLUMN_TEXT, &d, err);
    if (st == TSDB_OK && !d->templates)
        st = templates_read(r, column, d, err);
    if (st != TSDB_OK)
        return st;
    if (charge > r->lines_charged && budget) {
        if (!budget_charge(budget, charge - r->lines_charged))
            return tsdb_fail(err, TSDB_ELIMIT, "group: a page of %u bytes passes the budget",
                             part->clear);
        r->lines_charged = charge;
    }
    *out = d->templates;
    return TSDB_OK;
}

enum tsdb_status decoded_lines(struct group_reader *r, uint32_t column, const struct part *part,
                               struct text_wanted *wanted, uint32_t *starts, struct tsdb_error *err)
{
    struct text_templates *t;
    enum tsdb_status st = templates_begin(r, column, part, &t, err);
    if (st != TSDB_OK)
        return st;
    writer_reset(&r->lines);
    st = text_templates_decode(t, part_bytes(part, r->group->strings.data), part->values,
                               part->clear, wanted, &r->lines, starts, err);
    if (st == TSDB_OK && !wanted && r->lines.len != part->clear)
        st = decoded_damage(column, err);
    return st;
}

/* ---- parts of texts ------------------------------------------------------------- */

/* Each decodes one part to to[0 .. part->values). */

static enum tsdb_status ints_part(struct group_reader *r, const struct part *part,
                                  struct tsdb_text *to, struct tsdb_error *err)
{
    int64_t v[COLUMN_PART_ROWS];
    struct bytes clear;
    char *at;
    enum tsdb_status st = decoded_part(r, part, false, &clear, err);
    if (st == TSDB_OK)
        st = column_ints_decode(clear, v, part->values);
    if (st == TSDB_OK)
        st = decoded_take(r, part->values, INT_TEXT_MAX, &at, err);
    for (uint32_t i = 0; st == TSDB_OK && i < part->values; i++) {
        char digits[24];
        size_t len = i64_format(v[i], digits);
        memcpy(at, digits, len);
        to[i] = (struct tsdb_text){at, len};
        at += len;
    }
    return st;
}

static void texts_at(const char *at, size_t len, uint32_t n, struct tsdb_text *to)
{
    for (uint32_t i = 0; i < n; i++, at += len)
        to[i] = (struct tsdb_text){at, len};
}

static enum tsdb_status fixed_part(struct group_reader *r, const struct column_head *c,
                                   const struct part *part, struct tsdb_text *to,
                                   struct tsdb_error *err)
{
    bool is_hex = c->info.encoding == ENCODING_HEX;
    size_t bytes = (size_t)part->values * c->fixed_bytes;
    if (part->clear != (is_hex ? bytes / 2 : bytes))
        return TSDB_ECORRUPT;
    struct bytes clear;
    enum tsdb_status st = decoded_part(r, part, !is_hex, &clear, err);
    if (st != TSDB_OK)
        return st;
    const char *at = (const char *)clear.at;
    if (is_hex) {
        char *digits;
        st = decoded_take(r, bytes, 1, &digits, err);
        if (st != TSDB_OK)
            return st;
        column_hex_decode(clear, digits);
        at = digits;
    }
    texts_at(at, c->fixed_bytes, part->values, to);
    return TSDB_OK;
}

static enum tsdb_status page_part(struct group_reader *r, const struct part *part,
                                  struct tsdb_text *to, struct tsdb_error *err)
{
    uint32_t starts[COLUMN_PART_ROWS + 1];
    struct bytes clear, body;
    enum tsdb_status st = decoded_part(r, part, true, &clear, err);
    if (st == TSDB_OK)
        st = column_texts_decode(clear, part->values, starts, &body);
    for (uint32_t i = 0; st == TSDB_OK && i < part->values; i++)
        to[i] =
            (struct tsdb_text){(const char *)body.at + starts[i], starts[i + 1] - starts[i] - 1};
    return st;
}

static enum tsdb_status lines_part(struct group_reader *r, uint32_t column, const struct part *part,
                                   struct tsdb_text *to, struct tsdb_error *err)
{
    uint32_t starts[COLUMN_PART_ROWS + 1];
    char *kept;
    struct writer shown = r->lines; /* stays as it is for whoever holds the last page */
    r->lines = (struct writer){0};
    enum tsdb_status st = decoded_lines(r, column, part, NULL, starts, err);
    if (st == TSDB_OK)
        st = decoded_take(r, part->clear, 1, &kept, err);
    if (st == TSDB_OK && part->clear)
        memcpy(kept, r->lines.at, part->clear);
    for (uint32_t i = 0; st == TSDB_OK && i < part->values; i++)
        to[i] = (struct tsdb_text){kept + starts[i], starts[i + 1] - starts[i] - 1};
    writer_release(&r->lines);
    r->lines = shown;
    return st;
}

enum tsdb_status decoded_texts(struct group_reader *r, uint32_t column, const struct part *part,
                               struct tsdb_text *to, struct tsdb_error *err)
{
    const struct column_head *c = &r->group->columns[column];
    enum column_encoding encoding = c->info.encoding;
    if (encoding == ENCODING_INTS)
        return ints_part(r, part, to, err);
    if (encoding == ENCODING_FIXED || encoding == ENCODING_HEX)
        return fixed_part(r, c, part, to, err);
    if (encoding == ENCODING_TEMPLATES)
        return lines_part(r, column, part, to, err);
    ASSERT(encoding == ENCODING_PAGES);
    return page_part(r, part, to, err);
}

/* ---- columns of texts ----------------------------------------------------------- */

/* From the end of the rows' array to their rows, as numbers are spread. */
static void spread_texts(struct tsdb_text *v, uint32_t rows, uint32_t present,
                         const uint64_t *presence)
{
    const struct tsdb_text none = {"", 0}, *from = v + (rows - present);
    for (uint32_t row = 0; row < rows; row++)
        v[row] = presence[row / 64] >> row % 64 & 1 ? *from++ : none;
}

static enum tsdb_status coded_texts(struct group_reader *r, uint32_t column, struct tsdb_text *to,
                                    struct tsdb_error *err)
{
    struct column_codes codes;
    uint32_t rows = r->group->rows;
    const uint64_t *presence;
    enum tsdb_status st = group_codes(r, column, &codes, err);
    if (st == TSDB_OK)
        st = group_presence(r, column, &presence, err);
    if (st != TSDB_OK)
        return st;
    for (uint32_t i = 0; i < rows; i++)
        to[i] = codes.values[codes.codes ? codes.codes[i] : 0];
    for (uint32_t i = 0; presence && i < rows; i++)
        if (!(presence[i / 64] >> i % 64 & 1))
            to[i] = (struct tsdb_text){"", 0};
    return TSDB_OK;
}

static enum tsdb_status texts_decode(struct group_reader *r, uint32_t column,
                                     struct tsdb_text *texts, struct tsdb_error *err)
{
    const struct group *g = r->group;
    const struct column_head *c = &g->columns[column];
    const uint64_t *presence;
    if (c->info.encoding == ENCODING_CONST || c->info.encoding == ENCODING_DICT)
        return coded_texts(r, column, texts, err);
    enum tsdb_status st = group_presence(r, column, &presence, err);
    struct tsdb_text *values = texts + (g->rows - c->info.present);
    uint32_t end = c->part_first + c->part_count;
    for (uint32_t i = column_values_first(c, g->rows); st == TSDB_OK && i < end; i++)
        st = decoded_texts(r, column, &g->parts[i], values + g->parts[i].first, err);
    if (st == TSDB_ECORRUPT)
        return decoded_damage(column, err);
    if (st == TSDB_OK && presence)
        spread_texts(texts, g->rows, c->info.present, presence);
    return st;
}

enum tsdb_status group_texts(struct group_reader *r, uint32_t column,
                             const struct tsdb_text **values, struct tsdb_error *err)
{
    struct decoded_column *d;
    struct tsdb_text *texts;
    enum tsdb_status st = decoded_column(r, column, COLUMN_TEXT, &d, err);
    if (st == TSDB_OK && !d->texts) {
        st = decoded_take(r, r->group->rows, sizeof *texts, &texts, err);
        if (st == TSDB_OK)
            st = texts_decode(r, column, texts, err);
        if (st == TSDB_OK)
            d->texts = texts;
    }
    if (st == TSDB_OK)
        *values = d->texts;
    return st;
}

/* ---- pages ---------------------------------------------------------------------- */

static bool has_pages(const struct group *g, const struct column_head *c)
{
    bool is_paged = c->info.encoding == ENCODING_PAGES || c->info.encoding == ENCODING_TEMPLATES;
    return is_paged && c->info.present == g->rows;
}

static const struct part *page_part_of(const struct group *g, uint32_t column, uint32_t page)
{
    const struct column_head *c = &g->columns[column];
    uint32_t index = column_values_first(c, g->rows) + page;
    ASSERT(index < c->part_first + c->part_count);
    return &g->parts[index];
}

uint32_t group_page_count(const struct group *g, uint32_t column)
{
    ASSERT(column < g->column_count);
    const struct column_head *c = &g->columns[column];
    if (!has_pages(g, c))
        return 1;
    return c->part_first + c->part_count - column_values_first(c, g->rows);
}

void group_page_rows(const struct group *g, uint32_t column, uint32_t page, uint32_t *first,
                     uint32_t *count)
{
    ASSERT(page < group_page_count(g, column));
    *first = 0;
    *count = g->rows;
    if (has_pages(g, &g->columns[column])) {
        const struct part *part = page_part_of(g, column, page);
        *first = part->first;
        *count = part->values;
    }
}

/* All rows' texts joined; what the writer took is at most GROUP_TEXT_MAX. */
static enum tsdb_status page_join(struct group_reader *r, uint32_t column, struct text_page *out,
                                  struct tsdb_error *err)
{
    uint32_t rows = r->group->rows;
    const struct tsdb_text *texts;
    enum tsdb_status st = group_texts(r, column, &texts, err);
    if (st != TSDB_OK)
        return st;
    uint64_t total = 0;
    for (uint32_t i = 0; i < rows; i++)
        total += texts[i].len;
    if (total > GROUP_TEXT_MAX)
        return decoded_damage(column, err);
    st = decoded_reserve(r, &r->page, total + rows, err);
    if (st != TSDB_OK)
        return st;
    uint8_t *at = r->page.at;
    uint32_t *starts = (uint32_t *)(void *)r->starts.at;
    for (uint32_t i = 0; i < rows; i++) {
        starts[i] = (uint32_t)(at - r->page.at);
        if (texts[i].len)
            memcpy(at, texts[i].at, texts[i].len);
        at += texts[i].len;
        *at++ = '\n';
    }
    starts[rows] = (uint32_t)(at - r->page.at);
    *out = (struct text_page){0, rows, (const char *)r->page.at, starts};
    return TSDB_OK;
}

static enum tsdb_status page_decode(struct group_reader *r, uint32_t column,
                                    const struct part *part, struct text_wanted *wanted,
                                    struct text_page *out, struct tsdb_error *err)
{
    struct bytes data = r->group->strings.data, clear = part_bytes(part, data), body;
    uint32_t *starts = (uint32_t *)(void *)r->starts.at;
    if (part->packing == PACKING_OWN) {
        enum tsdb_status st = decoded_lines(r, column, part, wanted, starts, err);
        if (st == TSDB_OK)
            *out = (struct text_page){part->first, part->values, (const char *)r->lines.at, starts};
        return st;
    }
    if (part->packing != PACKING_RAW) {
        enum tsdb_status st = decoded_reserve(r, &r->page, part->clear, err);
        if (st != TSDB_OK)
            return st;
        if (part_unpack(part, data, r->page.at) != TSDB_OK)
            return decoded_damage(column, err);
        clear = (struct bytes){r->page.at, part->clear};
    }
    if (column_texts_decode(clear, part->values, starts, &body) != TSDB_OK)
        return decoded_damage(column, err);
    *out = (struct text_page){part->first, part->values, (const char *)body.at, starts};
    return TSDB_OK;
}

/* Reads the page; what was kept is gone. */
static enum tsdb_status page_read(struct group_reader *r, uint32_t column, uint32_t page,
                                  struct text_wanted *wanted, struct tsdb_error *err)
{
    const struct group *g = r->group;
    uint32_t first, count;
    group_page_rows(g, column, page, &first, &count);
    r->page_column = NO_PAGE;
    enum tsdb_status st =
        decoded_reserve(r, &r->starts, ((size_t)count + 1) * sizeof(uint32_t), err);
    if (st != TSDB_OK)
        return st;
    if (has_pages(g, &g->columns[column]))
        return page_decode(r, column, page_part_of(g, column, page), wanted, &r->last, err);
    return page_join(r, column, &r->last, err);
}

static bool is_kept(const struct group_reader *r, uint32_t column, uint32_t page)
{
    return r->page_column == column && r->page_index == page;
}

enum tsdb_status group_page(struct group_reader *r, uint32_t column, uint32_t page,
                            struct text_page *out, struct tsdb_error *err)
{
    struct decoded_column *d;
    enum tsdb_status st = decoded_column(r, column, COLUMN_TEXT, &d, err);
    if (st != TSDB_OK)
        return st;
    ASSERT(page < group_page_count(r->group, column));
    if (!is_kept(r, column, page))
        st = page_read(r, column, page, NULL, err);
    if (st != TSDB_OK)
        return st;
    r->page_column = column;
    r->page_index = page;
    *out = r->last;
    return TSDB_OK;
}

static bool is_of_templates(const struct group *g, uint32_t column, uint32_t page)
{
    const struct column_head *c = &g->columns[column];
    return c->info.encoding == ENCODING_TEMPLATES && has_pages(g, c) &&
           page_part_of(g, column, page)->packing == PACKING_OWN;
}

enum tsdb_status group_page_wanted(struct group_reader *r, uint32_t column, uint32_t page,
                                   struct text_wanted *wanted, struct text_page *out,
                                   struct tsdb_error *err)
{
    struct decoded_column *d;
    ASSERT(page < group_page_count(r->group, column));
    bool has_choice = is_of_templates(r->group, column, page) && !is_kept(r, column, page);
    if (wanted->is_only_asked && !has_choice)
        return TSDB_OK;
    if (!has_choice)
        return group_page(r, column, page, out, err);
    enum tsdb_status st = decoded_column(r, column, COLUMN_TEXT, &d, err);
    if (st == TSDB_OK)
        st = page_read(r, column, page, wanted, err);
    if (st == TSDB_OK && !wanted->is_only_asked)
        *out = r->last;
    return st;
}

/* ---- checking ------------------------------------------------------------------- */

static enum tsdb_status column_check(struct group_reader *r, uint32_t column,
                                     struct tsdb_error *err)
{
    const struct group *g = r->group;
    const int64_t *ints;
    const double *doubles;
    const struct tsdb_text *texts;
    struct text_page page;
    const struct column_info *info = group_column(g, column);
    if (info->kind == COLUMN_INT)
        return group_ints(r, column, &ints, err);
    if (info->kind == COLUMN_DOUBLE)
        return group_doubles(r, column, &doubles, err);
    if (!has_pages(g, &g->columns[column]))
        return group_texts(r, column, &texts, err);
    enum tsdb_status st = TSDB_OK;
    uint32_t pages = group_page_count(g, column);
    for (uint32_t i = 0; st == TSDB_OK && i < pages; i++)
        st = group_page(r, column, i, &page, err);
    return st;
}

enum tsdb_status group_check(const struct group *g, struct tsdb_error *err)
{
    struct filter filter;
    enum tsdb_status st = TSDB_OK;
    if (g->strings.filter.len > 0) {
        st = filter_open(g->strings.filter, &filter, err);
        if (st != TSDB_OK)
            return st;
        filter_release(&filter);
    }
    struct group_reader *r = group_reader_new(NULL);
    for (uint32_t i = 0; st == TSDB_OK && i < g->column_count; i++) {
        group_reader_open(r, g); /* one column's memory at a time */
        st = column_check(r, i, err);
    }
    group_reader_free(r);
    return st;
}
