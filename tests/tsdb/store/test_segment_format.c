#include "tsdb/store/segment_format.h"

#include "tsdb/base/crc32c.h"
#include "tsdb/base/hash.h"

#include <criterion/criterion.h>

Test(segment_format, header_refuses_every_flipped_bit)
{
    uint8_t h[SEGMENT_HEADER_BYTES];
    segment_header_encode(h);
    cr_assert_eq(segment_header_decode((struct bytes){h, sizeof h}), TSDB_OK);
    for (size_t bit = 0; bit < 8 * sizeof h; bit++) {
        h[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(segment_header_decode((struct bytes){h, sizeof h}), TSDB_ECORRUPT);
        h[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

Test(segment_format, newer_format_is_refused_by_name)
{
    static const size_t fields[] = {12, 16}; /* lowest reader, features */
    for (size_t i = 0; i < 2; i++) {
        uint8_t h[SEGMENT_HEADER_BYTES];
        segment_header_encode(h);
        h[fields[i]] += 2;
        uint32_t crc = crc32c(0, h, 60);
        memcpy(h + 60, &crc, 4);
        cr_assert_eq(segment_header_decode((struct bytes){h, sizeof h}), TSDB_EINVAL);
    }
}

Test(segment_format, trailer_comes_back)
{
    struct segment_trailer t = {.footer_off = 1,
                                .footer_len = 2,
                                .bytes = UINT64_MAX,
                                .content = {3, 4},
                                .section_count = SEGMENT_SECTIONS_MAX,
                                .footer_crc = 5};
    struct segment_trailer back = {0};
    uint8_t at[SEGMENT_TRAILER_BYTES];
    segment_trailer_encode(&t, at);
    cr_assert_eq(segment_trailer_decode((struct bytes){at, sizeof at}, &back), TSDB_OK);
    cr_assert(back.footer_off == 1 && back.footer_len == 2 && back.bytes == UINT64_MAX);
    cr_assert(hash_equal(back.content, t.content) && back.footer_crc == 5);
    cr_assert_eq(back.section_count, SEGMENT_SECTIONS_MAX);
    for (size_t bit = 0; bit < 8 * sizeof at; bit++) {
        at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(segment_trailer_decode((struct bytes){at, sizeof at}, &back), TSDB_ECORRUPT);
        at[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    t.section_count++;
    segment_trailer_encode(&t, at);
    cr_assert_eq(segment_trailer_decode((struct bytes){at, sizeof at}, &back), TSDB_ECORRUPT);
}

Test(segment_format, pages_round_up)
{
    cr_assert_eq(segment_pages(0), 0);
    cr_assert_eq(segment_pages(1), 1);
    cr_assert_eq(segment_pages(SEGMENT_PAGE_BYTES), 1);
    cr_assert_eq(segment_pages(SEGMENT_PAGE_BYTES + 1), 2);
}

Test(segment_format, content_depends_on_the_order_of_blocks)
{
    struct tsdb_hash zero = {0};
    struct tsdb_hash ab = segment_content_fold(segment_content_fold(zero, "a", 1), "b", 1);
    struct tsdb_hash ba = segment_content_fold(segment_content_fold(zero, "b", 1), "a", 1);
    cr_assert_not(hash_equal(ab, ba));
}
