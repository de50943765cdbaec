/* text_variables.h - a column of variables, typed where every value allows it.
 *
 * n values, n known to both sides and at least 1.  What all of them begin and end with is
 * taken off first (up to 255 bytes, never within a run of digits): what is left of "17ms",
 * "4ms" is 17, 4.
 *
 *   column    u8 form, +0x80: ends were taken off; then to TEXTS where not said otherwise
 *   ends      sized start, sized end                                        (only with 0x80)
 *   CONST     sized value; no ends
 *   TEXT      each value and '\n'; no value holds one
 *   SIZED     the lengths to NUMBERS, the bytes of all
 *   DICT      u8 count - 1, per entry: sized value; a code each to CODES
 *   INT       INTs to NUMBERS                                 forms: text_forms.h
 *   DIGITS    u8 width, u8 dot: digits before a '.', 0: there is none; to NUMBERS
 *   DECIMAL   u8 scale; to NUMBERS
 *   IPV4      to NUMBERS
 *   HEX       u8 digits, u8 flags: 1 upper case, 2 in TEXTS as they repeat (else in RAW),
 *             4 UUID (digits is 32); (digits + 1) / 2 bytes each
 *   to NUMBERS: u8 order to TEXTS: 0 as they are, 1 the first and differences (modulo
 *             2^64); the n numbers by codec/ints
 *
 * Owner: one thread.  Reading allocates nothing: values lie in the sections, or in the
 * caller's scratch, whose size bounds what a hostile page can ask for.
 */
#ifndef TSDB_COLUMNS_TEXT_VARIABLES_H
#define TSDB_COLUMNS_TEXT_VARIABLES_H

#include "tsdb/columns/text_forms.h"
#include "tsdb/columns/text_section.h"

#include <stdbool.h>

/* Room for the writer's and the reader's columns of up to n values. */
struct text_numbers {
    int64_t *values, *deltas; /* owned */
    uint32_t room;
};

void text_numbers_init(struct text_numbers *n, uint32_t room);
void text_numbers_release(struct text_numbers *n);

/* count in [1, room]. */
void text_variables_encode(const struct tsdb_text *v, uint32_t count, struct text_numbers *numbers,
                           struct text_sections *out);

/* A value of a row as it will be copied: TEXT_SLACK bytes behind it may be read. */
struct text_cell {
    const char *at;
    size_t len;
};

/* Where texts are formatted; TEXT_SLACK + TEXT_FORM_MAX bytes lie behind `left`. */
struct text_scratch {
    char *at;
    size_t left;
};

struct text_readers {
    struct reader at[SECTIONS];
};

/* What a column says of all its values; borrowed from the sections. */
struct text_column {
    bool is_const;           /* `start` is the value, and no cells are written */
    struct bytes start, end; /* of each value, besides its cell */
    uint64_t cell_bytes;     /* of all cells */
};

#define TEXT_ROW_NONE UINT32_MAX

/* Value i goes to cells[rows[i]], or nowhere when that is TEXT_ROW_NONE; rows NULL: no value is
 * asked for.  TSDB_ECORRUPT: the bytes are not a column. */
TSDB_NODISCARD enum tsdb_status text_variables_decode(struct text_readers *in, const uint32_t *rows,
                                                      uint32_t count, struct text_numbers *numbers,
                                                      struct text_scratch *scratch,
                                                      struct text_cell *cells,
                                                      struct text_column *out);

/* The numbers of a column whose form was read; to numbers->values. */
bool text_numbers_take(struct text_readers *in, uint32_t count, struct text_numbers *numbers);

/* ---- looking without values ------------------------------------------------------ */

/* What cells may be, as far as TEXTS tells. */
enum text_look_kind {
    TEXT_LOOK_NONE,   /* there are none: `start` is the value */
    TEXT_LOOK_NUMBER, /* any of [0-9.-] */
    TEXT_LOOK_HEX,    /* any of [0-9a-f-] or, is_upper, [0-9A-F-] */
    TEXT_LOOK_SIZED,  /* one of `count` values, each a uv length and its bytes */
    TEXT_LOOK_LINES,  /* each of `count` values, each followed by '\n' */
};

struct text_look {
    enum text_look_kind kind;
    bool is_upper;
    bool is_digits;          /* NUMBER: the values' own digits, perhaps zeros before them */
    struct reader order;     /* is_digits: TEXTS where text_numbers_take goes on */
    struct bytes start, end; /* of each value, besides its cell; borrowed from TEXTS */
    struct bytes values;     /* borrowed from TEXTS */
    uint32_t count;          /* of values */
};

/* Reads TEXTS past the column.  TSDB_ECORRUPT; TSDB_ENOTFOUND: TEXTS alone does not tell. */
TSDB_NODISCARD enum tsdb_status text_variables_look(struct reader *texts, uint32_t count,
                                                    struct text_look *out);

#endif
