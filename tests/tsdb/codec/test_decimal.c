#include "tsdb/codec/decimal.h"

#include "tests/tsdb/codec/shapes.h"

#include <criterion/criterion.h>

static int64_t m[DECIMAL_MAX];
static double v[DECIMAL_MAX], again[DECIMAL_MAX];
static struct decimal decimal;

static void expect_exact(uint32_t n)
{
    uint32_t next = 0;
    decimal_values(m, n, decimal.exponent, again);
    for (uint32_t i = 0; i < n; i++) {
        if (next < decimal.patch_count && decimal.places[next] == i)
            next++;
        else
            cr_assert_eq(number_bits(v[i]), number_bits(again[i]), "%u: %a, got %a", i, v[i],
                         again[i]);
        cr_assert_eq(number_bits(decimal_value(m[i], decimal.exponent)), number_bits(again[i]));
    }
    cr_assert_eq(next, decimal.patch_count, "patches ascend");
}

Test(decimal, finds_the_least_exponent)
{
    for (int exponent = 0; exponent <= DECIMAL_EXPONENT_MAX; exponent++) {
        double power = shape_power((unsigned)exponent);
        for (uint32_t i = 0; i < 480; i++)
            v[i] = (double)(1000 + 7 * i) / power;
        cr_assert(decimal_scale(v, 480, m, &decimal), "exponent %d", exponent);
        cr_expect_eq(decimal.exponent, exponent);
        cr_expect_eq(decimal.patch_count, 0);
        cr_expect_eq(m[479], 1000 + 7 * 479);
        expect_exact(480);
    }
}

Test(decimal, one_long_value_does_not_raise_the_exponent)
{
    for (uint32_t i = 0; i < 480; i++)
        v[i] = i / 10.0;
    v[100] = 0.1234567891;
    cr_assert(decimal_scale(v, 480, m, &decimal));
    cr_expect_eq(decimal.exponent, 1);
    cr_expect_eq(decimal.patch_count, 1);
    cr_expect_eq(decimal.places[0], 100);
    cr_expect_eq(m[100], m[99], "the neighbour is repeated");
    expect_exact(480);
}

Test(decimal, patches_before_the_first_exact_value_take_that)
{
    v[0] = number_from_bits(STALE_BITS);
    v[1] = -0.0;
    for (uint32_t i = 2; i < 100; i++)
        v[i] = 40 + i;
    cr_assert(decimal_scale(v, 100, m, &decimal));
    cr_expect_eq(decimal.patch_count, 2);
    cr_expect_eq(m[0], 42);
    cr_expect_eq(m[1], 42);
    expect_exact(100);
}

Test(decimal, repeated_patches_are_many_and_different_ones_few)
{
    for (uint32_t i = 0; i < 480; i++)
        v[i] = i % 2 ? number_from_bits(STALE_BITS) : i;
    cr_expect(decimal_scale(v, 480, m, &decimal), "repeats");
    cr_expect_eq(decimal.patch_count, 240);
    for (uint32_t i = 0; i < 480; i++)
        v[i] = i % 8 ? i : 1.0 / (i + 3);
    cr_expect_not(decimal_scale(v, 480, m, &decimal), "an eighth differ");
    for (uint32_t i = 0; i < 480; i++)
        v[i] = number_from_bits(STALE_BITS);
    cr_expect_not(decimal_scale(v, 480, m, &decimal), "nothing is exact");
}

Test(decimal, great_values_are_multiples_of_a_power)
{
    for (uint32_t i = 0; i < 100; i++)
        v[i] = i * 1e21;
    cr_assert(decimal_scale(v, 100, m, &decimal));
    cr_expect_lt(decimal.exponent, 0);
    cr_expect_eq(decimal.patch_count, 0);
    expect_exact(100);
    for (uint32_t i = 0; i < 100; i++)
        v[i] = 9e18 + 2048.0 * i;
    cr_assert(decimal_scale(v, 100, m, &decimal));
    cr_expect_eq(decimal.exponent, 0);
    cr_expect_eq(m[3], INT64_C(9000000000000000000) + 3 * 2048);
    expect_exact(100);
}

Test(decimal, whatever_scales_is_exact)
{
    struct random r;
    random_init(&r, shape_seed());
    int scaled = 0;
    for (int round = 0; round < 100; round++) {
        for (enum float_shape shape = 0; shape < FLOAT_SHAPES; shape++) {
            uint32_t n = shape_size(&r, DECIMAL_MAX);
            shape_floats(&r, shape, v, n);
            if (!decimal_scale(v, n, m, &decimal))
                continue;
            expect_exact(n);
            scaled++;
        }
    }
    cr_assert_gt(scaled, 100);
}
