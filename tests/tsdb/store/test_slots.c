#include "tsdb/store/slots.h"

#include "tests/tsdb/store/model_series.h"

#include <criterion/criterion.h>

static bool slots_hold(const struct slots *s, uint32_t hash, uint32_t id)
{
    uint32_t at = hash, found;
    while ((found = slots_probe(s, hash, &at)) != SLOTS_NONE) {
        if (found == id)
            return true;
    }
    return false;
}

/* Goal: nothing gets lost when a deletion moves slots.
 * Method: ids under few hashes, so that probes are long and wrap around; every id
 * checked after every change. */
Test(slots, hold_exactly_what_was_put_and_not_removed)
{
    struct random r;
    random_init(&r, model_seed(5));
    struct slots s = {0};
    bool is_there[200] = {0};
    uint32_t removed = 0, count = 0;
    for (int round = 0; round < 4000; round++) {
        uint32_t id = (uint32_t)random_below(&r, 200);
        uint32_t hash = id % 7 * 0x9e3779b9u - 3;
        if (is_there[id]) {
            slots_remove(&s, hash, id);
            removed++;
            count--;
        } else {
            slots_put(&s, hash, id);
            count++;
        }
        is_there[id] = !is_there[id];
        cr_assert_eq(s.count, count);
        for (uint32_t i = 0; i < 200; i++)
            cr_assert_eq(slots_hold(&s, i % 7 * 0x9e3779b9u - 3, i), is_there[i]);
    }
    cr_assert_gt(removed, 1000);
    slots_release(&s);
}

Test(slots, say_beforehand_what_they_grow_by)
{
    struct slots s = {0};
    uint32_t at = 9;
    cr_assert_eq(slots_probe(&s, 9, &at), SLOTS_NONE, "empty");
    for (uint32_t id = 0; id < 10000; id++) {
        uint64_t before = slots_bytes(&s), growth = slots_growth(&s);
        slots_put(&s, id * 2654435761u, id);
        uint64_t after = slots_bytes(&s);
        cr_assert_eq(growth, after == before ? 0 : after);
    }
    cr_assert_leq(slots_bytes(&s), 10000 * 8 * 3);
    slots_release(&s);
}
