/* budget.h - bytes that may be spent, charged before they are allocated.
 *
 * A budget may have a parent; a charge must fit both.  Atomic: `used`, relaxed;
 * it is a count, it orders nothing.
 */
#ifndef TSDB_BASE_BUDGET_H
#define TSDB_BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct budget {
    struct budget *parent; /* borrowed, or NULL */
    _Atomic uint64_t used;
    _Atomic uint64_t limit;
};

void budget_init(struct budget *b, uint64_t limit, struct budget *parent);
/* False, and nothing charged, when it does not fit. */
bool budget_charge(struct budget *b, uint64_t bytes);
/* For what exists already: may pass the limit. */
void budget_force(struct budget *b, uint64_t bytes);
void budget_release(struct budget *b, uint64_t bytes);
static inline uint64_t budget_used(const struct budget *b)
{
    return atomic_load_explicit(&b->used, memory_order_relaxed);
}

#endif
