#include "collector/derive/key_table.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

enum { SLOTS_FIRST = 64 };

void key_table_init(struct key_table *t, struct budget *budget)
{
    *t = (struct key_table){.budget = budget};
}

static uint64_t slot_bytes(uint32_t slot_count)
{
    return slot_count * sizeof(struct key_slot);
}

void key_table_release(struct key_table *t)
{
    if (t->budget)
        budget_release(t->budget, slot_bytes(t->slot_count));
    mem_free(t->slots);
    key_table_init(t, t->budget);
}

static void place(struct key_table *t, struct key_slot slot)
{
    uint32_t mask = t->slot_count - 1, i = (uint32_t)slot.key.lo & mask;
    while (t->slots[i].at)
        i = (i + 1) & mask;
    t->slots[i] = slot;
}

static bool grow(struct key_table *t)
{
    struct key_table old = *t;
    uint32_t want = old.slot_count ? old.slot_count * 2 : SLOTS_FIRST;
    ASSERT(want > old.slot_count);
    if (t->budget && !budget_charge(t->budget, slot_bytes(want)))
        return false;
    t->slots = MEM_ARRAY(struct key_slot, want);
    t->slot_count = want;
    for (uint32_t i = 0; i < old.slot_count; i++)
        if (old.slots[i].at)
            place(t, old.slots[i]);
    if (t->budget)
        budget_release(t->budget, slot_bytes(old.slot_count));
    mem_free(old.slots);
    return true;
}

bool key_table_put(struct key_table *t, struct tsdb_hash key, void *at)
{
    ASSERT(at);
    ASSERT_SLOW(!key_table_find(t, key));
    if ((uint64_t)(t->count + 1) * 4 > (uint64_t)t->slot_count * 3 && !grow(t))
        return false;
    place(t, (struct key_slot){key, at});
    t->count++;
    return true;
}

void key_table_remove(struct key_table *t, struct tsdb_hash key)
{
    ASSERT(t->count > 0);
    uint32_t mask = t->slot_count - 1, hole = (uint32_t)key.lo & mask;
    while (!hash_equal(t->slots[hole].key, key) || !t->slots[hole].at) {
        ASSERT(t->slots[hole].at); /* else the key is not here */
        hole = (hole + 1) & mask;
    }
    for (uint32_t i = (hole + 1) & mask; t->slots[i].at; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)t->slots[i].key.lo & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) /* it sits between its home and the hole */
            continue;
        t->slots[hole] = t->slots[i];
        hole = i;
    }
    t->slots[hole] = (struct key_slot){0};
    t->count--;
}
