#include "collector/config/load.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>

static const char *const env[] = {"A=1", "AB=2", "EMPTY=", "NESTED=${A}", NULL};

static bool expands_to(const char *in, const char *want)
{
    struct config c = {0};
    struct tsdb_error err;
    struct loader l = {&c, env, &err};
    struct writer w = {0};
    bool is_equal = loader_expand(&l, text_of(in), "here", &w) == TSDB_OK && want &&
                    text_equal((struct tsdb_text){(char *)w.at, w.len}, text_of(want));
    writer_release(&w);
    return is_equal;
}

Test(expand, names_are_whole_and_values_are_not_expanded_again)
{
    cr_assert(expands_to("${A}${AB}", "12"));
    cr_assert(expands_to("${NESTED}", "${A}"));
    cr_assert(expands_to("${X:-${A}", "${A"));
    cr_assert(expands_to("${X:-}", ""));
    cr_assert(expands_to("${X:-a:-b}", "a:-b"));
    cr_assert(expands_to("$A $", "$A $"));
    cr_assert(expands_to("$$$${A}", "$${A}"));
    cr_assert(expands_to("", ""));
}

Test(expand, rejects)
{
    static const char *const bad[] = {"${X}",   "${",    "${A",     "${}",   "${:-x}",
                                      "${a-b}", "${ A}", "${env:}", "${A:x}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct config c = {0};
        struct tsdb_error err = {0};
        struct loader l = {&c, env, &err};
        struct writer w = {0};
        cr_assert_eq(loader_expand(&l, text_of(bad[i]), "here", &w), TSDB_EINVAL, "%s", bad[i]);
        writer_release(&w);
    }
}
