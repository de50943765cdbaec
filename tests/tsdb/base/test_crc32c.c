#include "tsdb/base/crc32c.h"

#include "tsdb/base/random.h"

#include <criterion/criterion.h>
#include <string.h>

/* RFC 3720, appendix B.4. */
Test(crc32c, known_answers)
{
    uint8_t zeros[32] = {0}, ones[32], up[32], down[32];
    memset(ones, 0xff, sizeof ones);
    for (uint8_t i = 0; i < 32; i++) {
        up[i] = i;
        down[i] = (uint8_t)(31 - i);
    }
    cr_assert_eq(crc32c(0, zeros, 32), 0x8a9136aau);
    cr_assert_eq(crc32c(0, ones, 32), 0x62a8ab43u);
    cr_assert_eq(crc32c(0, up, 32), 0x46dd794eu);
    cr_assert_eq(crc32c(0, down, 32), 0x113fdb5cu);
    cr_assert_eq(crc32c(0, "123456789", 9), 0xe3069283u);
    cr_assert_eq(crc32c(0, "", 0), 0u);
}

Test(crc32c, both_ways_and_any_cut_give_the_same)
{
    uint8_t raw[512];
    struct random random;
    random_init(&random, 9);
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)random_next(&random);
    for (int round = 0; round < 3000; round++) {
        size_t from = random_below(&random, 64), len = random_below(&random, 400);
        size_t cut = len ? random_below(&random, len) : 0;
        uint32_t seed = (uint32_t)random_next(&random);
        uint32_t whole = crc32c(seed, raw + from, len);
        cr_assert_eq(crc32c_portable(seed, raw + from, len), whole);
        cr_assert_eq(crc32c(crc32c(seed, raw + from, cut), raw + from + cut, len - cut), whole);
    }
}
