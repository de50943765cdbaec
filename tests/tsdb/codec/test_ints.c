#include "tsdb/codec/ints.h"

#include "tests/tsdb/codec/prop_ints.h"
#include "tests/tsdb/codec/shapes.h"

#include <criterion/criterion.h>

enum { N_MAX = 9000 };

static size_t encoded(const int64_t *v, uint32_t n)
{
    struct writer out = {0};
    ints_encode(v, n, &out);
    size_t len = out.len;
    writer_release(&out);
    return len;
}

static void expect_round_trip(const int64_t *v, uint32_t n, const char *what)
{
    static int64_t again[N_MAX];
    struct writer out = {0};
    writer_u8(&out, 0xaa);
    ints_encode(v, n, &out);
    cr_assert_eq(out.len - 1, ints_cost(v, n), "%s: cost", what);
    cr_assert_leq(out.len - 1, INTS_BOUND(n), "%s: bound", what);
    writer_u8(&out, 0xbb);
    struct reader r = reader_over(writer_bytes(&out));
    reader_u8(&r);
    cr_assert_eq(ints_decode(&r, again, n), TSDB_OK, "%s of %u", what, n);
    cr_assert_eq(r.rest.len, 1, "%s of %u: reads exactly its bytes", what, n);
    cr_assert(n == 0 || memcmp(v, again, n * sizeof *v) == 0, "%s of %u: values", what, n);
    writer_release(&out);
}

Test(ints, every_shape_survives)
{
    static int64_t v[N_MAX];
    struct random r;
    random_init(&r, shape_seed());
    for (int round = 0; round < 150; round++) {
        for (enum int_shape shape = 0; shape < INT_SHAPES; shape++) {
            uint32_t n = shape_size(&r, N_MAX);
            char what[64];
            snprintf(what, sizeof what, "shape %d round %d", (int)shape, round);
            shape_ints(&r, shape, v, n);
            expect_round_trip(v, n, what);
        }
    }
}

Test(ints, every_width_survives)
{
    static int64_t v[200];
    struct random r;
    random_init(&r, shape_seed());
    for (unsigned width = 0; width <= 64; width++) {
        for (uint32_t n = 0; n <= 200; n += n < 20 ? 1 : 27) {
            for (uint32_t i = 0; i < n; i++)
                v[i] = width ? (int64_t)(random_next(&r) >> (64 - width)) : 0;
            expect_round_trip(v, n, "width");
        }
    }
}

Test(ints, planned_bytes_are_those_of_encode)
{
    static int64_t v[INTS_PLAN_MAX];
    static struct ints_plan plan;
    struct random r;
    random_init(&r, shape_seed());
    for (enum int_shape shape = 0; shape < INT_SHAPES; shape++) {
        uint32_t n = shape_size(&r, INTS_PLAN_MAX);
        struct writer a = {0}, b = {0};
        shape_ints(&r, shape, v, n);
        ints_encode(v, n, &a);
        ints_plan(v, n, &plan);
        ints_encode_planned(v, &plan, &b);
        cr_assert_eq(plan.bytes, a.len);
        cr_assert_eq(a.len, b.len);
        cr_assert_eq(memcmp(a.at, b.at, a.len), 0);
        writer_release(&a);
        writer_release(&b);
    }
}

Test(ints, cheap_columns_are_cheap)
{
    static int64_t v[N_MAX];
    cr_assert_eq(encoded(v, 0), 0);
    cr_assert_eq(encoded(v, 1), 1);
    cr_assert_eq(encoded(v, 128), 1);
    cr_assert_eq(encoded(v, 129), 2, "the rest: a tag and a zero");
    cr_assert_eq(encoded(v, N_MAX), 2);
    v[5] = 1;
    cr_assert_eq(encoded(v, 128), 3, "a step of one takes tag, count and place");
    v[77] = 1;
    cr_assert_eq(encoded(v, 128), 4);
    v[78] = 2;
    cr_assert_eq(encoded(v, 128), 6, "another step takes its value too");
    for (uint32_t i = 0; i < N_MAX; i++)
        v[i] = -3;
    cr_assert_eq(encoded(v, 128), 2);
    cr_assert_eq(encoded(v, 129), 2);
    cr_assert_eq(encoded(v, N_MAX), 2);
}

Test(ints, a_counter_reset_costs_a_patch)
{
    static int64_t v[128];
    struct random r;
    random_init(&r, 7);
    for (int i = 0; i < 128; i++)
        v[i] = 1000000 + (int64_t)random_below(&r, 1000);
    size_t without = encoded(v, 128);
    v[64] = -123456789;
    size_t with = encoded(v, 128);
    cr_assert_leq(with, without + 8, "%zu bytes, %zu without the reset", with, without);
}

static void expect_corrupt(const uint8_t *raw, size_t len, uint32_t n, const char *why)
{
    static int64_t v[N_MAX];
    struct reader r = reader_over((struct bytes){raw, len});
    enum tsdb_status st = ints_decode(&r, v, n);
    cr_assert(st == TSDB_ECORRUPT || !reader_done(&r), "accepted: %s", why);
}

Test(ints, rejects_other_forms)
{
    static const struct {
        const char *why;
        uint32_t n;
        uint8_t len, raw[24];
    } cases[] = {
        {"no tag", 1, 0, {0}},
        {"base of zero", 1, 2, {64, 0}},
        {"width 64 with a base", 1, 10, {63 | 64, 2, 0, 0, 0, 0, 0, 0, 0, 0}},
        {"width 64 with patches", 1, 12, {63 | 128, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0}},
        {"bits behind the last value", 3, 2, {1, 0x08}},
        {"packed bytes missing", 128, 9, {1, 0, 0, 0, 0, 0, 0, 0, 0}},
        {"no patches", 4, 2, {128, 0}},
        {"patch outside", 4, 3, {128, 1, 4}},
        {"patches not ascending", 4, 4, {128, 2, 3, 3}},
        {"patch of zero", 4, 4, {128, 1, 128 | 2, 0}},
        {"patch of one spelled out", 4, 4, {128, 1, 128 | 2, 2}},
        {"patch without its value", 4, 3, {128, 1, 128 | 2}},
        {"rest of one block", 128, 2, {255, 2}},
        {"rest without a value", 129, 1, {255}},
        {"overlong base", 1, 4, {64, 0x82, 0x80, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_corrupt(cases[i].raw, cases[i].len, cases[i].n, cases[i].why);
}

Test(ints, truncation_is_refused)
{
    static int64_t v[N_MAX];
    struct random r;
    random_init(&r, shape_seed());
    for (enum int_shape shape = 0; shape < INT_SHAPES; shape++) {
        struct writer out = {0};
        shape_ints(&r, shape, v, 300);
        ints_encode(v, 300, &out);
        for (size_t len = 0; len < out.len; len++)
            expect_corrupt(out.at, len, 300, "truncated");
        writer_release(&out);
    }
}

/* Goal: bytes that were damaged are refused or mean some column, nothing else.
 * Method: flips of a valid encoding, so that the tags are mostly sound. */
Test(ints, flipped_bits_do_no_harm)
{
    static int64_t v[N_MAX];
    struct random r;
    random_init(&r, shape_seed());
    int accepted = 0, rounds = 0;
    for (enum int_shape shape = 0; shape < INT_SHAPES; shape++) {
        struct writer out = {0};
        uint32_t n = 1 + (uint32_t)random_below(&r, 400);
        writer_le16(&out, (uint16_t)n);
        shape_ints(&r, shape, v, n);
        ints_encode(v, n, &out);
        for (int round = 0; round < 400; round++, rounds++) {
            size_t at = 2 + random_below(&r, out.len - 2);
            uint8_t bit = (uint8_t)(1 << random_below(&r, 8));
            out.at[at] ^= bit;
            accepted += prop_ints(out.at, out.len);
            out.at[at] ^= bit;
        }
        writer_release(&out);
    }
    cr_assert_gt(accepted, rounds / 10, "%d of %d accepted", accepted, rounds);
    cr_assert_lt(accepted, rounds);
}
