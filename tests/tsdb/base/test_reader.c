#include "tsdb/base/reader.h"

#include "tsdb/base/random.h"
#include "tsdb/base/writer.h"

#include <criterion/criterion.h>

static struct reader over(const void *at, size_t len)
{
    return reader_over((struct bytes){at, len});
}

Test(reader, a_fault_sticks_and_everything_after_it_is_nothing)
{
    struct reader r = over("abc", 3);
    cr_assert_eq(reader_le32(&r), 0u);
    cr_assert(r.fault);
    cr_assert_eq(reader_u8(&r), 0);
    cr_assert_eq(reader_le16(&r), 0);
    cr_assert_eq(reader_le64(&r), 0u);
    cr_assert_eq(reader_uvarint(&r), 0u);
    cr_assert_eq(reader_svarint(&r), 0);
    cr_assert_eq(reader_take(&r, 0).len, 0u);
    cr_assert_eq(reader_sized(&r).len, 0u);
    cr_assert_eq(reader_count(&r, 1), 0u);
    cr_assert_not(reader_done(&r));
}

Test(reader, done_means_all_of_it)
{
    struct reader r = over("ab", 2);
    cr_assert_not(reader_done(&r));
    cr_assert_eq(reader_le16(&r), 'a' | 'b' << 8);
    cr_assert(reader_done(&r));
    cr_assert_eq(reader_take(&r, 0).len, 0u);
    cr_assert(reader_done(&r));
    r = over(NULL, 0);
    cr_assert(reader_done(&r));
}

Test(reader, varints_are_of_the_shortest_form_and_of_64_bits)
{
    static const struct {
        uint8_t len, raw[12];
        bool is_good;
        uint64_t value;
    } cases[] = {
        {1, {0}, true, 0},
        {1, {0x7f}, true, 127},
        {2, {0x80, 1}, true, 128},
        {10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, true, UINT64_MAX},
        {10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2}, false, 0},
        {11, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0}, false, 0},
        {2, {0x80, 0}, false, 0},
        {1, {0x80}, false, 0},
        {0, {0}, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reader r = over(cases[i].raw, cases[i].len);
        uint64_t value = reader_uvarint(&r);
        cr_assert_eq(reader_done(&r), cases[i].is_good, "case %zu", i);
        cr_assert_eq(value, cases[i].value, "case %zu", i);
    }
}

Test(reader, counts_and_sizes_are_held_against_what_is_left)
{
    uint8_t raw[] = {3, 1, 2, 3, 4, 5, 6};
    struct reader r = over(raw, sizeof raw);
    cr_assert_eq(reader_count(&r, 2), 3u);
    cr_assert_not(r.fault);
    r = over(raw, sizeof raw - 1);
    cr_assert_eq(reader_count(&r, 2), 0u);
    cr_assert(r.fault, "5 bytes cannot hold 3 items of 2");
    r = over(raw, 4);
    cr_assert_eq(reader_sized(&r).len, 3u);
    r = over(raw, 3);
    cr_assert_eq(reader_sized(&r).len, 0u);
    cr_assert(r.fault);
    uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0};
    r = over(huge, sizeof huge);
    cr_assert_eq(reader_sized(&r).len, 0u);
    cr_assert(r.fault);
}

Test(reader, what_a_writer_wrote_comes_back)
{
    struct random random;
    random_init(&random, 4);
    for (int round = 0; round < 2000; round++) {
        struct writer w = {0};
        uint64_t v = random_next(&random) >> random_below(&random, 64);
        double d = random_unit(&random);
        writer_u8(&w, (uint8_t)v);
        writer_le16(&w, (uint16_t)v);
        writer_le32(&w, (uint32_t)v);
        writer_le64(&w, v);
        writer_f64(&w, d);
        writer_uvarint(&w, v);
        writer_svarint(&w, (int64_t)v);
        writer_svarint(&w, -(int64_t)(v / 2));
        writer_sized(&w, &v, (size_t)round % 9);
        struct reader r = reader_over(writer_bytes(&w));
        cr_assert_eq(reader_u8(&r), (uint8_t)v);
        cr_assert_eq(reader_le16(&r), (uint16_t)v);
        cr_assert_eq(reader_le32(&r), (uint32_t)v);
        cr_assert_eq(reader_le64(&r), v);
        cr_assert_eq(reader_f64(&r), d);
        cr_assert_eq(reader_uvarint(&r), v);
        cr_assert_eq(reader_svarint(&r), (int64_t)v);
        cr_assert_eq(reader_svarint(&r), -(int64_t)(v / 2));
        struct bytes b = reader_sized(&r);
        cr_assert_eq(b.len, (size_t)(round % 9));
        cr_assert(reader_done(&r));
        writer_release(&w);
    }
}

Test(reader, zigzag_is_its_own_inverse_at_the_edges)
{
    static const int64_t edges[] = {0, -1, 1, INT64_MIN, INT64_MAX};
    static const uint64_t codes[] = {0, 1, 2, UINT64_MAX, UINT64_MAX - 1};
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(zigzag(edges[i]), codes[i]);
        cr_assert_eq(unzigzag(codes[i]), edges[i]);
    }
}
