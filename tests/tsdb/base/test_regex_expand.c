#include "tsdb/base/regex.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

struct expand_case {
    char pattern[32], text[24], template_text[32], want[48];
};

/* Expectations follow Go's documentation of Regexp.Expand. */
ParameterizedTestParameters(regex_expand, fills_in_references)
{
    static struct expand_case cases[] = {
        {"(.*):(.*)", "host:90", "$1", "host"},
        {"(.*):(.*)", "host:90", "${2}x$1", "90xhost"},
        {"(.*):(.*)", "host:90", "$1x", ""},
        {"(.*):(.*)", "host:90", "$0", "host:90"},
        {"(.*):(.*)", "host:90", "$$1", "$1"},
        {"(.*):(.*)", "host:90", "$3|$00|$01", "||"},
        {"(?P<a>.*):(?P<b>.*)", "host:90", "$b-${a}", "90-host"},
        {"(?P<a>.*):(?P<b>.*)", "host:90", "$a_b", ""},
        {"(?P<a>.*):(?P<b>.*)", "host:90", "${a}_b", "host_b"},
        {"(x)?y", "y", "[$1]", "[]"},
        {"y", "y", "$", "$"},
        {"y", "y", "a$ b", "a$ b"},
        {"y", "y", "${", "${"},
        {"y", "y", "${}", "${}"},
        {"y", "y", "${1", "${1"},
        {"y", "y", "${1 }", "${1 }"},
        {"(y)", "y", "$1234567890", ""},
        {"y", "y", "", ""},
    };
    return cr_make_param_array(struct expand_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct expand_case *c, regex_expand, fills_in_references)
{
    struct regex *re = NULL;
    cr_assert_eq(regex_new(text_of(c->pattern), &re, NULL), TSDB_OK);
    struct writer out = {0};
    cr_assert(regex_expand(re, text_of(c->text), text_of(c->template_text), &out));
    cr_assert(text_equal((struct tsdb_text){(const char *)out.at, out.len}, text_of(c->want)),
              "%s: got %.*s, want %s", c->template_text, (int)out.len, (const char *)out.at,
              c->want);
    writer_release(&out);
    regex_free(re);
}

Test(regex_expand, writes_nothing_without_a_match)
{
    struct regex *re = NULL;
    cr_assert_eq(regex_new(text_of("a(b)"), &re, NULL), TSDB_OK);
    struct writer out = {0};
    cr_assert_not(regex_expand(re, text_of("xab"), text_of("$1"), &out));
    cr_assert_eq(out.len, 0);
    writer_release(&out);
    regex_free(re);
}
