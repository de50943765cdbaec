#include "tsdb/columns/group.h"

#include "tsdb/base/assert.h"
#include "tsdb/columns/group_decoded.h"

/* A row's value is found by how many rows before it have the column, in group_part's parts. */

static enum tsdb_status ranks_count(struct group_reader *r, uint32_t column, struct tsdb_error *err)
{
    const uint64_t *presence;
    enum tsdb_status st = group_presence(r, column, &presence, err);
    if (st != TSDB_OK)
        return st;
    struct decoded_column *d = &r->columns[column];
    size_t words = PRESENCE_WORDS(r->group->rows);
    uint32_t before = 0;
    st = decoded_take(r, words, sizeof *d->ranks, &d->ranks, err);
    for (size_t i = 0; st == TSDB_OK && i < words; i++) {
        d->ranks[i] = before;
        before += (uint32_t)__builtin_popcountll(presence[i]);
    }
    return st;
}

/* The number of the row's value; false: the row lacks the column. */
static bool value_of(const struct decoded_column *d, uint32_t row, uint32_t *value)
{
    uint64_t word = d->presence[row / 64], below = (UINT64_C(1) << row % 64) - 1;
    *value = d->ranks[row / 64] + (uint32_t)__builtin_popcountll(word & below);
    return word >> row % 64 & 1;
}

static struct group_value value_at(const struct column_part *part, uint32_t value)
{
    struct group_value v = {.is_present = true};
    uint32_t at = part->is_constant ? 0 : value - part->first;
    if (part->ints)
        v.integer = part->ints[at];
    else if (part->doubles)
        v.real = part->doubles[at];
    else
        v.text = part->texts[part->codes ? part->codes[at] : at];
    return v;
}

enum tsdb_status group_value(struct group_reader *r, uint32_t column, uint32_t row,
                             struct group_value *out, struct tsdb_error *err)
{
    struct column_part part;
    uint32_t value = row;
    enum tsdb_status st = TSDB_OK;
    ASSERT(row < r->group->rows);
    ASSERT(column < r->group->column_count);
    if (column_has_presence(&r->group->columns[column], r->group->rows)) {
        if (!r->columns || !r->columns[column].ranks)
            st = ranks_count(r, column, err);
        if (st != TSDB_OK)
            return st;
        if (!value_of(&r->columns[column], row, &value)) {
            *out = (struct group_value){0};
            return TSDB_OK;
        }
    }
    st = group_part(r, column, value, &part, err);
    if (st == TSDB_OK)
        *out = value_at(&part, value);
    return st;
}
