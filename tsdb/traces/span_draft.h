/* span_draft.h - the spans of a group that is being made (span_builder.h), as they came.
 *
 * A span is kept as it is, with the columns of its attributes, which are looked for once, when
 * it comes; rows are written in order when the group is finished.
 *
 * What came cannot be refused: memory beyond the budget is charged by force and remembered in
 * `forced`; finishing answers TSDB_ELIMIT until the budget has room for it.
 */
#ifndef TSDB_TRACES_SPAN_DRAFT_H
#define TSDB_TRACES_SPAN_DRAFT_H

#include "tsdb/store/slots.h"
#include "tsdb/traces/span_builder.h"
#include "tsdb/traces/span_columns.h"
#include "tsdb/traces/span_order.h"

enum {
    SPAN_TEXTS_BYTES_MAX = 48 << 20, /* of a group's spans; of its sources likewise */
    SPAN_COLUMNS_KEPT = 1024,        /* places of the columns that were found last */
};

struct draft_span {
    struct tsdb_span span;
    uint32_t columns; /* where those of its attributes begin: its own, of events, of links */
};

struct draft_source {
    struct tsdb_span_source source;
    struct tsdb_text tenant;
    uint32_t columns; /* of the resource's attributes, then of the scope's */
    uint32_t hash;
    uint32_t row; /* while rows are written; UINT32_MAX: no span has it */
};

/* A column that was found by where its name lies: names of a batch are the same memory. */
struct found_column {
    const char *at;
    uint32_t len;
    uint16_t column;
    uint8_t tag; /* 0: none */
};

struct span_builder {
    struct budget *budget; /* borrowed, may be NULL */
    uint64_t charged, forced, seed;
    struct group_writer *writers[SPAN_TABLES]; /* owned; without rows but while finishing */
    uint16_t at[SPAN_TABLES][INTRINSICS];      /* columns, where the table has them */
    struct draft_span *spans;                  /* owned */
    struct draft_source *sources;              /* owned */
    uint16_t *columns;                         /* owned */
    uint32_t span_count, span_cap, source_count, source_cap, column_count, column_cap;
    uint32_t event_count, link_count;
    uint64_t text_bytes, source_text_bytes;
    struct slots source_slots;
    struct found_column found[SPAN_COLUMNS_KEPT];
};

/* Makes the columns that every table has. */
void span_draft_columns(struct span_builder *b);
/* Writes all rows into the writers; keys: one a span, in order. */
void span_draft_write(struct span_builder *b, const struct span_key *keys);

#endif
