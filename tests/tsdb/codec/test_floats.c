#include "tsdb/codec/floats.h"

#include "tests/tsdb/codec/prop_floats.h"
#include "tests/tsdb/codec/shapes.h"

#include <criterion/criterion.h>

static double v[FLOATS_MAX], again[FLOATS_MAX];
static int64_t scaled[FLOATS_MAX];

static size_t encoded(uint32_t n)
{
    struct writer out = {0};
    prop_floats_values(v, n);
    floats_encode(v, n, &out, NULL);
    size_t len = out.len;
    writer_release(&out);
    return len;
}

Test(floats, every_shape_survives)
{
    struct random r;
    random_init(&r, shape_seed());
    prop_floats_values(v, 0);
    for (int round = 0; round < 60; round++) {
        for (enum float_shape shape = 0; shape < FLOAT_SHAPES; shape++) {
            uint32_t n = shape_size(&r, FLOATS_MAX);
            shape_floats(&r, shape, v, n);
            prop_floats_values(v, n);
        }
    }
}

Test(floats, every_size_up_to_three_blocks_survives)
{
    struct random r;
    random_init(&r, shape_seed());
    for (uint32_t n = 0; n < 390; n++) {
        shape_floats(&r, (enum float_shape)(n % FLOAT_SHAPES), v, n);
        prop_floats_values(v, n);
    }
}

Test(floats, odd_bits_survive_alone_and_among_others)
{
    struct random r;
    random_init(&r, shape_seed());
    for (int round = 0; round < 400; round++) {
        double odd = shape_odd(&r);
        v[0] = odd;
        prop_floats_values(v, 1);
        for (uint32_t i = 0; i < 50; i++)
            v[i] = 1000 + i;
        v[random_below(&r, 50)] = odd;
        prop_floats_values(v, 50);
    }
}

Test(floats, a_constant_is_two_to_ten_bytes)
{
    for (uint32_t i = 0; i < FLOATS_MAX; i++)
        v[i] = 1;
    cr_expect_eq(encoded(1), 2);
    cr_expect_eq(encoded(FLOATS_MAX), 2);
    for (uint32_t i = 0; i < FLOATS_MAX; i++)
        v[i] = number_from_bits(STALE_BITS);
    cr_expect_eq(encoded(FLOATS_MAX), 10);
}

Test(floats, an_even_counter_is_a_dozen_bytes)
{
    for (uint32_t i = 0; i < FLOATS_MAX; i++)
        v[i] = 1e6 + 15.0 * i;
    cr_expect_leq(encoded(480), 12);
    cr_expect_leq(encoded(FLOATS_MAX), 12);
}

Test(floats, resets_of_a_counter_cost_a_patch_each)
{
    struct random r;
    random_init(&r, shape_seed());
    double total = 5e8;
    for (uint32_t i = 0; i < 480; i++)
        v[i] = total += 1000 + (double)random_below(&r, 256);
    size_t without = encoded(480);
    total = 0;
    for (uint32_t i = 200; i < 480; i++)
        v[i] = total += 1000 + (double)random_below(&r, 256);
    size_t with = encoded(480);
    cr_expect_leq(with, without + 12, "%zu bytes, %zu without a reset", with, without);
}

Test(floats, a_stale_marker_costs_a_patch)
{
    for (uint32_t i = 0; i < 480; i++)
        v[i] = 1e6 + 15.0 * i;
    v[479] = number_from_bits(STALE_BITS);
    cr_expect_leq(encoded(480), 32);
}

Test(floats, float32_values_take_half)
{
    struct random r;
    random_init(&r, shape_seed());
    for (uint32_t i = 0; i < 480; i++)
        v[i] = (double)(float)(100 * random_unit(&r));
    cr_expect_leq(encoded(480), 480 * 4);
}

Test(floats, full_precision_never_takes_much_more_than_its_bits)
{
    struct random r;
    random_init(&r, shape_seed());
    for (uint32_t i = 0; i < 480; i++)
        v[i] = random_unit(&r);
    cr_expect_leq(encoded(480), 480 * 7 + 20);
    for (uint32_t i = 0; i < 480; i++)
        v[i] = random_unit(&r) - 0.5;
    cr_expect_leq(encoded(480), 480 * 73 / 10);
    for (uint32_t i = 0; i < 480; i++)
        v[i] = number_from_bits(random_next(&r));
    cr_expect_leq(encoded(480), 480 * 8 + 20);
}

Test(floats, scaled_answers_the_decimals)
{
    struct writer out = {0};
    int exponent = 77;
    for (uint32_t i = 0; i < 480; i++)
        v[i] = (500.0 + i * i) / 100;
    floats_encode(v, 480, &out, NULL);
    cr_assert_eq(floats_decode_scaled(writer_bytes(&out), scaled, 480, &exponent), TSDB_OK);
    cr_expect_eq(exponent, 2);
    for (uint32_t i = 0; i < 480; i++)
        cr_assert_eq(scaled[i], 500 + i * i);

    writer_reset(&out);
    for (uint32_t i = 0; i < 480; i++)
        v[i] = 0.25;
    floats_encode(v, 480, &out, NULL);
    cr_assert_eq(floats_decode_scaled(writer_bytes(&out), scaled, 480, &exponent), TSDB_OK);
    cr_expect_eq(exponent, 2);
    cr_expect_eq(scaled[479], 25);
    writer_release(&out);
}

Test(floats, scaled_declines_what_is_not_one_decimal)
{
    struct random r;
    random_init(&r, shape_seed());
    for (int i = 0; i < 4; i++) {
        struct writer out = {0};
        int exponent = 77;
        for (uint32_t k = 0; k < 100; k++)
            v[k] = i == 0 ? random_unit(&r) : i == 1 ? number_from_bits(STALE_BITS) : k;
        if (i == 2)
            v[50] = number_from_bits(STALE_BITS);
        if (i == 3)
            v[99] = -0.0;
        floats_encode(v, 100, &out, NULL);
        cr_expect_eq(floats_decode_scaled(writer_bytes(&out), scaled, 100, &exponent),
                     TSDB_ENOTFOUND, "case %d", i);
        cr_expect_eq(exponent, 77, "case %d", i);
        writer_release(&out);
    }
}

static void expect_corrupt(const uint8_t *raw, size_t len, uint32_t n, const char *why)
{
    int exponent;
    struct bytes in = {raw, len};
    cr_assert_eq(floats_decode(in, again, n), TSDB_ECORRUPT, "%s", why);
    cr_assert_neq(floats_decode_scaled(in, scaled, n, &exponent), TSDB_OK, "%s, scaled", why);
}

Test(floats, rejects_other_forms)
{
    enum { DECIMAL = 1, IMAGE = 2, GCD = 32, PATCHES = 64 };
    static const struct {
        const char *why;
        uint32_t n;
        uint8_t len, raw[24];
    } cases[] = {
        {"nothing", 1, 0, {0}},
        {"something for none", 0, 1, {0}},
        {"constant with an order", 2, 2, {8, 129}},
        {"constant and more", 2, 3, {0, 129, 0}},
        {"constant without its number", 2, 1, {0}},
        {"unknown kind", 2, 3, {4, 0, 0}},
        {"order three", 4, 4, {IMAGE | 24, 0, 0, 0}},
        {"unused bit", 4, 3, {IMAGE | 128, 0, 0}},
        {"decimal of one", 1, 3, {DECIMAL, 0, 0}},
        {"second order of two", 2, 4, {DECIMAL | 16, 0, 0, 0}},
        {"patched image", 2, 14, {IMAGE | PATCHES, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0}},
        {"exponent 15", 2, 4, {DECIMAL, 15, 0, 0}},
        {"exponent -23", 2, 4, {DECIMAL, 233, 0, 0}},
        {"divisor of one", 2, 5, {DECIMAL | GCD, 0, 1, 0, 0}},
        {"no patches", 2, 5, {DECIMAL | PATCHES, 0, 0, 0, 0}},
        {"patch outside", 2, 13, {DECIMAL | PATCHES, 0, 1, 4, 1, 2, 3, 4, 5, 6, 7, 8, 0}},
        {"first patch repeats", 2, 6, {DECIMAL | PATCHES, 0, 1, 1, 0, 0}},
        {"repeat spelled out",
         3,
         23,
         {DECIMAL | PATCHES, 0, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0}},
        {"steps missing", 2, 3, {DECIMAL, 0, 0}},
        {"trailing byte", 2, 5, {DECIMAL, 0, 0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_corrupt(cases[i].raw, cases[i].len, cases[i].n, cases[i].why);
}

Test(floats, damage_is_refused_or_means_something)
{
    struct random r;
    random_init(&r, shape_seed());
    int accepted = 0;
    for (enum float_shape shape = 0; shape < FLOAT_SHAPES; shape++) {
        struct writer out = {0};
        uint32_t n = 2 + (uint32_t)random_below(&r, 300);
        writer_le16(&out, (uint16_t)n);
        shape_floats(&r, shape, v, n);
        floats_encode(v, n, &out, NULL);
        for (size_t len = 2; len < out.len; len++)
            expect_corrupt(out.at + 2, len - 2, n, "truncated");
        for (int round = 0; round < 300; round++) {
            size_t at = 2 + random_below(&r, round % 2 && out.len > 20 ? 18 : out.len - 2);
            uint8_t bit = (uint8_t)(1 << random_below(&r, 8));
            out.at[at] ^= bit;
            accepted += prop_floats(out.at, out.len);
            out.at[at] ^= bit;
        }
        writer_release(&out);
    }
    cr_assert_gt(accepted, 200);
}
