#include "tsdb/base/mem.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

Test(mem, arrays_are_zeroed_and_never_null)
{
    uint64_t *a = MEM_ARRAY(uint64_t, 1000);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(a[i], 0u);
    mem_free(a);
    char *nothing = mem_array(0, 8);
    cr_assert_not_null(nothing);
    mem_free(nothing);
    nothing = mem_alloc(0);
    cr_assert_not_null(nothing);
    mem_free(nothing);
    mem_free(NULL);
}

Test(mem, growing_keeps_the_content)
{
    char *a = mem_alloc(4);
    memcpy(a, "abc", 4);
    a = mem_grow(a, 1000000, 1);
    cr_assert_str_eq(a, "abc");
    cr_assert_geq(mem_usable(a), 1000000u);
    mem_free(a);
    char *from_null = mem_grow(NULL, 10, 1);
    cr_assert_not_null(from_null);
    mem_free(from_null);
}

Test(mem, text_is_copied_and_terminated)
{
    char *a = mem_text("abcdef", 3);
    cr_assert_str_eq(a, "abc");
    mem_free(a);
}

Test(mem, a_product_that_overflows_aborts, .signal = SIGABRT)
{
    (void)mem_array(SIZE_MAX / 2, 3);
}
