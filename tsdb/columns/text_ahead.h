/* text_ahead.h - fetches a text into the cache before its turn.
 *
 * Texts of a column lie a row apart, further than the processor foresees by itself; going
 * over a column without this costs a memory access a row, some 80 ns.
 */
#ifndef TSDB_COLUMNS_TEXT_AHEAD_H
#define TSDB_COLUMNS_TEXT_AHEAD_H

#include "tsdb/tsdb.h"

enum { TEXT_AHEAD = 12, TEXT_AHEAD_LINE = 64 };

static inline void text_ahead(const struct tsdb_text *texts, uint32_t i, uint32_t n)
{
    if (i + TEXT_AHEAD >= n)
        return;
    const struct tsdb_text *text = &texts[i + TEXT_AHEAD];
    __builtin_prefetch(text->at);
    if (text->len > TEXT_AHEAD_LINE) /* of longer ones the processor foresees the rest */
        __builtin_prefetch(text->at + TEXT_AHEAD_LINE);
}

#endif
