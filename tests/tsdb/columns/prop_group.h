/* prop_group.h - laws of bytes that claim to be a group: whatever is asked of them, nothing
 * wild happens, and where all is whole the readers agree with each other and sealing keeps
 * the rows. */
#ifndef TESTS_TSDB_COLUMNS_PROP_GROUP_H
#define TESTS_TSDB_COLUMNS_PROP_GROUP_H

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/columns/group.h"

static inline void prop_fails_well(enum tsdb_status st)
{
    ASSERT(st == TSDB_OK || st == TSDB_ECORRUPT || st == TSDB_ELIMIT || st == TSDB_EINVAL ||
           st == TSDB_ENOTFOUND);
}

/* Pages say what texts say. */
static inline void prop_pages(struct group_reader *r, const struct group *g, uint32_t c,
                              const struct tsdb_text *texts)
{
    for (uint32_t p = 0; p < group_page_count(g, c); p++) {
        struct text_page page;
        enum tsdb_status st = group_page(r, c, p, &page, NULL);
        prop_fails_well(st);
        if (st != TSDB_OK || !texts)
            continue;
        for (uint32_t i = 0; i < page.rows; i++) {
            struct tsdb_text line = {page.bytes + page.starts[i],
                                     page.starts[i + 1] - page.starts[i] - 1};
            ASSERT(text_equal(line, texts[page.first_row + i]));
        }
    }
}

static inline void prop_text_column(struct group_reader *r, const struct group *g, uint32_t c)
{
    const struct tsdb_text *texts = NULL;
    struct column_codes codes = {0};
    enum tsdb_status st = group_texts(r, c, &texts, NULL);
    prop_fails_well(st);
    prop_pages(r, g, c, texts);
    size_t sum = 0;
    for (uint32_t i = 0; texts && i < group_rows(g); i++)
        sum += texts[i].len ? (unsigned char)texts[i].at[texts[i].len - 1] : 0;
    st = group_codes(r, c, &codes, NULL);
    prop_fails_well(st);
    for (uint32_t i = 0; st == TSDB_OK && codes.codes && i < group_rows(g); i++)
        ASSERT(codes.codes[i] < codes.count);
    (void)sum; /* every text was touched, which is what counts */
}

/* Parts say what whole columns say, where both can be read. */
static inline void prop_parts(struct group_reader *r, const struct group *g, uint32_t c)
{
    const struct column_info *info = group_column(g, c);
    const int64_t *ints = NULL;
    size_t sum = 0;
    bool has_ints = info->kind == COLUMN_INT && info->present == group_rows(g) &&
                    group_ints(r, c, &ints, NULL) == TSDB_OK;
    for (uint32_t value = 0, step; value < info->present; value += step) {
        struct column_part part;
        enum tsdb_status st = group_part(r, c, value, &part, NULL);
        prop_fails_well(st);
        step = 1 + info->present / 50;
        if (st != TSDB_OK)
            continue;
        uint32_t at = part.is_constant ? 0 : value - part.first;
        ASSERT(value >= part.first && value - part.first < part.count);
        ASSERT(!has_ints || part.ints[at] == ints[value]);
        struct tsdb_text text = {"", 0};
        if (info->kind == COLUMN_TEXT)
            text = part.texts[part.codes ? part.codes[at] : at];
        sum += text.len ? (unsigned char)text.at[text.len - 1] : 0;
    }
    (void)sum; /* every text was touched */
}

/* Single rows say what the whole column says; from the last on, so that parts come in no order. */
static inline void prop_rows(struct group_reader *r, const struct group *g, uint32_t c)
{
    enum column_kind kind = group_column(g, c)->kind;
    const uint64_t *bits = NULL;
    const int64_t *ints = NULL;
    const double *doubles = NULL;
    const struct tsdb_text *texts = NULL;
    enum tsdb_status whole = kind == COLUMN_INT      ? group_ints(r, c, &ints, NULL)
                             : kind == COLUMN_DOUBLE ? group_doubles(r, c, &doubles, NULL)
                                                     : group_texts(r, c, &texts, NULL);
    if (whole == TSDB_OK)
        whole = group_presence(r, c, &bits, NULL);
    for (uint32_t left = group_rows(g); left > 0; left = left > 100 ? left - 61 : left - 1) {
        struct group_value v;
        uint32_t row = left - 1;
        enum tsdb_status st = group_value(r, c, row, &v, NULL);
        prop_fails_well(st);
        ASSERT(whole != TSDB_OK || st == TSDB_OK);
        if (st != TSDB_OK || whole != TSDB_OK)
            continue;
        ASSERT(v.is_present == (!bits || (bits[row / 64] >> row % 64 & 1)));
        if (v.is_present && ints)
            ASSERT(v.integer == ints[row]);
        if (v.is_present && doubles)
            ASSERT(memcmp(&v.real, &doubles[row], sizeof v.real) == 0);
        if (v.is_present && texts)
            ASSERT(text_equal(v.text, texts[row]));
    }
}

static inline void prop_read(const struct group *g)
{
    struct budget budget;
    budget_init(&budget, 64 << 20, NULL);
    struct group_reader *r = group_reader_new(&budget);
    group_reader_open(r, g);
    for (uint32_t c = 0; c < group_columns(g); c++) {
        const uint64_t *bits;
        const int64_t *ints;
        const double *doubles;
        prop_fails_well(group_presence(r, c, &bits, NULL));
        prop_fails_well(group_ints(r, c, &ints, NULL));
        prop_fails_well(group_doubles(r, c, &doubles, NULL));
        prop_parts(r, g, c);
        if (group_column(g, c)->kind == COLUMN_TEXT)
            prop_text_column(r, g, c);
        prop_rows(r, g, c);
    }
    group_reader_free(r);
    ASSERT(budget_used(&budget) == 0);
}

static inline struct group_bytes prop_bytes(const struct group_strings *s)
{
    return (struct group_bytes){writer_bytes(&s->head), writer_bytes(&s->filter),
                                writer_bytes(&s->data)};
}

static inline void prop_seal(const struct group *g)
{
    struct group_strings s = {0};
    struct group *sealed;
    enum tsdb_status whole = group_check(g, NULL), st = group_seal(g, NULL, &s, NULL);
    prop_fails_well(st);
    ASSERT(whole != TSDB_OK || st == TSDB_OK);
    if (st == TSDB_OK) {
        ASSERT(group_open(prop_bytes(&s), &sealed, NULL) == TSDB_OK);
        ASSERT(group_rows(sealed) == group_rows(g));
        ASSERT(whole != TSDB_OK || group_check(sealed, NULL) == TSDB_OK);
        group_free(sealed);
    }
    group_strings_release(&s);
}

/* Whether the bytes opened. */
static inline bool prop_group(struct group_bytes in)
{
    struct group *g;
    enum tsdb_status st = group_open(in, &g, NULL);
    if (st != TSDB_OK) {
        ASSERT(st == TSDB_ECORRUPT);
        return false;
    }
    prop_read(g);
    prop_seal(g);
    (void)group_may_contain(g, text_of("abcdef"));
    for (uint32_t c = 0; c < group_columns(g); c++)
        (void)group_may_have(g, c, text_of("value"));
    group_free(g);
    return true;
}

#endif
