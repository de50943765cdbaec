#include "tsdb/query/call_sort.h"

#include "fake_store.h"

#include <criterion/criterion.h>

#include "tsdb/base/text.h"

Test(call_sort, numbers_in_texts_count_as_numbers)
{
    static const char *const ordered[] = {"",   "2",   "10",  "a",     "a1",
                                          "a2", "a2b", "a10", "a10b2", "b"};
    enum { N = sizeof ordered / sizeof ordered[0] };
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < N; k++) {
            int order = text_compare_natural(text_of(ordered[i]), text_of(ordered[k]));
            cr_assert_eq((order > 0) - (order < 0), (i > k) - (i < k), "%s, %s", ordered[i],
                         ordered[k]);
        }
    cr_assert_eq(text_compare_natural(text_of("a007"), text_of("a7")), 0);
    cr_assert_lt(
        text_compare_natural(text_of("99999999999999999998"), text_of("99999999999999999999")), 0);
}
