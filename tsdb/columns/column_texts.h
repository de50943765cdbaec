/* column_texts.h - a block of texts: a page, or the values of a dictionary.
 *
 *   lengths (codec/ints, in runs of COLUMN_PART_ROWS), then each text and one '\n'
 *
 * The newlines let a search run over the page as a whole; texts may hold some of their
 * own.  Pure: no allocation besides the writer.
 */
#ifndef TSDB_COLUMNS_COLUMN_TEXTS_H
#define TSDB_COLUMNS_COLUMN_TEXTS_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

/* Appends the block.  The encoder uses 64 KiB of stack, so does the decoder. */
void column_texts_encode(const struct tsdb_text *texts, uint32_t n, struct writer *out);

/* Text i is body[starts[i] .. starts[i + 1] - 1); n + 1 starts.  The body is a view into
 * `in`.  TSDB_ECORRUPT: not a block of n texts; starts are unspecified. */
TSDB_NODISCARD enum tsdb_status column_texts_decode(struct bytes in, uint32_t n, uint32_t *starts,
                                                    struct bytes *body);

#endif
