/* group.h - a row group: up to GROUP_ROWS_MAX rows as typed columns.
 *
 * What logs and traces are stored in.  A group knows nothing of either: a column is a
 * name, a tag (its owner's word for the type) and values of one kind, each row having
 * one or none.  Rows keep the order in which they were added.
 *
 * A group is three byte strings, so that what a query looks at first lies together
 * with that of its neighbours:
 *
 *   head     which columns there are, what is known of each, where its parts lie
 *   filter   what the texts contain (filter.h)
 *   data     dictionaries, codes, numbers, pages of text; compressed part by part
 *
 *   head:  u8 version 1, uv rows, uv columns, then per column, sorted by name, tag: what
 *          is known of it, and of each part its bytes, stored and in the clear, and its
 *          packing (raw, lz4, zstd).  group_head.h draws every byte
 *   data:  the columns' parts, one after the other in the order of the head, no gaps
 *
 *   encodings (their headers draw each byte)
 *     CONST      one value, in the head; texts up to COLUMN_CONST_MAX bytes
 *     DICT       up to 65,536 distinct texts as one block (column_texts.h), then codes of
 *                a few bits each (column_codes.h), parts of COLUMN_PART_ROWS
 *     INTS       column_ints.h, parts of COLUMN_PART_ROWS; also texts that are all decimal
 *                integers as they would be printed
 *     FLOATS     codec/floats.h, likewise
 *     FIXED      texts of one length, side by side (column_fixed.h), likewise
 *     HEX        texts of lower-case hex of one even length, two digits a byte, likewise
 *     PAGES      texts, each followed by a newline, after their lengths (column_texts.h),
 *                up to COLUMN_PAGE_BYTES and COLUMN_PART_ROWS texts a part
 *     TEMPLATES  lines as templates and variables (text_template.h): the table, then pages
 *   presence: a column that some rows lack says in its first part which have it, or which
 *   column before it has the same rows (column_presence.h); its values are those of the rows
 *   that have it
 *
 * The encoding is the cheapest that gives back every bit, chosen when the group is
 * written: GROUP_HOT packs with lz4 and tries nothing slow, GROUP_SEALED takes zstd and
 * tries templates for COLUMN_LINES and COLUMN_FORMS.  A dictionary is given up while rows are
 * added, when the values seen so far do not repeat.
 *
 * Reading trusts no byte: group_open checks the head (names sorted, parts inside data),
 * the rest is checked where it is read; damage is TSDB_ECORRUPT, never a wild access,
 * and nothing is allocated that the head does not bound (GROUP_TEXT_MAX).
 *
 * Owner: writer: one thread.  struct group: immutable, borrows the three strings; any
 * thread.  struct group_reader: one thread's decoded parts; its memory is charged to a
 * budget and given back by group_reader_free.
 */
#ifndef TSDB_COLUMNS_GROUP_H
#define TSDB_COLUMNS_GROUP_H

#include "tsdb/base/budget.h"
#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/columns/text_wanted.h"
#include "tsdb/tsdb.h"

enum {
    GROUP_VERSION = 1,
    GROUP_ROWS_MAX = 65536,
    GROUP_COLUMNS_MAX = 4096,
    GROUP_NAME_MAX = 65535,        /* bytes of a column's name */
    GROUP_TEXT_MAX = 64 << 20,     /* bytes in the clear of one column */
    COLUMN_PART_ROWS = 8192,       /* numbers and codes */
    COLUMN_PAGE_BYTES = 256 << 10, /* texts; a longer text has a page for itself */
};

enum column_kind { COLUMN_INT, COLUMN_DOUBLE, COLUMN_TEXT };

enum column_flags {
    COLUMN_GRAMS = 1,  /* its texts are searched in: their trigrams and words go into the filter */
    COLUMN_VALUES = 2, /* it is looked up by value: its values go into the filter */
    COLUMN_LINES = 4,  /* long free text: no dictionary is tried; templates may be */
    COLUMN_FORMS = 8,  /* templates may be tried where no dictionary pays */
};

/* ---- writing ------------------------------------------------------------------ */

enum group_form { GROUP_HOT, GROUP_SEALED };

struct group_writer;

struct group_writer *group_writer_new(struct budget *budget); /* budget may be NULL */
void group_writer_free(struct group_writer *w);
/* Finds or makes the column; a column's kind and flags are those it was made with.
 * UINT32_MAX: GROUP_COLUMNS_MAX is reached.  Indices stay good until group_writer_finish. */
uint32_t group_writer_column(struct group_writer *w, struct tsdb_text name, uint8_t tag,
                             enum column_kind kind, unsigned flags);
/* The next row begins; it lacks every column until told. */
void group_writer_row(struct group_writer *w);
uint32_t group_writer_rows(const struct group_writer *w);
/* At most one value a row and column (the first counts).  Texts are borrowed until finish;
 * names are copied.  A column that no row has is not written. */
void group_writer_int(struct group_writer *w, uint32_t column, int64_t v);
void group_writer_double(struct group_writer *w, uint32_t column, double v);
void group_writer_text(struct group_writer *w, uint32_t column, struct tsdb_text v);
/* For who knows a text again without looking at it: its number in the column, good until finish,
 * by which a row gets it.  `seen`: how many texts of the column came so far, this one with them.
 * UINT32_MAX: the column keeps texts as they are. */
uint32_t group_writer_number(struct group_writer *w, uint32_t column, struct tsdb_text v,
                             uint32_t seen);
void group_writer_numbered(struct group_writer *w, uint32_t column, uint32_t number);

struct group_strings { /* each owned by the caller, appended to */
    struct writer head, filter, data;
};
void group_strings_release(struct group_strings *s);
/* Writes the rows and empties the writer (it may be used again).  TSDB_ELIMIT: the
 * budget is spent (rows beyond it were charged by force), or a column passes
 * GROUP_TEXT_MAX; the rows are still there and nothing was written. */
TSDB_NODISCARD enum tsdb_status group_writer_finish(struct group_writer *w, enum group_form form,
                                                    struct group_strings *out,
                                                    struct tsdb_error *err);

/* The same rows, sealed: parts that only change their packing are packed anew, lines are
 * offered to templates; everything else is copied.  On failure nothing was appended. */
struct group;
TSDB_NODISCARD enum tsdb_status group_seal(const struct group *in, struct budget *budget,
                                           struct group_strings *out, struct tsdb_error *err);

/* ---- reading ------------------------------------------------------------------ */

struct group_bytes {
    struct bytes head, filter, data;
};

struct column_info {
    struct tsdb_text name; /* borrowed from the head */
    uint8_t tag, kind, encoding, flags;
    uint32_t present;              /* rows that have it */
    uint32_t distinct;             /* of CONST and DICT, else 0 */
    int64_t int_min, int_max;      /* COLUMN_INT */
    double double_min, double_max; /* COLUMN_DOUBLE, of what is not NaN; else both NaN */
};

/* TSDB_ECORRUPT.  The strings are borrowed until group_free. */
TSDB_NODISCARD enum tsdb_status group_open(struct group_bytes in, struct group **out,
                                           struct tsdb_error *err);
void group_free(struct group *g); /* NULL is a no-op */
struct group_bytes group_strings_of(const struct group *g);
uint32_t group_rows(const struct group *g);
uint32_t group_columns(const struct group *g);
const struct column_info *group_column(const struct group *g, uint32_t column);
/* The column, or UINT32_MAX.  group_find_name: the first of that name, whatever its tag
 * (the others follow it). */
uint32_t group_find(const struct group *g, struct tsdb_text name, uint8_t tag);
uint32_t group_find_name(const struct group *g, struct tsdb_text name);

/* False: no row's text in any COLUMN_GRAMS column contains `needle`. */
bool group_may_contain(const struct group *g, struct tsdb_text needle);
/* The same of the rows [first, first + rows), rows > 0, as far as words tell. */
bool group_rows_may_contain(const struct group *g, uint32_t first, uint32_t rows,
                            struct tsdb_text needle);
/* False: no row of the column (flagged COLUMN_VALUES) has exactly this text. */
bool group_may_have(const struct group *g, uint32_t column, struct tsdb_text value);

struct group_reader;

struct group_reader *group_reader_new(struct budget *budget); /* budget may be NULL */
void group_reader_free(struct group_reader *r);
/* Turns to another group (or NULL); what it gave out before ends.  Capacity is kept. */
void group_reader_open(struct group_reader *r, const struct group *g);

/* Whole columns, decoded on first use and kept until the reader turns away.  Values of
 * rows that lack the column are 0 or empty.  TSDB_EINVAL: of another kind. */
TSDB_NODISCARD enum tsdb_status group_ints(struct group_reader *r, uint32_t column,
                                           const int64_t **values, struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status group_doubles(struct group_reader *r, uint32_t column,
                                              const double **values, struct tsdb_error *err);
/* One text a row. */
TSDB_NODISCARD enum tsdb_status group_texts(struct group_reader *r, uint32_t column,
                                            const struct tsdb_text **values,
                                            struct tsdb_error *err);
/* Bit i % 64 of word i / 64: row i has the column.  NULL: every row does. */
TSDB_NODISCARD enum tsdb_status group_presence(struct group_reader *r, uint32_t column,
                                               const uint64_t **bits, struct tsdb_error *err);

/* CONST and DICT texts without a text a row: values[codes[row]]; codes NULL: all rows
 * that have it have values[0].  TSDB_ENOTFOUND: of another encoding, use group_texts. */
struct column_codes {
    const struct tsdb_text *values;
    const uint16_t *codes; /* of rows that lack it: 0 */
    uint32_t count;
};
TSDB_NODISCARD enum tsdb_status group_codes(struct group_reader *r, uint32_t column,
                                            struct column_codes *out, struct tsdb_error *err);

/* A column part by part, for who wants few rows of it.  The values of the rows that have the
 * column are numbered from 0 on, rows that lack it do not count (group_presence).  Value v of
 * a part is ints[v - first], and so on; of a constant it is the first; of a text with a code it
 * is texts[codes[v - first]].  Parts are kept as whole columns are. */
struct column_part {
    uint32_t first, count; /* values */
    const int64_t *ints;
    const double *doubles;
    const struct tsdb_text *texts;
    const uint16_t *codes;
    bool is_constant;
};
/* The part that has the value, which is less than `present`. */
TSDB_NODISCARD enum tsdb_status group_part(struct group_reader *r, uint32_t column, uint32_t value,
                                           struct column_part *out, struct tsdb_error *err);

/* One row's value, of any column: only the parts that are asked for are decoded, and kept
 * until the reader turns away.  For the few rows of an answer. */
struct group_value {
    bool is_present; /* false: the row lacks the column, the rest is 0 */
    int64_t integer; /* COLUMN_INT */
    double real;     /* COLUMN_DOUBLE */
    struct tsdb_text text;
};
TSDB_NODISCARD enum tsdb_status group_value(struct group_reader *r, uint32_t column, uint32_t row,
                                            struct group_value *out, struct tsdb_error *err);

/* Texts one page at a time, lines joined by '\n' so that a search may run over the page as
 * a whole.  Line i is bytes[starts[i] .. starts[i + 1] - 1).  Encodings without pages come
 * as one, and so do columns that some rows lack (their lines are empty there). */
struct text_page {
    uint32_t first_row, rows;
    const char *bytes;      /* each line followed by one '\n' */
    const uint32_t *starts; /* rows + 1 */
};
uint32_t group_page_count(const struct group *g, uint32_t column);
/* Rows [*first, *first + *count) are in the page, without reading it. */
void group_page_rows(const struct group *g, uint32_t column, uint32_t page, uint32_t *first,
                     uint32_t *count);
/* Borrowed until the next group_page of this reader (it keeps the last one). */
TSDB_NODISCARD enum tsdb_status group_page(struct group_reader *r, uint32_t column, uint32_t page,
                                           struct text_page *out, struct tsdb_error *err);
/* The same for the lines that are wanted: those of other bits may come empty, and pages of
 * TEMPLATES that hold few of them cost less.  Clears bits of lines that are known to lack a
 * needle.  Only what wanted->rows says afterwards is to be looked at. */
TSDB_NODISCARD enum tsdb_status group_page_wanted(struct group_reader *r, uint32_t column,
                                                  uint32_t page, struct text_wanted *wanted,
                                                  struct text_page *out, struct tsdb_error *err);

/* Reads everything; for the scrub and the fuzzers. */
TSDB_NODISCARD enum tsdb_status group_check(const struct group *g, struct tsdb_error *err);

#endif
