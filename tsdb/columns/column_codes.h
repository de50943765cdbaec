/* column_codes.h - numbers of a dictionary's values, packed to a few bits each.
 *
 *   u8 width, then value i in bits [i * width, (i + 1) * width), least significant first
 *
 * The width is what the largest code needs, or 8 or 16 where whole bytes compress better.
 * Width 0 has no bytes: all codes are 0.  Bits behind the last value are 0.
 * Pure: no allocation besides the writer.
 */
#ifndef TSDB_COLUMNS_COLUMN_CODES_H
#define TSDB_COLUMNS_COLUMN_CODES_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

/* Bits that hold every code below `count`; count in 1..65536. */
unsigned column_codes_width(uint32_t count);

/* Appends n codes, each of at most `width` bits, 0..16. */
void column_codes_encode(const uint16_t *codes, uint32_t n, unsigned width, struct writer *out);

/* The whole of `in` as n codes below `count`.  TSDB_ECORRUPT: codes are unspecified. */
TSDB_NODISCARD enum tsdb_status column_codes_decode(struct bytes in, uint16_t *codes, uint32_t n,
                                                    uint32_t count);

#endif
