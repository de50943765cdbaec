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
    l->len = (l->len + n) & 0x7fffffffu;
    l->last = ref;
    l->count++;
    return l->cap - had;
}

/* Our own bytes: no bounds to check. */
static inline uint32_t gap_next(const uint8_t **at)
{
    uint32_t gap = **at & 0x7f;
    for (unsigned shift = 7; *(*at)++ & 0x80; shift += 7)
        gap |= (uint32_t)(**at & 0x7f) << shift;
    return gap;
}

void ref_list_read(const struct ref_list *l, struct ordinals *out)
{
    const uint8_t *at = l->cap ? l->u.at : l->u.bytes;
    ordinals_reserve(out, l->count);
    uint32_t *to = out->at + out->count, ref = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        ref += gap_next(&at);
        to[i] = ref;
    }
    if (l->is_mixed) {
        struct ordinals part = {to, l->count, l->count};
        ordinals_sort(&part);
        ASSERT(part.count == l->count);
    }
    out->count += l->count;
}

/* Rewritten from what is left, in order. */
static void remove_mixed(struct ref_list *l, const struct ordinals *set)
{
    struct ordinals left = {0};
    ref_list_read(l, &left);
    ordinals_subtract(&left, set);
    ref_list_release(l);
    for (uint32_t i = 0; i < left.count; i++)
        (void)ref_list_append(l, left.at[i]);
    ordinals_release(&left);
}

/* In place: gaps between refs that stay are copied as they are, and the gap that
 * closes over a removed ref is no longer than the two that it replaces. */
static void remove_sorted(struct ref_list *l, const struct ordinals *set)
{
    const uint8_t *from = list_bytes(l), *end = from + l->len;
    uint8_t *to = list_bytes(l);
    uint32_t ref = 0, last = 0, count = 0, k = 0;
    bool is_closing = false; /* the ref before went */
    while (from < end) {
        const uint8_t *gap = from;
        ref += gap_next(&from);
        if (k < set->count && set->at[k] < ref)
            k = ordinals_seek(set, k, ref);
        if (k < set->count && set->at[k] == ref) {
            is_closing = true;
            continue;
        }
        if (is_closing) {
            to += uvarint_encode(ref - last, to);
        } else {
            while (gap < from)
                *to++ = *gap++;
        }
        is_closing = false;
        last = ref;
        count++;
    }
    l->len = (uint32_t)(to - list_bytes(l)) & 0x7fffffffu;
    l->last = last;
    l->count = count;
}

static void shrink(struct ref_list *l)
{
    uint32_t len = l->len;
    if (l->cap && len <= REF_LIST_INLINE) {
        uint8_t *at = l->u.at;
        memcpy(l->u.bytes, at, len);
        mem_free(at);
        l->cap = 0;
    } else if (len < l->cap / 2) {
        l->cap = cap_for(len + len / 4);
        l->u.at = mem_grow(l->u.at, l->cap, 1);
    }
}

int64_t ref_list_remove(struct ref_list *l, const struct ordinals *set)
{
    int64_t before = l->cap;
    if (l->is_mixed)
        remove_mixed(l, set);
    else
        remove_sorted(l, set);
    shrink(l);
    return (int64_t)l->cap - before;
}
