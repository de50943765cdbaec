/* group_output.h - columns on their way into the three strings of a group.
 *
 * What writing and sealing share: parts are packed and counted, one column at a time, and
 * each column ends with its entry in the head.
 *
 * Owner: one call; group_output_release gives back all but the strings.
 */
#ifndef TSDB_COLUMNS_GROUP_OUTPUT_H
#define TSDB_COLUMNS_GROUP_OUTPUT_H

#include "tsdb/columns/group_form.h"

/* What sealing takes besides what it reads: compressors, a sample of lines, a page. */
enum { GROUP_SEAL_BYTES = 12 << 20 };

struct group_output {
    struct group_strings *out; /* borrowed */
    struct packer packer;
    struct writer scratch;
    struct filter_builder *builder; /* owned, or NULL: no column is in the filter */
    struct part *parts;             /* owned: of the column under way */
    uint32_t rows, part_count, part_cap;
};

/* Writes the start of the head. */
void group_output_init(struct group_output *o, struct group_strings *out, enum group_form form,
                       uint32_t rows, uint32_t columns);
void group_output_release(struct group_output *o);

/* The next part: bytes packed as the form has it, or as they are. */
void group_output_part(struct group_output *o, struct bytes clear, uint32_t values);
void group_output_raw(struct group_output *o, struct bytes clear, uint32_t values);
/* A part of the same bytes and packing as in another group's data. */
void group_output_copy(struct group_output *o, const struct part *part, struct bytes data);

void group_output_presence(struct group_output *o, const uint16_t *have, uint32_t n);
/* As those of a column that was written before. */
void group_output_same_presence(struct group_output *o, uint32_t column);
void group_output_codes(struct group_output *o, const uint16_t *codes, uint32_t n,
                        uint32_t distinct);
/* Ends the column: its entry in the head, with all parts since the last one. */
void group_output_column(struct group_output *o, const struct column_head *c);

/* Writes a column of texts that no dictionary serves, in the cheapest encoding; sets the
 * encoding and what goes with it in *c. */
void group_output_texts(struct group_output *o, struct column_head *c,
                        const struct tsdb_text *texts, uint32_t n);
/* Long free text: as TEMPLATES when sealing and where that pays, else as PAGES. */
void group_output_lines(struct group_output *o, struct column_head *c,
                        const struct tsdb_text *texts, uint32_t n);
/* A part that its encoding has packed; `clear` bytes of lines. */
void group_output_own(struct group_output *o, struct bytes packed, uint32_t clear, uint32_t values);

#endif
