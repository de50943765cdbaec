#include "tsdb/base/text.h"
#include "tsdb/logs/selector_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static bool is_text(struct tsdb_text t, const char *want)
{
    return text_equal(t, text_of(want));
}

Test(selector_text, reads_matchers)
{
    struct selector s;
    cr_assert_eq(selector_parse(text_of("{a=\"b\", c!=\"d\" ,e=~`x|y\\d`,f!~\"z\",}"), &s, NULL),
                 TSDB_OK);
    cr_assert_eq(s.count, 4u);
    cr_assert(is_text(s.matchers[0].name, "a") && is_text(s.matchers[0].value, "b"));
    cr_assert_eq(s.matchers[1].kind, MATCH_NE);
    cr_assert_eq(s.matchers[2].kind, MATCH_RE);
    cr_assert(is_text(s.matchers[2].value, "x|y\\d"));
    cr_assert(matcher_test(&s.matchers[2], text_of("y7")));
    cr_assert_eq(s.matchers[3].kind, MATCH_NRE);
    selector_release(&s);
    cr_assert_eq(selector_parse(text_of(" { } "), &s, NULL), TSDB_OK);
    cr_assert_eq(s.count, 0u);
    selector_release(&s);
}

Test(selector_text, reads_go_strings)
{
    struct selector s;
    cr_assert_eq(
        selector_parse(
            text_of("{a=\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\\'\\101\\x41\\u00e9\\U0001F600\"}"), &s,
            NULL),
        TSDB_OK);
    cr_assert(is_text(s.matchers[0].value, "\a\b\f\n\r\t\v\\\"'AA\xc3\xa9\xf0\x9f\x98\x80"));
    selector_release(&s);
}

Test(selector_text, refuses_everything_else)
{
    static const char *const bad[] = {
        "",
        "{",
        "a=\"b\"",
        "{a}",
        "{a=}",
        "{a=b}",
        "{a=\"b}",
        "{a=\"b\"",
        "{a=\"b\"}x",
        "{=\"b\"}",
        "{1a=\"b\"}",
        "{a==\"b\"}",
        "{a!\"b\"}",
        "{a=~\"(\"}",
        "{a=\"\\q\"}",
        "{a=\"\\400\"}",
        "{a=\"\\x4\"}",
        "{a=\"\\ud800\"}",
        "{a=\"\\U00110000\"}",
        "{,}",
        "{a=\"b\",,}",
        "{a=\"b\" c=\"d\"}",
        "{a=\"x\ny\"}",
        "{a=`b}",
        "{a-b=\"c\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct selector s;
        struct tsdb_error err = {0};
        cr_assert_neq(selector_parse(text_of(bad[i]), &s, &err), TSDB_OK, "%s", bad[i]);
        cr_assert_neq(err.msg[0], '\0', "%s", bad[i]);
    }
}
