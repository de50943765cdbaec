#include "tsdb/base/arena.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

#include <string.h>

enum { ARENA_BLOCK_BYTES = 16384 };

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *a, size_t limit, struct budget *budget)
{
    *a = (struct arena){.budget = budget, .limit = limit};
}

/* Blocks double, so that a large unit of work makes few of them. */
static struct arena_block *block_new(struct arena *a, size_t want)
{
    size_t size = a->blocks ? a->blocks->size : ARENA_BLOCK_BYTES / 2;
    if (size < (size_t)1 << 20)
        size *= 2;
    if (size < want)
        size = want;
    if (a->budget && !budget_charge(a->budget, size))
        return NULL;
    struct arena_block *b = mem_alloc(sizeof *b + size);
    b->next = a->blocks;
    b->size = size;
    b->used = 0;
    a->blocks = b;
    return b;
}

void *arena_get(struct arena *a, size_t count, size_t size, size_t align)
{
    ASSERT(align > 0 && (align & (align - 1)) == 0);
    ASSERT(align <= alignof(max_align_t));
    size_t want;
    if (__builtin_mul_overflow(count, size, &want) || want > a->limit - a->used)
        return NULL;

    struct arena_block *b = a->blocks;
    size_t pad = b ? (align - b->used % align) % align : 0;
    if (!b || pad > b->size - b->used || want > b->size - b->used - pad) {
        b = block_new(a, want);
        if (!b)
            return NULL;
        pad = 0;
    }
    if (pad > a->limit - a->used - want)
        return NULL;
    void *p = b->bytes + b->used + pad;
    b->used += pad + want;
    a->used += pad + want;
    return memset(p, 0, want);
}

void *arena_list_push(struct arena *a, struct arena_list *list, size_t size, size_t align)
{
    if (list->count == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 4;
        void *at = arena_get(a, cap, size, align);
        if (!at)
            return NULL;
        if (list->count > 0)
            memcpy(at, list->at, list->count * size);
        list->at = at;
        list->cap = cap;
    }
    return (char *)list->at + size * list->count++;
}

static void free_from(struct arena *a, struct arena_block *b)
{
    while (b) {
        struct arena_block *next = b->next;
        if (a->budget)
            budget_release(a->budget, b->size);
        mem_free(b);
        b = next;
    }
}

void arena_reset(struct arena *a)
{
    if (a->blocks) {
        free_from(a, a->blocks->next);
        a->blocks->next = NULL;
        a->blocks->used = 0;
        if (a->blocks->size > (size_t)1 << 20) {
            free_from(a, a->blocks);
            a->blocks = NULL;
        }
    }
    a->used = 0;
}

void arena_release(struct arena *a)
{
    free_from(a, a->blocks);
    a->blocks = NULL;
    a->used = 0;
}
