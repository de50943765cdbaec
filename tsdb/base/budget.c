#include "tsdb/base/budget.h"

#include "tsdb/base/assert.h"

#include <stddef.h>

void budget_init(struct budget *b, uint64_t limit, struct budget *parent)
{
    atomic_init(&b->used, 0);
    atomic_init(&b->limit, limit);
    b->parent = parent;
}

bool budget_charge(struct budget *b, uint64_t bytes)
{
    uint64_t limit = atomic_load_explicit(&b->limit, memory_order_relaxed);
    uint64_t used = atomic_fetch_add_explicit(&b->used, bytes, memory_order_relaxed);
    if (bytes <= limit && used <= limit - bytes) {
        if (!b->parent || budget_charge(b->parent, bytes))
            return true;
    }
    (void)atomic_fetch_sub_explicit(&b->used, bytes, memory_order_relaxed);
    return false;
}

void budget_force(struct budget *b, uint64_t bytes)
{
    for (; b; b = b->parent)
        (void)atomic_fetch_add_explicit(&b->used, bytes, memory_order_relaxed);
}

void budget_release(struct budget *b, uint64_t bytes)
{
    for (; b; b = b->parent) {
        uint64_t was = atomic_fetch_sub_explicit(&b->used, bytes, memory_order_relaxed);
        ASSERT(was >= bytes);
    }
}
