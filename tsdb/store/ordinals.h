/* ordinals.h - a set of series as ascending 32-bit numbers.
 *
 * Ordinals are positions in a segment, or refs of a head.  Sorted ascending
 * without repeats, except between appends and ordinals_sort.
 * Owner: whoever declared it ({0} is empty); ordinals_release frees.
 */
#ifndef TSDB_STORE_ORDINALS_H
#define TSDB_STORE_ORDINALS_H

#include <stdbool.h>
#include <stdint.h>

struct ordinals {
    uint32_t *at; /* owned */
    uint32_t count, cap;
};

void ordinals_release(struct ordinals *o);
void ordinals_reset(struct ordinals *o);
/* Room for n more. */
void ordinals_reserve(struct ordinals *o, uint32_t n);
void ordinals_append(struct ordinals *o, uint32_t value);
/* first, first + 1, ... */
void ordinals_append_run(struct ordinals *o, uint32_t first, uint32_t count);
/* Makes a set of what was appended in any order: n for dense sets, n log n else. */
void ordinals_sort(struct ordinals *o);
bool ordinals_have(const struct ordinals *o, uint32_t value);
/* The first index whose value is >= value, at or after from. */
uint32_t ordinals_seek(const struct ordinals *o, uint32_t from, uint32_t value);

/* a becomes the result. */
void ordinals_intersect(struct ordinals *a, const struct ordinals *b);
void ordinals_subtract(struct ordinals *a, const struct ordinals *b);
void ordinals_unite(struct ordinals *a, const struct ordinals *b);

#endif
