/* text_wanted.h - which lines of a page are asked for, and what they must hold.
 *
 * Owner: the caller; needles are borrowed.
 */
#ifndef TSDB_COLUMNS_TEXT_WANTED_H
#define TSDB_COLUMNS_TEXT_WANTED_H

#include "tsdb/tsdb.h"

struct text_wanted {
    uint64_t *rows; /* bit i % 64 of word i / 64: line i; cleared where a needle is known to lack */
    const struct tsdb_text *needles; /* a line that lacks one is not wanted; none is empty */
    uint32_t needle_count;
    bool is_only_asked; /* no lines are made: which are wanted is all */
};

static inline bool text_is_wanted(const uint64_t *rows, uint32_t line)
{
    return !rows || (rows[line / 64] >> line % 64 & 1);
}

#endif
