#include "tsdb/columns/reader_memory.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

enum { BLOCK_BYTES = 64 << 10, ALIGN = 16 };

struct reader_memory_block {
    struct reader_memory_block *next;
    size_t size, used;
    uint64_t pad;
    uint8_t bytes[];
};

static struct reader_memory_block *block_take(struct reader_memory *m, size_t want)
{
    size_t size = BLOCK_BYTES;
    if (!m->blocks && m->first > size)
        size = m->first;
    else if (m->taken / 2 > size) /* few blocks, whatever the group needs */
        size = m->taken / 2;
    size = want > size ? want : size;
    if (m->budget && !budget_charge(m->budget, size)) {
        size = want;
        if (!budget_charge(m->budget, size))
            return NULL;
    }
    struct reader_memory_block *b = mem_alloc(sizeof *b + size);
    *b = (struct reader_memory_block){.next = m->blocks, .size = size};
    m->blocks = b;
    m->taken += size;
    return b;
}

void *reader_memory_take(struct reader_memory *m, size_t count, size_t size)
{
    size_t want;
    if (__builtin_mul_overflow(count, size, &want) || want > SIZE_MAX - ALIGN)
        return NULL;
    want = (want + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct reader_memory_block *b = m->blocks;
    if (!b || want > b->size - b->used)
        b = block_take(m, want);
    if (!b)
        return NULL;
    void *at = b->bytes + b->used;
    b->used += want;
    return at;
}

static void blocks_free(struct reader_memory *m)
{
    while (m->blocks) {
        struct reader_memory_block *b = m->blocks;
        m->blocks = b->next;
        m->taken -= b->size;
        if (m->budget)
            budget_release(m->budget, b->size);
        mem_free(b);
    }
    ASSERT(m->taken == 0);
}

void reader_memory_reset(struct reader_memory *m)
{
    struct reader_memory_block *b = m->blocks;
    if (b && !b->next && b->size <= READER_MEMORY_KEPT) {
        b->used = 0;
        return;
    }
    m->first = m->taken < READER_MEMORY_KEPT ? m->taken : READER_MEMORY_KEPT;
    blocks_free(m);
}

void reader_memory_release(struct reader_memory *m)
{
    blocks_free(m);
}
