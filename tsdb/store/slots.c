#include "tsdb/store/slots.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

enum { CAP_MIN = 16 };

static uint32_t slot_hash(uint64_t slot)
{
    return (uint32_t)(slot >> 32);
}

void slots_release(struct slots *s)
{
    mem_free(s->at);
    *s = (struct slots){0};
}

uint64_t slots_bytes(const struct slots *s)
{
    return s->at ? ((uint64_t)s->mask + 1) * sizeof *s->at : 0;
}

static bool is_full(const struct slots *s)
{
    return !s->at || s->count >= s->mask / 4 * 3;
}

uint64_t slots_growth(const struct slots *s)
{
    if (!is_full(s))
        return 0;
    return s->at ? 2 * slots_bytes(s) : CAP_MIN * sizeof *s->at;
}

static void slot_place(struct slots *s, uint64_t slot)
{
    uint32_t at = slot_hash(slot);
    while (s->at[at & s->mask] != 0)
        at++;
    s->at[at & s->mask] = slot;
}

static void grow(struct slots *s)
{
    uint64_t cap = s->at ? ((uint64_t)s->mask + 1) * 2 : CAP_MIN;
    ASSERT(cap <= (uint64_t)1 << 32);
    struct slots old = *s;
    s->at = MEM_ARRAY(uint64_t, cap);
    s->mask = (uint32_t)(cap - 1);
    for (uint64_t i = 0; old.at && i <= old.mask; i++) {
        if (old.at[i] != 0)
            slot_place(s, old.at[i]);
    }
    mem_free(old.at);
}

void slots_put(struct slots *s, uint32_t hash, uint32_t id)
{
    ASSERT(id != SLOTS_NONE);
    if (is_full(s))
        grow(s);
    slot_place(s, (uint64_t)hash << 32 | (id + 1));
    s->count++;
}

/* Whatever could not lie nearer to its home because of the slot moves there. */
void slots_remove(struct slots *s, uint32_t hash, uint32_t id)
{
    uint64_t slot = (uint64_t)hash << 32 | (id + 1);
    uint32_t hole = hash & s->mask;
    while (s->at[hole] != slot) {
        ASSERT(s->at[hole] != 0);
        hole = (hole + 1) & s->mask;
    }
    for (uint32_t at = (hole + 1) & s->mask; s->at[at] != 0; at = (at + 1) & s->mask) {
        uint32_t home = slot_hash(s->at[at]) & s->mask;
        if (((at - home) & s->mask) >= ((at - hole) & s->mask)) {
            s->at[hole] = s->at[at];
            hole = at;
        }
    }
    s->at[hole] = 0;
    s->count--;
}
