#include "collector/ingest/parameter.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>

Test(parameter, finds_the_first_and_decodes)
{
    static const struct {
        const char *query, *name, *value;
        enum tsdb_status st;
    } rows[] = {
        {"", "a", "", TSDB_OK},
        {"a=1", "a", "1", TSDB_OK},
        {"b=2&a=1&a=3", "a", "1", TSDB_OK},
        {"aa=2", "a", "", TSDB_OK},
        {"a", "a", "", TSDB_OK},
        {"a=x+y%2B%c3%A4", "a", "x y+\xc3\xa4", TSDB_OK},
        {"a=%", "a", "", TSDB_EINVAL},
        {"a=%2", "a", "", TSDB_EINVAL},
        {"a=%2g", "a", "", TSDB_EINVAL},
        {"b=%zz&a=1", "a", "1", TSDB_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena arena;
        struct tsdb_text out = {"", 0};
        arena_init(&arena, 4096, NULL);
        cr_expect_eq(parameter_find(text_of(rows[i].query), rows[i].name, &arena, &out), rows[i].st,
                     "%s", rows[i].query);
        cr_expect(text_equal(out, text_of(rows[i].value)), "%s: %.*s", rows[i].query, (int)out.len,
                  out.at);
        arena_release(&arena);
    }
}

Test(parameter, a_full_arena_is_told)
{
    struct arena arena;
    struct tsdb_text out;
    arena_init(&arena, 2, NULL);
    cr_expect_eq(parameter_find(text_of("a=12345"), "a", &arena, &out), TSDB_ELIMIT);
    arena_release(&arena);
}

Test(parameter, splits_at_commas)
{
    struct tsdb_text out[PARAMETER_NAMES_MAX];
    cr_expect_eq(parameter_split(text_of(""), out), 0);
    cr_expect_eq(parameter_split(text_of(",a,,bc,"), out), 2);
    cr_expect(text_equal(out[0], text_of("a")) && text_equal(out[1], text_of("bc")));
    char many[4 * PARAMETER_NAMES_MAX];
    size_t n = 0;
    for (size_t i = 0; i <= PARAMETER_NAMES_MAX; i++) {
        many[n++] = 'x';
        many[n++] = ',';
    }
    cr_expect_eq(parameter_split((struct tsdb_text){many, n}, out), PARAMETER_NAMES_MAX);
}
