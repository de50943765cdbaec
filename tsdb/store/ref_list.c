#include "tsdb/store/ref_list.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/writer.h"

#include <string.h>

enum { STEEP_BYTES = 4096 }; /* from here on lists grow by a quarter, not by a half */

static uint8_t *list_bytes(struct ref_list *l)
{
    return l->cap ? l->u.at : l->u.bytes;
}

void ref_list_release(struct ref_list *l)
{
    if (l->cap)
        mem_free(l->u.at);
    *l = (struct ref_list){0};
}

/* Rounded to what the allocator hands out anyway. */
static uint32_t cap_for(uint32_t bytes)
{
    uint32_t step = bytes < 128 ? 16 : bytes < 1024 ? 64 : 512;
    return (bytes + step - 1) / step * step;
}

static void grow(struct ref_list *l, uint32_t need)
{
    uint32_t was = l->cap ? l->cap : REF_LIST_INLINE;
    uint32_t want = was + (was < STEEP_BYTES ? was / 2 : was / 4);
    uint32_t cap = cap_for(want > need ? want : need);
    if (l->cap) {
        l->u.at = mem_grow(l->u.at, cap, 1);
    } else {
        uint8_t *at = mem_alloc(cap);
        memcpy(at, l->u.bytes, l->len);
        l->u.at = at;
    }
    l->cap = cap;
}

uint32_t ref_list_append(struct ref_list *l, uint32_t ref)
{
    uint8_t gap[10];
    uint32_t n = (uint32_t)uvarint_encode(ref - l->last, gap); /* wraps */
    uint32_t had = l->cap;
    if (n > (l->cap ? l->cap : REF_LIST_INLINE) - l->len)
        grow(l, l->len + n);
    memcpy(list_bytes(l) + l->len, gap, n);
    l->is_mixed |= l->count > 0 && ref < l->last;
    l->len = (l->len + n) & INT32_MAX;
    l->last = ref;
    l->count++;
    return l->cap - had;
}

void ref_list_read(const struct ref_list *l, struct ordinals *out)
{
    const uint8_t *at = l->cap ? l->u.at : l->u.bytes;
    ordinals_reserve(out, l->count);
    uint32_t *to = out->at + out->count, ref = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        uint32_t gap = *at & 0x7f;
        for (unsigned shift = 7; *at++ & 0x80; shift += 7)
            gap |= (uint32_t)(*at & 0x7f) << shift;
        ref += gap;
        to[i] = ref;
    }
    if (l->is_mixed) {
        struct ordinals part = {to, l->count, l->count};
        ordinals_sort(&part);
        ASSERT(part.count == l->count);
    }
    out->count += l->count;
}

int64_t ref_list_write(struct ref_list *l, const struct ordinals *set)
{
    int64_t before = l->cap;
    ref_list_release(l);
    if (set->count > 1) {
        uint64_t need = 0;
        uint8_t gap[10];
        for (uint32_t i = 0; i < set->count; i++)
            need += uvarint_encode(set->at[i] - (i ? set->at[i - 1] : 0), gap);
        ASSERT(need <= INT32_MAX);
        if (need > REF_LIST_INLINE)
            grow(l, (uint32_t)need);
    }
    for (uint32_t i = 0; i < set->count; i++)
        (void)ref_list_append(l, set->at[i]);
    return (int64_t)l->cap - before;
}
