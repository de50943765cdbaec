#include "collector/api/tally.h"

#include "tsdb/base/hash.h"
#include "tsdb/base/text.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * TALLY_NAMES_MAX }; /* a power of two, at most half full */

bool tally_init(struct tally *t, struct arena *arena)
{
    *t = (struct tally){.arena = arena};
    t->entries = ARENA_ARRAY(arena, struct tally_entry, TALLY_NAMES_MAX);
    t->slots = ARENA_ARRAY(arena, uint32_t, SLOTS);
    return t->entries && t->slots;
}

static struct tally_entry *entry_new(struct tally *t, struct tsdb_text name)
{
    if (t->count == TALLY_NAMES_MAX)
        return NULL;
    char *copy = ARENA_ARRAY(t->arena, char, name.len + 1);
    if (!copy)
        return NULL;
    if (name.len > 0)
        memcpy(copy, name.at, name.len);
    t->entries[t->count] = (struct tally_entry){{copy, name.len}, 0};
    return &t->entries[t->count++];
}

void tally_add(struct tally *t, struct tsdb_text name, uint64_t n)
{
    uint64_t at = hash64(0, name.at, name.len);
    for (;; at++) {
        uint32_t *slot = &t->slots[at & (SLOTS - 1)];
        if (*slot && !text_equal(t->entries[*slot - 1].name, name))
            continue;
        struct tally_entry *e = *slot ? &t->entries[*slot - 1] : entry_new(t, name);
        if (e) {
            *slot = (uint32_t)(e - t->entries) + 1;
            e->count += n;
        }
        return;
    }
}

static int greater_first(const void *a, const void *b)
{
    const struct tally_entry *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return text_compare(x->name, y->name);
}

uint32_t tally_top(struct tally *t, uint32_t limit)
{
    qsort(t->entries, t->count, sizeof *t->entries, greater_first);
    return t->count < limit ? t->count : limit;
}
