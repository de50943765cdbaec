#include "tsdb/query/quote.h"

#include "tsdb/base/random.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>

static const char *quoted(const char *at, size_t len)
{
    static struct writer out;
    writer_reset(&out);
    quote_put(&out, (struct tsdb_text){at, len});
    writer_u8(&out, 0);
    return (const char *)out.at;
}

Test(quote, prints_as_go_does)
{
    static const struct {
        const char *at, *text;
    } cases[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a\"b'c`d", "\"a\\\"b'c`d\""},
        {"\\", "\"\\\\\""},
        {"\a\b\f\n\r\t\v", "\"\\a\\b\\f\\n\\r\\t\\v\""},
        {"\x01\x1f\x7f", "\"\\x01\\x1f\\x7f\""},
        {"\xff\xc3", "\"\\xff\\xc3\""},
        {"\xc3\xa9\xe2\x98\x83\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x98\x83\xf0\x9f\x98\x80\""},
        {"\xc2\x85\xc2\xa0\xc2\xad", "\"\\u0085\\u00a0\\u00ad\""},
        {"\xe2\x80\x8b\xe3\x80\x80\xef\xbb\xbf", "\"\\u200b\\u3000\\ufeff\""},
        {"\xf3\xa0\x80\x81", "\"\\U000e0001\""},
        {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""},
        {"\xef\xbf\xbd", "\"\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_str_eq(quoted(cases[i].at, strlen(cases[i].at)), cases[i].text);
    cr_expect_str_eq(quoted("\0", 1), "\"\\x00\"");
}

Test(quote, cuts_texts_for_messages)
{
    cr_expect_str_eq(quoted_text(text_of("abc"), 2).at, "\"ab\"");
    cr_expect_str_eq(quoted_text(text_of("\xc3\xa9\xc3\xa9\xc3\xa9"), 2).at,
                     "\"\xc3\xa9\xc3\xa9\"");
    static char longer[1000];
    memset(longer, '\n', sizeof longer);
    struct quoted q = quoted_text((struct tsdb_text){longer, sizeof longer}, SIZE_MAX);
    cr_expect_lt(strlen(q.at), sizeof q.at);
    cr_expect_eq(q.at[strlen(q.at) - 1], '"');
}

Test(quote, names_code_points)
{
    cr_expect_str_eq(quoted_rune('x').at, "'x'");
    cr_expect_str_eq(quoted_rune('\'').at, "'\\''");
    cr_expect_str_eq(quoted_rune('"').at, "'\"'");
    cr_expect_str_eq(quoted_rune(0).at, "'\\x00'");
    cr_expect_str_eq(quoted_rune(0x20ac).at, "'\xe2\x82\xac'");
    cr_expect_str_eq(quoted_rune(0x1f600).at, "'\xf0\x9f\x98\x80'");
    cr_expect_str_eq(quoted_rune(RUNE_ERROR).at, "'\xef\xbf\xbd'");
}

Test(quote, reads_the_escapes)
{
    static const struct {
        const char *literal, *text;
    } cases[] = {
        {"\"\"", ""},
        {"\"a\\\\b\"", "a\\b"},
        {"'\\''", "'"},
        {"\"\\a\\b\\f\\n\\r\\t\\v\"", "\a\b\f\n\r\t\v"},
        {"\"\\101\\x41\\u0041\\U00000041\"", "AAAA"},
        {"\"\\xff\\377\"", "\xff\xff"},
        {"\"\\u00e9\\u20ac\\U0001F600\"", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\"\\1012\"", "A2"},
        {"`\\n`", "\\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[64];
        size_t n = quote_read(text_of(cases[i].literal), out);
        cr_expect(text_equal((struct tsdb_text){out, n}, text_of(cases[i].text)), "%s",
                  cases[i].literal);
    }
}

/* Law: reading what was printed gives the text, whatever bytes it has. */
Test(quote, reads_back_what_it_prints)
{
    struct random r;
    random_init(&r, 20240131);
    for (int i = 0; i < 20000; i++) {
        char text[40], back[400];
        size_t len = random_below(&r, sizeof text);
        for (size_t k = 0; k < len; k++)
            text[k] = (char)random_next(&r);
        const char *literal = quoted(text, len);
        size_t n = quote_read(text_of(literal), back);
        cr_assert(text_equal((struct tsdb_text){back, n}, (struct tsdb_text){text, len}), "%s",
                  literal);
    }
}

Test(quote, knows_plain_names)
{
    cr_expect(name_is_plain(text_of("a_B9")) && name_is_plain(text_of("_")));
    cr_expect(!name_is_plain(text_of("")) && !name_is_plain(text_of("9a")));
    cr_expect(!name_is_plain(text_of("a:b")) && !name_is_plain(text_of("a.b")));
    cr_expect(!name_is_plain(text_of("\xc3\xa9")));
    struct writer out = {0};
    name_put(&out, text_of("ab"));
    name_put(&out, text_of("a b"));
    cr_expect_eq(out.len, 7);
    writer_release(&out);
}

Test(quote, decodes_code_points)
{
    struct tsdb_text t = text_of("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff");
    static const uint32_t runes[] = {'a', 0xe9, 0x20ac, 0x1f600, RUNE_ERROR};
    static const uint32_t widths[] = {1, 2, 3, 4, 1};
    uint32_t width;
    size_t at = 0;
    for (size_t i = 0; i < 5; at += widths[i++]) {
        cr_expect_eq(rune_at(t, at, &width), runes[i]);
        cr_expect_eq(width, widths[i]);
    }
    cr_expect_eq(rune_at(text_of("\xe2\x82"), 0, &width), RUNE_ERROR, "cut short");
}
