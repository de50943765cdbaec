/* symbols.h - texts interned as dense 32-bit ids: 0, 1, 2, ... in order of arrival.
 *
 * Nothing is removed singly.  A text is stored once, in blocks that never move,
 * so symbols_text stays valid until symbols_release.
 * Per symbol: its bytes, an 8-byte slot at most three quarters full, 16 bytes
 * of reference.
 * Owner: whoever declared it; not thread-safe: symbols_put needs to be alone,
 * the others may run beside each other.
 */
#ifndef TSDB_STORE_SYMBOLS_H
#define TSDB_STORE_SYMBOLS_H

#include "tsdb/store/slots.h"
#include "tsdb/tsdb.h"

#define SYMBOLS_NONE UINT32_MAX

struct symbols {
    uint64_t seed;
    struct slots slots;
    struct tsdb_text *texts; /* owned; by id */
    uint32_t count, cap;
    struct symbol_block *blocks; /* owned; newest first */
    uint64_t block_bytes;
};

void symbols_init(struct symbols *s, uint64_t seed);
void symbols_release(struct symbols *s);
/* The id of the text, new or not. */
uint32_t symbols_put(struct symbols *s, struct tsdb_text text);
/* SYMBOLS_NONE when it is not there. */
uint32_t symbols_find(const struct symbols *s, struct tsdb_text text);
struct tsdb_text symbols_text(const struct symbols *s, uint32_t id);
/* Everything it holds, slack included. */
uint64_t symbols_bytes(const struct symbols *s);

#endif
