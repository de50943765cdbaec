/* column_fixed.h - texts of one length, side by side: ids as bytes, ids as hex.
 *
 *   FIXED   the texts, one after the other
 *   HEX     the same of texts in lower-case hex, two digits a byte, the first one high
 *
 * Pure: no allocation besides the writer.
 */
#ifndef TSDB_COLUMNS_COLUMN_FIXED_H
#define TSDB_COLUMNS_COLUMN_FIXED_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

/* All texts have `bytes` bytes. */
void column_fixed_encode(const struct tsdb_text *texts, uint32_t n, uint32_t bytes,
                         struct writer *out);
/* All texts have `digits` characters, an even number.  False, and nothing appended, when
 * one is not lower-case hex. */
bool column_hex_encode(const struct tsdb_text *texts, uint32_t n, uint32_t digits,
                       struct writer *out);
/* Two digits a byte to out. */
void column_hex_decode(struct bytes in, char *out);

#endif
