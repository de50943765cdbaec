/* group_head.h - the head string of a group, written and read.
 *
 *   u8 version, uv rows, uv columns, then per column in order of (name, tag):
 *     sized name, u8 tag, u8 kind, u8 encoding, u8 flags, uv present (1..rows)
 *     COLUMN_INT:    svarint min, uv max - min
 *     COLUMN_DOUBLE: f64 min, f64 max (both the quiet NaN 0x7ff8000000000000: none)
 *     then by encoding
 *       CONST   COLUMN_INT: nothing (the min), COLUMN_DOUBLE: f64, COLUMN_TEXT: sized text
 *       DICT    uv distinct, 1..present
 *       FIXED   uv bytes of each text
 *       HEX     uv digits of each text, even
 *       CONST has no value parts; else uv value parts
 *     per part (presence, table, values): uv bytes, uv bytes in the clear, u8 packing, and
 *     of value parts of PAGES and TEMPLATES uv values
 *
 *     packing: 0 raw, 1 lz4, 2 zstd, 3 by the encoding itself: value parts of TEMPLATES,
 *     those and no others; their bytes in the clear are those of the lines, '\n' included
 *
 *     kinds and encodings that go together
 *       COLUMN_INT      CONST INTS
 *       COLUMN_DOUBLE   CONST FLOATS
 *       COLUMN_TEXT     CONST DICT INTS FIXED HEX PAGES TEMPLATES
 *
 * Limits: group.h and group_form.h; a column's parts are at most GROUP_TEXT_MAX and a
 * sixteenth in the clear.  Reading checks all of this and that the parts fill `data`.
 */
#ifndef TSDB_COLUMNS_GROUP_HEAD_H
#define TSDB_COLUMNS_GROUP_HEAD_H

#include "tsdb/columns/group_form.h"

void group_head_start(struct writer *out, uint32_t rows, uint32_t columns);
/* parts: those of the column. */
void group_head_column(struct writer *out, const struct column_head *c, const struct part *parts,
                       uint32_t rows);

/* Fills rows, columns and parts, owned by the caller even when it fails. */
TSDB_NODISCARD enum tsdb_status group_head_read(struct group *g, struct tsdb_error *err);

#endif
