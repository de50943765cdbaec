/* group_draft.h - the rows of a group while they are collected, column by column.
 *
 * A column keeps the values of the rows that have it; numbers as they are, texts as the
 * numbers of a dictionary until it stops paying, then as borrowed views.  The rows' numbers
 * are kept from the first row on that lacks the column.
 *
 * What is collected cannot be refused in the middle of a row: memory beyond the budget is
 * charged by force and remembered in `forced`; finishing answers TSDB_ELIMIT until the
 * budget has room for it.  Owner: one thread.
 */
#ifndef TSDB_COLUMNS_GROUP_DRAFT_H
#define TSDB_COLUMNS_GROUP_DRAFT_H

#include "tsdb/columns/group.h"
#include "tsdb/columns/text_dictionary.h"

struct draft_column {
    char *name;              /* owned */
    uint32_t name_len, next; /* next: the column asked for after this one, a guess */
    uint8_t tag, kind, flags;
    bool is_coded;     /* texts are codes of the dictionary */
    uint32_t row_next; /* 1 + the last row that has it */
    uint32_t count, cap;
    uint64_t text_bytes;
    uint32_t text_longest; /* UINT32_MAX: longer */
    uint16_t *rows;        /* owned; NULL while no row lacked it */
    union {                /* owned */
        void *values;
        int64_t *ints;
        double *doubles;
        uint16_t *codes;
        struct tsdb_text *texts;
    };
    struct text_dictionary dictionary;
    struct tsdb_text *numbered; /* owned; the dictionary's values, when it was given up */
    uint32_t trial;             /* texts seen when numbering looks next whether it pays */
};

struct group_writer {
    struct budget *budget; /* borrowed, may be NULL */
    uint64_t charged, forced, seed;
    uint32_t rows, column_count, column_cap, last; /* last: the column asked for last */
    struct draft_column *columns;                  /* owned */
    uint32_t *slots;                               /* owned: column + 1 by hash of its name */
    uint32_t slot_count;
};

/* Writes the columns; the writer is left as it is. */
void group_draft_write(const struct group_writer *w, enum group_form form,
                       struct group_strings *out);
/* Bytes that group_draft_write takes besides its output, at most. */
uint64_t group_draft_write_bytes(const struct group_writer *w, enum group_form form);

#endif
