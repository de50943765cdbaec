#include "tsdb/query/call_math.h"

#include "fake_store.h"

#include <criterion/criterion.h>

#include <math.h>

Test(call_math, nan_decides_but_for_the_infinity)
{
    cr_assert(isnan(lesser_of((double)NAN, 1)));
    cr_assert(isnan(lesser_of(HUGE_VAL, (double)NAN)));
    cr_assert_eq(lesser_of((double)NAN, -HUGE_VAL), -HUGE_VAL);
    cr_assert_eq(lesser_of(1, 2), 1);
    cr_assert(isnan(greater_of((double)NAN, 1)));
    cr_assert_eq(greater_of(HUGE_VAL, (double)NAN), HUGE_VAL);
    cr_assert_eq(greater_of(1, 2), 2);
}
