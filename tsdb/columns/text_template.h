/* text_template.h - lines as templates and variables.
 *
 * Programs print a few formats with many values.  A line is cut into pieces that stay and
 * variables (text_tokens.h: words with digits, values, quoted texts); the pieces are the
 * template:
 *
 *   "GET /cart/42 took 17ms"  ->  template "GET /cart/<> took <>", variables 42, 17ms
 *
 * A set of templates is made from a sample of a group's lines and belongs to the group; a
 * page of lines is then written as template numbers and, for each template and place, a
 * column of variables, typed where all of the page's values come back exactly
 * (text_variables.h).  Places that most templates begin with alike, as a time and a host,
 * are one column for all of them.  The set is fixed: lines that fit no template are kept
 * as text.  Lines come back byte for byte, whatever they hold.
 *
 *   table     u8 version 1, u8 cut (enum text_cut_kind), a section (text_section.h),
 *             le32 crc32c of all before; the section in the clear:
 *             uv templates, uv lead, per template: uv places, uv length of each of the
 *             places + 1 pieces, the pieces' bytes
 *             lead: the first `lead` places are shared by all templates whose pieces
 *             before them are those of template 0; at most its places
 *
 *   page      u8 version 1, uv lines, uv bytes of the lines, each with its '\n',
 *             the sections TEXTS, NUMBERS, CODES, RAW, le32 crc32c of all before
 *   sections, read side by side:
 *     TEXTS   uv used, the templates used, ascending: uv difference to the last (first: the
 *             number itself)
 *     codes   a code for each line: 0 kept as text, c the c-th template used; with fewer
 *             than 256 used a byte each in CODES, else codec/ints in NUMBERS
 *     columns (text_variables.h), each of the lines it has, in their order:
 *             the shared places, if any line has them; the lines kept as text, if any;
 *             per template used: its places, without the shared ones
 *
 * The checksums make damage TSDB_ECORRUPT; what passes them is still trusted with nothing:
 * every count, place and length is checked, and memory is bounded by the bytes that the
 * page says its lines have, which bytes_max bounds.
 *
 * When they do not pay: free prose, values without digits outside quotes and pairs (each
 * makes a template of its own), pages of few lines.  text_templates_learn tells by writing
 * a part of its sample both ways.
 *
 * Owner: a set is immutable, any thread.  Pure.
 */
#ifndef TSDB_COLUMNS_TEXT_TEMPLATE_H
#define TSDB_COLUMNS_TEXT_TEMPLATE_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/columns/text_wanted.h"

enum {
    TEMPLATES_MAX = 4096,        /* of one set */
    TEMPLATE_PLACES_MAX = 64,    /* a line with more variables is kept as text */
    TEMPLATE_LINE_MAX = 16384,   /* a longer line is kept as text */
    TEMPLATE_PAGE_LINES = 16384, /* of one page */
};

struct text_templates;

/* From the lines of a group, of which it takes up to 2048, evenly.  NULL: it does not pay;
 * zstd of the lines is within a sixteenth of what the templates make of them.  4 ms or so. */
struct text_templates *text_templates_learn(const struct tsdb_text *lines, uint32_t count);
void text_templates_free(struct text_templates *t);
void text_templates_write(const struct text_templates *t, struct writer *out);
/* Keeps nothing of the bytes. */
TSDB_NODISCARD enum tsdb_status text_templates_read(struct bytes in, struct text_templates **out,
                                                    struct tsdb_error *err);
uint32_t text_templates_count(const struct text_templates *t);

/* Appends the page, packed.  At most TEMPLATE_PAGE_LINES; 0 lines are a page, too. */
void text_templates_encode(const struct text_templates *t, const struct tsdb_text *lines,
                           uint32_t count, struct writer *out);
/* The lines again, each followed by one '\n', appended to `bytes` (at most bytes_max,
 * else TSDB_ECORRUPT), and count + 1 starts into it.  TSDB_ECORRUPT when it is not a page of
 * `count` lines; then nothing is appended and starts[] is untouched.
 * wanted, NULL for all: lines whose bits are not set come empty, and cost little; those that by
 * their template, their texts or their numbers lack a needle have their bits cleared and come
 * empty, too.  is_only_asked: bits are all there is to it; bytes and starts may be NULL. */
TSDB_NODISCARD enum tsdb_status text_templates_decode(const struct text_templates *t,
                                                      struct bytes in, uint32_t count,
                                                      size_t bytes_max, struct text_wanted *wanted,
                                                      struct writer *bytes, uint32_t *starts,
                                                      struct tsdb_error *err);

#endif
