/* column_presence.h - which rows have a column, when some lack it.
 *
 *   u8 form   0 BITS   bit i % 8 of byte i / 8: row i has it; (rows + 7) / 8 bytes
 *             1 HAVE   the rows that have it, as ints of the rows skipped before each
 *             2 LACK   the rows that lack it, likewise
 *             3 SAME   uv column: the same rows as of that one, which comes before in the group
 *                      and says itself which they are
 *
 * Lists are written where they are shorter than bits and have at most COLUMN_PART_ROWS
 * rows.  How many rows have it is known.  Pure: no allocation besides the writer.
 */
#ifndef TSDB_COLUMNS_COLUMN_PRESENCE_H
#define TSDB_COLUMNS_COLUMN_PRESENCE_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

/* Words of a bitmap of rows. */
#define PRESENCE_WORDS(rows) (((size_t)(rows) + 63) / 64)

/* have: the rows that have it, ascending; 0 < n < rows. */
void column_presence_encode(const uint16_t *have, uint32_t n, uint32_t rows, struct writer *out);

void column_presence_same(uint32_t column, struct writer *out);
/* Whether it is SAME; then *column is UINT32_MAX when it is damaged. */
bool column_presence_is_same(struct bytes in, uint32_t *column);

/* The whole of `in`, which is not SAME, as PRESENCE_WORDS(rows) words, bit i % 64 of word i / 64
 * for row i. TSDB_ECORRUPT unless exactly `present` rows have it. */
TSDB_NODISCARD enum tsdb_status column_presence_decode(struct bytes in, uint32_t rows,
                                                       uint32_t present, uint64_t *words);

#endif
