/* reader_memory.h - memory of what a reader has decoded of one group.
 *
 * Handed out piece by piece, not zeroed, ended all at once; the capacity of up to
 * READER_MEMORY_KEPT bytes is kept as one block, so that a reader going over many groups
 * takes it once.  Charged to the budget a block at a time, before it is taken.
 *
 * Owner: one reader.
 */
#ifndef TSDB_COLUMNS_READER_MEMORY_H
#define TSDB_COLUMNS_READER_MEMORY_H

#include "tsdb/base/budget.h"

#include <stddef.h>

enum { READER_MEMORY_KEPT = 16 << 20 };

struct reader_memory_block;

struct reader_memory {
    struct reader_memory_block *blocks; /* owned; the newest first */
    struct budget *budget;              /* borrowed, may be NULL */
    size_t taken;                       /* bytes of all blocks */
    size_t first;                       /* bytes that the next first block should have */
};

/* count * size bytes for any type, or NULL: the budget is spent.  May be 0 bytes. */
void *reader_memory_take(struct reader_memory *m, size_t count, size_t size);
void reader_memory_reset(struct reader_memory *m);
void reader_memory_release(struct reader_memory *m);

#endif
