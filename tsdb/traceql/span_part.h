/* span_part.h - one part of a set as a query sees it: its columns by the query's fields.
 *
 *   part -> the columns of each field (bound when first asked, by number)
 *        -> the rows that are in range and the tenant's
 *        -> values of a row, for expressions that no mask can tell (struct span_source)
 *
 * Turning to a part reads nothing but heads; span_part_read checks the bytes, then columns
 * are decoded one by one as they are asked for and kept until the part is left.
 *
 * Damage found on the way: the part is set aside, `fault` says so, and its rows do not
 * count; values are NIL from there on.
 *
 * Owner: one thread.  Memory is charged to the query's budget.
 */
#ifndef TSDB_TRACEQL_SPAN_PART_H
#define TSDB_TRACEQL_SPAN_PART_H

#include "tsdb/traceql/span_test.h"
#include "tsdb/traces/span_reader.h"
#include "tsdb/traces/traces.h"

enum { PART_WORDS = GROUP_ROWS_MAX / 64 };

/* Columns of one name in one table: one a type. */
struct field_columns {
    uint8_t table; /* enum span_table */
    uint32_t count;
    struct {
        uint32_t column;
        uint8_t type; /* enum tsdb_field_type; of intrinsics STRING, ID or INT */
    } at[TSDB_FIELD_TYPE_COUNT];
};

struct bound_field {
    uint64_t serial; /* of the part it is bound to */
    struct field_columns first;
    struct field_columns second; /* place ANY: the resource's */
};

/* A decoded column. */
struct part_column {
    bool is_open, has_codes;
    const uint64_t *presence; /* NULL: every row has it */
    struct column_codes codes;
    const struct tsdb_text *texts; /* TEXT without codes */
    const int64_t *ints;
    const double *doubles;
};

struct span_part {
    struct traces_set *set;
    const struct traceql_ref *refs;
    uint32_t ref_count;
    const struct traceql_ref *borrowed; /* what slot ref_count is, if it is anything */
    int64_t start, end;                 /* half-open: rows that count */
    struct span_reader *reader;
    uint32_t number; /* of the part */
    uint64_t serial;
    const struct traces_part *part;
    struct group_reader *tables[SPAN_TABLES];
    uint32_t rows[SPAN_TABLES];
    struct part_column *columns[SPAN_TABLES]; /* owned */
    uint32_t column_room[SPAN_TABLES];
    struct bound_field *fields; /* owned, by slot */
    uint64_t *rows_in;          /* owned, PART_WORDS: in range, of the tenant */
    uint32_t rows_in_count;
    bool has_others;  /* some rows are other tenants' */
    uint64_t *own;    /* owned, PART_WORDS; has_others: rows that are the tenant's */
    uint64_t **masks; /* owned, PART_WORDS each: those that a tree of filters needs at once */
    uint32_t masks_used, masks_room;
    struct arena values; /* texts that had to be made; emptied row by row */
    uint32_t row;        /* that the source is at */
    uint64_t bytes;      /* of the columns decoded, of all parts so far */
    struct part_children {
        uint32_t row, first, count;
    } children[SPAN_TABLES]; /* of events and links */
    enum tsdb_status fault;
    struct tsdb_error fault_text;
};

struct span_part *span_part_new(struct traces_set *set, const struct traceql *q, int64_t start,
                                int64_t end, struct budget *budget);
void span_part_free(struct span_part *p); /* NULL is a no-op */
void span_part_open(struct span_part *p, uint32_t number);
/* Checks the bytes and finds the rows that count.  TSDB_END: none, or it is damaged. */
TSDB_NODISCARD enum tsdb_status span_part_read(struct span_part *p, struct tsdb_error *err);
/* Reading went wrong: the first fault counts. */
void span_part_fail(struct span_part *p, enum tsdb_status st, const struct tsdb_error *err);
/* What became of the columns that were asked for.  TSDB_END: the part is damaged and was set
 * aside. */
TSDB_NODISCARD enum tsdb_status span_part_check(struct span_part *p, struct tsdb_error *err);

static inline const struct traceql_ref *span_part_ref(const struct span_part *p, uint32_t slot)
{
    return slot < p->ref_count ? &p->refs[slot] : p->borrowed;
}
/* Slot ref_count stands for a field that the query does not name, until it is taken back
 * (NULL). */
void span_part_borrow(struct span_part *p, const struct traceql_ref *ref);
/* The field's columns in this part; none: no row has it.  Not of fields of whole traces. */
const struct bound_field *span_part_field(struct span_part *p, uint32_t slot);
const struct column_info *span_part_info(const struct span_part *p, enum span_table table,
                                         uint32_t column);
/* Decoded; NULL: `fault` is set. */
const struct part_column *span_part_column(struct span_part *p, enum span_table table,
                                           uint32_t column);
/* The column of an intrinsic of the group; UINT32_MAX: there is none. */
uint32_t span_part_intrinsic(const struct span_part *p, enum span_table table, const char *name);
/* The int column `source` of spans, `span` of events and links: one a row.  NULL: a fault. */
const int64_t *span_part_ints(struct span_part *p, enum span_table table, const char *name);
/* Starts of all rows, ns since the epoch; NULL: a fault. */
const int64_t *span_part_starts(struct span_part *p);
/* First rows of the traces, *count of them, and the part's rows behind the last. */
const uint32_t *span_part_traces(struct span_part *p, uint32_t *count);
/* The trace id of the trace whose first row it is, the span id of a row. */
bool span_part_trace_id(struct span_part *p, uint32_t first, struct tsdb_trace_id *out);
bool span_part_span_id(struct span_part *p, uint32_t row, struct tsdb_span_id *out);

/* Another mask, uninitialised; given back by taking one from masks_used. */
uint64_t *span_part_take(struct span_part *p);

static inline bool part_column_has(const struct part_column *c, uint32_t row)
{
    return !c->presence || (c->presence[row / 64] >> row % 64 & 1);
}
/* The row has the column, which is of texts. */
static inline struct tsdb_text part_column_text(const struct part_column *c, uint32_t row)
{
    return c->has_codes ? c->codes.values[c->codes.codes ? c->codes.codes[row] : 0] : c->texts[row];
}
/* The value of an attribute's row in its table; NIL: it has none. */
struct span_value part_column_value(const struct part_column *c, uint8_t type, uint32_t row,
                                    struct arena *arena);

/* A source over the rows of the part; span_part_row says which one is asked about. */
struct span_source span_part_source(struct span_part *p);
static inline void span_part_row(struct span_part *p, uint32_t row)
{
    p->row = row;
}

/* An id's digits; a trace's without leading zeros. */
struct span_value span_id_value(const void *id, size_t len, bool is_trace, struct arena *arena);

#endif
