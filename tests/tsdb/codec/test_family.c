#include "tsdb/codec/family.h"

#include "tests/tsdb/codec/prop_family.h"
#include "tests/tsdb/codec/shapes.h"
#include "tsdb/codec/floats.h"

#include <criterion/criterion.h>

enum { K = 20, N = 700 };

static double cells[FAMILY_COLUMNS_MAX][N];
static const double *columns[FAMILY_COLUMNS_MAX];

static void point_columns(void)
{
    for (uint32_t i = 0; i < FAMILY_COLUMNS_MAX; i++)
        columns[i] = cells[i];
}

/* Cumulative buckets that grow by so many observations a step. */
static void fill(struct random *r, uint32_t k, uint32_t n, uint32_t observations)
{
    double counts[FAMILY_COLUMNS_MAX] = {0};
    for (uint32_t t = 0; t < n; t++) {
        for (uint32_t i = 0; i < observations; i++)
            counts[random_below(r, k)]++;
        double sum = 0;
        for (uint32_t i = 0; i < k; i++)
            cells[i][t] = sum += counts[i];
    }
}

static void expect_round_trip(uint32_t k, uint32_t n)
{
    struct writer out = {0};
    uint32_t k_found, n_found;
    static double v[N];
    cr_assert(family_encode(columns, k, n, &out), "%u columns of %u", k, n);
    cr_assert_eq(family_shape(writer_bytes(&out), &k_found, &n_found), TSDB_OK);
    cr_assert_eq(k_found, k);
    cr_assert_eq(n_found, n);
    for (uint32_t i = 0; i < k; i++) {
        cr_assert_eq(family_decode_column(writer_bytes(&out), i, v, n), TSDB_OK);
        cr_assert_eq(memcmp(v, cells[i], n * sizeof *v), 0, "column %u of %u, %u values", i, k, n);
    }
    cr_assert(prop_family(out.at, out.len));
    writer_release(&out);
}

Test(family, every_size_survives)
{
    struct random r;
    random_init(&r, shape_seed());
    static const uint32_t ks[] = {1, 2, 3, 14, FAMILY_COLUMNS_MAX};
    static const uint32_t ns[] = {1, 2, 3, 128, 129, 130, 257, N};
    point_columns();
    for (size_t i = 0; i < sizeof ks / sizeof ks[0]; i++) {
        for (size_t j = 0; j < sizeof ns / sizeof ns[0]; j++) {
            if (ks[i] > 100 && ns[j] > 200)
                continue;
            fill(&r, ks[i], ns[j], 1 + (uint32_t)random_below(&r, 30));
            expect_round_trip(ks[i], ns[j]);
        }
    }
}

Test(family, columns_need_not_be_buckets)
{
    struct random r;
    random_init(&r, shape_seed());
    point_columns();
    for (int round = 0; round < 40; round++) {
        for (uint32_t i = 0; i < K; i++)
            for (uint32_t t = 0; t < 200; t++)
                cells[i][t] = (double)(shape_any_int(&r) >> 11);
        expect_round_trip(K, 200);
    }
}

Test(family, limits_of_integers_survive)
{
    point_columns();
    for (uint32_t t = 0; t < 10; t++) {
        cells[0][t] = t % 2 ? 0x1p53 : -0x1p53;
        cells[1][t] = t % 3 ? -0x1p53 : 0x1p53;
    }
    expect_round_trip(2, 10);
}

Test(family, is_smaller_than_its_columns_alone)
{
    struct random r;
    random_init(&r, shape_seed());
    struct writer joint = {0}, single = {0};
    point_columns();
    fill(&r, 14, 480, 5);
    cr_assert(family_encode(columns, 14, 480, &joint));
    for (uint32_t i = 0; i < 14; i++)
        floats_encode(cells[i], 480, &single, NULL);
    cr_expect_lt(joint.len * 14, single.len * 10, "%zu together, %zu alone", joint.len, single.len);
    cr_expect_lt(joint.len, 14 * 480 * 20 / 100);
    writer_release(&joint);
    writer_release(&single);
}

Test(family, declines_what_is_not_integers)
{
    struct random r;
    random_init(&r, shape_seed());
    point_columns();
    fill(&r, 3, 50, 5);
    const double odd[] = {0.5, -0.0, number_from_bits(STALE_BITS), (double)INFINITY, 0x1p54};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct writer out = {0};
        double kept = cells[2][49];
        writer_u8(&out, 1);
        cells[2][49] = odd[i];
        cr_expect_not(family_encode(columns, 3, 50, &out), "%a", odd[i]);
        cr_expect_eq(out.len, 1, "nothing is appended");
        cells[2][49] = kept;
        writer_release(&out);
    }
    expect_round_trip(3, 50);
}

Test(family, wrong_sizes_are_corrupt)
{
    static double v[N];
    struct random r;
    random_init(&r, shape_seed());
    struct writer out = {0};
    point_columns();
    fill(&r, 3, 50, 5);
    cr_assert(family_encode(columns, 3, 50, &out));
    struct bytes in = writer_bytes(&out);
    cr_expect_eq(family_decode_column(in, 3, v, 50), TSDB_ECORRUPT);
    cr_expect_eq(family_decode_column(in, 0, v, 49), TSDB_ECORRUPT);
    cr_expect_eq(family_decode_column(in, 0, v, 51), TSDB_ECORRUPT);
    writer_u8(&out, 0);
    cr_expect_eq(family_decode_column(writer_bytes(&out), 2, v, 50), TSDB_ECORRUPT, "trailing");
    writer_release(&out);

    static const uint8_t shapes[][4] = {{0, 1}, {1, 0}, {0x81, 2, 1}, {1, 0x81, 0x40}, {1}};
    static const uint8_t lens[] = {2, 2, 3, 3, 1};
    for (size_t i = 0; i < sizeof lens; i++) {
        uint32_t k = 7, n = 7;
        cr_expect_eq(family_shape((struct bytes){shapes[i], lens[i]}, &k, &n), TSDB_ECORRUPT, "%zu",
                     i);
        cr_expect(k == 7 && n == 7);
    }
}

Test(family, damage_is_refused_or_means_something)
{
    static double v[N];
    struct random r;
    random_init(&r, shape_seed());
    struct writer out = {0};
    int accepted = 0;
    point_columns();
    fill(&r, 5, 300, 20);
    cr_assert(family_encode(columns, 5, 300, &out));
    for (size_t len = 0; len < out.len; len++)
        cr_assert_eq(family_decode_column((struct bytes){out.at, len}, 4, v, 300), TSDB_ECORRUPT);
    for (int round = 0; round < 2000; round++) {
        size_t at = random_below(&r, out.len);
        uint8_t bit = (uint8_t)(1 << random_below(&r, 8));
        out.at[at] ^= bit;
        accepted += prop_family(out.at, out.len);
        out.at[at] ^= bit;
    }
    cr_assert_gt(accepted, 200);
    writer_release(&out);
}
