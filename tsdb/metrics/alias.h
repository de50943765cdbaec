/* alias.h - from the hash of a series as a sender wrote it to the series.
 *
 * Open addressing, linear probing, 16-byte slots; 64 stripes grow one by one so
 * that no append waits for the whole table.  A slot keeps 96 bits of the seeded
 * key: at 10^9 series two keys collide with probability 6e-12, so the labels
 * are not compared again.  A series has as many aliases as it has senders'
 * spellings; the canonical one is always there.
 *
 * Guarded by the engine's index lock: find under read, put and remove under write.
 */
#ifndef TSDB_METRICS_ALIAS_H
#define TSDB_METRICS_ALIAS_H

#include "tsdb/tsdb.h"

enum { ALIAS_STRIPES = 64 };
#define ALIAS_NONE UINT32_MAX

struct alias_slot {
    uint64_t key;
    uint32_t check;
    uint32_t ref_plus_one; /* 0: empty */
};

struct alias_stripe {
    struct alias_slot *slots; /* owned */
    uint32_t mask, used;
};

struct alias_table {
    struct alias_stripe stripes[ALIAS_STRIPES];
};

void alias_init(struct alias_table *t);
void alias_release(struct alias_table *t);
void alias_put(struct alias_table *t, struct tsdb_hash key, uint32_t ref);
/* Drops one alias, which must be there. */
void alias_drop(struct alias_table *t, struct tsdb_hash key);
/* Drops every alias whose ref is_dead() says so. */
void alias_remove(struct alias_table *t, bool (*is_dead)(void *arg, uint32_t ref), void *arg);
uint64_t alias_bytes(const struct alias_table *t);

static inline const struct alias_slot *alias_home(const struct alias_table *t, struct tsdb_hash key)
{
    const struct alias_stripe *s = &t->stripes[key.hi >> 58];
    return &s->slots[key.lo & s->mask];
}

/* The series' ref, or ALIAS_NONE. */
static inline uint32_t alias_find(const struct alias_table *t, struct tsdb_hash key)
{
    const struct alias_stripe *s = &t->stripes[key.hi >> 58];
    for (uint64_t i = key.lo;; i++) {
        const struct alias_slot *slot = &s->slots[i & s->mask];
        if (slot->ref_plus_one == 0)
            return ALIAS_NONE;
        if (slot->key == key.lo && slot->check == (uint32_t)key.hi)
            return slot->ref_plus_one - 1;
    }
}

#endif
