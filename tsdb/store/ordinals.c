#include "tsdb/store/ordinals.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

#include <string.h>

enum {
    FEW = 32,           /* sorted by insertion */
    WORDS_PER_ITEM = 4, /* a bitmap of so many words an item still beats a sort */
    GALLOP_RATIO = 16,  /* sets that differ so much in size are galloped through */
};

void ordinals_release(struct ordinals *o)
{
    mem_free(o->at);
    *o = (struct ordinals){0};
}

void ordinals_reset(struct ordinals *o)
{
    o->count = 0;
}

void ordinals_reserve(struct ordinals *o, uint32_t n)
{
    if (n <= o->cap - o->count)
        return;
    uint64_t cap = (uint64_t)o->cap + o->cap / 2;
    uint64_t want = (uint64_t)o->count + n;
    ASSERT(want <= UINT32_MAX);
    if (cap < want)
        cap = want;
    if (cap > UINT32_MAX)
        cap = UINT32_MAX;
    o->at = mem_grow(o->at, cap, sizeof *o->at);
    o->cap = (uint32_t)cap;
}

void ordinals_append(struct ordinals *o, uint32_t value)
{
    if (o->count == o->cap)
        ordinals_reserve(o, o->cap < FEW ? FEW : 1);
    o->at[o->count++] = value;
}

void ordinals_append_run(struct ordinals *o, uint32_t first, uint32_t count)
{
    ordinals_reserve(o, count);
    for (uint32_t i = 0; i < count; i++)
        o->at[o->count + i] = first + i;
    o->count += count;
}

static bool is_sorted(const struct ordinals *o)
{
    for (uint32_t i = 1; i < o->count; i++) {
        if (o->at[i - 1] >= o->at[i])
            return false;
    }
    return true;
}

static void sort_few(struct ordinals *o)
{
    for (uint32_t i = 1; i < o->count; i++) {
        uint32_t value = o->at[i], j = i;
        for (; j > 0 && o->at[j - 1] > value; j--)
            o->at[j] = o->at[j - 1];
        o->at[j] = value;
    }
}

/* Through a bitmap of [min, min + 64 * words). */
static void sort_dense(struct ordinals *o, uint32_t min, uint32_t words)
{
    uint64_t *bits = MEM_ARRAY(uint64_t, words);
    for (uint32_t i = 0; i < o->count; i++) {
        uint32_t bit = o->at[i] - min;
        bits[bit / 64] |= (uint64_t)1 << (bit % 64);
    }
    uint32_t count = 0;
    for (uint32_t w = 0; w < words; w++) {
        for (uint64_t rest = bits[w]; rest; rest &= rest - 1)
            o->at[count++] = min + w * 64 + (uint32_t)__builtin_ctzll(rest);
    }
    o->count = count;
    mem_free(bits);
}

/* Least significant byte first; a byte that is the same in all costs no pass. */
static void sort_sparse(struct ordinals *o)
{
    uint32_t *from = o->at, *to = mem_alloc(o->count * sizeof *to);
    uint32_t *scratch = to;
    for (unsigned shift = 0; shift < 32; shift += 8) {
        uint32_t starts[256] = {0}, sum = 0;
        for (uint32_t i = 0; i < o->count; i++)
            starts[from[i] >> shift & 0xff]++;
        if (starts[from[0] >> shift & 0xff] == o->count)
            continue;
        for (unsigned b = 0; b < 256; b++) {
            uint32_t n = starts[b];
            starts[b] = sum;
            sum += n;
        }
        for (uint32_t i = 0; i < o->count; i++)
            to[starts[from[i] >> shift & 0xff]++] = from[i];
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != o->at)
        memcpy(o->at, from, o->count * sizeof *from);
    mem_free(scratch);
}

static void drop_repeats(struct ordinals *o)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < o->count; i++) {
        if (kept == 0 || o->at[kept - 1] != o->at[i])
            o->at[kept++] = o->at[i];
    }
    o->count = kept;
}

void ordinals_sort(struct ordinals *o)
{
    if (is_sorted(o))
        return;
    uint32_t min = UINT32_MAX, max = 0;
    for (uint32_t i = 0; i < o->count; i++) {
        min = o->at[i] < min ? o->at[i] : min;
        max = o->at[i] > max ? o->at[i] : max;
    }
    uint32_t words = (max - min) / 64 + 1;
    if (o->count > FEW && words / WORDS_PER_ITEM <= o->count) {
        sort_dense(o, min, words);
        return;
    }
    if (o->count <= FEW)
        sort_few(o);
    else
        sort_sparse(o);
    drop_repeats(o);
}

uint32_t ordinals_seek(const struct ordinals *o, uint32_t from, uint32_t value)
{
    uint32_t step = 1, low = from;
    while (low < o->count && o->at[low] < value) {
        from = low + 1;
        low = step < o->count - low ? low + step : o->count;
        step *= 2;
    }
    while (from < low) {
        uint32_t middle = from + (low - from) / 2;
        if (o->at[middle] < value)
            from = middle + 1;
        else
            low = middle;
    }
    return from;
}

bool ordinals_have(const struct ordinals *o, uint32_t value)
{
    uint32_t at = ordinals_seek(o, 0, value);
    return at < o->count && o->at[at] == value;
}

void ordinals_intersect(struct ordinals *a, const struct ordinals *b)
{
    uint32_t kept = 0, j = 0;
    bool is_b_large = b->count / GALLOP_RATIO > a->count;
    bool is_a_large = a->count / GALLOP_RATIO > b->count;
    for (uint32_t i = 0; i < a->count && j < b->count;) {
        uint32_t x = a->at[i], y = b->at[j];
        if (x == y) {
            a->at[kept++] = x;
            i++;
            j++;
        } else if (x < y) {
            i = is_a_large ? ordinals_seek(a, i + 1, y) : i + 1;
        } else {
            j = is_b_large ? ordinals_seek(b, j + 1, x) : j + 1;
        }
    }
    a->count = kept;
}

void ordinals_subtract(struct ordinals *a, const struct ordinals *b)
{
    uint32_t kept = 0, j = 0;
    bool is_b_large = b->count / GALLOP_RATIO > a->count;
    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t x = a->at[i];
        if (is_b_large)
            j = ordinals_seek(b, j, x);
        while (j < b->count && b->at[j] < x)
            j++;
        if (j == b->count || b->at[j] != x)
            a->at[kept++] = x;
    }
    a->count = kept;
}

/* From the back, so that a grows in place. */
void ordinals_unite(struct ordinals *a, const struct ordinals *b)
{
    if (b->count == 0)
        return;
    ordinals_reserve(a, b->count);
    uint32_t i = a->count, j = b->count, to = i + j;
    while (j > 0) {
        if (i > 0 && a->at[i - 1] > b->at[j - 1])
            a->at[--to] = a->at[--i];
        else
            a->at[--to] = b->at[--j];
    }
    a->count += b->count;
    drop_repeats(a);
}
