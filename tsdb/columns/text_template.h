/* text_template.h - lines as templates and variables.
 *
 * Programs print a few formats with many values.  A line is cut into tokens; tokens
 * with a digit, quoted strings and hex are variables, the rest is the template:
 *
 *   "GET /cart/42 took 17ms"  ->  template "GET /cart/<> took <>ms", variables 42, 17
 *
 * A set of templates is made from a sample of a group's lines and belongs to the group;
 * a page of lines is then written as template numbers and, for each template and place,
 * a column of variables, typed where all of the page's values round-trip exactly:
 * decimal integers, decimals of one scale, hex of one length, IPv4, dictionary, text.
 * Lines that fit no template are kept as text.  Lines come back byte for byte.
 *
 *   table   u8 version 1, uv templates, per template: uv places, sized text of each piece
 *   page    u8 version 1, uv lines, template numbers (ints; 0: kept as text), per template
 *           used and place: u8 form, sized column; the texts' lengths and bytes; the whole
 *           packed by zstd
 *
 * Pure; all limits are checked before memory is taken.
 */
#ifndef TSDB_COLUMNS_TEXT_TEMPLATE_H
#define TSDB_COLUMNS_TEXT_TEMPLATE_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum {
    TEMPLATES_MAX = 4096,        /* of one set */
    TEMPLATE_PLACES_MAX = 64,    /* a line with more variables is kept as text */
    TEMPLATE_LINE_MAX = 16384,   /* a longer line is kept as text */
    TEMPLATE_PAGE_LINES = 16384, /* of one page */
};

struct text_templates;

/* From a sample of lines (up to some thousands).  NULL: they are too unlike each other
 * to pay (more than one template per twenty lines). */
struct text_templates *text_templates_learn(const struct tsdb_text *lines, uint32_t count);
void text_templates_free(struct text_templates *t);
void text_templates_write(const struct text_templates *t, struct writer *out);
/* Borrows the bytes. */
TSDB_NODISCARD enum tsdb_status text_templates_read(struct bytes in, struct text_templates **out,
                                                    struct tsdb_error *err);
uint32_t text_templates_count(const struct text_templates *t);

/* Appends the page, packed. */
void text_templates_encode(const struct text_templates *t, const struct tsdb_text *lines,
                           uint32_t count, struct writer *out);
/* The lines again, each followed by one '\n', appended to `bytes` (at most bytes_max,
 * else TSDB_ECORRUPT), and count + 1 starts into it.  TSDB_ECORRUPT when it is not a page of
 * `count` lines. */
TSDB_NODISCARD enum tsdb_status text_templates_decode(const struct text_templates *t,
                                                      struct bytes in, uint32_t count,
                                                      size_t bytes_max, struct writer *bytes,
                                                      uint32_t *starts, struct tsdb_error *err);

/* For people: the template of a line as "GET /cart/<_> took <_>ms", appended (what
 * Loki's patterns show).  Bounded; any line. */
void text_pattern(struct tsdb_text line, struct writer *out);

#endif
