/* Goal: whatever state spans are in - open, hot, sealed, merged, replayed, reopened - a trace
 * reads the same, and it is whole. */
#include "tests/tsdb/traces/rig.h"

static const char *const whole = "1<0 get@api, 2<1 query@api, 3<1 late@api";

static void put_first(struct rig *r)
{
    rig_put(r, 7, 1, 0, RIG_NOW, "get");
    rig_put(r, 8, 1, 0, RIG_NOW, "other");
    rig_put(r, 7, 2, 1, RIG_NOW + 5, "query");
}

static void put_late(struct rig *r)
{
    rig_put(r, 7, 3, 1, RIG_NOW + 9, "late");
}

Test(traces, what_is_open_is_read)
{
    struct rig r;
    rig_init(&r);
    cr_assert_str_eq(rig_read(&r, "", 7), "none");
    put_first(&r);
    cr_assert_str_eq(rig_read(&r, "", 7), "1<0 get@api, 2<1 query@api");
    put_late(&r);
    cr_assert_str_eq(rig_read(&r, "", 7), whole);
    cr_assert_str_eq(rig_read(&r, "", 8), "1<0 other@api");
    cr_assert_str_eq(rig_read(&r, "", 9), "none");
    rig_release(&r);
}

Test(traces, a_late_span_joins_its_trace_in_every_state)
{
    for (int state = 0; state < 6; state++) {
        struct rig r;
        rig_init(&r);
        put_first(&r);
        if (state == 1)
            rig_group(&r);
        if (state >= 2 && state < 5)
            rig_seal(&r);
        if (state == 3 || state == 5)
            rig_reopen(&r);
        put_late(&r);
        cr_assert_str_eq(rig_read(&r, "", 7), whole, "state %d", state);
        if (state == 4) {
            rig_seal(&r);
            cr_assert_eq(rig_blocks(&r), 2u);
            cr_assert_str_eq(rig_read(&r, "", 7), whole);
            rig_merge(&r);
            cr_assert_eq(rig_blocks(&r), 1u);
            cr_assert_eq(rig_block(&r, 0)->group_count, 1u);
            cr_assert_str_eq(rig_read(&r, "", 7), whole);
            rig_reopen(&r);
        }
        cr_assert_str_eq(rig_read(&r, "", 7), whole, "state %d", state);
        cr_assert_str_eq(rig_read(&r, "", 8), "1<0 other@api");
        rig_release(&r);
    }
}
