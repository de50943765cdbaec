/* arena.h - memory of one unit of work, ended all at once.
 *
 * Never freed singly, never holds fds or locks, never escapes: what outlives
 * the unit is copied out.  Owner: one thread at a time.
 */
#ifndef TSDB_BASE_ARENA_H
#define TSDB_BASE_ARENA_H

#include "tsdb/base/budget.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

struct arena_block;

struct arena {
    struct arena_block *blocks;
    struct budget *budget; /* borrowed, may be NULL; charged a block at a time */
    size_t used, limit;    /* bytes handed out; most that may be */
};

void arena_init(struct arena *a, size_t limit, struct budget *budget);
/* Zeroed, or NULL when limit or budget would be passed. */
void *arena_get(struct arena *a, size_t count, size_t size, size_t align);
/* Empty; keeps one block. */
void arena_reset(struct arena *a);
void arena_release(struct arena *a);

/* A list that grows in an arena; zeroed is empty. */
struct arena_list {
    void *at;
    uint32_t count, cap;
};
/* One more zeroed item, or NULL: the arena is full, and the list is as it was. */
void *arena_list_push(struct arena *a, struct arena_list *list, size_t size, size_t align);

#define ARENA_ARRAY(a, type, n) ((type *)arena_get((a), (n), sizeof(type), alignof(type)))

#endif
