#include "tsdb/store/symbols.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <string.h>

enum { BLOCK_BYTES_MIN = 1024, BLOCK_BYTES_MAX = 65536 };

struct symbol_block {
    struct symbol_block *next;
    size_t used, cap;
    char bytes[];
};

void symbols_init(struct symbols *s, uint64_t seed)
{
    *s = (struct symbols){.seed = seed};
}

void symbols_release(struct symbols *s)
{
    for (struct symbol_block *b = s->blocks; b;) {
        struct symbol_block *next = b->next;
        mem_free(b);
        b = next;
    }
    slots_release(&s->slots);
    mem_free(s->texts);
    *s = (struct symbols){0};
}

static uint32_t text_hash(const struct symbols *s, struct tsdb_text text)
{
    return (uint32_t)(hash64(s->seed, text.at, text.len) >> 32);
}

static uint32_t find(const struct symbols *s, uint32_t hash, struct tsdb_text text)
{
    uint32_t at = hash, id;
    while ((id = slots_probe(&s->slots, hash, &at)) != SLOTS_NONE) {
        if (text_equal(s->texts[id], text))
            return id;
    }
    return SYMBOLS_NONE;
}

/* Blocks double up to BLOCK_BYTES_MAX; a longer text gets one of its own. */
static char *block_room(struct symbols *s, size_t n)
{
    struct symbol_block *b = s->blocks;
    if (!b || n > b->cap - b->used) {
        size_t cap = b ? b->cap * 2 : BLOCK_BYTES_MIN;
        cap = cap < BLOCK_BYTES_MAX ? cap : BLOCK_BYTES_MAX;
        cap = cap > n ? cap : n;
        b = mem_alloc(sizeof *b + cap);
        *b = (struct symbol_block){.next = s->blocks, .cap = cap};
        s->blocks = b;
        s->block_bytes += sizeof *b + cap;
    }
    b->used += n;
    return b->bytes + b->used - n;
}

uint32_t symbols_put(struct symbols *s, struct tsdb_text text)
{
    uint32_t hash = text_hash(s, text);
    uint32_t id = find(s, hash, text);
    if (id != SYMBOLS_NONE)
        return id;
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap + s->cap / 2 : 16;
        s->texts = mem_grow(s->texts, s->cap, sizeof *s->texts);
    }
    ASSERT(s->count < SYMBOLS_NONE);
    char *copy = block_room(s, text.len);
    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    s->texts[s->count] = (struct tsdb_text){copy, text.len};
    slots_put(&s->slots, hash, s->count);
    return s->count++;
}

uint32_t symbols_find(const struct symbols *s, struct tsdb_text text)
{
    return find(s, text_hash(s, text), text);
}

struct tsdb_text symbols_text(const struct symbols *s, uint32_t id)
{
    ASSERT(id < s->count);
    return s->texts[id];
}

uint64_t symbols_bytes(const struct symbols *s)
{
    return slots_bytes(&s->slots) + s->cap * sizeof *s->texts + s->block_bytes;
}
