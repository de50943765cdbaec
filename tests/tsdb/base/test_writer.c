#include "tsdb/base/writer.h"

#include <criterion/criterion.h>

Test(writer, grows_and_keeps_what_was_there)
{
    struct writer w = {0};
    for (uint32_t i = 0; i < 100000; i++)
        writer_le32(&w, i);
    cr_assert_eq(w.len, 400000u);
    for (uint32_t i = 0; i < 100000; i += 997)
        cr_assert_eq(memcmp(w.at + (size_t)i * 4, &i, 4), 0);
    size_t cap = w.cap;
    writer_reset(&w);
    cr_assert_eq(w.len, 0u);
    cr_assert_eq(w.cap, cap, "the capacity stays");
    writer_release(&w);
    cr_assert_null(w.at);
    writer_release(&w);
}

Test(writer, a_reservation_is_no_content_until_it_is_counted)
{
    struct writer w = {0};
    writer_text(&w, "ab");
    uint8_t *at = writer_reserve(&w, 1000);
    cr_assert_eq(w.len, 2u);
    cr_assert_eq(at, w.at + 2);
    cr_assert_geq(w.cap, 1002u);
    writer_put(&w, NULL, 0);
    cr_assert_eq(w.len, 2u);
    writer_release(&w);
}

Test(writer, format_writes_no_terminator)
{
    struct writer w = {0};
    writer_format(&w, "%s=%d", "a", 5);
    writer_format(&w, "%s", "");
    writer_format(&w, ",%0300d", 1);
    cr_assert_eq(w.len, 3u + 301);
    cr_assert_eq(memcmp(w.at, "a=5,000", 7), 0);
    writer_release(&w);
}

Test(writer, varints_are_of_the_shortest_form)
{
    static const struct {
        uint64_t v;
        size_t len;
    } cases[] = {{0, 1}, {127, 1}, {128, 2}, {16383, 2}, {16384, 3}, {UINT64_MAX, 10}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t out[10];
        cr_assert_eq(uvarint_encode(cases[i].v, out), cases[i].len);
    }
}
