#include "tsdb/store/symbols.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct tsdb_text numbered(char out[32], unsigned i)
{
    int len = snprintf(out, 32, "symbol-%u", i * 2654435761u);
    return (struct tsdb_text){out, (size_t)len};
}

Test(symbols, a_text_has_one_id_and_keeps_its_place)
{
    struct symbols s;
    symbols_init(&s, 7);
    char text[32];
    cr_assert_eq(symbols_find(&s, text_of("a")), SYMBOLS_NONE);
    const char *first = NULL;
    for (unsigned i = 0; i < 20000; i++) {
        cr_assert_eq(symbols_put(&s, numbered(text, i)), i);
        if (i == 0)
            first = symbols_text(&s, 0).at;
    }
    for (unsigned i = 0; i < 20000; i++) {
        cr_assert_eq(symbols_put(&s, numbered(text, i)), i);
        cr_assert_eq(symbols_find(&s, numbered(text, i)), i);
        cr_assert(text_equal(symbols_text(&s, i), numbered(text, i)));
    }
    cr_assert_eq(symbols_text(&s, 0).at, first, "texts do not move");
    cr_assert_eq(s.count, 20000);
    cr_assert_leq(symbols_bytes(&s), 20000 * (18 + 24 + 22));
    symbols_release(&s);
}

Test(symbols, empty_and_huge_texts_are_texts)
{
    struct symbols s;
    symbols_init(&s, 7);
    static char huge[200000];
    memset(huge, 'x', sizeof huge);
    struct tsdb_text large = {huge, sizeof huge};
    cr_assert_eq(symbols_put(&s, (struct tsdb_text){NULL, 0}), 0);
    cr_assert_eq(symbols_put(&s, large), 1);
    cr_assert_eq(symbols_put(&s, text_of("after")), 2);
    cr_assert(text_equal(symbols_text(&s, 1), large));
    cr_assert_eq(symbols_find(&s, text_of("")), 0);
    symbols_release(&s);
}
