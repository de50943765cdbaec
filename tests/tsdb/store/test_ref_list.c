#include "tsdb/store/ref_list.h"

#include "tests/tsdb/store/model_series.h"

#include <criterion/criterion.h>

/* Goal: a list reads back as the set of what was appended and not removed.
 * Method: random batches, ascending or not, of near and far refs, against a sorted
 * array; growth figures must add up to what the list holds. */
Test(ref_list, reads_back_as_the_set)
{
    struct random r;
    random_init(&r, model_seed(6));
    uint32_t removals = 0;
    for (int round = 0; round < 200; round++) {
        struct ref_list l = {0};
        struct ordinals want = {0}, batch = {0}, got = {0};
        int64_t bytes = 0;
        uint64_t span = random_below(&r, 2) ? 300 : UINT32_MAX;
        bool is_mixed = random_below(&r, 2);
        uint32_t at = 0;
        for (int step = 0; step < 120; step++) {
            uint32_t ref = is_mixed ? (uint32_t)random_below(&r, span)
                                    : at + (uint32_t)random_below(&r, span / 300);
            at = ref + 1;
            if (!ordinals_have(&want, ref)) {
                bytes += ref_list_append(&l, ref);
                struct ordinals one = {&ref, 1, 1};
                ordinals_unite(&want, &one);
            }
            if (random_below(&r, 20) == 0) {
                ordinals_reset(&batch);
                for (uint32_t i = 0; i < want.count; i++)
                    if (random_below(&r, 3) == 0)
                        ordinals_append(&batch, want.at[i]);
                ordinals_append(&batch, UINT32_MAX);
                ordinals_subtract(&want, &batch);
                bytes += ref_list_remove(&l, &batch);
                removals++;
            }
            cr_assert_eq(bytes, ref_list_bytes(&l));
            cr_assert_eq(l.count, want.count);
            ordinals_reset(&got);
            ref_list_read(&l, &got);
            cr_assert_eq(got.count, want.count);
            cr_assert(got.count == 0 || memcmp(got.at, want.at, 4 * got.count) == 0);
        }
        ref_list_release(&l);
        ordinals_release(&want);
        ordinals_release(&batch);
        ordinals_release(&got);
    }
    cr_assert_gt(removals, 500);
}

Test(ref_list, one_ref_costs_no_allocation)
{
    struct ref_list l = {0};
    cr_assert_eq(ref_list_append(&l, UINT32_MAX), 0);
    cr_assert_eq(ref_list_bytes(&l), 0);
    cr_assert_eq(sizeof l, 24);
    ref_list_release(&l);
}

Test(ref_list, neighbours_cost_a_byte)
{
    struct ref_list l = {0};
    for (uint32_t i = 0; i < 100000; i++)
        (void)ref_list_append(&l, 5000000 + i);
    cr_assert_leq(ref_list_bytes(&l), 130000);
    struct ordinals most = {0};
    ordinals_append_run(&most, 5000000, 99999);
    (void)ref_list_remove(&l, &most);
    cr_assert_eq(l.count, 1);
    cr_assert_eq(ref_list_bytes(&l), 0, "memory comes back");
    ordinals_release(&most);
    ref_list_release(&l);
}
