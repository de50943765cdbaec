/* key_table.h - 128-bit keys to objects: what every look-up of this room goes through.
 *
 * Open addressing with linear probing; removal shifts back, so nothing is left behind and
 * a look-up stays one or two cache lines.  Keys are seeded hashes that stand for what they
 * name (tsdb/base/hash.h): equal keys are the same thing.
 *
 * Memory: the slots are charged to the budget, and grow by doubling at three quarters.
 * Owner: whoever embeds it; no lock.
 */
#ifndef COLLECTOR_DERIVE_KEY_TABLE_H
#define COLLECTOR_DERIVE_KEY_TABLE_H

#include "tsdb/base/budget.h"
#include "tsdb/base/hash.h"

struct key_slot {
    struct tsdb_hash key;
    void *at; /* borrowed; NULL: the slot is free */
};

struct key_table {
    struct key_slot *slots; /* a power of two */
    uint32_t slot_count, count;
    struct budget *budget; /* borrowed, or NULL */
};

void key_table_init(struct key_table *t, struct budget *budget);
void key_table_release(struct key_table *t);

/* What was put, or NULL. */
static inline void *key_table_find(const struct key_table *t, struct tsdb_hash key)
{
    if (t->slot_count == 0)
        return NULL;
    uint32_t mask = t->slot_count - 1;
    for (uint32_t i = (uint32_t)key.lo & mask;; i = (i + 1) & mask) {
        const struct key_slot *slot = &t->slots[i];
        if (!slot->at || hash_equal(slot->key, key))
            return slot->at;
    }
}

/* The line where a look-up of the key will begin. */
static inline void key_table_prefetch(const struct key_table *t, struct tsdb_hash key)
{
    if (t->slot_count > 0)
        __builtin_prefetch(&t->slots[(uint32_t)key.lo & (t->slot_count - 1)]);
}

/* The key is not in the table.  False, and nothing changed, when the budget says no. */
bool key_table_put(struct key_table *t, struct tsdb_hash key, void *at);
/* The key is in the table. */
void key_table_remove(struct key_table *t, struct tsdb_hash key);

#endif
