#include "tsdb/codec/divisor.h"

#include <criterion/criterion.h>

Test(divisor, is_the_greatest_common_one)
{
    static const struct {
        int64_t v[4];
        uint64_t divisor;
    } cases[] = {
        {{0, 0, 0, 0}, 0},           {{0, 12, 0, 18}, 6},
        {{-12, 12, -18, 0}, 6},      {{4096, 8192, 4096 * 5, 0}, 4096},
        {{4096, 8192, 4097, 0}, 1},  {{15, 30, 45, 0}, 15},
        {{15, 30, 47, 0}, 1},        {{INT64_MIN, 0, INT64_MIN, 0}, UINT64_C(1) << 63},
        {{INT64_MIN, 96, 0, 0}, 32}, {{INT64_MAX, INT64_MAX, 0, 0}, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(divisor_find(cases[i].v, 4), cases[i].divisor, "case %zu", i);
    cr_expect_eq(divisor_find(NULL, 0), 0);
}

Test(divisor, multiplies_back)
{
    int64_t values[3][4] = {
        {-4096, 8192, 0, 4096 * 7}, {-45, 30, 0, 15}, {INT64_MIN, 0, INT64_MIN, 0}};
    for (int i = 0; i < 3; i++) {
        int64_t v[4];
        uint64_t divisor = divisor_find(values[i], 4);
        for (int k = 0; k < 4; k++)
            v[k] = values[i][k];
        divisor_apply(v, 4, divisor);
        for (int k = 0; k < 4; k++)
            cr_expect_eq((int64_t)((uint64_t)v[k] * divisor), values[i][k], "%d %d", i, k);
        cr_expect_neq(v[0], values[i][0]);
    }
}
