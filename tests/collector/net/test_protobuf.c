#include "collector/net/protobuf.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>

TestSuite(protobuf, .timeout = 60);

static void check(struct writer *w, const char *want, size_t len)
{
    cr_assert_eq(w->len, len, "%zu bytes, want %zu", w->len, len);
    cr_assert_eq(memcmp(w->at, want, len), 0);
    writer_release(w);
    *w = (struct writer){0};
}

#define CHECK(w, want) check((w), (want), sizeof(want) - 1)

Test(protobuf, writes_fields_of_each_wire_type)
{
    struct writer w = {0};
    protobuf_u64(&w, 1, 300);
    CHECK(&w, "\x08\xac\x02");
    protobuf_fixed64(&w, 2, 1);
    CHECK(&w, "\x11\1\0\0\0\0\0\0\0");
    protobuf_fixed32(&w, 3, 2);
    CHECK(&w, "\x1d\2\0\0\0");
    protobuf_double_set(&w, 4, 1.0);
    CHECK(&w, "\x21\0\0\0\0\0\0\xf0\x3f");
    protobuf_text(&w, 16, text_of("ab"));
    CHECK(&w, "\x82\x01\x02"
              "ab");
}

Test(protobuf, leaves_out_what_is_nothing_unless_told)
{
    struct writer w = {0};
    protobuf_u64(&w, 1, 0);
    protobuf_fixed64(&w, 1, 0);
    protobuf_fixed32(&w, 1, 0);
    protobuf_bytes(&w, 1, "", 0);
    cr_assert_eq(w.len, 0);
    protobuf_u64_set(&w, 1, 0);
    protobuf_bytes_set(&w, 2, "", 0);
    CHECK(&w, "\x08\x00\x12\x00");
}

/* Goal: lengths are right and shortest, whatever a message holds. */
Test(protobuf, nested_lengths_are_the_shortest)
{
    static char filler[70000];
    static const size_t sizes[] = {0, 1, 120, 124, 125, 126, 127, 128, 129, 16380, 16384, 70000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct writer w = {0};
        size_t outer = protobuf_begin(&w, 1);
        size_t inner = protobuf_begin(&w, 2);
        writer_put(&w, filler, sizes[i]);
        protobuf_end(&w, inner);
        protobuf_u64(&w, 3, 7);
        protobuf_end(&w, outer);
        struct reader r = reader_over(writer_bytes(&w));
        cr_assert_eq(reader_uvarint(&r), 0x0a);
        struct reader in = reader_over(reader_sized(&r)); /* refuses overlong lengths */
        cr_assert(reader_done(&r));
        cr_assert_eq(reader_uvarint(&in), 0x12);
        cr_assert_eq(reader_sized(&in).len, sizes[i]);
        cr_assert_eq(reader_uvarint(&in), 0x18);
        cr_assert_eq(reader_uvarint(&in), 7);
        cr_assert(reader_done(&in));
        writer_release(&w);
    }
}
