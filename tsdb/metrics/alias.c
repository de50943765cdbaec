#include "tsdb/metrics/alias.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

enum { SLOTS_FIRST = 64 };

static void stripe_init(struct alias_stripe *s, uint32_t slots)
{
    ASSERT((slots & (slots - 1)) == 0);
    *s = (struct alias_stripe){.slots = MEM_ARRAY(struct alias_slot, slots), .mask = slots - 1};
}

void alias_init(struct alias_table *t)
{
    for (int i = 0; i < ALIAS_STRIPES; i++)
        stripe_init(&t->stripes[i], SLOTS_FIRST);
}

void alias_release(struct alias_table *t)
{
    for (int i = 0; i < ALIAS_STRIPES; i++)
        mem_free(t->stripes[i].slots);
    *t = (struct alias_table){0};
}

static void place(struct alias_stripe *s, struct alias_slot slot)
{
    uint64_t i = slot.key;
    while (s->slots[i & s->mask].ref_plus_one != 0)
        i++;
    s->slots[i & s->mask] = slot;
    s->used++;
}

/* Rebuilds with room for a third more; keeps what is_dead does not name. */
static void rebuild(struct alias_stripe *s, uint32_t slots,
                    bool (*is_dead)(void *arg, uint32_t ref), void *arg)
{
    struct alias_stripe old = *s;
    stripe_init(s, slots);
    for (uint32_t i = 0; i <= old.mask; i++) {
        struct alias_slot slot = old.slots[i];
        if (slot.ref_plus_one != 0 && !(is_dead && is_dead(arg, slot.ref_plus_one - 1)))
            place(s, slot);
    }
    mem_free(old.slots);
}

void alias_put(struct alias_table *t, struct tsdb_hash key, uint32_t ref)
{
    ASSERT(ref != ALIAS_NONE);
    struct alias_stripe *s = &t->stripes[key.hi >> 58];
    if (s->used + 1 > (s->mask + 1) / 4 * 3)
        rebuild(s, (s->mask + 1) * 2, NULL, NULL);
    place(s, (struct alias_slot){key.lo, (uint32_t)key.hi, ref + 1});
}

/* Closes the gap by moving back what was displaced past it. */
void alias_drop(struct alias_table *t, struct tsdb_hash key)
{
    struct alias_stripe *s = &t->stripes[key.hi >> 58];
    uint64_t gap = key.lo;
    while (s->slots[gap & s->mask].key != key.lo ||
           s->slots[gap & s->mask].check != (uint32_t)key.hi) {
        ASSERT(s->slots[gap & s->mask].ref_plus_one != 0);
        gap++;
    }
    for (uint64_t i = gap + 1; s->slots[i & s->mask].ref_plus_one != 0; i++) {
        uint64_t home = s->slots[i & s->mask].key;
        if (((i - home) & s->mask) < ((i - gap) & s->mask))
            continue; /* its home lies behind the gap */
        s->slots[gap & s->mask] = s->slots[i & s->mask];
        gap = i;
    }
    s->slots[gap & s->mask] = (struct alias_slot){0};
    s->used--;
}

void alias_remove(struct alias_table *t, bool (*is_dead)(void *arg, uint32_t ref), void *arg)
{
    for (int i = 0; i < ALIAS_STRIPES; i++)
        rebuild(&t->stripes[i], t->stripes[i].mask + 1, is_dead, arg);
}

uint64_t alias_bytes(const struct alias_table *t)
{
    uint64_t bytes = 0;
    for (int i = 0; i < ALIAS_STRIPES; i++)
        bytes += ((uint64_t)t->stripes[i].mask + 1) * sizeof(struct alias_slot);
    return bytes;
}
