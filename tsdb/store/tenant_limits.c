#include "tsdb/store/tenant_limits.h"

#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"

#include <string.h>

/* The name's slot, or the free one where it would be.  There is one: half of them are. */
static uint32_t *slot_of(const struct tenant_limits *t, const char *tenant)
{
    for (uint64_t i = hash64(0, tenant, strlen(tenant));; i++) {
        uint32_t *slot = &t->slots[i & t->mask];
        if (*slot == 0 || strcmp(t->at[*slot - 1].tenant, tenant) == 0)
            return slot;
    }
}

void tenant_limits_init(struct tenant_limits *t, const struct tsdb_tenant_limits *at, size_t count)
{
    *t = (struct tenant_limits){0};
    if (count == 0)
        return;
    uint32_t slots = 4;
    while (slots < 2 * count)
        slots *= 2;
    t->at = MEM_ARRAY(struct tenant_limits_entry, count);
    t->slots = MEM_ARRAY(uint32_t, slots);
    t->mask = slots - 1;
    for (size_t i = 0; i < count; i++) {
        const char *name = at[i].tenant ? at[i].tenant : "";
        uint32_t *slot = slot_of(t, name);
        if (*slot)
            continue;
        t->at[t->count] = (struct tenant_limits_entry){mem_text(name, strlen(name)), at[i].limits};
        *slot = ++t->count;
    }
}

void tenant_limits_release(struct tenant_limits *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        mem_free(t->at[i].tenant);
    mem_free(t->at);
    mem_free(t->slots);
    *t = (struct tenant_limits){0};
}

const struct tsdb_limits *tenant_limits_find(const struct tenant_limits *t, const char *tenant)
{
    if (t->count == 0)
        return NULL;
    uint32_t slot = *slot_of(t, tenant);
    return slot ? &t->at[slot - 1].limits : NULL;
}
