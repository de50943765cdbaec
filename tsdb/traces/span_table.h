/* span_table.h - one table of a span group, to be read row by row.
 *
 * Who wants few rows seeks them: of each column the part that has the row's value is decoded,
 * and kept.  Who wants many decodes columns whole.  What the head says is checked when the table
 * is opened for the first time: columns of the kind that their tag says, and on every row where
 * they must be.
 *
 * Owner: one thread, one span_reader.
 */
#ifndef TSDB_TRACES_SPAN_TABLE_H
#define TSDB_TRACES_SPAN_TABLE_H

#include "tsdb/base/arena.h"
#include "tsdb/columns/reader_memory.h"
#include "tsdb/traces/span_columns.h"

struct span_column {
    uint32_t at;                 /* in the group; UINT32_MAX: it has none */
    uint8_t tag;                 /* of an attribute */
    bool is_whole, has_bits;     /* decoded: all of it, which rows have it */
    bool is_constant;            /* the first value, on every row that has it */
    const uint64_t *bits;        /* rows that have it; NULL: every one */
    uint32_t base;               /* values are at row - base; when sought: of that row */
    uint32_t first, count;       /* values of the part sought last */
    uint32_t ranked_row, ranked; /* values before a row, of the one sought last */
    const int64_t *ints;
    const double *doubles;
    const struct tsdb_text *texts; /* by code, when there are codes */
    const uint16_t *codes;
    struct tsdb_text name;
};

struct span_rows {
    const struct group *group; /* borrowed; NULL: there are no rows */
    struct group_reader *in;   /* owned */
    uint32_t rows, attribute_count;
    struct span_column intrinsics[INTRINSICS];
    struct span_column *attributes; /* in memory */
    struct reader_memory memory;
    enum span_table which;
    bool is_open, is_whole;
};

void span_table_init(struct span_rows *t, enum span_table which, struct budget *budget);
void span_table_release(struct span_rows *t);
void span_table_turn(struct span_rows *t, const struct group *group);
/* Checks the head, once; a table without a group has no rows. */
TSDB_NODISCARD enum tsdb_status span_table_open(struct span_rows *t, struct tsdb_error *err);
/* Decodes an intrinsic whole, once; or only which rows have it. */
TSDB_NODISCARD enum tsdb_status span_table_intrinsic(struct span_rows *t, int intrinsic,
                                                     struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status span_table_presence(struct span_rows *t, int intrinsic,
                                                    struct tsdb_error *err);
/* Decodes all columns whole, once. */
TSDB_NODISCARD enum tsdb_status span_table_everything(struct span_rows *t, struct tsdb_error *err);
/* The row's values can be read, of all columns or of one. */
TSDB_NODISCARD enum tsdb_status span_table_seek(struct span_rows *t, uint32_t row,
                                                struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status span_table_seek_one(struct span_rows *t, int intrinsic,
                                                    uint32_t row, struct tsdb_error *err);
/* The row's attributes of the place; `dropped` is left to the caller. */
TSDB_NODISCARD enum tsdb_status span_table_fields(const struct span_rows *t, uint32_t row,
                                                  enum tsdb_trace_place place, struct arena *arena,
                                                  struct tsdb_fields *out, struct tsdb_error *err);
enum tsdb_status span_table_damage(const struct span_rows *t, uint32_t row, struct tsdb_error *err);

static inline bool column_has(const struct span_column *c, uint32_t row)
{
    return c->at != UINT32_MAX && (!c->bits || (c->bits[row / 64] >> row % 64 & 1));
}

/* Of a row that was sought, or of a column that is whole; 0 or "" where the row lacks it. */
static inline uint32_t column_place(const struct span_column *c, uint32_t row)
{
    return c->is_constant ? 0 : row - c->base;
}

static inline int64_t column_int(const struct span_column *c, uint32_t row)
{
    return column_has(c, row) ? c->ints[column_place(c, row)] : 0;
}

static inline struct tsdb_text column_text(const struct span_column *c, uint32_t row)
{
    if (!column_has(c, row))
        return (struct tsdb_text){"", 0};
    uint32_t place = column_place(c, row);
    return c->texts[c->codes ? c->codes[place] : place];
}

#endif
