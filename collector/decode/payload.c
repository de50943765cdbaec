#include "collector/decode/payload.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

enum { PAYLOAD_FIRST_BYTES = 4096 };

void payload_init(struct payload *p, size_t limit, struct budget *budget)
{
    *p = (struct payload){.limit = limit, .budget = budget};
}

void payload_release(struct payload *p)
{
    mem_free(p->at);
    if (p->budget)
        budget_release(p->budget, p->cap);
    *p = (struct payload){0};
}

enum tsdb_status payload_grow(struct payload *p, size_t want)
{
    ASSERT(want > 0);
    ASSERT(p->len <= p->cap);
    if (want <= p->cap - p->len)
        return TSDB_OK;
    if (p->len >= p->limit)
        return TSDB_EINVAL;
    size_t cap = p->cap ? p->cap : PAYLOAD_FIRST_BYTES;
    while (cap < p->limit && cap - p->len < want)
        cap = cap > p->limit / 2 ? p->limit : cap * 2;
    if (cap > p->limit)
        cap = p->limit;
    if (cap <= p->cap)
        return TSDB_OK; /* at the limit, and some room is left */
    if (p->budget && !budget_charge(p->budget, cap - p->cap))
        return TSDB_ELIMIT;
    p->at = mem_grow(p->at, cap, 1);
    p->cap = cap;
    return TSDB_OK;
}
