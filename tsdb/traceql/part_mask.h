/* part_mask.h - a filter over a part's columns: one bit a span.
 *
 *   heads and filters:  can any row pass?                        nothing is read
 *   field op literal    texts in a dictionary: once a value, then by code
 *                       numbers: a column against the literal, a word of bits at a time
 *                       resources and scopes: their rows, then through `source`
 *                       events and links: their rows, then onto the spans they are of
 *   field = nil         what the columns know of who has them
 *   && || !             bits; the right side looks only at rows that the left leaves open
 *   anything else       the rows that are left, one by one (span_test.h)
 *
 * Fields that only a whole trace can tell let every row pass; the mask is then more than
 * the filter (`is_exact` is false) and spans must be looked at again.
 */
#ifndef TSDB_TRACEQL_PART_MASK_H
#define TSDB_TRACEQL_PART_MASK_H

#include "tsdb/traceql/span_part.h"

/* False: no row of the part passes, told without reading data.  The part need not be read. */
bool part_mask_may(struct span_part *p, const struct span_test *t);
/* Of the rows in `among` those that pass.  Both have PART_WORDS words and may be the same.
 * What went wrong with a column is in p->fault. */
void part_mask(struct span_part *p, const struct span_test *t, const uint64_t *among, uint64_t *out,
               bool *is_exact);

uint32_t part_mask_count(const struct span_part *p, const uint64_t *mask);

/* For each row of the mask, ascending; declares `row`. NOLINTNEXTLINE(bugprone-macro-parentheses)
 */
#define PART_MASK_EACH(p, mask, row)                                                               \
    for (uint32_t word_ = 0, row; word_ < ((p)->rows[SPAN_TABLE_SPANS] + 63) / 64; word_++)        \
        for (uint64_t bits_ = (mask)[word_];                                                       \
             bits_ && (row = word_ * 64 + (uint32_t)__builtin_ctzll(bits_), true);                 \
             bits_ &= bits_ - 1)

#endif
