#include "tsdb/columns/text_page_head.h"

#include "tsdb/base/crc32c.h"
#include "tsdb/base/writer.h"

#include <criterion/criterion.h>

/* A page's begin with the checksum it should have. */
static void head_make(struct writer *w, unsigned version, uint64_t lines, uint64_t bytes)
{
    writer_reset(w);
    writer_u8(w, (uint8_t)version);
    writer_uvarint(w, lines);
    writer_uvarint(w, bytes);
    writer_text(w, "rest");
    writer_le32(w, crc32c(0, w->at, w->len));
}

Test(text_page_head, what_it_says)
{
    struct writer w = {0};
    struct text_page_head head;
    struct tsdb_error err;
    head_make(&w, TEXT_PAGE_VERSION, 3, 1000);
    cr_assert_eq(text_page_open(writer_bytes(&w), 3, &head, &err), TSDB_OK);
    cr_assert_eq(head.bytes, 1000);
    cr_assert_eq(head.sections.rest.len, 4);
    cr_assert_eq(text_page_open(writer_bytes(&w), 2, &head, &err), TSDB_ECORRUPT);
    for (size_t i = 0; i < w.len; i++) {
        struct bytes cut = {w.at, i};
        cr_assert_eq(text_page_open(cut, 3, &head, &err), TSDB_ECORRUPT);
        w.at[i] ^= 1;
        cr_assert_eq(text_page_open(writer_bytes(&w), 3, &head, &err), TSDB_ECORRUPT);
        w.at[i] ^= 1;
    }
    head_make(&w, TEXT_PAGE_VERSION + 1, 3, 1000);
    cr_assert_eq(text_page_open(writer_bytes(&w), 3, &head, &err), TSDB_ECORRUPT);
    head_make(&w, TEXT_PAGE_VERSION, 3, 2); /* each line has its newline */
    cr_assert_eq(text_page_open(writer_bytes(&w), 3, &head, &err), TSDB_ECORRUPT);
    writer_release(&w);
}

Test(text_page_head, the_templates_used_ascend)
{
    static const struct {
        uint8_t bytes[4];
        size_t len;
        bool is_good;
    } cases[] = {
        {{0}, 1, true},           {{2, 0, 1}, 3, true}, {{2, 3, 1}, 3, true},
        {{3, 0, 1, 3}, 4, true},  {{1, 5}, 2, false},   {{2, 3, 2}, 3, false},
        {{2, 1, 0}, 3, false},    {{2, 1}, 2, false},   {{0}, 0, false},
        {{3, 1, 1, 0}, 4, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t templates[5], used = 0;
        struct reader r = reader_over((struct bytes){cases[i].bytes, cases[i].len});
        cr_assert_eq(text_page_used(&r, 5, templates, &used), cases[i].is_good, "%zu", i);
        if (!cases[i].is_good)
            continue;
        cr_assert_eq(used, cases[i].bytes[0]);
        cr_assert(reader_done(&r));
        for (uint32_t k = 1; k < used; k++)
            cr_assert_gt(templates[k], templates[k - 1]);
    }
}
