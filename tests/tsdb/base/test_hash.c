#include "tsdb/base/hash.h"

#include <criterion/criterion.h>
#include <string.h>

Test(hash, depends_on_seed_length_and_every_byte)
{
    char text[100];
    memset(text, 'a', sizeof text);
    uint64_t before = hash64(1, text, sizeof text);
    struct tsdb_hash wide = hash128(1, text, sizeof text);
    cr_assert_eq(hash64(1, text, sizeof text), before);
    cr_assert_neq(hash64(2, text, sizeof text), before);
    cr_assert_neq(hash64(1, text, sizeof text - 1), before);
    cr_assert_not(hash_equal(hash128(2, text, sizeof text), wide));
    cr_assert_not(hash_equal(hash128(1, text, sizeof text - 1), wide));
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = 'b';
        cr_assert_neq(hash64(1, text, sizeof text), before);
        cr_assert_not(hash_equal(hash128(1, text, sizeof text), wide));
        text[i] = 'a';
    }
    cr_assert(hash_equal(hash128(1, text, sizeof text), wide));
}

Test(hash, of_nothing_and_combined)
{
    struct tsdb_hash a = hash128(1, "a", 1), b = hash128(1, "b", 1);
    (void)hash64(0, NULL, 0);
    cr_assert_not(hash_equal(hash_combine(a, b), a));
    cr_assert_not(hash_equal(hash_combine(a, b), b));
    cr_assert_not(hash_equal(hash_combine(a, b), hash_combine(a, a)));
}
