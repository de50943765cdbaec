#include "tsdb/columns/text_dictionary.h"

#include "tsdb/base/mem.h"
#include "tsdb/columns/text_same.h"

/* As base/hash.c has it, but inlined here: a call a value would cost as much again. */
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { SLOTS_MIN = 16 };

void text_dictionary_release(struct text_dictionary *d)
{
    mem_free(d->slots);
    mem_free(d->values);
    *d = (struct text_dictionary){0};
}

size_t text_dictionary_bytes(const struct text_dictionary *d)
{
    return d->slot_count * sizeof *d->slots + d->cap * sizeof *d->values;
}

/* Half of the slots stay empty; there are as many values as may be taken. */
size_t text_dictionary_growth(const struct text_dictionary *d)
{
    if (d->count < d->cap)
        return 0;
    return d->slot_count ? text_dictionary_bytes(d)
                         : SLOTS_MIN * sizeof *d->slots + SLOTS_MIN / 2 * sizeof *d->values;
}

static void grow(struct text_dictionary *d)
{
    uint32_t count = d->slot_count ? 2 * d->slot_count : SLOTS_MIN;
    struct text_dictionary_slot *slots = MEM_ARRAY(struct text_dictionary_slot, count);
    for (uint32_t i = 0; i < d->slot_count; i++) {
        struct text_dictionary_slot slot = d->slots[i];
        if (slot.number == 0)
            continue;
        uint32_t at = slot.hash & (count - 1);
        while (slots[at].number)
            at = (at + 1) & (count - 1);
        slots[at] = slot;
    }
    mem_free(d->slots);
    d->slots = slots;
    d->slot_count = count;
    d->cap = count / 2;
    d->values = mem_grow(d->values, d->cap, sizeof *d->values);
}

uint32_t text_dictionary_add(struct text_dictionary *d, uint64_t seed, struct tsdb_text text)
{
    if (text.len == 0)
        text.at = "";
    if (d->count > 0 && text_same(d->values[d->last], text))
        return d->last;
    if (d->count == d->cap)
        grow(d);
    uint32_t hash = (uint32_t)XXH3_64bits_withSeed(text.at, text.len, seed),
             mask = d->slot_count - 1;
    uint32_t at = hash & mask;
    for (; d->slots[at].number; at = (at + 1) & mask) {
        uint32_t number = d->slots[at].number - 1;
        if (d->slots[at].hash == hash && text_same(d->values[number], text))
            return d->last = number;
    }
    d->slots[at] = (struct text_dictionary_slot){hash, d->count + 1};
    d->values[d->count] = text;
    return d->last = d->count++;
}
