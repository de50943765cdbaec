/* histogram_layout.h - what neighbouring native histograms share: schema, zero
 * threshold, spans and bounds.
 *
 *   u8 flags, svarint schema, threshold, [uvarint count, numbers: bounds],
 *   spans of the positive side, [spans of the negative side]
 *     flags: LAYOUT_* below
 *     threshold: u8 0: zero; 1..254: 2^(byte - 200); 255: le64 bits, of what
 *     the others cannot say
 *     spans: uvarint count, then svarint offset, uvarint length each
 *
 * The lengths of a side's spans add up to its bucket counts; see histograms.h
 * for the limits.  Bounds and negative side are left out when empty.
 * Pure: no allocation besides writer and arena, no I/O, no globals.
 */
#ifndef TSDB_CODEC_HISTOGRAM_LAYOUT_H
#define TSDB_CODEC_HISTOGRAM_LAYOUT_H

#include "tsdb/base/arena.h"
#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum {
    LAYOUT_FLOAT = 1,    /* is_float */
    LAYOUT_INTEGRAL = 2, /* every count is an integer up to 2^53 */
    LAYOUT_NEGATIVE = 4,
    LAYOUT_CUSTOM = 8,
    LAYOUT_HINT_SHIFT = 4, /* two bits of enum tsdb_reset_hint */
    LAYOUT_HINTS = 64,     /* hints follow one by one; for chunks */
};

/* Flags as the histogram has them; hint included, LAYOUT_HINTS not. */
unsigned histogram_layout_flags(const struct tsdb_histogram *h);

/* Asserts that span lengths fit the counts and sizes the limits. */
void histogram_layout_encode(const struct tsdb_histogram *h, unsigned flags, struct writer *out);

/* Fills everything but the counts and their sum; bounds and spans live in the
 * arena, positive and negative stay NULL.  TSDB_ECORRUPT or TSDB_ELIMIT. */
TSDB_NODISCARD enum tsdb_status histogram_layout_decode(struct reader *r, struct arena *arena,
                                                        struct tsdb_histogram *h, unsigned *flags);

/* Whether both may be in one run: all but hint, counts and sum. */
bool histogram_layout_equal(const struct tsdb_histogram *a, const struct tsdb_histogram *b);

/* The count as an integer of magnitude up to 2^53; false when it is none. */
bool histogram_integer(double count, int64_t *out);

#endif
