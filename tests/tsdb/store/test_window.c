/* Goal: every time lies in exactly one window, at the ends of int64 too; a seal's windows are
 * found again. */
#include "tsdb/store/window.h"

#include "tsdb/base/clock.h"

#include <criterion/criterion.h>

#define NOW (20000 * NS_PER_DAY)

static void expect(struct time_window w, int64_t start, int64_t end)
{
    cr_assert_eq(w.start, start, "%lld", (long long)w.start);
    cr_assert_eq(w.end, end, "%lld", (long long)w.end);
}

Test(window, of_a_new_segment)
{
    expect(segment_window_of(NOW, NOW), NOW, NOW + NS_PER_DAY);
    expect(segment_window_of(NOW, NOW - 1), NOW - NS_PER_DAY, NOW);
    int64_t fine = NOW - 31 * NS_PER_DAY + 1, coarse = 30 * NS_PER_DAY;
    expect(segment_window_of(NOW, fine), NOW - 31 * NS_PER_DAY, NOW - 30 * NS_PER_DAY);
    int64_t start = (fine - 1) / coarse * coarse;
    expect(segment_window_of(NOW, fine - 1), start, start + coarse);
    expect(segment_window_of(INT64_MIN, NOW), NOW, NOW + NS_PER_DAY);
}

Test(window, at_the_ends_of_time)
{
    struct time_window first = segment_window_of(NOW, INT64_MIN);
    cr_assert_eq(first.start, INT64_MIN);
    cr_assert_gt(first.end, INT64_MIN);
    struct time_window last = segment_window_of(NOW, INT64_MAX);
    cr_assert_eq(last.end, INT64_MAX);
    cr_assert_lt(last.start, INT64_MAX);
}

Test(window, of_a_segment_that_is_there)
{
    expect(segment_window_over(NOW, NOW + NS_PER_DAY - 1), NOW, NOW + NS_PER_DAY);
    int64_t coarse = 30 * NS_PER_DAY, start = NOW / coarse * coarse;
    expect(segment_window_over(NOW, NOW + NS_PER_DAY), start, start + coarse);
}

Test(windows, are_found_again_until_there_are_too_many)
{
    struct windows w = {.now = NOW};
    cr_assert_eq(windows_find(&w, NOW), 0u);
    cr_assert_eq(windows_find(&w, NOW - NS_PER_DAY), 1u);
    cr_assert_eq(windows_find(&w, NOW + NS_PER_DAY - 1), 0u);
    cr_assert_eq(windows_find(&w, NOW - 1), 1u);
    cr_assert_eq(w.count, 2u);
    for (uint32_t i = 2; i < SEAL_WINDOWS_MAX; i++)
        cr_assert_eq(windows_find(&w, NOW + i * NS_PER_DAY), i);
    cr_assert_eq(windows_find(&w, NOW + 900 * NS_PER_DAY), SEAL_WINDOWS_MAX - 1u, "the rest");
    cr_assert_eq(windows_find(&w, NOW), 0u);
    cr_assert_eq(w.count, (uint32_t)SEAL_WINDOWS_MAX);
}
