/* span_draft.h - the spans of a group that is being made (span_builder.h), as they came.
 *
 * When a span comes, its name and attributes (and those of its events and links) become
 * entries: a column and a value, texts by their number in the column.  Names and texts that
 * repeat in a batch are the same memory there (span_record.h), so most are known by where they
 * lie.  Rows are written from the entries, in order, when the group is finished.
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
    SPAN_TEXTS_KEPT = 4096,          /* and of texts */
    /* Lists grow by chunks: nothing moves, and the allocator has blocks of that size again. */
    SPANS_CHUNK = 1024,
    ENTRIES_CHUNK = 1 << 14,
};

/* What an entry's value is: in the upper bits of its column. */
enum { ENTRY_INT, ENTRY_DOUBLE, ENTRY_TEXT, ENTRY_NUMBER, ENTRY_SHIFT = 12 };
static_assert(GROUP_COLUMNS_MAX <= 1 << ENTRY_SHIFT, "a column leaves room for it");

union draft_value {
    int64_t integer;
    double real;
    const char *text; /* borrowed; its length is the next value, whose column says nothing */
    size_t len;
    uint32_t number; /* of the text in its column */
};

struct draft_span {
    struct tsdb_span span;
    uint32_t entries; /* where its own begin, then those of its events, then of its links */
};

struct draft_source {
    struct tsdb_span_source source;
    struct tsdb_text tenant;
    uint32_t entries; /* of the resource's attributes, then of the scope's */
    uint32_t hash;
    uint32_t row; /* while rows are written; UINT32_MAX: no span has it */
};

struct draft_entries {
    union draft_value values[ENTRIES_CHUNK];
    uint16_t columns[ENTRIES_CHUNK];
};

/* A column that was found by where its name lies: names of a batch are the same memory. */
struct found_column {
    const char *at;
    uint32_t len;
    uint16_t column;
    uint8_t tag; /* 0: none */
};

/* Likewise a text's number in a column. */
struct found_text {
    const char *at;
    uint32_t len, number;
    uint16_t column;
    uint8_t table; /* 1 + */
};

struct span_builder {
    struct budget *budget; /* borrowed, may be NULL */
    uint64_t charged, forced, seed;
    struct group_writer *writers[SPAN_TABLES]; /* owned; without rows but while finishing */
    uint16_t at[SPAN_TABLES][INTRINSICS];      /* columns, where the table has them */
    struct draft_span *spans[GROUP_ROWS_MAX / SPANS_CHUNK]; /* owned; NULL: none yet */
    struct draft_source *sources;                           /* owned */
    struct draft_entries **entries;                         /* owned; entry_chunks of them */
    uint32_t span_count, source_count, source_cap, entry_count, entry_chunks;
    uint32_t event_count, link_count;
    uint64_t text_bytes, source_text_bytes;
    struct slots source_slots;
    struct found_column found[SPAN_COLUMNS_KEPT];
    struct found_text texts[SPAN_TEXTS_KEPT];
    uint32_t seen[SPAN_TABLES][GROUP_COLUMNS_MAX]; /* texts of each column so far; UINT32_MAX: it
                                                      has no numbers */
};

static inline struct draft_span *draft_span_at(const struct span_builder *b, uint32_t i)
{
    return &b->spans[i / SPANS_CHUNK][i % SPANS_CHUNK];
}

static inline uint16_t *entry_column(const struct span_builder *b, uint32_t i)
{
    return &b->entries[i / ENTRIES_CHUNK]->columns[i % ENTRIES_CHUNK];
}

static inline union draft_value *entry_value(const struct span_builder *b, uint32_t i)
{
    return &b->entries[i / ENTRIES_CHUNK]->values[i % ENTRIES_CHUNK];
}

/* Makes the columns that every table has. */
void span_draft_columns(struct span_builder *b);
/* Writes all rows into the writers; keys: one a span, in order. */
void span_draft_write(struct span_builder *b, const struct span_key *keys);

#endif
