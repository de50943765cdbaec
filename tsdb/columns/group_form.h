/* group_form.h - the shape of a group that its writer, its opener and its readers share.
 *
 * group.h draws the strings; this is the head once it is read: a description of each
 * column and of its parts.  Parts lie in `data` in the order of the head, without gaps,
 * so their offsets are not stored.
 *
 * Parts of a column, in this order:
 *
 *   presence     when some rows lack the column (column_presence.h)
 *   table        of DICT, the values as one text block (column_texts.h); of TEMPLATES,
 *                the set of templates
 *   values       CONST: none.  Numbers, codes and ids: COLUMN_PART_ROWS values each,
 *                the last one what is left.  PAGES and TEMPLATES: any number of values up
 *                to COLUMN_PART_ROWS
 *
 * "Values" are those of rows that have the column.
 */
#ifndef TSDB_COLUMNS_GROUP_FORM_H
#define TSDB_COLUMNS_GROUP_FORM_H

#include "tsdb/columns/filter.h"
#include "tsdb/columns/group.h"
#include "tsdb/columns/part.h"

#include <stdatomic.h>

enum column_encoding {
    ENCODING_CONST,
    ENCODING_DICT,
    ENCODING_INTS,
    ENCODING_FLOATS,
    ENCODING_FIXED,
    ENCODING_HEX,
    ENCODING_PAGES,
    ENCODING_TEMPLATES,
    ENCODING_COUNT,
};

enum {
    COLUMN_CONST_MAX = 1024, /* bytes of a text in the head */
    COLUMN_FIXED_MAX = 64,   /* bytes of a text of FIXED or HEX */
    COLUMN_PARTS_MAX = 2 + GROUP_ROWS_MAX,
};

/* What the head says of a column. */
struct column_head {
    struct column_info info;
    struct tsdb_text constant; /* CONST texts; borrowed from the head */
    uint64_t constant_bits;    /* CONST numbers: the int, or the double's bits */
    uint32_t fixed_bytes;      /* FIXED and HEX: bytes of each text */
    uint32_t part_first, part_count;
};

/* What the filter string says, unpacked by the first who asks.
 * Atomic: `filter`, released by the one whose exchange wins, acquired by readers. */
struct group {
    struct group_bytes strings;
    uint32_t rows, column_count, part_count;
    struct column_head *columns; /* owned */
    struct part *parts;          /* owned */
    struct filter *_Atomic filter;
};

static inline bool column_has_presence(const struct column_head *c, uint32_t rows)
{
    return c->info.present < rows;
}

static inline bool column_has_table(const struct column_head *c)
{
    return c->info.encoding == ENCODING_DICT || c->info.encoding == ENCODING_TEMPLATES;
}

/* Index of the first part with values. */
static inline uint32_t column_values_first(const struct column_head *c, uint32_t rows)
{
    return c->part_first + column_has_presence(c, rows) + column_has_table(c);
}

#endif
