#include "tsdb/columns/group.h"

#include "tsdb/base/assert.h"
#include "tsdb/columns/column_codes.h"
#include "tsdb/columns/group_decoded.h"

#include <string.h>

/* The value part that has the value. */
static uint32_t part_with(const struct group *g, const struct column_head *c, uint32_t value)
{
    uint32_t low = column_values_first(c, g->rows), high = c->part_first + c->part_count;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (g->parts[mid].first <= value)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static enum tsdb_status codes_decode(struct group_reader *r, uint32_t column,
                                     struct decoded_column *d, const struct part *part,
                                     struct column_part *out, struct tsdb_error *err)
{
    const struct column_head *c = &r->group->columns[column];
    struct bytes clear;
    uint16_t *codes = NULL;
    enum tsdb_status st = decoded_dictionary(r, column, d, err);
    if (st == TSDB_OK)
        st = decoded_take(r, part->values, sizeof *codes, &codes, err);
    if (st == TSDB_OK)
        st = decoded_part(r, part, false, &clear, err);
    if (st == TSDB_OK)
        st = column_codes_decode(clear, codes, part->values, c->info.distinct);
    out->texts = d->values;
    out->codes = codes;
    return st;
}

static enum tsdb_status values_decode(struct group_reader *r, uint32_t column,
                                      struct decoded_column *d, const struct part *part,
                                      struct column_part *out, struct tsdb_error *err)
{
    const struct column_head *c = &r->group->columns[column];
    if (c->info.encoding == ENCODING_DICT)
        return codes_decode(r, column, d, part, out, err);
    enum tsdb_status st;
    if (c->info.kind == COLUMN_TEXT) {
        struct tsdb_text *texts = NULL;
        st = decoded_take(r, part->values, sizeof *texts, &texts, err);
        if (st == TSDB_OK)
            st = decoded_texts(r, column, part, texts, err);
        out->texts = texts;
        return st;
    }
    int64_t *numbers = NULL;
    st = decoded_take(r, part->values, sizeof *numbers, &numbers, err);
    if (st == TSDB_OK)
        st = decoded_numbers(r, c, part, numbers, err);
    if (c->info.kind == COLUMN_INT)
        out->ints = numbers;
    else
        out->doubles = (const double *)(const void *)numbers;
    return st;
}

static struct column_part constant_of(const struct column_head *c)
{
    struct column_part part = {.count = c->info.present, .is_constant = true};
    const void *bits = &c->constant_bits;
    if (c->info.kind == COLUMN_INT)
        part.ints = bits;
    else if (c->info.kind == COLUMN_DOUBLE)
        part.doubles = bits;
    else
        part.texts = &c->constant;
    return part;
}

enum tsdb_status group_part(struct group_reader *r, uint32_t column, uint32_t value,
                            struct column_part *out, struct tsdb_error *err)
{
    struct decoded_column *d;
    const struct group *g = r->group;
    const struct column_head *c = &g->columns[column];
    enum tsdb_status st = decoded_column(r, column, (enum column_kind)c->info.kind, &d, err);
    if (st != TSDB_OK)
        return st;
    ASSERT(value < c->info.present);
    if (c->info.encoding == ENCODING_CONST) {
        *out = constant_of(c);
        return TSDB_OK;
    }
    uint32_t first = column_values_first(c, g->rows), parts = c->part_first + c->part_count - first;
    if (!d->parts) {
        struct column_part *none;
        st = decoded_take(r, parts, sizeof *none, &none, err);
        if (st != TSDB_OK)
            return st;
        memset(none, 0, parts * sizeof *none);
        d->parts = none;
    }
    uint32_t at = part_with(g, c, value);
    struct column_part *part = &d->parts[at - first];
    if (part->count == 0) {
        struct column_part made = {.first = g->parts[at].first, .count = g->parts[at].values};
        st = values_decode(r, column, d, &g->parts[at], &made, err);
        if (st == TSDB_ECORRUPT)
            return decoded_damage(column, err);
        if (st != TSDB_OK)
            return st;
        *part = made;
    }
    *out = *part;
    return TSDB_OK;
}
