/* postings.h - a set of ordinals as bytes.
 *
 * Up to eight ordinals are written plainly, more in the smallest of three shapes
 * (the first of them on a tie):
 *
 *   empty    no bytes
 *   few      [uv count <= 8] [uv first] [uv gap - 1]...
 *   runs     [uv count > 8] [0] [uv runs] { [uv gap] [uv length - 1] }...
 *   bitmap   [uv count > 8] [1] [uv first / 8] bits; the last byte is not 0
 *   blocks   [uv count > 8] [2] { [uv gap] [uv span] [u8 width] [packed] }...
 *
 *   uv = LEB128, shortest form.  Segments number series in metric-name order, so
 *   the list of a __name__ is one run.
 *   runs:    gap is from the end of the run before (first: from 0); it is > 0
 *            after the first, and so are no two runs adjacent.
 *   bitmap:  bit i of byte b is ordinal 8 * (base + b) + i; neither the first
 *            nor the last byte is 0.
 *   blocks:  128 ordinals each but the last.  gap is first - last of the block
 *            before - 1 (first block: first); span is last - first, so that a
 *            reader can pass over a block; packed holds the n - 1 gaps - 1, width
 *            bits each, low bit first, the padding bits 0.
 *
 * A list says how many ordinals it has first.  Decoding is bounded by `universe`
 * (every ordinal is below it) and rejects anything that does not ascend, does
 * not add up or has bytes left over: TSDB_ECORRUPT.  Law: decode(encode(x)) ==
 * x, and what decodes, encodes to no more bytes.
 */
#ifndef TSDB_STORE_POSTINGS_H
#define TSDB_STORE_POSTINGS_H

#include "tsdb/base/reader.h"
#include "tsdb/store/ordinals.h"
#include "tsdb/tsdb.h"

struct writer;

enum { POSTINGS_FEW = 8, POSTINGS_BLOCK = 128 };

/* Appends to out. */
void postings_encode(const struct ordinals *set, struct writer *out);
/* How many the list claims; bounded by universe, otherwise unchecked. */
TSDB_NODISCARD enum tsdb_status postings_count(struct bytes in, uint32_t universe, uint32_t *out);
/* Appends to out.  On an error out holds what it held before. */
TSDB_NODISCARD enum tsdb_status postings_decode(struct bytes in, uint32_t universe,
                                                struct ordinals *out);
/* Keeps (is_kept) or drops the members of a that are in the list, without
 * decoding blocks and bits that a does not reach.  Those are not checked.  On an
 * error the contents of a are unspecified. */
TSDB_NODISCARD enum tsdb_status postings_filter(struct bytes in, uint32_t universe, bool is_kept,
                                                struct ordinals *a);

#endif
