#include "tsdb/codec/number.h"

#include "tests/tsdb/codec/shapes.h"

#include <criterion/criterion.h>

static size_t round_trip(double v)
{
    struct writer out = {0};
    number_encode(v, &out);
    struct reader r = reader_over(writer_bytes(&out));
    double again = number_decode(&r);
    cr_assert(reader_done(&r), "%a", v);
    cr_assert_eq(number_bits(again), number_bits(v), "%a came back as %a", v, again);
    size_t len = out.len;
    cr_assert_leq(len, NUMBER_BYTES_MAX);
    writer_release(&out);
    return len;
}

Test(number, small_decimals_are_short)
{
    cr_expect_eq(round_trip(0), 1);
    cr_expect_eq(round_trip(127), 1);
    cr_expect_eq(round_trip(128), 3);
    cr_expect_eq(round_trip(-1), 2);
    cr_expect_eq(round_trip(0.1), 2);
    cr_expect_eq(round_trip(12.34), 3);
    cr_expect_eq(round_trip(1e9), 6);
    cr_expect_eq(round_trip(0x1p60), 9);
    cr_expect_eq(round_trip(0.1 + 0.2), 9);
}

Test(number, every_bit_survives)
{
    struct random r;
    random_init(&r, shape_seed());
    cr_expect_eq(round_trip(number_from_bits(STALE_BITS)), 9);
    cr_expect_eq(round_trip(-0.0), 9);
    for (int i = 0; i < 20000; i++) {
        round_trip(shape_odd(&r));
        round_trip(number_from_bits(random_next(&r)));
        round_trip((double)shape_any_int(&r));
        round_trip((double)(int64_t)random_below(&r, 1000000) /
                   shape_power((unsigned)random_below(&r, 16)));
    }
}

Test(number, unknown_heads_and_missing_bytes_are_faults)
{
    for (unsigned head = 0; head < 256; head++) {
        uint8_t raw[1] = {(uint8_t)head};
        struct reader r = reader_over((struct bytes){raw, 1});
        number_decode(&r);
        cr_expect_eq(r.fault, head < 128, "head %u", head);
    }
    uint8_t short_bits[8] = {15};
    struct reader r = reader_over((struct bytes){short_bits, sizeof short_bits});
    number_decode(&r);
    cr_expect(r.fault);
}
