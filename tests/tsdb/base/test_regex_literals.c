#include "tsdb/base/mem.h"
#include "tsdb/base/regex.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

/* words: joined by commas; "-" when the pattern is more than a list. */
struct literal_case {
    char pattern[40], words[64];
};

ParameterizedTestParameters(regex_literals, lists_the_words_of_a_pattern)
{
    static struct literal_case cases[] = {
        {"", ""},
        {"a", "a"},
        {"a|b|c", "a,b,c"},
        {"b|a|b", "a,b"},
        {"foo(a|b)", "fooa,foob"},
        {"(a|b)(c|d)", "ac,ad,bc,bd"},
        {"(?:x|y)?z", "xz,yz,z"},
        {"ab?", "a,ab"},
        {"a|", ",a"},
        {"()", ""},
        {"a\\.b", "a.b"},
        {"a\\|b", "a|b"},
        {"5[0-3]x", "50x,51x,52x,53x"},
        {"[ac]", "a,c"},
        {"^a|b$", "a,b"},
        {"^(a|b)$", "a,b"},
        {"\xc3\xa9?", ",\xc3\xa9"},
        {"x\xc3\xa9?", "x,x\xc3\xa9"},
        {"a.b", "-"},
        {"a*", "-"},
        {"ab+", "-"},
        {"a{2}", "-"},
        {"(a|b)*", "-"},
        {"[^a]", "-"},
        {"[a-", "-"},
        {"[\\d]", "-"},
        {"[[:alpha:]]", "-"},
        {"[]a]", "-"},
        {"\\d", "-"},
        {"(?i)a", "-"},
        {"(?i:a)", "-"},
        {"(?P<x>a)", "-"},
        {"(^a)", "-"},
        {"a$b", "-"},
        {"a^", "-"},
        {"a??", "-"},
        {"(a", "-"},
        {"a)", "-"},
        {"((((((((((a))))))))))", "-"},
        {"[a-z][a-z][a-z]", "-"},
    };
    return cr_make_param_array(struct literal_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct literal_case *c, regex_literals, lists_the_words_of_a_pattern)
{
    uint32_t count = 77;
    struct tsdb_text *words = regex_literals_parse(text_of(c->pattern), &count);
    char got[64] = "-";
    size_t len = words ? 0 : 1;
    for (uint32_t i = 0; i < count && words; i++) {
        if (i > 0)
            got[len++] = ',';
        memcpy(got + len, words[i].at, words[i].len);
        len += words[i].len;
    }
    got[len] = '\0';
    cr_assert_str_eq(got, c->words, "%s: got %s, want %s", c->pattern, got, c->words);
    mem_free(words);
}

Test(regex_literals, a_long_list_stays_a_list_and_a_longer_one_does_not)
{
    char pattern[8 * (REGEX_LITERALS_MAX + 1)];
    size_t len = 0;
    for (uint32_t i = 0; i <= REGEX_LITERALS_MAX; i++) {
        if (i == REGEX_LITERALS_MAX) {
            uint32_t count;
            struct tsdb_text *words =
                regex_literals_parse((struct tsdb_text){pattern, len}, &count);
            cr_assert_eq(count, REGEX_LITERALS_MAX);
            mem_free(words);
        }
        if (i > 0)
            pattern[len++] = '|';
        for (uint32_t rest = i + 1000; rest > 0; rest /= 10)
            pattern[len++] = (char)('0' + rest % 10);
    }
    uint32_t count;
    cr_assert_null(regex_literals_parse((struct tsdb_text){pattern, len}, &count));
}

Test(regex_literals, the_bytes_of_all_words_are_bounded)
{
    /* 1024 words of 3,000 bytes each, from a pattern of 3,100. */
    char pattern[3100];
    memset(pattern, 'a', 3000);
    memcpy(pattern + 3000, "(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)", 50);
    uint32_t count;
    cr_assert_null(regex_literals_parse((struct tsdb_text){pattern, 3050}, &count));
}
