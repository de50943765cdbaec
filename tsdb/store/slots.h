/* slots.h - an open-addressing table from a hash to 32-bit ids.
 *
 * A slot is 8 bytes: 32 bits of hash, 32 bits of id + 1; 0 is free.  Linear
 * probing, at most three quarters full, deletion by shifting back.  The keys
 * live with the owner: a probe answers every id stored under the hash, and the
 * owner compares.  Growing needs no key.
 *
 *     uint32_t at = hash, id;
 *     while ((id = slots_probe(s, hash, &at)) != SLOTS_NONE)
 *         if (key of id is the one) ...
 *
 * Owner: whoever embeds it; not thread-safe; {0} is empty.
 */
#ifndef TSDB_STORE_SLOTS_H
#define TSDB_STORE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#define SLOTS_NONE UINT32_MAX

struct slots {
    uint64_t *at; /* owned; NULL while empty */
    uint32_t mask, count;
};

void slots_release(struct slots *s);
/* The id must not be SLOTS_NONE. */
void slots_put(struct slots *s, uint32_t hash, uint32_t id);
/* The pair must be there. */
void slots_remove(struct slots *s, uint32_t hash, uint32_t id);
uint64_t slots_bytes(const struct slots *s);
/* What the next slots_put will allocate anew; 0 mostly. */
uint64_t slots_growth(const struct slots *s);

static inline void slots_prefetch(const struct slots *s, uint32_t hash)
{
    if (s->at)
        __builtin_prefetch(&s->at[hash & s->mask]);
}

/* The next id under the hash; *at starts as the hash itself. */
static inline uint32_t slots_probe(const struct slots *s, uint32_t hash, uint32_t *at)
{
    if (!s->at)
        return SLOTS_NONE;
    for (;;) {
        uint64_t slot = s->at[*at & s->mask];
        if (slot == 0)
            return SLOTS_NONE;
        (*at)++;
        if ((uint32_t)(slot >> 32) == hash)
            return (uint32_t)slot - 1;
    }
}

#endif
