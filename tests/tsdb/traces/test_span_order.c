#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/traces/span_order.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static int by_key(const void *x, const void *y)
{
    const struct span_key *a = x, *b = y;
    if (a->hi != b->hi)
        return a->hi < b->hi ? -1 : 1;
    if (a->lo != b->lo)
        return a->lo < b->lo ? -1 : 1;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return a->at < b->at ? -1 : 1;
}

/* Ids of every sort: all random, few, 64 bits only, a common start, one trace. */
static uint64_t part_of_id(struct random *r, unsigned shape, bool is_high)
{
    switch (shape % 6) {
    case 0: return random_next(r);
    case 1: return is_high ? 0 : random_next(r);
    case 2: return is_high ? UINT64_C(0x6792abcd00000000) | random_below(r, 100) : random_next(r);
    case 3: return random_below(r, 3);
    case 4: return is_high ? random_next(r) << 62 : random_below(r, 2) << 63;
    default: return 7;
    }
}

Test(span_order, keys_are_sorted_whatever_the_ids_are)
{
    struct random r;
    random_init(&r, 11);
    for (unsigned round = 0; round < 120; round++) {
        uint32_t n = (uint32_t)random_below(&r, round < 60 ? 60 : 5000);
        struct span_key *keys = MEM_ARRAY(struct span_key, 2 * n + 1);
        struct span_key *want = MEM_ARRAY(struct span_key, n + 1);
        for (uint32_t i = 0; i < n; i++)
            keys[i] = want[i] = (struct span_key){
                .hi = part_of_id(&r, round, true),
                .lo = part_of_id(&r, round, false),
                .start = random_below(&r, 2) ? (int64_t)random_next(&r) : 5,
                .id = random_below(&r, 4),
                .at = i,
            };
        qsort(want, n, sizeof *want, by_key);
        span_keys_sort(keys, keys + n, n);
        for (uint32_t i = 0; i < n; i++)
            cr_assert_eq(keys[i].at, want[i].at, "round %u, key %u of %u", round, i, n);
        mem_free(keys);
        mem_free(want);
    }
}

Test(span_order, a_key_is_what_the_span_says)
{
    struct tsdb_span s = {.start = -5};
    for (uint8_t i = 0; i < 16; i++)
        s.trace_id.at[i] = (uint8_t)(i + 1);
    s.span_id.at[7] = 9;
    struct span_key key = span_key_of(&s, 77, 99);
    cr_assert_eq(key.hi, 0x0102030405060708);
    cr_assert_eq(key.lo, 0x090a0b0c0d0e0f10);
    cr_assert(key.start == -5 && key.id == 9 && key.at == 77 && key.entries == 99);
}

Test(span_order, hashes_are_sorted_and_there_once)
{
    uint32_t hashes[1000], scratch[1000], n = 0;
    for (uint32_t i = 0; i < 1000; i++)
        hashes[i] = (i % 250) * 0x9e3779b9u;
    n = span_hashes_sort(hashes, scratch, 1000);
    cr_assert_eq(n, 250);
    for (uint32_t i = 1; i < n; i++)
        cr_assert_lt(hashes[i - 1], hashes[i]);
    cr_assert_eq(hashes[0], 0);
    cr_assert_eq(span_hashes_sort(hashes, scratch, 0), 0);
}
