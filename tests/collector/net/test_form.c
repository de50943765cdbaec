#include "collector/net/form.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <string.h>

static struct arena arena;
static struct form form;
static struct tsdb_error err;

static enum tsdb_status parse(const char *body, const char *query)
{
    arena_init(&arena, 16 << 20, NULL);
    return form_parse(&arena, text_of(body), text_of(query), &form, &err);
}

static void assert_param(const char *name, const char *want)
{
    struct tsdb_text value = form_find(&form, name);
    cr_assert(text_equal(value, text_of(want)), "%s: \"%.*s\"", name, (int)value.len, value.at);
}

Test(form, pairs_are_decoded_and_body_goes_first)
{
    cr_assert_eq(parse("a=1+2&b=%7B%22x%22%7D", "a=3&c&=&&d=x=y&%61=4"), TSDB_OK, "%s", err.msg);
    assert_param("a", "1 2");
    assert_param("b", "{\"x\"}");
    assert_param("c", "");
    assert_param("d", "x=y");
    cr_assert_null(form_find(&form, "nope").at);
    struct tsdb_text all[2];
    cr_assert_eq(form_collect(&form, "a", all, 2), 3);
    cr_assert(text_equal(all[0], text_of("1 2")));
    cr_assert(text_equal(all[1], text_of("3")));
    arena_release(&arena);
}

Test(form, bad_escapes_are_refused)
{
    static const char *const cases[] = {"a=%", "a=%4", "a=%4g", "a=%zz", "%", "a=b&c=%f"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(parse("", cases[i]), TSDB_EINVAL, "%s", cases[i]);
        cr_assert_str_eq(err.msg, "invalid URL escape");
        arena_release(&arena);
    }
    cr_assert_eq(parse("", "a=%00"), TSDB_OK);
    cr_assert_eq(form_find(&form, "a").len, 1);
    arena_release(&arena);
}

Test(form, size_is_bounded)
{
    char *big = mem_alloc(FORM_BYTES_MAX + 2);
    memset(big, 'x', FORM_BYTES_MAX + 1);
    big[FORM_BYTES_MAX] = '\0';
    cr_assert_eq(parse(big, ""), TSDB_OK, "%s", err.msg);
    arena_release(&arena);
    big[FORM_BYTES_MAX] = 'x';
    big[FORM_BYTES_MAX + 1] = '\0';
    cr_assert_eq(parse(big, ""), TSDB_ELIMIT);
    arena_release(&arena);
    memset(big, '&', FORM_PAIRS_MAX);
    big[FORM_PAIRS_MAX - 1] = '\0';
    cr_assert_eq(parse(big, ""), TSDB_OK);
    arena_release(&arena);
    big[FORM_PAIRS_MAX - 1] = '&';
    big[FORM_PAIRS_MAX] = '\0';
    cr_assert_eq(parse(big, ""), TSDB_ELIMIT);
    arena_release(&arena);
    mem_free(big);
}

Test(form, full_arena_is_a_limit)
{
    arena_init(&arena, 64, NULL);
    cr_assert_eq(form_parse(&arena, text_of("a=1&b=2&c=3&d=4&e=5"), text_of(""), &form, &err),
                 TSDB_ELIMIT);
    arena_release(&arena);
}

Test(form, plus_is_a_plus_in_a_path)
{
    struct tsdb_text out;
    arena_init(&arena, 1024, NULL);
    cr_assert_eq(percent_decode(&arena, text_of("a+b%20c"), false, &out), TSDB_OK);
    cr_assert(text_equal(out, text_of("a+b c")));
    arena_release(&arena);
}
