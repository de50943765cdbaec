/* tally.h - counts by name, and the greatest of them.
 *
 * Names are copied into an arena; at most TALLY_NAMES_MAX, what comes after is
 * not counted (the answer is a hint where to look, not an account).
 * Owner: one thread.
 */
#ifndef COLLECTOR_API_TALLY_H
#define COLLECTOR_API_TALLY_H

#include "tsdb/base/arena.h"
#include "tsdb/tsdb.h"

enum { TALLY_NAMES_MAX = 1 << 16, TALLY_TOP_MAX = 1000 };

struct tally_entry {
    struct tsdb_text name;
    uint64_t count;
};

struct tally {
    struct arena *arena; /* borrowed */
    struct tally_entry *entries;
    uint32_t *slots; /* index + 1 into entries; 0: free */
    uint32_t count;
};

/* False when the arena is full. */
bool tally_init(struct tally *t, struct arena *arena);
void tally_add(struct tally *t, struct tsdb_text name, uint64_t n);
/* Sorts the entries: greatest first, then by name; how many of them to show. */
uint32_t tally_top(struct tally *t, uint32_t limit);

#endif
