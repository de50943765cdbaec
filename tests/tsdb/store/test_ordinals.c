#include "tsdb/store/ordinals.h"

#include "tests/tsdb/store/model_series.h"

#include <criterion/criterion.h>

/* A set of up to `most` ordinals below span. */
static void random_set(struct random *r, struct ordinals *o, uint32_t most, uint64_t span)
{
    ordinals_reset(o);
    for (uint64_t n = random_below(r, most + 1); n > 0; n--)
        ordinals_append(o, (uint32_t)random_below(r, span));
    ordinals_sort(o);
}

static bool in_linear(const struct ordinals *o, uint32_t value)
{
    for (uint32_t i = 0; i < o->count; i++) {
        if (o->at[i] == value)
            return true;
    }
    return false;
}

static struct ordinals copy_of(const struct ordinals *o)
{
    struct ordinals copy = {0};
    for (uint32_t i = 0; i < o->count; i++)
        ordinals_append(&copy, o->at[i]);
    return copy;
}

/* Goal: the three operations are what sets do, whichever path they take.
 * Method: pairs of random sets, equal and unequal in size; membership judged by a
 * linear walk. */
Test(ordinals, behave_as_sets)
{
    struct random r;
    random_init(&r, model_seed(1));
    struct ordinals a = {0}, b = {0};
    uint32_t common = 0;
    for (int round = 0; round < 300; round++) {
        uint64_t span = round % 4 ? 500 : UINT32_MAX;
        random_set(&r, &a, round % 3 ? 200 : 4, span);
        random_set(&r, &b, round % 5 ? 300 : 3, span);
        struct ordinals both = copy_of(&a), rest = copy_of(&a), all = copy_of(&a);
        ordinals_intersect(&both, &b);
        ordinals_subtract(&rest, &b);
        ordinals_unite(&all, &b);
        cr_assert_eq(both.count + rest.count, a.count);
        cr_assert_eq(all.count, a.count + b.count - both.count);
        for (uint32_t i = 0; i < all.count; i++) {
            uint32_t value = all.at[i];
            bool in_a = in_linear(&a, value), in_b = in_linear(&b, value);
            cr_assert(i == 0 || all.at[i - 1] < value);
            cr_assert(in_a || in_b);
            cr_assert_eq(ordinals_have(&both, value), in_a && in_b);
            cr_assert_eq(ordinals_have(&rest, value), in_a && !in_b);
        }
        common += both.count;
        ordinals_release(&both);
        ordinals_release(&rest);
        ordinals_release(&all);
    }
    cr_assert_gt(common, 1000);
    ordinals_release(&a);
    ordinals_release(&b);
}

Test(ordinals, sorting_drops_repeats_at_every_size_and_density)
{
    struct random r;
    random_init(&r, model_seed(2));
    static const uint32_t sizes[] = {0, 1, 2, 31, 32, 33, 1000, 5000};
    static const uint64_t spans[] = {1, 40, 10000, (uint64_t)1 << 32};
    for (size_t i = 0; i < 8 * 4; i++) {
        struct ordinals o = {0};
        for (uint32_t n = 0; n < sizes[i / 4]; n++)
            ordinals_append(&o, (uint32_t)random_below(&r, spans[i % 4]));
        struct ordinals before = copy_of(&o);
        ordinals_sort(&o);
        for (uint32_t k = 1; k < o.count; k++)
            cr_assert_lt(o.at[k - 1], o.at[k]);
        for (uint32_t k = 0; k < before.count; k++)
            cr_assert(ordinals_have(&o, before.at[k]));
        cr_assert(before.count == 0 || o.count > 0);
        ordinals_release(&before);
        ordinals_release(&o);
    }
}

Test(ordinals, seek_finds_the_first_not_below)
{
    struct ordinals o = {0};
    for (uint32_t i = 0; i < 100; i++)
        ordinals_append(&o, 10 * i);
    for (uint32_t from = 0; from < 100; from += 7) {
        for (uint32_t value = 0; value < 1020; value++) {
            uint32_t want = from;
            while (want < 100 && o.at[want] < value)
                want++;
            cr_assert_eq(ordinals_seek(&o, from, value), want);
        }
    }
    ordinals_release(&o);
}

Test(ordinals, the_largest_ordinal_is_one_like_any_other)
{
    struct ordinals o = {0};
    ordinals_append(&o, UINT32_MAX);
    ordinals_append(&o, 0);
    ordinals_append_run(&o, UINT32_MAX - 3, 4);
    ordinals_sort(&o);
    cr_assert_eq(o.count, 5);
    cr_assert(ordinals_have(&o, UINT32_MAX));
    ordinals_release(&o);
    ordinals_release(&o);
}
